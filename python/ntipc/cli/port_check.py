"""``ntipc port-check``: which calls of Windows a program makes, and which of them are here."""

import argparse
import json
import sys

from ntipc.cli.words import DONE, FAILED, USAGE, complain, printable

PORT_CHECK = """
Read a Python program, or all of a folder, and list each call of Windows by file and line: those that ntipc.win32 has,
and those that it has not, with what to do instead. Exit status 0: all of them are here; 1: some are not.
"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "port-check", help="list a program's calls of Windows, and whether they are here", description=PORT_CHECK
    )
    parser.add_argument("path", metavar="PATH", help="a program, or the folder of a project")
    parser.add_argument("--missing", action="store_true", help="only what is not here")
    parser.add_argument("--json", action="store_true", help="one JSON object for each call")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check."""
    from ntipc.win32.porting import check_file, check_path

    counts = {True: 0, False: 0}
    unread = 0
    try:
        for file in check_path(arguments.path):
            try:
                findings = list(check_file(file))
            except (SyntaxError, ValueError) as problem:
                complain(f"{file} is no program of Python 3: {problem}")
                unread += 1
                continue
            for finding in findings:
                counts[finding.is_here] += 1
                if finding.is_here and arguments.missing:
                    continue
                if arguments.json:
                    print(json.dumps(finding._asdict()))
                else:
                    verdict = "here" if finding.is_here else f"not here; {finding.advice}"
                    print(printable(f"{finding.file}:{finding.line}: {finding.call}: {verdict}"))
    except OSError as problem:
        complain(f"cannot read {arguments.path}: {problem.strerror}")
        return FAILED
    sys.stdout.flush()
    if unread and not any(counts.values()):
        return USAGE
    if not arguments.json:
        print(f"{counts[True]} calls of Windows are here, {counts[False]} are not", file=sys.stderr)
    return FAILED if counts[False] else DONE
