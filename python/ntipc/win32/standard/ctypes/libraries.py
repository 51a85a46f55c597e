"""``windll``, ``WinDLL`` and their like: libraries by name, whose exports are entry points written in Python."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from typing import Any

from ntipc.win32.standard.beside import find_exports_for_python
from ntipc.win32.standard.exports.words import as_c_call
from ntipc.win32.standard.os_errors import os_error

from .errors import WinError
from .functions import ForeignFunction, ForeignFunctionWithLastError, entry_point

_addresses: dict[tuple[str, str], int] = {}


class CDLL:
    """A library of Windows, by name with or without ``.dll``, in any case.

    Each attribute is a function object of this library object, made once, with a prototype of its own.

    Raises:
        FileNotFoundError: No library of that name is here.
    """

    _function: type[ForeignFunction] = ForeignFunction

    def __init__(
        self,
        name: str | None,
        mode: int = 0,
        handle: int | None = None,
        use_errno: bool = False,
        use_last_error: bool = False,
        winmode: int | None = None,
    ) -> None:
        found = find_exports_for_python(name or "kernel32")
        if found is None:
            reason = f"Could not find module {name!r} (or one of its dependencies)."
            raise os_error(None, reason, None, 126)
        self._name = name
        self._key, self._exports = found
        self._handle = handle or library_number(self._key)
        self._FuncPtr = ForeignFunctionWithLastError if use_last_error else self._function

    def address_of(self, name: str) -> int:
        """Return the address of an export.

        Raises:
            AttributeError: The library has none of that name.
        """
        key = (self._key, name)
        if key not in _addresses:
            export = self._exports.get(name)
            if export is None:
                raise AttributeError(f"function {name!r} not found")
            _addresses[key] = entry_point(as_c_call(name, export), export.arguments)
        return _addresses[key]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        function = self[name]
        setattr(self, name, function)
        return function

    def __getitem__(self, name: str) -> Any:
        if not isinstance(name, str):
            raise AttributeError(f"function ordinal {name} not found")
        function = self._FuncPtr(self.address_of(name))
        function.__name__ = name
        return function

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._name!r}, handle {self._handle:x} at {id(self):#x}>"


class WinDLL(CDLL):
    """A library whose functions have Windows' calling convention: on 64 bits the same as `CDLL`."""


class PyDLL(CDLL):
    """A library whose functions are called with the GIL."""


def _check_result(result: int) -> int:
    if result < 0:
        raise WinError(result)
    return result


class HRESULT(ctypes.c_int):
    """A result that is an error if it is negative: a function of that result type raises then."""

    _check_retval_ = _check_result


class OleDLL(CDLL):
    """A library whose functions return HRESULT, and raise OSError if it is an error."""

    class _function(ForeignFunction):
        _flags_ = ForeignFunction._flags_
        _restype_ = HRESULT


class LibraryLoader:
    """``windll``, ``oledll`` and ``cdll``: libraries as attributes, loaded once."""

    def __init__(self, kind: Callable[[str], CDLL]) -> None:
        self._kind = kind
        self._loaded: dict[str, CDLL] = {}

    def __getattr__(self, name: str) -> CDLL:
        if name.startswith("_"):
            raise AttributeError(name)
        if name.lower() not in self._loaded:
            self._loaded[name.lower()] = self._kind(name)
        return self._loaded[name.lower()]

    def __getitem__(self, name: str) -> CDLL:
        return getattr(self, name)  # type: ignore[no-any-return]

    def LoadLibrary(self, name: str) -> CDLL:
        """Load a library by name; each call gives a library object of its own."""
        return self._kind(os.fspath(name))


def library_number(key: str) -> int:
    """Return the module handle of a library that is here: a number that is not zero, the same in each call."""
    return 0x7FF0_0000_0000 + 0x1_0000 * (1 + sorted(_known()).index(key))


def _known() -> set[str]:
    from ntipc.win32.standard.exports import LIBRARIES

    return set(LIBRARIES)


windll = LibraryLoader(WinDLL)
oledll = LibraryLoader(OleDLL)
cdll = LibraryLoader(CDLL)
pydll = LibraryLoader(PyDLL)
