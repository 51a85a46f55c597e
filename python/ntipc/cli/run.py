"""``ntipc run``: run a program that was written for Windows."""

import argparse
import os

from ntipc.cli.words import FAILED, complain

RUN = """
Run a Python program written for Windows, with pywin32's modules importable by their own names for the program's own
modules. Python processes that it starts have them, too. The exit status is the program's.
"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "run",
        help="run a program that uses pywin32",
        description=RUN,
        usage="ntipc run [--session NAME] [--package NAME] [--list-imports] PROGRAM [ARGUMENT ...]",
    )
    parser.add_argument("--session", metavar="NAME", help="the session (default: NTIPC_SESSION, or else `default`)")
    parser.add_argument(
        "--package", metavar="NAME", action="append", default=[], help="an installed package written for Windows"
    )
    parser.add_argument(
        "--list-imports", action="store_true", help="tell at the end which modules have been given what"
    )
    parser.add_argument("program", metavar="PROGRAM", help="the program's file")
    parser.add_argument("arguments", metavar="ARGUMENT", nargs=argparse.REMAINDER, help="its arguments")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the program; it ends as it ends."""
    from ntipc.win32.hook.running import run_to_the_end

    if arguments.session:
        os.environ["NTIPC_SESSION"] = arguments.session
    if arguments.list_imports:
        import atexit

        atexit.register(_list_imports)
    try:
        run_to_the_end(arguments.program, arguments.arguments, packages=arguments.package)
    except OSError as problem:
        complain(f"cannot read {arguments.program}: {problem.strerror}")
        return FAILED
    return 0


def _list_imports() -> None:
    import sys

    from ntipc import win32

    for importer, names in win32.given().items():
        print(f"ntipc: {importer} was given {', '.join(names)}", file=sys.stderr)
