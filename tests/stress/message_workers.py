"""What the servers and the clients of the message churn do, each in processes that are killed.

Each message that is sent is answered rightly, or its sender told. Posted ones come in the order of their sender, once.
"""

import random
import zlib
from typing import Any

from pipe_workers import CLOSE, PATIENCE, STOP, TALLY, in_threads

import ntipc
from ntipc import WM_USER, _kernel

ECHO, NESTED, POSTED, EARLY = WM_USER, WM_USER + 1, WM_USER + 2, WM_USER + 3
SIZES = [0, 1, 100, 2000, 2100, 70_000, 300_000]
"""In line, out of line, in a block."""
GONE = (ntipc.InvalidWindow, ntipc.ReplyLost)
"""What comes of a send when its receiver is killed."""
CLASS = "churn"


class Server:
    """The handler of a server's window."""

    def __init__(self) -> None:
        self.last: dict[int, int] = {}
        self.wrong: list[str] = []

    def __call__(self, hwnd: int, msg: int, wparam: int, lparam: Any) -> int | None:
        if msg == ECHO:
            return wparam - lparam
        if msg == NESTED:
            try:
                return ntipc.send_message(lparam, NESTED, wparam + 1, hwnd, timeout=PATIENCE) + 1
            except GONE:
                return -1  # the sender is dead, and nobody hears this
        if msg == EARLY:
            assert ntipc.reply_message(wparam * 2)
        if msg == POSTED:
            if self.last.get(lparam, -1) >= wparam:
                self.wrong.append(f"message {wparam} of {lparam:#x} came after {self.last[lparam]}")
            self.last[lparam] = wparam
        if msg == ntipc.WM_COPYDATA:
            return zlib.crc32(lparam.data) + lparam.kind
        return None


def serve(seed: int) -> int:
    """Deal with messages until told to stop; windows come and go."""
    close, dice, served = ntipc.Event(CLOSE, manual_reset=True), random.Random(seed), 0
    server = Server()
    while not close.is_set():
        with ntipc.Window(str(seed), class_name=CLASS, handler=server):
            for _ in range(dice.randrange(20, 400)):
                found = ntipc.wait_messages([close], PATIENCE)
                if found is not None and found.index == 0:
                    break
                while (message := ntipc.peek_message()) is not None:
                    ntipc.dispatch_message(message)
                    served += 1
    assert not server.wrong, server.wrong
    return served


def call(seed: int, threads: int = 2) -> int:
    """Send and post again and again until told to stop; how often it was answered in full."""
    return in_threads(call_again, seed, threads)


def call_again(dice: random.Random) -> int:
    stop, tally = ntipc.Event(STOP, manual_reset=True), ntipc.Semaphore(TALLY, initial=0)
    done = posted = 0

    def back(hwnd: int, msg: int, wparam: int, lparam: int) -> int:
        if wparam < 8 and dice.random() < 0.7:
            return ntipc.send_message(lparam, NESTED, wparam + 1, hwnd, timeout=PATIENCE) + 1
        return 0

    with ntipc.Window(message_only=True, handler={NESTED: back}) as own:
        while not stop.is_set():
            windows = servers()
            if not windows:
                stop.wait(0.002)
                continue
            hwnd = dice.choice(windows)
            try:
                for _ in range(dice.randint(1, 4)):
                    ask(dice, hwnd, own.hwnd)
                for _ in range(dice.randint(0, 5)):
                    ntipc.post_message(hwnd, POSTED, posted, own.hwnd)
                    posted += 1
            except GONE:
                continue
            except ntipc.OutOfResources as problem:
                assert problem.winerror == 1816, problem
                continue
            except ntipc.NtError as problem:  # the handler there was told that its nested send failed
                assert "ReplyLost" in str(problem) or "InvalidWindow" in str(problem), problem
                continue
            done += 1
            tally.release()
    return done


def servers() -> list[int]:
    """The windows of all servers."""
    found: list[int] = []
    try:
        while (hwnd := ntipc.find_window(CLASS, None, found[-1] if found else None)) is not None:
            found.append(hwnd)
    except ntipc.InvalidWindow:
        pass  # the last that was found has gone
    return found


def ask(dice: random.Random, hwnd: int, own: int) -> None:
    """Send something whose answer is known."""
    number = dice.randrange(1 << 40)
    way = dice.randrange(6)
    if way == 0:
        depth = ntipc.send_message(hwnd, NESTED, 0, own, timeout=PATIENCE)
        assert 1 <= depth <= 20, depth
    elif way == 1:
        data = dice.randbytes(dice.choice(SIZES))
        assert ntipc.send_data(hwnd, data, number, timeout=PATIENCE) == zlib.crc32(data) + number
    elif way == 2:
        assert ntipc.send_message(hwnd, EARLY, number, timeout=PATIENCE) == number * 2
    elif way == 3:
        told: list[int] = []
        ntipc.send_message_callback(hwnd, ECHO, number, 1, lambda hwnd, msg, result: told.append(result))
        while not told:
            assert ntipc.wait_messages([], PATIENCE) is not None, "no callback came"
            ntipc.peek_message()
        assert told[0] in (number - 1, 0), told
    elif way == 4:
        ntipc.send_notify_message(hwnd, ECHO, number)
    else:
        assert ntipc.send_message(hwnd, ECHO, number, 7, timeout=PATIENCE) == number - 7


def die_by_yourself(countdown: int) -> None:
    """Be killed at some step inside the kernel."""
    _kernel.arm_fault("*", countdown)
