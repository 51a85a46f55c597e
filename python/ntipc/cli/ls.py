"""``ntipc ls``: the objects of a session, who holds them, who waits for them."""

import argparse
import json
from typing import TYPE_CHECKING, Any

from ntipc.cli.words import DONE, FAILED, complain, printable

if TYPE_CHECKING:
    from rich.console import Console

    from ntipc.cli.output import Cell
    from ntipc.cli.snapshot import Snapshot

DESCRIPTION = """
Show the objects of a session, their state, which process holds them and which thread waits for them. It reads
the session's memory and takes no part in it: no lock, no change, so it works beside anything, also after kills.
What it shows may be a moment old and, while others work, not all of the same moment.
"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = commands.add_parser("ls", help="show objects, holders and waiters of a session", description=DESCRIPTION)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--session", metavar="NAME", help="the session (default: NTIPC_SESSION, or else `default`)")
    which.add_argument("--all", action="store_true", help="every session that you may read")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Show one session, or all."""
    import ntipc
    from ntipc.cli import snapshot
    from ntipc.session.places import base_directory, session_path

    if arguments.all:
        paths = snapshot.sessions_below(base_directory())
    else:
        try:
            paths = [session_path(arguments.session)]
        except (ValueError, OSError) as error:
            complain(str(error))
            return FAILED
    status = DONE
    found = []
    for path in paths:
        try:
            found.append(snapshot.read(path))
        except FileNotFoundError:
            if not arguments.all:
                complain(f"no session at {path}: nobody is in it", "`ntipc ls --all` shows the sessions there are")
                return FAILED
        except (ntipc.NtError, OSError) as error:
            complain(str(error))
            status = FAILED
    if arguments.json:
        print(json.dumps({"sessions": found}, indent=2))
    else:
        _show(found)
    if arguments.all and not found and status == DONE:
        complain(f"no sessions in {base_directory()}")
    return status


def _show(sessions: "list[Snapshot]") -> None:
    from ntipc.cli.output import console_for_data

    console = console_for_data()
    for session in sessions:
        _show_one(console, session)


def _show_one(console: "Console", session: "Snapshot") -> None:
    from rich.text import Text

    from ntipc.cli import ports
    from ntipc.cli.output import print_table
    from ntipc.cli.snapshot import short

    lock = session["lock_owner"]
    names = {process["slot"]: _process_name(process) for process in session["processes"]}
    facts = [_number(session["participants"], "participant"), _number(len(session["objects"]), "object")]
    if lock:
        facts.append(f"dispatcher lock held by {_thread_of(lock, names)}")
    console.print(Text(printable(session["path"]), style="bold"), Text("  " + ", ".join(facts)), sep="")
    commands = {process["slot"]: short(process["command"]) for process in session["processes"]}
    print_table(
        console,
        ("object", "kind", "name", "state", "held by", "waited for by"),
        [_object_row(entry, commands, names) for entry in ports.folded(session["objects"])],
    )
    print_table(
        console,
        ("process", "command", "handles", ""),
        [_process_row(process, names) for process in session["processes"]],
    )
    titles = {entry["index"]: _title(entry) for entry in session["objects"]} | ports.titles(session["objects"])
    waiting = [thread for thread in session["threads"] if thread["waiting_on"]]
    print_table(
        console, ("thread", "process", "state", "waits for"), [_thread_row(thread, titles, names) for thread in waiting]
    )


def _title(entry: dict[str, Any]) -> str:
    kind, name = kind_and_name(entry)
    return f"{kind} {name or '#' + str(entry['index'])}"


def kind_and_name(entry: dict[str, Any]) -> tuple[str, str]:
    """What a person calls the kind of an object, and its name. Pipes and mailslots are made of queues."""
    if entry["kind"] in ("Process", "Thread"):
        return entry["kind"], str(entry["id"])
    side = {"ReadEnd": "reader", "WriteEnd": "writer"}.get(entry["kind"])
    if side is None:
        return entry["kind"], entry["name"] or ""
    directory, _, name = (entry["name"] or "").partition("\\")
    if name:
        return f"{directory.capitalize()} {side}", name
    return f"Queue {side}", entry["name"] or ""


def _object_row(entry: dict[str, Any], commands: dict[int, str], names: dict[int, str]) -> "tuple[Cell, ...]":
    handles: dict[int, int] = {}
    for holder in entry["holders"]:
        handles[holder["process"]] = handles.get(holder["process"], 0) + 1
    held = [
        f"{_called(slot, names)} {commands.get(slot, '')}".strip() + (f" (x{n})" if n > 1 else "")
        for slot, n in handles.items()
    ]
    if entry["in_messages"]:
        held.append(f"in messages (x{entry['in_messages']})")
    waiters = [_thread_of(waiter, names) for waiter in entry["waiters"]]
    return (
        str(entry["index"]),
        *kind_and_name(entry),
        state_of(entry, names),
        held,
        waiters,
    )


def _process_row(process: dict[str, Any], names: dict[int, str]) -> tuple[str, ...]:
    remarks = [] if process["alive"] else ["dead"]
    remarks += [] if process["joined"] else ["has not joined yet"]
    if process["watched_by"]:
        remarks.append("watched by " + ", ".join(_called(slot, names) for slot in process["watchers"]))
    return (_process_name(process), process["command"], str(process["handles"]), ", ".join(remarks))


def _thread_row(thread: dict[str, Any], titles: dict[int, str], names: dict[int, str]) -> tuple[str, ...]:
    kind = "all of " if thread["wait_all"] else "any of " if len(thread["waiting_on"]) > 1 else ""
    objects = ", ".join(titles.get(index, f"#{index}") for index in thread["waiting_on"])
    tid = "" if thread["tid"] is None else str(thread["tid"])
    return (tid, _called(thread["process"], names), thread["state"], kind + objects)


def _process_name(process: dict[str, Any]) -> str:
    """The pid of a process; of one in another pid namespace its number there, marked with the namespace."""
    if process["pid"] is not None:
        return str(process["pid"])
    return f"{process['own_pid']}@{process['pid_namespace'] or '?'}"


def _called(slot: int, names: dict[int, str]) -> str:
    return names.get(slot, "?")


def _thread_of(where: dict[str, Any], names: dict[int, str]) -> str:
    name = _called(where["process"], names)
    return name if where["tid"] is None or where["pid"] == where["tid"] else f"{name}:{where['tid']}"


def state_of(entry: dict[str, Any], names: dict[int, str]) -> str:
    """An object's state in words, with the names that processes have by slot."""
    kind = entry["kind"]
    if kind == "Port":
        waiting = f", {_number(entry['requests'], 'request')} to connect" if entry["requests"] else ""
        unread = f"{_number(entry['messages'], 'message')} of {_amount(entry['bytes'])}"
        return f"{_number(entry['connections'], 'connection')}{waiting}, {unread}"
    if kind == "PortClient":
        return (
            "ended by the server" if entry["revoked"] else "connected" if entry["holders"] else "closed, or on its way"
        )
    if kind in ("Process", "Thread"):
        return "ended" if entry["signaled"] else "running"
    if kind == "Event":
        return ("set" if entry["signaled"] else "clear") + (", manual reset" if entry["manual_reset"] else "")
    if kind == "Semaphore":
        return f"{entry['count']} of {entry['maximum']}"
    if kind == "Mutex":
        if entry["owner_process"] is not None:
            times = f", {entry['recursion']} times" if entry["recursion"] > 1 else ""
            owner = {"process": entry["owner_process"], "pid": entry["owner_pid"], "tid": entry["owner_tid"]}
            return f"owned by {_thread_of(owner, names)}{times}"
        return "abandoned" if entry["abandoned"] else "free"
    if kind == "Timer":
        if entry["due_in"] is None:
            return "due" if entry["signaled"] else "not set"
        period = f", every {entry['period']:g} s" if entry["period"] else ""
        return f"due in {entry['due_in']:.3g} s{period}"
    if kind == "EventPair":
        return f"high {'set' if entry['high'] else 'clear'}, low {'set' if entry['low'] else 'clear'}"
    if kind == "Section":
        traits = [_amount(entry["size"]), entry["protection"]]
        traits += ["sparse"] if entry["reserve"] else []
        traits += [str(entry["file"])] if entry["file"] else []
        return ", ".join(traits)
    if kind in ("ReadEnd", "WriteEnd") and "messages" in entry:
        held = f"{entry['bytes']:,} of {_amount(entry['quota'])}"
        waiting = f"{_number(entry['messages'], 'message')}, {held}"
        gone = "" if entry["readers"] else ", nobody reads"
        gone += "" if entry["writers"] else ", nobody writes"
        return waiting + (", broken" if entry["broken"] else gone)
    return ""


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _amount(size: int) -> str:
    for power, unit in ((40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")):
        if size >= 10 << power or (size and size % (1 << power) == 0):
            return f"{size / (1 << power):,.4g} {unit}"
    return f"{size:,} bytes"
