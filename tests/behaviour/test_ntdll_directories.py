"""Directories, symbolic links and permanent objects through the Native API, by the facts about NT."""

import pytest
from harness.peers import Peer

import ntipc
from ntipc.ntdll import *


def event(name: str, flags: int = 0, root: int = 0) -> HandleResult:
    return NtCreateEvent(EVENT_ALL_ACCESS, OBJECT_ATTRIBUTES(name, flags, root), NotificationEvent, False)


def opened(name: str, flags: int = 0, root: int = 0) -> HandleResult:
    return NtOpenEvent(EVENT_ALL_ACCESS, OBJECT_ATTRIBUTES(name, flags, root))


def directory(name: str, flags: int = 0, root: int = 0) -> HandleResult:
    return NtCreateDirectoryObject(DIRECTORY_ALL_ACCESS, OBJECT_ATTRIBUTES(name, flags, root))


def link(name: str, target: str) -> HandleResult:
    return NtCreateSymbolicLinkObject(SYMBOLIC_LINK_ALL_ACCESS, OBJECT_ATTRIBUTES(name), target)


def test_objects_in_directories_are_found_by_path_and_from_the_directory(peer: Peer) -> None:
    company = directory("\\Company").handle
    inner = directory("Inner", root=company).handle
    assert event("\\Company\\Inner\\ready").status == STATUS_SUCCESS
    same = opened("Inner\\ready", root=company).handle
    assert NtQueryObject(same, ObjectNameInformation).information == "\\Company\\Inner\\ready"
    assert NtQueryObject(inner, ObjectNameInformation).information == "\\Company\\Inner"
    assert NtQueryObject(inner, ObjectTypeInformation).information == "Directory"
    assert event("ready", root=inner).status == STATUS_OBJECT_NAME_COLLISION
    assert event("ready", OBJ_OPENIF, inner).status == STATUS_OBJECT_NAME_EXISTS
    assert opened("\\Company\\ready").status == STATUS_OBJECT_NAME_NOT_FOUND
    assert opened("\\ready", root=company).status == STATUS_OBJECT_PATH_SYNTAX_BAD
    assert opened("\\COMPANY\\inner\\READY", OBJ_CASE_INSENSITIVE).status == STATUS_SUCCESS  # NM-8
    peer.run("from ntipc.ntdll import *")
    code = "NtSetEvent(NtOpenEvent(2, OBJECT_ATTRIBUTES(r'\\Company\\Inner\\ready')).handle)"
    assert peer.run(code) == (STATUS_SUCCESS, 0)
    assert NtQueryEvent(same).information.EventState == 1
    with pytest.raises(ntipc.ObjectNotFound):
        ntipc.Event.open("ready")  # \BaseNamedObjects is another directory


def test_directories_go_with_their_last_handle() -> None:
    company = directory("\\Company").handle
    assert directory("\\Company").status == STATUS_OBJECT_NAME_COLLISION
    status, again = directory("\\Company", OBJ_OPENIF)
    assert status == STATUS_OBJECT_NAME_EXISTS and NtCompareObjects(company, again) == STATUS_SUCCESS
    third = NtOpenDirectoryObject(MAXIMUM_ALLOWED, OBJECT_ATTRIBUTES("\\Company")).handle
    for each in company, again:
        NtClose(each)
    assert event("\\Company\\x").status == STATUS_SUCCESS
    NtClose(third)
    assert opened("\\Company\\x").status == STATUS_OBJECT_PATH_NOT_FOUND  # NM-23
    missing = NtOpenDirectoryObject(MAXIMUM_ALLOWED, OBJECT_ATTRIBUTES("\\Company"))
    assert missing == (STATUS_OBJECT_NAME_NOT_FOUND, 0)


def test_names_of_directories_and_objects_collide() -> None:
    company, other = directory("\\Company").handle, event("\\Other").handle
    assert event("\\Company").status == STATUS_OBJECT_NAME_COLLISION
    assert opened("\\Company").status == STATUS_OBJECT_TYPE_MISMATCH  # NM-24
    assert directory("\\Other", OBJ_OPENIF).status == STATUS_OBJECT_TYPE_MISMATCH
    assert opened("\\Other\\x").status == STATUS_OBJECT_PATH_NOT_FOUND
    queue = ntipc.Queue("queue")
    assert directory("\\BaseNamedObjects\\queue", OBJ_OPENIF).status == STATUS_OBJECT_TYPE_MISMATCH
    for wrong in other, company:
        assert NtQuerySymbolicLinkObject(wrong) == (STATUS_OBJECT_TYPE_MISMATCH, None)
    assert NtQueryDirectoryObject(other).status == STATUS_OBJECT_TYPE_MISMATCH
    queue.close()


@pytest.mark.parametrize("name", [None, "", "Company", "\\Company\\", "\\\\Company", "\\Nowhere\\Company"])
def test_impossible_names_of_directories(name: str | None) -> None:
    made = directory(name)  # type: ignore[arg-type]
    assert not made and made.handle == 0
    assert not NtOpenDirectoryObject(MAXIMUM_ALLOWED, OBJECT_ATTRIBUTES(name))
    assert not link(name, "\\BaseNamedObjects")  # type: ignore[arg-type]
    assert NtCreateDirectoryObject(MAXIMUM_ALLOWED, None).status == STATUS_INVALID_PARAMETER


def test_listing() -> None:
    company = directory("\\Company").handle
    assert NtQueryDirectoryObject(company) == (STATUS_NO_MORE_ENTRIES, [], 0)
    event("b", root=company)
    NtCreateMutant(MUTANT_ALL_ACCESS, OBJECT_ATTRIBUTES("c", RootDirectory=company), False)
    directory("a", root=company)
    link("\\Company\\d", "\\Company")
    everything = [("a", "Directory"), ("b", "Event"), ("c", "Mutant"), ("d", "SymbolicLink")]
    assert NtQueryDirectoryObject(company) == (STATUS_SUCCESS, everything, 4)
    found, context, status = [], 0, STATUS_MORE_ENTRIES
    while status == STATUS_MORE_ENTRIES:
        status, entries, context = NtQueryDirectoryObject(company, True, False, context)
        found += entries
    assert (
        found == everything and NtQueryDirectoryObject(company, True, False, context).status == STATUS_NO_MORE_ENTRIES
    )
    assert NtQueryDirectoryObject(company, True, True, context).entries == everything[:1]
    weak = NtOpenDirectoryObject(DIRECTORY_TRAVERSE, OBJECT_ATTRIBUTES("\\Company")).handle
    assert NtQueryDirectoryObject(weak).status == STATUS_ACCESS_DENIED


def test_the_root_and_its_directories_are_always_there() -> None:
    event("\\BaseNamedObjects\\x")
    root = NtOpenDirectoryObject(MAXIMUM_ALLOWED, OBJECT_ATTRIBUTES("\\")).handle
    assert ("BaseNamedObjects", "Directory") in NtQueryDirectoryObject(root).entries
    base = NtOpenDirectoryObject(MAXIMUM_ALLOWED, OBJECT_ATTRIBUTES("BaseNamedObjects", RootDirectory=root)).handle
    assert ("x", "Event") in NtQueryDirectoryObject(base).entries
    assert opened("x", root=base).status == STATUS_SUCCESS
    assert directory("\\BaseNamedObjects").status == STATUS_OBJECT_NAME_COLLISION
    assert directory("\\BaseNamedObjects", OBJ_OPENIF).status == STATUS_OBJECT_NAME_EXISTS


def test_links_lead_on() -> None:
    directory("\\Company")
    there = event("\\Company\\ready").handle
    into = link("\\Firm", "\\Company").handle
    link("\\BaseNamedObjects\\go", "\\Firm\\ready")
    for name in "\\Firm\\ready", "\\BaseNamedObjects\\go":
        assert NtCompareObjects(opened(name).handle, there) == STATUS_SUCCESS
    assert NtQuerySymbolicLinkObject(into) == (STATUS_SUCCESS, "\\Company")
    again = NtOpenSymbolicLinkObject(MAXIMUM_ALLOWED, OBJECT_ATTRIBUTES("\\Firm")).handle
    assert NtCompareObjects(into, again) == STATUS_SUCCESS
    assert event("\\Firm\\new").status == STATUS_SUCCESS and opened("\\Company\\new").status == STATUS_SUCCESS
    followed = NtOpenDirectoryObject(MAXIMUM_ALLOWED, OBJECT_ATTRIBUTES("\\Firm")).handle
    assert NtQueryObject(followed, ObjectNameInformation).information == "\\Company"
    link("\\Loop", "\\Loop\\x")
    link("\\Nowhere", "\\Nothing\\there")
    for name in "\\Loop\\x", "\\Nowhere", "\\Nowhere\\x":
        assert opened(name).status in (STATUS_OBJECT_PATH_NOT_FOUND, STATUS_OBJECT_TYPE_MISMATCH)
    assert link("\\Empty", "").status == STATUS_INVALID_PARAMETER
    with pytest.raises(TypeError):
        link("\\Empty", b"x")  # type: ignore[arg-type]


def test_permanent_objects_stay_until_they_are_made_temporary() -> None:
    first = event("\\BaseNamedObjects\\x", OBJ_PERMANENT).handle
    NtSetEvent(first)
    NtClose(first)
    again = opened("\\BaseNamedObjects\\x").handle
    assert NtQueryEvent(again).information.EventState == 1
    assert NtMakeTemporaryObject(again) == STATUS_SUCCESS
    NtClose(again)
    assert opened("\\BaseNamedObjects\\x").status == STATUS_OBJECT_NAME_NOT_FOUND
    kept = directory("\\Company").handle
    assert NtMakePermanentObject(kept) == STATUS_SUCCESS and NtMakePermanentObject(kept) == STATUS_SUCCESS
    NtClose(kept)
    assert directory("\\Company").status == STATUS_OBJECT_NAME_COLLISION
    kept = directory("\\Company", OBJ_OPENIF).handle
    NtMakeTemporaryObject(kept)
    NtClose(kept)
    assert directory("\\Company").status == STATUS_SUCCESS
    for call in NtMakePermanentObject, NtMakeTemporaryObject:
        assert call(0) == STATUS_INVALID_HANDLE


def test_a_directory_of_a_killed_process_is_gone(peer: Peer) -> None:
    peer.run("from ntipc.ntdll import *")
    code = "NtCreateDirectoryObject(DIRECTORY_ALL_ACCESS, OBJECT_ATTRIBUTES(r'\\Theirs'))"
    assert peer.run(code).status == STATUS_SUCCESS
    kept = event("\\Theirs\\x").handle
    assert directory("\\Theirs").status == STATUS_OBJECT_NAME_COLLISION
    peer.kill()
    from harness.waiting import wait_until

    wait_until(lambda: opened("\\Theirs\\x").status == STATUS_OBJECT_PATH_NOT_FOUND)
    assert directory("\\Theirs").status == STATUS_SUCCESS
    assert NtCompareObjects(opened("\\Theirs\\x").handle, kept) == STATUS_SUCCESS
