"""Sent messages: results, nesting, early replies, time limits, and what a sender learns of a receiver's end."""

import logging
import os
import signal
import threading
from typing import Any

import pytest
from harness.loops import PEER_LOOP, Loop, in_a_thread
from harness.peers import Peer
from harness.waiting import asleep, wait_until

import ntipc
from ntipc import WM_USER, Window, peek_message, send_data, send_message
from ntipc.window_messages import desktop as desktops
from ntipc.window_messages.receiving import DEEPEST
from ntipc.window_messages.thread_queue import own_queue


def add(hwnd: int, msg: int, wparam: int, lparam: int) -> int:
    return wparam + lparam


def test_send_to_a_window_of_this_thread_is_a_call() -> None:
    """MS-02, MS-07, MS-39, MS-90."""

    def handler(hwnd: int, msg: int, wparam: int, lparam: int) -> int:
        if msg == WM_USER + 1:
            raise KeyError("own")
        return ntipc.in_send_message() * 1000 + wparam

    with Window(handler=handler) as window:
        assert send_message(window.hwnd, WM_USER, 5) == 5
        assert send_message(window.hwnd, WM_USER, 5, timeout=0, abort_if_hung=True) == 5
        assert ntipc.queue_status() == (0, 0) and not ntipc.reply_message(1)
        with pytest.raises(KeyError, match="own"):
            send_message(window.hwnd, WM_USER + 1)


def test_send_to_another_thread_and_another_process_returns_the_result(peer: Peer) -> None:
    """MS-03, MS-07, MS-12, MS-100."""
    hwnd = peer.run(PEER_LOOP)
    with Loop(add) as loop:
        running = peer.begin("loop()")
        for target in loop.hwnd, hwnd:
            assert send_message(target, WM_USER, 2**63, 5) == 2**63 + 5
            assert send_message(target, WM_USER, -7, 5) == -2
        ntipc.post_message(hwnd, ntipc.WM_QUIT)
        running.result()


@pytest.mark.parametrize("call", ["peek_message", "get_message", "send_message"])
def test_receiver_deals_with_it_in_each_call_that_looks(peer: Peer, call: str) -> None:
    """MS-03, MS-04, MS-05, MS-57, MS-86."""
    with Window(handler=add) as window, Loop(add) as loop:
        sending = peer.begin(f"import ntipc; ntipc.send_message({window.hwnd}, 0x400, 3, 4)")
        while not sending.returned:
            if call == "peek_message":
                assert peek_message(-3, 5, 6) is None
            elif call == "get_message":
                with pytest.raises(TimeoutError):
                    ntipc.get_message(0.01)
            else:
                send_message(loop.hwnd, WM_USER)
        assert sending.result() == 7


def test_posted_messages_wait_while_a_send_waits_and_sent_ones_come_first() -> None:
    """MS-06, MS-42, MS-56, MS-73, MS-101."""
    seen: list[Any] = []

    def own(hwnd: int, msg: int, wparam: int, lparam: int) -> None:
        seen.append((msg, wparam))

    with Window(handler=own) as window:

        def elsewhere(hwnd: int, msg: int, wparam: int, lparam: int) -> int:
            ntipc.post_message(window.hwnd, WM_USER + 1, 1)
            ntipc.send_notify_message(window.hwnd, WM_USER + 2, 2)
            ntipc.send_notify_message(window.hwnd, WM_USER + 2, 3)
            return send_message(window.hwnd, WM_USER + 3, 4)

        with Loop(elsewhere) as loop:
            send_message(loop.hwnd, WM_USER)
        assert seen == [(WM_USER + 2, 2), (WM_USER + 2, 3), (WM_USER + 3, 4)]
        message = ntipc.get_message(0)
        assert message is not None and message.msg == WM_USER + 1


def test_sends_nest_in_both_directions(peer: Peer) -> None:
    """MS-05, MS-85, MS-113."""
    peer.run("HANDLERS = {0x400: lambda hwnd, wparam, lparam: ntipc.send_message(lparam, 0x400, wparam - 1, hwnd) + 1}")
    hwnd = peer.run(PEER_LOOP)

    def handler(own: int, msg: int, wparam: int, lparam: int) -> int:
        return send_message(lparam, WM_USER, wparam - 1, own) + 1 if wparam > 0 else 0

    with Window(handler=handler) as window:
        running = peer.begin("loop()")
        assert send_message(hwnd, WM_USER, 41, window.hwnd) == 41
        ntipc.post_message(hwnd, ntipc.WM_QUIT)
        running.result()


def test_nesting_has_a_stated_depth_and_a_clear_error() -> None:
    depth: list[int] = []
    with Window() as window, Loop(add) as loop:

        def further(target: int, wparam: int) -> int:
            depth.append(wparam)
            try:
                return send_message(target, WM_USER, wparam + 1)
            except ntipc.NestedTooDeep as problem:
                assert isinstance(problem, RecursionError) and problem.winerror == 1001
                return 99

        loop.window._procedure = lambda own, msg, wparam, lparam: further(window.hwnd, wparam)
        window._procedure = lambda own, msg, wparam, lparam: further(loop.hwnd, wparam)
        assert send_message(loop.hwnd, WM_USER, 0) == 99
        window._procedure = loop.window._procedure = None
    assert depth == list(range(2 * DEEPEST - 1))


def test_three_threads_in_a_ring_do_not_block_each_other() -> None:
    """MS-113."""
    with (
        Window(handler=add) as window,
        Loop(lambda hwnd, msg, wparam, lparam: send_message(window.hwnd, WM_USER, wparam, 1)) as third,
        Loop(lambda hwnd, msg, wparam, lparam: send_message(third.hwnd, WM_USER, wparam) + 1) as second,
    ):
        assert send_message(second.hwnd, WM_USER, 5) == 7


def test_sender_that_blocks_deals_with_nothing_meanwhile() -> None:
    """MS-87."""
    seen: list[int] = []
    with Window(handler=lambda hwnd, msg, wparam, lparam: seen.append(wparam)) as window:

        def elsewhere(hwnd: int, msg: int, wparam: int, lparam: int) -> int:
            ntipc.send_notify_message(window.hwnd, WM_USER, 1)
            return len(seen)

        with Loop(elsewhere) as loop:
            assert send_message(loop.hwnd, WM_USER, block=True) == 0
        assert seen == [] and peek_message() is None and seen == [1]


def test_early_reply_releases_the_sender_and_later_results_are_ignored() -> None:
    """MS-39 to MS-41, MS-107 to MS-111."""
    told: list[Any] = []
    go_on = threading.Event()

    def handler(hwnd: int, msg: int, wparam: int, lparam: int) -> int:
        told.append(ntipc.in_send_message())
        told.append(ntipc.reply_message(5))
        told.append(ntipc.in_send_message())
        told.append(ntipc.reply_message(6))
        assert go_on.wait(10)
        return 7

    with Loop(handler) as loop:
        assert send_message(loop.hwnd, WM_USER) == 5
        go_on.set()
        ntipc.send_notify_message(loop.hwnd, WM_USER)
        loop.end()
    assert told == [1, True, 9, False, 2, True, 10, False]


def test_reply_answers_the_innermost_message() -> None:
    """MS-110."""
    with Window() as window:

        def there(hwnd: int, msg: int, wparam: int, lparam: int) -> int:
            return send_message(window.hwnd, WM_USER, wparam + 1) * 10

        with Loop(there) as loop:

            def here(hwnd: int, msg: int, wparam: int, lparam: int) -> int:
                if wparam < 2:
                    inner = send_message(loop.hwnd, WM_USER, wparam)
                    assert ntipc.reply_message(inner + 1)
                    return -1
                assert ntipc.reply_message(wparam)
                return -2

            window._procedure = here
            assert send_message(loop.hwnd, WM_USER, 0) == 210
            window._procedure = None


def test_timeout_of_a_receiver_that_does_not_look_means_it_never_begins(peer: Peer) -> None:
    """MS-09, MS-10, MS-95."""
    peer.run("seen = []; HANDLERS = {0x400 + n: lambda hwnd, wparam, lparam: seen.append(wparam) for n in range(3)}")
    hwnd = peer.run(PEER_LOOP)
    for timeout in 0, 0.02:
        with pytest.raises(ntipc.Timeout) as problem:
            send_message(hwnd, WM_USER, 1, timeout=timeout)
        assert problem.value.winerror == 1460
    ntipc.send_notify_message(hwnd, WM_USER, 2)
    assert peer.run("ntipc.peek_message(); seen") == [2]


def test_timeout_of_one_that_has_begun_throws_the_result_away() -> None:
    """MS-09, MS-95."""
    begun, go_on = threading.Event(), threading.Event()

    def handler(hwnd: int, msg: int, wparam: int, lparam: int) -> int:
        if wparam:
            begun.set()
            assert go_on.wait(10)
        return 5 + wparam

    with Loop(handler) as loop:
        while not begun.is_set():  # one that the loop was too late for has not begun
            with pytest.raises(ntipc.Timeout):
                send_message(loop.hwnd, WM_USER, 1, timeout=0.05)
        go_on.set()
        assert send_message(loop.hwnd, WM_USER, 0) == 5


def test_interrupted_sender_has_the_message_withdrawn(peer: Peer, start_peer: Any) -> None:
    peer.run("seen = []; HANDLERS = {0x400: lambda hwnd, wparam, lparam: seen.append(wparam)}")
    hwnd = peer.run(PEER_LOOP)
    sender = start_peer()
    sending = sender.begin(f"import ntipc; ntipc.send_message({hwnd}, 0x400, 1)")
    wait_until(lambda: asleep(sender.pid))
    sender.interrupt()
    with pytest.raises(KeyboardInterrupt):
        sending.result()
    assert peer.run("ntipc.peek_message(); seen") == []


def test_hung_receiver_is_told_at_once(monkeypatch: pytest.MonkeyPatch, peer: Peer) -> None:
    """MS-91, MS-92, MS-93, MS-156."""
    monkeypatch.setattr(desktops, "HUNG_AFTER", 0.3)
    hwnd = peer.run(PEER_LOOP)
    wait_until(lambda: ntipc.is_hung(hwnd))
    with pytest.raises(ntipc.Timeout, match="hung") as problem:
        send_message(hwnd, WM_USER, abort_if_hung=True)
    assert problem.value.winerror == 1460
    running = peer.begin("loop()")
    wait_until(lambda: asleep(peer.pid))
    assert not ntipc.is_hung(hwnd), "it waits there"
    monkeypatch.undo()
    assert send_message(hwnd, WM_USER, 1, 2, abort_if_hung=True) == 3
    ntipc.post_message(hwnd, ntipc.WM_QUIT)
    running.result()


def test_exception_in_a_handler_is_the_senders_error_and_the_loop_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    def handler(hwnd: int, msg: int, wparam: int, lparam: int) -> int:
        raise ZeroDivisionError("by nought") if wparam else ZeroDivisionError

    with Loop(handler) as loop, caplog.at_level(logging.ERROR):
        for _ in range(2):
            with pytest.raises(ntipc.NtError, match="ZeroDivisionError: by nought"):
                send_message(loop.hwnd, WM_USER, 1)
        ntipc.send_notify_message(loop.hwnd, WM_USER, 1)
        results: list[Any] = []
        ntipc.send_message_callback(loop.hwnd, WM_USER, 1, 0, lambda *told: results.append(told))
        with pytest.raises(ntipc.NtError):
            send_message(loop.hwnd, WM_USER, 1)
        peek_message()
        assert results == [(loop.hwnd, WM_USER, 0)]
        loop.window._procedure = None
    assert "by nought" in caplog.text


def test_exception_in_a_handler_is_told_to_the_watcher_of_its_process(peer: Peer) -> None:
    with ntipc.Watcher("guard") as watcher:
        beginning = peer.begin("import ntipc; watched = ntipc.watch('guard', timeout=20)")
        assert next(watcher.events(20)).kind == "process-start"
        beginning.result()
        watcher.on_exception = lambda event: True
        peer.run("HANDLERS = {0x400: lambda hwnd, wparam, lparam: [][wparam]}")
        hwnd = peer.run(PEER_LOOP)
        running = peer.begin("loop()")
        with pytest.raises(ntipc.NtError, match="IndexError"):
            send_message(hwnd, WM_USER, 1)
        event = next(event for event in watcher.events(20) if event.kind == "exception")
        assert event.type == "builtins.IndexError" and event.pid == peer.pid
        ntipc.post_message(hwnd, ntipc.WM_QUIT)
        running.result()


def test_result_that_does_not_fit_is_the_senders_error(caplog: pytest.LogCaptureFixture) -> None:
    with Loop(lambda *_: 2**64) as loop:
        with pytest.raises(ntipc.NtError, match="OverflowError"):
            send_message(loop.hwnd, WM_USER)
        loop.window._procedure = None


@pytest.mark.parametrize("way", ["kill", "exit in the handler", "end of the thread"])
def test_end_of_the_receiver_is_told_to_a_sender_that_waits(peer: Peer, way: str) -> None:
    """MS-46, MS-88."""
    peer.run("import os; HANDLERS = {0x400: lambda hwnd, wparam, lparam: os._exit(1)}")
    hwnd = peer.run(PEER_LOOP, thread="worker")
    if way == "kill":
        sending = threading.Timer(0, lambda: None)
        outcome: list[Any] = []

        def send() -> None:
            with pytest.raises(ntipc.ReplyLost) as problem:
                send_message(hwnd, WM_USER)
            outcome.append(problem.value)

        sending = threading.Timer(0, send)
        sending.start()
        wait_until(lambda: asleep(os.getpid()))
        peer.kill()
        sending.join(10)
        assert outcome
    elif way == "exit in the handler":
        peer.begin("loop()", thread="worker")
        with pytest.raises(ntipc.ReplyLost):
            send_message(hwnd, WM_USER)
    else:
        peer.run("HANDLERS[0x400] = lambda hwnd, wparam, lparam: ntipc.post_quit_message(0)", thread="worker")
        peer.begin("loop()", thread="worker")
        assert send_message(hwnd, WM_USER) == 0
        ending = threading.Thread(target=lambda: peer.end_thread("worker"))
        ending.start()
        with pytest.raises((ntipc.ReplyLost, ntipc.InvalidWindow)):
            while True:
                send_message(hwnd, WM_USER + 1)
        ending.join()


def test_destroyed_window_releases_its_senders() -> None:
    """MS-148."""
    with Loop(add) as loop:
        window = Window()
        outcome: list[Any] = []

        def send() -> None:
            try:
                send_message(window.hwnd, WM_USER)
            except ntipc.NtError as problem:
                outcome.append(problem)

        thread = threading.Thread(target=send)
        thread.start()
        wait_until(lambda: ntipc.queue_status()[0] & 0x40)
        window.destroy()
        thread.join(10)
        assert [problem.winerror for problem in outcome] == [1400]
        assert send_message(loop.hwnd, WM_USER, 1, 1) == 2


def test_callback_is_called_when_the_sender_looks(peer: Peer) -> None:
    """MS-43, MS-103 to MS-105, MS-107."""
    told: list[Any] = []

    def callback(*what: int) -> None:
        told.append(what)

    with Window(handler=add) as window:
        ntipc.send_message_callback(window.hwnd, WM_USER, 1, 2, callback)
        assert told.pop() == (window.hwnd, WM_USER, 3)
    with Loop(lambda hwnd, msg, wparam, lparam: wparam + ntipc.in_send_message()) as loop:
        ntipc.send_message_callback(loop.hwnd, WM_USER, 10, 0, callback)
        wait_until(lambda: ntipc.queue_status()[0] & 0x40)
        assert told == []
        send_message(loop.hwnd, WM_USER)
        assert told.pop() == (loop.hwnd, WM_USER, 14)
        ntipc.send_message_callback(loop.hwnd, WM_USER, 20, 0, callback)
        assert ntipc.wait_messages([], 10) is not None
        assert told.pop() == (loop.hwnd, WM_USER, 24)
    hwnd = peer.run(PEER_LOOP)
    ntipc.send_message_callback(hwnd, WM_USER, 1, 0, callback)
    assert peek_message() is None and told == []
    peer.kill()
    wait_until(lambda: peek_message() is None and told)
    assert told == [(hwnd, WM_USER, 0)]
    with pytest.raises(TypeError):
        ntipc.send_message_callback(hwnd, WM_USER, 1, 0, None)


@pytest.mark.parametrize("size", [0, 1, 2000, 4096, 1 << 20, 9_000_001])
def test_data_arrive_as_they_were_and_are_valid_in_the_call(size: int) -> None:
    """MS-36, MS-114."""
    kept: list[Any] = []
    data = os.urandom(size)

    def handler(hwnd: int, msg: int, wparam: int, lparam: Any) -> int | None:
        if msg != ntipc.WM_COPYDATA:
            return None
        kept.append(lparam)
        assert lparam.data.readonly and bytes(lparam.data) == data and wparam == 7
        return int(lparam.kind) + len(lparam.data)

    with Loop(handler) as loop, Window(handler=handler) as own:
        for hwnd in loop.hwnd, own.hwnd:
            assert send_data(hwnd, data, -3, sender=7) == size - 3
        assert send_data(loop.hwnd, bytearray(data), 2**64 - 1 - size, sender=7) == 2**64 - 1
    assert len(kept) == 3
    for data_of_a_call in kept:
        with pytest.raises(ValueError, match="released"):
            data_of_a_call.data[:1]


def test_data_that_are_too_long_for_a_frame_go_in_a_section(monkeypatch: pytest.MonkeyPatch, peer: Peer) -> None:
    monkeypatch.setattr("ntipc.window_messages.sends.LONGEST_IN_LINE", 100)
    hwnd = peer.run(PEER_LOOP)
    running = peer.begin("loop()")
    for size in 101, 100_000, 5, 3_000_001:
        assert send_data(hwnd, bytes(size), 1) == size + 1
    ntipc.post_message(hwnd, ntipc.WM_QUIT)
    running.result()


def test_memory_of_large_data_is_used_again_and_never_too_early() -> None:
    kept: list[Any] = []
    go_on = threading.Event()

    def handler(hwnd: int, msg: int, wparam: int, lparam: Any) -> int:
        if lparam.kind == 1:
            kept.append(lparam.data[5:])
        elif lparam.kind == 2:
            assert ntipc.reply_message(7)
            assert go_on.wait(10)
            kept.append(bytes(lparam.data))
        return len(lparam.data)

    size = 300_000
    one, other, blocks = b"1" * size, b"2" * size, own_queue().blocks
    with Loop({ntipc.WM_COPYDATA: handler}) as loop:
        assert send_data(loop.hwnd, one) == size
        block = blocks._kept
        assert block is not None and block.is_free
        assert send_data(loop.hwnd, other, 1) == size
        assert blocks._kept is block and not block.is_free, "the handler has kept a part"
        assert send_data(loop.hwnd, one, 2) == 7
        assert blocks._kept is not block, "the handler looks at them still"
        threading.Timer(0.01, go_on.set).start()
        assert send_data(loop.hwnd, other[:-1]) == size - 1
        assert kept == [other[5:], one]
        assert send_data(loop.hwnd, b"small") == 5 and blocks._kept is not None
    with pytest.raises(ntipc.InvalidWindow):
        send_data(loop.hwnd, one)


@pytest.mark.parametrize("data", ["text", 5, None])
def test_data_must_be_bytes(data: Any) -> None:
    with Window() as window, pytest.raises(TypeError):
        send_data(window.hwnd, data)


def test_senders_of_many_threads_get_their_own_results() -> None:
    with Loop(lambda hwnd, msg, wparam, lparam: wparam * 2) as loop:

        def send(first: int) -> list[int]:
            return [send_message(loop.hwnd, WM_USER, first + number) for number in range(100)]

        results: dict[int, list[int]] = {}
        threads = [
            threading.Thread(target=lambda first=first: results.update({first: send(first)}))  # type: ignore[misc]
            for first in range(0, 800, 100)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results == {first: [2 * (first + n) for n in range(100)] for first in range(0, 800, 100)}


def test_child_of_a_fork_does_not_keep_the_senders_of_its_parent_waiting(peer: Peer) -> None:
    peer.run("""
import os, time
def fork_and_die(hwnd, wparam, lparam):
    if os.fork() == 0:
        ntipc.post_message(lparam, 0x400, os.getpid())
        time.sleep(30)
        os._exit(0)
    os.kill(os.getpid(), 9)
HANDLERS = {0x400: fork_and_die}
""")
    hwnd = peer.run(PEER_LOOP)
    peer.begin("loop()")
    assert send_message(hwnd, WM_USER + 1, 1, 1) == 2
    with Window() as window:
        with pytest.raises(ntipc.ReplyLost):
            send_message(hwnd, WM_USER, 0, window.hwnd)
        message = ntipc.get_message(10)
    assert message is not None
    os.kill(message.wparam, signal.SIGKILL)


def test_send_in_a_thread_without_windows_makes_its_queue() -> None:
    with Loop(add) as loop:
        assert in_a_thread(lambda: send_message(loop.hwnd, WM_USER, 2, 3)) == 5
