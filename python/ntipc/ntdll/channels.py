"""Channels: declared by Windows, never implemented there, and not here. ``docs/channels.md`` says what to take instead.

>>> NtOpenChannel(None)
STATUS_NOT_IMPLEMENTED
"""

from __future__ import annotations

from typing import Any

from ntipc.ntdll.statuses import NTSTATUS, STATUS_NOT_IMPLEMENTED


def NtOpenChannel(ObjectAttributes: Any) -> NTSTATUS:
    """Return STATUS_NOT_IMPLEMENTED, as Windows does."""
    return STATUS_NOT_IMPLEMENTED


def NtListenChannel(ChannelHandle: int) -> NTSTATUS:
    """Return STATUS_NOT_IMPLEMENTED, as Windows does."""
    return STATUS_NOT_IMPLEMENTED


def NtSendWaitReplyChannel(ChannelHandle: int, Text: Any, Length: int) -> NTSTATUS:
    """Return STATUS_NOT_IMPLEMENTED, as Windows does."""
    return STATUS_NOT_IMPLEMENTED


def NtReplyWaitSendChannel(Text: Any, Length: int) -> NTSTATUS:
    """Return STATUS_NOT_IMPLEMENTED, as Windows does."""
    return STATUS_NOT_IMPLEMENTED


def NtSetContextChannel(Context: Any) -> NTSTATUS:
    """Return STATUS_NOT_IMPLEMENTED, as Windows does."""
    return STATUS_NOT_IMPLEMENTED
