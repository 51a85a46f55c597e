"""The guard of the instruction counts finds what it is there to find."""

import pytest
from bench.instructions import compare

RECORDED = {"set": 100, "wait": 20}


def test_counts_as_recorded_are_good(capsys: pytest.CaptureFixture[str]) -> None:
    assert compare("kernel", {"set": 100, "wait": 20}, RECORDED)
    assert "set" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        ({"set": 106, "wait": 20}, "+6.0%: too many"),
        ({"set": 94, "wait": 20}, "-6.0%: fewer, record them"),
        ({"set": 100}, "is not measured any more"),
        ({"set": 100, "wait": 20, "pulse": 1}, "is not recorded"),
    ],
)
def test_counts_other_than_recorded_are_told(
    capsys: pytest.CaptureFixture[str], found: dict[str, int], verdict: str
) -> None:
    assert not compare("kernel", found, RECORDED)
    assert verdict in capsys.readouterr().out


def test_small_changes_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert compare("kernel", {"set": 105, "wait": 18}, RECORDED)
    assert "%" not in capsys.readouterr().out
