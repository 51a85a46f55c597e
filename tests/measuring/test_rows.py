"""What a row says of its figures, and what becomes of rows in files and pages."""

import json
from array import array
from pathlib import Path

import pytest
from bench import report
from bench.bench_contention import Waits
from bench.rows import Row, line


@pytest.mark.parametrize(
    ("row", "reached"),
    [
        (Row("set", 1e-6, "peer", 2e-6, target=0.5), True),
        (Row("set", 1.1e-6, "peer", 2e-6, target=0.5), False),
        (Row("kill", 0.9e-3, target=1e-3), True),
        (Row("kill", 1.1e-3, target=1e-3), False),
        (Row("set", 1e-6, "peer", 2e-6), None),
        (Row("set", 1e-6, "peer that is not there", target=0.5), None),
        (Row("set", None, "peer", target=0.5), None),
    ],
)
def test_a_target_is_a_ratio_beside_a_peer_and_a_time_without_one(row: Row, reached: bool | None) -> None:
    assert row.reached is reached
    assert ("MISS" in line(row), line(row).endswith("ok")) == (reached is False, reached is True)


def test_rows_come_back_from_the_file_they_were_kept_in(tmp_path: Path) -> None:
    rows = [Row("set", 1e-6, "peer", 2e-6, 0.5, "a remark"), Row("kill", None, target=1.0)]
    kept = tmp_path / "kept.json"
    kept.write_text(json.dumps({"machine": {"date": "now"}, "rows": [row.as_json() for row in rows]}))
    assert report.load(kept) == ({"date": "now"}, rows)


def test_the_page_keeps_its_text_around_the_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "performance.md"
    page.write_text(f"above\n{report.BEGIN}\nold\n{report.END}\nbelow\n")
    drawn: list[tuple[list[Row], Path]] = []
    monkeypatch.setattr(report, "PAGE", page)
    monkeypatch.setattr(report, "plot", lambda rows, path: drawn.append((rows, path)))
    rows = [Row("set", 1e-6, "peer", 2e-6, 0.4), Row("kill", 0.5e-3, target=1e-3)]
    about = dict.fromkeys(("date", "processors", "processor", "kernel", "python"), "so")
    for _ in range(2):
        report.write_docs(about, rows)
        text = page.read_text()
        assert text.startswith(f"above\n{report.BEGIN}\n")
        assert text.endswith(f"{report.END}\nbelow\n")
        assert "old" not in text
        assert text.count("| set | 1 us | peer | 2 us | 0.5 | ≤ 0.4 | **missed** |") == 1
        assert "1 of 2 targets" in text
    assert drawn == [(rows, report.PLOT)] * 2


def test_of_a_thousand_waits_the_worst_is_left_out() -> None:
    waits = Waits()
    bins = array("Q", bytes(8 * 100))
    bins[1], bins[50], bins[90] = 1997, 1, 2
    waits.add(bins, 90e-6)
    assert waits.longest == 90e-6
    assert waits.in_a_thousand == pytest.approx(51e-6)
    waits.add(array("Q", [5]), 1e-6)
    assert waits.in_a_thousand == pytest.approx(51e-6)
