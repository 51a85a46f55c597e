r"""Mailslots: NtCreateMailslotFile; clients are opened with NtOpenFile and written with NtWriteFile.

>>> from ntipc.ntdll import GENERIC_WRITE, IO_STATUS_BLOCK, OBJECT_ATTRIBUTES, NtOpenFile, NtReadFile, NtWriteFile
>>> news = OBJECT_ATTRIBUTES(r"\??\mailslot\news")
>>> slot = NtCreateMailslotFile(0xC0000000, news, 0, 0, 0, 0).handle
>>> client = NtOpenFile(GENERIC_WRITE, news).handle
>>> block, buffer = IO_STATUS_BLOCK(), bytearray(100)
>>> NtWriteFile(client, 0, None, None, block, b"late edition"), NtReadFile(slot, 0, None, None, block, buffer)
(STATUS_SUCCESS, STATUS_SUCCESS)
>>> block.Information
12
"""

from __future__ import annotations

from ntipc import Mailslot
from ntipc.ntdll.attributes import OBJ_INHERIT, OBJECT_ATTRIBUTES
from ntipc.ntdll.file_information import seconds_of
from ntipc.ntdll.files import device_of
from ntipc.ntdll.handles import insert
from ntipc.ntdll.results import fail, returns
from ntipc.ntdll.statuses import STATUS_INVALID_PARAMETER, STATUS_OBJECT_NAME_INVALID, STATUS_SUCCESS
from ntipc.ntdll.transfers import FILE_CREATED, FileResult, no_file

_QUOTA = 1 << 20
_LARGEST = 0xFFFF_FFFF


@returns(no_file)
def NtCreateMailslotFile(
    DesiredAccess: int,
    ObjectAttributes: OBJECT_ATTRIBUTES | None,
    CreateOptions: int,
    MailslotQuota: int,
    MaximumMessageSize: int,
    ReadTimeout: int | None,
) -> FileResult:
    r"""Make a mailslot, to read from.

    Args:
        DesiredAccess: Without effect: it may be read.
        ObjectAttributes: ``\??\mailslot\name`` or ``\Device\Mailslot\name``.
        CreateOptions: Without effect: a read waits for its time.
        MailslotQuota: Bytes that may wait; 0 for the default.
        MaximumMessageSize: Most bytes of a message; 0 for any number.
        ReadTimeout: A relative time that a read waits; 0 for not at all, ``None`` or -2**63 for ever.
    """
    device, name = device_of(ObjectAttributes)
    if ObjectAttributes is None or device != "mailslot" or not name:
        raise fail(STATUS_OBJECT_NAME_INVALID)
    if not 0 <= MailslotQuota <= _LARGEST or not 0 <= MaximumMessageSize <= _LARGEST:
        raise fail(STATUS_INVALID_PARAMETER)
    slot = Mailslot(
        f"\\??\\mailslot\\{name}",
        max_message=MaximumMessageSize or None,
        quota=MailslotQuota or _QUOTA,
        read_timeout=seconds_of(ReadTimeout),
    )
    slot.inheritable = bool(ObjectAttributes.Attributes & OBJ_INHERIT)
    return FileResult(STATUS_SUCCESS, insert(slot), FILE_CREATED)
