"""Names, attributes and handles through the Native API, by the facts about NT."""

import os
import threading

import pytest
from harness.peers import Peer

import ntipc
from ntipc.ntdll import *

BASE = "\\BaseNamedObjects\\"
PSEUDO = -1
CREATES = {
    "Event": lambda attributes, access=0x1F0003: NtCreateEvent(access, attributes, NotificationEvent, False),
    "Mutant": lambda attributes, access=0x1F0001: NtCreateMutant(access, attributes, False),
    "Semaphore": lambda attributes, access=0x1F0003: NtCreateSemaphore(access, attributes, 0, 1),
    "Timer": lambda attributes, access=0x1F0003: NtCreateTimer(access, attributes, NotificationTimer),
    "EventPair": lambda attributes, access=0x1F0000: NtCreateEventPair(access, attributes),
}
OPENS = {
    "Event": NtOpenEvent,
    "Mutant": NtOpenMutant,
    "Semaphore": NtOpenSemaphore,
    "Timer": NtOpenTimer,
    "EventPair": NtOpenEventPair,
}


def named(name: str | bytes | None, flags: int = 0) -> OBJECT_ATTRIBUTES:
    return OBJECT_ATTRIBUTES(BASE + name if isinstance(name, str) else name, flags)


@pytest.mark.parametrize("kind", CREATES)
def test_creating_a_name_twice(kind: str) -> None:
    status, first = CREATES[kind](named("x"))
    assert status == STATUS_SUCCESS and first
    assert CREATES[kind](named("x")) == (STATUS_OBJECT_NAME_COLLISION, 0)  # NM-20
    status, second = CREATES[kind](named("x", OBJ_OPENIF))
    assert status == STATUS_OBJECT_NAME_EXISTS and second != first
    assert NtCompareObjects(first, second) == STATUS_SUCCESS  # HD-21
    other = next(each for each in CREATES if each != kind)
    assert CREATES[other](named("x", OBJ_OPENIF)).status == STATUS_OBJECT_TYPE_MISMATCH  # NM-21
    assert OPENS[other](MAXIMUM_ALLOWED, named("x")).status == STATUS_OBJECT_TYPE_MISMATCH  # NM-5
    status, third = OPENS[kind](MAXIMUM_ALLOWED, named("x"))
    assert status == STATUS_SUCCESS
    assert [NtClose(each) for each in (first, second, third)] == [STATUS_SUCCESS] * 3
    assert OPENS[kind](MAXIMUM_ALLOWED, named("x")).status == STATUS_OBJECT_NAME_NOT_FOUND  # NM-6, NM-9


@pytest.mark.parametrize("kind", CREATES)
def test_each_type_knows_its_name_and_path(kind: str) -> None:
    handle = CREATES[kind](named("x", OBJ_INHERIT)).handle
    assert NtQueryObject(handle, ObjectTypeInformation) == (STATUS_SUCCESS, kind)
    assert NtQueryObject(handle, ObjectNameInformation) == (STATUS_SUCCESS, BASE + "x")
    assert NtQueryObject(handle, ObjectHandleFlagInformation).information == (True, False)
    basic = NtQueryObject(handle).information
    assert (basic.Attributes, basic.HandleCount) == (OBJ_INHERIT, 1) and basic.GrantedAccess & SYNCHRONIZE
    NtClose(handle)


@pytest.mark.parametrize(
    ("attributes", "status"),
    [
        (None, STATUS_INVALID_PARAMETER),  # NM-25
        (OBJECT_ATTRIBUTES(), STATUS_OBJECT_PATH_SYNTAX_BAD),
        (OBJECT_ATTRIBUTES(""), STATUS_OBJECT_PATH_SYNTAX_BAD),
        (OBJECT_ATTRIBUTES("x"), STATUS_OBJECT_PATH_SYNTAX_BAD),  # NM-22
        (OBJECT_ATTRIBUTES(BASE + "x", Length=47), STATUS_INVALID_PARAMETER),  # NM-14
        (OBJECT_ATTRIBUTES(BASE), STATUS_OBJECT_NAME_INVALID),  # NM-23: it ends in a backslash
        (OBJECT_ATTRIBUTES(BASE + "x\\"), STATUS_OBJECT_PATH_NOT_FOUND),
        (OBJECT_ATTRIBUTES("\\\\BaseNamedObjects\\x"), STATUS_OBJECT_NAME_INVALID),
        (OBJECT_ATTRIBUTES(BASE + "a\\b"), STATUS_OBJECT_PATH_NOT_FOUND),
        (OBJECT_ATTRIBUTES("\\Nowhere\\x"), STATUS_OBJECT_PATH_NOT_FOUND),
        (OBJECT_ATTRIBUTES("\\basenamedobjects\\x"), STATUS_OBJECT_PATH_NOT_FOUND),  # NM-8
        (OBJECT_ATTRIBUTES(BASE + "x"), STATUS_OBJECT_NAME_NOT_FOUND),
        (OBJECT_ATTRIBUTES(b"\\"), STATUS_OBJECT_NAME_INVALID),  # NM-13: half a unit
        (OBJECT_ATTRIBUTES((BASE + "x").ljust(32767, "y")), STATUS_OBJECT_NAME_INVALID),
        (OBJECT_ATTRIBUTES((BASE + "x").ljust(32766, "y")), STATUS_OBJECT_NAME_NOT_FOUND),
        (OBJECT_ATTRIBUTES("x", RootDirectory=0x1FFC), STATUS_INVALID_HANDLE),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_opening_by_impossible_attributes(attributes: OBJECT_ATTRIBUTES | None, status: int) -> None:
    for kind, opening in OPENS.items():
        assert opening(MAXIMUM_ALLOWED, attributes) == (status, 0), kind


def test_a_root_directory_must_be_a_directory() -> None:
    event = CREATES["Event"](None).handle
    assert NtOpenEvent(MAXIMUM_ALLOWED, OBJECT_ATTRIBUTES("x", 0, event)).status == STATUS_OBJECT_TYPE_MISMATCH  # NM-24
    NtClose(event)


def test_case_counts_unless_it_is_told_not_to() -> None:
    event = CREATES["Event"](named("Alpha")).handle
    assert NtOpenEvent(MAXIMUM_ALLOWED, named("alpha")).status == STATUS_OBJECT_NAME_NOT_FOUND  # NM-7
    for name in "\\BASENAMEDOBJECTS\\ALPHA", BASE + "alpha", BASE + "Alpha":  # NM-8
        status, other = NtOpenEvent(MAXIMUM_ALLOWED, OBJECT_ATTRIBUTES(name, OBJ_CASE_INSENSITIVE))
        assert status == STATUS_SUCCESS and NtCompareObjects(event, other) == STATUS_SUCCESS
        NtClose(other)
    collides = CREATES["Event"](named("ALPHA", OBJ_CASE_INSENSITIVE))
    assert collides.status == STATUS_OBJECT_NAME_COLLISION
    NtClose(event)


def test_nul_is_a_letter_and_bytes_are_utf16() -> None:
    plain, longer = CREATES["Event"](named("a")).handle, CREATES["Event"](named("a\0")).handle
    assert plain and longer and NtCompareObjects(plain, longer) == STATUS_NOT_SAME_OBJECT  # NM-26
    same = NtOpenEvent(MAXIMUM_ALLOWED, OBJECT_ATTRIBUTES((BASE + "a").encode("utf-16-le"))).handle
    assert NtCompareObjects(plain, same) == STATUS_SUCCESS
    for each in plain, longer, same:
        NtClose(each)


def test_the_object_is_the_librarys_in_another_process(peer: Peer) -> None:
    handle = CREATES["Event"](named("ready")).handle
    peer.run("ntipc.Event.open('ready').set()")
    assert NtQueryEvent(handle).information.EventState == 1
    peer.run("from ntipc.ntdll import *")
    code = "NtResetEvent(NtOpenEvent(2, OBJECT_ATTRIBUTES(r'\\BaseNamedObjects\\ready')).handle)"
    assert peer.run(code) == (STATUS_SUCCESS, 1)
    assert not ntipc.Event.open("ready").is_set()
    NtClose(handle)


def test_local_and_global_lead_where_the_library_says() -> None:
    local, everywhere = CREATES["Event"](named("Local\\x")).handle, CREATES["Event"](named("Global\\x")).handle
    assert ntipc.Event.open("x").identity == ntipc.ntdll.handles.find(local).identity  # NM-16
    assert ntipc.Event.open("Global\\x").session != ntipc.Event.open("x").session
    assert NtQueryObject(everywhere, ObjectNameInformation).information == BASE + "Global\\x"
    assert everywhere >= 0x20_0000 and NtSetEvent(everywhere) == (STATUS_SUCCESS, 0)
    NtClose(local)
    NtClose(everywhere)


def test_rights_are_those_asked_for() -> None:
    waits = CREATES["Event"](named("x"), SYNCHRONIZE).handle
    assert NtSetEvent(waits) == (STATUS_ACCESS_DENIED, None) and NtQueryEvent(waits).status == STATUS_ACCESS_DENIED
    sets = NtOpenEvent(EVENT_MODIFY_STATE, named("x")).handle
    assert NtSetEvent(sets).status == STATUS_SUCCESS  # HD-17
    assert NtWaitForSingleObject(sets, False, 0) == STATUS_ACCESS_DENIED  # WT-24
    assert NtOpenEvent(0, named("x")).status == STATUS_ACCESS_DENIED  # NM-29
    reads = NtOpenEvent(GENERIC_READ, named("x")).handle
    assert NtQueryEvent(reads).information == (NotificationEvent, 1) and not NtSetEvent(reads)
    for each in waits, sets, reads:
        NtClose(each)


def test_duplicates() -> None:
    event = CREATES["Event"](None).handle
    status, same = NtDuplicateObject(PSEUDO, event, PSEUDO, 0, 0, DUPLICATE_SAME_ACCESS)
    assert status == STATUS_SUCCESS and NtSetEvent(same).previous == 0 and NtSetEvent(event).previous == 1  # HD-9
    waits = NtDuplicateObject(PSEUDO, event, PSEUDO, SYNCHRONIZE, OBJ_INHERIT, 0).handle
    assert NtSetEvent(waits).status == STATUS_ACCESS_DENIED  # HD-15
    assert NtQueryObject(waits, ObjectHandleFlagInformation).information == (True, False)  # HD-8
    more = NtDuplicateObject(PSEUDO, waits, PSEUDO, EVENT_ALL_ACCESS, 0, 0).handle
    assert NtSetEvent(more).status == STATUS_SUCCESS  # HD-16
    copied = NtDuplicateObject(PSEUDO, waits, PSEUDO, 0, 0, DUPLICATE_SAME_ACCESS | DUPLICATE_SAME_ATTRIBUTES).handle
    assert NtQueryObject(copied, ObjectHandleFlagInformation).information == (True, False)  # HD-33
    assert NtDuplicateObject(PSEUDO, 0x1FFC, PSEUDO, 0, 0, DUPLICATE_SAME_ACCESS) == (STATUS_INVALID_HANDLE, 0)  # HD-10
    for each in event, same, waits, more, copied:
        assert NtClose(each) == STATUS_SUCCESS


def test_duplicates_that_close_their_source() -> None:
    event = CREATES["Event"](None).handle
    closing = DUPLICATE_SAME_ACCESS | DUPLICATE_CLOSE_SOURCE
    status, moved = NtDuplicateObject(PSEUDO, event, PSEUDO, 0, OBJ_INHERIT, closing)
    assert (status, moved) == (STATUS_SUCCESS, event)  # HD-12
    assert NtQueryObject(moved, ObjectHandleFlagInformation).information == (True, False)  # HD-30
    assert NtSetInformationObject(moved, ObjectHandleFlagInformation, (False, True)) == STATUS_SUCCESS
    assert (
        NtClose(moved) == STATUS_HANDLE_NOT_CLOSABLE and RtlNtStatusToDosError(STATUS_HANDLE_NOT_CLOSABLE) == 6
    )  # HD-4
    status, other = NtDuplicateObject(PSEUDO, moved, PSEUDO, 0, 0, closing)
    assert status == STATUS_SUCCESS and other != moved and NtSetEvent(moved)  # HD-13, HD-31
    NtSetInformationObject(moved, ObjectHandleFlagInformation, (False, False))
    assert NtDuplicateObject(PSEUDO, moved, 0, 0, 0, closing) == (STATUS_SUCCESS, 0)  # HD-26
    assert NtSetEvent(moved).status == STATUS_INVALID_HANDLE
    NtClose(other)


def test_pseudo_handles_have_no_marks() -> None:
    assert NtClose(NtCurrentProcess()) == STATUS_SUCCESS and NtClose(-2) == STATUS_SUCCESS  # HD-2
    flags = (True, False)
    assert NtSetInformationObject(-1, ObjectHandleFlagInformation, flags) == STATUS_ACCESS_DENIED  # HD-34
    assert NtQueryObject(-1, ObjectHandleFlagInformation).information == (False, False)
    assert NtQueryObject(-2, ObjectTypeInformation).information == "Thread"
    assert NtQueryObject(-1, ObjectNameInformation).information == ""
    thread = NtOpenThread(0, None, (0, threading.get_native_id())).handle
    assert NtDuplicateObject(PSEUDO, thread, PSEUDO, 0, 0, DUPLICATE_SAME_ACCESS).status == STATUS_NOT_SUPPORTED
    NtClose(thread)


CALLS = [
    NtSetEvent,
    NtResetEvent,
    NtClearEvent,
    NtPulseEvent,
    NtQueryEvent,
    lambda handle: NtReleaseSemaphore(handle, 1),
    NtQuerySemaphore,
    NtReleaseMutant,
    NtQueryMutant,
    lambda handle: NtSetTimer(handle, 0),
    NtCancelTimer,
    NtQueryTimer,
    NtSetHighEventPair,
    NtSetLowEventPair,
    NtWaitHighEventPair,
    NtWaitLowEventPair,
    NtSetHighWaitLowEventPair,
    NtSetLowWaitHighEventPair,
]


def status_of(result: object) -> int:
    return result[0] if isinstance(result, tuple) else result  # type: ignore[return-value]


@pytest.mark.parametrize("number", [0, 0x1FFC, -4, -8, 2**31, 2**63, 2**64, 10**30])
def test_no_call_takes_what_is_no_handle(number: int) -> None:
    more = [
        NtClose,
        NtQueryObject,
        lambda handle: NtWaitForSingleObject(handle, False, 0),
        lambda handle: NtWaitForSingleObject(handle, True, 0),
        lambda handle: NtSignalAndWaitForSingleObject(handle, handle, False, 0),
        lambda handle: NtWaitForMultipleObjects(1, [handle], WaitAny, False, 0),
        lambda handle: NtQueueApcThread(handle, print),
        NtAlertThread,
    ]
    for call in CALLS + more:
        assert status_of(call(number)) == STATUS_INVALID_HANDLE, call  # EV-15


def test_no_call_takes_a_handle_of_another_type() -> None:
    section = ntipc.ntdll.handles.insert(ntipc.Section(size=1))
    for call in CALLS:
        assert status_of(call(section)) == STATUS_OBJECT_TYPE_MISMATCH, call  # HD-22, EP-7
    assert NtWaitForSingleObject(section, False, 0) == STATUS_ACCESS_DENIED  # SC-34
    assert NtQueueApcThread(section, print) == STATUS_OBJECT_TYPE_MISMATCH
    NtClose(section)


def test_closed_handles_are_refused_from_any_thread() -> None:
    handle = CREATES["Event"](None).handle
    done = []
    thread = threading.Thread(target=lambda: done.append((NtSetEvent(handle), NtClose(handle), NtClose(handle))))
    thread.start()
    thread.join()
    assert done == [((STATUS_SUCCESS, 0), STATUS_SUCCESS, STATUS_INVALID_HANDLE)]
    for call in CALLS:
        assert status_of(call(handle)) == STATUS_INVALID_HANDLE


def test_wrong_types_are_pythons_own_error() -> None:
    for wrong in (lambda: NtSetEvent("4"), lambda: NtWaitForSingleObject(4, False, 0.5), lambda: NtClose(None)):
        with pytest.raises(TypeError):
            wrong()
    with pytest.raises(TypeError):
        NtOpenEvent(MAXIMUM_ALLOWED, OBJECT_ATTRIBUTES(7))


def test_every_name_is_where_the_package_says() -> None:
    from importlib import import_module

    for module, names in ntipc.ntdll._NAMES_OF.items():
        found = import_module(f"ntipc.ntdll.{module}")
        public = {name for name, value in vars(found).items() if getattr(value, "__module__", "") == found.__name__}
        calls = {name for name in public if name.startswith("Nt") and name != "NtSteps"}
        assert calls <= set(names.split()), module
        for name in names.split():
            assert getattr(ntipc.ntdll, name) is getattr(found, name)
    with pytest.raises(AttributeError):
        ntipc.ntdll.NtNothing  # noqa: B018
    assert "NtCreateEvent" in dir(ntipc.ntdll) and os.getpid()
