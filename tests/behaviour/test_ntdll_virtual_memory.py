"""Memory by address and views in other processes, by NT's names."""

import ctypes
import os
from collections.abc import Iterator

import pytest
from harness.peers import Peer

import ntipc
from ntipc.ntdll import *
from ntipc.win32 import pywintypes, win32process

ME = -1
BOTH = MEM_COMMIT | MEM_RESERVE


@pytest.fixture
def target(peer: Peer) -> Iterator[int]:
    """A handle of a process that allows everything."""
    peer.run("import ctypes; ntipc.allow_remote(memory=True, sections=True)")
    handle = NtOpenProcess(PROCESS_ALL_ACCESS, None, (peer.pid, 0)).handle
    yield handle
    NtClose(handle)


def test_memory_of_this_process() -> None:
    status, address, size = NtAllocateVirtualMemory(ME, None, 0, 5000, BOTH, PAGE_READWRITE)
    assert status == STATUS_SUCCESS and size == 8192 and address % 65_536 == 0  # PM-26
    assert ctypes.string_at(address, 8192) == bytes(8192)
    assert NtWriteVirtualMemory(ME, address, b"here") == (STATUS_SUCCESS, 4)
    assert ctypes.string_at(address, 4) == b"here"
    assert NtProtectVirtualMemory(ME, address, 1, PAGE_READONLY) == (STATUS_SUCCESS, PAGE_READWRITE)
    told = NtQueryVirtualMemory(ME, address).information
    assert (told.Protect, told.Type, told.State) == (PAGE_READONLY, MEM_PRIVATE, MEM_COMMIT)
    assert RtlNtStatusToDosError(NtWriteVirtualMemory(ME, address, b"x").status) == 998  # PM-04
    assert NtFreeVirtualMemory(ME, address, 0, MEM_RELEASE) == STATUS_SUCCESS
    assert NtReadVirtualMemory(ME, address, bytearray(4)) == (STATUS_PARTIAL_COPY, 0)


def test_memory_that_is_reserved_is_committed_later() -> None:
    address = NtAllocateVirtualMemory(ME, 0, 0, 65_536, MEM_RESERVE, PAGE_READWRITE).address
    assert NtReadVirtualMemory(ME, address, bytearray(1)).status == STATUS_PARTIAL_COPY
    status, start, size = NtAllocateVirtualMemory(ME, address + 4095, 0, 2, MEM_COMMIT, PAGE_READWRITE)
    assert (status, start, size) == (STATUS_SUCCESS, address, 8192)  # PM-29
    assert NtAllocateVirtualMemory(ME, address, 0, 2, MEM_COMMIT, PAGE_READWRITE)  # PM-27
    assert NtWriteVirtualMemory(ME, address + 8191, b"x")
    assert NtWriteVirtualMemory(ME, address + 8192, b"x").status != STATUS_SUCCESS
    assert NtFreeVirtualMemory(ME, address, 0, MEM_RELEASE)


def test_memory_of_another_process(target: int, peer: Peer) -> None:
    status, address, size = NtAllocateVirtualMemory(target, None, 0, 40_000, BOTH, PAGE_READWRITE)
    assert status == STATUS_SUCCESS and size == 40_960
    assert NtWriteVirtualMemory(target, address, b"x" * 32_768) == (STATUS_SUCCESS, 32_768)  # PM-24
    assert peer.run(f"ctypes.string_at({address}, 5).decode()") == "xxxxx"
    buffer = bytearray(100)
    assert NtReadVirtualMemory(target, address, buffer, 50) == (STATUS_SUCCESS, 50)
    assert bytes(buffer) == b"x" * 50 + bytes(50)
    assert NtProtectVirtualMemory(target, address, 4096, PAGE_NOACCESS) == (STATUS_SUCCESS, PAGE_READWRITE)
    assert NtQueryVirtualMemory(target, address).information.Protect == PAGE_NOACCESS
    assert NtFreeVirtualMemory(target, address, 1, MEM_RELEASE) == STATUS_INVALID_PARAMETER_3  # PM-30
    assert NtFreeVirtualMemory(target, address, 0, 0) == STATUS_INVALID_PARAMETER_4
    assert NtFreeVirtualMemory(target, address, 0, MEM_DECOMMIT) == STATUS_NOT_SUPPORTED
    assert RtlNtStatusToDosError(NtFreeVirtualMemory(target, address + 4096, 0, MEM_RELEASE)) == 487
    assert NtFreeVirtualMemory(target, address, 0, MEM_RELEASE) == STATUS_SUCCESS
    assert NtQueryVirtualMemory(target, address).information.State == MEM_FREE


@pytest.mark.parametrize(
    ("size", "kind", "protection", "status"),
    [
        (0, BOTH, PAGE_READWRITE, STATUS_INVALID_PARAMETER_4),  # PM-25
        (-1, BOTH, PAGE_READWRITE, STATUS_INVALID_PARAMETER_4),
        (2**63, BOTH, PAGE_READWRITE, STATUS_INVALID_PARAMETER_4),
        (2**62, BOTH, PAGE_READWRITE, STATUS_NO_MEMORY),
        (1, 0, PAGE_READWRITE, STATUS_INVALID_PARAMETER_5),
        (1, MEM_RELEASE, PAGE_READWRITE, STATUS_INVALID_PARAMETER_5),
        (1, BOTH, PAGE_EXECUTE_READWRITE, STATUS_NOT_SUPPORTED),
        (1, BOTH, PAGE_WRITECOPY, STATUS_INVALID_PAGE_PROTECTION),
        (1, BOTH, 0, STATUS_INVALID_PAGE_PROTECTION),
    ],
)
def test_impossible_allocations(size: int, kind: int, protection: int, status: int) -> None:
    assert NtAllocateVirtualMemory(ME, None, 0, size, kind, protection) == (status, 0, 0)


def test_a_third_process_maps_a_section(target: int, peer: Peer) -> None:
    board = NtCreateSection(SECTION_ALL_ACCESS, None, 200_000, PAGE_READWRITE, SEC_COMMIT).handle
    here = NtMapViewOfSection(board, ME).view
    status, there = NtMapViewOfSection(board, target, None, 0, 0, 65_536)
    assert status == STATUS_SUCCESS and there.size == 200_704 - 65_536
    here[65_536:65_541] = b"hello"
    assert peer.run(f"ctypes.string_at({there.address}, 5).decode()") == "hello"
    assert NtQueryVirtualMemory(target, there.address).information.Type == MEM_MAPPED
    assert NtUnmapViewOfSection(target, there.address + 70_000) == STATUS_SUCCESS
    assert NtUnmapViewOfSection(target, there.address) == STATUS_NOT_MAPPED_VIEW
    only = NtMapViewOfSection(board, target, Win32Protect=PAGE_READONLY).view
    assert NtWriteVirtualMemory(target, only.address, b"x").status != STATUS_SUCCESS


def test_what_is_not_allowed_is_refused(peer: Peer) -> None:
    board = NtCreateSection(SECTION_ALL_ACCESS, None, 4096, PAGE_READWRITE, SEC_COMMIT).handle
    peer.run("session = ntipc.Session()")
    for access in PROCESS_ALL_ACCESS, PROCESS_QUERY_INFORMATION:
        closed = NtOpenProcess(access, None, (peer.pid, 0)).handle
        assert NtAllocateVirtualMemory(closed, None, 0, 1, BOTH, PAGE_READWRITE).status == STATUS_ACCESS_DENIED
        assert NtMapViewOfSection(board, closed) == (STATUS_ACCESS_DENIED, None)
    assert NtReadVirtualMemory(closed, 65_536, bytearray(1)).status == STATUS_ACCESS_DENIED  # PM-03
    peer.kill()
    for call in (
        lambda: NtAllocateVirtualMemory(closed, None, 0, 1, BOTH, PAGE_READWRITE),
        lambda: NtQueryVirtualMemory(closed, 65_536),
        lambda: NtReadVirtualMemory(closed, 65_536, bytearray(1)),
    ):
        assert call().status not in (STATUS_SUCCESS, STATUS_PENDING)
    event = NtCreateEvent(EVENT_ALL_ACCESS, None, SynchronizationEvent, False).handle
    for wrong in event, -2:
        assert NtQueryVirtualMemory(wrong, 65_536).status == STATUS_OBJECT_TYPE_MISMATCH
    assert NtAllocateVirtualMemory(0, None, 0, 1, BOTH, PAGE_READWRITE).status == STATUS_INVALID_HANDLE


def test_pywin32s_names_do_the_same(target: int) -> None:
    for process in -1, target:
        address = win32process.VirtualAllocEx(process, 0, 100, BOTH, PAGE_READWRITE)
        win32process.WriteProcessMemory(process, address, b"text")
        assert win32process.ReadProcessMemory(process, address, 4) == b"text"
        for arguments, code in (
            ((address, 5, MEM_RELEASE), 87),
            ((address, 0, 0), 87),
            ((address + 1, 0, 0x8000), 487),
        ):
            with pytest.raises(pywintypes.error) as problem:
                win32process.VirtualFreeEx(process, *arguments)
            assert (problem.value.winerror, problem.value.funcname) == (code, "VirtualFreeEx")
        win32process.VirtualFreeEx(process, address, 0, MEM_RELEASE)
    with pytest.raises(pywintypes.error) as problem:
        win32process.VirtualAllocEx(-1, 0, 0, BOTH, PAGE_READWRITE)
    assert problem.value.winerror == 87  # PM-25
    assert ntipc.Process.current().pid == os.getpid()
