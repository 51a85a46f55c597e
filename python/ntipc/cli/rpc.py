"""``ntipc rpc``: the services of a session, what they offer, and calls of them from a shell."""

import argparse
import json
import sys
from typing import Any

from ntipc.cli.words import DONE, FAILED, TEXT, USAGE, Intermixed, complain, failed, printable, seconds

RPC = """
See which services the processes of a session offer, and call their methods from a shell.
"""
LIST = """
List the services of a session whose processes live: the list is read from the session's memory, and asks nobody.
"""
DESCRIBE = """
Show the methods of a service, with their types and documentation.
"""
CALL = """
Call a method of a service, and print the result as JSON. The arguments are JSON: a list of them, an object with their
names, or `-` to read either from standard input. Bytes are base64, arrays lists, times ISO 8601. Items of a stream are
printed together, as a list. Exit status: 0 done; 1 the method raised, or the service is not there; 2 wrong arguments.
"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the commands."""
    parser = commands.add_parser("rpc", help="list services, describe them, call their methods", description=RPC)
    inner = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Intermixed)
    listing = inner.add_parser("list", help="list the services there are", description=LIST)
    describe = inner.add_parser("describe", help="show the methods of a service", description=DESCRIBE)
    call = inner.add_parser("call", help="call a method", description=CALL)
    for each in describe, call:
        each.add_argument("name", metavar="NAME", help="the service")
    call.add_argument("method", metavar="METHOD", help="the method's name")
    call.add_argument("arguments", metavar="JSON", nargs="?", default="[]", help="the arguments (default: none)")
    for each in listing, describe:
        each.add_argument("--json", action="store_true", help="print JSON")
    for each in describe, call:
        each.add_argument(
            "--timeout", type=seconds, default=None, metavar="SECONDS", help="how long to wait for an answer"
        )
        each.add_argument(
            "--wait", type=seconds, default=0, metavar="SECONDS", help="how long to wait for the service (default: 0)"
        )
    for each in listing, describe, call:
        each.add_argument("--session", metavar="NAME", help="the session (default: NTIPC_SESSION, or else `default`)")
    listing.set_defaults(run=run_list)
    describe.set_defaults(run=run_describe)
    call.set_defaults(run=run_call)


def run_list(arguments: argparse.Namespace) -> int:
    """List the services."""
    import ntipc
    from ntipc import rpc
    from ntipc.cli.output import console_for_data, print_table

    try:
        found = rpc.services(arguments.session)
    except (ntipc.NtError, ValueError) as error:
        return failed(error)
    if arguments.json:
        print(json.dumps([service._asdict() for service in found], indent=2))
    elif found:
        titles = "service", "process", "interface", "version", "methods"
        print_table(console_for_data(), titles, [_row(service) for service in found])
    else:
        complain("there are no services in this session")
    return DONE


def _row(service: Any) -> tuple[str, ...]:
    version = "" if service.version is None else str(service.version)
    return service.name, str(service.pid), service.interface, version, str(service.methods)


def run_describe(arguments: argparse.Namespace) -> int:
    """Show the methods of a service."""
    import ntipc
    from ntipc.rpc.shell import ShellClient

    try:
        with ShellClient(arguments.name, arguments.wait, arguments.session) as client:
            described = client.describe(arguments.timeout)
    except (ntipc.NtError, ValueError) as error:
        return failed(error)
    if arguments.json:
        print(json.dumps(described, indent=2))
        return DONE
    version = "" if described["version"] is None else f", version {described['version']}"
    print(printable(f"{described['name']}: {described['interface']}{version}, process {described['pid']}"))
    _print_indented(described["doc"], 4)
    for method in described["methods"]:
        marks = "  (one way)" if method["one_way"] else ""
        print(f"\n  {printable(method['signature'])}{marks}")
        _print_indented(method["doc"], 6)
    return DONE


def _print_indented(text: str, columns: int) -> None:
    for line in text.splitlines():
        print(" " * columns + printable(line) if line else "")


def run_call(arguments: argparse.Namespace) -> int:
    """Call a method and print its result."""
    import ntipc
    from ntipc import rpc
    from ntipc.rpc.shell import ShellClient

    text = sys.stdin.read() if arguments.arguments == "-" else arguments.arguments
    try:
        given = json.loads(text)
    except (RecursionError, ValueError) as error:
        complain(f"the arguments are no JSON: {error}", 'a list, such as [1, "two"], or an object with their names')
        return USAGE
    if not isinstance(given, (list, dict)):
        complain(f"the arguments must be a list or an object of JSON, not {text}", f"for one argument: [{text}]")
        return USAGE
    try:
        with ShellClient(arguments.name, arguments.wait, arguments.session) as client:
            result = client.call(arguments.method, text, arguments.timeout)
    except (ntipc.NtError, ValueError) as error:
        return failed(error)
    except Exception as error:
        name = "" if isinstance(error, rpc.RemoteError) else f"{type(error).__name__}: "  # its text has the name
        complain(f"{name}{error}")
        _print_notes(error)
        return FAILED
    print(result)
    return DONE


def _print_notes(error: BaseException) -> None:
    for note in getattr(error, "__notes__", ()):
        print(f"\n{printable(note, TEXT)}", file=sys.stderr)
