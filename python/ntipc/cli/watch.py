"""``ntipc watch``: see live what happens in programs: starts and ends, uncaught exceptions, fatal signals."""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, TextIO

from ntipc.cli.words import DONE, USAGE, complain, failed, printable

if TYPE_CHECKING:
    import ntipc

WATCH = """
Print what happens in programs that call ntipc.watch(NAME), until stopped. With -- and a program, run the program and
print on standard error what happens in it: a Python script reports from its first line on, any other program only its
end. The exit status is then the program's.
"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "watch",
        help="see what happens in programs: exceptions, fatal signals, ends",
        description=WATCH,
        usage="ntipc watch [--json] [--session NAME] (NAME | -- PROGRAM [ARGUMENT ...])",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object for each event")
    parser.add_argument("--session", metavar="NAME", help="the session (default: NTIPC_SESSION, or else `default`)")
    parser.add_argument("words", metavar="NAME | -- PROGRAM", nargs=argparse.REMAINDER, help="what to watch")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Watch."""
    import ntipc

    words = arguments.words
    # Some versions of argparse keep the two dashes, others do not.
    is_program = words[:1] == ["--"] or len(words) > 1 or "--" in sys.argv[1:]
    words = words[1:] if words[:1] == ["--"] else words
    if not words:
        complain("nothing to watch", "ntipc watch NAME, or ntipc watch -- PROGRAM")
        return USAGE
    try:
        watcher = ntipc.Watcher(f"watch-{os.getpid()}" if is_program else words[0], session=arguments.session)
    except (ntipc.NtError, ValueError) as error:
        return failed(error)
    with watcher:
        if is_program:
            return watch_program(watcher, words, arguments)
        for event in watcher.events():
            show(event, arguments.json, sys.stdout)
        return DONE


def watch_program(watcher: "ntipc.Watcher", words: list[str], arguments: argparse.Namespace) -> int:
    """Run a program, and print what it reports until it has ended."""
    import ntipc

    script = next((word for word in words[:2] if word.endswith(".py")), None)
    command = list(words)
    if script is not None:
        rest = words[words.index(script) :]
        command = [sys.executable, "-m", "ntipc.watching", watcher.name, *rest]
    environment = dict(os.environ)
    if arguments.session:
        environment["NTIPC_SESSION"] = arguments.session
    try:
        process = subprocess.Popen(command, env=environment)
    except OSError as error:
        return failed(error)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it goes to the program, whose end is the end
    over = False
    while not over:
        over = process.poll() is not None  # before the last look
        for event in watcher.events(timeout=0.2 if over else 0.05):
            if (event.kind, event.pid) != ("process-end", process.pid):  # said better below
                show(event, arguments.json, sys.stderr)
    code = process.returncode
    ended = f"ended by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
    show(ntipc.WatchEvent("process-end", process.pid, text=ended, time=time.time()), arguments.json, sys.stderr)
    return 128 - code if code < 0 else code


def show(event: "ntipc.WatchEvent", as_json: bool, output: TextIO) -> None:
    """Print one event."""
    if as_json:
        print(json.dumps(asdict(event)), file=output, flush=True)
        return
    moment = time.strftime("%H:%M:%S", time.localtime(event.time)) + f".{int(event.time * 1000) % 1000:03}"
    whose = printable(f"{event.pid} {event.thread}".strip())
    lines = [printable(line) for line in event.text.rstrip().splitlines()] or [""]
    is_traceback = event.kind in ("exception", "fatal")
    summary = lines[-1 if event.kind == "exception" else 0]
    print(f"{moment}  {whose:<24} {event.kind}  {summary}".rstrip(), file=output, flush=True)
    for line in lines if is_traceback else ():
        print(f"              | {line}".rstrip(), file=output, flush=True)
