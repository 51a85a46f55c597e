"""What a message calls the object that it is about."""

from __future__ import annotations


def describe(kind: str, name: str | None) -> str:
    """Name an object in a message.

    >>> describe("event", "ready"), describe("event", None)
    ("event 'ready'", 'unnamed event')
    """
    return f"{kind} {shown(name)}" if name else f"unnamed {kind}"


def shown(name: str) -> str:
    """Quote a name, of a long one the beginning."""
    quoted = repr(name)
    return quoted if len(quoted) <= 80 else f"{quoted[:60]}... ({len(name):,} characters)"
