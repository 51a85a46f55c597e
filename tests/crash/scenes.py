"""The scenes of the sweep: for each fault point a call that passes it, who sleeps meanwhile, what must come of it."""

from dataclasses import dataclass

MAKE = """
warnings.simplefilter('ignore')
event, flag, other = ntipc.Event('event'), ntipc.Event('flag', manual_reset=True), ntipc.Event('other')
semaphore, mutex, free = ntipc.Semaphore('semaphore', initial=0), ntipc.Mutex('mutex'), ntipc.Mutex('free')
timer, pair, held = ntipc.Timer('timer'), ntipc.EventPair('pair'), ntipc.Mutex('held')
"""
"""Objects that victim and survivor share."""
NAMES = ["event", "flag", "other", "semaphore", "mutex", "free", "timer", "pair", "held"]


@dataclass(frozen=True)
class Scene:
    """One death.

    The survivor's thread sleeps without a timeout until it is told that the owner of ``held`` is dead; another of its
    threads sleeps in ``sleep``. The victim, which owns ``held``, runs ``act`` and dies.
    """

    act: str
    """What the victim runs once its point is armed."""
    before: str = ""
    """What it runs before."""
    sleep: str = ""
    """A wait of the survivor, without a timeout, that gives True."""
    told: bool = False
    """Whether the death leaves that wait satisfied. If not, it must go on sleeping, until ``wake``."""
    wake: str = "event.set()"
    """What the survivor does itself to end its wait."""
    first: bool = False
    """Whether the victim waits before the survivor does, and ``wake`` is done while it lives."""
    after: str = "True"
    """What must be true in the survivor in the end."""
    doomed: str = ""
    """What another victim runs, which owns ``mutex``. The first victim alone watches it, and has to deal with it."""
    doomed_at: str = ""
    """The point at which that one dies; without one it dies by its own hand."""
    survives: bool = False
    """Whether only a child of the victim dies."""
    unnamed: int = 0
    """Objects without a name that the survivor has in the end: the queue for replies of a thread that has called."""
    joining: bool = False
    """Whether the victim dies before it has anything."""


def signal(act: str = "event.set()", sleep: str = "event.wait()", told: bool = True, **more: object) -> Scene:
    return Scene(act=act, sleep=sleep, told=told, **more)  # type: ignore[arg-type]


def wait(act: str, **more: object) -> Scene:
    """The victim waits for what the survivor waits for; the signal that comes after its death is the survivor's."""
    after = "semaphore.count == 0 and not event.is_set() and not event.info()['waiters']"
    return Scene(act=act, sleep="event.wait()", after=after, **more)  # type: ignore[arg-type]


def taken(**more: object) -> Scene:
    """The victim is first in the queue and is given what comes."""
    return Scene(act="event.wait()", sleep="event.wait()", first=True, **more)  # type: ignore[arg-type]


SETTLE = (
    "semaphore.count == 1 and event.is_set() and free.acquire(timeout=0) and not free.abandoned and not free.release()"
)


def settle() -> Scene:
    """Another victim owned ``mutex``, and was given a unit, an event and a mutex that it never took."""
    return Scene(
        act="",
        doomed="ntipc.wait_all([semaphore, event, free])",
        doomed_at="AckBeforeIdle",
        wake="event.set(); semaphore.release()",
        sleep="mutex.acquire() and mutex.abandoned",
        told=True,
        after=SETTLE,
    )


def recover() -> Scene:
    """Another victim died in the lock, in the middle of giving a mutex to the survivor."""
    sleep = "mutex.acquire() and not mutex.abandoned"
    return Scene(act="", doomed="mutex.release()", doomed_at="JournalValid", sleep=sleep, told=True)


def alone(act: str, after: str = "True", **more: object) -> Scene:
    """What a process does for itself, while the survivor sleeps until it is told of the death."""
    return Scene(act=act, after=after, **more)  # type: ignore[arg-type]


OPENING = "ntipc.Event('fresh', initial=True)"
CLOSING = "ntipc.Mutex('fresh').close()"
SECTION = "ntipc.Section('fresh', 70_000)"
FORK = """
pid = os.fork()
if pid == 0:
    os._exit(0)
os.waitpid(pid, 0)
event.set()
other.wait()
"""

LOG = "ntipc.output_debug_string('last' * 200)"
READ_LOG = "ntipc.debuglog.Reader().read().text == 'last' * 200"
NOBODY_READS = "not ntipc.debuglog.is_wanted()"


def log(*, told: bool) -> Scene:
    """The victim writes a line that the survivor waits for; if it is not whole, the survivor waits for another one."""
    return Scene(act=LOG, sleep=READ_LOG, told=told, wake=LOG, after=NOBODY_READS)


SCENES: dict[str, Scene] = {
    # the dispatcher lock
    "LockTaken": signal(told=False),
    "LockBeforeRelease": signal(),
    "LockReleased": signal(),
    "BetweenWakes": signal(),
    # attachment
    "LifeHeld": alone("ntipc.Session()", joining=True),
    "SlotClaimed": alone("ntipc.Session()", joining=True),
    "SlotAttached": alone("ntipc.Session()", joining=True),
    "ThreadClaimed": alone("ntipc.Event('fresh')", joining=True),
    # objects, names, handles
    "ObjectTaken": alone(OPENING),
    "ObjectFilled": alone(OPENING),
    "ObjectPublished": alone(OPENING),
    "NameLinked": alone(OPENING),
    "TextStored": alone(OPENING),
    "TextFreed": alone(CLOSING),
    "HandleBeforeCount": alone("event.duplicate()", "event.info()['handles'] == 1"),
    "HandleStored": alone("ntipc.Event.open('event')", "event.info()['handles'] == 1"),
    "CloseCleared": alone("event.close()", "event.info()['handles'] == 1"),
    "CloseCounted": alone("event.close()", "event.info()['handles'] == 1"),
    "FreeUnnamed": alone(CLOSING),
    "FreeMarked": alone(CLOSING),
    "FreeListed": alone(CLOSING),
    # waits
    "WaitRecorded": wait("ntipc.wait_all([event, semaphore])"),
    "WaitPublished": wait("ntipc.wait_all([event, semaphore])"),
    "WaitFlagged": wait("ntipc.wait_all([event, semaphore])"),
    "WaitLinked": wait("ntipc.wait_any([semaphore, event])"),
    "WaitLinkHalf": wait("ntipc.wait_any([semaphore, event])"),
    "WaitWithdrawn": wait("ntipc.wait_all([event, semaphore], 0.001)"),
    "WaitBeforeSleep": wait("event.wait()"),
    "WaitWoken": taken(told=True),
    "AckBeforeIdle": taken(told=True),
    "AckDone": taken(),
    "UnlinkHalf": signal(),
    "UnlinkDone": signal(),
    "RetryMarked": signal("timer.set(0.05)", "timer.wait()"),
    # the transaction that completes a wait
    "JournalFilled": signal("semaphore.release()", "semaphore.acquire()"),
    "JournalValid": signal("event.set()", "bool(ntipc.wait_all([free, event]))", after="not event.is_set()"),
    "JournalApplied": signal(
        "event.set()", "bool(ntipc.wait_all([semaphore, event]))", before="semaphore.release()",
        after="not event.is_set() and semaphore.count == 0",
    ),
    "JournalTold": signal("semaphore.release()", "semaphore.acquire()", after="semaphore.count == 0"),
    "JournalCleared": signal("pair.set_high()", "pair.wait_high()", wake="pair.set_high()"),
    # signals
    "EventStored": signal("flag.set()", "flag.wait()", after="flag.is_set()"),
    "SemaphoreStored": signal("semaphore.release()", "semaphore.acquire()", after="semaphore.count == 0"),
    "MutantFreed": signal("mutex.release()", "mutex.acquire() and not mutex.abandoned", before="mutex.acquire()"),
    "PulseMarked": signal("event.pulse()", told=False),
    "PulseSet": signal("flag.pulse()", "flag.wait()", after="not flag.is_set()"),
    "PulseReset": signal("flag.pulse()", "flag.wait()", after="not flag.is_set()"),
    "TimerTicked": signal("timer.set(0)", "timer.wait()"),
    "TimerSet": signal("timer.set(0)", "timer.wait()", told=False, wake="timer.set(0)"),
    "TimerStarted": signal("timer.set(0.05)", "timer.wait()"),
    "SignalBeforeWait": signal("ntipc.signal_and_wait(event, other)"),
    "LockedTake": signal(
        "event.wait()", "bool(ntipc.wait_all([event, semaphore]))", told=False, before="event.set()",
        wake="event.set(); semaphore.release()", after="not event.is_set() and semaphore.count == 0",
    ),
    # fast paths
    "FastEventSet": alone("event.set()", "event.wait(0)"),
    "FastNoted": alone("free.acquire()", "free.acquire(timeout=0) and not free.abandoned and not free.release()"),
    "FastOwned": alone("free.acquire()", "free.acquire() and free.abandoned and not free.release()"),
    "FastReleased": alone(
        "free.release()",
        "free.acquire(timeout=0) and not free.abandoned and not free.release()",
        before="free.acquire()",
    ),
    "FastSemaphore": alone("semaphore.acquire()", "semaphore.count == 1", before="semaphore.release(2)"),
    # death
    "AbandonBefore": settle(),
    "AbandonDone": settle(),
    "RefundFlagged": settle(),
    "RefundValid": settle(),
    "RefundApplied": settle(),
    "ReleaseThread": settle(),
    "ReleaseThreadDone": settle(),
    "ReleaseHandle": settle(),
    "ReleaseProcessDone": settle(),
    "ReapBegin": settle(),
    "SlotFreed": settle(),
    "RecoverRedone": recover(),
    "RecoverCounted": recover(),
    "RecoverNamed": recover(),
    "RecoverLinked": recover(),
    "RecoverListed": recover(),
    "RecoverEvaluated": recover(),
    # sections
    "SectionFileMade": alone(SECTION),
    "SectionReserved": alone(SECTION),
    "SectionPublished": alone(SECTION),
    # the debug log
    "LogBlocksTaken": log(told=False),
    "LogClaimed": log(told=False),
    "LogNumbered": log(told=False),
    "LogWritten": log(told=False),
    "LogCommitted": log(told=True),
    "LogRung": log(told=True),
    "LogReaderNamed": alone("ntipc.debuglog.Reader()", NOBODY_READS),
    "LogReaderListed": alone("ntipc.debuglog.Reader()", NOBODY_READS),
    "LogReaderGone": alone("ntipc.debuglog.Reader().close()", NOBODY_READS),
    # fork: the child dies, its parent goes on
    "ForkBeforeCopy": signal(FORK, survives=True),
    "ForkCopied": signal(FORK, survives=True),
}  # fmt: skip
