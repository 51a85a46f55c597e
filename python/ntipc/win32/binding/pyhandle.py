"""``PyHANDLE``: a number that closes its handle when it goes, and the way from a number to the object.

>>> import ntipc
>>> handle = PyHANDLE(table.insert(ntipc.Event()))
>>> int(handle) % 4, bool(handle), handle == int(handle), handle == None
(0, True, True, False)
>>> number = handle.Detach()
>>> handle, number > 0
(<PyHANDLE:0>, True)
>>> table.close(number)
"""

from __future__ import annotations

import os
import sys
from operator import index
from typing import Any, NoReturn, TypeAlias, TypeVar

from ntipc.errors import NtError
from ntipc.ntdll import handles as table
from ntipc.win32.binding.failures import failed

INVALID_HANDLE_VALUE = -1

_things = table.things
_protected = table._protected
T = TypeVar("T")


def _close(number: int) -> None:
    """Close a handle by its number: in few steps, if it is one that the table knows and the kernel has given."""
    if number < table.FIRST_OWN_NUMBER and number not in _protected:
        thing = _things.pop(number, None)
        if thing is not None and not thing.closed:
            thing.close()
            return
    table.close(number)


class PyHANDLE:
    """A handle of this process, closed by :meth:`Close` or when nothing refers to it any more.

    Args:
        value: A number, another ``PyHANDLE``, or ``None`` for 0.

    Raises:
        TypeError: ``value`` is something else.

    Source:
        PyHANDLE objects (pywin32).
    """

    __slots__ = ("_value",)

    def __init__(self, value: HandleLike = None, /) -> None:
        self._value = 0  # so that one whose value is refused goes without a word
        self._value = number_of(value)

    @property
    def handle(self) -> int:
        """The number."""
        return self._value

    def Close(self) -> None:
        """Close the handle; of one that is closed already, nothing.

        Raises:
            error: The number was that of no handle. The value is 0 from then on all the same.
        """
        value, self._value = self._value, 0
        close_number(value)

    close = Close

    def Detach(self) -> int:
        """Return the number, and leave the handle open: the value is 0 from then on."""
        value, self._value = self._value, 0
        return value

    def __del__(self, _close: Any = _close) -> None:
        try:
            if value := self._value:
                _close(value)
        except Exception:  # closed by its number, or the interpreter ends
            pass

    def __int__(self) -> int:
        return self._value

    def __bool__(self) -> bool:
        return self._value != 0

    def __eq__(self, other: object) -> bool:
        if isinstance(other, PyHANDLE):
            return self._value == other._value
        if isinstance(other, int):
            return self._value == other
        return NotImplemented

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"<PyHANDLE:{self._value}>"

    def _refuse(self, *others: object) -> NoReturn:
        raise TypeError("bad operand type")

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __mod__ = __rmod__ = _refuse
    __divmod__ = __rdivmod__ = __pow__ = __rpow__ = __neg__ = __pos__ = __abs__ = __invert__ = _refuse
    __lshift__ = __rlshift__ = __rshift__ = __rrshift__ = __and__ = __rand__ = __xor__ = __rxor__ = _refuse
    __or__ = __ror__ = __float__ = _refuse


HandleLike: TypeAlias = PyHANDLE | int | None
"""What a parameter for a handle takes."""


def number_of(handle: object) -> int:
    """Return the number of what a program gave for a handle.

    Raises:
        TypeError: It is no handle, no number and not ``None``.
    """
    if isinstance(handle, PyHANDLE):
        return handle._value
    if handle is None:
        return 0
    try:
        return index(handle)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError("The object is not a PyHANDLE object") from None


def object_of(handle: HandleLike) -> Any:
    """Return the object that a handle leads to.

    Raises:
        HandleClosed: There is none.
        TypeError: ``handle`` is no handle, no number and not ``None``.
    """
    number = handle._value if type(handle) is PyHANDLE else number_of(handle)
    thing = _things.get(number)
    return thing if thing is not None else table.find(number)


def object_of_kind(handle: HandleLike, kind: type[T]) -> T:
    """Return the object that a handle leads to, if it is of that class.

    Raises:
        HandleClosed: There is none.
        ObjectTypeMismatch: It is of another class.
        TypeError: ``handle`` is no handle, no number and not ``None``.
    """
    number = handle._value if type(handle) is PyHANDLE else number_of(handle)
    thing = _things.get(number)
    return thing if isinstance(thing, kind) else table.find_of(number, kind)


def new_handle(thing: Any, *, is_local: bool = False) -> PyHANDLE:
    """Give an object a number, and make the handle for it.

    Args:
        thing: The object.
        is_local: Whether it is an object of the kernel that lies in the default session.
    """
    number = thing.handle if is_local else 0
    if number and number not in _things:
        _things[number] = thing
    else:
        number = table.insert(thing)
    handle = PyHANDLE.__new__(PyHANDLE)
    handle._value = number
    return handle


def close_number(number: int) -> None:
    """Close a handle by its number, as CloseHandle does; 0 is no handle and no failure.

    Raises:
        error: No handle of this process has this number, or it is protected from close.
    """
    if number:
        try:
            _close(number)
        except NtError as problem:
            if not sys.is_finalizing():  # then this process has left its sessions, and closed its handles
                raise failed(problem, "CloseHandle") from None


def CloseHandle(handle: HandleLike, /) -> None:
    """Close a handle.

    Raises:
        error: It is no handle of this process.

    Source:
        CloseHandle (Win32).
    """
    if isinstance(handle, PyHANDLE):
        handle.Close()
    else:
        close_number(number_of(handle))


if "NTIPC_WIN32_HANDLES" in os.environ:  # from a parent that has started this process with its handles
    from ntipc.win32.binding.heirlooms import take_over

    take_over()
