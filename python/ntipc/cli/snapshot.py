"""Read what is in a session, and what the processes in it are called, without taking part in it."""

import os
from pathlib import Path
from typing import Any

import ntipc
from ntipc.cli.ports import ports_among
from ntipc.session.peers import can_ask

Snapshot = dict[str, Any]
LONGEST_COMMAND = 60


def read(path: str) -> Snapshot:
    """Everything about one session. Takes no lock and changes nothing.

    Raises:
        NtError: the session's memory cannot be read or is damaged.
    """
    snapshot = ntipc.inspect(path)
    ours = can_ask()
    for process in snapshot["processes"]:
        process["command"] = command_of(process["pid"]) if ours and process["pid"] else ""
    snapshot["ports"] = [port.facts for port in ports_among(snapshot["objects"])]
    return snapshot


def sessions_below(base: str) -> list[str]:
    """The directories of all sessions that this user may look into."""
    try:
        names = sorted(entry.name for entry in os.scandir(base) if entry.name.startswith("ntipc-"))
    except OSError:
        return []
    paths = [os.path.join(base, name) for name in names]
    return [path for path in paths if os.path.isdir(path) and os.access(path, os.R_OK | os.X_OK)]


def command_of(pid: int) -> str:
    """What a person would call a process: its program and the script or module that it runs."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except OSError:
        return ""
    texts = [word.decode(errors="replace") for word in words]
    command = " ".join([os.path.basename(texts[0]), *_telling(texts[1:])])
    return command if len(command) <= LONGEST_COMMAND else command[: LONGEST_COMMAND - 1] + "…"


def short(command: str) -> str:
    """The shortest name for what :func:`command_of` said: the script, the module or the program."""
    words = command.split(" ")
    if len(words) > 1 and words[1] == "-c":
        return words[0]
    return words[-1]


def _telling(arguments: list[str]) -> list[str]:
    """The first argument that says what is run, with the option before it that makes it a module or a piece of code."""
    for place, argument in enumerate(arguments):
        if argument in ("-m", "-c"):
            lines = "".join(arguments[place + 1 : place + 2]).split("\n")
            return [argument, *[line.strip() for line in lines if line.strip()][:1]]
        if not argument.startswith("-"):
            return [os.path.basename(argument)]
    return []
