"""Type stubs for the modules of Windows under their own names, for type checkers of programs.

>>> print(stub_of("timer"))  # doctest: +ELLIPSIS
# The types of timer, written by `ntipc stubs`.
from typing import Any, NoReturn
<BLANKLINE>
from ntipc.win32.timer import error as error
from ntipc.win32.timer import kill_timer as kill_timer
from ntipc.win32.timer import set_timer as set_timer
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from typing import Any, Final

from ntipc.win32.binding import tables
from ntipc.win32.scope import MODULES, WITHOUT_CALLS

PACKAGES: Final = ("win32com",)
"""Modules that are packages, whose parts are not described."""
_ANYTHING: Final = "from typing import Any\n\ndef __getattr__(name: str) -> Any: ...\n"


def write_stubs(folder: str) -> list[str]:
    """Write the stubs of all modules into a folder, which is made.

    Returns:
        The files.

    Raises:
        OSError: They cannot be written.
    """
    os.makedirs(folder, exist_ok=True)
    written = []
    for name in (*MODULES, *WITHOUT_CALLS):
        path = os.path.join(folder, name, "__init__.pyi") if name in PACKAGES else os.path.join(folder, f"{name}.pyi")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(_ANYTHING if name in PACKAGES else stub_of(name) + "\n")
        written.append(path)
    return written


def stub_of(name: str) -> str:
    """Return the stub of one module: what is here, what is out of scope, and the constants."""
    module = tables.module_without_calls(name) if name in WITHOUT_CALLS else _loaded(name)
    head = [f"# The types of {name}, written by `ntipc stubs`.", "from typing import Any, NoReturn", ""]
    here, constants, absent = [], [], []
    for public in sorted(_names(name, module)):
        value = getattr(module, public)
        if public == "error" and name in WITHOUT_CALLS:
            here.append("from ntipc.win32.pywintypes import error as error")
            continue
        if tables.is_out_of_scope(value):
            absent.append(f"def {public}(*arguments: Any, **named: Any) -> NoReturn: ...")
        elif name in WITHOUT_CALLS or (public not in vars(module) or isinstance(value, int | str)):
            constants.append(f"{public}: {_type_of(value)}")
        else:
            here.append(f"from ntipc.win32.{name} import {public} as {public}")
    return "\n".join([*head, *here, *constants, *absent])


def _loaded(name: str) -> Any:
    return importlib.import_module(f"ntipc.win32.{name}")


def _names(name: str, module: Any) -> Iterator[str]:
    """Name what a program finds in a module, and not what the module uses itself."""
    own = vars(module).get("__all__") or [public for public, value in vars(module).items() if _is_own(value, module)]
    known = {*own, *tables.calls(name), *tables._constants_if_any(name), "error"}
    yield from (public for public in known if public[:1] != "_" and hasattr(module, public))


def _is_own(value: Any, module: Any) -> bool:
    origin = getattr(value, "__module__", None)
    return origin == module.__name__ if origin is not None else isinstance(value, int | str)


def _type_of(value: Any) -> str:
    return type(value).__name__ if isinstance(value, int | str | float | bytes) else "Any"
