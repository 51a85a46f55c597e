"""``ntipc log``: see the debug log, the lines that programs write with output_debug_string or by logging."""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING

from ntipc.cli.words import DONE, complain, failed, positive, printable

if TYPE_CHECKING:
    from ntipc.debuglog import Reader, Record

LOG = """
Print the lines of the debug log that are still there, and with --follow those that come, until stopped. Programs write
them by ntipc.output_debug_string, or by logging with an ntipc.debuglog.Handler. Nothing is kept while nobody follows.
"""
SIZES = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
COLOURS = (36, 32, 33, 35, 34, 31)
"""Of terminals, one for each process: cyan, green, yellow, magenta, blue, red."""

_Line = Callable[["Record"], str]


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "log", help="see the debug log: what programs write for whom it may concern", description=LOG
    )
    parser.add_argument("-f", "--follow", action="store_true", help="go on with the lines that come")
    parser.add_argument("--json", action="store_true", help="one JSON object for each line")
    parser.add_argument("--process", metavar="PID", type=positive, help="only the lines of this process")
    parser.add_argument("--count", metavar="N", type=positive, help="stop after so many lines")
    parser.add_argument("--to", metavar="FILE", help="append to a file instead of printing")
    parser.add_argument(
        "--rotate",
        metavar="SIZE",
        type=size,
        default=10 << 20,
        help="begin a new file at so many bytes, such as 500K (default: 10M; 0: never)",
    )
    parser.add_argument(
        "--keep", metavar="N", type=positive, default=5, help="so many older files FILE.1, FILE.2, ... (default: 5)"
    )
    parser.add_argument("--session", metavar="NAME", help="the session (default: NTIPC_SESSION, or else `default`)")
    parser.set_defaults(run=run)


def size(text: str) -> int:
    """Read a number of bytes from the command line.

    >>> size("0"), size("64K"), size("2M")
    (0, 65536, 2097152)
    """
    unit = text[-1:].upper()
    number = text[:-1] if unit in SIZES else text
    if not number.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of bytes, such as 500K or 10M")
    return int(number) * SIZES.get(unit, 1)


def run(arguments: argparse.Namespace) -> int:
    """Print the lines."""
    import ntipc

    try:
        session = ntipc.Session(arguments.session, create=arguments.follow)
        with (
            ntipc.debuglog.Reader(session=session, kept=True) as reader,
            _file(arguments) if arguments.to else nullcontext(partial(print, flush=True)) as write,
        ):
            _print(reader, arguments, write)
    except (ntipc.NtError, OSError, ValueError) as error:
        if isinstance(error, BrokenPipeError):
            raise
        return failed(error)
    return DONE


def _print(reader: "Reader", arguments: argparse.Namespace, write: Callable[[str], None]) -> None:
    shown = as_json if arguments.json else as_text(colour=not arguments.to and _has_colour())
    left, lost, timeout = arguments.count, 0, None if arguments.follow else 0
    while left is None or left > 0:
        line = reader.read(timeout)
        if reader.lost > lost:
            count, lost = reader.lost - lost, reader.lost
            if arguments.json:
                write(json.dumps({"lost": count}))
            else:
                complain(
                    f"{count} {'line was' if count == 1 else 'lines were'} lost: they came faster than they were read"
                )
        if line is None:
            return
        if arguments.process is None or line.pid == arguments.process:
            write(shown(line))
            left = None if left is None else left - 1


def as_json(line: "Record") -> str:
    """A line as a JSON object."""
    return json.dumps(line._asdict())


def as_text(*, colour: bool) -> _Line:
    """How a line is shown to a person: time, process, thread, text."""

    def shown(line: "Record") -> str:
        moment = time.strftime("%H:%M:%S", time.localtime(line.time)) + f".{int(line.time % 1 * 1e6):06}"
        whose = f"{'?' if line.pid is None else line.pid}:{'?' if line.tid is None else line.tid}"
        if colour:
            paint = COLOURS[(line.pid or 0) % len(COLOURS)]
            moment, whose = f"\x1b[2m{moment}\x1b[0m", f"\x1b[{paint}m{whose:<15}\x1b[0m"
        text = printable(line.text.removesuffix("\n"))
        return f"{moment}  {whose:<15}  {text}{' ...' if line.truncated else ''}"

    return shown


def _has_colour() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


@contextmanager
def _file(arguments: argparse.Namespace) -> Iterator[Callable[[str], None]]:
    """Write to a file, and begin a new one when it is large enough."""
    import logging
    from logging.handlers import RotatingFileHandler

    class _Lines(RotatingFileHandler):
        def handleError(self, record: logging.LogRecord) -> None:
            raise

    lines = _Lines(
        arguments.to, maxBytes=arguments.rotate, backupCount=arguments.keep, encoding="utf-8", errors="backslashreplace"
    )

    def write(text: str) -> None:
        lines.emit(logging.LogRecord("log", logging.INFO, "", 0, text, None, None))

    with closing(lines):
        yield write
