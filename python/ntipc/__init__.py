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
    InvalidViewSize,
    LimitExceeded,
    MailslotFull,
    MappedAlignment,
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
    from ntipc import rpc
    from ntipc.mailslots import Mailslot, MailslotClient
    from ntipc.pipes import Pipe, PipeClient, PipeServer, call_pipe, create_pipe, wait_for_pipe
    from ntipc.ports import Connection, ConnectionRequest, Port, PortCall, PortClient, PortMessage, Reply
    from ntipc.queues import Queue, QueueMessage, QueueReader, QueueWriter
    from ntipc.session.peers import Peer
    from ntipc.watching import Watched, Watcher, WatchEvent, watch

__all__ = [
    "AbandonedMutexWarning",
    "Access",
    "AccessDenied",
    "AllSignaled",
    "BufferTooSmall",
    "Connection",
    "ConnectionRefused",
    "ConnectionRequest",
    "EndOfStream",
    "Event",
    "EventPair",
    "FileInvalid",
    "HandleClosed",
    "InvalidName",
    "InvalidParameter",
    "InvalidParameterMix",
    "InvalidPipeState",
    "InvalidViewSize",
    "LimitExceeded",
    "Mailslot",
    "MailslotClient",
    "MailslotFull",
    "MappedAlignment",
    "Mutex",
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
    "Signaled",
    "Status",
    "StillInUse",
    "Timeout",
    "Timer",
    "View",
    "WatchEvent",
    "Watched",
    "Watcher",
    "call_pipe",
    "create_pipe",
    "examine",
    "inspect",
    "rpc",
    "signal_and_wait",
    "wait_all",
    "wait_any",
    "wait_for_pipe",
    "watch",
]


_PART_OF = {
    "Connection": "ports",
    "ConnectionRequest": "ports",
    "Mailslot": "mailslots",
    "MailslotClient": "mailslots",
    "Peer": "session.peers",
    "Pipe": "pipes",
    "PipeClient": "pipes",
    "PipeServer": "pipes",
    "Port": "ports",
    "PortCall": "ports",
    "PortClient": "ports",
    "PortMessage": "ports",
    "Queue": "queues",
    "QueueMessage": "queues",
    "QueueReader": "queues",
    "QueueWriter": "queues",
    "Reply": "ports",
    "WatchEvent": "watching",
    "Watched": "watching",
    "Watcher": "watching",
    "call_pipe": "pipes",
    "create_pipe": "pipes",
    "wait_for_pipe": "pipes",
    "watch": "watching",
}
"""Names that are imported when they are first asked for, so that who only wants a mutex does not wait for the rest."""


def _load_mailslots() -> None:
    import ntipc.mailslots  # noqa: F401 - registers its classes


register_late("mailslot", _load_mailslots)


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "__version__":
        return import_module("importlib.metadata").version("ntipc")
    if name == "rpc":
        return import_module("ntipc.rpc")
    if name not in _PART_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"ntipc.{_PART_OF[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_PART_OF, "rpc"})
