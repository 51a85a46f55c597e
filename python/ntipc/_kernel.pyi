"""The kernel in shared memory, as Python sees it. Compiled from ``crates/ntipc_py``.

Nothing here is public: the classes of :mod:`ntipc` are built on these. Failures come from ``ntipc.errors.from_status``.
Its classes are declared in the stubs ``_kernel_*.pyi``, which only type checkers read: no such module can be imported.
"""

from collections.abc import Sequence
from typing import Any

from typing_extensions import Buffer

from ntipc._kernel_memory import Cells as Cells
from ntipc._kernel_memory import Section as Section
from ntipc._kernel_memory import View as View
from ntipc._kernel_messages import DefaultMessages as DefaultMessages
from ntipc._kernel_messages import Inbox as Inbox
from ntipc._kernel_messages import Ways as Ways
from ntipc._kernel_messages import put_before as put_before
from ntipc._kernel_objects import Object as Object
from ntipc._kernel_objects import Session as Session
from ntipc._kernel_objects import Waitable as Waitable
from ntipc._kernel_queues import CompletionPort as CompletionPort
from ntipc._kernel_queues import Frame as Frame
from ntipc._kernel_queues import ReadEnd as ReadEnd
from ntipc._kernel_queues import WriteEnd as WriteEnd
from ntipc._kernel_sync import Acquisition as Acquisition
from ntipc._kernel_sync import Event as Event
from ntipc._kernel_sync import EventPair as EventPair
from ntipc._kernel_sync import LogReader as LogReader
from ntipc._kernel_sync import Mutex as Mutex
from ntipc._kernel_sync import Process as Process
from ntipc._kernel_sync import Semaphore as Semaphore
from ntipc._kernel_sync import Thread as Thread
from ntipc._kernel_sync import Timer as Timer

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
