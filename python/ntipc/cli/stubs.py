"""``ntipc stubs``: type stubs for the modules of Windows."""

import argparse

from ntipc.cli.words import DONE, failed

STUBS = """
Write type stubs for win32event, win32file and the other modules that programs written for Windows import, for mypy and
others: `MYPYPATH=FOLDER mypy --platform win32 program.py`. The standard library's own stubs have Windows' side of it.
"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = commands.add_parser("stubs", help="write type stubs for the modules of Windows", description=STUBS)
    parser.add_argument("folder", metavar="FOLDER", help="where to write them")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write them."""
    from ntipc.win32.porting.stubs import write_stubs

    try:
        files = write_stubs(arguments.folder)
    except OSError as problem:
        return failed(problem)
    print(f"{len(files)} stubs in {arguments.folder}")
    return DONE
