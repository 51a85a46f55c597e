"""Pipes as files: what reads and writes files reads and writes pipes."""

import csv
import io
import json

import pytest
from harness.peers import Peer
from test_pipes import connect

import ntipc


def test_lines_of_text_go_through_a_pipe(peer: Peer) -> None:
    server = ntipc.PipeServer("p", mode="byte")
    writing = peer.begin(
        "client = ntipc.PipeClient('p', timeout=20)\n"
        "with client.makefile('w', encoding='utf-8') as file:\n"
        "  for number in range(3000): print('line', number, 'ä', file=file)\n"
        "client.close()"
    )
    pipe = server.accept(timeout=20)
    with pipe.makefile(encoding="utf-8") as file:
        assert list(file) == [f"line {number} ä\n" for number in range(3000)]
    writing.result()


def test_raw_file_is_an_io_raw_base() -> None:
    pipe, client = connect(mode="byte")
    reading, writing = pipe.makefile("rb", 0), client.makefile("wb", 0)
    assert isinstance(reading, io.RawIOBase) and isinstance(writing, io.RawIOBase)
    assert (reading.readable(), reading.seekable(), reading.isatty()) == (True, False, False)
    assert writing.write(b"0123456789") == 10
    assert (reading.read(4), reading.read(100)) == (b"0123", b"456789")
    client.close()
    assert (reading.read(), reading.read(1)) == (b"", b"")


def test_buffered_file_both_ways_and_modules_that_want_files() -> None:
    pipe, client = connect(mode="byte")
    mine, theirs = pipe.makefile("rw"), client.makefile("rw")
    csv.writer(mine).writerow([1, "two", 3.5])
    json.dump({"a": [1, 2]}, mine)
    print(file=mine, flush=True)
    assert next(csv.reader([theirs.readline()])) == ["1", "two", "3.5"]
    assert json.loads(theirs.readline()) == {"a": [1, 2]}
    theirs.write("back\n")
    theirs.flush()
    assert mine.readline() == "back\n"


def test_closing_the_file_leaves_the_pipe_open() -> None:
    pipe, client = connect(mode="byte")
    with client.makefile("wb") as file:
        file.write(b"buffered")
    assert file.closed and not client.closed and pipe.read(100) == b"buffered"
    with pytest.raises(ValueError, match="closed"):
        file.write(b"x")


def test_file_of_a_message_pipe_passes_over_empty_messages() -> None:
    pipe, client = connect()
    with client:
        for message in (b"", b"one ", b"", b"two"):
            client.send(message)
    assert pipe.makefile("rb").read() == b"one two"


def test_file_in_non_blocking_mode_returns_none() -> None:
    pipe, client = connect(mode="byte", in_quota=4)
    pipe.blocking = client.blocking = False
    reading, writing = pipe.makefile("rb", 0), client.makefile("wb", 0)
    assert reading.read(1) is None
    assert (writing.write(b"1234"), writing.write(b"5"), writing.write(b"")) == (4, None, 0)
    assert reading.read(0) == b""


def test_file_of_an_end_that_only_reads_cannot_write() -> None:
    _, client = connect(mode="byte", direction="outbound")
    file = client.makefile("rb", 0)
    assert (file.readable(), file.writable()) == (True, False)
    for mode in "w", "rw":
        with pytest.raises(OSError, match="writable|write"):
            client.makefile(mode)


def test_writing_to_a_file_whose_reader_is_gone_is_a_broken_pipe() -> None:
    pipe, client = connect(mode="byte")
    pipe.close()
    with pytest.raises(BrokenPipeError):
        client.makefile("wb", 0).write(b"x")


@pytest.mark.parametrize("mode", ["", "x", "rb+", "rbt", "rr", "b", "a"])
def test_impossible_modes_are_refused(mode: str) -> None:
    pipe, _ = connect(mode="byte")
    with pytest.raises(ValueError, match="mode"):
        pipe.makefile(mode)
    with pytest.raises(ValueError, match="unbuffered"):
        pipe.makefile("r", 0)


def test_text_file_for_both_ways_keeps_what_it_has_read_ahead() -> None:
    with ntipc.PipeServer("p", mode="byte") as server, ntipc.PipeClient("p") as client, server.accept() as pipe:
        client.send(b"one\ntwo\nthr")
        file = pipe.makefile("rw", encoding="utf-8", newline="\n")
        assert file.readline() == "one\n"
        file.write("answer ä\n")
        file.flush()
        assert client.recv(timeout=0) == "answer ä\n".encode()
        assert file.readline() == "two\n" and file.readable() and file.writable()
        client.send(b"ee\n" + b"x" * 50_000 + b"\n")
        assert file.readline() == "three\n" and len(file.readline()) == 50_001
        file.write("at the end")
        file.close()
        assert client.recv(timeout=0) == b"at the end" and file.closed and not pipe.closed
        client.close()
        assert list(pipe.makefile("rw")) == []


def test_closed_pipe_makes_no_file() -> None:
    with ntipc.PipeServer("p", mode="byte"):
        client = ntipc.PipeClient("p")
        client.close()
        with pytest.raises(ntipc.HandleClosed):
            client.makefile("r")
