"""Messages to all windows of the session."""

from typing import Any

import pytest
from harness.loops import PEER_LOOP, Loop
from harness.peers import Peer
from harness.waiting import wait_until

import ntipc
from ntipc import HWND_BROADCAST, WM_USER, Window, peek_message, post_message, send_message


def test_post_goes_to_all_windows_that_are_not_message_only(peer: Peer) -> None:
    """MS-35, MS-137, MS-140 to MS-142."""
    reload = ntipc.register_window_message("reload")
    hwnd = peer.run(PEER_LOOP)
    with Window("one") as one, Window("two") as two, Window("hidden", message_only=True):
        for msg in reload, 5:
            post_message(HWND_BROADCAST, msg, 1, -2)
            assert peer.run("ntipc.get_message(10)[:4]") == (hwnd, msg, 1, -2)
            assert {peek_message().hwnd for _ in range(2)} == {one.hwnd, two.hwnd}  # type: ignore[union-attr]
            assert peek_message() is None
        for msg in WM_USER, 0xBFFF:
            post_message(HWND_BROADCAST, msg)
        assert peek_message() is None and peer.run("ntipc.peek_message()") is None
        with pytest.raises(ntipc.InvalidWindow):
            post_message(-1, reload)
        for call in post_message, ntipc.send_notify_message:
            with pytest.raises(ntipc.MessageSyncOnly):
                call(HWND_BROADCAST, ntipc.WM_COPYDATA)
            with pytest.raises(OverflowError):
                call(HWND_BROADCAST, reload, 2**64)


def test_send_goes_to_one_after_another_and_tells_whether_all_answered(peer: Peer) -> None:
    """MS-96, MS-106, MS-141."""
    seen: list[Any] = []
    reload = ntipc.register_window_message("reload")

    def handler(hwnd: int, msg: int, wparam: int, lparam: Any) -> int:
        seen.append((hwnd, msg))
        return 7

    with Window(handler=handler) as window, Loop(handler) as loop:
        assert send_message(HWND_BROADCAST, reload) == 1
        assert sorted(seen) == sorted([(window.hwnd, reload), (loop.hwnd, reload)])
        assert send_message(HWND_BROADCAST, WM_USER) == 1 and len(seen) == 2
        assert ntipc.send_data(HWND_BROADCAST, b"data") == 1 and seen[-1][1] == ntipc.WM_COPYDATA
        hwnd = peer.run(PEER_LOOP)
        assert send_message(HWND_BROADCAST, reload, timeout=0.02) == 0
        peer.kill()
        wait_until(lambda: not ntipc.is_window(hwnd))
        del seen[:]
        ntipc.send_notify_message(HWND_BROADCAST, reload)
        told: list[Any] = []
        ntipc.send_message_callback(HWND_BROADCAST, reload, callback=lambda *what: told.append(what))
        while len(told) < 2:
            assert peek_message() is None
        assert sorted(told) == sorted([(window.hwnd, reload, 7), (loop.hwnd, reload, 7)])
        loop.window._procedure = window._procedure = None


def test_broadcast_passes_over_full_queues_and_handlers_that_raise(caplog: pytest.LogCaptureFixture) -> None:
    reload = ntipc.register_window_message("reload")
    seen: list[int] = []

    def bad(*_: int) -> int:
        raise ValueError

    with Loop(bad) as loop, Window(handler=lambda hwnd, msg, wparam, lparam: seen.append(msg)) as window:
        assert send_message(HWND_BROADCAST, reload) == 1 and seen == [reload]
        loop.window._procedure = None
        for _ in range(10_000):
            post_message(window.hwnd, WM_USER)
        post_message(HWND_BROADCAST, reload)
        while (message := peek_message()) is not None:
            assert message.msg == WM_USER
        window._procedure = None
