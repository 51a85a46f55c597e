"""How the command speaks to a person: on standard error, one line, beginning with the program's name."""

import argparse
import math
import sys

DONE = 0
FAILED = 1
USAGE = 2
INTERRUPTED = 130

TEXT = "\t\n"  # the control characters of a text of several lines


class Intermixed(argparse.ArgumentParser):
    """Takes options between the words as well: ``NAME --timeout 3 TEXT``."""

    _within = False

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]
        """As its parent's, which goes over the words and over the options by this same method."""
        if self._within:
            return super().parse_known_args(args, namespace)
        self._within = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._within = False


def printable(text: str, keep: str = "\t") -> str:
    r"""The text with escapes for what would steer a terminal: control characters, marks that turn the direction.

    Args:
        text: What another program has chosen, such as a name.
        keep: Control characters that stay as they are.

    >>> printable("two\nlines\t\x1b[2J")
    'two\\nlines\t\\x1b[2J'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else c.encode("unicode_escape").decode() for c in text)


def complain(message: str, hint: str = "") -> None:
    """Say what is wrong and, after an empty line, what can be done."""
    print(f"ntipc: {printable(message, TEXT)}", file=sys.stderr)
    if hint:
        print(f"\nhint: {hint}", file=sys.stderr)


def failed(error: Exception) -> int:
    """Say what went wrong; the exit status: that of wrong use for what was given and cannot be used."""
    complain(str(error))
    return USAGE if isinstance(error, ValueError) else FAILED


def seconds(text: str) -> float:
    """Read a time from the command line.

    >>> seconds("0.5")
    0.5
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if math.isnan(value):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return value


def positive(text: str) -> int:
    """Read a number from the command line that is at least 1.

    >>> positive("3")
    3
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)
