"""``os.environ`` as Windows has it: names in any case, and those that Windows sets.

>>> environment = Environment({"HOME": "/home/me", "Path": "/bin"})
>>> environment["PATH"], environment["UserProfile"], "APPDATA" in environment, "NoSuch" in environment
('/bin', '/home/me', True, False)
>>> sorted(environment)
['HOME', 'Path']
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any, Final

_NAME: Final = re.compile(r"%([^%\s]+)%")


def _home(values: MutableMapping[str, str]) -> str:
    return values.get("HOME") or os.path.expanduser("~")


def _user(values: MutableMapping[str, str]) -> str:
    import getpass

    return getpass.getuser()


def _temporary(values: MutableMapping[str, str]) -> str:
    import tempfile

    return tempfile.gettempdir()


_OF_WINDOWS: Final[dict[str, Callable[[MutableMapping[str, str]], str]]] = {
    "APPDATA": lambda values: values.get("XDG_CONFIG_HOME") or os.path.join(_home(values), ".config"),
    "COMPUTERNAME": lambda values: os.uname().nodename.upper(),
    "HOMEPATH": _home,
    "LOCALAPPDATA": lambda values: values.get("XDG_DATA_HOME") or os.path.join(_home(values), ".local", "share"),
    "NUMBER_OF_PROCESSORS": lambda values: str(os.cpu_count() or 1),
    "OS": lambda values: "Windows_NT",
    "PROCESSOR_ARCHITECTURE": lambda values: "AMD64",
    "TEMP": _temporary,
    "TMP": _temporary,
    "USERNAME": _user,
    "USERPROFILE": _home,
}


class Environment(MutableMapping[str, str]):
    """An environment in which a program finds what it looks for on Windows. What is listed is what there is.

    Args:
        values: The environment itself, in which changes are made.
    """

    def __init__(self, values: MutableMapping[str, str]) -> None:
        self._values = values

    def _own_name(self, name: str) -> str | None:
        """Return the name under which there is a value: the same, or one that differs in case alone."""
        if name in self._values:
            return name
        upper = name.upper()
        return next((other for other in self._values if other.upper() == upper), None)

    def __getitem__(self, name: str) -> str:
        own = self._own_name(name)
        if own is not None:
            return self._values[own]
        if name.upper() in _OF_WINDOWS:
            return _OF_WINDOWS[name.upper()](self._values)
        raise KeyError(name)

    def __setitem__(self, name: str, value: str) -> None:
        self._values[self._own_name(name) or name] = value

    def __delitem__(self, name: str) -> None:
        del self._values[self._own_name(name) or name]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (self._own_name(name) is not None or name.upper() in _OF_WINDOWS)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(self._values)

    def __or__(self, other: Any) -> dict[str, str]:
        return {**self, **other}

    def __ror__(self, other: Any) -> dict[str, str]:
        return {**other, **self}

    def copy(self) -> dict[str, str]:
        """Return what is listed, as a dictionary."""
        return dict(self._values)


environ: Final = Environment(os.environ)


def getenv(key: str, default: Any = None) -> Any:
    """Return the value of a name, or ``default``."""
    return environ.get(key, default)


def expandvars(path: Any) -> Any:
    """Replace ``%NAME%``, as well as ``$NAME``, by values; a name that has none stays.

    >>> expandvars("%OS%/$NONE/%none%/100%")
    'Windows_NT/$NONE/%none%/100%'
    """
    path = os.fspath(path)
    if isinstance(path, str):
        path = _NAME.sub(lambda found: environ.get(found[1], found[0]), path)
    return os.path.expandvars(path)
