"""What storm, workers and watcher know of one another: memory that all of them inherit, and a pipe for complaints."""

import mmap
import os
import select

OBJECTS = 4
"""Objects of each kind."""
TOKENS = 5
"""Units in each semaphore at the start."""
FIELDS = 16
PID, OPERATIONS, READY = 0, 1, 2
HELD, AMBIGUOUS = 4, 8
STOP, PAUSE = 0, 1

BOARD_SIZE = 4096
INSIDE, COUNT = 0, OBJECTS
"""Places on the board, a section: who is inside mutex i, and the counter that only its owner touches."""


class Ledger:
    """One row of numbers for each worker, written by it alone; what a killed worker last wrote is read by the storm."""

    def __init__(self, workers: int) -> None:
        self.memory = memoryview(mmap.mmap(-1, (workers + 1) * FIELDS * 8)).cast("q")
        self.reading, self.writing = os.pipe()
        os.set_blocking(self.reading, False)

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

    def complain(self, text: str) -> None:
        os.write(self.writing, (text.replace("\n", " / ")[:3000] + "\n").encode())

    def complaints(self) -> list[str]:
        """What has been complained of since the last call."""
        found = b""
        while select.select([self.reading], [], [], 0)[0]:
            found += os.read(self.reading, 65536)
        return found.decode().splitlines()
