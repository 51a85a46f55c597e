"""The table of handle numbers that the facades share, and the statuses of their calls."""

import os
import threading

import pytest
from harness.peers import Peer

import ntipc
from ntipc.errors.table import TABLE
from ntipc.ntdll import handles, statuses


def test_numbers_are_the_kernels_and_multiples_of_four() -> None:
    things = [ntipc.Event(), ntipc.Mutex(), ntipc.Section(size=9), ntipc.Timer()]
    numbers = [handles.insert(thing) for thing in things]
    assert numbers == [thing.handle for thing in things]
    assert all(number % 4 == 0 and 0 < number < 2**31 for number in numbers)
    for number, thing in zip(numbers, things, strict=True):
        assert [handles.find(number + low) for low in range(4)] == [thing] * 4  # HD-3
        handles.close(number + 3)
        assert thing.closed


def test_the_lowest_free_number_is_given_next() -> None:
    first, second = handles.insert(ntipc.Event()), handles.insert(ntipc.Event())
    handles.close(first)
    assert handles.insert(ntipc.Event()) == first  # HD-23
    with ntipc.Session(f"elsewhere-{os.getpid()}") as elsewhere:
        own = [handles.insert(ntipc.Event(session=elsewhere)) for _ in range(3)]
        assert own == sorted(own) and own[0] >= handles.FIRST_OWN_NUMBER and own[0] % 4 == 0
        handles.close(own[1])
        handles.close(own[0])
        assert [handles.insert(ntipc.Event(session=elsewhere)) for _ in range(2)] == own[:2]
        for number in own:
            handles.close(number)
    handles.close(second)


@pytest.mark.parametrize("number", [0, 4, 12345, -5, 2**31, 2**64 - 4, 10**30, handles.FIRST_OWN_NUMBER + 2**24])
def test_what_is_no_handle_is_refused(number: int) -> None:
    for call in handles.find, handles.close, handles.find_of:
        with pytest.raises(ntipc.HandleClosed) as problem:
            call(number)
        assert problem.value.status == statuses.STATUS_INVALID_HANDLE


def test_only_integers_are_numbers() -> None:
    for wrong in None, "4", 6.5, b"4":
        with pytest.raises(TypeError):
            handles.find(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("mask", [-1, 0xFFFF_FFFF, 2**64 - 1])
def test_pseudo_handles_mean_the_caller_and_closing_them_does_nothing(mask: int) -> None:
    assert handles.find(-1 & mask) is handles.Pseudo.PROCESS and handles.find(-2 & mask) is handles.Pseudo.THREAD
    handles.close(-1 & mask)  # HD-2
    with pytest.raises(ntipc.ObjectTypeMismatch):
        handles.find_of(-1 & mask, ntipc.Event)


def test_a_second_close_is_refused() -> None:
    number = handles.insert(ntipc.Event())
    handles.close(number)
    with pytest.raises(ntipc.HandleClosed):  # HD-1
        handles.close(number)


def test_of_threads_that_close_one_handle_one_succeeds() -> None:
    number = handles.insert(ntipc.Event())
    start, refused = threading.Barrier(8), []

    def close() -> None:
        start.wait()
        try:
            handles.close(number)
        except ntipc.HandleClosed:
            refused.append(number)

    threads = [threading.Thread(target=close) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 7


def test_a_protected_handle_is_not_closed() -> None:
    number = handles.insert(ntipc.Event())
    handles.protect(number, True)
    with pytest.raises(ntipc.HandleClosed) as problem:  # HD-4
        handles.close(number)
    assert problem.value.status == statuses.STATUS_HANDLE_NOT_CLOSABLE and handles.is_protected(number)
    handles.protect(number, False)
    handles.close(number)


def test_another_type_is_told_and_leaves_the_handle_alone() -> None:
    number = handles.insert(ntipc.Mutex())
    with pytest.raises(ntipc.ObjectTypeMismatch):  # HD-22
        handles.find_of(number, ntipc.Event, ntipc.Timer)
    assert handles.find_of(number, ntipc.Event, ntipc.Mutex) is handles.find(number)
    handles.close(number)


def test_a_handle_that_another_process_put_here_is_used_by_its_number(peer: Peer) -> None:
    mine = ntipc.Event("x")
    number = peer.run(f"theirs = ntipc.Event('x'); theirs.duplicate({os.getpid()})")
    assert handles.find_of(number, ntipc.Event).identity == mine.identity  # HD-11
    handles.close(number)
    assert mine.info()["handles"] == 2


def test_a_handle_that_an_object_of_the_library_has_is_its_own() -> None:
    event, queue = ntipc.Event(), ntipc.Queue()
    for number in event.handle, queue.handle, queue.writer.handle:
        for call in handles.find, handles.close:
            with pytest.raises(ntipc.HandleClosed):
                call(number)
    given = event.duplicate_handle()
    assert handles.find(given).identity == event.identity
    handles.close(given)
    moved = ntipc.Event()
    number = moved.handle
    queue.put(b"", handles=[moved], move=True)
    assert moved.closed and not event.closed
    arrived = queue.receive().objects[0]
    with pytest.raises(ntipc.HandleClosed):
        handles.find(arrived.handle)
    assert number != arrived.handle or not arrived.closed


def test_a_number_means_what_it_leads_to_now() -> None:
    number = handles.insert(ntipc.Event())
    handles.forget(number)  # as if another process had closed it
    adopted = handles.find(number)
    event = ntipc.Event.__new__(ntipc.Event)
    assert adopted._disown() == number
    event._adopt(ntipc.session.session.default_session()._native, number)
    event.close()
    mutex = ntipc.Mutex()
    assert mutex.handle == number
    handles.things[number] = stale = ntipc.Event()
    stale.close()
    assert handles.insert(mutex) == number and not mutex.closed
    handles.close(number)
    assert mutex.closed


def test_a_child_of_fork_has_the_numbers() -> None:
    number = handles.insert(ntipc.Event())
    child = os.fork()
    if child == 0:
        try:
            handles.find_of(number, ntipc.Event).set()
            handles.close(number)
        finally:
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert handles.find_of(number, ntipc.Event).is_set()
    handles.close(number)


def test_statuses_know_their_names_truth_and_codes() -> None:
    assert repr(statuses.STATUS_ABANDONED_WAIT_0) == "STATUS_ABANDONED_WAIT_0" and repr(statuses.NTSTATUS(0x81)) == (
        "NTSTATUS(0x00000081)"
    )
    assert statuses.STATUS_SUCCESS and statuses.STATUS_OBJECT_NAME_EXISTS and not statuses.STATUS_BUFFER_OVERFLOW
    assert statuses.NT_SUCCESS(0x102) and not statuses.NT_SUCCESS(-1073741816)
    assert statuses.RtlNtStatusToDosError(0xC0000034 - 2**32) == 2 and statuses.RtlNtStatusToDosError(0x12345) == 317
    named = {name: value for name, value in vars(statuses).items() if name.startswith("STATUS_")}
    without = [name for name, value in named.items() if statuses.RtlNtStatusToDosError(value) == 317]
    assert without == [
        "STATUS_INVALID_PORT_ATTRIBUTES",
        "STATUS_PORT_MESSAGE_TOO_LONG",
        "STATUS_REPLY_MESSAGE_MISMATCH",
    ]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.status.name)
def test_each_status_of_the_library_is_one_here_with_its_code(row: object) -> None:
    assert getattr(statuses, f"STATUS_{row.status.name}") == row.status  # type: ignore[attr-defined]
    differs = {"PORT_ALREADY_SET"}  # the library says ERROR_GEN_FAILURE, NT ERROR_INVALID_PARAMETER
    if row.status.name not in differs:  # type: ignore[attr-defined]
        assert statuses.RtlNtStatusToDosError(row.status) == row.winerror  # type: ignore[attr-defined]
