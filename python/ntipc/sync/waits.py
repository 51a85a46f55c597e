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
from typing import Any

from ntipc import _kernel
from ntipc.objects.waiting import CanBeWaitedFor, signal_and_wait_by_plan, wait_by_plans


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
    outcome = _kernel.wait_multiple(targets, False, timeout)
    if outcome is NotImplemented:
        outcome = wait_by_plans(targets, False, timeout)
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
        InvalidParameterMix: An object is there twice, perhaps by two handles.
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
    outcome = _kernel.wait_multiple(targets, True, timeout)
    if outcome is NotImplemented:
        outcome = wait_by_plans(targets, True, timeout)
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
    done: bool = _kernel.signal_and_wait(signal, wait, timeout)
    return signal_and_wait_by_plan(signal, wait, timeout) if done is NotImplemented else done
