"""Write the table of the Native API's calls in docs/ntdll-calls.md: what each does, how whole it is, the facts tested.

    python tools/ntdll_calls.py [--check]

A test covers a fact about NT for the calls on the line that names it, or, where that line has none, for all calls of
the test. What a call's docstring says under ``Differs`` is in the table, too.
"""

import ast
import inspect
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import ntipc.ntdll

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "ntdll-calls.md"
FACT = re.compile(r"\b(?:NM|HD|EV|SE|MX|WT|SW|EP|TM|SC|PI|ML|LP|PM)-\d+\b")
CALL = re.compile(r"\b(?:Nt|Rtl)[A-Z]\w+")
HEAD = """# The calls of the Native API

Made by `tools/ntdll_calls.py` from the calls and their tests. The facts are those about NT that the tests name; how the
arguments, results and handles work is described in [The Native API by its own names](ntdll.md).
"""


def main(arguments: list[str]) -> int:
    text = page()
    if "--check" in arguments:
        if PAGE.exists() and PAGE.read_text() == text:
            return 0
        print(f"{PAGE.relative_to(ROOT)} is old: run python tools/ntdll_calls.py", file=sys.stderr)
        return 1
    PAGE.write_text(text)
    return 0


def page() -> str:
    facts = facts_by_call()
    parts = [HEAD]
    for module, names in ntipc.ntdll._NAMES_OF.items():
        calls = [name for name in names.split() if CALL.fullmatch(name)]
        if calls:
            parts.append(
                f"\n## {module.replace('_', ' ').capitalize()}\n\n| call | does | facts tested |\n| --- | --- | --- |\n"
            )
            parts.extend(row(module, name, facts.get(name, set())) for name in calls)
    return "".join(parts)


def row(module: str, name: str, facts: set[str]) -> str:
    call = getattr(import_module(f"ntipc.ntdll.{module}"), name)
    said = inspect.cleandoc(call.__doc__ or "")
    first = " ".join(said.split("\n\n")[0].split())
    differs = re.search(r"Differs:\n((?:    .*\n?)+)", said)
    if differs:
        first += f" *Differs: {' '.join(differs[1].split())}*"
    return f"| `{name}` | {first.replace('``', '`')} | {' '.join(sorted(facts, key=in_order))} |\n"


def in_order(fact: str) -> tuple[str, int]:
    letters, number = fact.split("-")
    return letters, int(number)


def facts_by_call() -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted((ROOT / "tests" / "behaviour").glob("test_ntdll_*.py")):
        for source in tests_of(path):
            calls_of_test = set(CALL.findall(source))
            for line in source.splitlines():
                facts = FACT.findall(line)
                for call in CALL.findall(line) or calls_of_test if facts else ():
                    found[call].update(facts)
    return found


def tests_of(path: Path) -> Iterator[str]:
    """The source of each test, with its decorators."""
    text = path.read_text()
    lines = text.splitlines()
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            yield "\n".join(lines[first - 1 : node.end_lineno])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
