"""Information classes: what all questions have in common."""

from __future__ import annotations

from ntipc.ntdll.results import fail
from ntipc.ntdll.statuses import STATUS_INFO_LENGTH_MISMATCH, STATUS_INVALID_INFO_CLASS


def check_class(asked: int, length: int, size: int, *, known: int = 0) -> None:
    """Refuse an information class that is not ``known``, and a buffer that is not as long as its structure.

    Raises:
        NtError: INVALID_INFO_CLASS or INFO_LENGTH_MISMATCH.
    """
    if asked != known:
        raise fail(STATUS_INVALID_INFO_CLASS)
    if length != size:
        raise fail(STATUS_INFO_LENGTH_MISMATCH)
