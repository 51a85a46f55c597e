"""The page about ports and NT lists every fact, and what it says holds is held by a test that names the number.

``python tests/docs/test_facts_of_ports.py`` prints which test holds which fact.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "ports-and-nt.md"
FACTS = range(1, 155)
NUMBERS = re.compile(r"LP-(\d+)(?: to LP-(\d+))?")


def numbers(text: str) -> Iterator[int]:
    for first, last in NUMBERS.findall(text):
        yield from range(int(first), int(last or first) + 1)


def told() -> dict[int, str]:
    """What the page says of each number: "same", "otherwise" or "none"."""
    found: dict[int, str] = {}
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| LP-"):
            verdict = re.match(r"(the same|otherwise:|none)", cells[2])
            assert verdict, f"neither the same, nor otherwise, nor none: {line}"
            for number in numbers(cells[0]):
                assert number not in found, f"LP-{number} is there twice"
                found[number] = verdict[0]
    return found


def held() -> dict[int, list[str]]:
    """The tests that name each number."""
    found = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        if path == Path(__file__).resolve() or "LP-" not in path.read_text():
            continue
        if "ntdll" in path.stem:  # whose calls have a page of their own
            continue
        source = path.read_text()
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for number in numbers(ast.get_source_segment(source, node) or ""):
                    found[number].append(f"{path.stem}::{node.name}")
    return found


def test_page_lists_every_fact_once() -> None:
    assert sorted(told()) == list(FACTS)


def test_what_the_page_says_is_held_by_tests() -> None:
    tests = held()
    assert [number for number, verdict in told().items() if verdict != "none" and number not in tests] == []


def test_tests_name_facts_that_are_there() -> None:
    assert [number for number in held() if number not in FACTS] == []
    assert [number for number in held() if told()[number] == "none"] == []


if __name__ == "__main__":
    for number, verdict in sorted(told().items()):
        print(f"LP-{number:<4} {verdict:<11} {', '.join(held().get(number, []))}")
