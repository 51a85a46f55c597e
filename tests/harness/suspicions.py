"""What must not last in a session: sleepers who could have what they wait for, the dead, ghosts and leaks."""

from collections.abc import Callable, Hashable, Iterator
from pathlib import Path
from typing import Any


def suspicions_in(picture: dict[str, Any], alive: Callable[[int], bool]) -> Iterator[tuple[Hashable, str]]:
    """Everything in one look that must not last: a key for it, and words."""
    objects = {entry["index"]: entry for entry in picture["objects"]}
    participants = {process["pid"] for process in picture["processes"]}
    if picture["lock_owner"]:
        key = "lock", picture["lock_owner"]["pid"], picture["lock_owner"]["tid"]
        yield key, f"the dispatcher lock is held by {picture['lock_owner']}"
    for process in picture["processes"]:
        if not alive(process["pid"]):
            yield ("dead", process["slot"], process["pid"]), f"process {process['pid']} is dead and still takes part"
    for thread in picture["threads"]:
        where = (thread["slot"], thread["pid"], thread["tid"])
        if not alive(thread["pid"]):
            yield ("dead thread", *where), f"thread {thread['tid']} of the dead process {thread['pid']} is still there"
        elif thread["state"] == "done":
            yield ("done", *where), f"thread {thread['tid']} has got what it waited for and sleeps on"
        elif thread["state"] in ("waiting", "sleeping") and satisfiable(thread, objects):
            what = [describe(objects[index]) if index in objects else index for index in thread["waiting_on"]]
            key = ("asleep", *where, thread["wait_all"], tuple(thread["waiting_on"]))
            yield key, f"thread {where} {thread['state']} on {what} (all: {thread['wait_all']}) could have it"
    for entry in picture["objects"]:
        owner = entry.get("owner_pid")
        if owner is not None and not (alive(owner) and owner in participants):
            yield ("ghost", entry["index"], owner), f"{describe(entry)} is owned by {owner}, who is gone"
        if not (entry["holders"] or entry["in_messages"] or entry["waiters"] or is_kept(entry, objects)):
            yield ("leak", entry["index"], entry["serial"]), f"{describe(entry)} has no handle and still exists"


def is_kept(entry: dict[str, Any], objects: dict[int, dict[str, Any]]) -> bool:
    """Whether an object without handles is there for others.

    An end is, as long as the other end has handles, or a badged end exists: a client that keeps its connection. A
    badged end is, as long as there is a reader that may take the notice of its end.
    """
    if "badge" in entry:
        reader = objects.get(entry["other_end"])
        return reader is not None and bool(reader["holders"])
    return bool(entry.get("readers", 0) + entry.get("writers", 0) + entry.get("badges", 0))


def satisfiable(thread: dict[str, Any], objects: dict[int, dict[str, Any]]) -> bool:
    """Whether the thread could have what it waits for, as far as this look can tell."""
    free = [index in objects and available(objects[index], thread) for index in thread["waiting_on"]]
    return bool(free) and (all(free) if thread["wait_all"] else any(free))


def available(entry: dict[str, Any], thread: dict[str, Any]) -> bool:
    kind = entry["kind"]
    if kind == "Semaphore":
        return bool(entry["count"] > 0)
    if kind == "Mutex":
        return entry["owner_tid"] is None or entry["owner_tid"] == thread["tid"]
    if kind == "EventPair":  # the picture doesn't tell which side is waited for
        return bool(entry["high"] and entry["low"])
    if kind in ("ReadEnd", "WriteEnd") and "messages" not in entry:  # its queue is just being made, or freed
        return False
    if kind == "ReadEnd":
        return bool(entry["messages"] or not entry["writers"] or entry["broken"])
    if kind == "WriteEnd":  # the picture doesn't tell how much room is wanted; when the queue is empty there is enough
        return bool(not entry["messages"] or not entry["readers"] or entry["broken"])
    if kind == "Section":  # which nobody can wait for: its place was another's when the thread was looked at
        return False
    return bool(entry["signaled"] or (kind == "Timer" and entry["due_in"] == 0))


def describe(entry: dict[str, Any]) -> str:
    return f"{entry['kind']} {entry['name'] or entry['index']!r}"


def exists(pid: int) -> bool:
    """Whether the process runs; a zombie doesn't."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
