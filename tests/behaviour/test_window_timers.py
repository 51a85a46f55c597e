"""Timers of windows and threads: lowest priority, one message for all periods that passed, no thread for them."""

import math
import threading
import time
from typing import Any

import pytest
from harness.loops import Loop, in_a_thread

import ntipc
from ntipc import WM_TIMER, WM_USER, Window, get_message, kill_timer, peek_message, set_timer


def due(timers: int = 1) -> None:
    """Wait until a timer is due."""
    for _ in range(timers):
        assert ntipc.wait_messages([], 10, mask=0x10, input_available=True)


def test_timer_comes_again_on_its_grid() -> None:
    """MS-52, MS-130."""
    with Window() as window:
        begun = time.monotonic()
        assert set_timer(window.hwnd, 7, 0.01) == 7
        times = []
        for _ in range(3):
            message = get_message(10)
            assert message is not None and message[:4] == (window.hwnd, WM_TIMER, 7, 0)
            times.append(message.time)
        assert begun + 0.03 <= times[2] <= time.monotonic()
        assert kill_timer(window.hwnd, 7) and not kill_timer(window.hwnd, 7)
        assert peek_message() is None


def test_timer_has_the_lowest_priority_and_missed_periods_are_one_message() -> None:
    """MS-22, MS-23, MS-51."""
    set_timer(None, 0, 0.01)
    due()
    time.sleep(0.05)
    ntipc.post_message(None, WM_USER)
    ntipc.post_quit_message(3)
    assert get_message(0).msg == WM_USER  # type: ignore[union-attr]
    assert get_message(0) is None and ntipc.quit_code() == 3
    assert peek_message(None, WM_USER, WM_USER) is None, "the filter leaves it where it is"
    taken, following = time.monotonic(), 0
    assert get_message(0).msg == WM_TIMER  # type: ignore[union-attr]
    while peek_message() is not None:
        following += 1
    assert following <= (time.monotonic() - taken) // 0.01 + 1, "what was missed is not made up for"


@pytest.mark.parametrize("period", [0, 0.001, 0.0099])
def test_periods_are_at_least_10_ms(period: float) -> None:
    """MS-24, MS-129."""
    begun = time.monotonic()
    set_timer(None, 0, period)
    assert get_message(10) is not None and time.monotonic() - begun >= 0.0099


@pytest.mark.parametrize("period", [-1, math.nan, "x", None])
def test_impossible_periods_are_refused(period: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        set_timer(None, 0, period)
    assert peek_message() is None


def test_very_long_periods_and_negative_ids_are_taken() -> None:
    with Window() as window:
        assert set_timer(window.hwnd, -5, 10**30) == -5
        assert set_timer(window.hwnd, -6, math.inf) == -6
        assert kill_timer(window.hwnd, -5) and kill_timer(window.hwnd, -6)
        with pytest.raises(OverflowError):
            set_timer(window.hwnd, 2**64, 1)


def test_ids_of_windows_are_kept_and_those_of_threads_made_up() -> None:
    """MS-25 to MS-27, MS-125, MS-127, MS-128."""
    with Window() as one, Window() as two:
        first, second = set_timer(None, 0, 100), set_timer(None, 5, 100)
        assert first and second and first != second
        assert set_timer(None, first, 100) == first
        assert set_timer(one.hwnd, 3, 100) == set_timer(two.hwnd, 3, 100) == 3
        assert set_timer(one.hwnd, 0, 100) == 1
        assert [kill_timer(hwnd, 3) for hwnd in (one.hwnd, two.hwnd, None)] == [True, True, False]
        assert kill_timer(one.hwnd, 0) and kill_timer(None, first) and kill_timer(None, second)


def test_thread_has_a_limit_of_timers() -> None:
    """MS-136."""
    ids = {set_timer(None, 0, 1000) for _ in range(0x7FFF - 0x100 + 1)}
    assert len(ids) == 0x7FFF - 0x100 + 1
    with pytest.raises(ntipc.OutOfResources) as problem:
        set_timer(None, 0, 1000)
    assert problem.value.winerror == 1158
    for timer_id in ids:
        assert kill_timer(None, timer_id)


def test_setting_again_starts_anew() -> None:
    """MS-26, MS-126."""
    timer = set_timer(None, 0, 0.01)
    due()
    assert set_timer(None, timer, 1000) == timer
    assert peek_message() is None and ntipc.queue_status(0x10)[0] == 0


def test_of_several_the_one_that_has_been_due_longest_comes_first() -> None:
    """MS-131."""
    with Window() as window:
        begun = -math.inf
        while time.monotonic() - begun >= 0.01:  # then the first is due before the second
            begun = time.monotonic()
            set_timer(window.hwnd, 2, 0.02)
            set_timer(window.hwnd, 1, 0.01)
        time.sleep(0.05)
        assert [get_message(0).wparam for _ in range(2)] == [1, 2]  # type: ignore[union-attr]


def test_timer_that_a_peek_has_left_comes_before_what_is_posted_later() -> None:
    """MS-28, MS-132, MS-133."""
    timer = set_timer(None, 0, 0.01)
    due()
    assert peek_message(remove=False).msg == WM_TIMER  # type: ignore[union-attr]
    assert peek_message(remove=False).msg == WM_TIMER  # type: ignore[union-attr]
    ntipc.post_message(None, WM_USER)
    assert kill_timer(None, timer)
    assert [get_message(0).msg for _ in range(2)] == [WM_TIMER, WM_USER]  # type: ignore[union-attr]
    assert peek_message() is None


def test_timers_end_with_their_window_and_their_thread() -> None:
    """MS-134."""
    window = Window()
    set_timer(window.hwnd, 1, 0.01)
    due()
    window.destroy()
    assert peek_message() is None and ntipc.queue_status() == (0, 0)
    in_a_thread(lambda: set_timer(None, 0, 0.01))
    time.sleep(0.02)
    assert peek_message() is None


def test_callback_is_called_in_place_of_the_handler_while_the_timer_lives() -> None:
    """MS-55, MS-75."""
    told: list[Any] = []
    with Window(handler=lambda *_: 9) as window:
        set_timer(window.hwnd, 4, 0.01, lambda *what: told.append(what))
        message = get_message(10)
        assert message is not None and message.lparam
        assert ntipc.dispatch_message(message) == 0
        assert told == [(window.hwnd, WM_TIMER, 4, message.time)]
        kill_timer(window.hwnd, 4)
        assert ntipc.dispatch_message(message) == 0 and len(told) == 1
        set_timer(window.hwnd, 4, 0.01, lambda *_: told.append("another"))
        assert ntipc.dispatch_message(message) == 0 and len(told) == 1, "it was another timer's"
        set_timer(window.hwnd, 4, 0.01)
        assert ntipc.dispatch_message(get_message(10)) == 9  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            set_timer(window.hwnd, 5, 1, 7)  # type: ignore[arg-type]


def test_windows_of_other_threads_get_no_timer_from_here() -> None:
    """MS-135."""
    with Loop(None) as loop:
        for call in (lambda: set_timer(loop.hwnd, 1, 1), lambda: kill_timer(loop.hwnd, 1)):
            with pytest.raises(PermissionError):
                call()
    with pytest.raises(ntipc.InvalidWindow):
        set_timer(0x10000, 1, 1)


def test_get_wakes_for_timers_that_its_filter_lets_through() -> None:
    """MS-70."""
    with Window() as window:
        set_timer(window.hwnd, 1, 0.01)
        for options in {"first": WM_USER, "last": WM_USER}, {"hwnd": -1}:
            with pytest.raises(TimeoutError):
                get_message(0.03, **options)  # type: ignore[arg-type]
        assert get_message(10, hwnd=window.hwnd, first=WM_TIMER, last=WM_TIMER) is not None


def test_sent_messages_do_not_wait_for_timers_nor_timers_for_them() -> None:
    with Loop(lambda hwnd, msg, wparam, lparam: wparam) as loop:
        tick = set_timer(None, 0, 0.01)
        for number in range(200):
            assert ntipc.send_message(loop.hwnd, WM_USER, number) == number
        assert get_message(10).wparam == tick  # type: ignore[union-attr]
        assert threading.active_count() >= 2
