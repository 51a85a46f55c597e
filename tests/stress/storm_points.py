"""Where the workers of a storm die: the points hit least come first; a worker that is to hit one does what it takes."""

import collections
import os
import random
import select
from dataclasses import dataclass

AIMED = [
    "PoolValid", "PutPublished", "PutHandleMoved", "TakeCommitted", "TakeMoved", "TakeOwned", "SettlePositions",
    "FastNoted", "FastOwned", "EventStored", "SemaphoreStored", "MutantFreed", "RetryMarked", "JournalValid",
    "JournalApplied", "JournalTold", "LockReleased", "BetweenWakes", "WaitWoken", "AckBeforeIdle", "RefundApplied",
]  # fmt: skip
"""Steps at which a death leaves most to put right; a third of the deaths at fault points happen there."""

JOINING = ["LifeHeld", "SlotClaimed", "SlotAttached", "ThreadClaimed"]
SETTLING = ["LostTold", "SettlePositions", "SettleChain", "SettleUnlocked", "SettleTurn", "SettleTold"]
REAPING = ["ReapBegin", "RefundFlagged", "RefundValid", "RefundApplied", *SETTLING]
REPAIR = [
    "RecoverRedone", "RecoverCounted", "RecoverNamed", "RecoverLinked", "RecoverListed", "RecoverEvaluated",
]  # fmt: skip
LED_TO = {
    "ForkBeforeCopy": "fork",
    "ForkCopied": "fork",
    "SectionFileMade": "temporary_section",
    "SectionReserved": "temporary_section",
    "SectionPublished": "temporary_section",
    "ReleaseThread": "start_helper",
    "ReleaseThreadDone": "start_helper",
    "AbandonBefore": "start_helper",
    "AbandonDone": "start_helper",
    "ReleaseHandle": "leave_and_return",
    "ReleaseProcessDone": "leave_and_return",
    "SlotFreed": "leave_and_return",
    "TimerSet": "timer",
    "TimerStarted": "timer",
    "TimerTicked": "timer",
    "PulseMarked": "pulse",
    "PulseSet": "pulse",
    "PulseReset": "pulse",
    "SignalBeforeWait": "signal_and_wait",
    "FreeMarked": "temporary",
    "FreeListed": "temporary",
    "FreeUnnamed": "temporary",
    "NameLinked": "temporary",
    "TextFreed": "temporary",
    "TextStored": "temporary",
    "ObjectPublished": "temporary",
    "QueueFilled": "own_queue",
    "QueueFreed": "own_queue",
    "QueueBroken": "own_queue",
    "EndUnnamed": "own_queue",
    "DrainNamed": "own_queue",
    "DrainLeft": "own_queue",
    "DrainMoved": "own_queue",
    "PutCopied": "put_frame",
    "LookoutNamed": "put_frame",
    "LookoutTold": "put_frame",
    "TurnTaken": "put_frame",
    "TurnLeft": "put_frame",
    "TakeCopiedOut": "take_all",
    "PutHandleNamed": "own_handles",
    "PutHandleMoved": "own_handles",
    "TakeHandleStored": "own_handles",
    "TakeHandleMoved": "own_handles",
    "PlaceDropped": "own_handles",
    "CollectTaken": "unreachable",
    "ReplyQueueMade": "call",
    "CallNoted": "call",
    "CallTaken": "serve",
    "ReplyAllowed": "serve",
    "BadgeMade": "serve_port",
    "BadgeRevoked": "serve_port",
    "BadgeCounted": "serve_port",
    "NoticeTaken": "serve_port",
    "NoticeMarked": "ask_port",
    "NoticeListed": "ask_port",
    "LifeEnded": "child_with_handles",
    "LifeTold": "child_with_handles",
    "LifeAsked": "end_a_child",
    "HeirTaken": "child_with_handles",
    "HeirFilled": "child_with_handles",
    "HeirStarted": "child_with_handles",
    "HeirNamed": "child_with_handles",
    "RelayEntered": "event_loop",
    "RelayAborted": "event_loop",
    "RelayFired": "event_loop",
    "RelayRaised": "event_loop",
    "LogBlocksTaken": "debug_log",
    "LogClaimed": "debug_log",
    "LogNumbered": "debug_log",
    "LogWritten": "debug_log",
    "LogCommitted": "debug_log",
    "LogRung": "debug_log",
    "LogReaderNamed": "debug_log",
    "LogReaderListed": "debug_log",
    "LogReaderGone": "debug_log",
}
"""Operations that pass a point which others seldom or never pass."""
REAPING_AT_ONCE = 3
"""So many workers at most are to die while they reap or repair; the others must die for them to have work."""


@dataclass(frozen=True)
class Doom:
    """Where a worker dies, at which pass, and what it does for it more often than other things."""

    point: str
    countdown: int
    focus: str | None


class Coverage:
    """Counts the deaths at each point, as told by the dying over a pipe."""

    def __init__(self, points: tuple[str, ...], numbered: tuple[str, ...], dice: random.Random) -> None:
        """``points`` are to be hit; the dying tell them by their place in ``numbered``."""
        self.points, self.numbered, self.dice = points, numbered, dice
        self.aimed = [point for point in AIMED if point in points]
        self.reading, self.writing = os.pipe()
        self.hits: collections.Counter[str] = collections.Counter()
        self.armed: dict[int, Doom] = {}

    def collect(self) -> None:
        while select.select([self.reading], [], [], 0)[0]:
            self.hits.update(self.numbered[number] for number in os.read(self.reading, 4096))

    @property
    def deaths(self) -> int:
        return sum(self.hits.values())

    def below(self, wanted: int) -> list[str]:
        return [point for point in self.points if self.hits[point] < wanted]

    def choose(self) -> Doom:
        """A doom for a new worker."""
        pending = [doom.point for doom in self.armed.values()]
        reaping = sum(point in REAPING or point in REPAIR for point in pending)
        candidates = [
            point
            for point in (self.aimed if self.dice.random() < 0.35 else self.points)
            if reaping < REAPING_AT_ONCE or not (point in REAPING or point in REPAIR)
        ]
        weights = [1 / (1 + self.hits[point] + pending.count(point)) ** 2 for point in candidates]
        (point,) = self.dice.choices(candidates, weights)
        focus = LED_TO.get(point)
        if point in JOINING or point in REAPING or point in REPAIR:
            countdown = 1
        elif focus:
            countdown = self.dice.randint(1, 3)
        else:
            countdown = 1 + self.dice.randrange(1 << self.dice.randrange(8))
        return Doom(point, countdown, focus)

    def table(self) -> str:
        """All points with their hits, in columns."""
        cells = [f"{point:<20}{self.hits[point]:>5}" for point in self.points]
        rows = -(-len(cells) // 4)
        return "\n".join("   ".join(cells[row::rows]) for row in range(rows))
