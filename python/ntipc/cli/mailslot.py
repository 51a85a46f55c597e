"""``ntipc mailslot``: write to mailslots and read them from a shell."""

import argparse
import sys
from collections.abc import Iterator
from typing import BinaryIO

from ntipc.cli.words import DONE, FAILED, Intermixed, complain, failed, positive, seconds

WRITE = """
Write messages to a mailslot: each TEXT is one; without any, each line of standard input is. \\\\*\\mailslot\\NAME
writes to whatever mailslot has the name, be there one or none.
"""
READ = """
Make a mailslot and print what is written to it, a line a message, until stopped. It exists for as long as this command
runs.
"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the commands."""
    parser = commands.add_parser("mailslot", help="write to mailslots, and read them")
    inner = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Intermixed)
    write = inner.add_parser("write", help="write messages to a mailslot", description=WRITE)
    write.add_argument("name", metavar="NAME", help=r"the mailslot: x or \\.\mailslot\x")
    write.add_argument(
        "text", metavar="TEXT", nargs="*", default=[], help="a message (default: the lines of standard input)"
    )
    write.add_argument("--whole", action="store_true", help="all of standard input is one message, as it is")
    write.add_argument("--timeout", type=seconds, default=0, metavar="SECONDS", help="wait so long if it is full")
    read = inner.add_parser("read", help="make a mailslot and print its messages", description=READ)
    read.add_argument("name", metavar="NAME", help=r"the mailslot: x or \\.\mailslot\x")
    read.add_argument("--count", type=positive, metavar="N", help="stop after so many messages")
    read.add_argument("--timeout", type=seconds, metavar="SECONDS", help="stop if no message comes for so long")
    read.add_argument("--raw", action="store_true", help="print messages as they are, and nothing between them")
    for each in write, read:
        each.add_argument("--session", metavar="NAME", help="the session (default: NTIPC_SESSION, or else `default`)")
    write.set_defaults(run=run_write)
    read.set_defaults(run=run_read)


def run_write(arguments: argparse.Namespace) -> int:
    """Write the messages."""
    import ntipc

    try:
        client = ntipc.MailslotClient(arguments.name, session=arguments.session)
        for message in _messages(arguments, sys.stdin.buffer):
            client.write(message, arguments.timeout)
    except (ntipc.NtError, ValueError) as error:
        return failed(error)
    return DONE


def _messages(arguments: argparse.Namespace, source: BinaryIO) -> Iterator[bytes]:
    if arguments.text:
        yield from (text.encode(errors="surrogateescape") for text in arguments.text)
    elif arguments.whole:
        yield source.read()
    else:
        yield from (line.removesuffix(b"\n") for line in source)


def run_read(arguments: argparse.Namespace) -> int:
    """Print messages as they come."""
    import ntipc

    output, left = sys.stdout.buffer, arguments.count
    try:
        with ntipc.Mailslot(arguments.name, session=arguments.session) as slot:
            while left is None or left > 0:
                try:
                    message = slot.read(arguments.timeout)
                except ntipc.Timeout:
                    complain(f"no message for {arguments.timeout:g} s")
                    return FAILED
                output.write(message if arguments.raw else message + b"\n")
                output.flush()
                left = None if left is None else left - 1
    except BrokenPipeError:
        raise
    except (ntipc.NtError, ValueError) as error:
        return failed(error)
    return DONE
