"""Change words of a session's memory behind its back, found by what stands in them, not by the layout."""

import os
import struct
from pathlib import Path

WAITERS = 0x8000_0000
"""What a life word has set beside its holder's thread id, so that Linux wakes the thread that waits for the death."""
TABLES = 2 << 20
"""Header and process table lie within so many bytes."""


def helper_of(pid: int) -> int:
    """Thread id of a participant's helper, which holds its life words."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text().strip() == "ntipc-helper":
            return int(task.name)
    raise AssertionError(f"process {pid} has no helper thread")


def life_words(path: str, pid: int) -> list[int]:
    """Where the helper of that process stands in the arena: in the life word of the process, then in its bells."""
    wanted = struct.pack("=I", helper_of(pid) | WAITERS)
    with open(f"{path}/arena", "rb") as arena:
        memory = arena.read(TABLES)
    return [place for place in range(0, len(memory), 4) if memory[place : place + 4] == wanted]


def write(path: str, place: int, word: int) -> None:
    """Store one word, as any participant's stray pointer could."""
    descriptor = os.open(f"{path}/arena", os.O_WRONLY)
    try:
        os.pwrite(descriptor, struct.pack("=I", word), place)
    finally:
        os.close(descriptor)
