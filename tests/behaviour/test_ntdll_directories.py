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


@pytest.mark.parametrize("name", ["Company", "\\Company\\", "\\\\Company", "\\Nowhere\\Company"])
def test_impossible_names_of_directories(name: str) -> None:
    made = directory(name)
    assert not made and made.handle == 0
    assert not NtOpenDirectoryObject(MAXIMUM_ALLOWED, OBJECT_ATTRIBUTES(name))
    assert not link(name, "\\BaseNamedObjects")


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


@pytest.mark.parametrize(
    "attributes", [None, OBJECT_ATTRIBUTES(), OBJECT_ATTRIBUTES(""), OBJECT_ATTRIBUTES("", 0, 0x7FF0)]
)
def test_directories_and_links_need_no_name(attributes: OBJECT_ATTRIBUTES | None) -> None:  # NM-25
    status, here = NtCreateDirectoryObject(DIRECTORY_ALL_ACCESS, attributes)
    other = NtCreateDirectoryObject(DIRECTORY_ALL_ACCESS, attributes).handle
    assert status == STATUS_SUCCESS and NtCompareObjects(here, other) == STATUS_NOT_SAME_OBJECT
    assert NtQueryObject(here, ObjectNameInformation).information == ""
    ready = event("ready", root=here).handle
    assert NtQueryObject(ready, ObjectNameInformation).information == "\\...\\ready"
    assert opened("ready", root=here).status == STATUS_SUCCESS
    assert opened("ready", root=other).status == STATUS_OBJECT_NAME_NOT_FOUND
    assert NtQueryDirectoryObject(here).entries == [("ready", "Event")]
    root = NtOpenDirectoryObject(MAXIMUM_ALLOWED, OBJECT_ATTRIBUTES("\\")).handle
    assert not [entry for entry in NtQueryDirectoryObject(root).entries if "\0" in entry.name]
    status, to = NtCreateSymbolicLinkObject(SYMBOLIC_LINK_ALL_ACCESS, attributes, "\\Company")
    assert status == STATUS_SUCCESS and NtQuerySymbolicLinkObject(to).information == "\\Company"
    assert NtQueryObject(to, ObjectNameInformation).information == ""


def test_an_unnamed_directory_is_shared_by_its_handle(peer: Peer) -> None:
    here = NtCreateDirectoryObject(DIRECTORY_ALL_ACCESS, None).handle
    event("ready", root=here)
    peer.run("from ntipc.ntdll import *")
    assert peer.run("NtOpenEvent(2, OBJECT_ATTRIBUTES('\\\\...\\\\ready')).status") == STATUS_OBJECT_PATH_NOT_FOUND
    assert event("ready", root=here).status == STATUS_OBJECT_NAME_COLLISION


def test_an_empty_name_is_that_of_the_root_directory() -> None:
    company = directory("\\Company").handle
    same = NtOpenDirectoryObject(MAXIMUM_ALLOWED, OBJECT_ATTRIBUTES("", 0, company)).handle
    assert NtCompareObjects(company, same) == STATUS_SUCCESS
    assert opened("", root=company).status == STATUS_OBJECT_TYPE_MISMATCH
    other = event("\\Company\\x").handle
    assert opened("", root=other).status == STATUS_OBJECT_TYPE_MISMATCH
    for root in company, 0x7FF0:
        nothing = OBJECT_ATTRIBUTES(None, 0, root)
        assert NtOpenEvent(EVENT_ALL_ACCESS, nothing) == (STATUS_OBJECT_NAME_INVALID, 0)
        assert NtCreateMutant(MUTANT_ALL_ACCESS, nothing, False) == (STATUS_OBJECT_NAME_INVALID, 0)


@pytest.mark.parametrize(
    "path", ["\\Sessions\\1\\BaseNamedObjects", "\\BaseNamedObjects\\Session\\1", "\\Sessions\\BNOLINKS\\1"]
)
def test_the_session_has_paths_of_its_own(path: str, peer: Peer) -> None:
    there = event(path + "\\ready").handle
    assert NtQueryObject(there, ObjectNameInformation).information == "\\BaseNamedObjects\\ready"
    assert ntipc.Event.open("ready").set() is False
    peer.run("from ntipc.ntdll import *")
    assert peer.run(f"NtQueryEvent(NtOpenEvent(1, OBJECT_ATTRIBUTES({path!r} + '\\\\ready')).handle)") == (0, (0, 1))
    base = NtOpenDirectoryObject(MAXIMUM_ALLOWED, OBJECT_ATTRIBUTES(path)).handle
    assert NtQueryObject(base, ObjectNameInformation).information == "\\BaseNamedObjects"
    assert opened("ready", root=base).status == STATUS_SUCCESS
    assert opened(path.upper() + "\\READY", OBJ_CASE_INSENSITIVE).status == STATUS_SUCCESS
    assert opened(path.upper() + "\\ready").status == STATUS_OBJECT_PATH_NOT_FOUND
    other = path.replace("1", "2")
    assert event(other + "\\ready").status == STATUS_OBJECT_PATH_NOT_FOUND
    link("\\Mine", path)
    assert NtOpenDirectoryObject(MAXIMUM_ALLOWED, OBJECT_ATTRIBUTES("\\Mine")).status == STATUS_SUCCESS


def test_built_in_names_are_taken() -> None:
    for name in "\\", "\\BaseNamedObjects", "\\Sessions\\1", "\\BaseNamedObjects\\Local":
        assert event(name).status == STATUS_OBJECT_NAME_COLLISION
        for refused in event(name, OBJ_OPENIF), opened(name):
            assert refused == (STATUS_OBJECT_TYPE_MISMATCH, 0)
    assert link("\\", "\\Company").status == STATUS_OBJECT_TYPE_MISMATCH
    assert link("\\Sessions", "\\Company").status == STATUS_OBJECT_NAME_COLLISION


def test_built_in_links_can_be_opened() -> None:
    local = NtOpenSymbolicLinkObject(MAXIMUM_ALLOWED, OBJECT_ATTRIBUTES("\\BaseNamedObjects\\Local")).handle
    assert NtQuerySymbolicLinkObject(local) == (STATUS_SUCCESS, "\\BaseNamedObjects")
    assert NtQueryObject(local, ObjectTypeInformation).information == "SymbolicLink"
    assert NtQueryObject(local, ObjectNameInformation).information == "\\BaseNamedObjects\\Local"
    again = NtDuplicateObject(-1, local, -1, 0, 0, DUPLICATE_SAME_ACCESS).handle
    assert NtCompareObjects(local, again) == STATUS_SUCCESS
    assert event("x", root=local).status == STATUS_OBJECT_TYPE_MISMATCH
    assert NtClose(local) == STATUS_SUCCESS and NtQuerySymbolicLinkObject(again).status == STATUS_SUCCESS
    for name in "\\BaseNamedObjects", "\\":
        wrong = NtOpenSymbolicLinkObject(MAXIMUM_ALLOWED, OBJECT_ATTRIBUTES(name))
        assert wrong.status == STATUS_OBJECT_TYPE_MISMATCH


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


@pytest.mark.parametrize("path", ["\\Nowhere\\", "\\BaseNamedObjects\\nowhere\\"])
def test_a_directory_that_is_missing_comes_before_an_empty_name(path: str) -> None:  # NM-23
    assert directory(path).status == STATUS_OBJECT_PATH_NOT_FOUND
    assert opened(path).status == STATUS_OBJECT_PATH_NOT_FOUND
