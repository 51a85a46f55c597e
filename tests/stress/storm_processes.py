"""What the workers of a storm do with processes: children with handles, ends that are waited for, handles that move."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from storm_ledger import OBJECTS, PID, STAY, Ledger
from storm_objects import Actor

import ntipc
from ntipc import _kernel

NEVER = 2**31 - 1
"""An armed point that is to be passed so many times kills nobody."""

JOINS = """
import os, sys
import ntipc
try:
    event, flag = (ntipc.Event.from_handle(int(number)) for number in sys.argv[1].split())
    event.set(); flag.info()
except ntipc.HandleClosed:
    os._exit(0 if os.getppid() != int(sys.argv[2]) else 3)
"""
"""A program that uses its two handles. Those of a dead parent may be gone."""


@ntipc.remote
def answer(number: int) -> int:
    """What workers have each other run."""
    return number + 1


@contextmanager
def suppress_ends(ledger: Ledger) -> Iterator[None]:
    """Expect what comes of asking a process that ends, leaves, or does not allow it."""
    try:
        yield
    except (ntipc.AccessDenied, ntipc.ProcessNotFound, ntipc.Timeout):
        pass
    except ntipc.NtError as problem:
        if "has ended" not in str(problem):
            ledger.complain(f"asking another worker: {problem!r}")


class Minding(Actor):
    """Starts children, opens other workers, ends a child, moves handles."""

    number: int
    doomed = False
    """Whether this worker kills itself at a fault point. A child of a fork inherits the point, unless it disarms it."""

    def child_with_handles(self, i: int) -> None:
        """A program that never joins; what it inherits is given back with its end."""
        events = [self.objects.events[i], self.objects.flags[i]]
        with ntipc.Process.start(["true"], inherit_handles=events) as child:
            if not child.wait(10):
                self.ledger.complain(f"the end of child {child.pid} was not told in 10 s")
            if child.exit_code not in (0, None):  # None: another thread of ours has taken its status
                self.ledger.complain(f"child {child.pid} ended with 0 and its code is {child.exit_code}")

    def end_a_child(self, i: int) -> None:
        """A participant is told to end, and does so with the code given."""
        reading, writing = os.pipe()
        told, tell = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(writing)
            if self.doomed:
                _kernel.arm_fault("LifeAsked", NEVER)
            os.write(tell, b"x")
            os.read(reading, 1)  # until its parent is gone
            os._exit(0)
        os.close(reading)
        os.close(tell)
        try:
            if not os.read(told, 1):
                if not self.doomed:
                    self.ledger.complain(f"participant {pid} has ended by itself")
                return
            with suppress(ntipc.ProcessNotFound), ntipc.Process.open(pid) as child:
                child.terminate(7)
                if not child.wait(10):
                    self.ledger.complain(f"participant {pid} was told to end and has not in 10 s")
                if child.exit_code not in (7, None):
                    self.ledger.complain(f"participant {pid} was told to end with 7 and its code is {child.exit_code}")
        finally:
            os.close(writing)
            os.close(told)
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)

    def child_that_joins(self, i: int) -> None:
        """A program that takes its inherited handles over, unless one of the two is killed before."""
        event, flag = self.objects.events[i], self.objects.flags[i]
        numbers = f"{event.handle} {flag.handle}"
        with ntipc.Process.start(
            [sys.executable, "-c", JOINS, numbers, str(os.getpid())], inherit_handles=[event, flag]
        ) as child:
            if self.dice.randrange(2):
                child.wait(self.dice.random() * 0.3)
                with suppress(ProcessLookupError):
                    os.kill(child.pid, signal.SIGKILL)
            if not child.wait(20):
                self.ledger.complain(f"the end of child {child.pid} was not told in 20 s")
            if child.exit_code not in (0, -signal.SIGKILL, None):
                self.ledger.complain(f"child {child.pid} could not use what it had inherited: code {child.exit_code}")

    def copy_between(self, i: int) -> None:
        """A handle of another worker, of whatever it is there, is copied here, and to a third one."""
        source, target = (self.dice.randrange(self.ledger.workers) for _ in range(2))
        number = self.dice.choice([self.objects.events, self.objects.flags])[i].handle
        pid, other = self.ledger.get(source, PID), self.ledger.get(target, PID)
        if not pid or not other:
            return
        with suppress(ntipc.InvalidParameter, ntipc.HandleClosed):
            with ntipc.NtObject.from_handle(ntipc.duplicate_handle(pid, number, os.getpid())) as thing:
                thing.info()
            there = ntipc.duplicate_handle(pid, number, other)
            # Taken back at once: it must be there, as long as the other one is.
            ntipc.NtObject.from_handle(ntipc.duplicate_handle(other, there, None, close_source=True)).close()

    def allow(self, i: int) -> None:
        """Let others do something here, or nothing any more."""
        allowed = self.dice.randrange(4) > 0
        ntipc.allow_remote(memory=allowed, sections=allowed, threads=allowed)

    def ask_worker(self, i: int) -> None:
        """Have a function run in another worker, which may end, leave or be stopped meanwhile."""
        pid = self.ledger.get(self.dice.randrange(self.ledger.workers), PID) or os.getpid()
        number, limit = self.dice.randrange(1 << 40), self.dice.random() * 0.05
        with suppress_ends(self.ledger), ntipc.Process.open(pid) as process:
            if self.dice.randrange(4) == 0:
                block = process.allocate(5000, timeout=limit)
                process.protect(block, 5000, "r", timeout=limit)
                process.free(block, timeout=limit)
                return
            thread = process.start_thread("storm_processes:answer", number, timeout=limit)
            with thread:
                if self.dice.randrange(3) == 0:
                    thread.cancel(limit)
                answer = thread.result(limit)
                if answer != number + 1:
                    self.ledger.complain(f"a function in process {pid} gave {answer} for {number}")
                if not thread.wait(0):
                    self.ledger.complain("a thread that has given its result has not ended")

    def open_worker(self, i: int) -> None:
        """Wait for another worker beside an event; it may die meanwhile."""
        pid = self.ledger.get(self.dice.randrange(self.ledger.workers), PID)
        with suppress(ntipc.ProcessNotFound), ntipc.Process.open(pid or os.getpid()) as process:
            ntipc.wait_any([process, self.objects.events[i]], self.dice.random() * 0.003)
            if process.wait(0) and process.pid == os.getpid():
                self.ledger.complain("a process that runs has ended")

    def move_handle(self, i: int) -> None:
        """A handle moves within this process, and a copy of one goes into another one."""
        event = self.objects.events[i]
        number = ntipc.duplicate_handle(None, event.handle, os.getpid())
        if ntipc.duplicate_handle(os.getpid(), number, None, close_source=True) != number:
            self.ledger.complain("a handle that moves within its process has got another number")
        with ntipc.Event.from_handle(number) as twin:
            if twin.identity != event.identity:
                self.ledger.complain("a handle that has moved leads to another object")
            twin.set()
        other = self.dice.randrange(self.ledger.workers)
        pid, stay = self.ledger.get(other, PID), self.ledger.get(other, STAY)
        if pid and not stay % 2 and self.dice.randrange(OBJECTS) == 0:
            with suppress(ntipc.InvalidParameter):
                ntipc.duplicate_handle(None, event.handle, pid, access=ntipc.Access.SYNCHRONIZE)
