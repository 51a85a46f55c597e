"""Mailslots and queues from a shell."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from harness.waiting import look, wait_until

import ntipc

Start = Callable[..., "subprocess.Popen[bytes]"]


def command(*arguments: str, text: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run([sys.executable, "-m", "ntipc", *arguments], input=text, capture_output=True, timeout=50)


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts commands that run on; ends them when the test is over."""
    running: list[subprocess.Popen[bytes]] = []

    def begin(*arguments: str) -> "subprocess.Popen[bytes]":
        whole = [sys.executable, "-m", "ntipc", *arguments]
        running.append(subprocess.Popen(whole, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        return running[-1]

    yield begin
    for process in running:
        process.kill()
        process.communicate()


def wait_for_mailslot(name: str) -> None:
    wait_until(lambda: any(entry["name"] == f"mailslot\\{name}" for entry in look()["objects"]))


def test_what_is_written_is_read(start: Start) -> None:
    with ntipc.Session():
        reader = start("mailslot", "read", "News", "--count", "4")
        wait_for_mailslot("news")
        assert command("mailslot", "write", r"\\.\mailslot\NEWS", "one", "two words").returncode == 0
        assert command("mailslot", "write", "news", text=b"line 3\nline 4\n").returncode == 0
        assert reader.communicate(timeout=20)[0] == b"one\ntwo words\nline 3\nline 4\n" and reader.returncode == 0


def test_messages_are_written_and_read_as_they_are() -> None:
    slot = ntipc.Mailslot("raw")
    data = bytes(range(256)) * 100
    assert command("mailslot", "write", "raw", "--whole", text=data).returncode == 0
    assert slot.read(0) == data


def test_options_may_stand_anywhere() -> None:
    slot = ntipc.Mailslot("m")
    for words in ["m", "--timeout", "1", "one"], ["--timeout", "1", "m", "one"], ["m", "one", "--timeout", "1"]:
        assert command("mailslot", "write", *words).returncode == 0
        assert slot.read(0) == b"one"
    result = command("mailslot", "write")
    assert result.returncode == 2 and b"TEXT" not in result.stderr.splitlines()[-1]


def test_raw_output_adds_nothing(start: Start) -> None:
    with ntipc.Session():
        reader = start("mailslot", "read", "raw", "--count", "2", "--raw")
        wait_for_mailslot("raw")
        client = ntipc.MailslotClient("raw")
        client.write(b"a\0b")
        client.write(b"c")
        assert reader.communicate(timeout=20)[0] == b"a\0bc"


@pytest.mark.parametrize(
    ("status", "arguments"),
    [
        (1, ["mailslot", "write", "nobody made this", "x"]),
        (2, ["mailslot", "write", r"\\.\pipe\x", "x"]),
        (1, ["mailslot", "write", "x", "y", "--session", "no/such/session"]),
        (2, ["mailslot", "read", ""]),
        (1, ["mailslot", "read", "x", "--timeout", "0.01"]),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(status: int, arguments: list[str]) -> None:
    result = command(*arguments)
    assert result.returncode == status and not result.stdout
    assert len(result.stderr.strip().splitlines()) == 1 and b"Traceback" not in result.stderr


@pytest.mark.parametrize("option", [["--timeout", "nan"], ["--timeout", "soon"], ["--count", "0"], ["--count", "-1"]])
def test_impossible_numbers_are_wrong_use(option: list[str]) -> None:
    result = command("mailslot", "read", "x", *option)
    assert result.returncode == 2 and b"is no number" in result.stderr


def test_broadcast_that_nobody_hears_is_done() -> None:
    assert command("mailslot", "write", r"\\*\mailslot\anybody", "x").returncode == 0


def test_full_mailslot_is_said() -> None:
    slot = ntipc.Mailslot("full", quota=10)
    result = command("mailslot", "write", "full", "12345678", "abc")
    assert result.returncode == 1 and b"full" in result.stderr and slot.read(0) == b"12345678"


def test_ctrl_c_ends_the_reader_and_its_mailslot(start: Start) -> None:
    with ntipc.Session():
        reader = start("mailslot", "read", "news")
        wait_for_mailslot("news")
        wait_until(lambda: any(thread["state"] == "sleeping" for thread in look()["threads"]))
        reader.send_signal(signal.SIGINT)
        assert reader.wait(20) == 130
        wait_until(lambda: look()["objects"] == [])


def test_ls_shows_queues_and_mailslots_under_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    queue, slot = ntipc.Queue("jobs", quota=1000), ntipc.Mailslot("News")
    queue.put(b"12345")
    reader, writer = ntipc.Queue("half").split()
    reader.close()
    shown = " ".join(command("ls").stdout.decode().split())
    assert "Queue reader jobs 1 message, 5 of 1,000 bytes" in shown
    assert "Queue writer jobs 1 message" in shown
    assert "Mailslot reader news 0 messages, 0 of 1 MiB" in shown
    assert "0 messages, 0 of 1 MiB, nobody reads" in shown
    (listed,) = json.loads(command("ls", "--json").stdout)["sessions"]
    (entry,) = [entry for entry in listed["objects"] if entry["name"] == "jobs" and entry["kind"] == "ReadEnd"]
    assert (entry["messages"], entry["bytes"], entry["quota"]) == (1, 5, 1000)
    assert [holder["pid"] for holder in entry["holders"]] == [os.getpid()]
    writer.close()
    slot.close()
