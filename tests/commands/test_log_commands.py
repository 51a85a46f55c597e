"""``ntipc log``: the debug log on a terminal, in a file, as JSON."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.waiting import wait_until

import ntipc
from ntipc.cli import main
from ntipc.debuglog import Reader, Record, is_wanted


@pytest.fixture
def keeper() -> Iterator[Reader]:
    """Somebody reads, so lines are kept."""
    with Reader() as reader:
        yield reader


def test_lines_that_are_there_are_printed(keeper: Reader, capsys: pytest.CaptureFixture[str]) -> None:
    ntipc.output_debug_string("disk is full")
    ntipc.output_debug_string("two\nlines \x1b[2J\n")
    assert main(["log"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    moment, whose, *text = first.split()
    assert len(moment) == len("12:40:11.512087")
    assert (whose.split(":")[0], text) == (str(os.getpid()), ["disk", "is", "full"])
    assert second.endswith(r"  two\nlines \x1b[2J")


def test_nothing_is_there_where_nobody_reads(capsys: pytest.CaptureFixture[str]) -> None:
    ntipc.output_debug_string("for nobody")
    assert main(["log"]) == 0
    assert main(["log", "--session", "not-there"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "not-there" in err


def test_json_and_one_process(keeper: Reader, capsys: pytest.CaptureFixture[str]) -> None:
    ntipc.output_debug_string("mine: Grüße \ud800")
    assert main(["log", "--json", "--process", str(os.getpid())]) == 0
    assert main(["log", "--process", "1"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    seen = Record(**json.loads(line))
    assert (seen.pid, seen.text, seen.truncated) == (os.getpid(), "mine: Grüße \ud800", False)


def test_follow_prints_what_comes_and_count_ends_it() -> None:
    command = [sys.executable, "-m", "ntipc", "log", "--follow", "--count", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        wait_until(is_wanted)
        for text in "one", "two":
            ntipc.output_debug_string(text)
        out, _ = process.communicate(timeout=20)
        assert process.returncode == 0
    assert [line.split()[-1] for line in out.splitlines()] == ["one", "two"]


def test_file_is_appended_to_and_begun_again_when_large(keeper: Reader, tmp_path: Path) -> None:
    for number in range(100):
        ntipc.output_debug_string(f"line {number:03} " + "x" * 50)
    file = tmp_path / "log"
    file.write_text("before\n")
    assert main(["log", "--to", str(file), "--rotate", "2K", "--keep", "3"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log", "log.1", "log.2", "log.3"]
    pieces = [(tmp_path / name).read_text() for name in ("log.3", "log.2", "log.1", "log")]
    assert all(len(piece) <= 2048 for piece in pieces)
    numbers = [int(line.split()[3]) for line in "".join(pieces).splitlines()]
    assert numbers == list(range(numbers[0], 100))
    assert main(["log", "--to", str(tmp_path / "whole"), "--rotate", "0"]) == 0
    assert len((tmp_path / "whole").read_text().splitlines()) == 100


def test_lost_lines_are_told(
    keeper: Reader, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(reader: Reader, timeout: float | None = None) -> Record | None:
        monkeypatch.undo()
        for number in range(8200):
            ntipc.output_debug_string(str(number))
        return reader.read(timeout)

    monkeypatch.setattr(Reader, "read", read)
    assert main(["log"]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 8192
    assert "8 lines were lost" in err


def test_bad_options_are_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for bad in (["--rotate", "many"], ["--rotate", "-1"], ["--process", "x"], ["--keep", "0"]):
        assert main(["log", *bad]) == 2
    assert main(["log", "--to", str(tmp_path / "no" / "such" / "directory")]) == 1
    assert main(["log", "--session", "no such name"]) == 2
    assert "no such name" in capsys.readouterr().err
