"""Waits by handles, with the numbers that Windows returns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ntipc._runtime.deadlines import Deadline
from ntipc.errors import NotSupported, NtError, Status, from_status
from ntipc.ntdll.handles import Pseudo
from ntipc.objects.object import NtObject
from ntipc.session.session import default_session
from ntipc.sync import Mutex
from ntipc.sync.waits import signal_and_wait as signal_and_wait_for
from ntipc.sync.waits import wait_all, wait_any
from ntipc.win32.binding.pyhandle import HandleLike, PyHANDLE, number_of, object_of

WAIT_OBJECT_0: Final = 0
WAIT_ABANDONED: Final = 128
WAIT_TIMEOUT: Final = 258
_LOOK: Final = 0.01
"""Seconds between two looks at objects of several sessions."""


def wait_for_one(handle: HandleLike, milliseconds: int) -> int:
    """Wait for one object; a mutex is taken.

    Raises:
        NtError: There is no such handle, or it cannot be waited for.
    """
    milliseconds &= 0xFFFF_FFFF
    thing = object_of(handle)
    try:
        wait = thing.wait
    except AttributeError:
        if not isinstance(thing, Pseudo):
            raise _refusal(thing) from None
        from ntipc.win32.binding.duplication import real

        wait = real(thing).wait
    if not wait(None if milliseconds == 0xFFFF_FFFF else milliseconds / 1000):
        return WAIT_TIMEOUT
    return WAIT_ABANDONED if isinstance(thing, Mutex) and thing.abandoned else WAIT_OBJECT_0


def wait_for_several(handles: Sequence[HandleLike], all_of_them: bool, seconds: float | None) -> int:
    """Wait for one of several objects, or for all at one instant.

    Raises:
        NtError: The list is empty or too long, a handle is none, or an object cannot be waited for.
        TypeError: ``handles`` is no sequence of handles.
    """
    things = objects_of(handles)
    if not things:
        raise from_status(Status.INVALID_PARAMETER, "WaitForMultipleObjects", "", "the list is empty")
    try:
        if all_of_them:
            taken = wait_all(things, seconds)
            return WAIT_TIMEOUT if taken is None else WAIT_ABANDONED if taken.abandoned else WAIT_OBJECT_0
        one = wait_any(things, seconds)
    except NotSupported:
        if all_of_them:
            raise
        return _wait_across_sessions(things, seconds)
    except NtError:
        raise
    except ValueError as problem:  # there are too many
        raise from_status(Status.INVALID_PARAMETER, "WaitForMultipleObjects", "", str(problem)) from None
    if one is None:
        return WAIT_TIMEOUT
    return one.index + (WAIT_ABANDONED if one.abandoned else WAIT_OBJECT_0)


def _wait_across_sessions(things: list[Any], seconds: float | None) -> int:
    r"""Wait for one of several objects, some of which are of the session of ``Global\`` names.

    No wait has objects of two sessions. So this looks at each in turn, and waits in between for those of one session.
    """
    deadline = Deadline(seconds)
    first = _path_of(things[0])
    nearest = [place for place, thing in enumerate(things) if _path_of(thing) == first]
    while True:
        for place, thing in enumerate(things):
            if thing.wait(0):
                return place + _base(thing)
        left = deadline.left()
        if left == 0:
            return WAIT_TIMEOUT
        one = wait_any([things[place] for place in nearest], _LOOK if left is None else min(left, _LOOK))
        if one is not None:
            return nearest[one.index] + (WAIT_ABANDONED if one.abandoned else WAIT_OBJECT_0)


def _path_of(thing: Any) -> str | None:
    if isinstance(thing, NtObject):
        return thing._session_path
    session = thing.session if hasattr(thing, "session") else None
    return default_session().path if session is None else str(session.path)


def _base(thing: Any) -> int:
    return WAIT_ABANDONED if isinstance(thing, Mutex) and thing.abandoned else WAIT_OBJECT_0


def wait_for_messages(
    handles: Sequence[HandleLike], all_of_them: bool, seconds: float | None, mask: int, input_available: bool
) -> int:
    """Wait for objects or for a message to the calling thread, whose index is the number of the objects.

    Raises:
        NtError: A handle is none, or an object cannot be waited for.

    Differs:
        A wait for all objects does not wait for a message as well.
    """
    from ntipc.window_messages import wait_messages

    things = objects_of(handles)
    if all_of_them and things:
        return wait_for_several(handles, True, seconds)
    one = wait_messages(things, seconds, mask=mask & 0xFFFF, input_available=input_available)
    if one is None:
        return WAIT_TIMEOUT
    return one.index + (WAIT_ABANDONED if one.abandoned else WAIT_OBJECT_0)


def signal_and_wait(signal: HandleLike, wait: HandleLike, seconds: float | None) -> int:
    """Signal one object and wait for another in one step.

    Raises:
        NtError: A handle is none, or leads to an object that cannot be signalled or waited for.
    """
    target, waited = object_of(signal), object_of(wait)
    _checked_waitable(waited)
    try:
        done = signal_and_wait_for(target, waited, seconds)
    except NtError:
        raise
    except TypeError:
        raise from_status(Status.OBJECT_TYPE_MISMATCH, "SignalObjectAndWait", "", "it cannot be signalled") from None
    if not done:
        return WAIT_TIMEOUT
    return WAIT_ABANDONED if isinstance(waited, Mutex) and waited.abandoned else WAIT_OBJECT_0


def objects_of(handles: Sequence[HandleLike]) -> list[Any]:
    """Return the objects of a list of handles, each of which can be waited for.

    Raises:
        NtError: A handle is none, or its object cannot be waited for.
        TypeError: It is no sequence of handles.
    """
    message = "Handles must be a list of integers"
    if isinstance(handles, (str, bytes, PyHANDLE)) or not hasattr(handles, "__getitem__"):
        raise TypeError(message)
    try:
        numbers = [number_of(handle) for handle in handles]
    except TypeError:
        raise TypeError(message) from None
    return [_checked_waitable(object_of(number)) for number in numbers]


def _checked_waitable(thing: Any) -> Any:
    if not hasattr(thing, "wait"):
        if isinstance(thing, Pseudo):
            raise from_status(Status.INVALID_HANDLE, "WaitForMultipleObjects")
        raise _refusal(thing)
    return thing


def _refusal(thing: Any) -> NtError:
    """Say why something cannot be waited for: its handle cannot have the right SYNCHRONIZE."""
    return from_status(Status.ACCESS_DENIED, "WaitForSingleObject", f"{type(thing).__name__} object")
