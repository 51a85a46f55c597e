"""Processes and handles between them through the Native API, by the facts about NT."""

import os

import pytest
from harness.peers import Peer

import ntipc
from ntipc.ntdll import *

ME = -1
SAME = DUPLICATE_SAME_ACCESS
MOVE = DUPLICATE_SAME_ACCESS | DUPLICATE_CLOSE_SOURCE


def event(name: str | None = None) -> int:
    attributes = OBJECT_ATTRIBUTES(f"\\BaseNamedObjects\\{name}") if name else None
    return NtCreateEvent(EVENT_ALL_ACCESS, attributes, NotificationEvent, False).handle


def opened(peer: Peer, access: int = PROCESS_ALL_ACCESS) -> int:
    peer.run("from ntipc.ntdll import *; theirs = NtCreateEvent(EVENT_ALL_ACCESS, None, 0, False).handle")
    return NtOpenProcess(access, None, (peer.pid, 0)).handle


def test_handles_go_from_any_process_to_any(peer: Peer) -> None:
    mine, process = event(), opened(peer)
    status, there = NtDuplicateObject(ME, mine, process, 0, 0, SAME)  # HD-11
    assert status == STATUS_SUCCESS and peer.run(f"NtSetEvent({there})") == (STATUS_SUCCESS, 0)
    assert NtQueryEvent(mine).information.EventState == 1
    status, here = NtDuplicateObject(process, there, ME, SYNCHRONIZE, OBJ_INHERIT, DUPLICATE_CLOSE_SOURCE)
    assert status == STATUS_SUCCESS and NtCompareObjects(here, mine) == STATUS_SUCCESS
    assert NtSetEvent(here).status == STATUS_ACCESS_DENIED  # HD-15
    assert NtQueryObject(here, ObjectHandleFlagInformation).information == (True, False)
    assert NtDuplicateObject(process, there, ME, 0, 0, MOVE) == (STATUS_INVALID_HANDLE, 0)
    assert peer.run(f"NtSetEvent({there}).status") == STATUS_INVALID_HANDLE
    theirs = peer.run("theirs")
    assert NtDuplicateObject(process, theirs, 0, 0, 0, MOVE) == (STATUS_SUCCESS, 0)  # HD-26
    assert peer.run("NtSetEvent(theirs).status") == STATUS_INVALID_HANDLE
    assert NtDuplicateObject(process, theirs, 0, 0, 0, SAME).status == STATUS_INVALID_HANDLE
    status, moved = NtDuplicateObject(ME, mine, process, 0, 0, MOVE)
    assert status == STATUS_SUCCESS and NtSetEvent(mine).status == STATUS_INVALID_HANDLE
    assert peer.run(f"NtQueryEvent({moved}).information.EventState") == 1
    NtClose(process)


def test_a_number_that_another_process_closed_and_gave_again_means_the_new_object(peer: Peer) -> None:
    mine, process = event(), opened(peer)
    first = NtDuplicateObject(ME, mine, process, 0, 0, SAME).handle
    peer.run(f"NtSetEvent({first})")
    NtDuplicateObject(process, first, 0, 0, 0, MOVE)
    lock = NtCreateMutant(MUTANT_ALL_ACCESS, None, False).handle
    again = NtDuplicateObject(ME, lock, process, 0, 0, SAME).handle
    assert again == first
    assert peer.run(f"NtWaitForSingleObject({again}, False, 0), NtReleaseMutant({again}).previous") == (0, 0)
    NtClose(process)


def test_rights_to_a_process_count(peer: Peer) -> None:
    weak = opened(peer, PROCESS_QUERY_INFORMATION | SYNCHRONIZE)
    assert NtDuplicateObject(ME, event(), weak, 0, 0, SAME).status == STATUS_ACCESS_DENIED  # HD-27
    assert NtTerminateProcess(weak, 3) == STATUS_ACCESS_DENIED
    assert NtQueryInformationProcess(weak).information == (STATUS_PENDING, peer.pid)  # PM-9
    assert NtWaitForSingleObject(weak, False, 0) == STATUS_TIMEOUT
    NtClose(weak)


def test_only_single_handles_go_to_other_processes(peer: Peer) -> None:
    process = opened(peer)
    slot = NtCreateMailslotFile(GENERIC_READ, OBJECT_ATTRIBUTES("\\??\\mailslot\\x"), 0, 0, 0, 0).handle
    pipe = NtOpenFile(GENERIC_READ, OBJECT_ATTRIBUTES("\\Device\\NamedPipe")).handle
    assert NtDuplicateObject(ME, pipe, process, 0, 0, SAME).status == STATUS_NOT_SUPPORTED
    assert NtDuplicateObject(ME, 0x1FFC, process, 0, 0, SAME).status == STATUS_INVALID_HANDLE
    assert NtDuplicateObject(0, 4, process, 0, 0, SAME).status == STATUS_INVALID_HANDLE
    assert NtDuplicateObject(slot, 4, process, 0, 0, SAME).status == STATUS_OBJECT_TYPE_MISMATCH
    for each in slot, pipe, process:
        NtClose(each)


def test_the_end_of_a_process(peer: Peer) -> None:
    process = opened(peer)
    assert NtTerminateProcess(process, 7) == STATUS_SUCCESS
    assert NtWaitForSingleObject(process, False, None) == STATUS_SUCCESS  # WT-16, PM-7
    assert NtWaitForSingleObject(process, False, 0) == STATUS_SUCCESS
    peer.process.wait()
    assert NtQueryInformationProcess(process).information == (7, peer.pid)
    assert NtQueryObject(process, ObjectTypeInformation).information == "Process"
    NtClose(process)


@pytest.mark.parametrize("pid", [0, -1, 2**22 + 5, 2**40])
def test_processes_that_are_not_there(pid: int) -> None:
    assert NtOpenProcess(PROCESS_ALL_ACCESS, None, (pid, 0)) == (STATUS_INVALID_CID, 0)  # PM-6
    made = event()
    for call in NtQueryInformationProcess, lambda handle: (NtTerminateProcess(handle, 0),):
        assert call(made)[0] == STATUS_OBJECT_TYPE_MISMATCH and call(0)[0] == STATUS_INVALID_HANDLE
    assert NtQueryInformationProcess(ME).information == (STATUS_PENDING, os.getpid())
    assert ntipc.ntdll.NtQueryInformationProcess(ME, 7).status == STATUS_INVALID_INFO_CLASS
