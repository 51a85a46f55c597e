"""Window messages: a queue a thread, windows that messages are posted and sent to, without a screen."""

from ntipc.window_messages.async_sending import send_data_async, send_message_async
from ntipc.window_messages.atoms import (
    global_add_atom,
    global_atom_name,
    global_delete_atom,
    global_find_atom,
    register_window_message,
)
from ntipc.window_messages.classes import register_class, unregister_class
from ntipc.window_messages.copy_data import CopyData
from ntipc.window_messages.loops import messages
from ntipc.window_messages.message import Message
from ntipc.window_messages.posting import post_quit_message, post_thread_message
from ntipc.window_messages.retrieval import dispatch_message, quit_code
from ntipc.window_messages.sending import (
    in_send_message,
    is_hung,
    reply_message,
    send_data,
    send_message,
    send_message_callback,
    send_notify_message,
)
from ntipc.window_messages.short_ways import get_message, peek_message, post_message
from ntipc.window_messages.status import queue_status
from ntipc.window_messages.timers import kill_timer, set_timer
from ntipc.window_messages.waiting import MessageQueue, wait_messages
from ntipc.window_messages.windows import Window, enum_windows, find_window, is_window, window_text, window_thread

__all__ = [
    "CopyData",
    "Message",
    "MessageQueue",
    "Window",
    "dispatch_message",
    "enum_windows",
    "find_window",
    "get_message",
    "global_add_atom",
    "global_atom_name",
    "global_delete_atom",
    "global_find_atom",
    "in_send_message",
    "is_hung",
    "is_window",
    "kill_timer",
    "messages",
    "peek_message",
    "post_message",
    "post_quit_message",
    "post_thread_message",
    "queue_status",
    "quit_code",
    "register_class",
    "register_window_message",
    "reply_message",
    "send_data",
    "send_data_async",
    "send_message",
    "send_message_async",
    "send_message_callback",
    "send_notify_message",
    "set_timer",
    "unregister_class",
    "wait_messages",
    "window_text",
    "window_thread",
]
