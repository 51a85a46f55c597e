"""Foreign functions: function pointers as `ctypes` makes them, to entry points written in Python.

An entry point is a real C function, a callback of `ctypes`, so that `ctypes` itself converts arguments and results as
Windows programs expect: prototypes, ``byref``, ``errcheck``, results cut to a C int. What needs help is text, which has
two bytes a unit here, the last error, and exceptions, which no C function can raise.
"""

from __future__ import annotations

import ctypes
import threading
from _ctypes import FUNCFLAG_CDECL, FUNCFLAG_PYTHONAPI, CFuncPtr
from collections.abc import Callable
from typing import Any

from ntipc.win32.binding.last_error import last

from .characters import as_text, c_wchar_p, is_text

POINTER_BITS = 2**64


class _Pending(threading.local):
    """What an entry point that this thread is in has raised, for the call that leads there."""

    error: BaseException | None = None
    copy = 0  # of the last error, for libraries made with use_last_error
    swaps = False  # whether the entry point that is called next works with the copy as its last error


pending = _Pending()


def entry_point(function: Callable[..., Any], arguments: int) -> int:
    """Make a C function of a Python one; its address. It takes words, and returns one.

    An exception goes on in the caller of `ForeignFunction`, which looks for it; C code gets 0.
    """

    def call(*words: int) -> int:
        swaps, pending.swaps = pending.swaps, False
        if swaps:
            last.code, pending.copy = pending.copy, last.code
        try:
            result = function(*words)
        except BaseException as error:
            pending.error = error
            return 0
        finally:
            if swaps:
                last.code, pending.copy = pending.copy, last.code
        return 0 if result is None else int(result) & POINTER_BITS - 1

    pointer = ctypes.CFUNCTYPE(ctypes.c_uint64, *[ctypes.c_uint64] * arguments)(call)
    _entry_points.append(pointer)  # C code may hold the address for as long as the process lives
    return ctypes.cast(pointer, ctypes.c_void_p).value or 0


_entry_points: list[Any] = []


class ForeignFunction(CFuncPtr):
    """A function pointer; `ctypes` knows its prototype, and what is missing is done around the call."""

    _flags_ = FUNCFLAG_CDECL | FUNCFLAG_PYTHONAPI  # blocking entry points give the GIL up by themselves
    _restype_ = ctypes.c_int
    _swaps_last_error = False
    __name__: str

    def __call__(self, *arguments: Any) -> Any:
        """Call the function."""
        prototype: Any = self.argtypes
        if prototype is None:
            arguments = tuple([c_wchar_p(value) if isinstance(value, str) else value for value in arguments])
        pending.swaps = self._swaps_last_error
        try:
            result = super().__call__(*arguments)
        except BaseException:  # of an argument, or of errcheck
            if pending.error is None:
                raise
        finally:
            pending.swaps = False
        if pending.error is not None:
            error, pending.error = pending.error, None
            raise error
        return as_text(result, self.restype) if is_text(self.restype) else result


class ForeignFunctionWithLastError(ForeignFunction):
    """One of a library made with ``use_last_error=True``: the last error that it sets goes to the copy of `ctypes`."""

    _flags_ = ForeignFunction._flags_
    _restype_ = ctypes.c_int
    _swaps_last_error = True


def _with_text(function: Callable[..., Any], kinds: tuple[Any, ...]) -> Callable[..., Any]:
    if not any(map(is_text, kinds)):
        return function
    return lambda *values: function(*[as_text(value, kind) for value, kind in zip(values, kinds, strict=True)])


def function_type(result: Any, *kinds: Any, use_errno: bool = False, use_last_error: bool = False) -> type:
    """Make a type of function pointers: ``WINFUNCTYPE`` and ``CFUNCTYPE``, which are one on 64-bit Windows.

    An instance is made of a callable, an address, or ``(name, library)`` with parameter flags.
    """
    if use_errno:
        raise ValueError("use_errno has no meaning for the functions that are here")
    key = (result, kinds, use_last_error)
    if key in _types:
        return _types[key]
    base = ForeignFunctionWithLastError if use_last_error else ForeignFunction

    class FunctionType(base):  # type: ignore[misc, valid-type]
        _flags_ = FUNCFLAG_CDECL if not use_last_error else base._flags_
        _restype_ = result
        _argtypes_ = kinds

        def __new__(cls, target: Any = None, flags: Any = None, *more: Any) -> Any:
            if isinstance(target, tuple):
                name, library = target
                function = super().__new__(cls, library.address_of(name))
                function.__name__ = name
                return function if flags is None else _WithParameters(function, name, flags, kinds)
            if target is None:
                return super().__new__(cls)
            if isinstance(target, int):
                return super().__new__(cls, target)
            return super().__new__(cls, _with_text(target, kinds))

        def __init__(self, *arguments: Any) -> None:
            super().__init__()

    FunctionType.__name__ = FunctionType.__qualname__ = "WinFunctionType"
    _types[key] = FunctionType
    return FunctionType


_types: dict[Any, type] = {}
_IN, _OUT, _LCID = 1, 2, 4


class _WithParameters:
    """A foreign function with parameter flags: names, defaults, and out parameters that the call returns."""

    def __init__(self, function: Any, name: str, flags: tuple[tuple[Any, ...], ...], kinds: tuple[Any, ...]) -> None:
        if len(flags) != len(kinds):
            raise ValueError("paramflags must have the same length as argtypes")
        self._function = function
        self._flags = [(flag[0] or _IN, flag[1] if len(flag) > 1 else None, flag[2:]) for flag in flags]
        self._kinds = kinds
        self.__name__ = name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._function, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("errcheck", "restype", "argtypes"):
            setattr(self._function, name, value)
        else:
            super().__setattr__(name, value)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        given, values, outs = list(arguments), [], []
        for (direction, name, default), kind in zip(self._flags, self._kinds, strict=True):
            if direction & _OUT and not direction & _IN:
                out = kind._type_(*default)
                outs.append(out)
                values.append(ctypes.byref(out))
                continue
            if given:
                value = given.pop(0)
            elif name in named:
                value = named.pop(name)
            elif default or direction & _LCID:
                value = default[0] if default else 0
            else:
                raise TypeError(f"required argument {name!r} missing")
            if direction & _OUT:
                out = value if isinstance(value, kind._type_) else kind._type_(value)
                outs.append(out)
                value = ctypes.byref(out)
            values.append(value)
        if given or named:
            raise TypeError(f"call takes exactly {len(values) - len(outs)} arguments")
        checked = self._function.errcheck is not None
        result = self._function(*values)
        if not outs or (checked and not isinstance(result, tuple) and result is not None and not _is_plain(result)):
            return result
        found = tuple([out.value if hasattr(out, "value") else out for out in outs])
        return found[0] if len(found) == 1 else found


def _is_plain(result: Any) -> bool:
    """Is that what a function without an errcheck returns, so that the out parameters are the result?"""
    return isinstance(result, (int, bool))
