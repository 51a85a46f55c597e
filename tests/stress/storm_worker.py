"""The processes of a storm: mortals, which do everything until they are killed, and immortals, which only wait."""

import ctypes
import os
import random
import signal
import threading
import traceback
import warnings
from dataclasses import dataclass
from typing import NoReturn

from storm_calls import WaitingForAnswers
from storm_frames import Register
from storm_ledger import OBJECTS, OPERATIONS, PID, READY, Ledger
from storm_operations import Accountant, Everything
from storm_points import Doom
from storm_ports import WaitingForPorts
from storm_queues import Postman, WaitingAtQueues
from storm_windows import WaitingForMessages

import ntipc
from ntipc import _kernel

PR_SET_PDEATHSIG = 1


class Mortal(Everything):
    """A process that may be killed at any time."""

    def run(self, doom: Doom | None) -> None:
        self.ledger.put(self.number, READY, 1)
        self.goes_with_its_child = doom is not None and doom.focus == "fork"
        while not self.ledger.stopped:
            if self.ledger.paused:
                threading.Event().wait(0.005)
                continue
            self.ledger.put(self.number, OPERATIONS, self.ledger.get(self.number, OPERATIONS) + 1)
            self.do_something(doom.focus if doom else None)
        for i in range(OBJECTS):
            while self.owned[i]:
                self.give_mutex(i)
        if self.helper is not None:
            self.helper.join()
        self.objects.close()


class Immortal(Accountant, WaitingAtQueues, WaitingForAnswers, WaitingForPorts, WaitingForMessages):
    """A process that is never killed and waits without a timeout: only a lost wake-up keeps it asleep."""

    def run(self, doom: Doom | None) -> None:
        self.ledger.put(self.number, READY, 1)
        choices = [self.acquire_and_release, self.take_and_give, self.any_of_three, self.both, self.pair, self.timer]
        choices += [lambda i: self.objects.events[i].wait(), self.signal_and_wait]
        choices += [self.take_for_ever, self.put_for_ever, self.any_of_queues, self.read_to_the_end]
        choices += [self.write_to_the_end, self.call_for_ever, self.ask_port_for_ever, self.receive_for_ever]
        while not self.ledger.stopped:
            self.ledger.put(self.number, OPERATIONS, self.ledger.get(self.number, OPERATIONS) + 1)
            self.dice.choice(choices)(self.dice.randrange(OBJECTS))
        self.objects.close()

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


@dataclass(frozen=True)
class Birth:
    """What a worker is told of itself. ``incarnation`` is a number that no other worker of the storm has had."""

    number: int
    incarnation: int
    seed: int
    immortal: bool
    doom: Doom | None


def live(birth: Birth, ledger: Ledger, register: Register, deaths: int) -> NoReturn:
    """The life of a worker, in a process of its own; it never returns.

    Half of the mortals, and all immortals, do their work in another thread than the main one: only main threads look up
    from their sleep now and then, so only the others miss a wake-up for good.
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # nobody is left running if the storm itself is killed
    status = [1]
    number, seed, immortal, doom = birth.number, birth.seed, birth.immortal, birth.doom

    def work() -> None:
        try:
            worker = (Immortal if immortal else Mortal)(number, ledger, seed)
            worker.doomed = doom is not None
            worker.postman = Postman(number, ledger, register, birth.incarnation)
            worker.run(doom)
            _kernel.leave_all()
            status[0] = 0
        except BaseException:
            ledger.complain(f"worker {number} failed: {traceback.format_exc()}")

    warnings.simplefilter("ignore", ntipc.AbandonedMutexWarning)
    _kernel.set_eligible(not immortal)
    _kernel.report_faults(deaths)
    if doom:
        _kernel.arm_fault(doom.point, doom.countdown)
    ledger.put(number, PID, os.getpid())
    if immortal or random.Random(seed).randrange(2):
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join()
    else:
        work()
    os._exit(status[0])
