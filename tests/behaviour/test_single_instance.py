"""Programs that run once: later starts are handed to the first, and the next takes over when that ends."""

import os
from typing import Any

import pytest
from harness.peers import Peer
from harness.waiting import wait_until

import ntipc
from ntipc import single_instance


def test_later_start_is_handed_over_with_all_that_it_had(peer: Peer) -> None:
    starts: list[ntipc.Start] = []

    def on_start(start: ntipc.Start) -> int:
        starts.append(start)
        return 42

    with single_instance("editor", on_start) as first:
        assert first.is_first and first.result == 0
        environment = {"WITH": "ü", "BYTES": os.fsdecode(b"\xff")}
        later = peer.run(
            f"import ntipc; later = ntipc.single_instance('editor', argv=['editor', {os.fsdecode(bytes([255]))!r}],"
            f" environ={environment!r}); later.is_first, later.result"
        )
        assert later == (False, 42)
        assert starts[0].argv == ("editor", os.fsdecode(b"\xff")) and starts[0].environ == environment
        assert starts[0].pid == peer.pid and starts[0].directory == os.getcwd()
    assert peer.run("again = ntipc.single_instance('editor'); again.is_first")
    peer.run("again.close(); again.close()")
    with single_instance("editor") as mine:
        assert mine.is_first


def test_starts_can_be_taken_one_by_one() -> None:
    with single_instance("viewer") as first:
        assert first.next_start(0) is None
        for number in range(3):
            assert not single_instance("viewer", argv=[str(number)]).is_first
        assert [first.next_start(10).argv for _ in range(3)] == [("0",), ("1",), ("2",)]  # type: ignore[union-attr]
    assert first.next_start(10) is None, "it is closed"


def test_killed_first_is_followed_by_the_next(peer: Peer) -> None:
    assert peer.run("import ntipc; first = ntipc.single_instance('daemon'); first.is_first")
    assert not single_instance("daemon").is_first
    peer.kill()
    with single_instance("daemon", timeout=10) as now:
        assert now.is_first


def test_many_starts_at_once_have_one_first(start_peer: Any) -> None:
    peers = [start_peer() for _ in range(4)]
    calls = [peer.begin("import ntipc; one = ntipc.single_instance('race'); one.is_first") for peer in peers]
    assert sorted(call.result() for call in calls) == [False, False, False, True]


def test_first_that_fails_or_hangs_is_told(caplog: pytest.LogCaptureFixture, peer: Peer) -> None:
    def fail(start: ntipc.Start) -> int:
        raise ValueError("no room")

    with single_instance("failing", fail), pytest.raises(ntipc.NtError, match="ValueError: no room"):
        single_instance("failing")
    peer.run("import ntipc; go_on = ntipc.Event('go on')")
    peer.run("first = ntipc.single_instance('slow', lambda start: go_on.wait(20) and 0)")
    with pytest.raises(ntipc.Timeout):
        single_instance("slow", timeout=0.05)
    ntipc.Event("go on").set()


def test_child_of_a_fork_is_not_the_first() -> None:
    with single_instance("parent"):
        child = os.fork()
        if child == 0:
            result = 1
            try:
                result = 0 if not single_instance("parent").is_first else 2
            finally:
                os._exit(result)
        assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("name", ["", None, 5])
def test_name_is_a_text(name: Any) -> None:
    with pytest.raises(TypeError):
        single_instance(name)


def test_what_is_no_start_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    from ntipc.single_instances import CLASS, HANDED_OVER

    with single_instance("careful") as first:
        hwnd = ntipc.find_window(CLASS, "careful")
        assert hwnd is not None and ntipc.send_data(hwnd, b"[]", 5) == 0
        for data in b"", b"[]", b"[[1], 2, {}, 4]", b"\xff":
            with pytest.raises(ntipc.NtError, match="handler raised"):
                ntipc.send_data(hwnd, data, HANDED_OVER)
        assert first.next_start(0) is None
        wait_until(lambda: ntipc.is_window(hwnd))
