"""Where the fields of a record lie, and how the layouts of two versions of a program differ."""

from __future__ import annotations

import json
from collections.abc import Mapping

from ntipc.shared_data.kinds import Kind, Places


class Layout:
    """The fields of a record in the order of their declaration, each behind the one before.

    Attributes:
        kinds: What the fields hold.
        offsets: Where they lie.
        size: Bytes of all of them.
        alignment: A record lies at a multiple of this.
        places: Where the numbers of the record lie.
    """

    def __init__(self, kinds: Mapping[str, Kind]) -> None:
        self.kinds = dict(kinds)
        self.offsets: dict[str, int] = {}
        self.places: Places = {}
        self.alignment = max([8, *(kind.alignment for kind in kinds.values())])
        end = 0
        for name, kind in kinds.items():
            offset = -(-end // kind.alignment) * kind.alignment
            self.offsets[name] = offset
            self.places |= kind.places(name, offset)
            end = offset + kind.size
        self.size = -(-end // self.alignment) * self.alignment

    @property
    def words(self) -> str:
        """The fields and their types, in words."""
        return ", ".join(f"{name}: {kind.words}" for name, kind in self.kinds.items())

    def as_text(self) -> str:
        """The same to be kept in the memory, for processes with another layout to read."""
        return json.dumps([[name, kind.words] for name, kind in self.kinds.items()])

    def difference(self, text: str) -> str:
        """Say in what this layout and that of a text differ, by the name of a field; nothing if they do not.

        Raises:
            ValueError: The text is no layout.
        """
        there = _read(text)
        here = {name: kind.words for name, kind in self.kinds.items()}
        for name, words in here.items():
            if name not in there:
                return f"the field {name!r} ({words}) is declared here and not there"
            if words != there[name]:
                return f"the field {name!r} is declared as {words} here and as {there[name]} there"
        for name, words in there.items():
            if name not in here:
                return f"the field {name!r} ({words}) is declared there and not here"
        moved = [name for name, other in zip(here, there, strict=True) if name != other]
        return f"the field {moved[0]!r} comes at another place there: the order counts" if moved else ""


def _read(text: str) -> dict[str, str]:
    """Read what :meth:`Layout.as_text` wrote, somewhere else."""
    fields = json.loads(text)
    if not isinstance(fields, list):
        raise ValueError("it is no list")
    found: dict[str, str] = {}
    for field in fields:
        match field:
            case [str(name), str(words)] if name not in found:
                found[name] = words
            case _:
                raise ValueError("it is no list of fields")
    return found
