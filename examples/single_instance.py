"""Run only once: a second copy finds the first one's mutex, asks it to show itself, and ends.

The mutex goes with its owner, however that one ends, so nothing stale can keep the program from starting.
"""

import subprocess
import sys

import ntipc

NAME = "example single instance"


def main() -> int:
    """Be the first copy or the second."""
    with ntipc.Event(f"{NAME}: show yourself") as show_yourself:
        only_one = ntipc.Mutex(NAME, initial_owner=True)
        if not only_one.created:
            print("second copy: it runs already, I ask it to show itself")
            show_yourself.set()
            return 0
        print("first copy: running")
        second = subprocess.Popen([sys.executable, __file__])  # so that there is something to see
        if show_yourself.wait(30):
            print("first copy: here I am")
        only_one.release()
        return second.wait()


if __name__ == "__main__":
    sys.exit(main())
