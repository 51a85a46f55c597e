"""Finding the calls of Windows in the source of a program, by the names under which it imports them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final, NamedTuple

LIBRARIES: Final = frozenset({
    "advapi32", "crypt32", "dwmapi", "gdi32", "iphlpapi", "kernel32", "kernelbase", "mpr", "netapi32", "ntdll", "ole32",
    "oleaut32", "psapi", "secur32", "setupapi", "shell32", "shlwapi", "ucrtbase", "user32", "userenv", "uxtheme",
    "version", "winmm", "ws2_32", "wtsapi32",
})  # fmt: skip
"""Libraries of Windows that programs reach by ctypes."""
_LOADERS: Final = {"windll", "oledll", "cdll", "WinDLL", "OleDLL", "CDLL", "LoadLibrary", "PyDLL"}
_MODULES_OF_WINDOWS: Final = frozenset({"_winapi", "_winreg", "msvcrt", "winreg", "winsound", "nt", "_msi"})
_WORDS: Final = frozenset({"dde", "nt", "timer", "wmi"})
"""Modules that are called like other things of a program: they count where it imports them."""
ONLY_ON_WINDOWS: Final = {
    "asyncio": frozenset({
        "IocpProactor", "ProactorEventLoop", "WindowsProactorEventLoopPolicy", "WindowsSelectorEventLoopPolicy",
        "windows_events", "windows_utils",
    }),
    "multiprocessing.connection": frozenset({"PipeClient", "PipeConnection", "PipeListener"}),
    "os": frozenset({
        "O_BINARY", "O_NOINHERIT", "O_RANDOM", "O_SEQUENTIAL", "O_SHORT_LIVED", "O_TEMPORARY", "O_TEXT", "P_DETACH",
        "add_dll_directory", "get_handle_inheritable", "listdrives", "listmounts", "listvolumes",
        "set_handle_inheritable", "startfile",
    }),
    "signal": frozenset({"CTRL_BREAK_EVENT", "CTRL_C_EVENT", "SIGBREAK"}),
    "subprocess": frozenset({
        "ABOVE_NORMAL_PRIORITY_CLASS", "BELOW_NORMAL_PRIORITY_CLASS", "CREATE_BREAKAWAY_FROM_JOB",
        "CREATE_DEFAULT_ERROR_MODE", "CREATE_NEW_CONSOLE", "CREATE_NEW_PROCESS_GROUP", "CREATE_NO_WINDOW",
        "DETACHED_PROCESS", "HIGH_PRIORITY_CLASS", "Handle", "IDLE_PRIORITY_CLASS", "NORMAL_PRIORITY_CLASS",
        "REALTIME_PRIORITY_CLASS", "STARTF_USESHOWWINDOW", "STARTF_USESTDHANDLES", "STARTUPINFO", "STD_ERROR_HANDLE",
        "STD_INPUT_HANDLE", "STD_OUTPUT_HANDLE", "SW_HIDE",
    }),
    "sys": frozenset({"dllhandle", "getwindowsversion", "winver"}),
}  # fmt: skip
"""Names of the standard library that only Windows has."""
_OF_CTYPES: Final = frozenset({
    "WINFUNCTYPE", "WinError", "FormatError", "GetLastError", "get_last_error", "set_last_error", "HRESULT",
})  # fmt: skip


LOOP_METHODS: Final = frozenset({"create_pipe_connection", "start_serving_pipe"})
"""Methods of event loops that only Windows has."""


class Use(NamedTuple):
    """A place where a program names a call of Windows.

    Attributes:
        line: The line.
        module: The module of pywin32, the library, or the module of Python.
        name: The call; empty for an import of a module.
    """

    line: int
    module: str
    name: str


def uses_in(source: str, modules: frozenset[str]) -> Iterator[Use]:
    """Find the uses in a program, in the order of lines.

    Args:
        source: The text of the program.
        modules: The modules of pywin32 to look for.

    Raises:
        SyntaxError: It is no program of Python 3.
    """
    visitor = _Visitor(modules)
    visitor.visit(ast.parse(source))
    yield from sorted(set(visitor.found), key=lambda use: (use.line, use.module, use.name))


class _Visitor(ast.NodeVisitor):
    def __init__(self, modules: frozenset[str]) -> None:
        self.modules = modules | _MODULES_OF_WINDOWS
        self.found: list[Use] = []
        self._names: dict[str, str] = {}
        """What a name of the program stands for: a module or a library."""
        self._ctypes: set[str] = set()
        self._standard: dict[str, str] = {}
        """Modules of the standard library that have names of their own on Windows, by what the program calls them."""
        self._mmap: set[str] = set()

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            top = alias.name.partition(".")[0]
            name = alias.asname or top
            last = alias.name.rpartition(".")[2]
            if top == "win32" and last in self.modules:
                self._names[alias.asname or last] = last
                self.found.append(Use(node.lineno, last, ""))
            elif top in self.modules:
                self._names[name] = top
                self.found.append(Use(node.lineno, top, ""))
            elif top == "ctypes":
                self._ctypes.add(name)
            elif top == "mmap":
                self._mmap.add(name)
            elif alias.name in ONLY_ON_WINDOWS:
                self._standard[alias.asname or alias.name] = alias.name
            elif top in ONLY_ON_WINDOWS and not alias.asname:
                self._standard[top] = top

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.level:  # a module of the program's own, whatever it is called
            self._names |= {alias.asname or alias.name: "" for alias in node.names}
            return
        module = (
            (node.module or "").rpartition(".")[2] if (node.module or "").startswith("win32.") else node.module or ""
        )
        top = module.partition(".")[0]
        for alias in node.names:
            name = alias.asname or alias.name
            if top == "win32" and alias.name in self.modules:
                self._names[name] = alias.name
            elif top in self.modules and alias.name != "*":
                self.found.append(Use(node.lineno, top, alias.name))
                self._names[name] = ""
            elif top in self.modules:
                self.found.append(Use(node.lineno, top, ""))
            elif top == "ctypes" and alias.name in _LOADERS:
                self._names[name] = f"ctypes.{alias.name}"
            elif top == "ctypes" and alias.name in _OF_CTYPES:
                self.found.append(Use(node.lineno, "ctypes", alias.name))
            elif alias.name in ONLY_ON_WINDOWS.get(module, ()):
                self.found.append(Use(node.lineno, module, alias.name))
            elif f"{module}.{alias.name}" in ONLY_ON_WINDOWS:
                self._standard[name] = f"{module}.{alias.name}"

    def visit_Assign(self, node: ast.Assign) -> None:
        self._assigned(node.value, node.targets)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self._assigned(node.value, [node.target])
        self.generic_visit(node)

    def _assigned(self, value: ast.expr, targets: list[ast.expr]) -> None:
        library = self._library(value)
        for target in targets if library else []:
            name = _dotted(target)
            if name is not None:
                self._names[name] = library or ""

    def visit_Attribute(self, node: ast.Attribute) -> None:
        owner = self._library(node.value) or self._module(node.value)
        if (
            owner
            and not owner.startswith("ctypes.")
            and not (owner in LIBRARIES and node.attr in ("argtypes", "restype"))
        ):
            self.found.append(Use(node.lineno, owner, node.attr))
        elif node.attr in LOOP_METHODS:
            self.found.append(Use(node.lineno, "asyncio", f"loop.{node.attr}"))
        elif isinstance(node.value, ast.Name) and node.value.id in self._ctypes and node.attr in _OF_CTYPES:
            self.found.append(Use(node.lineno, "ctypes", node.attr))
        elif (module := self._standard.get(_dotted(node.value) or "")) and node.attr in ONLY_ON_WINDOWS[module]:
            self.found.append(Use(node.lineno, module, node.attr))
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        function = node.func
        if any(keyword.arg == "tagname" for keyword in node.keywords):
            self.found.append(Use(node.lineno, "mmap", "mmap(tagname)"))
        elif (
            isinstance(function, ast.Attribute)
            and isinstance(function.value, ast.Name)
            and function.value.id in self._mmap
        ):
            third = len(node.args) > 2 and not isinstance(node.args[2], ast.Attribute)
            if function.attr == "mmap" and third:
                self.found.append(Use(node.lineno, "mmap", "mmap(tagname)"))
        self.generic_visit(node)

    def _module(self, node: ast.expr) -> str | None:
        """The module that a name stands for, also one that is called like a module and comes from elsewhere."""
        name = _dotted(node)
        if not isinstance(node, ast.Name) or name is None:
            return self._names.get(name) if name is not None else None
        return self._names.get(name, name if name in self.modules - _WORDS else None)

    def _library(self, node: ast.expr) -> str | None:
        """The library that an expression such as ``ctypes.windll.kernel32`` or ``WinDLL("kernel32")`` stands for."""
        if isinstance(node, ast.Attribute) and node.attr.lower() in LIBRARIES and self._is_loader(node.value):
            return node.attr.lower()
        if isinstance(node, ast.Call) and node.args and self._is_loader(node.func):
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                name = first.value.lower().removesuffix(".dll")
                return name if name in LIBRARIES else None
        return None

    def _is_loader(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Name):
            return self._names.get(node.id, "").startswith("ctypes.")
        if isinstance(node, ast.Attribute):
            if isinstance(node.value, ast.Name) and node.value.id in self._ctypes:
                return node.attr in _LOADERS
            return node.attr == "LoadLibrary" and self._is_loader(node.value)
        return False


def _dotted(node: ast.expr) -> str | None:
    """Return a name such as ``a`` or ``self.a``; ``None`` if it is something else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (owner := _dotted(node.value)) is not None:
        return f"{owner}.{node.attr}"
    return None
