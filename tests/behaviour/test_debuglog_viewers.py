"""DBWIN_BUFFER and its two events: a viewer of the program's own sees lines, and keeps no writer."""

import os
from collections.abc import Callable

import pytest
from harness.peers import Peer
from harness.stopping import go_on, stop
from harness.waiting import look, wait_until

import ntipc
from ntipc.debuglog import is_wanted

VIEWER = """
buffer = ntipc.Section('DBWIN_BUFFER', 4096)
view = buffer.map()
ready, data = ntipc.Event('DBWIN_BUFFER_READY'), ntipc.Event('DBWIN_DATA_READY')
def see(timeout=20):
    ready.set()
    if not data.wait(timeout):
        return None
    return int.from_bytes(view[:4], 'little'), bytes(view[4:]).partition(b'\\0')[0].decode()
"""
"""What a program for Windows does, in the names of this library."""


@pytest.fixture
def viewer(peer: Peer) -> Peer:
    peer.run(VIEWER)
    return peer


def test_line_reaches_a_viewer(viewer: Peer, start_peer: Callable[..., Peer]) -> None:
    """PM-53."""
    writer = start_peer()
    for text in "hello", "", "x" * 4091, "é":
        seen = viewer.begin("see()")
        wait_until(lambda: ntipc.Event.open("DBWIN_BUFFER_READY").is_set())
        writer.run(f"ntipc.output_debug_string({text!r})")
        assert seen.result() == (writer.pid, text)


@pytest.mark.parametrize(
    ("text", "seen"), [("a\0b", "a"), ("y" * 5000, "y" * 4091), ("é" * 3000, "é" * 2045), ("\ud800", "?")]
)
def test_text_is_cut_for_a_viewer(viewer: Peer, text: str, seen: str) -> None:
    """PM-56."""
    call = viewer.begin("see()")
    ntipc.output_debug_string(text)
    assert call.result() == (os.getpid(), seen)


def test_missing_object_means_no_viewer(peer: Peer) -> None:
    """PM-54."""
    assert not is_wanted()
    for name in "ntipc.Section('DBWIN_BUFFER', 4096)", "ntipc.Event('DBWIN_BUFFER_READY')":
        peer.run(f"keep = globals().setdefault('keep', []); keep.append({name})")
        ntipc.output_debug_string("for nobody")
        assert not is_wanted()
    peer.run("keep.append(ntipc.Event('DBWIN_DATA_READY'))")
    assert is_wanted()
    peer.run("for each in keep: each.close()")
    ntipc.output_debug_string("for nobody")
    assert not is_wanted()


def test_burst_reaches_a_viewer_in_order(viewer: Peer) -> None:
    """The lines that it is not ready for come later, and each once."""
    for n in range(50):
        ntipc.output_debug_string(str(n))
    assert viewer.run("[see()[1] for _ in range(50)]") == [str(n) for n in range(50)]
    assert viewer.run("see(0)") is None


def test_reader_and_viewer_see_the_same_line(viewer: Peer) -> None:
    with ntipc.debuglog.Reader() as reader:
        call = viewer.begin("see()")
        ntipc.output_debug_string("both")
        line = reader.read(timeout=20)
        assert line is not None and line.text == "both"
        assert call.result() == (os.getpid(), "both")


def test_stopped_viewer_keeps_no_writer(viewer: Peer, start_peer: Callable[..., Peer]) -> None:
    """PM-57, which is not copied: no line waits, and the end of a writer for a moment only."""
    writer = start_peer()
    stop(viewer)
    writer.run("for n in range(3000): ntipc.output_debug_string(str(n))")
    go_on(viewer)
    assert viewer.run("[see()[1] for _ in range(20)]") == [str(n) for n in range(20)]


def test_writer_killed_with_the_mutex_leaves_the_viewer_to_others(
    viewer: Peer, start_peer: Callable[..., Peer]
) -> None:
    """It may have taken the buffer's readiness and given nothing."""
    victim = start_peer()
    call = viewer.begin("see()")
    wait_until(lambda: ntipc.Event.open("DBWIN_BUFFER_READY").is_set())
    victim.run("mutex, ready = ntipc.Mutex('DBWinMutex'), ntipc.Event.open('DBWIN_BUFFER_READY')")
    victim.run("mutex.acquire(), ready.wait(0)")
    victim.kill()
    ntipc.output_debug_string("next")
    assert call.result() == (os.getpid(), "next")


def test_dead_viewer_is_forgotten(viewer: Peer) -> None:
    ntipc.output_debug_string("not taken")
    viewer.kill()
    wait_until(lambda: not is_wanted())
    wait_until(lambda: not any("DBWIN" in (each["name"] or "").upper() for each in look()["objects"]))
