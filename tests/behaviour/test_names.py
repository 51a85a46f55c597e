"""Names: one namespace a session, create or open, gone with the last handle."""

from collections.abc import Callable

import pytest
from harness.kinds import KINDS, create, make
from harness.peers import Peer
from harness.waiting import look, wait_until

import ntipc

OTHER_KIND = [(first, second) for first in KINDS for second in KINDS if first != second]


@pytest.mark.parametrize("kind", KINDS)
def test_constructor_makes_the_object_first_and_opens_it_afterwards(kind: str) -> None:
    first, second = make(kind, "x"), make(kind, "x")
    assert (first.created, second.created) == (True, False)
    assert first.name == second.name == "x"


def test_constructor_of_an_existing_event_ignores_the_other_arguments() -> None:
    first = ntipc.Event("x", manual_reset=False, initial=False)
    second = ntipc.Event("x", manual_reset=True, initial=True)
    assert not second.manual_reset and not second.is_set() and not first.is_set()


def test_constructor_of_an_existing_semaphore_ignores_the_counts() -> None:
    first = ntipc.Semaphore("x", initial=1, maximum=2)
    second = ntipc.Semaphore("x", initial=5, maximum=9)
    assert (second.count, second.maximum) == (first.count, first.maximum) == (1, 2)


def test_constructor_of_an_existing_mutex_takes_no_ownership(peer: Peer) -> None:
    peer.run("mutex = ntipc.Mutex('x', initial_owner=True)")
    mutex = ntipc.Mutex("x", initial_owner=True)
    assert not mutex.created and not mutex.acquire(timeout=0)


@pytest.mark.parametrize(("existing", "wanted"), OTHER_KIND)
def test_name_of_another_kind_is_a_type_mismatch(existing: str, wanted: str) -> None:
    thing = make(existing, "x")
    with pytest.raises(ntipc.ObjectTypeMismatch) as making:
        make(wanted, "x")
    with pytest.raises(TypeError):
        getattr(ntipc, wanted).open("x")
    assert making.value.winerror == 6 and "x" in str(making.value)
    assert make(existing, "x").created is False and not thing.closed


@pytest.mark.parametrize("kind", KINDS)
def test_open_of_a_missing_name_is_file_not_found(kind: str) -> None:
    with pytest.raises(FileNotFoundError) as problem:
        getattr(ntipc, kind).open("missing")
    assert isinstance(problem.value, ntipc.ObjectNotFound) and problem.value.winerror == 2


@pytest.mark.parametrize("kind", KINDS)
def test_open_finds_what_another_handle_made(kind: str) -> None:
    made = make(kind, "x")
    opened = getattr(ntipc, kind).open("x")
    assert not opened.created and opened.identity == made.identity


@pytest.mark.parametrize("kind", KINDS)
def test_create_insists_on_a_new_object(kind: str) -> None:
    first = create(kind, "x")
    with pytest.raises(FileExistsError) as problem:
        create(kind, "x")
    assert isinstance(problem.value, ntipc.ObjectExists) and problem.value.winerror == 183
    assert first.created


def test_create_where_the_name_is_of_another_kind_is_a_collision() -> None:
    mutex = ntipc.Mutex("x")
    with pytest.raises(FileExistsError):
        ntipc.Event.create("x")
    assert not mutex.closed


def test_names_are_case_sensitive() -> None:
    upper, lower = ntipc.Event("Alpha"), ntipc.Event("alpha")
    assert upper.created and lower.created
    with pytest.raises(ntipc.ObjectNotFound):
        ntipc.Event.open("ALPHA")


@pytest.mark.parametrize("kind", KINDS)
def test_name_is_free_when_the_last_handle_is_closed(kind: str) -> None:
    first, second = make(kind, "x"), make(kind, "x")
    first.close()
    assert not make(kind, "x").created
    second.close()
    with pytest.raises(ntipc.ObjectNotFound):
        getattr(ntipc, kind).open("x")


def test_name_lives_as_long_as_any_process_has_a_handle(peer: Peer) -> None:
    event = ntipc.Event("x")
    peer.run("event = ntipc.Event.open('x')")
    event.close()
    assert not ntipc.Event("x").created
    peer.run("event.close()")
    with pytest.raises(ntipc.ObjectNotFound):
        ntipc.Event.open("x")


@pytest.mark.parametrize("kind", KINDS)
def test_name_is_free_when_its_only_process_is_killed(kind: str, peer: Peer) -> None:
    ntipc.Session()
    peer.run(f"from harness.kinds import make; thing = make({kind!r}, 'x')")
    peer.kill()
    wait_until(lambda: look()["objects"] == [])
    assert make(kind, "x").created


def test_dropping_the_last_reference_closes_the_handle() -> None:
    event = ntipc.Event("x")
    del event
    with pytest.raises(ntipc.ObjectNotFound):
        ntipc.Event.open("x")


@pytest.mark.parametrize("name", [r"Local\x", r"\BaseNamedObjects\x"])
def test_name_with_the_local_prefix_is_the_same_object(name: str) -> None:
    assert ntipc.Event("x").identity == ntipc.Event(name).identity


def test_global_name_is_another_object_than_the_local_one() -> None:
    local = ntipc.Event("x")
    everywhere = ntipc.Event(r"Global\x")
    assert local.created and everywhere.created
    everywhere.set()
    assert not local.is_set() and ntipc.Event.open(r"Global\x").is_set()


@pytest.mark.parametrize("name", [r"global\x", r"local\x", r"LOCAL\x", r"a\b", r"Local\a\b", r"\x", r"\Sessions\x"])
def test_other_backslashes_are_a_path_that_does_not_exist(name: str) -> None:
    with pytest.raises(ntipc.NtError) as problem:
        ntipc.Event(name)
    assert problem.value.winerror == 3


@pytest.mark.parametrize("name", ["", None])
def test_objects_without_a_name_are_always_new(name: str | None) -> None:
    first, second = ntipc.Event(name), ntipc.Event(name)
    assert first.created and second.created and first.identity != second.identity
    assert not first.name and not second.name


@pytest.mark.parametrize("name", [" ", "a/b", "../x", ".", "ä€😀", "x" * 300, "Ünïcødé name\twith\nblanks", "%s{}"])
def test_any_other_text_is_a_name(name: str, peer: Peer) -> None:
    event = ntipc.Event(name)
    peer.run(f"ntipc.Event.open({name!r}).set()")
    assert event.is_set() and event.name == name
    assert [entry["name"] for entry in look()["objects"]] == [name]


@pytest.mark.parametrize("name", ["n" * 32766, "😀" * 16383], ids=["ascii", "astral"])
def test_longest_name_has_32766_utf16_units(name: str, start_peer: Callable[..., Peer]) -> None:
    event = ntipc.Event(name)
    assert not ntipc.Event(name).created and event.name == name
    with pytest.raises(ntipc.NtError) as problem:
        ntipc.Event(name + "n")
    assert problem.value.status == 0xC0000033


def test_long_names_that_differ_at_the_end_are_different() -> None:
    names = ["n" * length + end for length in (10, 59, 60, 61, 119, 120, 121, 5000) for end in "ab"]
    events = [ntipc.Event(name) for name in names]
    assert all(event.created for event in events)
    assert [ntipc.Event.open(name).identity for name in names] == [event.identity for event in events]


@pytest.mark.parametrize("kind", KINDS)
def test_nul_in_a_name_is_a_value_error(kind: str) -> None:
    with pytest.raises(ValueError, match="NUL"):
        make(kind, "a\0b")


@pytest.mark.parametrize("name", [b"x", 5, 1.5, ["x"], object()])
def test_name_that_is_not_text_is_a_type_error(name: object) -> None:
    with pytest.raises(TypeError):
        ntipc.Event(name)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        ntipc.Event.open(name)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["\ud800", "a\udfffb"])
def test_half_a_surrogate_pair_is_no_name(name: str) -> None:
    with pytest.raises(ValueError):
        ntipc.Event(name)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [None, ""])
def test_open_and_create_without_a_name_are_refused(kind: str, name: str | None) -> None:
    with pytest.raises((TypeError, ValueError)):
        getattr(ntipc, kind).open(name)


def test_bad_counts_are_refused_before_the_name_is_looked_up() -> None:
    event = ntipc.Event("x")
    with pytest.raises(ValueError) as problem:
        ntipc.Semaphore("x", initial=-1)
    assert not isinstance(problem.value, ntipc.ObjectTypeMismatch) and not event.closed


def test_many_names_are_all_found_again() -> None:
    events = {f"name {number}": ntipc.Event(f"name {number}") for number in range(5000)}
    assert all(ntipc.Event.open(name).identity == event.identity for name, event in events.items())
    for event in events.values():
        event.close()
    assert look()["objects"] == []
