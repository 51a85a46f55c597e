"""What the victims of crash tests do until they die, and what the sleepers beside them wait for."""

import contextlib
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

from harness.relaying import be_told

import ntipc
from ntipc import _kernel

warnings.simplefilter("ignore", ntipc.AbandonedMutexWarning)

stopped = False


class Things:
    """Handles to the shared objects of a crash test."""

    def __init__(self) -> None:
        self.auto, self.flag = ntipc.Event("auto"), ntipc.Event("flag", manual_reset=True)
        self.first, self.second, self.third, self.swap = (ntipc.Event(n) for n in ("first", "second", "third", "swap"))
        self.seats = ntipc.Semaphore("seats", initial=0)
        self.lock, self.other_lock = ntipc.Mutex("lock"), ntipc.Mutex("other lock")
        self.timer, self.pair = ntipc.Timer("timer"), ntipc.EventPair("pair")
        self.section = ntipc.Section("board", 4096)
        self.view = self.section.map()
        self.board = memoryview(self.view).cast("q")
        self.never = [ntipc.Event(), ntipc.Event()]
        self.jobs, self.room = ntipc.Queue("jobs", quota=5000), ntipc.Queue("room", quota=2000)


def with_lock(things: Things, lock: ntipc.Mutex) -> None:
    with lock:
        things.board[1] += 1


def message(length: int) -> bytes:
    return bytes(range(256)) * (length // 256) + bytes(length % 256)


def take(queue: ntipc.Queue, timeout: float | None = None) -> None:
    """The next message, which must be whole."""
    taken = queue.receive(timeout)
    assert taken.data == message(taken.tag), "a message that nobody has put"


SLEEPS: dict[str, Callable[[Things], Any]] = {
    "auto": lambda it: it.auto.wait(),
    "flag": lambda it: (it.flag.wait(), it.flag.clear()),
    "seats": lambda it: it.seats.acquire(),
    "lock": lambda it: (it.third.wait(), with_lock(it, it.lock)),
    "all": lambda it: ntipc.wait_all([it.first, it.second]),
    "any": lambda it: ntipc.wait_any([it.never[0], it.never[1], it.swap]),
    "swap": lambda it: ntipc.signal_and_wait(it.never[0], it.swap),
    "timer": lambda it: it.timer.wait(),
    "pair": lambda it: it.pair.wait_high(),
    "both ends": lambda it: it.pair.set_low_wait_high(),
    "message": lambda it: take(it.jobs),
    "room": lambda it: it.room.put(message(2000), tag=2000),
}
"""Waits without a timeout, each made by a thread of its own again and again."""


def sleep(things: Things, name: str) -> int:
    """Sleep until stopped; how often the thread was woken."""
    own = Things() if name == "any" else things
    times = 0
    while True:
        SLEEPS[name](own)
        times += 1
        if name == "seats":
            things.board[2] = times
        if stopped:
            return times


def signal_everything(things: Things) -> None:
    """Wake every kind of sleeper."""
    things.auto.set()
    things.flag.pulse()
    things.flag.set()
    things.seats.release()
    things.board[3] += 1
    things.first.set()
    things.second.set()
    things.swap.set()
    things.swap.pulse()
    things.swap.set()
    things.pair.set_high()
    things.pair.set_low()
    things.timer.set(0.0005, 0.001)
    things.timer.set(0)
    for length in 100, 3000, 0, 2048:
        with contextlib.suppress(ntipc.Timeout):
            things.jobs.put(message(length), 0.01, tag=length)
    with contextlib.suppress(ntipc.Timeout):
        take(things.room, 0.001)


def contend(things: Things) -> None:
    """Hold the lock until others wait for it, then let them have it."""
    with things.lock, things.lock:
        things.third.set()
        time.sleep(0.005)
    things.other_lock.acquire()
    ntipc.signal_and_wait(things.other_lock, things.never[0], 0)


def make_and_close(things: Things) -> None:
    """Names, handles, sections, fast paths: all that one process can do alone."""
    for kind in ntipc.Event, ntipc.Mutex, ntipc.Semaphore, ntipc.Timer, ntipc.EventPair:
        with_name, without = kind("temporary"), kind()
        kind.open("temporary").close()
        with_name.duplicate().close()
        without.close()
        with_name.close()
    for options in {}, {"reserve": True}:
        with ntipc.Section("temporary", 70_000, **options) as section, section.map() as view:
            view[0] = 1
    event, mutex, semaphore = ntipc.Event(), ntipc.Mutex(), ntipc.Semaphore()
    event.set()
    event.wait()
    for _ in range(2):
        mutex.acquire()
    for _ in range(2):
        mutex.release()
    semaphore.acquire()
    semaphore.release()


def queues(things: Things) -> None:
    """Ends that go with messages inside, a broken queue, and all that one process can do with both ends."""
    for leave in ntipc.QueueWriter.close, ntipc.QueueReader.close, lambda end: end._break_queue(0xC00000B0):
        reader, writer = ntipc.Queue("stream", quota=20_000).split()
        for length in 100, 9000, 2000, 2000, 2000:
            writer.put(message(length), tag=length)
        for _ in range(40):
            writer.put(b"")
        take(reader)
        take(reader)
        leave(reader if leave is ntipc.QueueReader.close else writer)  # type: ignore[arg-type]
        reader.close()
        writer.close()


def handles_in_queues(things: Things) -> None:
    """Handles that are received, that go with their queue, and queues that only their own messages lead to."""
    reader, writer = ntipc.Queue().split()
    writer.put(b"copies", handles=[things.auto, things.flag])
    writer.put(b"moved", handles=[things.auto.duplicate(), ntipc.Event()], move=True)
    writer.put(message(3000), handles=[things.auto])
    for count in 2, 2:
        assert len(reader.receive().objects) == count
    other, other_writer = ntipc.Queue().split()
    other_writer.put(b"", handles=[reader, things.auto])
    writer.put(b"", handles=[other])
    for end in reader, writer, other, other_writer:
        end.close()


def calls(things: Things) -> None:
    """A call that is answered, and one whose request is thrown away."""
    with ntipc.Queue() as queue:
        server = threading.Thread(target=lambda: queue.receive(5).reply(b"answer"))
        server.start()
        assert queue.writer.call(b"request", 5).data == b"answer"
        server.join()
    reader, writer = ntipc.Queue().split()
    caller = threading.Thread(target=call_in_vain, args=(writer,))
    caller.start()
    when_true(lambda: not reader.empty())
    reader.close()
    caller.join()
    writer.close()


def call_in_vain(writer: ntipc.QueueWriter) -> None:
    with contextlib.suppress(ntipc.ReplyLost):
        writer.call(b"request", 5)


def badges(things: Things) -> None:
    """A queue with badges: one whose end is noticed, one that is revoked, and one that nobody reads any more."""
    reader, keeper = ntipc.QueueReader.__new__(ntipc.QueueReader), ntipc.QueueWriter.__new__(ntipc.QueueWriter)
    reader._bind(things.jobs.session._native, None, _kernel.CREATE, 0, 1 << 30, (0, 0), keeper, badge_quota=1 << 20)
    for number in range(3):
        writer = ntipc.QueueWriter.__new__(ntipc.QueueWriter)
        badge = reader._make_badge(number, writer)
        writer.put(message(100), tag=100)
        if number == 1:
            reader._revoke_badge(number, badge)
        writer.close()
    for number in range(2):
        frames = [reader._take(None, 5) for _ in range(2)]
        assert [(frame.badge, frame.closed) for frame in frames if frame] == [(number, False), (number, True)]
    reader.close()
    keeper.close()


def event_loop(things: Things) -> None:
    """A loop that the relay tells of messages."""
    be_told()


def debug_log(things: Things) -> None:
    """A reader that wants to be told, and lines for it."""
    with ntipc.debuglog.Reader() as reader:
        reader.wait(0)
        for length in 5, 500:
            ntipc.output_debug_string("a" * length)
        assert [len(line.text) for line in iter(lambda: reader.read(0), None)] == [5, 500]


def wait_for_nothing(things: Things) -> None:
    """Waits that are queued and withdrawn."""
    things.never[0].wait(0.0005)
    ntipc.wait_any([*things.never, things.other_lock.duplicate(), *things.never][:2], 0.0005)
    ntipc.wait_all(things.never, 0.0005)
    ntipc.signal_and_wait(things.auto, things.never[0], 0.0005)


def when_true(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 2
    while not condition() and time.monotonic() < until:
        time.sleep(0)


def when_waited_for(thing: Any) -> Any:
    """The object, once somebody waits for it."""
    when_true(lambda: bool(thing.info()["waiters"]))
    return thing


def wait_for_own_threads(things: Things) -> None:
    """Waits that another thread ends, and a thread that ends as an owner."""
    event, mutex, semaphore = ntipc.Event(), ntipc.Mutex("lock of a thread"), ntipc.Semaphore(initial=0)

    def other() -> None:
        mutex.acquire()
        when_waited_for(event).set()
        when_waited_for(event).pulse()
        when_waited_for(semaphore).release()
        when_waited_for(mutex)

    thread = threading.Thread(target=other)
    thread.start()
    event.wait(5)
    event.wait(5)
    semaphore.acquire(timeout=5)
    mutex.acquire(timeout=5)
    mutex.release()
    thread.join()


def take_what_another_waits_for(things: Things) -> None:
    """Take an object that is set, beside a thread that waits for it and for something else."""
    event, gate = ntipc.Event(), ntipc.Event()
    thread = threading.Thread(target=ntipc.wait_all, args=([event, gate], 5))
    thread.start()
    when_waited_for(event).set()
    event.wait(5)
    event.set()
    gate.set()
    thread.join()


def fork(work: Callable[[], Any]) -> int:
    """A child that does something and is killed. If it dies before that, this process goes with it."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writing, b"x")
            os.close(writing)
            work()
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    os.close(writing)
    if not os.read(reading, 1):
        os.kill(os.getpid(), signal.SIGKILL)
    os.close(reading)
    return pid


def die_at(point: str, work: Callable[[], Any]) -> Callable[[], Any]:
    def doomed() -> None:
        _kernel.arm_fault(point)
        work()

    return doomed


def see_others_die(things: Things) -> None:
    """Children that die as owners, with a wait's result not yet taken, in the dispatcher lock, or in the journal."""
    event = ntipc.Event("last wish")
    os.waitpid(fork(things.other_lock.acquire), 0)
    child = fork(die_at("AckBeforeIdle", lambda: ntipc.wait_any([event, things.never[0]], 5)))
    when_waited_for(event).set()
    os.waitpid(child, 0)
    for point in "LockBeforeRelease", "JournalValid", "JournalApplied", "WaitLinkHalf", "PutPublished", "TakeCommitted":
        os.waitpid(fork(die_at(point, lambda: (wait_for_nothing(things), signal_everything(things)))), 0)
        wait_for_nothing(things)
    time.sleep(0.005)


def tell_one_of_two(things: Things) -> None:
    """Put messages for which two threads wait: the first is told, the second looks whether that one acts."""

    def read(queue: ntipc.Queue) -> None:
        with contextlib.suppress(ntipc.Timeout):
            queue.get(1)

    with ntipc.Queue() as queue:
        readers = [threading.Thread(target=read, args=(queue,)) for _ in range(2)]
        for reader in readers:
            reader.start()
        when_true(lambda: queue.info()["waiters"] == 2)
        for _ in readers:
            queue.put(b"one")
        for reader in readers:
            reader.join()


def processes(things: Things) -> None:
    """A child with a handle that never joins, a stranger, and a participant that is told to end."""
    with ntipc.Process.start(["true"], inherit_handles=[things.auto]) as child:
        child.wait(5)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(writing)
        os.read(reading, 1)  # until its parent is gone
        os._exit(0)
    os.close(reading)
    with ntipc.Process.open(pid) as participant:
        participant.terminate(3)
        participant.wait(5)
    os.waitpid(pid, 0)
    os.close(writing)


ROUND = [
    signal_everything, contend, make_and_close, queues, handles_in_queues, calls, badges, event_loop, debug_log,
    wait_for_nothing, wait_for_own_threads, take_what_another_waits_for, see_others_die, tell_one_of_two,
    processes,
]  # fmt: skip


def work(things: Things, seconds: float = 10) -> None:
    """Do everything, again and again, in an order that differs each time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for part in ROUND:
            part(things)
            things.board[4] += 1
        ROUND.append(ROUND.pop(0))
