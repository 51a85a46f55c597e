"""What the mortal workers of a storm do: every call of the library."""

import os
import pickle
import random
import signal
import threading
import time
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Any

from harness.relaying import be_told
from storm_calls import Calling
from storm_ledger import AMBIGUOUS, HELD, MAIL, OBJECTS, PID, STAY, Ledger
from storm_objects import Actor, Interruption, Objects, address
from storm_pipes import Piping
from storm_ports import Porting
from storm_processes import Minding
from storm_queues import Queueing
from storm_windows import Messaging

import ntipc
from ntipc import _kernel


class Accountant(Actor):
    """A thread that takes and gives units of semaphores and keeps accounts of it."""

    def __init__(self, number: int, ledger: Ledger, seed: int) -> None:
        super().__init__(Objects(), ledger, random.Random(seed))
        self.number = number

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


class Waiting(Accountant):
    """Signals and waits, on shared objects."""

    def patience(self) -> float | None:
        roll = self.dice.randrange(20)
        return 0 if roll < 4 else None if roll == 19 else self.dice.random() * 0.003

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
        roll = self.dice.randrange(4)
        if self.owned[i] and roll < 2:
            self.leaving(i)
            ntipc.signal_and_wait(self.objects.mutexes[i], target, timeout)
        elif self.ledger.get(self.number, HELD + i) and roll == 2:
            self.account(i, -1, lambda: ntipc.signal_and_wait(self.objects.semaphores[i], target, timeout))
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

    def interrupted(self, i: int) -> None:
        """A wait that a signal handler interrupts: the handler waits itself, and perhaps raises."""
        if threading.current_thread() is not threading.main_thread():
            return
        event, other = self.objects.events[i], self.objects.flags[i]
        raises = self.dice.randrange(2)

        def handle(number: int, frame: FrameType | None) -> None:
            event.wait(0.0002)
            if raises:
                raise Interruption

        signal.signal(signal.SIGALRM, handle)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.0001 + self.dice.random() * 0.0005)
            ntipc.wait_any([event, other], 0.002)
            time.sleep(0.001)
        except Interruption:
            pass
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)


class Making(Accountant):
    """Names, handles and sections: made, opened, duplicated, sent and closed."""

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

    def create_or_open(self, i: int) -> None:
        """The two that fail: a name that is taken, and one that nobody has."""
        kind, name = self.dice.choice([ntipc.Event, ntipc.Semaphore, ntipc.Mutex]), f"temporary name {i}"
        try:
            thing = kind.create(name) if self.dice.randrange(2) else kind.open(name)
            thing.info()
            thing.close()
        except (ntipc.ObjectExists, ntipc.ObjectNotFound, ntipc.ObjectTypeMismatch):
            pass

    def unnamed(self, i: int) -> None:
        """Objects that nobody else can reach: what happens to them is certain."""
        event, semaphore, mutex = ntipc.Event(), ntipc.Semaphore(initial=2), ntipc.Mutex()
        event.set()
        if not ntipc.wait_all([event, semaphore, mutex], 0) or event.wait(0) or semaphore.count != 1:
            self.ledger.complain("unnamed objects are not as their only user left them")
        mutex.release()
        for thing in event, semaphore, mutex:
            thing.close()

    def temporary_section(self, i: int) -> None:
        reserve = bool(i % 2)
        with ntipc.Section(f"temporary section {i}", 70_000, reserve=reserve) as section, section.map() as view:
            view[65_536 + i] = i + 1
            if view[65_536 + i] != i + 1:
                self.ledger.complain(f"section {i}: a byte that everybody sets to {i + 1} is something else")
            with section.map(65_536, 10, access="copy") as copy:
                copy[i] = 0
            if view[65_536 + i] != i + 1:
                self.ledger.complain(f"section {i}: a write to a copy has reached the original")

    def debug_log(self, i: int) -> None:
        """Lines of all workers; each reader reads or loses its own in their order."""
        with ntipc.debuglog.Reader() as reader:
            reader.wait(0)
            mine = [f"{os.getpid()}:{n}:" + "x" * (i % 2 * 300) for n in range(5)]
            for text in mine:
                ntipc.output_debug_string(text)
            seen = [line.text for line in iter(lambda: reader.read(0), None) if line.text in mine]
            if seen != mine and not reader.lost:
                self.ledger.complain(f"of a worker's {mine} its reader has {seen} and has lost nothing")

    def event_loop(self, i: int) -> None:
        """A loop that the relay tells of messages."""
        be_told()

    def look(self, i: int) -> None:
        for group in self.objects.events, self.objects.mutexes, self.objects.semaphores, self.objects.timers:
            group[i].info()

    def duplicate(self, i: int) -> None:
        with self.objects.events[i].duplicate() as twin:
            twin.inheritable = not twin.inheritable
            twin.set()

    def give_handle(self, i: int) -> None:
        """Duplicate a handle into another worker, and tell it the number."""
        other = self.dice.randrange(self.ledger.workers)
        pid, stay = self.ledger.get(other, PID), self.ledger.get(other, STAY)
        if pid in (0, os.getpid()) or stay % 2 or self.ledger.get(other, MAIL):
            return
        try:
            handle = self.objects.events[i].duplicate(pid)
        except ntipc.InvalidParameter:
            return  # it takes no part yet, or any more
        if isinstance(handle, int):
            self.ledger.put(other, MAIL, address(pid, stay) | handle)

    def take_handle(self, i: int) -> None:
        """Use and close a handle that another worker has put into this process."""
        mail = self.ledger.get(self.number, MAIL)
        self.ledger.put(self.number, MAIL, 0)
        handle = mail ^ address(os.getpid(), self.ledger.get(self.number, STAY))
        if mail and handle < 1 << 24:
            with ntipc.Event.from_handle(handle) as event:
                event.set()

    def send(self, i: int) -> None:
        """Pickle an object for the worker that takes it first; the references of the dead are gone with them."""
        self.ledger.send(pickle.dumps(self.dice.choice([self.objects.events, self.objects.flags])[i]))

    def receive(self, i: int) -> None:
        parcel = self.ledger.receive()
        if parcel:
            try:
                with pickle.loads(parcel) as event:
                    event.set()
            except ntipc.ObjectNotFound:
                pass


class Parting(Accountant):
    """Threads that end, children, leaving."""

    helper: threading.Thread | None = None
    leave_windows: Callable[[], None]
    goes_with_its_child = False
    """Whether this process is to die in a fork; it is the child who passes the point, and one death is enough."""

    def start_helper(self, i: int) -> None:
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

    def leave_and_return(self, i: int) -> None:
        """Leave the session, perhaps as an owner, and join it again."""
        if self.helper is not None:
            self.helper.join()
        for number in range(OBJECTS):
            while self.owned[number] and self.dice.randrange(3):
                self.give_mutex(number)
        self.leave_windows()
        ntipc.allow_remote()
        self.objects.board.release()
        stay = self.ledger.get(self.number, STAY)
        self.ledger.put(self.number, STAY, stay + 1)  # odd: nobody gives it a handle now
        ntipc.Session().close()
        self.objects = Objects()
        self.ledger.put(self.number, STAY, stay + 2)
        self.owned = [0] * OBJECTS

    def fork(self, i: int) -> None:
        """A child with a copy of every handle that does a little and ends in one of three ways."""
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass
        seed = self.dice.randrange(1 << 30)
        parent, begun = os.getpid(), time.monotonic()
        pid = os.fork()
        if pid == 0:
            try:
                self.be_a_child(Actor(self.objects, self.ledger, random.Random(seed)))
            except ntipc.HandleClosed:
                # The handles of a parent killed in the fork wait a second for the child, which may come later.
                took = time.monotonic() - begun
                if os.getppid() == parent or took < 1:
                    self.ledger.complain(f"no handles {took:.3f} s after a fork: {traceback.format_exc()}")
            except BaseException:
                self.ledger.complain(traceback.format_exc())
            os._exit(0)
        if self.goes_with_its_child and os.waitpid(pid, 0)[1] == signal.SIGKILL:
            os.kill(os.getpid(), signal.SIGKILL)

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


class Everything(Waiting, Making, Parting, Queueing, Calling, Piping, Porting, Minding, Messaging):
    """All that a mortal does, each by its name."""

    OFTEN = (
        "set_event", "set_flag", "clear", "pulse", "acquire", "acquire", "release", "release", "take", "take", "give",
        "give", "wait_for_any", "wait_for_all", "temporary", "create_or_open", "unnamed", "temporary_section",
        "signal_and_wait", "timer", "pair", "look", "duplicate", "give_handle", "take_handle", "send", "receive",
        "put_frame", "put_frame", "put_small", "take_frame", "take_frame", "take_all", "look_into", "wait_for_queues",
        "own_queue", "common_queue", "take_end", "send_handles", "receive_handles", "own_handles", "unreachable",
        "call", "serve", "serve", "serve_pipe", "serve_pipe", "ask_pipe", "ask_pipe", "own_pipe", "mailslot",
        "serve_port", "serve_port", "ask_port", "ask_port", "debug_log", "event_loop", "open_worker", "move_handle",
        "copy_between", "allow", "ask_worker", "ask_worker", "mind_window", "mind_window", "mind_window", "use_window",
        "use_window", "drop_window",
    )  # fmt: skip
    SELDOM = (
        "start_helper",
        "fork",
        "leave_and_return",
        "interrupted",
        "interrupted_put",
        "child_with_handles",
        "end_a_child",
        "child_that_joins",
    )

    def do_something(self, focus: str | None) -> None:
        roll = self.dice.randrange(100)
        name = focus if focus and roll < 25 else self.dice.choice(self.SELDOM if roll > 97 else self.OFTEN)
        getattr(self, name)(self.dice.randrange(OBJECTS))
