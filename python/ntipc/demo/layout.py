"""Where things lie in the index's section.

Every area is an array of fixed-width words but the heap, which holds the identifiers' bytes. The areas have room for
the worst input of the corpus' size (every second byte begins a new identifier); the section is a sparse one, so only
what is used takes memory.
"""

from dataclasses import dataclass
from enum import IntEnum

ALIGNMENT = 4096
WORKER_WORDS = 4


class Header(IntEnum):
    """Words of the header. Protected by the index's mutex, unless it says otherwise."""

    FILES = 0  # fixed when the section is made, like the next four
    WORKERS = 1
    ENTRY_LIMIT = 2
    JOURNAL_LIMIT = 3
    KILL_AFTER = 4
    CURSOR = 5  # no file before this one waits for a worker
    DONE = 6  # files whose identifiers are in the index
    UPDATING = 7  # 1 + the file whose identifiers are being added now; 0: the index is at rest
    JOURNAL = 8  # totals saved in the journal
    ENTRIES = 9
    LINKED = 10  # entries that the buckets know
    BUCKETS = 11  # buckets in use, a power of two
    VICTIM = 12  # the worker that offered itself to be killed; 0: none yet
    LAST_OWNER = 13  # the worker that held the mutex last
    HAND_OFFS = 14  # times that the mutex passed to another worker
    ABANDONED = 15  # times that a worker was told that the mutex is abandoned
    TOLD_AT = 16  # when that was last, in nanoseconds of the monotonic clock
    REPAIRED_AT = 17
    COUNT = 18


class WorkerField(IntEnum):
    """Words of a worker's own row. Written by that worker alone."""

    PID = 0
    FILES = 1
    WAITS = 2  # times that it had to sleep: for a file to do, or for the mutex


@dataclass(frozen=True)
class Layout:
    """Offsets of the areas, in bytes, from the numbers that decide them."""

    files: int
    workers: int
    entry_limit: int
    journal_limit: int

    @classmethod
    def for_corpus(cls, files: int, workers: int, total_bytes: int, longest_file: int) -> "Layout":
        """The layout that is surely large enough."""
        return cls(files, workers, total_bytes // 2 + 1, longest_file // 2 + 1)

    @property
    def bucket_limit(self) -> int:
        return max(1 << (2 * self.entry_limit).bit_length(), FIRST_BUCKETS)

    @property
    def workers_at(self) -> int:
        return ALIGNMENT

    @property
    def states_at(self) -> int:
        return _aligned(self.workers_at + 8 * WORKER_WORDS * (self.workers + 1))

    @property
    def journal_slots_at(self) -> int:
        return _aligned(self.states_at + 8 * self.files)

    @property
    def journal_totals_at(self) -> int:
        return _aligned(self.journal_slots_at + 8 * self.journal_limit)

    @property
    def totals_at(self) -> int:
        return _aligned(self.journal_totals_at + 8 * self.journal_limit)

    @property
    def offsets_at(self) -> int:
        return _aligned(self.totals_at + 8 * self.entry_limit)

    @property
    def buckets_at(self) -> int:
        return _aligned(self.offsets_at + 8 * (self.entry_limit + 1))

    @property
    def heap_at(self) -> int:
        return _aligned(self.buckets_at + 4 * self.bucket_limit)

    def size(self, heap_size: int) -> int:
        return _aligned(self.heap_at + heap_size)


FIRST_BUCKETS = 1 << 12


def _aligned(offset: int) -> int:
    return -(-offset // ALIGNMENT) * ALIGNMENT
