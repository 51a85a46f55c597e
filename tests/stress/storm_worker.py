"""The workers of a storm: they do everything that can be done to shared objects, at random, until they are killed."""

import os
import random
import signal
import threading
import traceback
import warnings
from collections.abc import Callable
from typing import Any, NoReturn

from storm_ledger import AMBIGUOUS, BOARD_SIZE, COUNT, HELD, INSIDE, OBJECTS, OPERATIONS, PID, READY, TOKENS, Ledger

import ntipc
from ntipc import _kernel


class Objects:
    """One process's handles to the shared objects."""

    def __init__(self) -> None:
        numbers = range(OBJECTS)
        self.events = [ntipc.Event(f"event {i}") for i in numbers]
        self.flags = [ntipc.Event(f"flag {i}", manual_reset=True) for i in numbers]
        self.semaphores = [ntipc.Semaphore(f"semaphore {i}", initial=TOKENS, maximum=1000) for i in numbers]
        self.mutexes = [ntipc.Mutex(f"mutex {i}") for i in numbers]
        self.timers = [ntipc.Timer(f"timer {i}") for i in numbers]
        self.pairs = [ntipc.EventPair(f"pair {i}") for i in numbers]
        self.section = ntipc.Section("board", BOARD_SIZE)
        self.view = self.section.map()
        self.board = memoryview(self.view).cast("q")

    def close(self) -> None:
        self.board.release()
        self.view.unmap()
        self.section.close()
        for group in self.events, self.flags, self.semaphores, self.mutexes, self.timers, self.pairs:
            for thing in group:
                thing.close()


class Actor:
    """One thread's view of the mutexes: what it owns, and whether it is alone inside."""

    def __init__(self, objects: Objects, ledger: Ledger, dice: random.Random) -> None:
        self.objects, self.ledger, self.dice = objects, ledger, dice
        self.owned = [0] * OBJECTS
        self.mark = threading.get_native_id()

    def entered(self, i: int, abandoned: bool) -> None:
        board = self.objects.board
        if self.owned[i] == 0:
            before = board[INSIDE + i]
            if before and not abandoned:
                self.ledger.complain(f"mutex {i}: thread {before} was still inside and nobody told of its end")
            board[INSIDE + i] = self.mark
            seen = board[COUNT + i]
            for _ in range(self.dice.randrange(20)):
                pass
            board[COUNT + i] = seen + 1
            if board[INSIDE + i] != self.mark or board[COUNT + i] != seen + 1:
                self.ledger.complain(f"mutex {i}: two threads were inside at once")
        self.owned[i] += 1

    def leaving(self, i: int) -> None:
        self.owned[i] -= 1
        if self.owned[i] == 0:
            if self.objects.board[INSIDE + i] != self.mark:
                self.ledger.complain(f"mutex {i}: another thread was inside when its owner left")
            self.objects.board[INSIDE + i] = 0

    def take_mutex(self, i: int, timeout: float | None) -> None:
        mutex = self.objects.mutexes[i]
        if self.owned[i] < 3 and mutex.acquire(timeout=timeout):
            self.entered(i, mutex.abandoned)

    def give_mutex(self, i: int) -> None:
        if self.owned[i]:
            self.leaving(i)
            try:
                self.objects.mutexes[i].release()
            except ntipc.NotOwner:
                self.ledger.complain(f"mutex {i}: its owner is not its owner")


class Worker(Actor):
    """A process that may be killed at any time."""

    def __init__(self, number: int, ledger: Ledger, seed: int) -> None:
        super().__init__(Objects(), ledger, random.Random(seed))
        self.number = number
        self.choices: list[Callable[[int], None]] = [
            self.set_event, self.set_flag, self.clear, self.pulse, self.acquire, self.acquire, self.release,
            self.release, self.take, self.take, self.give, self.give, self.wait_for_any, self.wait_for_all,
            self.temporary, self.temporary_section, self.signal_and_wait, self.timer, self.pair, self.look,
            self.duplicate,
        ]  # fmt: skip
        self.helper: threading.Thread | None = None

    def run(self) -> None:
        self.ledger.put(self.number, READY, 1)
        while not self.ledger.stopped:
            if self.ledger.paused:
                threading.Event().wait(0.005)
                continue
            self.ledger.put(self.number, OPERATIONS, self.ledger.get(self.number, OPERATIONS) + 1)
            self.dice.choice(self.choices)(self.dice.randrange(OBJECTS))
            if self.dice.randrange(150) == 0:
                self.start_helper()
            if self.dice.randrange(250) == 0:
                self.fork()
        for i in range(OBJECTS):
            while self.owned[i]:
                self.give_mutex(i)

    def patience(self) -> float | None:
        roll = self.dice.randrange(20)
        return 0 if roll < 4 else None if roll == 19 else self.dice.random() * 0.003

    def account(self, i: int, change: int, call: Callable[[], Any]) -> Any:
        """Do something with semaphore i, so that it is known afterwards what may have happened to its units."""
        held = self.ledger.get(self.number, HELD + i)
        self.ledger.put(self.number, AMBIGUOUS + i, change)
        if change < 0:
            self.ledger.put(self.number, HELD + i, held - 1)
        result = call()
        if change > 0 and result:
            self.ledger.put(self.number, HELD + i, held + 1)
        self.ledger.put(self.number, AMBIGUOUS + i, 0)
        return result

    # the operations

    def set_event(self, i: int) -> None:
        self.objects.events[i].set()

    def set_flag(self, i: int) -> None:
        self.objects.flags[i].set()

    def clear(self, i: int) -> None:
        self.objects.flags[i].clear()
        self.objects.events[i].clear()

    def pulse(self, i: int) -> None:
        self.dice.choice([self.objects.flags, self.objects.events])[i].pulse()

    def acquire(self, i: int) -> None:
        timeout = self.patience()
        self.account(i, 1, lambda: self.objects.semaphores[i].acquire(timeout=timeout))

    def release(self, i: int) -> None:
        if self.ledger.get(self.number, HELD + i):
            self.account(i, -1, self.objects.semaphores[i].release)

    def take(self, i: int) -> None:
        self.take_mutex(i, self.patience())

    def give(self, i: int) -> None:
        self.give_mutex(i)

    def wait_for_any(self, i: int) -> None:
        objects = self.objects
        targets: list[Any] = [
            (self.dice.choice([objects.events, objects.flags, objects.mutexes, objects.timers])[number], number)
            for number in (self.dice.randrange(OBJECTS) for _ in range(self.dice.randint(1, 8)))
        ]
        taken = ntipc.wait_any([thing for thing, _ in targets], self.patience())
        if taken and isinstance(taken.object, ntipc.Mutex):
            self.entered(targets[taken.index][1], taken.abandoned)

    def wait_for_all(self, i: int) -> None:
        j, objects = (i + 1) % OBJECTS, self.objects
        mutex = objects.mutexes[i]
        targets = [mutex, objects.semaphores[j], objects.events[i], objects.flags[j]][: self.dice.randint(2, 4)]
        timeout = self.patience()
        taken = self.account(j, 1, lambda: ntipc.wait_all(targets, timeout))
        if taken:
            self.entered(i, mutex in taken.abandoned)

    def signal_and_wait(self, i: int) -> None:
        target, timeout = self.objects.events[(i + 1) % OBJECTS], self.patience()
        if self.owned[i] and self.dice.randrange(2):
            self.leaving(i)
            ntipc.signal_and_wait(self.objects.mutexes[i], target, timeout)
        else:
            ntipc.signal_and_wait(self.dice.choice([self.objects.events, self.objects.flags])[i], target, timeout)

    def timer(self, i: int) -> None:
        timer = self.objects.timers[i]
        roll = self.dice.randrange(4)
        if roll == 0:
            timer.cancel()
        elif roll == 1:
            timer.wait(self.dice.random() * 0.003)
        else:
            timer.set(self.dice.random() * 0.003, self.dice.choice([0, 0, 0.002]))

    def pair(self, i: int) -> None:
        pair, timeout = self.objects.pairs[i], self.patience()
        self.dice.choice(
            [
                pair.set_high,
                pair.set_low,
                lambda: pair.wait_high(timeout),
                lambda: pair.wait_low(timeout),
                lambda: pair.set_high_wait_low(timeout),
                lambda: pair.set_low_wait_high(timeout),
            ]
        )()

    def temporary(self, i: int) -> None:
        number = self.dice.randrange(20)
        kind = [ntipc.Event, ntipc.Mutex, ntipc.Timer][number % 3]
        thing = kind(f"temporary {number}")
        if isinstance(thing, ntipc.Event):
            thing.set()
        thing.wait(0)
        if isinstance(thing, ntipc.Mutex) and thing.info()["owned_by_caller"]:
            thing.release()
        thing.close()

    def temporary_section(self, i: int) -> None:
        with ntipc.Section(f"temporary section {i}", 70_000) as section, section.map() as view:
            view[65_536 + i] = i + 1
            if view[65_536 + i] != i + 1:
                self.ledger.complain(f"section {i}: a byte that everybody sets to {i + 1} is something else")

    def look(self, i: int) -> None:
        for group in self.objects.events, self.objects.mutexes, self.objects.semaphores:
            group[i].info()

    def duplicate(self, i: int) -> None:
        with self.objects.events[i].duplicate() as twin:
            twin.set()

    # threads and children

    def start_helper(self) -> None:
        if self.helper is None or not self.helper.is_alive():
            self.helper = threading.Thread(target=self.help, args=(self.dice.randrange(1 << 30),), daemon=True)
            self.helper.start()

    def help(self, seed: int) -> None:
        """A thread that ends, perhaps while it owns a mutex or another waits for it."""
        actor = Actor(self.objects, self.ledger, random.Random(seed))
        i = actor.dice.randrange(OBJECTS)
        mutex = self.objects.mutexes[i].duplicate()
        if mutex.acquire(timeout=0.1):
            actor.entered(i, mutex.abandoned)
            if actor.dice.randrange(2):
                actor.leaving(i)
                mutex.release()
        self.objects.events[i].set()
        self.objects.events[(i + 1) % OBJECTS].wait(0.05)
        mutex.close()

    def fork(self) -> None:
        """A child with a copy of every handle that does a little and ends in one of three ways."""
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass
        seed = self.dice.randrange(1 << 30)
        if os.fork() == 0:
            try:
                self.be_a_child(Actor(self.objects, self.ledger, random.Random(seed)))
            except BaseException:
                self.ledger.complain(traceback.format_exc())
            os._exit(0)

    def be_a_child(self, actor: Actor) -> None:
        for _ in range(5):
            i = actor.dice.randrange(OBJECTS)
            self.objects.events[i].set()
            actor.take_mutex(i, 0.05)
            self.objects.flags[i].pulse()
            if actor.dice.randrange(2):
                actor.give_mutex(i)
        roll = actor.dice.randrange(3)
        if roll == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        if roll == 1:
            _kernel.leave_all()


class Immortal(Worker):
    """A process that is never killed and waits without a timeout: only a lost wake-up keeps it asleep."""

    def run(self) -> None:
        self.ledger.put(self.number, READY, 1)
        choices = [self.acquire_and_release, self.take_and_give, self.any_of_three, self.both, self.pair, self.timer]
        choices += [lambda i: self.objects.events[i].wait(), self.signal_and_wait]
        while not self.ledger.stopped:
            self.ledger.put(self.number, OPERATIONS, self.ledger.get(self.number, OPERATIONS) + 1)
            self.dice.choice(choices)(self.dice.randrange(OBJECTS))

    def acquire_and_release(self, i: int) -> None:
        self.account(i, 1, self.objects.semaphores[i].acquire)
        self.account(i, -1, self.objects.semaphores[i].release)

    def take_and_give(self, i: int) -> None:
        self.take_mutex(i, None)
        self.give_mutex(i)

    def any_of_three(self, i: int) -> None:
        taken = ntipc.wait_any([self.objects.events[i], self.objects.mutexes[i], self.objects.flags[i]])
        if taken is None:
            self.ledger.complain("a wait without a timeout has timed out")
        elif taken.index == 1:
            self.entered(i, taken.abandoned)
            self.give_mutex(i)

    def both(self, i: int) -> None:
        mutex = self.objects.mutexes[i]
        taken = ntipc.wait_all([mutex, self.objects.events[(i + 1) % OBJECTS]])
        if taken is None:
            self.ledger.complain("a wait without a timeout has timed out")
        else:
            self.entered(i, mutex in taken.abandoned)
            self.give_mutex(i)

    def pair(self, i: int) -> None:
        self.dice.choice([self.objects.pairs[i].wait_high, self.objects.pairs[i].set_low_wait_high])()

    def timer(self, i: int) -> None:
        ntipc.wait_any([self.objects.timers[i], self.objects.events[i]])

    def signal_and_wait(self, i: int) -> None:
        ntipc.signal_and_wait(self.objects.flags[i], self.objects.events[i])


def live(number: int, ledger: Ledger, seed: int, immortal: bool, fault: tuple[str, int] | None) -> NoReturn:
    """The life of a worker, in a process of its own; it never returns."""
    status = 1
    try:
        warnings.simplefilter("ignore", ntipc.AbandonedMutexWarning)
        ledger.put(number, PID, os.getpid())
        if fault:
            _kernel.arm_fault(*fault)
        worker = (Immortal if immortal else Worker)(number, ledger, seed)
        worker.run()
        if worker.helper is not None:
            worker.helper.join()
        worker.objects.close()
        _kernel.leave_all()
        status = 0
    except BaseException:
        ledger.complain(f"worker {number} failed: {traceback.format_exc()}")
    os._exit(status)
