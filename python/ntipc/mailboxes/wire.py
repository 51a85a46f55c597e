"""What lies in a message to a mailbox: the name of its type, and its value as MessagePack."""

from __future__ import annotations

import dataclasses
from typing import Any, cast

import msgspec

CLASS = "ntipc mailbox"
"""The class of windows behind mailboxes."""
TELL, ASK = 1, 2
"""Kinds of data."""


def name_of(kind: type) -> str:
    """Return the name by which both sides know a type of message.

    Raises:
        TypeError: It is neither a dataclass nor a msgspec struct.
    """
    if not isinstance(cast("object", kind), type) or not (
        dataclasses.is_dataclass(kind) or issubclass(kind, msgspec.Struct)
    ):
        raise TypeError(f"a message is a dataclass or a msgspec.Struct, not {kind!r}")
    return kind.__name__


def pack(message: object) -> bytes:
    """Make bytes of a message."""
    return name_of(type(message)).encode() + b"\0" + msgspec.msgpack.encode(message)


def split(data: memoryview) -> tuple[str, bytes]:
    """Return the name of a message's type, and its value, not decoded."""
    name, _, value = bytes(data).partition(b"\0")
    return name.decode("utf-8", "replace"), value


def unpack(value: bytes, kind: Any) -> Any:
    """Make a value of that type.

    Raises:
        ValidationError: It is of another one; a ``ValueError``.
    """
    return msgspec.msgpack.decode(value, type=kind)
