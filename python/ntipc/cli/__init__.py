"""The ``ntipc`` command. Data goes to standard output, words go to standard error.

Exit status: 0 done; 1 it could not be done; 2 wrong use or unusable input; 130 stopped by Ctrl-C. `doctor` has meanings
of its own: 0 healthy, 1 something is wrong, 2 could not look.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from ntipc.cli import clean, demo, doctor, log, ls, mailslot, pipe, port_check, rpc, run, session, stubs, watch
from ntipc.cli.words import DONE, INTERRUPTED, complain

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with these arguments (default: the program's own) and return its exit status."""
    try:
        arguments = _parser().parse_args(argv)
    except SystemExit as end:  # argparse has said what is wrong, or has shown the help
        return end.code if isinstance(end.code, int) else 2
    try:
        status: int = arguments.run(arguments)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        complain("stopped")
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that the flush at exit is silent too
        return DONE  # the reader of our output has enough of it


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
