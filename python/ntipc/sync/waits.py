"""Waiting for several objects, of any types and mixed.

>>> import ntipc
>>> stop, work = ntipc.Event("stop"), ntipc.Semaphore("work", initial=2)
>>> ntipc.wait_any([stop, work])
Signaled(index=1, object=<Semaphore 'work' count=1/2147483647>, abandoned=False)
>>> ntipc.wait_all([stop, work], timeout=0) is None
True
>>> work.count
1
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, TypeAlias

from ntipc import _kernel
from ntipc._runtime.deadlines import Deadline
from ntipc.errors import HandleClosed


class _Composed(Protocol):
    """Something that is made of several objects, such as a pipe."""

    def _waits_for(self) -> tuple[tuple[_kernel.Waitable, ...], bool]:
        """Return what is set when this is; or, with ``False``, things of which one is set before there can be that."""

    def _is_set(self) -> bool:
        """Say whether this is set, now that what it waits for was: if not, there is something else to wait for.

        Raises:
            HandleClosed: It was closed meanwhile.
        """


CanBeWaitedFor: TypeAlias = _kernel.Waitable | _Composed


class Signaled:
    """The object that ended a :func:`wait_any`.

    Attributes:
        index: Its place in the list that was given.
        object: The object itself.
        abandoned: Whether it is a mutex whose previous owner ended without releasing it.
    """

    __slots__ = __match_args__ = ("index", "object", "abandoned")

    def __init__(self, index: int, object: Any, abandoned: bool) -> None:
        self.index = index
        self.object = object
        self.abandoned = abandoned

    def __repr__(self) -> str:
        return f"Signaled(index={self.index}, object={self.object!r}, abandoned={self.abandoned})"


class AllSignaled:
    """The end of a :func:`wait_all`, which is true whether or not a mutex was found abandoned.

    Attributes:
        abandoned: The mutexes whose previous owners ended without releasing them.
    """

    __slots__ = __match_args__ = ("abandoned",)

    def __init__(self, abandoned: tuple[CanBeWaitedFor, ...]) -> None:
        self.abandoned = abandoned

    def __repr__(self) -> str:
        return f"AllSignaled(abandoned={self.abandoned!r})"


def wait_any(objects: Iterable[CanBeWaitedFor], timeout: float | None = None) -> Signaled | None:
    """Wait until one of the objects is set, and take it.

    If several are set already, the first of them in the list is taken; the others are left untouched.

    Args:
        objects: 1 to 4,096 events, semaphores, mutexes, timers, queues, pipes and mailslots, all of one session; the
            same one may be there twice. Waiting for the reading end of a queue is waiting for a message, which stays.
        timeout: Seconds to wait; 0 or less to only look, ``None`` to wait for ever.

    Returns:
        Which object it was, or ``None`` if the time ran out.

    Raises:
        AccessDenied: A handle lacks the right ``SYNCHRONIZE``. Nothing is taken.
        HandleClosed: An object is closed. Nothing is taken.
        TypeError: Something in the list cannot be waited for, or ``timeout`` is no number.
        ValueError: The list is empty or too long, or ``timeout`` is NaN.

    Source:
        WaitForMultipleObjects with bWaitAll FALSE (Win32), NtWaitForMultipleObjects (NT).

    >>> import ntipc
    >>> red, green = ntipc.Event(), ntipc.Event(initial=True)
    >>> match wait_any([red, green], timeout=10):
    ...     case Signaled(index=1):
    ...         print("green")
    green
    """
    targets = tuple(objects)
    outcome = _wait_multiple(targets, False, timeout)
    if outcome is None:
        return None
    index, abandoned = outcome
    return Signaled(index, targets[index], bool(abandoned))


def wait_all(objects: Iterable[CanBeWaitedFor], timeout: float | None = None) -> AllSignaled | None:
    """Wait until all of the objects are set at one instant, and take all of them in one step.

    While it waits nothing is taken: each object stays available to others.

    Args:
        objects: 1 to 4,096 different events, semaphores, mutexes, timers, queues, pipes and mailslots, all of one
            session.
        timeout: Seconds to wait; 0 or less to only look, ``None`` to wait for ever.

    Returns:
        Which mutexes were found abandoned, or ``None`` if the time ran out.

    Raises:
        AccessDenied: A handle lacks the right ``SYNCHRONIZE``. Nothing is taken.
        HandleClosed: An object is closed. Nothing is taken.
        InvalidParameterMix: An object is there twice, be it by two handles.
        TypeError: Something in the list cannot be waited for, or ``timeout`` is no number.
        ValueError: The list is empty or too long, or ``timeout`` is NaN.

    Source:
        WaitForMultipleObjects with bWaitAll TRUE (Win32), NtWaitForMultipleObjects (NT).

    >>> import ntipc
    >>> left, right = ntipc.Semaphore(initial=1), ntipc.Semaphore(initial=1)
    >>> wait_all([left, right])
    AllSignaled(abandoned=())
    >>> left.count, right.count
    (0, 0)
    """
    targets = tuple(objects)
    outcome = _wait_multiple(targets, True, timeout)
    if outcome is None:
        return None
    return AllSignaled(tuple(targets[index] for index in outcome[1]))


def signal_and_wait(signal: _kernel.Waitable, wait: CanBeWaitedFor, timeout: float | None = None) -> bool:
    """Set one object and wait for another in one step: nobody can act between the two.

    Args:
        signal: An event to set, a semaphore to release by one unit, or a mutex to release.
        wait: The object to wait for; it may be the same one.
        timeout: Seconds to wait; 0 or less to only look, ``None`` to wait for ever.

    Returns:
        Whether ``wait`` was set in time. ``signal`` stays signalled if it was not.

    Raises:
        AccessDenied: A handle lacks the right that this needs. Nothing is signalled.
        HandleClosed: An object is closed. Nothing is signalled.
        LimitExceeded: ``signal`` is a semaphore that is full. Nothing is waited for.
        NotOwner: ``signal`` is a mutex that the calling thread does not own. Nothing is waited for.
        TypeError: ``signal`` is a timer, ``wait`` cannot be waited for, or ``timeout`` is no number.
        ValueError: ``timeout`` is NaN.

    Source:
        SignalObjectAndWait (Win32), NtSignalAndWaitForSingleObject (NT).

    >>> import ntipc
    >>> request, reply = ntipc.Event(), ntipc.Event(initial=True)
    >>> signal_and_wait(request, reply, timeout=10), request.is_set()
    (True, True)
    """
    try:
        return _kernel.signal_and_wait(signal, wait, timeout)  # type: ignore[arg-type]
    except TypeError:
        if isinstance(wait, _kernel.Waitable) or not hasattr(wait, "_waits_for"):
            raise
    deadline = Deadline(timeout)
    while True:
        waitables, final = wait._waits_for()
        try:
            # Before there is anything to wait for nobody can see that this is two steps.
            is_set = _kernel.signal_and_wait(signal, waitables[0], deadline.left() if final else 0)
            break
        except HandleClosed:
            if not _are_stale(waitables):
                raise
    if final and not is_set:
        return False
    return (final and wait._is_set()) or wait_any((wait,), deadline.left()) is not None


def _are_stale(waitables: Iterable[_kernel.Waitable]) -> bool:
    """Say whether one of these, which something made of several gave us a moment ago, was closed since: ask it anew."""
    return any(waitable.closed for waitable in waitables)


def _wait_multiple(targets: tuple[Any, ...], wait_all: bool, timeout: float | None) -> tuple[int, list[int]] | None:
    """Wait for objects of the kernel, and for what is made of several of them and names those to wait for."""
    try:
        return _kernel.wait_multiple(targets, wait_all, timeout)
    except TypeError:
        if not any(hasattr(target, "_waits_for") for target in targets):
            raise
    deadline = Deadline(timeout)
    attempt = _attempt_all if wait_all else _attempt_any
    late = False
    while True:
        named = {index: target._waits_for() for index, target in enumerate(targets) if hasattr(target, "_waits_for")}
        try:
            outcome = attempt(targets, named, deadline)
        except HandleClosed:
            if not any(_are_stale(waitables) for waitables, _ in named.values()):
                raise
            if late:
                return None
        else:
            if outcome is not _AGAIN:
                return outcome
        late = deadline.left() == 0


_Named: TypeAlias = dict[int, tuple[tuple[_kernel.Waitable, ...], bool]]
_AGAIN = (-1, list[int]())
"""What came of it is that there is something else to wait for."""


def _attempt_any(targets: tuple[Any, ...], named: _Named, deadline: Deadline) -> tuple[int, list[int]] | None:
    everything: list[_kernel.Waitable] = []
    sources: list[int] = []
    for index, target in enumerate(targets):
        waitables = named[index][0] if index in named else (target,)
        everything += waitables
        sources += [index] * len(waitables)
    outcome = _kernel.wait_multiple(tuple(everything), False, deadline.left())
    if outcome is None:
        return None
    index = sources[outcome[0]]
    if index in named and not (named[index][1] and targets[index]._is_set()):
        return _AGAIN
    return index, outcome[1]


def _attempt_all(targets: tuple[Any, ...], named: _Named, deadline: Deadline) -> tuple[int, list[int]] | None:
    first = next((waitables for waitables, final in named.values() if not final), None)
    if first is not None:
        return _AGAIN if _kernel.wait_multiple(first, False, deadline.left()) else None
    everything = tuple(named[index][0][0] if index in named else target for index, target in enumerate(targets))
    outcome = _kernel.wait_multiple(everything, True, deadline.left())
    if outcome is not None:  # the others are taken by now, so there is no going back, but for what is closed
        for index in named:
            targets[index]._is_set()
    return outcome
