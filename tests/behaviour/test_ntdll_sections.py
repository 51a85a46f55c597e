"""Sections, views and images through the Native API, by the facts about NT."""

import os
import struct
from pathlib import Path

import pytest
from harness.peers import Peer

import ntipc
from ntipc.ntdll import *
from ntipc.overlapped.disk import DiskFile

ME = -1
CODE, DATA, BSS = b"\x90" * 100, b"data!", b""


def section(size: int = 8192, protection: int = PAGE_READWRITE, kind: int = SEC_COMMIT, name: str | None = None) -> int:
    attributes = OBJECT_ATTRIBUTES(f"\\BaseNamedObjects\\{name}", OBJ_OPENIF) if name else None
    return NtCreateSection(SECTION_ALL_ACCESS, attributes, size, protection, kind).handle


def mapped(handle: int, protect: int = PAGE_READWRITE, offset: int = 0, size: int = 0) -> ViewResult:
    return NtMapViewOfSection(handle, ME, SectionOffset=offset, ViewSize=size, Win32Protect=protect)


def file_handle(path: Path, mode: int = os.O_RDWR) -> int:
    return ntipc.ntdll.handles.insert(DiskFile(os.open(path, mode)))


def image_file(tmp_path: Path, wide: bool = True) -> Path:
    """A small executable for Windows: headers, code, data, and memory that is not in the file."""
    optional = bytearray(240 if wide else 224)
    struct.pack_into("<H", optional, 0, 0x20B if wide else 0x10B)
    struct.pack_into("<I", optional, 16, 0x1010)
    struct.pack_into("<Q" if wide else "<I", optional, 24 if wide else 28, 0x1_4000_0000 if wide else 0x40_0000)
    struct.pack_into("<II", optional, 32, 0x1000, 0x200)
    struct.pack_into("<HHxxxxIII HH", optional, 48, 6, 1, 0x4000, 0x400, 0x1234, 3, 0x160)
    struct.pack_into("<QQ" if wide else "<II", optional, 72, 0x10_0000, 0x1000)
    parts = b""
    for name, size, address, in_file, where, flags in (
        (b".text", 100, 0x1000, 0x200, 0x400, 0x6000_0020),
        (b".data", 5, 0x2000, 0x200, 0x600, 0xC000_0040),
        (b".rdata", 0x10, 0x3000, 0, 0, 0x4000_0040),
    ):
        parts += struct.pack("<8sIIII12xI", name, size, address, in_file, where, flags)
    machine = 0x8664 if wide else 0x14C
    header = struct.pack("<4sHHIIIHH", b"PE\0\0", machine, 3, 0, 0, 0, len(optional), 0x22)
    file = (b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 0x80)).ljust(0x80, b"\0") + header + optional + parts
    file = file.ljust(0x400, b"\0") + CODE.ljust(0x200, b"\0") + DATA.ljust(0x200, b"\0")
    path = tmp_path / "program.exe"
    path.write_bytes(file)
    return path


def test_views_share_memory_in_all_processes(peer: Peer) -> None:
    board = section(name="board")
    status, view = mapped(board)
    assert status == STATUS_SUCCESS and view[:] == bytes(8192)  # SC-2
    view[:5] = b"hello"
    peer.run("from ntipc.ntdll import *")
    peer.run("handle = NtOpenSection(SECTION_MAP_READ, OBJECT_ATTRIBUTES(r'\\BaseNamedObjects\\board')).handle")
    assert peer.run("NtMapViewOfSection(handle, -1, Win32Protect=PAGE_READONLY).view[:5]") == b"hello"  # SC-4
    assert peer.run("NtMapViewOfSection(handle, -1).status") == STATUS_ACCESS_DENIED  # SC-12
    _, other = mapped(board)
    assert other.address != view.address  # SC-31
    assert NtUnmapViewOfSection(ME, view.address) == STATUS_SUCCESS and other[:5] == b"hello"
    NtClose(board)
    assert other[:5] == b"hello"  # SC-14
    assert NtUnmapViewOfSection(ME, other.address) == STATUS_SUCCESS


def test_creating_again_opens_with_the_first_size() -> None:
    first, second = section(5000, name="x"), section(100_000, name="x")
    assert NtQuerySection(second).information == (0, SEC_COMMIT, 8192)  # SC-3, SC-25
    NtClose(first)
    NtClose(second)


@pytest.mark.parametrize(
    ("size", "protection", "kind", "status"),
    [
        (0, PAGE_READWRITE, SEC_COMMIT, STATUS_INVALID_PARAMETER_4),  # SC-1
        (None, PAGE_READWRITE, SEC_COMMIT, STATUS_INVALID_PARAMETER_4),
        (-1, PAGE_READWRITE, SEC_COMMIT, STATUS_INVALID_PARAMETER_4),
        (2**64, PAGE_READWRITE, SEC_COMMIT, STATUS_INVALID_PARAMETER_4),
        (1, PAGE_NOACCESS, SEC_COMMIT, STATUS_INVALID_PAGE_PROTECTION),  # SC-21
        (1, 3, SEC_COMMIT, STATUS_INVALID_PAGE_PROTECTION),
        (1, PAGE_READWRITE, SEC_COMMIT | SEC_RESERVE, STATUS_INVALID_PARAMETER_6),  # SC-22
        (1, PAGE_READWRITE, 0, STATUS_INVALID_PARAMETER_6),
        (1, PAGE_READWRITE, SEC_COMMIT | 1, STATUS_INVALID_PARAMETER_6),
        (1, PAGE_READWRITE, SEC_IMAGE, STATUS_INVALID_FILE_FOR_SECTION),  # SC-23
    ],
)
def test_impossible_sections(size: int | None, protection: int, kind: int, status: int) -> None:
    assert NtCreateSection(SECTION_ALL_ACCESS, None, size, protection, kind) == (status, 0)


def test_impossible_views() -> None:
    board = section(200_000)
    assert mapped(board, offset=4096).status == STATUS_MAPPED_ALIGNMENT  # SC-6
    assert NtMapViewOfSection(board, ME, 0x1234).status == STATUS_MAPPED_ALIGNMENT  # SC-27
    assert NtMapViewOfSection(board, ME, 0x10_0000_0000).status == STATUS_CONFLICTING_ADDRESSES
    assert mapped(board, size=300_000).status == STATUS_INVALID_VIEW_SIZE  # SC-7
    assert not mapped(board, offset=262_144)  # SC-9
    for size in -1, 2**63, 2**64:
        assert mapped(board, size=size).status == STATUS_INVALID_VIEW_SIZE
    assert mapped(board, PAGE_EXECUTE_READ).status == STATUS_SECTION_PROTECTION  # SC-28
    assert mapped(board, PAGE_NOACCESS).status == STATUS_INVALID_PAGE_PROTECTION
    for kind in MEM_COMMIT, MEM_RESERVE:
        assert NtMapViewOfSection(board, ME, AllocationType=kind).status == STATUS_INVALID_PARAMETER_9  # SC-29
    assert NtMapViewOfSection(board, ME, InheritDisposition=3).status == STATUS_INVALID_PARAMETER_8
    assert NtMapViewOfSection(board, ME, ZeroBits=22).status == STATUS_INVALID_PARAMETER_4
    assert NtMapViewOfSection(board, 0) == (STATUS_INVALID_HANDLE, None)
    assert NtMapViewOfSection(0, ME) == (STATUS_INVALID_HANDLE, None)
    assert NtMapViewOfSection(board, -2).status == STATUS_OBJECT_TYPE_MISMATCH
    status, whole = mapped(section(5000), size=8192)
    assert status == STATUS_SUCCESS and len(whole) == 8192  # SC-8
    assert len(mapped(board, offset=65536).view) == 200_704 - 65_536  # SC-5


def test_what_a_view_may_do(tmp_path: Path) -> None:
    for protection in PAGE_READONLY, PAGE_WRITECOPY:
        weak = section(protection=protection)
        assert mapped(weak, PAGE_READWRITE).status == STATUS_ACCESS_DENIED  # SC-11
        assert mapped(weak, PAGE_READONLY).view.readonly
        copy = mapped(weak, PAGE_WRITECOPY).view
        copy[0] = 1
        assert mapped(weak, PAGE_READONLY).view[0] == 0  # SC-10
    views = {protect: mapped(section(), protect).view for protect in (PAGE_READONLY, PAGE_READWRITE, PAGE_WRITECOPY)}
    for protect, view in views.items():
        told = NtQueryVirtualMemory(ME, view.address + 4097).information
        assert (told.Protect, told.Type, told.State) == (protect, MEM_MAPPED, MEM_COMMIT)  # SC-32
        assert (told.BaseAddress, told.AllocationBase) == (view.address + 4096, view.address)
    assert NtQueryVirtualMemory(ME, 4096).information.State == MEM_FREE
    assert NtQuerySection(section(1, kind=SEC_RESERVE)).information.AllocationAttributes == SEC_RESERVE


def test_unmapping() -> None:
    view = mapped(section(100_000)).view
    assert NtFreeVirtualMemory(ME, view.address, 0, MEM_RELEASE) == STATUS_UNABLE_TO_DELETE_SECTION  # SC-30
    shown = memoryview(view)
    with pytest.raises(BufferError):
        NtUnmapViewOfSection(ME, view.address)
    shown.release()
    assert NtUnmapViewOfSection(ME, view.address + 70_000) == STATUS_SUCCESS  # SC-15
    for address in view.address if not view.closed else 0, 0, 4096, -1, 2**64:
        assert NtUnmapViewOfSection(ME, address) == STATUS_NOT_MAPPED_VIEW
    assert RtlNtStatusToDosError(STATUS_NOT_MAPPED_VIEW) == 487
    assert NtFlushVirtualMemory(ME, 4096) == STATUS_NOT_MAPPED_VIEW


def test_sections_of_files(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(b"0123456789")
    file = file_handle(path)
    board = NtCreateSection(SECTION_ALL_ACCESS, None, 0, PAGE_READWRITE, SEC_COMMIT, file).handle
    assert NtQuerySection(board).information == (0, SEC_FILE, 10)  # SC-19, SC-25
    view = mapped(board).view
    view[:2] = b"ab"
    assert NtFlushVirtualMemory(ME, view.address) == STATUS_SUCCESS and path.read_bytes() == b"ab23456789"  # SC-33
    assert NtFlushVirtualMemory(ME, view.address, 10**9) == STATUS_INVALID_PARAMETER
    assert NtExtendSection(board, 10) == (STATUS_SUCCESS, 10)
    assert NtExtendSection(board, 11) == (STATUS_SECTION_NOT_EXTENDED, None)
    large = NtCreateSection(SECTION_ALL_ACCESS, None, 5000, PAGE_READWRITE, SEC_COMMIT, file)
    assert large.status == STATUS_SUCCESS and path.stat().st_size == 5000  # SC-16
    toobig = NtCreateSection(SECTION_ALL_ACCESS, None, 6000, PAGE_READONLY, SEC_COMMIT, file)
    assert toobig.status == STATUS_SECTION_TOO_BIG  # SC-17
    readable = file_handle(path, os.O_RDONLY)
    refused = NtCreateSection(SECTION_ALL_ACCESS, None, 0, PAGE_READWRITE, SEC_COMMIT, readable)
    assert refused.status == STATUS_ACCESS_DENIED  # SC-20
    assert NtCreateSection(SECTION_ALL_ACCESS, None, 0, PAGE_WRITECOPY, SEC_COMMIT, readable).status == STATUS_SUCCESS
    (tmp_path / "empty").touch()
    empty = file_handle(tmp_path / "empty")
    nothing = NtCreateSection(SECTION_ALL_ACCESS, None, 0, PAGE_READWRITE, SEC_COMMIT, empty)
    assert nothing.status == STATUS_MAPPED_FILE_SIZE_ZERO  # SC-18
    assert NtCreateSection(SECTION_ALL_ACCESS, None, 0, PAGE_READWRITE, SEC_COMMIT, board).status == (
        STATUS_OBJECT_TYPE_MISMATCH
    )
    for each in file, readable, empty:
        NtClose(each)


@pytest.mark.parametrize("wide", [True, False])
def test_images_are_laid_out_by_their_headers(tmp_path: Path, wide: bool, peer: Peer) -> None:
    file = file_handle(image_file(tmp_path, wide), os.O_RDONLY)
    name = OBJECT_ATTRIBUTES("\\BaseNamedObjects\\image")
    status, image = NtCreateSection(SECTION_ALL_ACCESS, name, 0, PAGE_EXECUTE_READ, SEC_IMAGE, file)
    assert status == STATUS_SUCCESS and NtQuerySection(image).information == (0, SEC_FILE | SEC_IMAGE, 0x4000)
    told = NtQuerySection(image, SectionImageInformationClass).information
    base = 0x1_4000_0000 if wide else 0x40_0000
    assert (told.TransferAddress, told.Machine) == (base + 0x1010, 0x8664 if wide else 0x14C)
    assert (told.SubSystemType, told.DllCharacteristics, told.CheckSum) == (3, 0x160, 0x1234)
    assert told.ImageContainsCode and told.ImageFileSize == 0x800 and told.MaximumStackSize == 0x10_0000
    status, view = mapped(image)
    assert status == STATUS_IMAGE_NOT_AT_BASE and len(view) == 0x4000
    assert view[:2] == b"MZ" and view[0x1000:0x1064] == CODE and view[0x2000:0x2006] == DATA + b"\0"
    assert view[0x3000:] == bytes(0x1000)
    protections = [NtQueryVirtualMemory(ME, view.address + place).information for place in (0, 0x1000, 0x2000, 0x3000)]
    assert [each.Protect for each in protections] in (
        [PAGE_READONLY, PAGE_EXECUTE_READ, PAGE_WRITECOPY, PAGE_READONLY],
        [PAGE_READONLY, PAGE_READONLY, PAGE_WRITECOPY, PAGE_READONLY],  # where /dev/shm is mounted noexec
    )
    assert {each.Type for each in protections} == {MEM_IMAGE}
    import ctypes

    ctypes.memset(view.address + 0x2000, 7, 1)
    peer.run("from ntipc.ntdll import *")
    peer.run("image = NtOpenSection(SECTION_ALL_ACCESS, OBJECT_ATTRIBUTES(r'\\BaseNamedObjects\\image')).handle")
    assert peer.run("NtMapViewOfSection(image, -1).view[0x2000:0x2005]") == DATA, "what one writes is its own"
    with pytest.raises(TypeError):
        view[0] = 1
    assert NtUnmapViewOfSection(ME, view.address) == STATUS_SUCCESS
    assert NtQuerySection(section(), SectionImageInformationClass).status == STATUS_SECTION_NOT_IMAGE
    for each in file, image:
        NtClose(each)


@pytest.mark.parametrize("cut", [0, 10, 0x3F, 0x81, 0x90, 0x100, 0x1A0, 0x3FF, 0x500])
def test_damaged_images_are_refused(tmp_path: Path, cut: int) -> None:
    path = image_file(tmp_path)
    path.write_bytes(path.read_bytes()[:cut])
    file = file_handle(path)
    status = NtCreateSection(SECTION_ALL_ACCESS, None, 0, PAGE_READONLY, SEC_IMAGE, file).status
    assert status in (STATUS_INVALID_IMAGE_FORMAT, STATUS_INVALID_FILE_FOR_SECTION)
    assert RtlNtStatusToDosError(status) == 193  # SC-23
    NtClose(file)


def test_images_with_hostile_headers_are_refused(tmp_path: Path) -> None:
    whole = image_file(tmp_path).read_bytes()
    path = tmp_path / "hostile"
    optional = 0x80 + 24
    for where, value in (
        (0, 0x4D4D), (0x3C, 0xFFFF_FFF0), (0x80, 0), (0x86, 0xFFFF), (optional, 0x999), (optional + 32, 0x123),
        (optional + 56, 0xFFFF_FFFF), (optional + 60, 0x9_0000), (optional + 240 + 12, 0xFFFF_F000),
        (optional + 240 + 8, 0xFFFF_FFFF), (optional + 240 + 16, 0x7FFF_FFFF), (optional + 240 + 12, 0x1001),
    ):  # fmt: skip
        damaged = bytearray(whole)
        struct.pack_into("<I" if value > 0xFFFF else "<H", damaged, where, value)
        path.write_bytes(damaged)
        file = file_handle(path)
        status = NtCreateSection(SECTION_ALL_ACCESS, None, 0, PAGE_READONLY, SEC_IMAGE, file).status
        assert RtlNtStatusToDosError(status) == 193, (hex(where), status)
        NtClose(file)
