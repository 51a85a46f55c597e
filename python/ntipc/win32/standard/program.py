"""The program's own modules: names of Windows that they find without an import, and errors with a Win32 code.

``open`` and ``WindowsError`` are put into the globals of each module, in front of the built-in names; a module that
defines them itself has its own. An ``OSError(0, text, None, 183)`` in its source is made by `os_error`, because the
class itself drops the code here: ``except OSError`` and ``except WindowsError`` go on to mean the built-in class.
"""

from __future__ import annotations

import builtins
import codecs
import importlib.machinery
import os
import sys
from collections.abc import MutableMapping, Sequence
from types import CodeType, ModuleType
from typing import IO, Any, Final

from ntipc.win32.standard.os_errors import os_error

_MAKER: Final = "__ntipc_os_error__"
_NAMES: Final = ("OSError", "WindowsError", "IOError", "EnvironmentError")
_CODE_AT: Final = 4
"""How many arguments there are if one of them is a Win32 error code."""


def open_any(file: Any, *arguments: Any, **named: Any) -> IO[Any]:
    """Open a file, or a pipe if the path names one: the ``open`` of the program's modules."""
    path = os.fspath(file) if isinstance(file, os.PathLike) else file
    if isinstance(path, (str, bytes)) and path[:2] in ("\\\\", "//", b"\\\\", b"//"):
        from ntipc.win32.standard.files import open_file

        return open_file(file, *arguments, **named)
    return builtins.open(file, *arguments, **named)  # type: ignore[no-any-return]


open_any.__name__ = open_any.__qualname__ = "open"


def prepare(namespace: MutableMapping[str, Any]) -> None:
    """Put the names of Windows into the globals of a module that is about to run."""
    namespace.setdefault("open", open_any)
    namespace.setdefault("WindowsError", OSError)
    namespace[_MAKER] = os_error


def compiled(source: str | bytes, path: str) -> CodeType:
    """Compile a module of the program.

    Raises:
        SyntaxError: It is no Python module.
    """
    return _compiled(source, path)[0]


def compiled_if_codes(source: bytes, path: str) -> CodeType | None:
    """Compile a module of the program in which an error is made with a Win32 code; ``None`` if there is no such call.

    Raises:
        SyntaxError: It is no Python module.
        ValueError: It has bytes of value 0.

    >>> compiled_if_codes(b"raise OSError(5, 'text')", "some.py") is None
    True
    """
    if not any(name.encode() in source for name in _NAMES):
        return None
    code, has_codes = _compiled(source, path)
    return code if has_codes else None


def _compiled(source: str | bytes, path: str) -> tuple[CodeType, bool]:
    """Compile a module; the code, and whether it makes an error with a Win32 code."""
    import ast

    tree = ast.parse(source, path)
    has_codes = False
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        if node.func.id in _NAMES and len(node.args) >= _CODE_AT:
            node.func = ast.copy_location(ast.Name(_MAKER, ast.Load()), node.func)
            has_codes = True
    return compile(tree, path, "exec", dont_inherit=True), has_codes


class ProgramLoader(importlib.machinery.SourceFileLoader):
    """Loads a module of the program. Its compiled form is not kept: that would be found without the names, too."""

    def get_code(self, fullname: str) -> CodeType:
        """Compile the module."""
        path = self.get_filename(fullname)
        return compiled(self.get_data(path), path)

    def exec_module(self, module: ModuleType) -> None:
        """Run the module, with the names of Windows in its globals."""
        prepare(module.__dict__)
        super().exec_module(module)


class ProgramFinder:
    """Finds the modules of the program before the interpreter's own finders do.

    Args:
        is_own: Says whether a module of such globals is the program's own.
    """

    def __init__(self, is_own: Any) -> None:
        self._is_own = is_own

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the spec of a module in the program's folders, which is loaded from its source."""
        if path is None and fullname in sys.builtin_module_names:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or type(spec.loader) is not importlib.machinery.SourceFileLoader:
            return None
        if not self._is_own({"__name__": fullname, "__file__": spec.origin}):
            return None
        spec.loader = ProgramLoader(spec.loader.name, spec.loader.path)
        spec.cached = None
        return spec


def _find_code_page(name: str) -> codecs.CodecInfo | None:
    if name not in ("mbcs", "oem", "ansi", "dbcs"):
        return None
    info = codecs.lookup("utf-8")
    return codecs.CodecInfo(
        info.encode, info.decode, info.streamreader, info.streamwriter, info.incrementalencoder,
        info.incrementaldecoder, name=name,
    )  # fmt: skip


_registered = False


def register_code_pages() -> None:
    """Make the codecs ``mbcs`` and ``oem``, which mean UTF-8 here."""
    global _registered
    if not _registered:
        codecs.register(_find_code_page)
        _registered = True
