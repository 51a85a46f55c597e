"""The sending side: an address, to tell and to ask."""

from __future__ import annotations

import time
from typing import Any, TypeVar, overload

from ntipc._runtime.deadlines import Deadline
from ntipc.errors import Status, from_status
from ntipc.mailboxes.wire import CLASS, pack, unpack
from ntipc.session.session import Session, within
from ntipc.window_messages.async_sending import ask_window_async
from ntipc.window_messages.values import ask_window, tell_window
from ntipc.window_messages.windows import find_window, is_window

T = TypeVar("T")
_PAUSE = 0.005


class Address:
    """What messages for a :class:`~ntipc.Mailbox` are sent to, in whatever process that runs. Made by :func:`mailbox`.

    It can be pickled. Addresses are equal if they lead to one mailbox.

    Attributes:
        name: The mailbox's name; ``None`` if it has none.
        hwnd: The number of its window.
    """

    __slots__ = ("_session", "hwnd", "name")

    def __init__(self, hwnd: int, name: str | None, session: Session) -> None:
        self.hwnd = hwnd
        self.name = name
        self._session = session

    @property
    def is_alive(self) -> bool:
        """Whether the mailbox runs."""
        return is_window(self.hwnd, session=self._session)

    def tell(self, message: object) -> None:
        """Send a message, and do not wait for what becomes of it. Those of one thread arrive in order.

        Raises:
            InvalidWindow: The mailbox has stopped, or its process ended; a ``LookupError``.
            TypeError: The message is neither a dataclass nor a msgspec struct.
        """
        tell_window(self.hwnd, pack(message), session=self._session)

    @overload
    def ask(self, message: object, timeout: float | None = None, *, result: type[T], block: bool = False) -> T: ...
    @overload
    def ask(self, message: object, timeout: float | None = None, *, block: bool = False) -> Any: ...
    def ask(self, message: object, timeout: float | None = None, *, result: Any = Any, block: bool = False) -> Any:
        """Send a message and wait for the answer.

        A mailbox that asks in a method is open for other messages until the answer is there, so two that ask each
        other do not wait for ever; with ``block`` it is not.

        Args:
            message: A dataclass or a msgspec struct.
            timeout: Seconds to wait; ``None`` for as long as the mailbox runs. One that has not begun by then never
                does.
            result: The type of the answer, such as a dataclass; by default what MessagePack makes of it.
            block: Whether to take no other messages meanwhile.

        Raises:
            InvalidWindow: The mailbox has stopped, or its process ended; a ``LookupError``.
            ReplyLost: It ended before it answered.
            NtError: Its method raised an exception, or it takes no such message; the text says which.
            Timeout: No answer came in time.
            ValidationError: The answer is not of that type; a ``ValueError``.
        """
        return unpack(ask_window(self.hwnd, pack(message), timeout, block=block, session=self._session), result)

    @overload
    async def ask_async(self, message: object, timeout: float | None = None, *, result: type[T]) -> T: ...
    @overload
    async def ask_async(self, message: object, timeout: float | None = None) -> Any: ...
    async def ask_async(self, message: object, timeout: float | None = None, *, result: Any = Any) -> Any:
        """Send a message and await the answer: :meth:`ask` for event loops.

        Other tasks go on meanwhile, and no thread waits. :meth:`tell` never waits, and is for event loops as it is.

        Args:
            message: A dataclass or a msgspec struct.
            timeout: Seconds to wait; ``None`` for as long as the mailbox runs.
            result: The type of the answer; by default what MessagePack makes of it.

        Raises:
            NtError: As :meth:`ask`.
            RuntimeError: No event loop runs in this thread.
        """
        return unpack(await ask_window_async(self.hwnd, pack(message), timeout, session=self._session), result)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Address) and (self.hwnd, self._session) == (other.hwnd, other._session)

    def __hash__(self) -> int:
        return hash((self.hwnd, self._session))

    def __repr__(self) -> str:
        return f"<Address of mailbox {self.name!r} {self.hwnd:#x}>"

    def __reduce__(self) -> tuple[object, ...]:
        return Address, (self.hwnd, self.name, self._session)


def mailbox(name: str, *, timeout: float | None = 0, session: Session | str | None = None) -> Address:
    """Find a mailbox by its name.

    Args:
        name: The name with which it was made; case does not matter.
        timeout: Seconds to wait until it runs; ``None`` for ever.
        session: The session, or its name; ``None`` for the default one.

    Raises:
        ObjectNotFound: It does not run, and ``timeout`` is 0.
        Timeout: It did not begin to run in time.
    """
    where, deadline = within(session), Deadline(timeout)
    while (hwnd := find_window(CLASS, name, session=where)) is None:
        if deadline.left() == 0:
            status = Status.TIMEOUT if timeout else Status.OBJECT_NAME_NOT_FOUND
            raise from_status(status, "mailbox", f"mailbox {name!r}", "no process of the session runs it")
        time.sleep(_PAUSE)
    return Address(hwnd, name, where)
