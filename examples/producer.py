"""Send lines to examples/consumer.py through shared memory: the classic pair of semaphores.

Run it in one terminal and consumer.py in another, in any order; or `python examples/producer.py --demo`, which
starts the consumer itself.
"""

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


def produce(lines: list[str], patience: float) -> bool:
    """Put each line into the next free place. False if nobody made room in time."""
    with (
        ntipc.Section("example belt", PLACES * PLACE.size) as belt,
        ntipc.Event("example no more", manual_reset=True) as no_more,
        ntipc.Event("example all taken") as all_taken,
        belt.map() as view,
        memoryview(view) as memory,
    ):
        free = ntipc.Semaphore("example free places", initial=PLACES)
        filled = ntipc.Semaphore("example filled places", initial=0)
        for number, line in enumerate(lines):
            if not free.acquire(timeout=patience):
                return False
            text = line.encode()
            PLACE.pack_into(memory, number % PLACES * PLACE.size, len(text), text)
            filled.release()
        no_more.set()
        # The places live as long as somebody has them open: do not leave before the consumer has seen all.
        return all_taken.wait(patience)


def main() -> int:
    """Send a hundred lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demo", action="store_true", help="start the consumer, too")
    demo = parser.parse_args().demo
    consumer = subprocess.Popen([sys.executable, Path(__file__).with_name("consumer.py")]) if demo else None
    lines = [f"line {number}" for number in range(100)]
    if not produce(lines, 6 * PATIENCE if demo else PATIENCE):
        print("producer: nobody takes my lines; start examples/consumer.py in another terminal")
        return 1 if demo else 0
    print(f"producer: sent {len(lines)} lines")
    return consumer.wait() if consumer else 0


if __name__ == "__main__":
    sys.exit(main())
