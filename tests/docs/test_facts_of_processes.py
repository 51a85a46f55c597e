"""What the page about processes says of facts about NT is held by tests that name their numbers."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NUMBERS = re.compile(r"\b(?:HD|PM)-\d\d\b")


def rows() -> Iterator[tuple[list[str], str]]:
    for line in (ROOT / "docs" / "processes.md").read_text().splitlines():
        if re.match(r"\| (HD|PM)-", line):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            verdict = re.match(r"the same|otherwise:|none", cells[2])
            assert verdict, f"neither the same, nor otherwise, nor none: {line}"
            yield NUMBERS.findall(cells[0]), verdict[0]


def test_each_fact_is_told_once_and_held_by_a_test() -> None:
    listed = [number for numbers, _ in rows() for number in numbers]
    assert len(listed) == len(set(listed))
    named = {
        number
        for path in (ROOT / "tests" / "behaviour").glob("test_*.py")
        for number in NUMBERS.findall(path.read_text())
    }
    held = [number for numbers, verdict in rows() if verdict != "none" for number in numbers]
    assert [number for number in held if number not in named] == []
