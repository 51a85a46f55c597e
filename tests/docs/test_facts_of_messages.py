"""The page about window messages and NT lists every fact once, and what it says holds is held by a test."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "messages-and-nt.md").read_text()
FACTS = set(range(1, 157))
RECORDED = {62}
"""Held by the recorded sequences."""


def numbers(text: str) -> Iterator[int]:
    for first, last in re.findall(r"MS-(\d+)(?: to MS-(\d+))?", text):
        yield from range(int(first), int(last or first) + 1)


def cells_of(part: str) -> list[str]:
    """The first cells of a part's table."""
    return [line.split("|")[1] for line in part.splitlines() if line.startswith("| MS-")]


def test_every_fact_is_on_the_page() -> None:
    _, holds, differs, advice = re.split(r"^## .*$", PAGE, flags=re.MULTILINE)
    told = [number for cell in [*cells_of(holds), *cells_of(differs), advice] for number in numbers(cell)]
    assert set(told) == FACTS, sorted(FACTS ^ set(told))


def test_what_holds_has_a_test() -> None:
    holds = re.split(r"^## .*$", PAGE, flags=re.MULTILINE)[1]
    tests = "\n".join(path.read_text() for path in (ROOT / "tests" / "behaviour").glob("test_*.py"))
    held = set(numbers(tests)) | RECORDED
    told = {number for cell in cells_of(holds) for number in numbers(cell)}
    assert told <= held, sorted(told - held)
