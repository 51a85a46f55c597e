"""Waiting for messages and objects together, and the message loop as an iterator."""

import asyncio
import os
import threading
from typing import Any

import pytest
from harness.loops import PEER_LOOP, Loop, in_a_thread
from harness.peers import Peer
from harness.waiting import asleep, wait_until

import ntipc
from ntipc import WM_USER, MessageQueue, Window, peek_message, post_message, wait_messages


def test_objects_come_first_and_messages_last() -> None:
    """MS-48, MS-121."""
    events = [ntipc.Event() for _ in range(3)]
    assert wait_messages(events, 0) is None
    post_message(None, WM_USER)
    signaled = wait_messages(events, 10)
    assert signaled is not None and signaled.index == 3 and not signaled.abandoned
    events[1].set()
    assert wait_messages(events, 10).index == 1  # type: ignore[union-attr]
    assert not events[1].is_set(), "it was taken"
    assert wait_messages(events, 10).index == 3  # type: ignore[union-attr]


def test_messages_that_were_seen_do_not_count_unless_asked_for() -> None:
    """MS-48, MS-49, MS-118, MS-119, MS-123."""
    for look in (lambda: peek_message(remove=False), ntipc.queue_status, lambda: peek_message(None, 1, 1)):
        post_message(None, WM_USER)
        assert wait_messages([], 0) is not None
        look()
        assert wait_messages([], 0) is None
        assert wait_messages([], 0, input_available=True).index == 0  # type: ignore[union-attr]
        assert peek_message() is not None


@pytest.mark.parametrize("mask", [0, 8, 0x10, 0x40, 0x100])
def test_mask_chooses_kinds(mask: int) -> None:
    """MS-116, MS-118."""
    post_message(None, WM_USER)
    found = wait_messages([], 0, mask=mask, input_available=True)
    assert (found is not None) == (mask in (8, 0x100))
    assert (wait_messages([], 0, mask=mask) is not None) == (mask in (8, 0x100))


def test_wait_returns_for_a_sent_message_and_does_not_run_it(peer: Peer) -> None:
    """MS-124."""
    ran: list[int] = []
    with Window(handler=lambda hwnd, msg, wparam, lparam: ran.append(wparam)) as window:
        sending = peer.begin(f"import ntipc; ntipc.send_message({window.hwnd}, 0x400, 5)")
        event = ntipc.Event()
        assert wait_messages([event], 10).index == 1  # type: ignore[union-attr]
        assert wait_messages([event], 10, mask=0x40).index == 1  # type: ignore[union-attr]
        assert ran == [] and not sending.returned
        assert peek_message() is None and ran == [5]
        sending.result()


def test_sleeping_wait_is_ended_by_each_kind(peer: Peer) -> None:
    hwnd = peer.run(PEER_LOOP)
    peer.run("event = ntipc.Event('go')")
    event = ntipc.Event("go")
    for cause in "post", "notify", "event", "timer":
        timer = "ntipc.set_timer(None, 0, 0.05); " if cause == "timer" else ""
        waiting = peer.begin(f"{timer}ntipc.wait_messages([event], 20).index")
        if cause != "timer":
            wait_until(lambda: asleep(peer.pid))
        if cause == "post":
            post_message(hwnd, WM_USER)
        elif cause == "notify":
            ntipc.send_notify_message(hwnd, WM_USER)
        elif cause == "event":
            event.set()
        assert waiting.result() == (0 if cause == "event" else 1)
        peer.run("while ntipc.peek_message(): pass")


def test_quit_ends_a_wait_for_posted_messages() -> None:
    """MS-60."""
    ntipc.post_quit_message()
    assert wait_messages([], 0, mask=8) is not None and wait_messages([], 0, mask=0x100) is not None


def test_queue_is_an_object_like_others_for_its_thread() -> None:
    """MS-121, MS-122."""
    event, queue, composite = ntipc.Event(), MessageQueue(), ntipc.Mailslot("slot")
    assert ntipc.wait_any([event, queue], 0) is None and not queue.wait(0)
    assert wait_messages([composite], 0) is None
    post_message(None, WM_USER)
    assert queue.wait(10)
    assert ntipc.wait_any([event, queue], 10).object is queue  # type: ignore[union-attr]
    assert wait_messages([composite, event], 10).index == 2  # type: ignore[union-attr]
    assert ntipc.wait_all([event, queue], 0) is None
    event.set()
    assert ntipc.wait_all([event, queue], 10) is not None and not event.is_set()
    with pytest.raises(ntipc.AccessDenied):
        in_a_thread(lambda: queue.wait(0))
    peek_message()
    ntipc.set_timer(None, 0, 0.01)
    assert MessageQueue(0x10).wait(10) and "MessageQueue" in repr(queue)


def test_wait_all_with_the_queue_takes_all_or_nothing() -> None:
    event = ntipc.Event(initial=True)
    with Window() as window:
        assert ntipc.wait_all([MessageQueue(0x40), event], 0.02) is None and event.is_set()
        post_message(window.hwnd, WM_USER)
        assert ntipc.wait_all([MessageQueue(0x40), event], 0.02) is None and event.is_set()
        assert ntipc.wait_all([MessageQueue(8, input_available=True), event], 10) is not None
        assert not event.is_set()


def test_wait_for_a_thousand_objects_and_messages(peer: Peer) -> None:
    hwnd = peer.run(PEER_LOOP)
    waiting = peer.begin("ntipc.wait_messages([ntipc.Event() for _ in range(1000)], 20).index")
    wait_until(lambda: asleep(peer.pid))
    post_message(hwnd, WM_USER)
    assert waiting.result() == 1000


@pytest.mark.parametrize("objects", [[5], ["x"], [None]])
def test_what_cannot_be_waited_for_is_refused(objects: Any) -> None:
    with pytest.raises(TypeError):
        wait_messages(objects, 0)


def test_closed_object_is_refused() -> None:
    event = ntipc.Event()
    event.close()
    with pytest.raises(ntipc.HandleClosed):
        wait_messages([event], 0)


def test_abandoned_mutex_is_told() -> None:
    mutex = ntipc.Mutex()
    in_a_thread(mutex.acquire)
    with pytest.warns(ntipc.AbandonedMutexWarning):
        signaled = wait_messages([mutex], 10)
    assert signaled is not None and signaled.abandoned
    mutex.release()


def test_loop_is_an_iterator_that_ends_at_quit() -> None:
    with Window(handler=lambda hwnd, msg, wparam, lparam: ntipc.post_quit_message(wparam)) as window:
        for number in 1, 2:
            post_message(None, WM_USER, number)
        post_message(window.hwnd, WM_USER, 3)
        seen = []
        for message in ntipc.messages():
            seen.append(message.wparam)
            ntipc.dispatch_message(message)
        assert seen == [1, 2, 3] and ntipc.quit_code() == 3


def test_event_loop_takes_messages_and_deals_with_sent_ones_and_timers() -> None:
    turns: list[int] = []

    async def other() -> None:
        while True:
            turns.append(len(turns))
            await asyncio.sleep(0.001)

    async def main(tell: Any) -> list[int]:
        seen = []
        with Window(handler=lambda hwnd, msg, wparam, lparam: wparam * 2) as window:
            tick = ntipc.set_timer(None, 0, 0.01)
            task = asyncio.create_task(other())
            threading.Thread(target=tell, args=(window.hwnd,)).start()
            async for message in ntipc.messages():
                seen.append(0 if message.wparam == tick else message.wparam)
                if message.wparam == tick:
                    ticked.set()
                ntipc.dispatch_message(message)
            task.cancel()
        return seen

    def tell(hwnd: int) -> None:
        for number in range(1, 20):
            post_message(hwnd, WM_USER, number)
            assert ntipc.send_message(hwnd, WM_USER, number) == 2 * number
        wait_until(lambda: len(turns) > 5 and ticked.is_set())
        post_message(hwnd, ntipc.WM_QUIT, 4)

    ticked = threading.Event()
    before = threading.active_count() - 1
    seen = asyncio.run(main(tell))
    assert [number for number in seen if number] == list(range(1, 20)) and 0 in seen
    assert len(turns) > 5 and ntipc.quit_code() == 4
    wait_until(lambda: threading.active_count() <= before + 1)


def test_event_loop_that_is_left_early_leaves_no_thread() -> None:
    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                async for _ in ntipc.messages():
                    raise AssertionError

    before = threading.active_count()
    asyncio.run(main())
    wait_until(lambda: threading.active_count() == before)
    post_message(None, WM_USER)
    assert peek_message() is not None


def test_hung_is_nobody_who_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ntipc.window_messages.desktop.HUNG_AFTER", 0.1)
    monkeypatch.setattr("ntipc.window_messages.thread_queue._UNNOTED", 0.01)
    with Loop(None) as loop:
        wait_until(lambda: asleep(os.getpid()))
        for _ in range(6):
            assert not ntipc.is_hung(loop.hwnd)
            assert not ntipc.Event().wait(0.03)
