"""What the workers of a storm do with window messages: sent, nested, posted, and each side may be killed at it.

Each message that is sent is answered once, rightly, or its sender told. Posted ones come once and in the order of their
sender, as long as their receiver lives.
"""

import os
from typing import Any, ClassVar

from storm_ledger import STAY
from storm_objects import Actor

import ntipc
from ntipc import WM_USER

ECHO, NESTED, EARLY, POSTED = WM_USER, WM_USER + 1, WM_USER + 2, WM_USER + 3
CLASS = "storm"
PATIENCE = 0.004
DEEPEST = 4
LONG = 2.0
"""Seconds: by then a sender has been told of its receiver's end."""
EXPECTED = ntipc.Timeout, ntipc.InvalidWindow, ntipc.ReplyLost
"""What may come of a send when the other side is killed, leaves, is stopped or does something else."""


class Messaging(Actor):
    """What a mortal does with them."""

    number: int
    window: ntipc.Window | None = None
    posted: ClassVar[dict[tuple[int, int], int]] = {}
    """By sender and window, how many messages were posted; a process has one worker."""

    def own_window(self) -> ntipc.Window:
        """The worker's window, made if it has none."""
        if self.window is None:
            self.window = ntipc.Window(str(self.number), class_name=CLASS, handler=self.receive_sent)
            self.seen: set[int] = set()
            self.last: dict[int, int] = {}
        return self.window

    def leave_windows(self) -> None:
        """The session is left: the window goes with it."""
        self.window = None

    @property
    def sender(self) -> int:
        """A number that no other sender has."""
        return os.getpid() << 20 | self.ledger.get(self.number, STAY) & 0xFFFFF

    def receive_sent(self, hwnd: int, msg: int, wparam: int, lparam: Any) -> int | None:
        if msg in (ECHO, EARLY):
            if wparam in self.seen:
                self.ledger.complain(f"message {wparam} was received twice")
            self.seen.add(wparam)
        if msg == EARLY:
            return -1 if ntipc.reply_message(wparam - lparam) else wparam - int(lparam)
        if msg == ECHO:
            return wparam - int(lparam)
        if msg == NESTED:
            return self.send_back(hwnd, wparam, lparam)
        if msg == POSTED:
            before = self.last.get(lparam, 0)
            if wparam != before + 1:
                self.ledger.complain(f"message {wparam} that {lparam:#x} has posted came after its message {before}")
            self.last[lparam] = wparam
        elif msg == ntipc.WM_COPYDATA:
            return len(lparam.data) + int(lparam.kind)
        return None

    def send_back(self, hwnd: int, depth: int, to: int) -> int:
        if depth >= DEEPEST:
            return 0
        try:
            return ntipc.send_message(to, NESTED, depth + 1, hwnd, timeout=PATIENCE) + 1
        except EXPECTED:
            return 0

    def mind_window(self, i: int) -> None:
        """Receive for a while, and send something now and then."""
        self.own_window()
        for _ in range(self.dice.randrange(12)):
            ntipc.wait_messages([self.objects.events[i]], PATIENCE)
            self.receive_all()
            if self.dice.randrange(4) == 0:
                self.use_window(i)

    def receive_all(self) -> None:
        for _ in range(100):
            if (message := ntipc.peek_message()) is None:
                return
            ntipc.dispatch_message(message)

    def drop_window(self, i: int) -> None:
        """Destroy the window, perhaps with messages that nobody has received."""
        if self.window is not None and self.dice.randrange(4) == 0:
            self.window.destroy()
            self.window = None

    def use_window(self, i: int) -> None:
        """Send and post to some worker's window, perhaps the own one."""
        own = self.own_window()
        windows = self.windows()
        if not windows:
            return
        hwnd = self.dice.choice(windows)
        for _ in range(self.dice.randrange(5)):
            self.post_to(hwnd)
        patience = LONG if self.dice.randrange(40) == 0 else PATIENCE * self.dice.randrange(1, 8)
        try:
            self.send_to(hwnd, own.hwnd, patience)
        except ntipc.Timeout:
            if patience == LONG and not ntipc.is_window(hwnd):
                self.ledger.complain(f"window {hwnd:#x} has gone, and the sender of a message to it was not told")
        except EXPECTED:
            pass

    def windows(self) -> list[int]:
        found: list[int] = []
        try:
            while (hwnd := ntipc.find_window(CLASS, None, found[-1] if found else None)) is not None:
                found.append(hwnd)
        except ntipc.InvalidWindow:
            pass  # the last that was found has gone
        return found

    def post_to(self, hwnd: int) -> None:
        sender = self.sender
        number = self.posted.get((sender, hwnd), 0) + 1
        try:
            ntipc.post_message(hwnd, POSTED, number, sender)
        except (ntipc.InvalidWindow, ntipc.OutOfResources):
            return
        self.posted[sender, hwnd] = number

    def send_to(self, hwnd: int, own: int, patience: float) -> None:
        number, lparam = self.dice.randrange(1 << 48), self.dice.randrange(100)
        roll = self.dice.randrange(6)
        if roll == 0:
            ntipc.send_notify_message(hwnd, ECHO, number, lparam)
        elif roll == 1:
            data = bytes(self.dice.choice([0, 10, 3000, 70_000, 300_000]))
            if (answer := ntipc.send_data(hwnd, data, 5, timeout=patience)) != len(data) + 5:
                self.ledger.complain(f"{len(data)} bytes of data were answered by {answer}")
        elif roll == 2:
            depth = ntipc.send_message(hwnd, NESTED, 0, own, timeout=patience)
            if not 0 <= depth <= DEEPEST:
                self.ledger.complain(f"a nested message was answered by {depth}")
        else:
            answer = ntipc.send_message(hwnd, ECHO if roll > 3 else EARLY, number, lparam, timeout=patience)
            if answer != number - lparam:
                self.ledger.complain(f"the message {number}, {lparam} was answered by {answer}")


class WaitingForMessages(Messaging):
    """What an immortal does: it waits for messages without a timeout, beside an event."""

    def receive_for_ever(self, i: int) -> None:
        self.own_window()
        for _ in range(3):
            ntipc.wait_messages([self.objects.events[i]])
            self.receive_all()
