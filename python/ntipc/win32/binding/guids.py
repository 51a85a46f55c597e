"""``PyIID``: identifiers of 128 bits.

>>> IID("{00000000-0000-0000-C000-000000000046}")
IID('{00000000-0000-0000-C000-000000000046}')
"""

from __future__ import annotations

import uuid

from ntipc.win32.binding.failures import failure


class IID:
    """An identifier of 128 bits.

    Args:
        text: Its text in braces, or with ``is_bytes`` its 16 bytes as Windows has them in memory.

    Source:
        PyIID objects (pywin32).
    """

    __slots__ = ("_value",)

    def __init__(self, text: str | bytes, is_bytes: bool = False, /) -> None:
        try:
            if isinstance(text, str):
                self._value = uuid.UUID(text)
            else:
                self._value = uuid.UUID(bytes_le=bytes(text[:16]))
        except ValueError:
            raise failure(-2147221005, "IID") from None  # CO_E_CLASSSTRING

    def __str__(self) -> str:
        return f"{{{str(self._value).upper()}}}"

    def __repr__(self) -> str:
        return f"IID('{self}')"

    def __bytes__(self) -> bytes:
        return self._value.bytes_le

    def __eq__(self, other: object) -> bool:
        return self._value == other._value if isinstance(other, IID) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._value)


def CreateGuid() -> IID:
    """Make a new identifier."""
    return IID(str(uuid.uuid4()))
