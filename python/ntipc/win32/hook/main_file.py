"""The main file of a Python process that the program starts, where it has to be compiled as the program's modules are.

The interpreter compiles a main file by itself, so an ``OSError(0, text, None, 183)`` there would lose its code. But
first it asks the path hooks for the file, as it does for a folder with a ``__main__.py``, and whatever they answer for
is run by `runpy`. The hook here answers for that one file, and only if it has such a call.
"""

from __future__ import annotations

import io
import os
import sys
from importlib.machinery import SourceFileLoader
from types import CodeType
from typing import Any

from ntipc.win32.hook.rule import is_own
from ntipc.win32.hook.running import to_the_end
from ntipc.win32.standard.program import compiled_if_codes


def prepare_main_file() -> None:
    """Have the main file of this process run with its errors as Windows makes them. To be called while it starts."""
    path = os.path.abspath(sys.argv[0])
    if sys.flags.inspect or not os.path.isfile(path) or not is_own({"__name__": "__main__", "__file__": path}):
        return
    try:
        with io.open_code(path) as file:
            code = compiled_if_codes(file.read(), path)
    except (OSError, SyntaxError, ValueError):
        return  # the interpreter says what is wrong with it
    if code is not None:
        sys.path_hooks.append(_Hook(path, code))


class _Hook:
    """The path hook, and the finder that it answers with, which finds nothing."""

    def __init__(self, path: str, code: CodeType) -> None:
        self._path, self._code = path, code

    def __call__(self, path: str) -> _Hook:
        if os.path.normpath(path) != self._path:
            raise ImportError(path)
        import runpy

        sys.path_hooks.remove(self)
        runpy._run_module_as_main = self._run  # type: ignore[attr-defined]
        return self

    def find_spec(self, fullname: str, target: object = None) -> None:
        """Find nothing."""

    def _run(self, *_: object) -> None:
        main = vars(sys.modules["__main__"])
        main.update(__file__=self._path, __loader__=SourceFileLoader("__main__", self._path), __cached__=None)
        sys.path[0:1] = [] if sys.flags.safe_path else [os.path.dirname(os.path.realpath(self._path))]
        sys.path_importer_cache.pop(self._path, None)
        to_the_end(lambda: exec(self._code, main))


__all__: list[Any] = ["prepare_main_file"]
