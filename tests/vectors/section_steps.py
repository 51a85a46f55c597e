"""The operations of the sections family, done with ntipc's own classes."""

import ctypes
from pathlib import Path
from typing import Any

from codes import ALREADY_EXISTS, INVALID_HANDLE, failed

import ntipc

Result = dict[str, Any]

PAGE = 4096
MEM_MAPPED = 0x40000
SECTION_ACCESS = {"PAGE_READONLY": "r", "PAGE_READWRITE": "rw", "PAGE_WRITECOPY": "copy"}
HANDLE_ACCESS = {
    "FILE_MAP_READ": "r",
    "FILE_MAP_COPY": "copy",
    "FILE_MAP_WRITE": ntipc.Access.SECTION_MAP_WRITE,
    "FILE_MAP_ALL_ACCESS": None,
}
VIEW_ACCESS = {
    "FILE_MAP_READ": "r",
    "FILE_MAP_COPY": "copy",
    "FILE_MAP_WRITE": "rw",
    "FILE_MAP_READ|WRITE": "rw",
    "FILE_MAP_ALL_ACCESS": "rw",
}
PAGE_PROTECTION = {"r--s": 2, "r--p": 2, "rw-s": 4, "rw-p": 8}
"""What the memory protection of Linux amounts to: PAGE_READONLY, PAGE_READWRITE, PAGE_WRITECOPY."""


class SectionSteps:
    """Slots with handles and views, and one method for each recorded operation."""

    def __init__(self) -> None:
        self.slots: dict[int, ntipc.Section] = {}
        self.views: dict[int, ntipc.View] = {}
        self.closed = ntipc.Section(size=1)
        self.closed.close()

    def close_all(self) -> None:
        for view in self.views.values():
            view.unmap()
        for section in self.slots.values():
            section.close()

    def create_file_mapping(self, slot: int, name: str | None, protect: str, size: int) -> Result:
        try:
            section = ntipc.Section(name, size, access=SECTION_ACCESS[protect])
        except Exception as problem:
            return failed(problem)
        self.slots[slot] = section
        return {"ok": True, "err": 0 if section.created else ALREADY_EXISTS}

    def open_file_mapping(self, slot: int, name: str, access: str) -> Result:
        try:
            self.slots[slot] = ntipc.Section.open(name, access=HANDLE_ACCESS[access])
        except Exception as problem:
            return failed(problem)
        return {"ok": True, "err": 0}

    def close(self, slot: int) -> Result:
        if slot not in self.slots:
            return {"ok": False, "err": INVALID_HANDLE}  # Python's close() may be repeated; the recorded one may not
        self.slots.pop(slot).close()
        return {"ok": True}

    def map_view(self, view: int, slot: int, access: str, offset: int, size: int) -> Result:
        section = self.slots.get(slot) or self.closed
        try:
            mapped = section.map(offset, size or None, access=VIEW_ACCESS[access])
        except Exception as problem:
            return failed(problem)
        self.views[view] = mapped
        region = -(-len(mapped) // PAGE) * PAGE
        return {"ok": True, "region": region, "protect": protection(mapped.address, region), "type": MEM_MAPPED}

    def unmap_view(self, view: int) -> Result:
        self.views.pop(view).unmap()
        return {"ok": True}

    def read_byte(self, view: int, offset: int) -> Result:
        mapped = self.views[view]
        if offset >= len(mapped):  # the recordings also look at the rest of the last page
            return {"byte": ctypes.string_at(mapped.address + offset, 1)[0]}
        with memoryview(mapped) as memory:
            return {"byte": memory[offset]}

    def write_byte(self, view: int, offset: int, value: int) -> Result:
        mapped = self.views[view]
        if offset >= len(mapped):
            ctypes.memset(mapped.address + offset, value, 1)
        else:
            with memoryview(mapped) as memory:
                memory[offset] = value
        return {}


def protection(address: int, size: int) -> int:
    """The protection of that memory in this process, which must be the same for all of it."""
    found = set()
    for line in Path("/proc/self/maps").read_text().splitlines():
        bounds, permissions = line.split()[:2]
        start, end = (int(bound, 16) for bound in bounds.split("-"))
        if start < address + size and end > address:
            found.add(permissions)
    (permissions,) = found
    return PAGE_PROTECTION[permissions]
