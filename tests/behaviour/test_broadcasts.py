"""Messages to all windows of the session."""

import asyncio
import threading
from typing import Any

import pytest
from harness.loops import PEER_LOOP, Loop
from harness.peers import Peer
from harness.waiting import wait_until

import ntipc
from ntipc import HWND_BROADCAST, WM_USER, Window, peek_message, post_message, send_message
from ntipc.window_messages.broadcast import AT_ONCE


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


def broadcast(msg: int, **limits: float) -> int:
    return asyncio.run(ntipc.send_message_async(HWND_BROADCAST, msg, **limits))  # type: ignore[arg-type]


def test_awaited_broadcast_keeps_no_window_waiting_for_another(peer: Peer) -> None:
    reload = ntipc.register_window_message("reload")
    seen: list[int] = []
    late = threading.Event()
    hwnd = peer.run(PEER_LOOP)

    def handler(hwnd: int, msg: int, wparam: int, lparam: Any) -> None:
        seen.append(hwnd)
        if len(seen) == 2:
            late.set()

    async def main() -> int:
        sending = asyncio.create_task(ntipc.send_message_async(HWND_BROADCAST, reload))
        await asyncio.to_thread(late.wait, 10)
        assert sorted(seen) == sorted([window.hwnd, loop.hwnd]) and not sending.done()
        running.append(peer.begin("loop()"))
        return await sending

    running: list[Any] = []
    with Window(handler=handler) as window, Loop(handler) as loop:
        assert asyncio.run(main()) == 1
        post_message(hwnd, ntipc.WM_QUIT)
        running[0].result()
        loop.window._procedure = window._procedure = None


def test_awaited_broadcast_tells_whether_all_answered_in_time(peer: Peer) -> None:
    reload = ntipc.register_window_message("reload")
    sizes: list[int] = []

    def bad(hwnd: int, msg: int, wparam: int, lparam: Any) -> int:
        if msg == ntipc.WM_COPYDATA:
            sizes.append(len(lparam.data))
        raise ValueError

    with Loop(bad) as loop:
        assert broadcast(reload) == 1  # a handler that raises has answered
        assert broadcast(WM_USER) == 1
        assert asyncio.run(ntipc.send_data_async(HWND_BROADCAST, b"data")) == 1 and sizes == [4]
        peer.run(PEER_LOOP)
        assert broadcast(reload, timeout=0.02) == 0
        for wrong, error in ((reload, 2**64), OverflowError), ((-1, 0), ntipc.InvalidParameter):
            with pytest.raises(error):
                asyncio.run(ntipc.send_message_async(HWND_BROADCAST, *wrong))
        loop.window._procedure = None


def test_awaited_broadcast_that_is_cancelled_is_taken_back(peer: Peer) -> None:
    reload = ntipc.register_window_message("reload")
    peer.run(f"SEEN = []\nHANDLERS = {{{reload}: lambda hwnd, wparam, lparam: SEEN.append(wparam)}}")
    peer.run(PEER_LOOP)

    async def main() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(ntipc.send_message_async(HWND_BROADCAST, reload, 7), 0.05)
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())
    assert peer.run("ntipc.peek_message(), SEEN") == (None, [])


def test_awaited_broadcast_to_more_windows_than_it_waits_for_at_once() -> None:
    reload = ntipc.register_window_message("reload")
    seen: set[int] = set()

    def many(hwnd: int, msg: int, wparam: int, lparam: Any) -> None:
        seen.add(hwnd)
        if msg == WM_USER:
            windows.extend(Window(handler=many) for _ in range(2 * AT_ONCE))

    windows: list[Window] = []
    with Loop(many) as loop:
        send_message(loop.hwnd, WM_USER)
        assert broadcast(reload, timeout=10) == 1
        assert seen == {loop.hwnd, *(window.hwnd for window in windows)}
