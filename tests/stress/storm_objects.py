"""What all workers of a storm share: handles to the objects, and the rules of the board."""

import random
import threading

from storm_ledger import BOARD_SIZE, COUNT, INSIDE, OBJECTS, TOKENS, Ledger

import ntipc

QUOTAS = 300, 5000, 20_000, 200_000


def address(pid: int, stay: int) -> int:
    """Of a handle: the process that it was put into, and the how manieth time this takes part."""
    return pid << 40 | (stay & 0xFFFF) << 24


class Interruption(Exception):
    """Raised by a signal handler in the middle of a wait."""


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
        self.queues = [ntipc.Queue(f"queue {i}", quota=QUOTAS[i]) for i in numbers]
        self.parcels, self.requests = ntipc.Queue("parcels", quota=5000), ntipc.Queue("requests", quota=2000)
        self.section = ntipc.Section("board", BOARD_SIZE)
        self.view = self.section.map()
        self.board = memoryview(self.view).cast("q")

    def close(self) -> None:
        self.board.release()
        self.view.unmap()
        self.section.close()
        for group in self.events, self.flags, self.semaphores, self.mutexes, self.timers, self.pairs, self.queues:
            for thing in group:
                thing.close()
        self.parcels.close()
        self.requests.close()


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
