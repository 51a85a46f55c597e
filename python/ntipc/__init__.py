"""NT's inter-process communication for Python on Linux: events, mutexes, queues, shared memory and more by name.

Unrelated processes meet by the names of objects; there is no daemon and nothing to set up. Objects go with the last
process that uses them, also after SIGKILL, and a mutex whose owner died is handed on with the news.

    >>> import ntipc
    >>> with ntipc.Mutex("ledger"):
    ...     board = ntipc.Section("board", 4096)
    ...     board.map()[:4] = b"2023"
    >>> ntipc.Event("ready").set()
    False
"""

from typing import TYPE_CHECKING, Any

from ntipc.errors import (
    AbandonedMutexWarning,
    AccessDenied,
    BufferTooSmall,
    ConnectionRefused,
    EndOfStream,
    FileInvalid,
    HandleClosed,
    InvalidName,
    InvalidParameter,
    InvalidParameterMix,
    InvalidPipeState,
    InvalidThread,
    InvalidViewSize,
    InvalidWindow,
    LimitExceeded,
    MailslotFull,
    MappedAlignment,
    MessageSyncOnly,
    NestedTooDeep,
    NotOwner,
    NotSupported,
    NtError,
    ObjectExists,
    ObjectNotFound,
    ObjectTypeMismatch,
    OutOfResources,
    PathNotFound,
    PeerGone,
    PipeBusy,
    PipeEmpty,
    ProcessNotFound,
    ReplyLost,
    ReplyMismatch,
    SessionClosed,
    SessionDamaged,
    SessionMismatch,
    Status,
    StillInUse,
    Timeout,
)
from ntipc.objects import Access, NtObject
from ntipc.objects.registry import register_late
from ntipc.sections import Section, View
from ntipc.session import Session, examine, inspect
from ntipc.sync import (
    AllSignaled,
    Event,
    EventPair,
    Mutex,
    Semaphore,
    Signaled,
    Timer,
    signal_and_wait,
    wait_all,
    wait_any,
)

if TYPE_CHECKING:
    from ntipc import debuglog, rpc
    from ntipc.debuglog import output_debug_string
    from ntipc.global_memory import GlobalMemory
    from ntipc.mailboxes import Address, Mailbox, mailbox, on
    from ntipc.mailslots import Mailslot, MailslotClient
    from ntipc.other_memory import remote, remote_cancelled
    from ntipc.pipes import Pipe, PipeClient, PipeServer, call_pipe, create_pipe, wait_for_pipe
    from ntipc.ports import Connection, ConnectionRequest, Port, PortCall, PortClient, PortMessage, Reply
    from ntipc.processes import Process, Thread, duplicate_handle
    from ntipc.processes.permissions import allow_remote
    from ntipc.processes.proc import ProcessTimes
    from ntipc.queues import Queue, QueueMessage, QueueReader, QueueWriter
    from ntipc.session.peers import Peer
    from ntipc.shared_data import Shared, SharedArray, SharedData, SharedStruct
    from ntipc.single_instances import SingleInstance, Start, single_instance
    from ntipc.watching import Watched, Watcher, WatchEvent, watch
    from ntipc.window_messages import (
        CopyData,
        Message,
        MessageQueue,
        Window,
        dispatch_message,
        enum_windows,
        find_window,
        get_message,
        global_add_atom,
        global_atom_name,
        global_delete_atom,
        global_find_atom,
        in_send_message,
        is_hung,
        is_window,
        kill_timer,
        messages,
        peek_message,
        post_message,
        post_quit_message,
        post_thread_message,
        queue_status,
        quit_code,
        register_class,
        register_window_message,
        reply_message,
        send_data,
        send_data_async,
        send_message,
        send_message_async,
        send_message_callback,
        send_notify_message,
        set_timer,
        unregister_class,
        wait_messages,
        window_text,
        window_thread,
    )
    from ntipc.window_messages.constants import (
        HWND_BROADCAST,
        WM_APP,
        WM_CLOSE,
        WM_COPYDATA,
        WM_DESTROY,
        WM_QUIT,
        WM_TIMER,
        WM_USER,
    )

__all__ = [
    "HWND_BROADCAST",
    "WM_APP",
    "WM_CLOSE",
    "WM_COPYDATA",
    "WM_DESTROY",
    "WM_QUIT",
    "WM_TIMER",
    "WM_USER",
    "AbandonedMutexWarning",
    "Access",
    "AccessDenied",
    "Address",
    "AllSignaled",
    "BufferTooSmall",
    "Connection",
    "ConnectionRefused",
    "ConnectionRequest",
    "CopyData",
    "EndOfStream",
    "Event",
    "EventPair",
    "FileInvalid",
    "GlobalMemory",
    "HandleClosed",
    "InvalidName",
    "InvalidParameter",
    "InvalidParameterMix",
    "InvalidPipeState",
    "InvalidThread",
    "InvalidViewSize",
    "InvalidWindow",
    "LimitExceeded",
    "Mailbox",
    "Mailslot",
    "MailslotClient",
    "MailslotFull",
    "MappedAlignment",
    "Message",
    "MessageQueue",
    "MessageSyncOnly",
    "Mutex",
    "NestedTooDeep",
    "NotOwner",
    "NotSupported",
    "NtError",
    "NtObject",
    "ObjectExists",
    "ObjectNotFound",
    "ObjectTypeMismatch",
    "OutOfResources",
    "PathNotFound",
    "Peer",
    "PeerGone",
    "Pipe",
    "PipeBusy",
    "PipeClient",
    "PipeEmpty",
    "PipeServer",
    "Port",
    "PortCall",
    "PortClient",
    "PortMessage",
    "Process",
    "ProcessNotFound",
    "ProcessTimes",
    "Queue",
    "QueueMessage",
    "QueueReader",
    "QueueWriter",
    "Reply",
    "ReplyLost",
    "ReplyMismatch",
    "Section",
    "Semaphore",
    "Session",
    "SessionClosed",
    "SessionDamaged",
    "SessionMismatch",
    "Shared",
    "SharedArray",
    "SharedData",
    "SharedStruct",
    "Signaled",
    "SingleInstance",
    "Start",
    "Status",
    "StillInUse",
    "Thread",
    "Timeout",
    "Timer",
    "View",
    "WatchEvent",
    "Watched",
    "Watcher",
    "Window",
    "allow_remote",
    "call_pipe",
    "create_pipe",
    "debuglog",
    "dispatch_message",
    "duplicate_handle",
    "enum_windows",
    "examine",
    "find_window",
    "get_message",
    "global_add_atom",
    "global_atom_name",
    "global_delete_atom",
    "global_find_atom",
    "in_send_message",
    "inspect",
    "is_hung",
    "is_window",
    "kill_timer",
    "mailbox",
    "messages",
    "on",
    "output_debug_string",
    "peek_message",
    "post_message",
    "post_quit_message",
    "post_thread_message",
    "queue_status",
    "quit_code",
    "register_class",
    "register_window_message",
    "remote",
    "remote_cancelled",
    "reply_message",
    "rpc",
    "send_data",
    "send_data_async",
    "send_message",
    "send_message_async",
    "send_message_callback",
    "send_notify_message",
    "set_timer",
    "signal_and_wait",
    "single_instance",
    "unregister_class",
    "wait_all",
    "wait_any",
    "wait_for_pipe",
    "wait_messages",
    "watch",
    "window_text",
    "window_thread",
]


_PART_OF = {
    "Address": "mailboxes",
    "Connection": "ports",
    "ConnectionRequest": "ports",
    "CopyData": "window_messages",
    "HWND_BROADCAST": "window_messages.constants",
    "GlobalMemory": "global_memory",
    "Mailbox": "mailboxes",
    "Mailslot": "mailslots",
    "MailslotClient": "mailslots",
    "Message": "window_messages",
    "MessageQueue": "window_messages",
    "Peer": "session.peers",
    "Pipe": "pipes",
    "PipeClient": "pipes",
    "PipeServer": "pipes",
    "Port": "ports",
    "PortCall": "ports",
    "PortClient": "ports",
    "PortMessage": "ports",
    "Process": "processes",
    "ProcessTimes": "processes.proc",
    "Queue": "queues",
    "QueueMessage": "queues",
    "QueueReader": "queues",
    "QueueWriter": "queues",
    "Reply": "ports",
    "SingleInstance": "single_instances",
    "Start": "single_instances",
    "WM_APP": "window_messages.constants",
    "WM_CLOSE": "window_messages.constants",
    "WM_COPYDATA": "window_messages.constants",
    "WM_DESTROY": "window_messages.constants",
    "WM_QUIT": "window_messages.constants",
    "WM_TIMER": "window_messages.constants",
    "WM_USER": "window_messages.constants",
    "Shared": "shared_data",
    "SharedArray": "shared_data",
    "SharedData": "shared_data",
    "SharedStruct": "shared_data",
    "Thread": "processes",
    "WatchEvent": "watching",
    "Watched": "watching",
    "Watcher": "watching",
    "Window": "window_messages",
    "allow_remote": "processes.permissions",
    "remote": "other_memory",
    "remote_cancelled": "other_memory",
    "call_pipe": "pipes",
    "create_pipe": "pipes",
    "dispatch_message": "window_messages",
    "enum_windows": "window_messages",
    "find_window": "window_messages",
    "get_message": "window_messages",
    "global_add_atom": "window_messages",
    "global_atom_name": "window_messages",
    "global_delete_atom": "window_messages",
    "global_find_atom": "window_messages",
    "in_send_message": "window_messages",
    "is_hung": "window_messages",
    "is_window": "window_messages",
    "kill_timer": "window_messages",
    "mailbox": "mailboxes",
    "messages": "window_messages",
    "on": "mailboxes",
    "output_debug_string": "debuglog",
    "peek_message": "window_messages",
    "post_message": "window_messages",
    "post_quit_message": "window_messages",
    "post_thread_message": "window_messages",
    "queue_status": "window_messages",
    "quit_code": "window_messages",
    "register_class": "window_messages",
    "register_window_message": "window_messages",
    "reply_message": "window_messages",
    "send_data": "window_messages",
    "send_data_async": "window_messages",
    "send_message": "window_messages",
    "send_message_async": "window_messages",
    "send_message_callback": "window_messages",
    "send_notify_message": "window_messages",
    "set_timer": "window_messages",
    "single_instance": "single_instances",
    "unregister_class": "window_messages",
    "duplicate_handle": "processes",
    "wait_for_pipe": "pipes",
    "wait_messages": "window_messages",
    "watch": "watching",
    "window_text": "window_messages",
    "window_thread": "window_messages",
}
"""Names that are imported when they are first asked for, so that who only wants a mutex does not wait for the rest."""
_MODULES = ("debuglog", "rpc")
"""So are these modules."""


def _load_mailslots() -> None:
    import ntipc.mailslots  # noqa: F401 - registers its classes


def _load_processes() -> None:
    import ntipc.processes  # noqa: F401 - registers its classes


def _load_global_memory() -> None:
    import ntipc.global_memory  # noqa: F401 - registers its class


register_late("mailslot", _load_mailslots)
register_late("Process", _load_processes)
register_late("Thread", _load_processes)
register_late("global_memory", _load_global_memory)


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "__version__":
        return import_module("importlib.metadata").version("ntipc")
    if name in _MODULES:
        return import_module(f"ntipc.{name}")
    if name not in _PART_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"ntipc.{_PART_OF[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_PART_OF, *_MODULES})
