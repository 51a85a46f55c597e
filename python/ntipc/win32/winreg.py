r"""``winreg``: there is no registry, so keys are not found, and programs take their defaults.

A program that keeps settings there can be given a file instead: ``NTIPC_REGISTRY`` names a file of JSON, which is made
when something is first written. Only a program's own modules get this module.

    >>> from ntipc.win32 import winreg
    >>> winreg.OpenKey(winreg.HKEY_CURRENT_USER, r"Software\Example")
    Traceback (most recent call last):
    FileNotFoundError: ...
"""

from __future__ import annotations

import base64
import json
import os
from types import TracebackType
from typing import Any, Final, Self

HKEY_CLASSES_ROOT, HKEY_CURRENT_USER, HKEY_LOCAL_MACHINE = 0x8000_0000, 0x8000_0001, 0x8000_0002
HKEY_USERS, HKEY_PERFORMANCE_DATA, HKEY_CURRENT_CONFIG, HKEY_DYN_DATA = (
    0x8000_0003, 0x8000_0004, 0x8000_0005, 0x8000_0006,
)  # fmt: skip
KEY_QUERY_VALUE, KEY_SET_VALUE, KEY_CREATE_SUB_KEY, KEY_ENUMERATE_SUB_KEYS = 1, 2, 4, 8
KEY_NOTIFY, KEY_CREATE_LINK, KEY_WOW64_64KEY, KEY_WOW64_32KEY = 16, 32, 0x100, 0x200
KEY_READ = KEY_EXECUTE = 0x2_0019
KEY_WRITE, KEY_ALL_ACCESS = 0x2_0006, 0xF_003F
REG_NONE, REG_SZ, REG_EXPAND_SZ, REG_BINARY, REG_DWORD = 0, 1, 2, 3, 4
REG_DWORD_LITTLE_ENDIAN, REG_DWORD_BIG_ENDIAN, REG_LINK, REG_MULTI_SZ, REG_QWORD = 4, 5, 6, 7, 11
REG_QWORD_LITTLE_ENDIAN, REG_RESOURCE_LIST, REG_FULL_RESOURCE_DESCRIPTOR = 11, 8, 9
REG_OPTION_NON_VOLATILE, REG_OPTION_VOLATILE, REG_CREATED_NEW_KEY, REG_OPENED_EXISTING_KEY = 0, 1, 1, 2

_ROOTS: Final = {
    HKEY_CLASSES_ROOT: "HKEY_CLASSES_ROOT",
    HKEY_CURRENT_USER: "HKEY_CURRENT_USER",
    HKEY_LOCAL_MACHINE: "HKEY_LOCAL_MACHINE",
    HKEY_USERS: "HKEY_USERS",
    HKEY_CURRENT_CONFIG: "HKEY_CURRENT_CONFIG",
}
_VARIABLE: Final = "NTIPC_REGISTRY"

error = OSError


class HKEYType:
    """An open key."""

    def __init__(self, path: str) -> None:
        self._path: str | None = path

    @property
    def handle(self) -> int:
        """A number that stands for the key."""
        return id(self) if self._path is not None else 0

    def Close(self) -> None:
        """Close it. May be repeated."""
        self._path = None

    def Detach(self) -> int:
        """Close it, and return the number that stood for it."""
        number, self._path = self.handle, None
        return number

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.Close()

    def __bool__(self) -> bool:
        return self._path is not None

    def __int__(self) -> int:
        return self.handle


def _failure(code: int, text: str) -> OSError:
    kind = {2: FileNotFoundError, 5: PermissionError}.get(code, OSError)
    problem = kind({2: 2, 5: 13, 259: 22, 6: 9}.get(code, 22), text)
    problem.winerror = code  # type: ignore[attr-defined]
    return problem


def _path_of(key: HKEYType | int, sub_key: str | None) -> str:
    if isinstance(key, HKEYType):
        if key._path is None:
            raise _failure(6, "The handle is invalid")
        base = key._path
    else:
        base = _ROOTS.get(int(key) & 0xFFFF_FFFF, "")
        if not base:
            raise _failure(6, "The handle is invalid")
    return f"{base}\\{sub_key.strip(chr(92))}" if sub_key else base


def _load() -> dict[str, dict[str, list[Any]]]:
    file = os.environ.get(_VARIABLE)
    if file is None:
        return {}
    try:
        with open(file, encoding="utf-8") as stream:
            known = json.load(stream)
    except FileNotFoundError:
        return {}
    return known if isinstance(known, dict) else {}


def _save(known: dict[str, dict[str, list[Any]]]) -> None:
    file = os.environ.get(_VARIABLE)
    if file is None:
        raise _failure(5, "Access is denied: set NTIPC_REGISTRY to a file for what is written")
    with open(f"{file}.new", "w", encoding="utf-8") as stream:
        json.dump(known, stream, indent=1)
    os.replace(f"{file}.new", file)


def _found(known: dict[str, dict[str, list[Any]]], path: str) -> str | None:
    """Return the spelling of a key that is there, or that has keys below it."""
    wanted = path.casefold()
    for name in known:
        if name.casefold() == wanted:
            return name
    if any(name.casefold().startswith(wanted + "\\") for name in known) or "\\" not in path:
        return path
    return None


def OpenKey(key: HKEYType | int, sub_key: str | None, reserved: int = 0, access: int = KEY_READ) -> HKEYType:
    """Open a key.

    Raises:
        FileNotFoundError: There is none.
    """
    path = _found(_load(), _path_of(key, sub_key))
    if path is None:
        raise _failure(2, "The system cannot find the file specified")
    return HKEYType(path)


OpenKeyEx = OpenKey


def CreateKey(key: HKEYType | int, sub_key: str | None) -> HKEYType:
    """Open a key, or make it.

    Raises:
        PermissionError: There is no file for what is written.
    """
    known = _load()
    path = _path_of(key, sub_key)
    found = _found(known, path)
    if found is None:
        known[path] = {}
        _save(known)
        found = path
    return HKEYType(found)


def CreateKeyEx(key: HKEYType | int, sub_key: str | None, reserved: int = 0, access: int = KEY_WRITE) -> HKEYType:
    """Open a key, or make it."""
    return CreateKey(key, sub_key)


def CloseKey(hkey: HKEYType | int) -> None:
    """Close a key."""
    if isinstance(hkey, HKEYType):
        hkey.Close()


def QueryValueEx(key: HKEYType | int, name: str | None) -> tuple[Any, int]:
    """Return a value and its type.

    Raises:
        FileNotFoundError: There is none.
    """
    values = _load().get(_path_of(key, None), {})
    for known, (kind, value) in values.items():
        if known.casefold() == (name or "").casefold():
            return (base64.b64decode(value) if kind in (REG_BINARY, REG_NONE) and value is not None else value), kind
    raise _failure(2, "The system cannot find the file specified")


def QueryValue(key: HKEYType | int, sub_key: str | None) -> str:
    """Return the value without a name of a key."""
    with OpenKey(key, sub_key) as opened:
        return str(QueryValueEx(opened, "")[0])


def SetValueEx(key: HKEYType | int, value_name: str | None, reserved: Any, type: int, value: Any) -> None:
    """Set a value.

    Raises:
        PermissionError: There is no file for what is written.
    """
    known = _load()
    if isinstance(value, (bytes, bytearray, memoryview)):
        value = base64.b64encode(bytes(value)).decode()
    known.setdefault(_path_of(key, None), {})[value_name or ""] = [type, value]
    _save(known)


def SetValue(key: HKEYType | int, sub_key: str | None, type: int, value: str) -> None:
    """Set the value without a name of a key."""
    with CreateKey(key, sub_key) as opened:
        SetValueEx(opened, "", 0, REG_SZ, value)


def DeleteValue(key: HKEYType | int, value: str | None) -> None:
    """Remove a value.

    Raises:
        FileNotFoundError: There is none.
    """
    known = _load()
    values = known.get(_path_of(key, None), {})
    for name in list(values):
        if name.casefold() == (value or "").casefold():
            del values[name]
            _save(known)
            return
    raise _failure(2, "The system cannot find the file specified")


def DeleteKey(key: HKEYType | int, sub_key: str) -> None:
    """Remove a key that has none below it.

    Raises:
        FileNotFoundError: There is none.
        PermissionError: There are keys below it.
    """
    known = _load()
    path = _path_of(key, sub_key)
    found = _found(known, path)
    if found is None:
        raise _failure(2, "The system cannot find the file specified")
    if any(name.casefold().startswith(path.casefold() + "\\") for name in known):
        raise _failure(5, "Access is denied")
    del known[found]
    _save(known)


def DeleteKeyEx(key: HKEYType | int, sub_key: str, access: int = KEY_WOW64_64KEY, reserved: int = 0) -> None:
    """Remove a key that has none below it."""
    DeleteKey(key, sub_key)


def EnumKey(key: HKEYType | int, index: int) -> str:
    """Return the name of a key below a key.

    Raises:
        OSError: There are not that many (259).
    """
    names = _below(_path_of(key, None))
    if not 0 <= index < len(names):
        raise _failure(259, "No more data is available")
    return names[index]


def EnumValue(key: HKEYType | int, index: int) -> tuple[str, Any, int]:
    """Return the name, the value and the type of a value.

    Raises:
        OSError: There are not that many (259).
    """
    names = list(_load().get(_path_of(key, None), {}))
    if not 0 <= index < len(names):
        raise _failure(259, "No more data is available")
    return (names[index], *QueryValueEx(key, names[index]))


def QueryInfoKey(key: HKEYType | int) -> tuple[int, int, int]:
    """Return how many keys are below a key, how many values it has, and when it was changed: 0."""
    path = _path_of(key, None)
    return len(_below(path)), len(_load().get(path, {})), 0


def _below(path: str) -> list[str]:
    start = path.casefold() + "\\"
    rests = [name[len(start) :] for name in _load() if name.casefold().startswith(start)]
    return sorted({rest.partition("\\")[0] for rest in rests})


def FlushKey(key: HKEYType | int) -> None:
    """Return at once: what was written is in the file."""


def ConnectRegistry(computer_name: str | None, key: int) -> HKEYType:
    """Return a key of this machine."""
    return HKEYType(_path_of(key, None))


def ExpandEnvironmentStrings(str: str) -> str:
    """Return a text with the variables in it, such as ``%HOME%``, replaced."""
    import re

    return re.sub(r"%([^%]+)%", lambda match: os.environ.get(match[1], match[0]), str)


def DisableReflectionKey(key: HKEYType | int) -> None:
    """Return at once."""


def EnableReflectionKey(key: HKEYType | int) -> None:
    """Return at once."""


def QueryReflectionKey(key: HKEYType | int) -> bool:
    """Return ``True``: nothing is reflected."""
    return True
