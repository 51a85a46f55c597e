"""Pipes from a shell: ``ntipc pipe cat``."""

import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

import ntipc


def cat(*arguments: str, text: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    command = [sys.executable, "-m", "ntipc", "pipe", "cat", *arguments]
    return subprocess.run(command, input=text, capture_output=True, timeout=50)


def serving(server: ntipc.PipeServer, talk: Callable[[ntipc.Pipe], None]) -> threading.Thread:
    """Let the next client be talked to by a thread."""

    def serve() -> None:
        with server.accept(timeout=40) as pipe:
            talk(pipe)

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


def echo(pipe: ntipc.Pipe) -> None:
    for message in pipe:
        pipe.send(message.upper())


@pytest.mark.parametrize("name", ["orders", r"\\.\pipe\ORDERS"])
def test_each_line_or_text_is_a_message_and_its_answer_a_line(name: str) -> None:
    with ntipc.PipeServer("orders") as server:
        thread = serving(server, echo)
        result = cat(name, text=b"one\n\nthree words here\nno end")
        assert (result.returncode, result.stdout) == (0, b"ONE\n\nTHREE WORDS HERE\nNO END\n"), result.stderr
        thread.join()
        thread = serving(server, echo)
        assert cat(name, "a b", "c").stdout == b"A B\nC\n"
        thread.join()


def test_all_of_the_input_may_be_one_message_and_its_answer_printed_as_it_is() -> None:
    data = bytes(range(256)) * 1000
    with ntipc.PipeServer("orders") as server:
        thread = serving(server, lambda pipe: [pipe.send(message[::-1]) for message in pipe] and None)
        assert cat("orders", "--whole", "--raw", text=data).stdout == data[::-1]
        thread.join()


def test_stream_goes_both_ways_until_there_is_no_more() -> None:
    received = bytearray()

    def talk(pipe: ntipc.Pipe) -> None:
        pipe.send(b"welcome\n")
        while len(received) < 300_000:
            received.extend(pipe.read(10_000, timeout=20))
        pipe.send(b"bye\n")

    with ntipc.PipeServer("stream", mode="byte") as server:
        thread = serving(server, talk)
        result = cat("stream", text=b"x" * 300_000)
        thread.join()
    assert (result.returncode, result.stdout) == (0, b"welcome\nbye\n"), result.stderr
    assert received == b"x" * 300_000


def test_what_only_the_server_says_is_printed_until_its_end() -> None:
    with ntipc.PipeServer("news", direction="outbound") as server:
        thread = serving(server, lambda pipe: [pipe.send(b"%d" % number) for number in range(3)] and None)
        assert cat("news").stdout == b"0\n1\n2\n"
        thread.join()


@pytest.mark.parametrize("options", [{"direction": "inbound"}, {}])
def test_what_only_the_client_says_is_sent_and_waited_for(options: dict[str, str]) -> None:
    heard: list[bytes] = []
    with ntipc.PipeServer("log", **options) as server:  # type: ignore[arg-type]
        thread = serving(server, lambda pipe: heard.extend(pipe))
        result = cat("log", "--no-answer", text=b"one\ntwo\n")
        assert (result.returncode, result.stdout) == (0, b""), result.stderr
        thread.join()
    assert heard == [b"one", b"two"]


def test_what_cannot_be_done_is_said_in_one_line() -> None:
    busy = ntipc.PipeServer("busy", max_instances=1)
    client = ntipc.PipeClient("busy")
    for status, arguments, word in [
        (1, ["nobody"], b"nobody"),
        (1, ["nobody", "--timeout", "0.01"], b"nobody"),
        (1, ["busy", "--timeout", "0"], b"busy"),
        (2, [r"\\.\mailslot\x"], b"name"),
        (1, [r"\\elsewhere\pipe\x"], b"elsewhere"),
    ]:
        result = cat(*arguments)
        assert result.returncode == status and result.stdout == b""
        assert word in result.stderr and result.stderr.startswith(b"ntipc: ") and result.stderr.count(b"\n") == 1
    assert not client.closed and not busy.closed
    assert cat().returncode == 2


def test_options_may_stand_anywhere() -> None:
    for words in ["p", "--timeout", "20", "one"], ["--timeout", "20", "p", "one"], ["p", "one", "--timeout", "20"]:
        with ntipc.PipeServer("p") as server:
            thread = serving(server, echo)
            assert cat(*words).stdout == b"ONE\n"
            thread.join()


def test_text_to_a_server_that_only_speaks_is_refused() -> None:
    with ntipc.PipeServer("p", direction="outbound"):
        result = cat("p", "hello")
    assert result.returncode == 2 and b"takes no TEXT" in result.stderr


def test_server_that_goes_away_is_told() -> None:
    with ntipc.PipeServer("short") as server:
        thread = serving(server, lambda pipe: pipe.send(pipe.recv()))
        result = cat("short", text=b"one\ntwo\n")
        thread.join()
    assert result.returncode == 1 and result.stdout == b"one\n"
    assert b"died" in result.stderr or b"end is gone" in result.stderr  # found while it wrote, or while it read


def test_server_may_close_a_stream_before_all_of_the_input_was_read() -> None:
    command = [sys.executable, "-m", "ntipc", "pipe", "cat", "stream", "--whole"]
    with (
        ntipc.PipeServer("stream", mode="byte") as server,
        subprocess.Popen(command, stdin=-1, stdout=-1, stderr=-1) as process,
    ):
        with server.accept(timeout=40) as pipe:
            pipe.send(b"enough")
        assert process.stdout is not None and process.stderr is not None
        assert (process.wait(40), process.stdout.read(), process.stderr.read()) == (0, b"enough", b"")


def test_timeout_that_is_no_number_is_wrong_use() -> None:
    result = cat("orders", "text", "--timeout", "nan")
    assert result.returncode == 2 and b"'nan' is no number of seconds" in result.stderr
