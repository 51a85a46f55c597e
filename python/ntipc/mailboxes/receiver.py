"""The receiving side: a class whose methods take messages of a type each.

>>> import dataclasses, ntipc
>>> @dataclasses.dataclass
... class Deposit:
...     amount: int
>>> class Account(ntipc.Mailbox):
...     balance = 0
...     @ntipc.on(Deposit)
...     def deposit(self, message):
...         self.balance += message.amount
...         return self.balance
>>> with Account("savings"):
...     account = ntipc.mailbox("savings")
...     account.tell(Deposit(5))
...     account.ask(Deposit(2))
7
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, ClassVar, Self, TypeVar

import msgspec

from ntipc.errors import NtError, ObjectExists, Status, from_status
from ntipc.mailboxes.address import Address
from ntipc.mailboxes.wire import CLASS, name_of, split, unpack
from ntipc.session.session import Session, within
from ntipc.sync.events import Event
from ntipc.window_messages.constants import WM_QUIT
from ntipc.window_messages.retrieval import dispatch_message
from ntipc.window_messages.short_ways import get_message, post_message
from ntipc.window_messages.windows import Window

F = TypeVar("F", bound=Callable[..., Any])


def on(*kinds: type) -> Callable[[F], F]:
    """Mark a method of a :class:`Mailbox` as the one that takes messages of these types.

    Args:
        kinds: Dataclasses, or subclasses of :class:`msgspec.Struct`. Both sides know a type by its name.

    Raises:
        TypeError: One of them is neither.
    """
    names = {name_of(kind): kind for kind in kinds}

    def mark(method: F) -> F:
        method._takes = {**getattr(method, "_takes", {}), **names}  # type: ignore[attr-defined]
        return method

    return mark


class Mailbox:
    """An object that takes messages one after another, in one thread, and is known by a name in all the session.

    Derive from it, and mark methods with :func:`on`. What such a method returns is the answer to the caller: what
    :mod:`msgspec` can encode. Its state belongs to its thread, so it needs no locks.

    ``start`` runs it in a thread of its own, ``run`` in the calling one; ``with`` starts and stops it.

    Args:
        name: The name by which :func:`mailbox` finds it; ``None`` for one that only its ``address`` leads to.
        session: The session, or its name; ``None`` for the default one.

    Source:
        A message-only window and its thread's loop (Win32).
    """

    _methods: ClassVar[dict[str, tuple[type, str]]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._methods = dict(cls._methods)
        for attribute, value in vars(cls).items():
            for name, kind in getattr(value, "_takes", {}).items():
                cls._methods[name] = kind, attribute

    def __init__(self, name: str | None = None, *, session: Session | str | None = None) -> None:
        self.name = name
        self._session = within(session)
        self._hwnd = 0
        self._thread: threading.Thread | None = None
        self._started = threading.Event()
        self._problem: BaseException | None = None

    @property
    def address(self) -> Address:
        """What messages are sent to; it can be pickled, and so be sent to other processes.

        Raises:
            NtError: The mailbox does not run.
        """
        if not self._hwnd:
            raise from_status(
                Status.UNSUCCESSFUL, "Mailbox.address", f"mailbox {self.name!r}", problem="it does not run",
                advice="Start it first",
            )  # fmt: skip
        return Address(self._hwnd, self.name, self._session)

    def on_start(self) -> None:
        """Prepare, in the mailbox's thread, before the first message. Override it."""

    def on_stop(self) -> None:
        """Clean up, in the mailbox's thread, after the last message. Override it."""

    def start(self) -> Address:
        """Run it in a thread of its own.

        Raises:
            ObjectExists: A mailbox of that name runs.
        """
        self._started.clear()
        self._problem = None
        self._thread = threading.Thread(target=self._run_in_thread, name=f"ntipc-mailbox-{self.name}", daemon=True)
        self._thread.start()
        self._started.wait()
        if self._problem is not None:
            raise self._problem
        return self.address

    def run(self) -> None:
        """Run it in the calling thread, until :meth:`stop` or Ctrl-C.

        Raises:
            ObjectExists: A mailbox of that name runs.
        """
        with self._its_name(), Window(self.name, class_name=CLASS, handler=_nothing, session=self._session) as window:
            window._values = self._take
            self.on_start()
            self._hwnd = window.hwnd
            self._started.set()
            try:
                while (message := get_message(session=self._session)) is not None:
                    dispatch_message(message, session=self._session)
            finally:
                self._hwnd = 0
                self.on_stop()

    def stop(self, timeout: float | None = None) -> None:
        """Have it end once it has dealt with the message that it is at; wait for its thread.

        Args:
            timeout: Seconds to wait; ``None`` for as long as it takes.
        """
        if not self._hwnd:
            return
        try:
            post_message(self._hwnd, WM_QUIT, session=self._session)
        except NtError:  # it ends just now
            pass
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _its_name(self) -> Event:
        """Hold what only one mailbox of the name can have, as long as it runs."""
        name = None if self.name is None else f"{CLASS}: {self.name}"
        try:
            return Event.create(name, session=self._session)
        except ObjectExists:
            advice = "Stop the other receiver first, or choose another name"
            raise from_status(
                Status.OBJECT_NAME_COLLISION, "Mailbox", f"mailbox {self.name!r}", advice=advice
            ) from None

    def _run_in_thread(self) -> None:
        try:
            self.run()
        except BaseException as problem:
            if self._started.is_set():
                raise
            self._problem = problem
        finally:
            self._started.set()

    def _take(self, data: memoryview, is_asked: bool) -> bytes:
        name, value = split(data)
        found = self._methods.get(name)
        if found is None:
            known = ", ".join(sorted(self._methods)) or "none"
            raise TypeError(f"{type(self).__name__} takes no {name}; it takes {known}")
        kind, method = found
        answer = getattr(self, method)(unpack(value, kind))
        return msgspec.msgpack.encode(answer) if is_asked else b""


def _nothing(hwnd: int, msg: int, wparam: int, lparam: Any) -> None:
    """Deal with ordinary messages, which mean nothing to a mailbox."""
