r"""Ports, as ``ntipc ls`` shows them. Each is two queues of its server, and a badged writing end for each client.

The queue of connection requests has the port's name. That of messages has none; it keeps the other's serial number.
"""

from typing import Any

from ntipc.ports.names import PREFIX

Entry = dict[str, Any]


class Shown:
    """A port: what is known of it, and which of a session's objects it is made of."""

    def __init__(self, door: Entry, messages: Entry, objects: list[Entry]) -> None:
        self.name: str = door["name"].removeprefix(PREFIX)
        self.door, self.messages = door, messages
        self.clients = [entry for entry in objects if "badge" in entry and entry.get("other_end") == messages["index"]]

    @property
    def facts(self) -> Entry:
        """What ``--json`` says."""
        return {
            "index": self.door["index"],
            "name": self.name,
            "connections": sum(bool(client["holders"]) for client in self.clients),
            "requests": self.door["messages"],
            "messages": self.messages["messages"],
            "bytes": self.messages["bytes"],
        }

    def entry(self) -> Entry:
        """The port as one object, in place of its queues."""
        waiters = [waiter for part in (self.door, self.messages) for waiter in part["waiters"]]
        return {**self.facts, "kind": "Port", "holders": self.messages["holders"], "in_messages": 0, "waiters": waiters}

    def client(self, end: Entry) -> Entry:
        """A client's end as an object of its own kind."""
        return {**end, "kind": "PortClient", "name": self.name}

    @property
    def parts(self) -> set[int]:
        """The objects that the port stands for: the two ends of both queues."""
        return {end[key] for end in (self.door, self.messages) for key in ("index", "other_end")}


def ports_among(objects: list[Entry]) -> list[Shown]:
    """Find the ports among a session's objects."""
    doors = {
        entry["serial"]: entry
        for entry in objects
        if entry["kind"] == "ReadEnd" and "messages" in entry and (entry["name"] or "").startswith(PREFIX)
    }
    return [
        Shown(doors[entry["user"][0]], entry, objects)
        for entry in objects
        if entry["kind"] == "ReadEnd" and "badges" in entry and entry["user"][0] in doors
    ]


def folded(objects: list[Entry]) -> list[Entry]:
    """The objects with ports in place of the ends of their queues."""
    instead: dict[int, Entry | None] = {}
    for port in ports_among(objects):
        instead.update(dict.fromkeys(port.parts))
        instead[port.door["index"]] = port.entry()
        instead.update((end["index"], port.client(end)) for end in port.clients)
    shown = [instead.get(entry["index"], entry) for entry in objects]
    return [entry for entry in shown if entry is not None]


def titles(objects: list[Entry]) -> dict[int, str]:
    """What the parts of ports are called where a thread waits for one."""
    return {index: f"Port {port.name}" for port in ports_among(objects) for index in port.parts}
