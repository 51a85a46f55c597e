"""Run only once: the second start of a program hands what it was started with to the first.

The first holds a mutex, which goes with it however it ends, and has a window that takes what later ones send. Both
belong to a thread of their own, so the program needs no message loop.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, NamedTuple, Self, cast

from ntipc._runtime.deadlines import Deadline
from ntipc.errors import InvalidWindow, NtError, ReplyLost, Status, from_status
from ntipc.errors.abandonment import repaired_by_the_library
from ntipc.session.session import Session, within
from ntipc.sync.mutexes import Mutex
from ntipc.window_messages.constants import WM_COPYDATA, WM_QUIT
from ntipc.window_messages.retrieval import dispatch_message
from ntipc.window_messages.sending import send_data
from ntipc.window_messages.short_ways import get_message, post_message
from ntipc.window_messages.windows import Window, find_window

CLASS = "ntipc single instance"
HANDED_OVER = 0x53494E47
"""The kind of the data."""
PATIENCE = 30.0
_PAUSE = 0.005
_SUBJECT = "mutex of a single instance"


class Start(NamedTuple):
    """What another start of the program was started with.

    Attributes:
        argv: Its arguments: :data:`sys.argv`.
        directory: Its working directory.
        environ: Its environment.
        pid: Its process id.
    """

    argv: tuple[str, ...]
    directory: str
    environ: Mapping[str, str]
    pid: int

    def __repr__(self) -> str:
        return f"Start(argv={self.argv}, directory={self.directory!r}, pid={self.pid})"

    @classmethod
    def _own(cls, argv: Sequence[str] | None, environ: Mapping[str, str] | None) -> Start:
        """Describe this process."""
        try:
            directory = os.getcwd()
        except FileNotFoundError:  # it was removed
            directory = ""
        arguments = tuple(sys.argv if argv is None else argv)
        return cls(arguments, directory, dict(os.environ if environ is None else environ), os.getpid())

    def _packed(self) -> bytes:
        """Make bytes of it; names and values that are no UTF-8 keep what they are."""
        return json.dumps([self.argv, self.directory, dict(self.environ), self.pid]).encode()

    @classmethod
    def _unpacked(cls, data: bytes) -> Start:
        """Make it of bytes.

        Raises:
            ValueError: They describe none.
        """
        argv, directory, environ, pid = json.loads(data)
        texts = [*argv, directory, *environ, *environ.values()]
        if not all(isinstance(text, str) for text in texts) or not isinstance(pid, int):
            raise ValueError("the data describe no start of a program")
        return cls(tuple(argv), directory, environ, pid)


class SingleInstance:
    """This process's place among the starts of a program: what :func:`single_instance` returns.

    Attributes:
        is_first: Whether it is the one that runs. If not, the first instance has got this start already.
        result: Of a later start what the first one's ``on_start`` returned; 0 for ``None``, and while it is the first.
    """

    def __init__(self, name: str, on_start: Callable[[Start], int | None] | None, session: Session) -> None:
        self.is_first = False
        self.result = 0
        self._name = name
        self._on_start = on_start
        self._session = session
        self._starts: queue.SimpleQueue[Start | None] = queue.SimpleQueue()
        self._hwnd = 0
        self._problem: BaseException | None = None
        self._settled = threading.Event()
        self._pid = os.getpid()
        self._thread = threading.current_thread()

    def next_start(self, timeout: float | None = None) -> Start | None:
        """Wait for another start of the program, where no ``on_start`` is given.

        Returns:
            What it was started with; ``None`` if none came in time, or this was closed.
        """
        if timeout is not None:
            timeout = Deadline(timeout).left()
        try:
            return self._starts.get(timeout=timeout)
        except queue.Empty:
            return None

    def close(self) -> None:
        """Let another process be the first. Closing again does nothing."""
        if self._pid != os.getpid() or not self.is_first or not self._thread.is_alive():
            return
        try:
            post_message(self._hwnd, WM_QUIT, session=self._session)
        except NtError:
            pass
        if self._thread is not threading.current_thread():
            self._thread.join()
        self._starts.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _try_to_be_first(self) -> None:
        """Take the mutex, if nobody has it, in a thread that keeps it."""
        self._settled.clear()
        self._thread = threading.Thread(target=self._run, name=f"ntipc-single-instance-{self._name}", daemon=True)
        self._thread.start()
        self._settled.wait()
        if self._problem is not None:
            raise self._problem

    def _run(self) -> None:
        mutex = None
        try:
            mutex = Mutex.__new__(Mutex)
            mutex._bind(self._session._native, f"{CLASS}: {self._name}", 0, 0, False)
            mutex._describe(_SUBJECT)
            if mutex.acquire(False):
                self._be_first(mutex)
        except BaseException as problem:
            self._problem = problem
        finally:
            if mutex is not None:
                mutex.close()
            self._settled.set()

    def _be_first(self, mutex: Mutex) -> None:
        try:
            with Window(self._name, class_name=CLASS, handler=self._handle, session=self._session) as window:
                self._hwnd = window.hwnd
                self.is_first = True
                self._settled.set()
                while (message := get_message(session=self._session)) is not None:
                    dispatch_message(message, session=self._session)
        finally:
            mutex.release()

    def _handle(self, hwnd: int, msg: int, wparam: int, lparam: Any) -> int | None:
        if msg != WM_COPYDATA or lparam.kind != HANDED_OVER:
            return None
        start = Start._unpacked(bytes(lparam.data))
        if self._on_start is not None:
            return self._on_start(start)
        self._starts.put(start)
        return None

    def _hand_over(self, start: Start, timeout: float | None) -> bool:
        """Give a start to the first; whether there was one that took it."""
        hwnd = find_window(CLASS, self._name, session=self._session)
        if hwnd is None:
            return False
        try:
            self.result = send_data(hwnd, start._packed(), HANDED_OVER, timeout=timeout, session=self._session)
        except (InvalidWindow, ReplyLost):  # it has just ended
            return False
        return True


def single_instance(
    name: str,
    on_start: Callable[[Start], int | None] | None = None,
    *,
    argv: Sequence[str] | None = None,
    environ: Mapping[str, str] | None = None,
    timeout: float | None = PATIENCE,
    session: Session | str | None = None,
) -> SingleInstance:
    """Find out whether this program runs already; if so, hand over what this start was started with.

    Args:
        name: A name that all starts of the program use.
        on_start: Is called in the first one, in a thread of its own, with each later :class:`Start`; it returns an
            ``int`` for that one's ``result``. Without it, :meth:`SingleInstance.next_start` gives them.
        argv: What to hand over as arguments; by default :data:`sys.argv`.
        environ: What to hand over as environment; by default :data:`os.environ`.
        timeout: Seconds that a later start waits for the first one to take it.
        session: The session, or its name; ``None`` for the default one.

    Returns:
        Whether this is the first, and what became of the start. The first stays so until it is closed, or ends in
        whatever way.

    Raises:
        Timeout: The first one did not take it in time.
        NtError: ``on_start`` raised an exception there; the message says which.

    >>> import ntipc
    >>> with ntipc.single_instance("editor", lambda start: len(start.argv)) as first:
    ...     later = ntipc.single_instance("editor", argv=["editor", "notes.txt"])
    ...     first.is_first, later.is_first, later.result
    (True, False, 2)
    """
    if not isinstance(cast("object", name), str) or not name:
        raise TypeError("the name of a program must be a str, and not empty")
    deadline = Deadline(timeout)
    instance = SingleInstance(name, on_start, within(session))
    start = Start._own(argv, environ)
    while True:
        instance._try_to_be_first()
        if instance.is_first or instance._hand_over(start, deadline.left()):
            return instance
        if deadline.left() == 0:
            detail = "another process has begun to be the first, and does not take this start"
            raise from_status(Status.TIMEOUT, "single_instance", f"program {name!r}", detail)
        time.sleep(_PAUSE)


repaired_by_the_library.add(_SUBJECT)
