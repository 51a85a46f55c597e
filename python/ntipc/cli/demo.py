"""``ntipc demo``: several processes build one index, one of them is killed, the result is right."""

import argparse
import json
import sysconfig
from pathlib import Path

from ntipc.cli.words import DONE, FAILED, USAGE, complain

DESCRIPTION = """
Several processes, started one by one and sharing nothing but names, count the identifiers of a tree of source
files into one index in shared memory. Half way, one of them is killed with SIGKILL while it holds the index's mutex
and has half of a file's identifiers written. The others notice, repair the index and finish. At the end the index is
compared with one that a single process has built. Exit status 0: the two are identical.
"""
DEFAULT_WORKERS = 4


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "demo", help="one job by several processes, one of them killed", description=DESCRIPTION
    )
    parser.add_argument("--input", metavar="DIR", type=Path, help="files to read (default: Python's standard library)")
    parser.add_argument("--pattern", metavar="GLOB", default="*.py", help="which files (default: %(default)s)")
    parser.add_argument(
        "--workers", metavar="N", type=_workers, default=DEFAULT_WORKERS, help="processes (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON instead of a table")
    parser.set_defaults(run=run)


def _workers(text: str) -> int:
    from ntipc.demo.coordinator import MAXIMUM_WORKERS

    try:
        number = int(text)
    except ValueError:
        number = 0
    if not 1 <= number <= MAXIMUM_WORKERS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of workers: give one from 1 to {MAXIMUM_WORKERS}")
    return number


def run(arguments: argparse.Namespace) -> int:
    """Run the job and show how it went."""
    from rich.console import Console

    import ntipc
    from ntipc.cli.output import console_for_data
    from ntipc.demo.coordinator import Coordinator, DemoFailed
    from ntipc.demo.identifiers import BadInput
    from ntipc.demo.report import LiveDisplay, as_json, table

    directory = arguments.input or Path(sysconfig.get_path("stdlib"))
    try:
        with LiveDisplay(Console(stderr=True)) as display:
            outcome = Coordinator(directory, arguments.workers, display.show).run(arguments.pattern)
    except BadInput as error:
        complain(str(error))
        return USAGE
    except (DemoFailed, ntipc.NtError) as error:
        complain(str(error))
        return FAILED
    if arguments.json:
        print(json.dumps(as_json(outcome), indent=2))
    else:
        console_for_data().print(table(outcome))
    for death in outcome.deaths:
        complain(f"{death}, unasked; the others did its work")
    if not outcome.right:
        complain("the result is WRONG: this is a defect of ntipc, please report it with the table above")
    return DONE if outcome.right else FAILED
