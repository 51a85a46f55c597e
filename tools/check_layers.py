"""Fail if the parts of ntipc know more of each other than they may, or if a file has grown too long.

Imports point down only: a module may import those of lower rank, and those of its own package. The command line and
the demonstration stand on the public interface, so they may not import the compiled kernel. The kernel's crate knows
nothing of Python.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = ROOT / "python" / "ntipc"

RANKS: tuple[frozenset[str], ...] = (
    frozenset({"_kernel"}),
    frozenset({"errors"}),
    frozenset({"_runtime"}),
    frozenset({"session"}),
    frozenset({"objects"}),
    frozenset({"sync", "sections", "queues"}),
    frozenset({"directories", "global_memory", "other_memory", "shared_data"}),
    frozenset({"mailslots", "pipes", "ports"}),
    frozenset({"overlapped", "rpc", "watching", "window_messages", "debuglog"}),
    frozenset({"mailboxes", "single_instances"}),
    frozenset({"processes"}),
    frozenset({"__init__"}),
    frozenset({"ntdll"}),
    frozenset({"win32"}),
    frozenset({"clib", "testing", "demo"}),
    frozenset({"cli"}),
    frozenset({"__main__"}),
)
RANK = {part: rank for rank, parts in enumerate(RANKS) for part in parts}
ABOVE_THE_LIBRARY = {"cli", "demo", "ntdll", "__main__"}
"""Parts that use only what the library offers to everybody."""

LIMIT = 600
TEST_LIMIT = 800
WARNING = 400
SOURCES = {".py", ".pyi", ".rs"}
SOURCE_FOLDERS = ("python", "crates", "tests", "tools", "bench", "examples", "docs")
BANNED_NAMES = {"util", "utils", "common", "helpers", "base", "misc", "manager"}


def problems() -> Iterator[str]:
    yield from layer_problems()
    yield from kernel_problems()
    yield from file_problems()


def part_of(path: Path) -> str:
    """The part of the library that a file belongs to: a module, or a package below ``ntipc``."""
    first = path.relative_to(LIBRARY).parts[0]
    return first.partition(".")[0]


def layer_problems() -> Iterator[str]:
    for path in sorted(LIBRARY.rglob("*.py")):
        part = part_of(path)
        if part not in RANK:
            yield f"{shown(path)}: {part} has no place among the layers; give it one in {shown(Path(__file__))}"
            continue
        for line, imported in imports(path):
            if imported not in RANK or imported == part:
                continue
            if RANK[imported] >= RANK[part]:
                yield f"{shown(path)}:{line}: {part} may not import {imported}, which is not below it"
            elif imported == "_kernel" and part in ABOVE_THE_LIBRARY:
                yield f"{shown(path)}:{line}: {part} may not import _kernel, only what the library offers"


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """The parts of the library that a file imports, with the lines; ``__init__`` stands for ``ntipc`` itself."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level:
            yield node.lineno, f"relative import (write ntipc.{node.module or ''})"
            continue
        elif isinstance(node, ast.ImportFrom) and node.module == "ntipc":
            names = [f"ntipc.{alias.name}" if f"{alias.name}" in RANK else "ntipc" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        for name in names:
            top, _, rest = name.partition(".")
            if top == "ntipc":
                yield node.lineno, rest.partition(".")[0] or "__init__"


def kernel_problems() -> Iterator[str]:
    crate = ROOT / "crates" / "ntipc_kernel"
    for path in sorted([*crate.rglob("*.rs"), *crate.glob("Cargo.toml")]):
        for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if "pyo3" in text.lower():
                yield f"{shown(path)}:{number}: the kernel knows nothing of Python, so it may not name pyo3"
            is_the_door = path.name == "sync.rs" or path.parent == crate / "src" / "models"
            if "sync::atomic" in text and not is_the_door and path.is_relative_to(crate / "src"):
                yield f"{shown(path)}:{number}: atomics come from crate::sync alone, for model checkers"


def file_problems() -> Iterator[str]:
    for path in source_files():
        lines = len(path.read_text(encoding="utf-8").splitlines())
        limit = TEST_LIMIT if "tests" in path.relative_to(ROOT).parts else LIMIT
        if lines > limit:
            yield f"{shown(path)}: {lines} lines, more than {limit}; one class or mechanism a file"
        elif lines > WARNING:
            print(f"note: {shown(path)} has {lines} lines; aim at less than {WARNING}", file=sys.stderr)
        # What stands in for modules of Python's own has their names.
        if path.stem in BANNED_NAMES and "standard" not in path.parts:
            yield f"{shown(path)}: {path.stem} says nothing; name the file after what it holds"


def source_files() -> Iterator[Path]:
    for folder in SOURCE_FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in SOURCES and "target" not in path.parts:
                yield path


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def main() -> int:
    found = list(problems())
    for problem in found:
        print(problem, file=sys.stderr)
    if not found:
        print("layers: as they should be")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
