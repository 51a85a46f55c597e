"""``ntipc pipe``: talk to the server of a pipe from a shell."""

import argparse
import os
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from ntipc.cli.words import DONE, USAGE, Intermixed, complain, failed, seconds

if TYPE_CHECKING:
    import ntipc

CAT = """
Connect to a pipe. To one of message type, each TEXT, or without any each line of standard input, is sent as a message,
and the answer to it is printed as a line. To one of byte type, standard input is written as it comes, and what comes
back is printed as it is. What a pipe of the server's alone says is printed until the server has no more.
"""
_QUIET = 1.0


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the commands."""
    parser = commands.add_parser("pipe", help="talk to the server of a named pipe")
    inner = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Intermixed)
    cat = inner.add_parser("cat", help="send to a pipe, and print what comes back", description=CAT)
    cat.add_argument("name", metavar="NAME", help=r"the pipe: x or \\.\pipe\x")
    cat.add_argument("text", metavar="TEXT", nargs="*", default=[], help="what to send (default: standard input)")
    cat.add_argument("--whole", action="store_true", help="all of standard input is one message")
    cat.add_argument("--no-answer", action="store_true", help="only send: wait until it is read, not for answers")
    cat.add_argument("--raw", action="store_true", help="print messages as they are, and nothing between them")
    cat.add_argument(
        "--timeout", type=seconds, metavar="SECONDS", help="how long to wait for the server, and for each answer"
    )
    cat.add_argument("--session", metavar="NAME", help="the session (default: NTIPC_SESSION, or else `default`)")
    cat.set_defaults(run=run_cat)


def run_cat(arguments: argparse.Namespace) -> int:
    """Talk to the server until there is no more to send, or the server has gone."""
    import ntipc

    try:
        client = ntipc.PipeClient(arguments.name, timeout=arguments.timeout, session=arguments.session)
    except (ntipc.NtError, ValueError) as error:
        return failed(error)
    with client:
        if arguments.text and client.info()["direction"] == "outbound":
            complain(f"the server of {arguments.name} only speaks: it takes no TEXT")
            return USAGE
        try:
            _talk(client, arguments)
        except (ntipc.NtError, ValueError) as error:
            return failed(error)
    return DONE


def _talk(client: "ntipc.Pipe", arguments: argparse.Namespace) -> None:
    import ntipc

    direction = client.info()["direction"]
    if direction == "outbound":
        for message in client:
            _show(message, raw=arguments.raw or client.mode == "byte")
    elif direction == "inbound" or arguments.no_answer:
        for data in _to_send(client, arguments):
            client.send(data, arguments.timeout)
        client.flush(arguments.timeout)
    elif client.mode == "message":
        for data in _to_send(client, arguments):
            client.send(data, arguments.timeout)
            _show(client.recv(arguments.timeout), raw=arguments.raw)
    else:
        sender = threading.Thread(target=_send_all, args=(client, arguments), daemon=True)
        sender.start()
        try:
            while True:
                try:
                    _show(client.recv(timeout=_QUIET), raw=True)
                except ntipc.Timeout:  # a stream has no end but this one, for the server does not learn of ours
                    if not sender.is_alive():
                        return
        except EOFError:
            return


def _send_all(client: "ntipc.Pipe", arguments: argparse.Namespace) -> None:
    import ntipc

    try:
        for data in _to_send(client, arguments):
            client.send(data)
        client.flush()
    except ntipc.NtError:
        pass  # the server has gone, which the reading side says


def _to_send(client: "ntipc.Pipe", arguments: argparse.Namespace) -> Iterator[bytes]:
    source = sys.stdin.buffer
    if arguments.text:
        end = b"" if client.type == "message" else b"\n"
        yield from (text.encode(errors="surrogateescape") + end for text in arguments.text)
    elif arguments.whole:
        yield b"".join(_pieces(source))
    elif client.type == "message":
        yield from (line.removesuffix(b"\n") for line in source)
    else:
        yield from _pieces(source)


def _pieces(source: BinaryIO) -> Iterator[bytes]:
    # Without the buffer of `source`: a thread that still read from it would abort Python when the program ends.
    return iter(lambda: os.read(source.fileno(), 65_536), b"")


def _show(data: bytes, *, raw: bool) -> None:
    sys.stdout.buffer.write(data if raw else data + b"\n")
    sys.stdout.buffer.flush()
