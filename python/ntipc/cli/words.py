"""How the command speaks to a person: on standard error, one line, beginning with the program's name."""

import sys

DONE = 0
FAILED = 1
USAGE = 2
INTERRUPTED = 130


def complain(message: str, hint: str = "") -> None:
    """Say what is wrong and, after an empty line, what can be done."""
    print(f"ntipc: {message}", file=sys.stderr)
    if hint:
        print(f"\nhint: {hint}", file=sys.stderr)
