"""The ``ntipc`` command. Data goes to standard output, words go to standard error.

Exit status: 0 done; 1 it could not be done; 2 wrong use or unusable input; 130 stopped by Ctrl-C. `doctor` has meanings
of its own: 0 healthy, 1 something is wrong, 2 could not look.
"""

import argparse
import errno
import io
import os
import sys
from collections.abc import Sequence

from ntipc.cli import clean, demo, doctor, log, ls, mailslot, pipe, port_check, rpc, run, session, stubs, watch
from ntipc.cli.words import DONE, FAILED, INTERRUPTED, complain, failed
from ntipc.errors import NtError

__all__ = ["main"]

# What Linux says of an output that takes no more, or never did.
_UNWRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with these arguments (default: the program's own) and return its exit status."""
    try:
        arguments = _parser().parse_args(argv)
    except SystemExit as end:  # argparse has said what is wrong, or has shown the help
        return end.code if isinstance(end.code, int) else 2
    if arguments.run is not run.run:  # whose output is its program's
        _escape_what_cannot_be_encoded()
    try:
        status: int = arguments.run(arguments)
        if sys.stdout is not None:
            sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        complain("stopped")
        return INTERRUPTED
    except NtError as error:
        return failed(error)
    except BrokenPipeError:
        _discard_output()
        return DONE  # the reader of our output has enough of it
    except OSError as error:
        if error.errno not in _UNWRITABLE or error.filename is not None:
            raise
        _discard_output()
        complain(f"cannot write the output: {error.strerror}")
        return FAILED


def _escape_what_cannot_be_encoded() -> None:
    for stream in sys.stdout, sys.stderr:
        if isinstance(stream, io.TextIOWrapper):  # it is None if its descriptor was closed; print() then does nothing
            stream.reconfigure(errors="backslashreplace")


def _discard_output() -> None:
    """Let the interpreter's last flush, when it exits, go nowhere."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ntipc",
        description="Inter-process communication as Windows NT does it, between Python processes on Linux.",
        epilog="`ntipc COMMAND --help` tells more about a command.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and the layout of shared memory")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (ls, doctor, log, pipe, mailslot, rpc, watch, run, port_check, stubs, demo, session, clean):
        command.add_parser(commands)
    return parser


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        import ntipc
        from ntipc.session.inspection import LAYOUT

        print(f"ntipc {ntipc.__version__} (layout {LAYOUT})")
        parser.exit()
