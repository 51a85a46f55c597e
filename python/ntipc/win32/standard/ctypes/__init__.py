"""``ctypes`` as Windows has it, for the modules of a Windows program: sizes, text, ``windll`` and the last error.

What is the same on both systems is what `ctypes` has. What differs: a ``long`` has four bytes and a ``wchar_t`` two,
there are ``windll``, ``WinDLL``, ``WINFUNCTYPE``, ``WinError``, ``GetLastError`` and ``HRESULT``, and libraries are
those of Windows. The interpreter's own modules go on with `ctypes` itself.
"""

from __future__ import annotations

import ctypes as _ctypes
from typing import Any

from . import util as util
from . import wintypes as wintypes
from .characters import c_wchar as c_wchar
from .characters import c_wchar_p as c_wchar_p
from .characters import create_unicode_buffer as create_unicode_buffer
from .characters import wstring_at as wstring_at
from .errors import FormatError as FormatError
from .errors import GetLastError as GetLastError
from .errors import WinError as WinError
from .errors import get_last_error as get_last_error
from .errors import set_last_error as set_last_error
from .functions import function_type
from .integers import *  # noqa: F403
from .libraries import CDLL as CDLL
from .libraries import HRESULT as HRESULT
from .libraries import LibraryLoader as LibraryLoader
from .libraries import OleDLL as OleDLL
from .libraries import PyDLL as PyDLL
from .libraries import WinDLL as WinDLL
from .libraries import cdll as cdll
from .libraries import oledll as oledll
from .libraries import pydll as pydll
from .libraries import windll as windll
from .structures import Structure as Structure
from .structures import Union as Union

CFUNCTYPE = WINFUNCTYPE = function_type
RTLD_LOCAL = RTLD_GLOBAL = DEFAULT_MODE = 0
LittleEndianStructure = Structure
_FUNCFLAG_STDCALL = 0
__all__ = sorted({name for name in (*dir(_ctypes), *globals()) if not name.startswith("_")} - {"Any", "annotations"})


def __getattr__(name: str) -> Any:
    return getattr(_ctypes, name)


def DllGetClassObject(rclsid: object, riid: object, ppv: object) -> int:
    """Say that no COM class is here: CLASS_E_CLASSNOTAVAILABLE."""
    return -2147221231


def DllCanUnloadNow() -> int:
    """Say that the library is in use: S_FALSE."""
    return 1
