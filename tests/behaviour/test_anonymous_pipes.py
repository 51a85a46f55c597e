"""Pipes without a name that anybody knows."""

import os
import pickle
import signal

import pytest
from harness.peers import Peer
from harness.waiting import look

import ntipc


def give(peer: Peer, end: ntipc.Pipe) -> None:
    """Send an end to another process and close it here."""
    peer.run(f"end = pickle.loads({pickle.dumps(end)!r})")
    end.close()


def test_what_is_written_in_one_process_is_read_in_another(peer: Peer) -> None:
    peer.run("import pickle")
    reader, writer = ntipc.create_pipe()
    give(peer, writer)
    writing = peer.begin("end.write(b'x' * 10_000); end.close()")
    data = bytearray()
    with pytest.raises(EOFError) as end:
        while True:
            data += reader.read(1000, timeout=20)
    assert data == b"x" * 10_000 and end.value.winerror == 109  # type: ignore[attr-defined]
    writing.result()


def test_read_end_is_the_servers_and_holds_4096_bytes() -> None:
    reader, writer = ntipc.create_pipe()
    assert reader.info()["server"] and not writer.info()["server"]
    assert (reader.info()["in_quota"], reader.mode, writer.mode) == (4096, "byte", "byte")
    assert writer.write(bytes(5000), timeout=0.01) == 4096
    for call in (lambda: reader.write(b"x"), lambda: writer.read(1)):
        with pytest.raises(ntipc.AccessDenied):
            call()


def test_closed_reader_breaks_the_pipe() -> None:
    reader, writer = ntipc.create_pipe()
    reader.close()
    with pytest.raises(BrokenPipeError) as gone:
        writer.write(b"x")
    assert gone.value.winerror == 232  # type: ignore[attr-defined]


def test_killed_writer_ends_it(peer: Peer) -> None:
    peer.run("import pickle")
    reader, writer = ntipc.create_pipe(10)
    give(peer, writer)
    peer.run("end.write(b'last')")
    os.kill(peer.pid, signal.SIGKILL)
    assert reader.read(100, timeout=20) == b"last"
    with pytest.raises(ntipc.EndOfStream):
        reader.read(100, timeout=20)


def test_both_ends_of_a_duplex_pipe_read_and_write(peer: Peer) -> None:
    peer.run("import pickle")
    here, there = ntipc.create_pipe(mode="message", duplex=True)
    give(peer, there)
    answering = peer.begin("end.send(end.recv(20)[::-1]); end.close()")
    assert here.transact(b"abc", timeout=20) == b"cba"
    answering.result()
    with pytest.raises(EOFError):
        here.recv(timeout=20)


def test_nobody_else_gets_in_and_nothing_is_left() -> None:
    before = len(look()["objects"])
    ends = ntipc.create_pipe()
    with pytest.raises((ntipc.PipeBusy, ntipc.AccessDenied)):
        ntipc.PipeClient(ends[0].name, timeout=0)
    for end in ends:
        end.close()
    assert len(look()["objects"]) == before


@pytest.mark.parametrize("arguments", [{"quota": -1}, {"mode": "bits"}, {"quota": 1 << 50}])
def test_impossible_arguments_are_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(ntipc.InvalidParameter):
        ntipc.create_pipe(**arguments)  # type: ignore[arg-type]
