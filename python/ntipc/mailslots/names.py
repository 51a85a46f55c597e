"""Names of mailslots, as both sides show and refuse them."""

from __future__ import annotations

from ntipc.errors import NtError, Status, describe, from_status

PREFIX = "mailslot\\"
"""What the kernel's names of mailslots begin with."""
NOT_BOTH = "a mailslot is read by the one who made it, and written by clients"


def name_of(title: str | None, key: str | None) -> str:
    """Return the name as it was given, or else as the kernel has it."""
    return title or (key or "").removeprefix(PREFIX)


def elsewhere(call: str, status: Status, name: str, detail: str) -> NtError:
    """Refuse a name that is not one of this machine."""
    return from_status(status, call, describe("mailslot", name), detail)
