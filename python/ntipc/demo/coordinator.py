"""Start the workers, kill the one that stands inside the mutex, wait for the others, compare."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import ntipc
from ntipc.demo import corpus as corpora
from ntipc.demo.board import CORPUS, INDEX, Board
from ntipc.demo.corpus import Corpus
from ntipc.demo.identifiers import Totals, find_files, index_alone
from ntipc.demo.index import Index
from ntipc.demo.layout import Header, Layout, WorkerField

MAXIMUM_WORKERS = 64
REPLACEMENTS = 4
SMALL_THINGS = 16 << 20
PATIENCE = 30.0
"""Seconds that a process may take to start, to take its turn, or to end."""


class DemoFailed(Exception):
    """The job could not be finished; the message says why."""


@dataclass
class Outcome:
    """What the job did and how long it took."""

    directory: Path
    files: int = 0
    bytes: int = 0
    workers: int = 0
    identifiers: int = 0
    distinct: int = 0
    waits: int = 0
    hand_offs: int = 0
    abandonments: int = 0
    killed_pid: int = 0
    killed_inside: bool = False
    told_seconds: float = 0
    repair_seconds: float = 0
    done_again: list[str] = field(default_factory=list)
    together_seconds: float = 0
    alone_seconds: float = 0
    identical: bool = False
    deaths: list[str] = field(default_factory=list)

    @property
    def right(self) -> bool:
        """Whether everything came out as promised."""
        return self.identical and self.killed_inside and self.abandonments > 0 and bool(self.done_again)


@dataclass
class Member:
    """One worker process."""

    number: int
    process: subprocess.Popen[bytes]
    killed: bool = False
    settled: bool = False


@dataclass(frozen=True)
class Progress:
    """What the display shows while the job runs."""

    done: int
    files: int
    members: tuple[tuple[Member, int], ...]
    note: str


class Coordinator:
    """One run of the job."""

    def __init__(self, directory: Path, workers: int, show: Callable[[Progress], None]) -> None:
        self.outcome = Outcome(directory, workers=workers)
        self._show = show
        self._members: list[Member] = []
        self._killed_at = 0

    def run(self, pattern: str) -> Outcome:
        """Do the job with several processes and again with this one, and compare.

        Raises:
            BadInput: the directory cannot be used.
            DemoFailed: the workers did not get to the end.
        """
        contents = corpora.plan(self.outcome.directory, find_files(self.outcome.directory, pattern))
        self._name = f"demo-{os.getpid()}"
        with ExitStack() as closing:
            session = closing.enter_context(ntipc.Session(self._name))
            self._check_room(session.path, contents)
            section = closing.enter_context(ntipc.Section.create(CORPUS, contents.size, session=session))
            corpora.fill(section, contents)
            corpus = closing.enter_context(Corpus(section))
            self._index = self._make_index(session, contents, closing)
            self._board = closing.enter_context(Board(session))
            totals = self._index_together()
            started = time.perf_counter()
            expected = index_alone(corpus.texts())
            self.outcome.alone_seconds = time.perf_counter() - started
            self._conclude(corpus, totals, expected)
        return self.outcome

    @staticmethod
    def _check_room(directory: str, contents: corpora.Plan) -> None:
        """The index is sparse: ask for room now, because a full file system would be found out too late."""
        needed = contents.size + contents.size // 4 + SMALL_THINGS
        file_system = os.statvfs(directory)
        free = file_system.f_bavail * file_system.f_frsize
        if free < needed:
            raise DemoFailed(
                f"needs about {needed >> 20} MiB of shared memory, {os.path.dirname(directory)} has {free >> 20} MiB"
                " free: give a smaller --input, or another directory in NTIPC_DIR"
            )

    def _make_index(self, session: ntipc.Session, contents: corpora.Plan, closing: ExitStack) -> Index:
        workers = self.outcome.workers + REPLACEMENTS
        total = sum(contents.lengths)
        layout = Layout.for_corpus(len(contents.files), workers, total, max(contents.lengths))
        section = ntipc.Section.create(INDEX, layout.size(total), reserve=True, session=session)
        index = closing.enter_context(Index(closing.enter_context(section), layout))
        index.header[Header.KILL_AFTER] = len(contents.files) // 2
        self.outcome.files, self.outcome.bytes = len(contents.files), total
        return index

    # The workers' pass.

    def _index_together(self) -> Totals:
        board = self._board
        board.coordinator.acquire()
        try:
            for number in range(1, self.outcome.workers + 1):
                self._start(number)
            self._await_ready()
            board.todo.release(self.outcome.files)
            started = time.perf_counter()
            board.go.set()
            self._watch()
            self.outcome.together_seconds = time.perf_counter() - started
        finally:
            self._end_workers()
        return self._index.totals()

    def _start(self, number: int) -> None:
        command = [sys.executable, "-m", "ntipc.demo.worker", self._name, str(number)]
        # A process group of its own: Ctrl-C is for the coordinator, which then tells the workers to stop.
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0)
        self._members.append(Member(number, process))

    def _await_ready(self) -> None:
        deadline = time.monotonic() + PATIENCE
        for _ in self._members:
            while not self._board.ready.acquire(timeout=0.1):
                self._report("starting the workers")
                for member in self._members:
                    if (status := member.process.poll()) is not None:
                        raise DemoFailed(f"worker {member.number} did not start: it ended with status {status}")
                if time.monotonic() > deadline:
                    raise DemoFailed(f"the workers did not start within {PATIENCE:.0f} seconds")

    def _watch(self) -> None:
        header = self._index.header
        while header[Header.DONE] < header[Header.FILES]:
            signaled = ntipc.wait_any((self._board.finished, self._board.inside), 0.1)
            if signaled is not None and signaled.object is self._board.inside:
                self._kill(header[Header.VICTIM])
            self._look_after_the_dead()
            self._report(self._note())

    def _kill(self, number: int) -> None:
        """Kill the worker that stands inside the mutex with half of a file's identifiers written."""
        member = self._members[number - 1]
        owner = self._board.turn.info()["owner_pid"]
        self._killed_at = time.monotonic_ns()
        os.kill(member.process.pid, signal.SIGKILL)
        member.process.wait()
        member.killed = member.settled = True
        self.outcome.killed_pid = member.process.pid
        self.outcome.killed_inside = owner == member.process.pid
        # Nobody may be waiting for the mutex just now: one unit too many makes somebody go and look.
        self._board.todo.release()

    def _look_after_the_dead(self) -> None:
        for member in self._members:
            if not member.settled and (status := member.process.poll()) is not None:
                self.outcome.deaths.append(f"worker {member.number} (pid {member.process.pid}) ended with {status}")
                self._settle(member)
        if all(member.process.poll() is not None for member in self._members):
            if len(self._members) == self.outcome.workers + REPLACEMENTS:
                raise DemoFailed("every worker died: " + "; ".join(self.outcome.deaths))
            self._start(len(self._members) + 1)

    def _settle(self, member: Member) -> None:
        """Give back what a worker had that died without being asked to."""
        turn, index = self._board.turn, self._index
        if not turn.acquire(timeout=PATIENCE):
            raise DemoFailed(f"the index's mutex was not free for {PATIENCE:.0f} seconds")
        if turn.abandoned:
            index.repair()
        index.give_back_files_of(member.number)
        missing = index.waiting_files() - self._board.todo.count
        turn.release()
        if missing > 0:
            self._board.todo.release(missing)
        member.settled = True

    def _end_workers(self) -> None:
        self._board.stop.set()
        for member in self._members:
            try:
                member.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                member.process.kill()
                member.process.wait()
                self.outcome.deaths.append(f"worker {member.number} did not end when told to")

    # Words and figures.

    def _report(self, note: str) -> None:
        files_done = tuple((member, self._index.worker(member.number, WorkerField.FILES)) for member in self._members)
        header = self._index.header
        self._show(Progress(header[Header.DONE], header[Header.FILES], files_done, note))

    def _note(self) -> str:
        if not self._killed_at:
            return "counting"
        if not self._index.header[Header.REPAIRED_AT]:
            return "a worker was killed inside the mutex"
        return "the survivors were told, have repaired the index, and go on"

    def _conclude(self, corpus: Corpus, totals: Totals, expected: Totals) -> None:
        outcome, header, numbers = self.outcome, self._index.header, range(1, len(self._members) + 1)
        outcome.identical = totals == expected
        outcome.identifiers = sum(count for count, _ in totals.values())
        outcome.distinct = len(totals)
        outcome.waits = sum(self._index.worker(number, WorkerField.WAITS) for number in numbers)
        outcome.hand_offs = header[Header.HAND_OFFS]
        outcome.abandonments = header[Header.ABANDONED]
        outcome.told_seconds = (header[Header.TOLD_AT] - self._killed_at) / 1e9
        outcome.repair_seconds = (header[Header.REPAIRED_AT] - header[Header.TOLD_AT]) / 1e9
        outcome.done_again = [corpus.name(file) for file in self._index.files_done_again()]
