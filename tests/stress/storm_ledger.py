"""What storm, workers and watcher know of one another: memory that all of them inherit, and a pipe for complaints."""

import mmap
import os
import select
import socket

OBJECTS = 4
"""Objects of each kind."""
TOKENS = 5
"""Units in each semaphore at the start."""
FIELDS = 16
PID, OPERATIONS, READY, MAIL = 0, 1, 2, 3
HELD, AMBIGUOUS, STAY = 4, 8, 12
END_MAIL, TAKING, MAYBE_LOST = 13, 14, 15
STOP, PAUSE = 0, 1

BOARD_SIZE = 4096
INSIDE, COUNT = 0, OBJECTS
"""Places on the board, a section: who is inside mutex i, and the counter that only its owner touches."""


class Ledger:
    """One row of numbers for each worker, written by it alone; what a killed worker last wrote is read by the storm."""

    def __init__(self, workers: int, mortals: int) -> None:
        self.workers, self.mortals = workers, mortals
        self.memory = memoryview(mmap.mmap(-1, (workers + 1) * FIELDS * 8)).cast("q")
        self.reading, self.writing = os.pipe()
        os.set_blocking(self.reading, False)
        self.post = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        for end in self.post:
            end.setblocking(False)

    def get(self, worker: int, field: int) -> int:
        return self.memory[(worker + 1) * FIELDS + field]

    def put(self, worker: int, field: int, value: int) -> None:
        self.memory[(worker + 1) * FIELDS + field] = value

    def clear(self, worker: int) -> None:
        for field in range(FIELDS):
            self.put(worker, field, 0)

    @property
    def stopped(self) -> bool:
        return bool(self.memory[STOP])

    @property
    def paused(self) -> bool:
        return bool(self.memory[PAUSE])

    def stop(self) -> None:
        self.memory[STOP] = 1

    def pause(self, paused: bool) -> None:
        self.memory[PAUSE] = paused

    def send(self, parcel: bytes) -> None:
        """Post something for the worker that takes it first; it is lost if the post is full."""
        try:
            self.post[0].send(parcel)
        except BlockingIOError:
            pass

    def receive(self) -> bytes | None:
        try:
            return self.post[1].recv(65536)
        except BlockingIOError:
            return None

    def complain(self, text: str) -> None:
        os.write(self.writing, (text.replace("\n", " / ")[:3000] + "\n").encode())

    def complaints(self) -> list[str]:
        """What has been complained of since the last call."""
        found = b""
        while select.select([self.reading], [], [], 0)[0]:
            found += os.read(self.reading, 65536)
        return found.decode().splitlines()
