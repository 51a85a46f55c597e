"""What commands print: nothing that steers a terminal, in any locale, and a word if the output takes no more."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import ntipc

NAMES = ["a\x1b[31mred", "b\x9b31m", "two\nlines", "\u202egnp.exe", "pi\x07pe", "世界"]
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.fixture(autouse=True)
def events() -> list[ntipc.Event]:
    return [ntipc.Event(name) for name in NAMES]


def shell(script: str, *words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run the command as ``"$@"`` of a shell script."""
    whole = {name: value for name, value in os.environ.items() if name != "PYTHONIOENCODING"}
    command = ["sh", "-c", script, "sh", sys.executable, "-m", "ntipc", *words]
    return subprocess.run(command, capture_output=True, timeout=50, env=whole | (env or {"PYTHONUTF8": "1"}))


def test_names_do_not_steer_the_terminal() -> None:
    shown = shell('"$@"', "ls").stdout.decode()
    assert all(c.isprintable() or c == "\n" for c in shown)
    for escaped in (r"a\x1b[31mred", r"b\x9b31m", r"two\nlines", r"\u202egnp.exe", r"pi\x07pe", "世界"):
        assert f" {escaped} " in shown


def test_names_of_services_do_not_steer_the_terminal() -> None:
    class Desk:
        r"""Says \\x1b[2J."""

        def stop(self) -> None: ...

    with ntipc.rpc.Server("desk\x1b[31m", Desk()):
        for words in (["list"], ["describe", "desk\x1b[31m"], ["call", "desk\x1b[31m", "stop\x1b"]):
            done = shell('"$@"', "rpc", *words)
            assert rb"\x1b" in done.stdout + done.stderr and b"\x1b" not in done.stdout + done.stderr


def test_locale_without_the_characters_gets_escapes() -> None:
    done = shell('"$@"', "ls", env=ASCII)
    assert done.returncode == 0 and rb"\u4e16\u754c" in done.stdout and not done.stderr


@pytest.mark.parametrize("words", [["ls"], ["ls", "--json"], ["doctor"], ["--version"]])
def test_closed_output_gets_nothing(words: list[str]) -> None:
    done = shell('"$@" >&-', *words)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("words", [["ls"], ["ls", "--json"], ["doctor"]])
def test_full_output_is_told(words: list[str]) -> None:
    done = shell('"$@" >/dev/full', *words)
    assert (done.returncode, done.stderr) == (1, b"ntipc: cannot write the output: No space left on device\n")


def test_reader_that_has_gone_is_no_failure() -> None:
    assert not shell('"$@" | true', "ls").stderr


@pytest.mark.parametrize("words", [["ls"], ["ls", "--all"], ["ls", "--json"], ["doctor"], ["clean"], ["log"]])
def test_directory_whose_name_is_no_text_is_named(words: list[str], tmp_path: Path) -> None:
    odd = os.fsencode(tmp_path) + b"/d\xff"
    os.mkdir(odd)
    done = shell('"$@"', *words, env={"NTIPC_DIR": os.fsdecode(odd)})
    lines = done.stderr.decode().splitlines()
    assert done.returncode and len(lines) == 1 and lines[0].startswith("ntipc: ") and r"\udcff" in lines[0]


def test_directory_whose_name_is_no_text_is_an_invalid_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NTIPC_DIR", f"{tmp_path}/d\udcff")
    with pytest.raises(ntipc.InvalidName, match="NTIPC_DIR"):
        ntipc.Session("elsewhere")
