"""The operations of the mailslot family, done with ntipc's own classes.

A slot that holds no handle is played by a closed mailslot.
"""

from typing import Any

from codes import INVALID_HANDLE, failed

import ntipc

Result = dict[str, Any]
NO_MESSAGE = -1
"""What the recordings write for the size of the next message when there is none."""


class MailslotSteps:
    """Slots with handles, and one method for each recorded operation."""

    def __init__(self) -> None:
        self.slots: dict[int, Any] = {}
        self.closed = ntipc.Mailslot("never opened again")
        self.closed.close()

    def close_all(self) -> None:
        for thing in self.slots.values():
            thing.close()

    def create_mailslot_timeout0(self, slot: int, name: str, max: int) -> Result:
        try:
            self.slots[slot] = ntipc.Mailslot(rf"\\.\mailslot\{name}", max_message=max, read_timeout=0)
        except Exception as problem:
            return failed(problem)
        return {"ok": True}

    def open_mailslot(self, slot: int, name: str) -> Result:
        try:
            self.slots[slot] = ntipc.MailslotClient(rf"\\.\mailslot\{name}")
        except Exception as problem:
            return failed(problem)
        return {"ok": True}

    def mailslot_write(self, slot: int, size: int, start: int) -> Result:
        try:
            if slot not in self.slots:
                self.closed.info()  # says that it is closed
            written = self.slots[slot].write(bytes((start + place) % 256 for place in range(size)))
        except Exception as problem:
            return failed(problem)
        return {"ok": True, "n": written}

    def mailslot_read(self, slot: int, size: int) -> Result:
        buffer = bytearray(size)
        try:
            if slot in self.slots and isinstance(self.slots[slot], ntipc.MailslotClient):
                self.slots[slot].read()
            count = self.slots.get(slot, self.closed).read_into(buffer)
        except Exception as problem:
            return {**failed(problem), "n": 0, "data": ""}
        return {"ok": True, "n": count, "data": buffer[:count].hex()}

    def get_mailslot_info(self, slot: int) -> Result:
        try:
            info = ntipc.Mailslot.info(self.slots.get(slot, self.closed))
        except Exception as problem:
            return failed(problem)
        following, timeout = info["next_size"], info["read_timeout"]
        return {
            "ok": True,
            "max": info["max_message"] or 0,
            "next": NO_MESSAGE if following is None else following,
            "timeout": None if timeout is None else int(timeout * 1000),
            "has_message": info["count"] > 0,
        }

    def close(self, slot: int) -> Result:
        if slot not in self.slots:
            return {"ok": False, "err": INVALID_HANDLE}  # Python's close() may be repeated; the recorded one may not
        self.slots.pop(slot).close()
        return {"ok": True}
