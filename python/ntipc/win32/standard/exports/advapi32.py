"""``advapi32``: security descriptors, which are kept and change nothing, the user's name, and tokens.

A descriptor is the structure of 64-bit Windows: revision, control, and the addresses of owner, group and lists.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from typing import Any, Final

from ntipc.win32 import win32security
from ntipc.win32.binding.last_error import last
from ntipc.win32.standard.exports.kernel32_system import USER_NAME
from ntipc.win32.standard.exports.tables import own
from ntipc.win32.standard.exports.words import (
    Export,
    boolean,
    handle,
    memory_at,
    number,
    put_dword,
    put_word,
    there,
    unsigned,
)

_REVISION: Final = 1
_DEFAULTED: Final = {"owner": 1, "group": 2, "dacl": 8, "sacl": 32}
_PRESENT: Final = {"dacl": 4, "sacl": 16}
_INVALID_PARAMETER, _MORE_ROOM, _REVISION_MISMATCH = 87, 122, 1305
_LARGEST_LIST: Final = 0xFFFF
_USER, _SESSION, _ELEVATION, _ELEVATION_TYPE, _TYPE = 1, 12, 20, 18, 8


class _Descriptor(ctypes.Structure):
    """SECURITY_DESCRIPTOR."""

    _fields_ = [
        ("revision", ctypes.c_uint8),
        ("zero", ctypes.c_uint8),
        ("control", ctypes.c_uint16),
        ("owner", ctypes.c_uint64),
        ("group", ctypes.c_uint64),
        ("sacl", ctypes.c_uint64),
        ("dacl", ctypes.c_uint64),
    ]


class _List(ctypes.Structure):
    """ACL."""

    _fields_ = [
        ("revision", ctypes.c_uint8),
        ("zero", ctypes.c_uint8),
        ("size", ctypes.c_uint16),
        ("count", ctypes.c_uint16),
        ("zero_too", ctypes.c_uint16),
    ]


def _initialize(address: int, revision: int) -> int:
    if unsigned(revision) != _REVISION:
        last.code = _REVISION_MISMATCH
        return 0
    ctypes.memset(there(address), 0, ctypes.sizeof(_Descriptor))
    _Descriptor.from_address(address).revision = _REVISION
    return 1


def _known(address: int) -> Any:
    """Return the descriptor at an address; ``None``, with the last error, if it is none."""
    descriptor = _Descriptor.from_address(there(address))
    if descriptor.revision != _REVISION:
        last.code = _REVISION_MISMATCH
        return None
    return descriptor


def _set_identifier(part: str) -> Export:
    def put(address: int, sid: int, defaulted: int) -> int:
        descriptor = _known(address)
        if descriptor is None:
            return 0
        setattr(descriptor, part, sid)
        _mark(descriptor, _DEFAULTED[part], boolean(defaulted))
        return 1

    return own(put, 3)


def _get_identifier(part: str) -> Export:
    def get(address: int, sid: int, defaulted: int) -> int:
        descriptor = _known(address)
        if descriptor is None:
            return 0
        put_word(there(sid), getattr(descriptor, part))
        put_dword(defaulted, int(bool(descriptor.control & _DEFAULTED[part])))
        return 1

    return own(get, 3)


def _set_list(part: str) -> Export:
    def put(address: int, present: int, entries: int, defaulted: int) -> int:
        descriptor = _known(address)
        if descriptor is None:
            return 0
        setattr(descriptor, part, entries if boolean(present) else 0)
        _mark(descriptor, _PRESENT[part], boolean(present))
        _mark(descriptor, _DEFAULTED[part], boolean(defaulted))
        return 1

    return own(put, 4)


def _get_list(part: str) -> Export:
    def get(address: int, present: int, entries: int, defaulted: int) -> int:
        descriptor = _known(address)
        if descriptor is None:
            return 0
        is_there = bool(descriptor.control & _PRESENT[part])
        put_dword(there(present), int(is_there))
        if is_there:
            put_word(there(entries), getattr(descriptor, part))
            put_dword(defaulted, int(bool(descriptor.control & _DEFAULTED[part])))
        return 1

    return own(get, 4)


def _mark(descriptor: Any, bit: int, value: bool) -> None:
    descriptor.control = descriptor.control | bit if value else descriptor.control & ~bit


def _is_valid(address: int) -> int:
    return int(address >= 0x1_0000 and _Descriptor.from_address(address).revision == _REVISION)


def _initialize_list(address: int, size: int, revision: int) -> int:
    room, version = unsigned(size), unsigned(revision)
    if room < ctypes.sizeof(_List) or room > _LARGEST_LIST or version not in (2, 3, 4):
        last.code = _MORE_ROOM if room < ctypes.sizeof(_List) else _INVALID_PARAMETER
        return 0
    made = _List.from_address(there(address))
    made.revision, made.zero, made.size, made.count, made.zero_too = version, 0, room, 0, 0
    return 1


def _open_token(process: int, access: int, token: int) -> int:
    there(token)
    put_word(token, number(win32security.OpenProcessToken(handle(process), unsigned(access))))
    return 1


def _open_thread_token(thread: int, access: int, as_self: int, token: int) -> int:
    win32security.OpenThreadToken(handle(thread), unsigned(access), boolean(as_self))
    return 0


def _token_information(token: int, kind: int, buffer: int, size: int, needed: int) -> int:
    """GetTokenInformation: of the classes, the user and those that are one number."""
    wanted = unsigned(kind)
    found = win32security.GetTokenInformation(handle(token), wanted)
    if wanted == _USER:
        sid = bytes(found[0])
        answer = (buffer + 16).to_bytes(8, "little") + bytes(8) + sid
    elif wanted in (_SESSION, _ELEVATION, _ELEVATION_TYPE, _TYPE):
        answer = int(found).to_bytes(4, "little")
    else:
        last.code = _INVALID_PARAMETER
        return 0
    put_dword(there(needed), len(answer))
    if unsigned(size) < len(answer):
        last.code = _MORE_ROOM
        return 0
    memory_at(buffer, len(answer))[:] = answer
    return 1


def _revert() -> int:
    win32security.RevertToSelf()
    return 1


def _valid_sid(sid: int) -> int:
    return int(sid >= 0x1_0000 and memory_at(sid, 1)[0] == 1)


def _sid_length(sid: int) -> int:
    return 8 + 4 * memory_at(sid, 2)[1]


def _equal_sids(one: int, other: int) -> int:
    return int(bytes(memory_at(one, _sid_length(one))) == bytes(memory_at(other, _sid_length(other))))


EXPORTS: Final[Mapping[str, Export]] = {
    **USER_NAME,
    "InitializeSecurityDescriptor": own(_initialize, 2),
    "IsValidSecurityDescriptor": own(_is_valid, 1),
    "GetSecurityDescriptorLength": own(lambda address: ctypes.sizeof(_Descriptor) if _known(address) else 0, 1),
    "SetSecurityDescriptorOwner": _set_identifier("owner"),
    "GetSecurityDescriptorOwner": _get_identifier("owner"),
    "SetSecurityDescriptorGroup": _set_identifier("group"),
    "GetSecurityDescriptorGroup": _get_identifier("group"),
    "SetSecurityDescriptorDacl": _set_list("dacl"),
    "GetSecurityDescriptorDacl": _get_list("dacl"),
    "SetSecurityDescriptorSacl": _set_list("sacl"),
    "GetSecurityDescriptorSacl": _get_list("sacl"),
    "InitializeAcl": own(_initialize_list, 3),
    "OpenProcessToken": own(_open_token, 3),
    "OpenThreadToken": own(_open_thread_token, 4),
    "GetTokenInformation": own(_token_information, 5),
    "RevertToSelf": own(_revert, 0),
    "IsValidSid": own(_valid_sid, 1),
    "GetLengthSid": own(_sid_length, 1),
    "EqualSid": own(_equal_sids, 2),
}
