"""The mortal workers of a soak: a bit of everything while they live, with pauses that leave room for others."""

import contextlib
import os
import random
import signal
import threading
import time
import traceback
import warnings
from typing import NoReturn

import ntipc

SHARED = 4
"""Objects of each kind that all workers use."""
PAUSE = 0.02
LENGTHS = (0, 10, 1000, 3000, 60_000, 300_000)
"""Bytes of a message: in line, out of line, longer than the quota."""


class Worker:
    """One process: handles to what is shared, and things to do with them."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.open()

    def open(self) -> None:
        """Take part, with a handle to everything that is shared."""
        numbers = range(SHARED)
        self.events = [ntipc.Event(f"event {i}", manual_reset=i % 2 == 1) for i in numbers]
        self.semaphores = [ntipc.Semaphore(f"semaphore {i}", initial=2, maximum=1000) for i in numbers]
        self.mutexes = [ntipc.Mutex(f"mutex {i}") for i in numbers]
        self.timers = [ntipc.Timer(f"timer {i}") for i in numbers]
        self.pairs = [ntipc.EventPair(f"pair {i}") for i in numbers]
        self.queues = [ntipc.Queue(f"queue {i}", quota=100_000) for i in numbers]

    def run(self) -> NoReturn:
        """Work until killed."""
        choices = [self.signal, self.signal, self.wait, self.wait_for_several, self.lock, self.lock, self.count]
        choices += [self.turn, self.timer, self.section, self.names, self.duplicate, self.end_as_owner, self.fork]
        choices += [self.put, self.get, self.get, self.parcel, self.call, self.pipe, self.mailslot, self.reattach]
        while True:
            for _ in range(self.dice.randrange(1, 40)):
                self.dice.choice(choices)(self.dice.randrange(SHARED))
            time.sleep(self.dice.random() * PAUSE)

    def patience(self) -> float:
        """How long to wait for something that may never come."""
        return self.dice.choice([0, 0.0005, 0.002])

    def signal(self, i: int) -> None:
        """Set, clear or pulse an event."""
        event = self.events[i]
        self.dice.choice([event.set, event.set, event.clear, event.pulse])()

    def wait(self, i: int) -> None:
        """Wait for one object."""
        self.events[i].wait(self.patience())

    def wait_for_several(self, i: int) -> None:
        """Wait for any or all, and give back what is owned."""
        mutex = self.mutexes[i]
        if self.dice.randrange(2):
            first = ntipc.wait_any([*self.events, mutex, self.timers[i]], self.patience())
            owned = first is not None and first.object is mutex
        else:
            owned = ntipc.wait_all([mutex, self.events[(i + 1) % SHARED]], self.patience()) is not None
        if owned:
            mutex.release()

    def lock(self, i: int) -> None:
        """Own a mutex for a moment, twice now and then."""
        mutex = self.mutexes[i]
        if mutex.acquire(timeout=self.patience()):
            if self.dice.randrange(4) == 0:
                with mutex:
                    pass
            mutex.release()

    def count(self, i: int) -> None:
        """Take a unit and give one; the dead keep theirs, so a semaphore that has run dry is filled again."""
        semaphore = self.semaphores[i]
        if semaphore.acquire(timeout=self.patience()) or semaphore.count == 0:
            semaphore.release()

    def turn(self, i: int) -> None:
        """Take a turn of an event pair, or signal and wait in one step."""
        self.dice.choice([self.pairs[i].set_high_wait_low, self.pairs[i].set_low_wait_high])(self.patience())
        ntipc.signal_and_wait(self.events[i], self.events[(i + 1) % SHARED], self.patience())

    def timer(self, i: int) -> None:
        """Start, stop or await a timer."""
        self.timers[i].set(self.dice.random() * 0.002, self.dice.choice([0, 0.001]))
        self.timers[i].wait(self.patience())
        if self.dice.randrange(2):
            self.timers[i].cancel()

    def section(self, i: int) -> None:
        """Make or open shared memory and write to it."""
        with ntipc.Section(f"section {i}", 70_000) as section, section.map() as view:
            view[self.dice.randrange(70_000)] = i

    def names(self, i: int) -> None:
        """Make objects with names that nobody else has, and names of all lengths."""
        name = f"{os.getpid()} {self.dice.randrange(1000)} " + "x" * self.dice.choice([0, 50, 500])
        with ntipc.Event(name), ntipc.Timer(name + " t"):
            pass

    def duplicate(self, i: int) -> None:
        """A second handle, with fewer rights."""
        with self.events[i].duplicate(access=ntipc.Access.SYNCHRONIZE) as twin:
            twin.wait(0)

    def end_as_owner(self, i: int) -> None:
        """A thread that ends while it owns a mutex."""
        thread = threading.Thread(target=self.mutexes[i].acquire, kwargs={"timeout": 0.01})
        thread.start()
        thread.join()

    def fork(self, i: int) -> None:
        """Now and then a child that ends at once, well or badly, perhaps as an owner."""
        if self.dice.randrange(5):
            return
        child = os.fork()
        if child == 0:
            self.mutexes[i].acquire(timeout=0.001)
            if i % 2:
                os.kill(os.getpid(), signal.SIGKILL)
            os._exit(0)
        os.waitpid(child, 0)

    def put(self, i: int) -> None:
        """Put a message, if there is room."""
        with contextlib.suppress(ntipc.Timeout):
            self.queues[i].put(bytes(self.dice.choice(LENGTHS)), self.patience())

    def get(self, i: int) -> None:
        """Take a message, which somebody may just be putting."""
        with contextlib.suppress(ntipc.Timeout):
            self.queues[i].get(self.patience())

    def parcel(self, i: int) -> None:
        """Objects in a message, one of them a queue; now and then nobody takes them."""
        with ntipc.Queue() as queue, ntipc.Queue() as inner:
            queue.put_object([self.events[i], inner.writer])
            if self.dice.randrange(3):
                for one in queue.get_object(0):
                    one.close()

    def call(self, i: int) -> None:
        """Ask oneself, by another thread, and answer or not."""
        with ntipc.Queue() as queue:

            def serve() -> None:
                with contextlib.suppress(ntipc.Timeout, ntipc.ReplyMismatch):
                    request = queue.receive(0.01)
                    if i:
                        request.reply(b"answer")

            thread = threading.Thread(target=serve)
            thread.start()
            with contextlib.suppress(ntipc.Timeout, ntipc.ReplyLost):
                queue.writer.call(b"question", 0.01)
            thread.join()

    def pipe(self, i: int) -> None:
        """Serve a pipe whose name others may serve as well, and be the client of the first server."""
        missed = contextlib.suppress(ntipc.Timeout, ntipc.PipeBusy, ntipc.PeerGone, ntipc.ObjectNotFound, EOFError)
        name = f"pipe {i}"
        with ntipc.PipeServer(name) as server, missed, ntipc.PipeClient(name, timeout=0.001) as client:
            client.send(bytes(self.dice.choice(LENGTHS)), 0.001)
            with server.accept(timeout=0.002) as pipe:
                pipe.send(pipe.recv(0.002), 0)

    def mailslot(self, i: int) -> None:
        """Read a mailslot if nobody else does, and write to the one that exists if another process does."""
        with contextlib.suppress(ntipc.ObjectExists, ntipc.Timeout), ntipc.Mailslot(f"slot {i}") as slot:
            slot.read(self.patience())
        with ntipc.MailslotClient(rf"\\*\mailslot\slot {i}") as client, contextlib.suppress(ntipc.MailslotFull):
            client.write(bytes(100))

    def reattach(self, i: int) -> None:
        """Leave the session and come back."""
        if self.dice.randrange(5) == 0:
            ntipc.Session().close()
            self.open()


def live(seed: int) -> NoReturn:
    """The life of a worker in a process of its own."""
    try:
        warnings.simplefilter("ignore", ntipc.AbandonedMutexWarning)
        Worker(seed).run()
    except BaseException:
        traceback.print_exc()  # the main program counts the workers, and will miss this one
    finally:
        os._exit(1)
