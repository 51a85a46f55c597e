"""The short way of posts and retrievals in the default session, and when it is not gone."""

import enum
import os
import struct
import threading

import pytest
from harness.loops import in_a_thread
from harness.peers import Peer

import ntipc
from ntipc import WM_USER, Window, get_message, peek_message, post_message
from ntipc.window_messages.desktop import default_messages, desktop
from ntipc.window_messages.message import POST


def short(hwnd: object, *numbers: object) -> bool:
    """Post by the short way alone; whether that went."""
    return default_messages.post(hwnd, *((*numbers, *(WM_USER, 1, 2)[len(numbers) :])))


class Number(enum.IntEnum):
    ONE = 1


def test_short_way_is_gone_once_the_window_is_known() -> None:
    with Window() as window:
        post_message(window.hwnd, WM_USER, 1)
        assert short(window.hwnd, WM_USER, -5, 2**63 - 1)
        first = get_message(10)
        assert first is not None and first.wparam == 1
        second = default_messages.get()
        assert type(second) is ntipc.Message and second[:4] == (window.hwnd, WM_USER, -5, 2**63 - 1)
        assert hash(second) == hash(tuple(second)) and first.time <= second.time
        assert default_messages.get() is None


@pytest.mark.parametrize(
    "numbers", [(5,), (WM_USER, 2**63), (WM_USER, Number.ONE), (WM_USER, "x"), (2**32,), (-1,), (2**70,)]
)
def test_what_is_no_plain_number_goes_the_whole_way(numbers: tuple[object, ...]) -> None:
    with Window() as window:
        post_message(window.hwnd, WM_USER)
        assert not short(window.hwnd, *numbers)
        assert not any(short(hwnd) for hwnd in (None, 0, "x", -1, 2**64, ntipc.HWND_BROADCAST))
        post_message(window.hwnd, WM_USER, Number.ONE)
        assert [get_message(10)[2] for _ in range(2)] == [0, 1]  # type: ignore[index]
        assert peek_message() is None


def test_window_that_has_gone_is_not_posted_to(peer: Peer) -> None:
    hwnd = peer.run("window = ntipc.Window()\nwindow.hwnd")
    gone = peer.run("other = ntipc.Window()\nother.hwnd")
    for each in hwnd, gone:
        post_message(each, WM_USER)
        assert short(each)
    peer.run("other.destroy()")
    assert short(hwnd) and not short(gone)
    with pytest.raises(ntipc.InvalidWindow):
        post_message(gone, WM_USER)
    peer.kill()
    with pytest.raises(ntipc.InvalidWindow):
        while True:
            post_message(hwnd, WM_USER)
    assert not short(hwnd)


def test_full_queue_keeps_the_room_that_a_refused_post_has_taken() -> None:
    with Window() as window:
        post_message(window.hwnd, WM_USER)
        assert sum(short(window.hwnd) for _ in range(10_100)) == 9_999
        assert default_messages.get() is not None
        while default_messages.get() is not None:
            pass
        assert peek_message() is None
        assert sum(short(window.hwnd) for _ in range(10_100)) == 10_000
        while peek_message() is not None:
            pass


def test_messages_of_many_pages_come_in_order() -> None:
    with Window() as window:
        post_message(window.hwnd, WM_USER, 0)
        for number in range(1, 3000):
            assert short(window.hwnd, WM_USER, number)
        assert [get_message(10).wparam for _ in range(3000)] == list(range(3000))  # type: ignore[union-attr]


def test_default_session_may_change_between_two_posts(monkeypatch: pytest.MonkeyPatch) -> None:
    name = os.environ.get("NTIPC_SESSION", "default")
    with Window() as window:
        post_message(window.hwnd, WM_USER, 1)
        monkeypatch.setenv("NTIPC_SESSION", f"{name}-other")
        try:
            assert not short(window.hwnd) and default_messages.get() is None
            with pytest.raises(ntipc.InvalidWindow):
                post_message(window.hwnd, WM_USER, 2)
            assert peek_message() is None
            post_message(None, WM_USER, 3)
            assert get_message(10)[2] == 3  # type: ignore[index]
        finally:
            ntipc.Session().close()
            monkeypatch.setenv("NTIPC_SESSION", name)
        post_message(window.hwnd, WM_USER, 4)
        assert short(window.hwnd, WM_USER, 5), "the environment holds another object that says the same"
        assert [get_message(10)[2] for _ in range(3)] == [1, 4, 5]  # type: ignore[index]
        monkeypatch.undo()


def test_sent_messages_and_timers_come_at_their_place() -> None:
    seen: list[int] = []
    with Window(handler=lambda hwnd, msg, wparam, lparam: seen.append(wparam)) as window:
        post_message(window.hwnd, WM_USER, 1)
        hwnd = window.hwnd
        in_a_thread(lambda: ntipc.send_notify_message(hwnd, WM_USER, 2))
        assert default_messages.get() is None and seen == []  # one was sent, which the whole call deals with
        assert get_message(10)[2] == 1 and seen == [2]  # type: ignore[index]
        ntipc.set_timer(hwnd, 1, 1000)
        post_message(hwnd, WM_USER, 3)
        assert default_messages.get() is None
        assert get_message(10)[2] == 3  # type: ignore[index]
        ntipc.kill_timer(hwnd, 1)
        post_message(hwnd, ntipc.WM_QUIT, 4)
        assert default_messages.get() is None
        assert get_message(10) is None and ntipc.quit_code() == 4


def test_status_is_the_same_as_by_the_whole_way() -> None:
    with Window() as window:
        for _ in range(2):
            post_message(window.hwnd, WM_USER)
        assert ntipc.queue_status(0x108) == (0x108, 0x108)
        assert default_messages.get() is not None
        assert ntipc.queue_status(0x108) == (0x108, 0)
        post_message(window.hwnd, WM_USER)
        assert ntipc.wait_messages(timeout=10) is not None
        while default_messages.get() is not None:
            pass
        assert ntipc.wait_messages(timeout=0) is None


def test_frames_that_make_no_sense_are_messages_of_zeros_or_nothing() -> None:
    with Window() as window:
        route = desktop().route_of_window("test", window.hwnd)
        for frame in b"", b"\x00", b"\x0f" * 100, bytes([POST]), bytes([POST]) + b"x" * 35, b"\x07" * 5, b"\x02" * 3:
            assert route.put(frame, "test")
        good = struct.pack("<BQIqqd", POST, window.hwnd, WM_USER, 8, 9, 1.5)
        for frame in good, good + b"more", good + bytes(5000):
            assert route.put(frame, "test")
        assert [get_message(10) for _ in range(2)] == [(0, 0, 0, 0, 0.0)] * 2
        assert [get_message(10) for _ in range(3)] == [(window.hwnd, WM_USER, 8, 9, 1.5)] * 3
        assert peek_message() is None
        while route.room.count < 10_000:
            route.room.release()


def test_threads_have_inboxes_of_their_own() -> None:
    with Window() as window:
        post_message(window.hwnd, WM_USER, 1)

        def other() -> tuple[object, object]:
            before = default_messages.get()
            with Window() as own:
                post_message(own.hwnd, WM_USER, 2)
                return before, get_message(10)[2]  # type: ignore[index]

        assert in_a_thread(other) == (None, 2)
        assert get_message(10)[2] == 1  # type: ignore[index]


def test_child_of_a_fork_takes_nothing_of_its_parents() -> None:
    with Window() as window:
        post_message(window.hwnd, WM_USER, 1)
        peek_message(remove=False)
        child = os.fork()
        if child == 0:
            try:
                ntipc.post_message(window.hwnd, WM_USER, 2)
                os._exit(0 if default_messages.get() is None and peek_message() is None else 1)
            finally:
                os._exit(2)
        assert os.waitpid(child, 0)[1] == 0
        assert [get_message(10)[2] for _ in range(2)] == [1, 2]  # type: ignore[index]


def test_many_posters_and_one_reader_lose_nothing() -> None:
    count, posters = 2000, 4
    with Window() as window:
        hwnd = window.hwnd

        def work(poster: int) -> None:
            for number in range(count):
                post_message(hwnd, WM_USER, number, poster)

        threads = [threading.Thread(target=work, args=(poster,)) for poster in range(posters)]
        for thread in threads:
            thread.start()
        last = [-1] * posters
        for _ in range(count * posters):
            message = get_message(30)
            assert message is not None and message.wparam == last[message.lparam] + 1
            last[message.lparam] = message.wparam
        for thread in threads:
            thread.join()
        assert peek_message() is None
