"""The identifier index in shared memory, and how survivors repair it.

An index has *entries* (a total and the identifier's bytes), only ever appended, and *buckets*, an open-addressing hash
table that finds them. All of it is read and written under one mutex, so nothing here is atomic but the store of
one aligned word. A worker may be killed between any two stores; three marks tell what its death leaves behind.

Adding one file:

    A1 UPDATING = file | A2 find or append the entries | A3 save their totals in the journal | A4 JOURNAL = how many
    A5 write the new totals | A6 the file's state = done | A7 JOURNAL = 0, DONE += 1 | A8 UPDATING = 0

A6 is the moment that counts. A repair finds UPDATING set: with the state done, A5 was complete, and only A7 and A8
are made up for. Otherwise the saved totals are written back (harmless where A5 had not come yet) and the file waits
for another worker. Entries appended in vain stay, with the total 0, until the file is done again.

Appending one entry:

    E1 its bytes and their end | E2 ENTRIES += 1 | E3 a bucket points at it | E4 LINKED += 1

A repair that finds LINKED unlike ENTRIES rebuilds the buckets from the entries; growing them starts with LINKED = 0.
A repair may itself be killed: every step can be done twice.
"""

import time
from array import array
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self
from zlib import crc32

import ntipc
from ntipc.demo.identifiers import Totals
from ntipc.demo.layout import FIRST_BUCKETS, WORKER_WORDS, Header, Layout, WorkerField

FILES_SHIFT = 40
ONE_FILE = 1 << FILES_SHIFT
OCCURRENCES = ONE_FILE - 1
"""A total is one word, so one store changes it: occurrences in the low 40 bits, files in the others."""

WAITING = 0
DONE = 1 << 31
WORKER = DONE - 1
ONE_CLAIM = 1 << 32
"""A file's state is one word: the worker that has it, whether it is done, and from bit 32 on how often it was taken."""


class Index:
    """One process's view of the index. Every method but the counters needs the mutex."""

    def __init__(self, section: ntipc.Section, layout: Layout | None = None) -> None:
        self._view = section.map()
        self._memory = memoryview(self._view)
        self.header = self._area(0, Header.COUNT)
        if layout is not None:
            self.header[Header.FILES] = layout.files
            self.header[Header.WORKERS] = layout.workers
            self.header[Header.ENTRY_LIMIT] = layout.entry_limit
            self.header[Header.JOURNAL_LIMIT] = layout.journal_limit
            self.header[Header.BUCKETS] = FIRST_BUCKETS
        else:
            layout = Layout(*self.header[: Header.KILL_AFTER])
        self._workers = self._area(layout.workers_at, WORKER_WORDS * (layout.workers + 1))
        self._states = self._area(layout.states_at, layout.files)
        self._journal_slots = self._area(layout.journal_slots_at, layout.journal_limit)
        self._journal_totals = self._area(layout.journal_totals_at, layout.journal_limit)
        self._totals = self._area(layout.totals_at, layout.entry_limit)
        self._offsets = self._area(layout.offsets_at, layout.entry_limit + 1)
        self._buckets = self._area(layout.buckets_at, layout.bucket_limit, "I")
        self._heap = self._memory[layout.heap_at :]
        self._known: dict[bytes, int] = {}

    def _area(self, offset: int, words: int, code: str = "Q") -> memoryview:
        width = 8 if code == "Q" else 4
        return self._memory[offset : offset + width * words].cast(code)  # type: ignore[call-overload, no-any-return]

    # Files and who has them.

    def claim(self, worker: int) -> int | None:
        """Take the first file that waits, if one does."""
        for file in range(self.header[Header.CURSOR], self.header[Header.FILES]):
            state = self._states[file]
            if state & (WORKER | DONE) == WAITING:
                self._states[file] = (state | worker) + ONE_CLAIM
                self.header[Header.CURSOR] = file + 1
                return file
        return None

    def give_back(self, file: int) -> None:
        """Let a file wait again, that a worker took and will not finish."""
        self._states[file] &= ~(WORKER | DONE)
        self.header[Header.CURSOR] = min(self.header[Header.CURSOR], file)

    def give_back_files_of(self, worker: int) -> None:
        """Let all files wait again that a dead worker had taken."""
        for file, state in enumerate(self._states):
            if state & (WORKER | DONE) == worker:
                self.give_back(file)

    def waiting_files(self) -> int:
        """How many files wait for a worker."""
        return sum(state & (WORKER | DONE) == WAITING for state in self._states)

    def files_done_again(self) -> list[int]:
        """The files that more than one worker took."""
        return [file for file, state in enumerate(self._states) if state >= 2 * ONE_CLAIM]

    # The index itself.

    def add(
        self, worker: int, file: int, counts: Mapping[bytes, int], midway: Callable[[], None] | None = None
    ) -> None:
        """Add the identifiers of one file; ``midway`` is called when half of the totals are written."""
        header, totals = self.header, self._totals
        header[Header.UPDATING] = file + 1  # A1
        slots = [self._slot(name) for name in counts]  # A2
        saved = [totals[slot] for slot in slots]
        self._journal_slots[: len(slots)] = array("Q", slots)  # A3
        self._journal_totals[: len(slots)] = array("Q", saved)
        header[Header.JOURNAL] = len(slots)  # A4
        half = len(slots) // 2 if midway else -1
        for place, (slot, total, count) in enumerate(zip(slots, saved, counts.values(), strict=True)):
            if place == half and midway:
                midway()
            totals[slot] = total + ONE_FILE + count  # A5
        if not slots and midway:
            midway()
        self._states[file] |= DONE  # A6
        header[Header.JOURNAL] = 0  # A7
        header[Header.DONE] += 1
        header[Header.UPDATING] = 0  # A8
        self._workers[worker * WORKER_WORDS + WorkerField.FILES] += 1

    def repair(self) -> int | None:
        """Put right what a worker left half done; the file that must be done again, if there is one."""
        header = self.header
        header[Header.ABANDONED] += 1
        header[Header.TOLD_AT] = time.monotonic_ns()
        unfinished = None
        if header[Header.UPDATING]:
            file = header[Header.UPDATING] - 1
            if not self._states[file] & DONE:
                for place in range(header[Header.JOURNAL]):
                    self._totals[self._journal_slots[place]] = self._journal_totals[place]
                self.give_back(file)
                unfinished = file
            header[Header.JOURNAL] = 0
            if header[Header.LINKED] != header[Header.ENTRIES]:
                self._link_all(header[Header.BUCKETS])
            header[Header.DONE] = sum(bool(state & DONE) for state in self._states)
            header[Header.UPDATING] = 0
        header[Header.REPAIRED_AT] = time.monotonic_ns()
        return unfinished

    def totals(self) -> Totals:
        """Copy the whole index out."""
        return {
            self._name(slot): (total & OCCURRENCES, total >> FILES_SHIFT)
            for slot in range(self.header[Header.ENTRIES])
            if (total := self._totals[slot])
        }

    def _slot(self, name: bytes) -> int:
        """The entry of an identifier: remembered, found, or appended. Entries never move."""
        slot = self._known.get(name)
        if slot is None:
            slot = self._known[name] = self._find_or_append(name)
        return slot

    def _find_or_append(self, name: bytes) -> int:
        mask = self.header[Header.BUCKETS] - 1
        place = crc32(name) & mask
        while occupant := self._buckets[place]:
            if self._name(occupant - 1) == name:
                return occupant - 1
            place = (place + 1) & mask
        slot = self.header[Header.ENTRIES]
        start = self._offsets[slot]
        end = start + len(name)
        self._heap[start:end] = name  # E1
        self._offsets[slot + 1] = end
        self.header[Header.ENTRIES] = slot + 1  # E2
        self._buckets[place] = slot + 1  # E3
        self.header[Header.LINKED] += 1  # E4
        if 2 * (slot + 1) > mask:
            self._link_all(2 * (mask + 1))
        return slot

    def _name(self, slot: int) -> bytes:
        return bytes(self._heap[self._offsets[slot] : self._offsets[slot + 1]])

    def _link_all(self, buckets: int) -> None:
        """Rebuild the buckets, so many of them, from the entries."""
        self.header[Header.LINKED] = 0
        self.header[Header.BUCKETS] = buckets
        mask = buckets - 1
        fresh = array("I", bytes(4 * buckets))
        for slot in range(self.header[Header.ENTRIES]):
            place = crc32(self._name(slot)) & mask
            while fresh[place]:
                place = (place + 1) & mask
            fresh[place] = slot + 1
        self._buckets[:buckets] = fresh
        self.header[Header.LINKED] = self.header[Header.ENTRIES]

    # What the display reads, without the mutex: each is one word.

    def worker(self, number: int, field: WorkerField) -> int:
        """One number of one worker's row."""
        return self._workers[number * WORKER_WORDS + field]

    def note(self, worker: int, field: WorkerField, value: int) -> None:
        """Write one number of the own row."""
        self._workers[worker * WORKER_WORDS + field] = value

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        areas = (self.header, self._workers, self._states, self._journal_slots, self._journal_totals)
        for area in (*areas, self._totals, self._offsets, self._buckets, self._heap, self._memory):
            area.release()
        self._view.__exit__(kind, value, trace)
