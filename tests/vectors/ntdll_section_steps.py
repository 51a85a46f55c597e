"""The operations of the sections family, done with ``ntipc.ntdll``."""

import ctypes
from typing import Any

from codes import ALREADY_EXISTS

from ntipc.ntdll import *

Result = dict[str, Any]
PROTECTIONS = {"PAGE_READONLY": PAGE_READONLY, "PAGE_READWRITE": PAGE_READWRITE, "PAGE_WRITECOPY": PAGE_WRITECOPY}
RIGHTS = {
    "FILE_MAP_READ": SECTION_QUERY | SECTION_MAP_READ,
    "FILE_MAP_COPY": SECTION_QUERY | SECTION_MAP_READ,
    "FILE_MAP_WRITE": SECTION_MAP_WRITE,
    "FILE_MAP_ALL_ACCESS": SECTION_ALL_ACCESS,
}
VIEWS = {
    "FILE_MAP_READ": PAGE_READONLY,
    "FILE_MAP_COPY": PAGE_WRITECOPY,
    "FILE_MAP_WRITE": PAGE_READWRITE,
    "FILE_MAP_READ|WRITE": PAGE_READWRITE,
    "FILE_MAP_ALL_ACCESS": PAGE_READWRITE,
}


def failed(status: int) -> Result:
    code = RtlNtStatusToDosError(status)
    return {"ok": False, "err": 87 if status == STATUS_INVALID_PARAMETER_4 else code}


class NtSectionSteps:
    """Slots with handle numbers and views, and one method for each recorded operation."""

    def __init__(self) -> None:
        self.slots: dict[int, int] = {}
        self.views: dict[int, Any] = {}

    def close_all(self) -> None:
        for view in self.views.values():
            assert NtUnmapViewOfSection(-1, view.address)
        for number in self.slots.values():
            NtClose(number)

    def create_file_mapping(self, slot: int, name: str | None, protect: str, size: int) -> Result:
        attributes = None if name is None else OBJECT_ATTRIBUTES(f"\\BaseNamedObjects\\{name}", OBJ_OPENIF)
        status, handle = NtCreateSection(SECTION_ALL_ACCESS, attributes, size, PROTECTIONS[protect], SEC_COMMIT)
        if not status:
            return failed(status)
        self.slots[slot] = handle
        return {"ok": True, "err": ALREADY_EXISTS if status == STATUS_OBJECT_NAME_EXISTS else 0}

    def open_file_mapping(self, slot: int, name: str, access: str) -> Result:
        status, handle = NtOpenSection(RIGHTS[access], OBJECT_ATTRIBUTES(f"\\BaseNamedObjects\\{name}"))
        if not status:
            return failed(status)
        self.slots[slot] = handle
        return {"ok": True, "err": 0}

    def close(self, slot: int) -> Result:
        status = NtClose(self.slots.pop(slot, 0))
        return {"ok": True} if status else failed(status)

    def map_view(self, view: int, slot: int, access: str, offset: int, size: int) -> Result:
        status, mapped = NtMapViewOfSection(
            self.slots.get(slot, 0), -1, SectionOffset=offset, ViewSize=size, Win32Protect=VIEWS[access]
        )
        if not status:
            return failed(status)
        self.views[view] = mapped
        told = NtQueryVirtualMemory(-1, mapped.address).information
        region = -(-len(mapped) // 4096) * 4096
        return {"ok": True, "region": region, "protect": told.Protect, "type": told.Type}

    def unmap_view(self, view: int) -> Result:
        assert NtUnmapViewOfSection(-1, self.views.pop(view).address)
        return {"ok": True}

    def read_byte(self, view: int, offset: int) -> Result:
        return {"byte": ctypes.string_at(self.views[view].address + offset, 1)[0]}

    def write_byte(self, view: int, offset: int, value: int) -> Result:
        ctypes.memset(self.views[view].address + offset, value, 1)
        return {}
