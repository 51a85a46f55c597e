"""Write docs/win32-calls.md: every call of the modules of ntipc.win32, its status, and the facts that its tests check.

    python tools/win32_calls.py [--check]

A call is here if the module has a function or class for it. The facts are those that the comments of the tests name
which call it.
"""

import ast
import importlib
import re
import sys
from collections import defaultdict
from pathlib import Path

from ntipc.win32 import MODULES
from ntipc.win32.binding import tables
from ntipc.win32.standard.beside import find_exports_for_python
from ntipc.win32.standard.exports import LIBRARIES

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "win32-calls.md"
FACT = re.compile(r"\b[A-Z]{2}-\d+(?: to [A-Z]{2}-\d+)?")
HEAD = """\
# The calls of pywin32

What the modules of [`ntipc.win32`](win32.md) have of pywin32's, and what `ctypes` finds in Windows' libraries. A call
that is out of scope is there and raises `NotImplementedError` when it is called. The facts are numbers of what is known
about the call and checked by its tests. Written by `tools/win32_calls.py`; a test compares.
"""


_FIRST_LIBRARY = "\n## windll."


def facts() -> dict[str, set[str]]:
    """The facts by call: `win32event.SetEvent` -> {"FC-41", ...}."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted((ROOT / "tests" / "behaviour").glob("test_win32_*.py")):
        lines = path.read_text(encoding="utf-8").splitlines()
        for node in ast.parse("\n".join(lines)).body:
            if not isinstance(node, ast.FunctionDef):
                continue
            head = " ".join(lines[node.lineno - 1 : node.body[0].lineno])
            numbers = {fact for comment in re.findall(r"# (.*)", head) for fact in FACT.findall(comment)}
            for part in ast.walk(node):
                if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id in MODULES:
                    found[f"{part.value.id}.{part.attr}"] |= numbers
    return found


def page() -> str:
    """The page's text."""
    known = facts()
    parts = [HEAD]
    for name in MODULES:
        calls = tables.calls(name)
        try:
            module = importlib.import_module(f"ntipc.win32.{name}")
        except ModuleNotFoundError:
            continue
        exported = () if calls else vars(module).get("__all__", ())
        here = [
            call
            for call in sorted({*calls, *vars(module)})
            if callable(value := getattr(module, call, None))
            and (call in calls or not call.startswith("_"))
            and (call in calls or call in exported or getattr(value, "__module__", "") == module.__name__)
            and not tables.is_out_of_scope(value)
        ]
        absent = sorted(calls - set(here))
        if not here and not absent:
            continue
        parts.append(f"\n## {name}\n\n{len(here)} here, {len(absent)} out of scope.\n")
        if here:
            parts.append("\n| call | facts |\n| --- | --- |\n")
            for call in here:
                numbers = ", ".join(sorted(known[f"{name}.{call}"], key=_order))
                parts.append(f"| `{call}` | {numbers} |\n")
        if absent:
            parts.append(f"\nOut of scope: {', '.join(f'`{call}`' for call in absent)}.\n")
    return "".join([*parts, libraries()])


def libraries() -> str:
    """The part of the page about what ctypes finds in the libraries of Windows."""
    known = facts_of_exports()
    parts = []
    for name in LIBRARIES:
        found = find_exports_for_python(name)
        if found is None:
            continue
        parts.append(f"\n## windll.{name}\n\n{len(found[1])} exports are here; others are an `AttributeError`.\n")
        parts.append("\n| export | facts |\n| --- | --- |\n")
        parts += [f"| `{export}` | {', '.join(sorted(known[export], key=_order))} |\n" for export in sorted(found[1])]
    return "".join(parts)


def facts_of_exports() -> dict[str, set[str]]:
    """The facts by export, from the tests of ctypes."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted((ROOT / "tests" / "behaviour").glob("test_win32_*.py")):
        lines = path.read_text(encoding="utf-8").splitlines()
        for node in ast.parse("\n".join(lines)).body:
            if isinstance(node, ast.FunctionDef):
                head = " ".join(lines[node.lineno - 1 : node.body[0].lineno])
                numbers = {fact for comment in re.findall(r"# (.*)", head) for fact in FACT.findall(comment)}
                for part in ast.walk(node):
                    if isinstance(part, ast.Attribute) and _is_library(part.value):
                        found[part.attr] |= numbers
    return found


def _is_library(node: ast.expr) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name in {*LIBRARIES, "library"}


def _order(fact: str) -> tuple[str, int]:
    letters, _, number = fact.partition(" ")[0].partition("-")
    return letters, int(number)


def is_true(text: str) -> bool:
    """Compare a page: all of the modules' part, and of the libraries' part that what it lists is there."""
    now = page()
    modules, mark, exports = text.partition(_FIRST_LIBRARY)
    there = set(now.partition(_FIRST_LIBRARY)[2].splitlines())
    listed = {line.partition(" | ")[0] for line in exports.splitlines() if line.startswith("| `")}
    return (
        bool(mark)
        and modules == now.partition(_FIRST_LIBRARY)[0]
        and listed <= {line.partition(" | ")[0] for line in there}
    )


def main() -> int:
    """Write the page, or compare."""
    if "--check" in sys.argv:
        return 0 if is_true(PAGE.read_text(encoding="utf-8")) else 1
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
