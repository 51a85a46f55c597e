"""A worker process of the demo: ``python -m ntipc.demo.worker SESSION NUMBER``.

It is started as a program of its own and finds everything by name. Exit status: 0 when told to stop, 3 when the
coordinator is gone, 130 after SIGINT.
"""

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import ntipc
from ntipc.demo.board import CORPUS, INDEX, Board
from ntipc.demo.corpus import Corpus
from ntipc.demo.identifiers import count_identifiers
from ntipc.demo.index import Index
from ntipc.demo.layout import Header, WorkerField

STOPPED = 0
COORDINATOR_GONE = 3
INTERRUPTED = 130


class Worker:
    """What one worker knows and does."""

    def __init__(self, number: int, board: Board, corpus: Corpus, index: Index) -> None:
        self.number = number
        self.board = board
        self.corpus = corpus
        self.index = index
        self._waits = 0
        self._ends = (board.stop, board.coordinator)

    def run(self) -> int:
        """Do files until there are no more."""
        self.index.note(self.number, WorkerField.PID, os.getpid())
        self.board.ready.release()
        if (end := self._wait(self.board.go)) is not None:
            return end
        while (end := self._wait(self.board.todo)) is None:
            with self._turn():
                file = self.index.claim(self.number)
            if file is not None:
                self._do(file)
        return end

    def _do(self, file: int) -> None:
        with self.corpus.text(file) as text:
            counts = count_identifiers(text)
        with self._turn():
            offer = self._offer_to_be_killed if self._kill_is_due(len(counts)) else None
            self.index.add(self.number, file, counts, midway=offer)
            self._tell_when_finished()

    def _wait(self, wanted: ntipc.Event | ntipc.Semaphore) -> int | None:
        """Wait for something to do. None: here it is; otherwise the exit status."""
        objects = (*self._ends, wanted)
        signaled = ntipc.wait_any(objects, 0)
        if signaled is None:
            self._count_wait()
            signaled = ntipc.wait_any(objects)
        if signaled is None or signaled.object is wanted:
            return None
        return STOPPED if signaled.object is self.board.stop else COORDINATOR_GONE

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Hold the index's mutex; repair the index first if its last owner died.

        An exception leaves the mutex held: this process is about to end, and the next owner must be told of it.
        """
        turn, header = self.board.turn, self.index.header
        if not turn.acquire(blocking=False):
            self._count_wait()
            turn.acquire()
        if turn.abandoned:
            self._repair()
        if header[Header.LAST_OWNER] != self.number:
            header[Header.LAST_OWNER] = self.number
            header[Header.HAND_OFFS] += 1
        yield
        turn.release()

    def _repair(self) -> None:
        if self.index.repair() is not None:
            self.board.todo.release()
        self._tell_when_finished()

    def _tell_when_finished(self) -> None:
        if self.index.header[Header.DONE] == self.index.header[Header.FILES]:
            self.board.finished.set()

    def _count_wait(self) -> None:
        self._waits += 1
        self.index.note(self.number, WorkerField.WAITS, self._waits)

    # The part that no program should copy: standing still inside the mutex until SIGKILL comes.

    def _kill_is_due(self, totals: int) -> bool:
        """Whether this is the update in which a worker dies: the first large enough after half of the files."""
        header = self.index.header
        if header[Header.VICTIM] or header[Header.DONE] < header[Header.KILL_AFTER]:
            return False
        return totals > 1 or header[Header.DONE] == header[Header.FILES] - 1

    def _offer_to_be_killed(self) -> None:
        self.index.header[Header.VICTIM] = self.number
        self.board.inside.set()
        ntipc.wait_any(self._ends)


def main(arguments: list[str]) -> int:
    """Join the session, work, leave."""
    name, number = arguments
    warnings.simplefilter("ignore", ntipc.AbandonedMutexWarning)  # it looks at .abandoned instead
    session = ntipc.Session(name)
    with (
        Board(session) as board,
        ntipc.Section.open(CORPUS, "r", session=session) as corpus_section,
        ntipc.Section.open(INDEX, "rw", session=session) as index_section,
        Corpus(corpus_section) as corpus,
        Index(index_section) as index,
    ):
        return Worker(int(number), board, corpus, index).run()


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
