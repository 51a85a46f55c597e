"""``ntipc doctor``: is the memory of a session as it should be?"""

import argparse
import json

from ntipc.cli.words import complain, printable

HEALTHY = 0
FINDINGS = 1
CANNOT_LOOK = 2

DESCRIPTION = """
Check the memory of a session: lists, counts, names, handles, owners, sleepers, files. What is wrong is printed in one
sentence each. Nothing is repaired. Exit status: 0 healthy; 1 something is wrong; 2 it could not be looked at.
"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = commands.add_parser("doctor", help="check that a session's memory is whole", description=DESCRIPTION)
    parser.add_argument(
        "session",
        nargs="?",
        metavar="SESSION",
        help="its name or its directory (default: NTIPC_SESSION, or else `default`)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of sentences")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Examine one session and tell."""
    import ntipc

    try:
        report = ntipc.examine(arguments.session)
    except FileNotFoundError:
        where = f"session {arguments.session}" if arguments.session else "this session"
        complain(f"nobody is in {where}: nothing to look at", "`ntipc ls --all` shows the sessions there are")
        return CANNOT_LOOK
    except (ntipc.NtError, ValueError, OSError) as error:
        complain(str(error))
        return CANNOT_LOOK
    if arguments.json:
        print(json.dumps(report, indent=2))
    else:
        for finding in report["findings"]:
            print(printable(finding["text"]))
        if report["note"]:
            complain(report["note"])
        if not report["findings"]:
            print(f"{report['path']}: healthy")
    return FINDINGS if report["findings"] else HEALTHY
