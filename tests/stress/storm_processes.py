"""What the workers of a storm do with processes: children with handles, ends that are waited for, handles that move."""

import os
from contextlib import suppress

from storm_ledger import OBJECTS, PID, STAY
from storm_objects import Actor

import ntipc


class Minding(Actor):
    """Starts children, opens other workers, ends a child, moves handles."""

    number: int

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
        pid = os.fork()
        if pid == 0:
            os.close(writing)
            os.read(reading, 1)  # until its parent is gone
            os._exit(0)
        os.close(reading)
        try:
            with suppress(ntipc.ProcessNotFound), ntipc.Process.open(pid) as child:
                child.terminate(7)
                if not child.wait(10):
                    self.ledger.complain(f"participant {pid} was told to end and has not in 10 s")
                if child.exit_code not in (7, None):
                    self.ledger.complain(f"participant {pid} was told to end with 7 and its code is {child.exit_code}")
        finally:
            os.close(writing)
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)

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
