"""Take the lines that examples/producer.py sends. `python examples/consumer.py --demo` starts the producer, too."""

import argparse
import struct
import subprocess
import sys
from pathlib import Path

import ntipc

PLACES = 8
PLACE = struct.Struct("I60s")  # length, text
PATIENCE = 5.0
"""Seconds to wait for the other program."""


def consume(patience: float) -> list[str] | None:
    """Take lines until there are no more. None if none came in time."""
    lines: list[str] = []
    with (
        ntipc.Section("example belt", PLACES * PLACE.size) as belt,
        ntipc.Event("example no more", manual_reset=True) as no_more,
        ntipc.Event("example all taken") as all_taken,
        belt.map() as view,
        memoryview(view) as memory,
    ):
        free = ntipc.Semaphore("example free places", initial=PLACES)
        filled = ntipc.Semaphore("example filled places", initial=0)
        # The lowest index wins: "no more" counts only once no place is filled.
        while signaled := ntipc.wait_any((filled, no_more), patience):
            if signaled.object is no_more:
                all_taken.set()
                return lines
            length, text = PLACE.unpack_from(memory, len(lines) % PLACES * PLACE.size)
            lines.append(text[:length].decode())
            free.release()
    return None


def main() -> int:
    """Take all lines and check that they are in order."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demo", action="store_true", help="start the producer, too")
    demo = parser.parse_args().demo
    producer = subprocess.Popen([sys.executable, Path(__file__).with_name("producer.py")]) if demo else None
    lines = consume(6 * PATIENCE if demo else PATIENCE)
    if lines is None:
        print("consumer: nothing comes; start examples/producer.py in another terminal")
        return 1 if demo else 0
    print(f"consumer: took {len(lines)} lines, from {lines[0]!r} to {lines[-1]!r}")
    if lines != [f"line {number}" for number in range(len(lines))]:
        return 1
    return producer.wait() if producer else 0


if __name__ == "__main__":
    sys.exit(main())
