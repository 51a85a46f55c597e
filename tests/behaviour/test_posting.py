"""Posted messages: order, filters, limits, quit, and the bits of the queue's status."""

import threading
from typing import Any

import pytest
from harness.loops import PEER_LOOP, Loop, in_a_thread
from harness.peers import Peer
from harness.waiting import wait_until

import ntipc
from ntipc import WM_USER, Window, get_message, peek_message, post_message
from ntipc.window_messages.constants import POINTER_MESSAGES

NUMBERS = [0, 1, -1, 2**31, 2**32, 2**63 - 1, -(2**63), 2**63, 2**64 - 1]


def me() -> int:
    return threading.get_native_id()


@pytest.mark.parametrize("number", NUMBERS)
def test_64_bits_are_kept(number: int) -> None:
    """MS-52."""
    with Window(handler=lambda hwnd, msg, wparam, lparam: wparam) as window:
        post_message(window.hwnd, WM_USER, number, number)
        message = get_message(10)
        assert message is not None and message[:4] == (window.hwnd, WM_USER, number, number)
        assert ntipc.dispatch_message(message) == number == ntipc.send_message(window.hwnd, WM_USER, number)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((WM_USER, 2**64), OverflowError),
        ((WM_USER, 0, -(2**63) - 1), OverflowError),
        ((-1,), ValueError),
        ((2**32,), ValueError),
        (("x",), TypeError),
        ((WM_USER, "x"), TypeError),
        ((WM_USER, None), TypeError),
    ],
)
def test_what_does_not_fit_is_refused(arguments: Any, error: type[Exception]) -> None:
    with Window() as window, Loop(None) as loop:
        for hwnd in window.hwnd, loop.hwnd, None:
            with pytest.raises(error):
                post_message(hwnd, *arguments)
        for call in ntipc.send_message, ntipc.send_notify_message:
            for hwnd in window.hwnd, loop.hwnd:
                with pytest.raises(error):
                    call(hwnd, *arguments)
        assert peek_message() is None


def test_messages_come_in_order_over_all_windows_with_their_times() -> None:
    """MS-01, MS-13, MS-71, MS-72."""
    with Window() as one, Window() as two:
        for number, hwnd in enumerate([one.hwnd, None, two.hwnd, one.hwnd]):
            post_message(hwnd, WM_USER, number)
        got = [message for _ in range(4) if (message := get_message(0))]
        assert [message.wparam for message in got] == [0, 1, 2, 3]
        assert [message.hwnd for message in got] == [one.hwnd, 0, two.hwnd, one.hwnd]
        assert sorted(message.time for message in got) == [message.time for message in got]
        with pytest.raises(TimeoutError):
            get_message(0)


def test_peek_filters_by_window_and_number() -> None:
    """MS-29, MS-30, MS-31."""
    with Window() as one, Window() as two:
        for number, hwnd in enumerate([None, one.hwnd, two.hwnd]):
            post_message(hwnd, WM_USER + number)
        for nobody in -2, -3:
            assert peek_message(nobody) is None
        for thread in -1, 1, ntipc.HWND_BROADCAST:
            assert peek_message(thread, remove=False).msg == WM_USER  # type: ignore[union-attr]
        assert peek_message(one.hwnd, WM_USER, WM_USER) is None
        assert peek_message(two.hwnd, remove=False).msg == WM_USER + 2  # type: ignore[union-attr]
        assert peek_message(None, WM_USER + 1, WM_USER + 2).msg == WM_USER + 1  # type: ignore[union-attr]
        assert peek_message().msg == WM_USER  # type: ignore[union-attr]
        assert peek_message(two.hwnd).msg == WM_USER + 2  # type: ignore[union-attr]
        assert peek_message() is None


@pytest.mark.parametrize("numbers", [(5, 4), (-1, 4), (0, 0x10000), (1, 0)])
def test_impossible_ranges_are_refused(numbers: tuple[int, int]) -> None:
    """MS-64, MS-65."""
    with pytest.raises(ValueError, match="no range"):
        peek_message(None, *numbers)
    with pytest.raises(ntipc.InvalidParameter):
        get_message(0, first=numbers[0], last=numbers[1])


def test_dead_and_foreign_windows_as_filters() -> None:
    """MS-08, MS-66, MS-68."""
    window = Window()
    window.destroy()
    for call in (lambda: peek_message(window.hwnd), lambda: get_message(0, hwnd=window.hwnd)):
        with pytest.raises(ntipc.InvalidWindow) as problem:
            call()
        assert problem.value.winerror == 1400
    with Loop(None) as loop:
        post_message(None, WM_USER)
        assert peek_message(loop.hwnd) is None
    for number in 5, 0x10000, -77, 2**40:
        for post in post_message, ntipc.send_message:
            with pytest.raises(ntipc.InvalidWindow):
                post(number, WM_USER)


def test_quit_comes_last_and_once_whatever_the_filter() -> None:
    """MS-17, MS-18, MS-21, MS-58 to MS-61."""
    with Window() as window:
        ntipc.post_quit_message(1)
        ntipc.post_quit_message(7)
        assert ntipc.queue_status(0x108) == (0x108, 0x108)
        post_message(window.hwnd, WM_USER)
        assert peek_message(-2, 5, 6, remove=False)[:4] == (0, ntipc.WM_QUIT, 7, 0)  # type: ignore[index]
        assert get_message(0).msg == WM_USER  # type: ignore[union-attr]
        assert get_message(0) is None and ntipc.quit_code() == 7
        assert peek_message() is None


def test_posted_quit_is_an_ordinary_message() -> None:
    """MS-19."""
    ntipc.post_thread_message(me(), ntipc.WM_QUIT, 3)
    ntipc.post_thread_message(me(), WM_USER)
    assert peek_message(None, WM_USER, WM_USER).msg == WM_USER  # type: ignore[union-attr]
    assert get_message(0) is None and ntipc.quit_code() == 3


def test_status_tells_what_is_there_and_what_is_new() -> None:
    """MS-50, MS-116, MS-117, MS-119."""
    assert ntipc.queue_status() == (0, 0)
    post_message(None, WM_USER)
    assert ntipc.queue_status(0x108) == (0x108, 0x108)
    assert ntipc.queue_status(0x108) == (0x108, 0)
    post_message(None, WM_USER)
    assert peek_message(None, 1, 2) is None
    assert ntipc.queue_status(0x108) == (0x108, 0x100)  # a retrieval with a range leaves ALLPOSTMESSAGE
    post_message(None, WM_USER)
    assert peek_message(remove=False) is not None
    assert ntipc.queue_status() == (8, 0)
    for _ in range(3):
        assert peek_message() is not None
    assert ntipc.queue_status() == (0, 0)


def test_queue_holds_exactly_10000_posted_messages(peer: Peer) -> None:
    """MS-47, MS-78, MS-79."""
    with Window(handler=lambda *_: 5) as window:
        peer.run(f"import ntipc; hwnd = {window.hwnd}")
        assert peer.run("for _ in range(5000): ntipc.post_message(hwnd, 0x400)") is None
        for _ in range(5000):
            post_message(window.hwnd, WM_USER)
        assert peek_message(None, 1, 1) is None  # taken in, and counted all the same
        with pytest.raises(MemoryError) as problem:
            post_message(window.hwnd, WM_USER)
        assert problem.value.winerror == 1816  # type: ignore[attr-defined]
        with pytest.raises(ntipc.OutOfResources):
            peer.run("ntipc.post_message(hwnd, 0x400)")
        sending = peer.begin("ntipc.send_message(hwnd, 0x400)")
        while not sending.returned:
            assert peek_message(None, 1, 1) is None
        assert sending.result() == 5
        assert get_message(0) is not None
        post_message(window.hwnd, WM_USER)
        with pytest.raises(ntipc.OutOfResources):
            post_message(window.hwnd, WM_USER)
        count = 0
        while peek_message() is not None:
            count += 1
        assert count == 10_000


@pytest.mark.parametrize("msg", sorted(POINTER_MESSAGES)[::9] + [ntipc.WM_COPYDATA])
def test_messages_with_addresses_are_only_sent(msg: int) -> None:
    """MS-37, MS-38, MS-74, MS-77, MS-102."""
    with Window() as window, Loop(None) as loop:
        calls: list[Any] = [lambda hwnd=hwnd: post_message(hwnd, msg) for hwnd in (window.hwnd, loop.hwnd, None)]
        calls += [lambda hwnd=hwnd: ntipc.send_notify_message(hwnd, msg) for hwnd in (window.hwnd, loop.hwnd)]
        calls += [
            lambda: ntipc.post_thread_message(me(), msg),
            lambda: ntipc.send_message_callback(loop.hwnd, msg, callback=print),
            lambda: ntipc.dispatch_message(ntipc.Message(window.hwnd, msg)),
        ]
        for call in calls:
            with pytest.raises(ntipc.MessageSyncOnly) as problem:
                call()
            assert problem.value.winerror == 1159
        with pytest.raises(ValueError, match="send_data"):
            ntipc.send_message(window.hwnd, ntipc.WM_COPYDATA)


def test_thread_messages_need_a_thread_with_a_queue(peer: Peer) -> None:
    """MS-14, MS-15, MS-83."""
    tid = peer.run("import threading, ntipc; threading.get_native_id()")
    for nobody in tid, 2**31 - 1, 0, -5:
        with pytest.raises(ProcessLookupError) as problem:
            ntipc.post_thread_message(nobody, WM_USER)
        assert problem.value.winerror == 1444  # type: ignore[attr-defined]
    peer.run("ntipc.peek_message()")
    ntipc.post_thread_message(tid, WM_USER, 5, -6)
    assert peer.run("ntipc.get_message(10)[:4]") == (0, WM_USER, 5, -6)
    peer.kill()

    def is_gone() -> bool:
        try:
            ntipc.post_thread_message(tid, WM_USER)
        except ntipc.InvalidThread:
            return True
        return False

    wait_until(is_gone)


def test_thread_that_has_ended_has_no_queue() -> None:
    def make() -> int:
        peek_message()
        return me()

    tid = in_a_thread(make)
    with pytest.raises(ntipc.InvalidThread):
        ntipc.post_thread_message(tid, WM_USER)


def test_dispatch_goes_to_the_window_or_nowhere() -> None:
    """MS-16, MS-74."""
    with Window(handler=lambda hwnd, msg, wparam, lparam: wparam) as window, Loop(None) as loop:
        assert ntipc.dispatch_message(ntipc.Message(window.hwnd, WM_USER, 9)) == 9
        assert ntipc.dispatch_message(ntipc.Message(0, WM_USER, 9)) == 0
        for hwnd in loop.hwnd, 0x10000:
            with pytest.raises(ntipc.InvalidWindow):
                ntipc.dispatch_message(ntipc.Message(hwnd, WM_USER))


@pytest.mark.parametrize(
    ("result", "error"), [("text", TypeError), (1.5, TypeError), (2**64, OverflowError), (-(2**63) - 1, OverflowError)]
)
def test_results_that_are_no_64_bit_numbers_are_errors(result: Any, error: type[Exception]) -> None:
    with Window(handler=lambda *_: result) as window:
        with pytest.raises(error):
            ntipc.dispatch_message(ntipc.Message(window.hwnd, WM_USER))
        with pytest.raises(error):
            ntipc.send_message(window.hwnd, WM_USER)
        window._procedure = None


def test_messages_of_several_processes_keep_their_order_each(start_peer: Any) -> None:
    with Window() as window:
        peers = [start_peer() for _ in range(2)]
        calls = [
            peer.begin(f"import ntipc\nfor n in range(1000): ntipc.post_message({window.hwnd}, 0x400, {at}, n)")
            for at, peer in enumerate(peers)
        ]
        seen: dict[int, list[int]] = {0: [], 1: []}
        for _ in range(2000):
            message = get_message(10)
            assert message is not None
            seen[message.wparam].append(message.lparam)
        assert seen == {0: list(range(1000)), 1: list(range(1000))}
        for call in calls:
            call.result()


def test_loop_of_another_process_is_ended_from_here(peer: Peer) -> None:
    hwnd = peer.run(PEER_LOOP)
    loop = peer.begin("loop()")
    post_message(hwnd, ntipc.WM_QUIT, 11)
    assert loop.result() == 11
