"""``ntipc clean``: remove the sessions whose processes are all dead."""

import argparse
import json
import os
from typing import TYPE_CHECKING

from ntipc.cli.words import DONE, FAILED, complain, failed

if TYPE_CHECKING:
    from ntipc.session.leftovers import Leftover

CLEAN = """
Remove what sessions left in which nobody takes part any more: their directories, and the memory of their sections. A
session in which anybody takes part is left alone. Each directory is printed, with what it occupied.
"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = commands.add_parser("clean", help="remove the sessions whose processes are all dead", description=CLEAN)
    parser.add_argument("--all", action="store_true", help="those of all users; for root")
    parser.add_argument("-n", "--dry-run", action="store_true", help="only tell what would be removed")
    parser.add_argument("--json", action="store_true", help="one JSON object for each directory")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Clean."""
    from ntipc.session.leftovers import clean

    if arguments.all and os.geteuid() != 0:
        complain("only root can remove the sessions of all users", "sudo ntipc clean --all")
        return FAILED
    try:
        found = clean(everybody=arguments.all, dry_run=arguments.dry_run)
    except OSError as error:
        return failed(error)
    for leftover in found:
        if leftover.problem:
            complain(leftover.problem)
        else:
            print(json.dumps(leftover._asdict()) if arguments.json else _sentence(leftover, arguments.dry_run))
    if not found and not arguments.json:
        print("nothing is left of the dead")
    return FAILED if any(leftover.problem for leftover in found) else DONE


def _sentence(leftover: "Leftover", dry_run: bool) -> str:
    return f"{'would remove' if dry_run else 'removed'} {leftover.path}: {size_of(leftover.bytes)}"


def size_of(count: int) -> str:
    """Say a number of bytes.

    >>> size_of(0), size_of(2048), size_of(3 << 20)
    ('0 KiB', '2 KiB', '3.0 MiB')
    """
    return f"{count / 1024:.0f} KiB" if count < 1 << 20 else f"{count / (1 << 20):,.1f} MiB"
