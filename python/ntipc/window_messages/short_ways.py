"""The calls that a program makes for each message, with a short way before them.

``post_message``, ``get_message`` and ``peek_message`` as programs have them are functions of the native module. In the
default session they do by themselves what nearly all calls need; all others they hand on to the functions of the same
names in ``posting`` and ``retrieval``, from which they have their signatures and descriptions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ntipc import _kernel
from ntipc.window_messages import posting, retrieval
from ntipc.window_messages.desktop import default_messages

if TYPE_CHECKING:
    from ntipc.window_messages.posting import post_message
    from ntipc.window_messages.retrieval import get_message, peek_message
else:
    post_message, get_message, peek_message = _kernel.put_before(
        default_messages, [posting.post_message, retrieval.get_message, retrieval.peek_message]
    )

__all__ = ["get_message", "peek_message", "post_message"]
