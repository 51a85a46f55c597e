"""The kernel in shared memory, as Python sees it. Compiled from ``crates/ntipc_py``.

Nothing here is public: the classes of :mod:`ntipc` are built on these. Failures come from ``ntipc.errors.from_status``.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeAlias, final

from typing_extensions import Buffer

LAYOUT: str
"""Fingerprint of the arena's layout; participants of one session must agree on it."""
FAULT_POINTS: tuple[str, ...]
"""Names of the compiled-in fault points; empty in an ordinary build."""
INGREDIENTS: tuple[str, ...]
"""Names of what ``NTIPC_WITHOUT`` can leave out of recovery; empty but in a build for the mutation check."""
STATUSES: dict[str, int]
"""The NT statuses that the kernel fails with, by name."""
MAXIMUM_WAIT_OBJECTS: int
LONGEST_LINE: int
LONGEST_FRAME: int
"""Bytes that one frame of a queue may have."""

OPEN_OR_CREATE: int
CREATE: int
OPEN: int

@final
class Session:
    """This process's attachment to one session."""

    @staticmethod
    def attach(path: str, owner: int, mode: int = 0o700, gid: int | None = None, create: bool = True) -> Session: ...
    @property
    def path(self) -> str: ...
    @property
    def closed(self) -> bool: ...
    def leave(self) -> None: ...
    def process_of(self, sender: _Sender) -> tuple[int, int] | None:
        """Process id and start time of the sender of a frame, the latter in clock ticks that no time namespace shifts.

        None: it has left the session.
        """

    def look_up(self, handle: int) -> tuple[str, str | None]:
        """Native type and name of what a handle of this process leads to."""

    def duplicate_handle(
        self,
        source: tuple[int, int],
        handle: int,
        target: tuple[int, int],
        terms: tuple[int | None, bool, bool],
    ) -> int:
        """A handle of one process for another.

        Processes are given by id, 0 for this one, and start time, 0 if that is unknown. The terms are rights, the mark,
        and whether to close the source.
        """

    def prepare_heir(self, numbers: Sequence[int] | None) -> tuple[int, int] | None:
        """Set handles aside for a child; None: those marked inheritable. Returns what names it, if there are any."""

    def name_heir(self, heir: tuple[int, int], pid: int, start_time: int) -> None: ...
    def disinherit(self, heir: tuple[int, int]) -> None: ...
    def is_owned(self, handle: int) -> bool:
        """Whether an object of Python in this process has this handle."""

    def log(self, text: str) -> int | None:
        """Write a line into the debug log. The count of names given to objects, if it is not ``names_seen``."""

    def log_is_wanted(self) -> tuple[bool, int | None]:
        """Whether anybody reads the debug log; and the count that ``log`` would give."""

    def names_seen(self, count: int) -> None: ...
    def statistics(self) -> dict[str, int]: ...

class Object:
    """What every object has. Closed until ``_bind``, ``_copy_from``, ``_adopt`` or ``_claim`` gives it a handle."""

    def __new__(cls, *args: object, **kwargs: object) -> Self: ...
    def _describe(self, subject: str) -> None:
        """Say what messages call the object, once."""

    @property
    def handle(self) -> int: ...
    @property
    def name(self) -> str | None: ...
    @property
    def created(self) -> bool: ...
    @property
    def closed(self) -> bool: ...
    @property
    def _session_path(self) -> str | None: ...
    @property
    def access(self) -> int: ...
    @property
    def inheritable(self) -> bool: ...
    @inheritable.setter
    def inheritable(self, value: bool) -> None: ...
    @property
    def identity(self) -> tuple[int, int]: ...
    def close(self) -> None: ...
    def _query(self) -> dict[str, Any]: ...
    def duplicate_handle(self, pid: int | None = None, access: int | None = None, inheritable: bool = False) -> int: ...
    def _copy_from(self, original: Object, access: int | None = None, inheritable: bool = False) -> None: ...
    def _adopt(self, session: Session, handle: int) -> None: ...
    def _disown(self) -> int:
        """Give up the handle without closing it; its number, 0 if it was closed. This instance is closed then."""

    def _park(self) -> tuple[int, int, int, int, int, int]: ...
    def _claim(self, session: Session, token: tuple[int, int, int, int, int, int]) -> None: ...

class Waitable(Object):
    def wait(self, timeout: float | None = None) -> bool: ...

class Event(Waitable):
    def _bind(
        self,
        session: Session,
        name: str | None,
        disposition: int,
        access: int,
        manual_reset: bool = False,
        initial: bool = False,
    ) -> None: ...
    @property
    def manual_reset(self) -> bool: ...
    def set(self) -> bool: ...
    def clear(self) -> bool: ...
    def pulse(self) -> bool: ...
    def is_set(self) -> bool: ...

class Semaphore(Waitable):
    def _bind(
        self, session: Session, name: str | None, disposition: int, access: int, initial: int = 0, maximum: int = 1
    ) -> None: ...
    @property
    def count(self) -> int: ...
    @property
    def maximum(self) -> int: ...
    def acquire(self, blocking: object = True, timeout: float | None = None) -> bool: ...
    def release(self, n: int = 1) -> int: ...
    def __enter__(self) -> bool: ...
    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None: ...

class Mutex(Waitable):
    def _bind(
        self, session: Session, name: str | None, disposition: int, access: int, initial_owner: bool = False
    ) -> None: ...
    @property
    def abandoned(self) -> bool: ...
    def acquire(self, blocking: object = True, timeout: float | None = None) -> bool: ...
    def release(self) -> None: ...
    def __enter__(self) -> bool: ...
    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None: ...

@final
class Acquisition:
    """What ``acquired()`` returns: entering acquires within the timeout or raises Timeout, leaving releases."""

    def __new__(cls, lock: Mutex | Semaphore, timeout: float | None = None) -> Self: ...
    def __enter__(self) -> Any: ...
    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None: ...

class Timer(Waitable):
    def _bind(
        self, session: Session, name: str | None, disposition: int, access: int, manual_reset: bool = False
    ) -> None: ...
    @property
    def manual_reset(self) -> bool: ...
    def set(self, due: float, period: float = 0.0) -> bool: ...
    def cancel(self) -> bool: ...
    def is_set(self) -> bool: ...

class EventPair(Object):
    def _bind(self, session: Session, name: str | None, disposition: int, access: int) -> None: ...
    def set_high(self) -> None: ...
    def set_low(self) -> None: ...
    def wait_high(self, timeout: float | None = None) -> bool: ...
    def wait_low(self, timeout: float | None = None) -> bool: ...
    def set_high_wait_low(self, timeout: float | None = None) -> bool: ...
    def set_low_wait_high(self, timeout: float | None = None) -> bool: ...

class Process(Waitable):
    """A process. Signalled once it has ended."""

    def _open(self, session: Session, pid: int, access: int, operation: str = "Process.open") -> None: ...
    def _identity(self) -> tuple[int, int, int]:
        """Id, once more, and start time in clock ticks since the machine's."""

    @property
    def exit_code(self) -> int | None: ...
    def _note_exit_code(self, code: int) -> None: ...
    def _terminate(self, code: int) -> None: ...

class Thread(Waitable):
    """A thread. Signalled once it has ended."""

    def _open(self, session: Session, tid: int, access: int, operation: str = "Thread.open") -> None: ...
    def _identity(self) -> tuple[int, int, int]:
        """Id, that of its process, and start time in clock ticks since the machine's."""

    @property
    def exit_code(self) -> int | None: ...
    def _note_exit_code(self, code: int) -> None: ...

class Section(Object):
    def _bind(
        self,
        session: Session,
        name: str | None,
        disposition: int,
        access: int,
        size: int = 0,
        protection: str = "rw",
        reserve: bool = False,
        file: tuple[str, int, int] | None = None,
    ) -> None: ...
    @property
    def size(self) -> int: ...
    @property
    def protection(self) -> str: ...
    def _map_view(
        self, cls: type[View], offset: int, size: int | None, access: str | None, rounded: bool = False
    ) -> View: ...
    def _open_descriptor(self, writable: bool) -> int: ...

_Pieces: TypeAlias = Buffer | Sequence[Buffer]
"""Data to put: bytes-like, or a list or tuple of such."""
_Sender: TypeAlias = tuple[int, int]
"""Slot of the process that sent a frame, and the slot's generation; see :meth:`Session.process_of`."""

@final
class Frame:
    """A frame, or a part of one, as it was taken.

    When a whole one that is a request goes without an answer, its caller is told that the call is lost.
    """

    @property
    def data(self) -> bytes:
        """The data; empty if it was taken into a buffer."""

    @property
    def size(self) -> int:
        """Bytes that were taken."""

    @property
    def left(self) -> int:
        """Bytes of the frame that are left."""

    @property
    def tag(self) -> int: ...
    @property
    def sender(self) -> _Sender: ...
    @property
    def pid(self) -> int | None:
        """Process id of the sender; None: it has left the session."""

    @property
    def correlation(self) -> int:
        """Of a request its number; of anything else 0."""

    @property
    def awaited(self) -> bool:
        """Whether its sender still waits for the reply."""

    @property
    def badge(self) -> int | None:
        """The number of the badge of the end that it was put through."""

    @property
    def badge_token(self) -> tuple[int, int]:
        """What names that badge for ``ReadEnd._revoke_badge``."""

    @property
    def closed(self) -> bool:
        """Whether it is the notice that nobody has a handle with that badge any more."""

    def reply(
        self,
        data: _Pieces,
        *,
        tag: int = 0,
        handles: Iterable[Object] | None = None,
        move: bool = False,
        operation: str = "Frame.reply",
    ) -> None: ...
    @property
    def carried(self) -> list[str]:
        """The types of the objects whose handles came with it and that nobody has claimed: those are closed."""

    def claim(self, objects: Sequence[Object]) -> None:
        """Give each handle that came with it to one of ``objects``, new ones of those types."""

@final
class CompletionPort:
    """One descriptor, readable when something has come to a read end that it watches: once, until it is armed again.

    A loop that is told calls ``lower``, takes what there is, and calls ``arm``. The ends must be closed after it.
    """

    def __new__(cls) -> Self: ...
    def fileno(self) -> int | None:
        """The descriptor. None: the port is closed, or the program has closed the descriptor."""

    def watch(self, end: ReadEnd) -> None:
        """Watch a read end of a queue, from now on until the port is closed.

        The first watch of a process starts its relay thread.
        """

    def lower(self) -> None:
        """Make the descriptor unreadable, before looking at what is watched."""

    def arm(self) -> None:
        """Watch on, after looking."""

    def unwatch(self) -> None:
        """Watch nothing more. The descriptor stays."""

    def close(self) -> None:
        """Watch nothing more, and close the descriptor. In a forked child only its copy of it."""

@final
class LogReader:
    """A reader of the debug log."""

    def __new__(cls, bell: Event, kept: bool = False) -> Self: ...
    def read(self) -> tuple[tuple[int, int] | None, int, bytes, bool] | None:
        """Process and thread id, nanoseconds since 1970, text, whether it was cut."""

    def arm(self) -> bool: ...
    @property
    def lost(self) -> int: ...
    def close(self) -> None: ...

class ReadEnd(Waitable):
    """The end of a queue that frames are taken from. Signalled while there is one, and when none can come any more.

    ``operation``, of any call here: the full name of the program's call, for the message of an error.
    """

    def _bind(
        self,
        session: Session,
        name: str | None,
        disposition: int,
        access: int,
        quota: int,
        user: tuple[int, int],
        writer: WriteEnd,
        readers_limit: int = 0,
        operation: str | None = None,
        badge_quota: int = 0,
    ) -> None:
        """Make a queue, or open both ends of the one that has the name.

        ``readers_limit``: how many handles to its reading end can be had by the name, 0 for any number. Where there is
        a limit, the writing end is set while there may be one more.
        ``badge_quota``: what the frames of one badge may cost before its writers wait; 0 for a queue without badges.
        """

    def _make_badge(self, number: int, writer: WriteEnd, operation: str | None = None) -> tuple[int, int]:
        """Make ``writer``, a new one, a writing end whose frames bear a badge of that number.

        When its last handle goes, one frame whose ``closed`` is true comes after all of these. Returns what names the
        badge for ``_revoke_badge``.
        """

    def _revoke_badge(self, number: int, badge: tuple[int, int], operation: str | None = None) -> None:
        """Have puts through that badge fail from now on; calls that went through it are lost."""

    def _has_badge(self, number: int, badge: tuple[int, int]) -> bool:
        """Whether anybody has a writing end with that badge, or its ``closed`` frame is still to be taken."""

    def _open_end(self, session: Session, name: str, access: int, operation: str | None = None) -> None:
        """Open this end, unless it has as many handles as it may."""

    def _get(self, timeout: float | None = None) -> bytes: ...
    def _take_bytes(self, timeout: float | None, operation: str) -> bytes | None:
        """The same; None: the time ran out."""

    def _take(
        self,
        limit: int | None = None,
        timeout: float | None = None,
        stream: bool = False,
        operation: str | None = None,
    ) -> Frame | None:
        """Take the next frame, or up to ``limit`` bytes of it; of a stream, over several. None: the time ran out."""

    def _take_now(self) -> bytes | Frame | None:
        """Take the next frame if one is there: the bytes of one that has nothing but data, and perhaps a badge."""

    def _answer_and_take(
        self,
        request: Frame,
        data: Buffer | Sequence[Buffer],
        *,
        tag: int = 0,
        handles: Iterable[Object] | None = None,
        timeout: float | None = None,
        operation: str | None = None,
    ) -> tuple[bool, Frame | None]:
        """Answer a request, and take the next frame, also if the caller has gone.

        Whether it was answered, and the frame. None: the time, which begins with the answer, ran out.
        """

    def _peek(self, limit: int | None = None, stream: bool = False, operation: str | None = None) -> Frame | None:
        """Look at the next frame; of a stream, at several. None: nothing is there now."""

    def _take_into(
        self,
        buffer: Buffer,
        timeout: float | None = None,
        whole: bool = False,
        stream: bool = False,
        operation: str | None = None,
    ) -> Frame | None:
        """Take into a buffer. ``whole``: a frame that does not fit is left (0 taken, all left)."""

    def _drop_stranded(self) -> bool:
        """Throw away frames that carry ends which lead nowhere, up to one that does not. Whether there is one."""

    def _available(self, operation: str | None = None) -> tuple[int, int]:
        """Bytes and frames that wait."""

    @property
    def _taken(self) -> int:
        """How many frames have been taken since there is the queue."""

    def _break_queue(self, status: int) -> None: ...

class WriteEnd(Waitable):
    """The end of a queue that frames are put into. Signalled while there is room, and when nobody can read any more."""

    def _open_end(self, session: Session, name: str, access: int, operation: str | None = None) -> None: ...
    def _limits(self) -> tuple[int, int]:
        """What the maker of the queue keeps with it."""

    def _put(
        self,
        data: _Pieces,
        timeout: float | None = None,
        *,
        tag: int = 0,
        handles: Iterable[Object] | None = None,
        move: bool = False,
    ) -> None: ...
    def _put_now(self, data: _Pieces, operation: str) -> bool:
        """The same if there is room now; whether there was."""

    def _put_marked(
        self,
        data: _Pieces,
        timeout: float | None = None,
        *,
        tag: int = 0,
        handles: Iterable[Object] | None = None,
        move: bool = False,
        operation: str | None = None,
    ) -> int | None:
        """The same; a mark for ``_wait_taken``. None: there was no room in time."""

    def _request(
        self,
        data: _Pieces,
        timeout: float | None = None,
        *,
        tag: int = 0,
        handles: Iterable[Object] | None = None,
        operation: str | None = None,
        line: WriteEnd | None = None,
        plain: int | None = None,
    ) -> Any:
        """Put a request and wait for its reply, a Frame, or bytes if it is plain. None: the time ran out."""

    def _deliver(self, data: _Pieces, timeout: float | None = None, operation: str | None = None) -> int | None:
        """Put, and wait until no more than the quota is unread: how many bytes. None: there was no room in time."""

    @property
    def _leads_on(self) -> bool:
        """Whether a message could be put, if there is room for it: somebody can read it, and no badge is revoked."""

    def _put_beyond(
        self, data: _Pieces, timeout: float | None = None, operation: str | None = None, tag: int = 0
    ) -> bool:
        """Put, be there room for it or not. False: there was no memory in time."""

    def _put_some(
        self, data: Buffer, timeout: float | None = None, operation: str | None = None
    ) -> tuple[int, int] | None:
        """Put as much of a stream as there is room for, at most 64 KiB: bytes and mark. None: the time ran out."""

    def _wait_taken(self, mark: int, timeout: float | None = None, operation: str | None = None) -> bool:
        """Wait until no more than the quota is unread of what was put up to the mark."""

    def _flush(self, timeout: float | None = None) -> bool:
        """Wait until all that was put by now has been read."""

    def _flush_for(self, timeout: float | None, operation: str) -> bool:
        """The same, for the call of the program that is named."""

    def _break_queue(self, status: int) -> None: ...

class View:
    """Mapped memory with the buffer protocol. Subclassed by :class:`ntipc.View`."""

    def __new__(cls, *args: object, **kwargs: object) -> Self: ...
    def __len__(self) -> int: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...
    def __release_buffer__(self, buffer: memoryview, /) -> None: ...
    @property
    def access(self) -> str: ...
    @property
    def readonly(self) -> bool: ...
    @property
    def closed(self) -> bool: ...
    @property
    def address(self) -> int: ...
    def flush(self, offset: int = 0, size: int | None = None) -> None: ...
    def _take_space(self, offset: int, size: int) -> None:
        """Take memory for a part now, so that it is an error here if there is none."""

    def _give_back_space(self, offset: int, size: int) -> None:
        """Give the memory of a part back, in whole pages; it reads as 0 from then on."""

    def unmap(self) -> None: ...

@final
class Cells:
    """Numbers of a record in a view, each read and changed in one step. While it lives, the view cannot be unmapped."""

    def __new__(cls, view: View, base: int, places: Mapping[str, tuple[int, str, int]], title: str) -> Self:
        """``places``: by name the offset behind ``base``, the letter of ``struct``, and how many there are."""

    def get(self, field: str, index: int = 0) -> Any: ...
    def set(self, field: str, value: object, index: int = 0) -> None: ...
    def add(self, field: str, n: object, index: int = 0) -> Any:
        """Add; what it was before."""

    def exchange(self, field: str, value: object, index: int = 0) -> Any:
        """Store; what it was before."""

    def compare_exchange(self, field: str, expected: object, new: object, index: int = 0) -> bool:
        """Store ``new`` if it is ``expected``; whether it was."""

def wait_multiple(objects: tuple[object, ...], wait_all: bool, timeout: float | None, warn: bool = True) -> Any:
    """Wait; the index (0 for all) and the indices of mutexes found abandoned, or None on timeout.

    Without ``warn`` there is no warning about those.

    NotImplemented, with nothing done: something in the tuple is no Waitable.
    """

def signal_and_wait(signal: object, wait: object, timeout: float | None) -> Any:
    """Signal and wait in one step; whether ``wait`` was set.

    NotImplemented, with nothing done: one of the two is no object of the kernel.
    """

def inspect(path: str) -> dict[str, Any]: ...
def examine(path: str, patience_ms: int = 1650) -> dict[str, Any]: ...
def fields() -> dict[str, tuple[int, int, int, int]]: ...
def before_fork() -> None: ...
def after_fork_in_child() -> None: ...
def clean(path: str, owner: int, remove: bool) -> tuple[int, bool] | None:
    """Remove a session in which nobody takes part: what it occupied, and whether it is gone. None: somebody does."""

def leave_all() -> None: ...
def is_proc_ours() -> bool: ...
def pid_namespace() -> int: ...
def read_foreign(pid: int, pieces: Sequence[tuple[int, int]]) -> tuple[bytes, int]:
    """Read addresses and sizes of another process's memory: bytes, perhaps fewer, and why (an error number), or 0."""

def write_foreign(pid: int, addresses: Sequence[int], data: tuple[Buffer, ...]) -> tuple[int, int]:
    """Write there: how many bytes were written, and why no more, or 0."""

def start_time_shift() -> int: ...
def allow_spinning(allow: bool) -> bool:
    """Let waits of this process, and of children forked later, spin before they sleep. Returns what held before."""

def arm_fault(name: str, countdown: int = 1, action: str = "kill") -> None:
    """At the ``countdown``-th pass of a point (any, for "*") "kill" this process, "stop" it, or "hang" the thread."""

def report_faults(fd: int) -> None:
    """Write the number of an armed point that is passed to a descriptor, as one byte, before anything happens."""

def set_eligible(eligible: bool) -> None:
    """Whether this process watches others and reaps them (always, in an ordinary build)."""
