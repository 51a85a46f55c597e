"""Signal handlers that raise in the midst of posts, sends and retrievals leave nothing undone for ever."""

import random
import signal
import time

from harness.loops import PEER_LOOP
from harness.peers import Peer

import ntipc
from ntipc import WM_USER
from ntipc.window_messages.thread_queue import own_queue


class Interrupt(BaseException):
    """What the signal handler raises."""


def interrupt(*_: object) -> None:
    raise Interrupt


def exchange(dice: random.Random, hwnd: int, own: int, seen: list[int], count: int) -> None:
    """Post, send, have a send nested, retrieve, until an interrupt comes."""
    signal.setitimer(signal.ITIMER_REAL, dice.uniform(5e-5, 2e-3))
    while True:
        way = dice.randrange(4)
        if way == 0:
            assert ntipc.send_message(hwnd, WM_USER + 1, 5, 6, timeout=10) == 11
        elif way == 1:
            assert ntipc.send_message(hwnd, WM_USER, 5, own, timeout=10) in (6, -1)
        elif way == 2:
            count += 1
            ntipc.post_message(own, WM_USER, count)
        elif (message := ntipc.peek_message()) is not None:
            assert message.wparam > seen[-1], "twice, or in another order"
            seen.append(message.wparam)


def test_interrupts_at_any_step_leave_no_entry_no_room_and_no_waiting_sender(peer: Peer) -> None:
    peer.run("""
def back(hwnd, wparam, lparam):
    try:
        return ntipc.send_message(lparam, 0x401, wparam, 1, timeout=10)
    except ntipc.NtError:
        return -1
HANDLERS = {0x400: back}
""")
    hwnd = peer.run(PEER_LOOP)
    running = peer.begin("loop()")
    before = signal.signal(signal.SIGALRM, interrupt)
    dice, seen, interrupts, end = random.Random(5), [0], 0, time.monotonic() + 1
    with ntipc.Window(handler=lambda hwnd, msg, wparam, lparam: wparam + lparam) as window:
        count = 0
        try:
            while time.monotonic() < end:
                try:
                    count += 1_000_000
                    exchange(dice, hwnd, window.hwnd, seen, count)
                except Interrupt:
                    interrupts += 1
                except ntipc.NtError as problem:  # the handler here was interrupted, and its sender told
                    assert "interrupted" in str(problem), problem
        finally:
            signal.signal(signal.SIGALRM, signal.SIG_IGN)
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        assert interrupts > 50
        while ntipc.peek_message() is not None:
            pass
        queue = own_queue()
        assert ntipc.in_send_message() == 0 and queue.receiving == []
        assert queue.results == {} and queue.awaited == {}
        assert ntipc.send_message(hwnd, WM_USER + 1, 1, 1, timeout=10) == 2
        for _ in range(2):  # what was posted in part is given back
            queue._room_looked_at -= 10
            ntipc.peek_message()
        assert queue.room.count == 10_000
    ntipc.post_message(hwnd, ntipc.WM_QUIT)
    running.result()
