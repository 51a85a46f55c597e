"""Windows and their classes: whose they are, who finds them, and how they end."""

import gc
import os
import pickle
import threading
from typing import Any

import pytest
from harness.loops import PEER_LOOP, Loop, in_a_thread
from harness.peers import Peer
from harness.waiting import wait_until

import ntipc
from ntipc import Window, enum_windows, find_window, is_window
from ntipc.window_messages.constants import WM_NCDESTROY


def nothing(*_: Any) -> None:
    """A handler that does nothing."""


def test_window_tells_what_it_is() -> None:
    with Window("Title", class_name="Own", handler=nothing) as window:
        assert (window.title, window.class_name) == ("Title", "Own")
        assert (window.thread_id, window.pid) == (threading.get_native_id(), os.getpid())
        assert ntipc.window_thread(window.hwnd) == (window.thread_id, window.pid)
        assert ntipc.window_text(window.hwnd) == ("Own", "Title")
        assert window.user_data is None and is_window(window.hwnd)
    assert not is_window(window.hwnd) and window.is_destroyed
    for call in ntipc.window_thread, ntipc.window_text:
        with pytest.raises(ntipc.InvalidWindow):
            call(window.hwnd)


@pytest.mark.parametrize("length", [0, 1, 30, 100, 65_535, 65_536, 1 << 20])
def test_titles_of_any_length_are_found_and_can_be_changed(length: int) -> None:
    with Window("before") as window:
        window.title = "ü" * length
        assert find_window(title="Ü" * length) == window.hwnd
        assert ntipc.window_text(window.hwnd)[1] == window.title == "ü" * length
        window.title = "after"
        assert find_window(title="AFTER") == window.hwnd and find_window(title="before") is None


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"title": "x" * ((1 << 20) + 1)}, ValueError),
        ({"title": "\ud800"}, ValueError),
        ({"title": 5}, TypeError),
        ({"class_name": "", "handler": nothing}, ValueError),
        ({"class_name": "x" * 256, "handler": nothing}, ValueError),
        ({"class_name": 7, "handler": nothing}, TypeError),
        ({"handler": 5}, TypeError),
        ({"handler": object()}, TypeError),
        ({"handler": int}, TypeError),
    ],
)
def test_impossible_windows_are_refused(arguments: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        Window(**arguments)
    assert enum_windows() == []


def test_message_only_windows_are_found_but_not_listed() -> None:
    """MS-34, MS-35, MS-137."""
    with Window("seen") as seen, Window("hidden", message_only=True) as hidden:
        assert enum_windows() == [seen.hwnd]
        assert find_window(title="Hidden") == hidden.hwnd and find_window(title="SEEN") == seen.hwnd


def test_find_goes_on_behind_a_window_and_the_newest_comes_first() -> None:
    """MS-33, MS-138, MS-139."""
    windows = [Window("twin", class_name="Twins", handler=nothing) for _ in range(3)]
    found, after = [], None
    while (after := find_window("TWINS", "twin", after)) is not None:
        found.append(after)
    assert found == [window.hwnd for window in reversed(windows)] == enum_windows()
    assert find_window("other") is None and find_window("twins", "other") is None
    windows[1].destroy()
    with pytest.raises(ntipc.InvalidWindow):
        find_window("Twins", None, windows[1].hwnd)
    for window in windows[::2]:
        window.destroy()


def test_window_of_another_thread_is_not_destroyed() -> None:
    """MS-44, and the recorded answer to destroying a window twice."""
    with Loop(nothing) as loop:
        with pytest.raises(PermissionError) as problem:
            loop.window.destroy()
        assert problem.value.winerror == 5 and is_window(loop.hwnd)  # type: ignore[attr-defined]
    window = Window()
    window.destroy()
    with pytest.raises(ntipc.AccessDenied):
        window.destroy()


def test_destroying_tells_the_handler_and_throws_its_messages_away() -> None:
    """MS-45, MS-147."""
    seen: list[int] = []
    window = Window(handler=lambda hwnd, msg, wparam, lparam: seen.append(msg))
    ntipc.post_message(window.hwnd, ntipc.WM_USER)
    window.destroy()
    assert seen == [ntipc.WM_DESTROY, WM_NCDESTROY]
    assert ntipc.peek_message() is None and ntipc.queue_status()[0] == 0
    with pytest.raises(ntipc.InvalidWindow) as problem:
        ntipc.post_message(window.hwnd, ntipc.WM_USER)
    assert problem.value.winerror == 1400


def test_handler_that_raises_or_destroys_in_its_end_leaves_no_window() -> None:
    def handler(hwnd: int, msg: int, wparam: int, lparam: int) -> None:
        if msg == ntipc.WM_DESTROY:
            window.destroy()
            raise ValueError("too late")

    calls: list[int] = []

    def recursive(hwnd: int, msg: int, wparam: int, lparam: int) -> None:
        calls.append(msg)
        if msg == ntipc.WM_DESTROY and len(calls) == 1:
            other.destroy()

    other = Window(handler=recursive)
    other.destroy()
    assert not is_window(other.hwnd)
    window = Window(handler=lambda *_: [][0])
    with pytest.raises(IndexError):
        window.destroy()
    assert not is_window(window.hwnd)


def test_posted_quit_of_a_destroyed_window_is_the_threads() -> None:
    """MS-63."""
    window = Window()
    ntipc.post_message(window.hwnd, ntipc.WM_QUIT, 5)
    window.destroy()
    assert ntipc.get_message(10) is None and ntipc.quit_code() == 5


def test_windows_end_with_their_thread() -> None:
    """MS-46."""
    hwnd = in_a_thread(lambda: Window("short-lived").hwnd)
    assert not is_window(hwnd) and find_window(title="short-lived") is None
    with pytest.raises(ntipc.InvalidWindow):
        ntipc.post_message(hwnd, ntipc.WM_USER)


def test_windows_end_with_a_killed_process_and_their_numbers_do_not_come_again(peer: Peer) -> None:
    hwnd = peer.run(PEER_LOOP)
    assert find_window(title="PEER") == hwnd and ntipc.window_thread(hwnd)[1] == peer.pid
    peer.kill()
    wait_until(lambda: not is_window(hwnd))
    assert enum_windows() == [] and find_window(title="peer") is None
    for _ in range(600):
        with Window() as window:
            assert window.hwnd != hwnd
    with pytest.raises(ntipc.InvalidWindow):
        ntipc.send_message(hwnd, ntipc.WM_USER)


def test_many_windows(peer: Peer) -> None:
    windows = [Window(f"number {number}") for number in range(2000)]
    assert len({window.hwnd for window in windows}) == len(enum_windows()) == 2000
    assert peer.run("import ntipc; ntipc.find_window(title='number 7')") == windows[7].hwnd
    assert peer.run("len(ntipc.enum_windows())") == 2000
    for window in windows:
        window.destroy()
    assert enum_windows() == []


def test_child_of_a_fork_has_no_windows_of_its_parents() -> None:
    """MS-149."""
    with Window("parent's") as window:
        child = os.fork()
        if child == 0:
            failed = 1
            try:
                with pytest.raises(ntipc.AccessDenied):
                    window.destroy()
                assert is_window(window.hwnd) and ntipc.window_thread(window.hwnd)[1] == os.getppid()
                with Window("child's") as own:
                    ntipc.post_message(window.hwnd, ntipc.WM_USER, own.hwnd)
                    assert ntipc.peek_message() is None
                failed = 0
            finally:
                os._exit(failed)
        message = ntipc.get_message(10)
        assert message is not None and message.wparam != window.hwnd
        assert os.waitpid(child, 0)[1] == 0
        wait_until(lambda: not is_window(message.wparam))


def test_handler_may_be_a_table_an_object_or_a_class() -> None:
    class Counter:
        def __init__(self) -> None:
            self.count = 0

        def on_user_1(self, hwnd: int, msg: int, wparam: int, lparam: int) -> int:
            self.count += wparam
            return self.count

        def on_message(self, hwnd: int, msg: int, wparam: int, lparam: int) -> int:
            return -msg

    for handler in ({ntipc.WM_USER + 1: lambda *a: 3}, Counter(), Counter):
        with Window(handler=handler) as window:
            assert ntipc.send_message(window.hwnd, ntipc.WM_USER + 1, 3) == 3
            other = ntipc.send_message(window.hwnd, ntipc.WM_USER + 2)
            assert other == (0 if isinstance(handler, dict) else -(ntipc.WM_USER + 2))
    with Window(handler=Counter) as one, Window(handler=Counter) as two:
        assert [ntipc.send_message(each.hwnd, ntipc.WM_USER + 1, 4) for each in (one, one, two)] == [4, 8, 4]


def test_close_destroys_a_window_without_a_handler() -> None:
    window = Window()
    ntipc.send_message(window.hwnd, ntipc.WM_CLOSE)
    assert not is_window(window.hwnd)


def test_classes_are_registered_once_and_stay_while_they_have_windows() -> None:
    """MS-53, MS-54, MS-144, MS-145."""
    ntipc.register_class("Adder", lambda hwnd, msg, wparam, lparam: wparam + lparam)
    try:
        with pytest.raises(FileExistsError) as taken:
            ntipc.register_class("ADDER", nothing)
        assert taken.value.winerror == 1410  # type: ignore[attr-defined]
        with Window(class_name="adder") as window:
            assert ntipc.send_message(window.hwnd, ntipc.WM_USER, 1, 2) == 3
            with pytest.raises(ntipc.StillInUse) as used:
                ntipc.unregister_class("adder")
            assert used.value.winerror == 1412
    finally:
        ntipc.unregister_class("adder")
    with pytest.raises(FileNotFoundError) as missing:
        ntipc.unregister_class("adder")
    assert missing.value.winerror == 1411  # type: ignore[attr-defined]
    with pytest.raises(ntipc.ObjectNotFound) as unknown:
        Window(class_name="adder")
    assert unknown.value.winerror == 1407


def test_window_does_not_travel() -> None:
    with Window() as window, pytest.raises(TypeError, match="hwnd"):
        pickle.dumps(window)


def test_window_lives_without_its_object_and_leaving_the_session_ends_it() -> None:
    with ntipc.Session("another") as session:
        hwnd = Window(session=session).hwnd
        gc.collect()
        assert is_window(hwnd, session=session) and not is_window(hwnd)
    with ntipc.Session("another") as session:
        assert not is_window(hwnd, session=session)
        with Window(session=session) as window:
            ntipc.post_message(window.hwnd, ntipc.WM_USER, session=session)
            assert ntipc.get_message(10, session=session) is not None
