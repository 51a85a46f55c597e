"""Messages that an event loop sends and awaits: no thread waits, other tasks go on, and each is answered or told."""

import asyncio
import dataclasses
import gc
import os
import threading
from collections.abc import Callable
from typing import Any

import pytest
from harness.loops import PEER_LOOP, Loop
from harness.peers import Peer

import ntipc
from ntipc import WM_USER, Mailbox, Window, on, send_data_async, send_message, send_message_async
from ntipc.window_messages.loop_watch import LoopWatch

SLOW, BACK, RAISE, HELD = WM_USER + 5, WM_USER + 6, WM_USER + 7, WM_USER + 8
HANDLERS = """
import time
def slow(hwnd, wparam, lparam):
    time.sleep(wparam / 1000)
    return wparam
def back(hwnd, wparam, lparam):
    return ntipc.send_message(lparam, 0x400, wparam, 1, timeout=10) * 2
def fail(hwnd, wparam, lparam):
    raise KeyError(wparam)
def held(hwnd, wparam, lparam):
    ntipc.Event.open("go on").wait(20)
    return wparam
HANDLERS = {0x405: slow, 0x406: back, 0x407: fail, 0x408: held}
"""


@pytest.fixture
def hwnd(peer: Peer) -> int:
    """A window of another process, which deals with messages."""
    peer.run(HANDLERS)
    found: int = peer.run(PEER_LOOP)
    peer.begin("loop()")
    return found


def test_results_come_back_to_their_tasks(hwnd: int) -> None:
    async def main() -> list[int]:
        return await asyncio.gather(*(send_message_async(hwnd, WM_USER, number, 1000) for number in range(200)))

    before = threading.active_count()
    assert asyncio.run(main()) == [number + 1000 for number in range(200)]
    assert threading.active_count() == before


def test_other_tasks_go_on_meanwhile(hwnd: int) -> None:
    async def main() -> None:
        go_on = ntipc.Event("go on")
        sending = asyncio.create_task(send_message_async(hwnd, HELD, 50))
        for _ in range(6):
            await asyncio.sleep(0)
            assert not sending.done()
        go_on.set()
        assert await sending == 50

    asyncio.run(main())


@pytest.mark.parametrize("size", [0, 10, 100_000])
def test_data_of_any_length(hwnd: int, size: int) -> None:
    assert asyncio.run(send_data_async(hwnd, bytes(size), 3)) == size + 3


def test_what_is_sent_to_the_loops_window_is_dealt_with_between_steps(hwnd: int) -> None:
    async def main() -> None:
        with Window(handler=lambda hwnd, msg, wparam, lparam: wparam + lparam) as window:
            assert await send_message_async(hwnd, BACK, 20, window.hwnd) == 42
            assert await send_message_async(window.hwnd, WM_USER, 1, 2) == 3

    asyncio.run(main())


def test_result_that_another_send_finds_is_the_tasks(hwnd: int) -> None:
    """A send that blocks the loop takes everything out of the queue."""

    async def main() -> None:
        for number in range(100):
            first = asyncio.create_task(send_message_async(hwnd, SLOW if number % 2 else WM_USER, 1))
            await asyncio.sleep(0)
            assert send_message(hwnd, WM_USER, 2, 3, timeout=10) == 5
            assert await asyncio.wait_for(first, 5) == 1

    asyncio.run(main())


def test_task_is_woken_though_the_kernel_has_nothing_to_tell_any_more(
    hwnd: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The relay may come too late to see a result that another send has taken out of the queue."""
    monkeypatch.setattr(LoopWatch, "_begin", lambda self, loop: None)

    async def main() -> None:
        first = asyncio.create_task(send_message_async(hwnd, WM_USER, 1))
        await asyncio.sleep(0)
        assert send_message(hwnd, WM_USER, 2, 3, timeout=10) == 5
        assert await asyncio.wait_for(first, 5) == 1

    asyncio.run(main())


def test_beside_a_loop_over_messages(hwnd: int) -> None:
    async def main() -> list[int]:
        seen: list[int] = []

        async def receive() -> None:
            async for message in ntipc.messages():
                seen.append(message.wparam)

        receiving = asyncio.create_task(receive())
        for number in range(20):
            ntipc.post_message(None, WM_USER, number)
            assert await send_message_async(hwnd, WM_USER, number, 1, timeout=20) == number + 1
        ntipc.post_quit_message()
        ntipc.post_message(None, WM_USER, 20)
        await asyncio.wait_for(receiving, 20)
        return seen

    assert asyncio.run(main()) == list(range(21))


def test_failures_are_those_of_other_sends(hwnd: int) -> None:
    async def main() -> None:
        with pytest.raises(ntipc.NtError, match="KeyError"):
            await send_message_async(hwnd, RAISE, 1)
        with pytest.raises(ntipc.InvalidWindow):
            await send_message_async(0xABCD0000, WM_USER)
        with pytest.raises(ntipc.InvalidParameter):
            await send_message_async(hwnd, ntipc.WM_COPYDATA)
        with pytest.raises(OverflowError):
            await send_message_async(hwnd, WM_USER, 2**64)
        with pytest.raises(ntipc.Timeout):
            await send_message_async(hwnd, WM_USER, timeout=0)
        assert await send_message_async(hwnd, WM_USER, 1, 1) == 2

    asyncio.run(main())


@pytest.mark.parametrize("cancel", [False, True], ids=["time limit", "cancelled"])
def test_what_is_given_up_is_not_begun(peer: Peer, cancel: bool) -> None:
    peer.run("seen = []\nHANDLERS = {0x400: lambda hwnd, wparam, lparam: seen.append(wparam)}")
    hwnd = peer.run(PEER_LOOP)

    async def main() -> None:
        if cancel:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(send_message_async(hwnd, WM_USER, 1), 0.05)
        else:
            with pytest.raises(ntipc.Timeout):
                await send_message_async(hwnd, WM_USER, 1, timeout=0.05)

    asyncio.run(main())
    running = peer.begin("loop()")
    assert send_message(hwnd, WM_USER, 2, timeout=20) == 0
    ntipc.post_message(hwnd, ntipc.WM_QUIT)
    running.result()
    assert peer.run("seen") == [2]


def test_death_of_the_receiver_is_told(peer: Peer, hwnd: int) -> None:
    async def main() -> None:
        sends = [asyncio.create_task(send_message_async(hwnd, SLOW, 10_000)) for _ in range(3)]
        await asyncio.sleep(0.02)
        peer.kill()
        for send in sends:
            with pytest.raises((ntipc.ReplyLost, ntipc.InvalidWindow)):
                await asyncio.wait_for(send, 10)

    asyncio.run(main())


def test_without_an_event_loop_nothing_is_sent() -> None:
    with Loop(None) as loop:
        sending = send_message_async(loop.hwnd, WM_USER)
        with pytest.raises(RuntimeError):
            sending.send(None)


def test_session_that_is_left_ends_the_wait(peer: Peer) -> None:
    hwnd = peer.run(PEER_LOOP)

    async def main() -> None:
        send = asyncio.create_task(send_message_async(hwnd, WM_USER))
        await asyncio.sleep(0.01)
        ntipc.Session().close()
        with pytest.raises(ntipc.NtError):
            await asyncio.wait_for(send, 10)

    asyncio.run(main())


def test_descriptors_go_with_the_loop(hwnd: int) -> None:
    def descriptors() -> int:
        gc.collect()
        return len(os.listdir("/proc/self/fd"))

    asyncio.run(send_message_async(hwnd, WM_USER, 1, 1))
    before = descriptors()
    for _ in range(5):
        assert asyncio.run(send_message_async(hwnd, WM_USER, 1, 1)) == 2
    assert descriptors() <= before


def test_fork_in_a_loop_takes_nothing_from_the_parent(hwnd: int) -> None:
    async def main() -> None:
        send = asyncio.create_task(send_message_async(hwnd, SLOW, 50))
        await asyncio.sleep(0.01)
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        assert await asyncio.wait_for(send, 10) == 50

    asyncio.run(main())


@dataclasses.dataclass
class Double:
    number: int


class Calculator(Mailbox):
    @on(Double)
    def double(self, message: Double) -> int:
        if message.number < 0:
            raise ValueError("below 0")
        return 2 * message.number


def test_a_mailbox_is_asked_in_an_event_loop() -> None:
    async def main(address: Any) -> None:
        asked = (address.ask_async(Double(number), result=int) for number in range(50))
        assert await asyncio.gather(*asked) == [2 * number for number in range(50)]
        with pytest.raises(ntipc.NtError, match="below 0"):
            await address.ask_async(Double(-1), 10)
        with pytest.raises(ntipc.Timeout):
            await address.ask_async(Double(1), 0)

    with Calculator("calculator"):
        asyncio.run(main(ntipc.mailbox("calculator")))


def test_two_loops_that_send_to_each_other_do_not_hang(start_peer: Callable[..., Peer]) -> None:
    code = """
import asyncio, ntipc
window = ntipc.Window(handler=lambda hwnd, msg, wparam, lparam: wparam + 1)
async def exchange(other):
    return [await ntipc.send_message_async(other, 0x400, n, timeout=20) for n in range(200)]
async def main(other):
    result = await exchange(other)
    ended.release()
    while not stop.is_set():
        ntipc.peek_message()
        await asyncio.sleep(0.001)
    return result
stop, ended = ntipc.Event("stop", manual_reset=True), ntipc.Semaphore("ended", initial=0)
window.hwnd
"""
    stop, ended = ntipc.Event("stop", manual_reset=True), ntipc.Semaphore("ended", initial=0)
    peers = [start_peer() for _ in range(2)]
    windows = [peer.run(code) for peer in peers]
    tally = [peer.begin(f"asyncio.run(main({hwnd}))") for peer, hwnd in zip(peers, reversed(windows), strict=True)]
    assert ended.acquire(timeout=20) and ended.acquire(timeout=20)
    stop.set()
    for call in tally:
        assert call.result() == list(range(1, 201))
