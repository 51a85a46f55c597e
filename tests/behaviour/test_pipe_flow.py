"""How much a pipe holds, who waits for whom, and pipes that do not wait at all."""

import pickle
import threading
from collections.abc import Callable

import pytest
from harness.peers import Peer
from harness.waiting import asleep, look, wait_until
from test_pipes import connect

import ntipc


def test_writer_waits_once_the_quota_is_full_and_goes_on_when_there_is_room(peer: Peer) -> None:
    server = ntipc.PipeServer("p", in_quota=100)
    peer.run("client = ntipc.PipeClient('p'); client.send(bytes(60)); client.send(bytes(40))")
    pipe = server.accept(timeout=20)
    sending = peer.begin("client.send(b'x')")
    wait_until(lambda: asleep(peer.pid))
    assert pipe.peek().available == 100 and not sending.returned
    pipe.recv()
    sending.result()


def test_writer_that_waited_in_vain_has_written_nothing() -> None:
    pipe, client = connect(in_quota=10)
    client.send(bytes(10))
    for call in client.send, client.write:
        with pytest.raises(ntipc.Timeout):
            call(b"more", timeout=0.01)
    assert pipe.peek() == (bytes(10), 10, 0, 1)


def test_message_longer_than_the_quota_is_delivered_and_its_writer_waits_for_the_reader(peer: Peer) -> None:
    server = ntipc.PipeServer("p", in_quota=100)
    peer.run("client = ntipc.PipeClient('p')")
    pipe = server.accept(timeout=20)
    sending = peer.begin("client.send(b'x' * 1000)")
    wait_until(lambda: asleep(peer.pid))
    assert pipe.read(899) and not sending.returned
    wait_until(lambda: asleep(peer.pid))
    pipe.read(1)
    sending.result()
    assert pipe.left == 100


def test_quota_of_nothing_makes_every_writer_wait_for_its_reader(peer: Peer) -> None:
    server = ntipc.PipeServer("p", in_quota=0)
    peer.run("client = ntipc.PipeClient('p'); client.send(b'')")  # a message of nothing needs no room
    pipe = server.accept(timeout=20)
    sending = peer.begin("client.send(b'x')")
    wait_until(lambda: asleep(peer.pid))
    assert (pipe.recv(), sending.returned) == (b"", False)
    assert pipe.recv(timeout=20) == b"x"
    sending.result()


def test_writer_that_waits_for_room_learns_that_its_reader_died(peer: Peer) -> None:
    server = ntipc.PipeServer("p", out_quota=10)
    peer.run("client = ntipc.PipeClient('p')")
    pipe = server.accept(timeout=20)
    pipe.send(bytes(10))
    failed: list[BaseException] = []

    def send() -> None:
        try:
            pipe.send(b"x")
        except BrokenPipeError as problem:
            failed.append(problem)

    thread = threading.Thread(target=send)
    thread.start()
    wait_until(lambda: any(each["state"] == "sleeping" for each in look()["threads"]))
    peer.kill()
    thread.join()
    assert len(failed) == 1


def test_stream_longer_than_the_quota_trickles(peer: Peer) -> None:
    server = ntipc.PipeServer("p", mode="byte", in_quota=1000)
    sending = peer.begin("data = os.urandom(300_000); client = ntipc.PipeClient('p'); client.send(data)")
    pipe = server.accept(timeout=20)
    data = b""
    while len(data) < 300_000:
        part = pipe.read(777, timeout=20)
        assert 0 < len(part) <= 777
        data += part
    sending.result()
    assert peer.run("data") == data


def test_stream_for_which_there_is_room_in_part_is_written_in_part() -> None:
    pipe, client = connect(mode="byte", in_quota=10)
    assert client.write(b"0123456789abc", timeout=0.01) == 10
    with pytest.raises(ntipc.Timeout, match="3 of 7"):
        pipe.read(3)
        client.send(b"abcdefg", timeout=0.01)
    assert pipe.read(100) == b"3456789abc"


def test_large_messages_arrive_whole(peer: Peer) -> None:
    server = ntipc.PipeServer("p", out_quota=1000)
    receiving = peer.begin(
        "import hashlib; client = ntipc.PipeClient('p', timeout=20)\n"
        "[(len(m), hashlib.sha256(m).hexdigest()) for m in client]"
    )
    import hashlib
    import os

    sizes = [2047, 2048, 2049, 4096, 65_535, 65_536, 65_537, 1_000_000, 20_000_000]
    expected = []
    with server.accept(timeout=20) as pipe:
        for size in sizes:
            message = os.urandom(size)
            expected.append((size, hashlib.sha256(message).hexdigest()))
            pipe.send(message, timeout=20)
    assert receiving.result() == expected


def test_flush_waits_until_all_is_read(peer: Peer) -> None:
    server = ntipc.PipeServer("p")
    peer.run("client = ntipc.PipeClient('p'); client.flush(); client.send(b'one'); client.send(b'')")
    pipe = server.accept(timeout=20)
    flushing = peer.begin("client.flush()")
    for _ in range(2):
        wait_until(lambda: asleep(peer.pid))
        assert not flushing.returned
        pipe.recv(timeout=0)
    flushing.result()
    peer.run("client.send(b'unread')")
    with pytest.raises(ntipc.Timeout):
        peer.run("client.flush(timeout=0.01)")
    flushing = peer.begin("client.flush()")
    wait_until(lambda: asleep(peer.pid))
    pipe.close()
    with pytest.raises(BrokenPipeError):
        flushing.result()


def test_flush_succeeds_when_the_peer_went_after_it_had_read_everything(peer: Peer) -> None:
    server = ntipc.PipeServer("p")
    peer.run("client = ntipc.PipeClient('p')")
    pipe = server.accept(timeout=20)
    pipe.send(b"one")
    peer.run("assert client.recv() == b'one'; client.close()")
    pipe.flush()
    with pytest.raises(ntipc.PeerGone):
        pipe.send(b"two")


def test_pipe_in_non_blocking_mode_never_waits() -> None:
    pipe, client = connect(in_quota=10)
    pipe.blocking = client.blocking = False
    for call in (pipe.recv, lambda: pipe.read(1), lambda: pipe.recv_into(bytearray(1))):
        with pytest.raises(ntipc.PipeEmpty) as empty:
            call()
        assert empty.value.winerror == 232 and isinstance(empty.value, BlockingIOError)
    client.send(bytes(8))
    assert client.write(b"more") == 0
    with pytest.raises(BlockingIOError):
        client.send(b"more")
    client.send(b"")
    assert (pipe.recv(), pipe.recv()) == (bytes(8), b"")
    assert not pipe.blocking
    pipe.blocking = True
    with pytest.raises(ntipc.Timeout):
        pipe.recv(timeout=0.01)


@pytest.mark.parametrize("mode", ["message", "byte"])
@pytest.mark.parametrize("quota", [0, 10])
def test_more_than_the_quota_is_not_written_in_non_blocking_mode(mode: str, quota: int) -> None:
    pipe, client = connect(mode=mode, in_quota=quota)
    client.blocking = False
    assert client.write(bytes(quota + 1)) == 0
    with pytest.raises(ntipc.PipeBusy):
        client.send(bytes(1000))
    assert not pipe.wait(0)
    pipe.close()
    with pytest.raises(BrokenPipeError):
        client.write(bytes(quota + 1))


def test_late_sender_of_bytes_is_told_how_many_went() -> None:
    pipe, client = connect(mode="byte", in_quota=100)
    for timeout, size in (0, 0), (0.01, 30):
        pipe.read(30) if size else None
        with pytest.raises(ntipc.Timeout) as late:
            client.send(bytes(1000), timeout)
        again = pickle.loads(pickle.dumps(late.value))
        assert late.value.characters_written == again.characters_written == (size or 100)
    assert len(pipe.read(1000)) == 100


def test_stream_in_non_blocking_mode_is_written_whole_or_not_at_all() -> None:
    pipe, client = connect(mode="byte", in_quota=10)
    client.blocking = False
    assert [client.write(bytes(size)) for size in (8, 3, 2, 1, 0)] == [8, 0, 2, 0, 0]
    with pytest.raises(BlockingIOError):
        client.send(b"x")
    assert pipe.read(100) == bytes(10)


def test_reader_that_stops_reading_stops_its_own_writer_only(start_peer: Callable[..., Peer]) -> None:
    slow, quick = start_peer(), start_peer()
    server = ntipc.PipeServer("p", out_quota=100)
    slow.run("client = ntipc.PipeClient('p')")
    stuck = server.accept(timeout=20)
    quick.run("client = ntipc.PipeClient('p')")
    other = server.accept(timeout=20)
    stuck.send(bytes(100))
    with pytest.raises(ntipc.Timeout):
        stuck.send(b"x", timeout=0.01)
    for number in range(100):
        other.send(b"%d" % number)
        assert quick.run("client.recv()") == b"%d" % number
    slow.run("client.recv()")
    stuck.send(b"x", timeout=20)


def test_many_writers_of_one_end_keep_their_messages_whole(peer: Peer) -> None:
    server = ntipc.PipeServer("p", in_quota=5000)
    writing = peer.begin("""
client = ntipc.PipeClient('p', timeout=20)
def write(letter):
    for size in range(1, 4000, 40): client.send(letter * size)
threads = [threading.Thread(target=write, args=(b'%c' % letter,)) for letter in b'abcd']
for thread in threads: thread.start()
for thread in threads: thread.join()
client.close()
""")
    sizes: dict[bytes, list[int]] = {}
    with server.accept(timeout=20) as pipe:
        for message in pipe:
            assert message == message[:1] * len(message)
            sizes.setdefault(message[:1], []).append(len(message))
    writing.result()
    assert sizes == {letter: list(range(1, 4000, 40)) for letter in (b"a", b"b", b"c", b"d")}
