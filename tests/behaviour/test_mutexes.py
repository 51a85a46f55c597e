"""Mutexes: owned by a thread, recursive, abandoned by the dead."""

import threading
from collections.abc import Callable

import pytest
from harness.peers import Call, Peer
from harness.waiting import asleep, facts, wait_for_waiters, wait_until, waiters

import ntipc

StartPeer = Callable[..., Peer]

expects_abandonment = pytest.mark.filterwarnings("ignore::ntipc.AbandonedMutexWarning")


def acquiring_peers(start_peer: StartPeer, mutex: ntipc.Mutex, count: int) -> list[Call]:
    """Calls that acquire and tell whether it was abandoned, queued one after another, a process each."""
    calls = []
    for number in range(count):
        peer = start_peer()
        peer.run("warnings.simplefilter('ignore'); mutex = ntipc.Mutex.open('m')")
        calls.append(peer.begin("mutex.acquire() and mutex.abandoned"))
        wait_for_waiters(mutex, number + 1)
    return calls


def test_initial_owner_owns_it_once() -> None:
    mutex = ntipc.Mutex(initial_owner=True)
    assert facts(mutex)["owned_by_caller"] and facts(mutex)["count"] == 0
    mutex.release()
    with pytest.raises(ntipc.NotOwner):
        mutex.release()


def test_owner_may_acquire_again_and_releases_as_often() -> None:
    mutex = ntipc.Mutex()
    assert mutex.acquire() and mutex.acquire(timeout=0) and mutex.wait(0)
    assert facts(mutex)["count"] == -2 and facts(mutex)["recursion"] == 3
    for _ in range(3):
        mutex.release()
    assert facts(mutex)["count"] == 1 and not facts(mutex)["owned_by_caller"]


def test_recursion_of_a_thousand_levels_is_counted() -> None:
    mutex = ntipc.Mutex()
    assert all(mutex.acquire() for _ in range(1000))
    for _ in range(1000):
        mutex.release()
    with pytest.raises(ntipc.NotOwner):
        mutex.release()


def test_recursion_past_its_limit_is_refused_and_changes_nothing() -> None:
    mutex = ntipc.Mutex()
    acquire = mutex.acquire
    with pytest.raises(ntipc.LimitExceeded) as problem:
        while True:
            acquire()
    known = facts(mutex)["recursion"]
    assert problem.value.status == 0xC0000191 and known == 1_048_575
    mutex.release()
    assert facts(mutex)["recursion"] == known - 1 and mutex.acquire(timeout=0)


def test_release_by_a_process_that_is_not_the_owner_is_refused(peer: Peer) -> None:
    mutex = ntipc.Mutex("m", initial_owner=True)
    peer.run("mutex = ntipc.Mutex.open('m')")
    with pytest.raises(ntipc.NotOwner) as problem:
        peer.run("mutex.release()")
    assert isinstance(problem.value, RuntimeError) and problem.value.winerror == 288
    assert facts(mutex)["owned_by_caller"]


def test_release_of_a_free_mutex_is_refused() -> None:
    mutex = ntipc.Mutex()
    with pytest.raises(ntipc.NotOwner):
        mutex.release()
    assert facts(mutex)["count"] == 1 and mutex.acquire(timeout=0)


def test_ownership_belongs_to_the_thread() -> None:
    mutex = ntipc.Mutex(initial_owner=True)
    seen: list[object] = []

    def other_thread() -> None:
        seen.extend([mutex.acquire(timeout=0), facts(mutex)["owned_by_caller"]])
        with pytest.raises(ntipc.NotOwner):
            mutex.release()

    thread = threading.Thread(target=other_thread)
    thread.start()
    thread.join()
    assert seen == [False, False] and facts(mutex)["owned_by_caller"]


def test_any_handle_releases() -> None:
    first, second = ntipc.Mutex("m"), ntipc.Mutex.open("m")
    third = first.duplicate()
    assert first.acquire() and second.acquire(timeout=0) and third.acquire(timeout=0)
    first.release()
    second.release()
    third.release()
    assert facts(first)["count"] == 1


def test_info_tells_the_owner(peer: Peer) -> None:
    mutex = ntipc.Mutex("m")
    assert facts(mutex)["owner_pid"] is None
    peer.run("mutex = ntipc.Mutex.open('m'); mutex.acquire()")
    known = facts(mutex)
    assert (known["owner_pid"], known["owned_by_caller"], known["recursion"]) == (peer.pid, False, 1)
    assert peer.run("mutex.info()['owned_by_caller']")


def test_release_with_a_waiter_in_another_process_lets_it_in(start_peer: Callable[..., Peer]) -> None:
    mutex = ntipc.Mutex("m", initial_owner=True)
    (call,) = acquiring_peers(start_peer, mutex, 1)
    assert not call.returned
    mutex.release()
    assert call.result() is False
    assert not mutex.acquire(timeout=0)


def test_single_waiters_are_served_first_come_first_served(peer: Peer) -> None:
    mutex = ntipc.Mutex("m", initial_owner=True)
    peer.run("mutex = ntipc.Mutex.open('m'); order = []")
    for number, thread in enumerate("abc"):
        peer.begin(f"mutex.acquire() and order.append({thread!r})", thread)
        wait_for_waiters(mutex, number + 1)
    mutex.release()
    for thread, left in zip("abc", (2, 1, 0), strict=True):
        peer.run("mutex.release()", thread)
        wait_until(lambda left=left: waiters(mutex) <= max(left - 1, 0))  # type: ignore[misc]
    assert peer.run("order") == ["a", "b", "c"]


@expects_abandonment
def test_mutex_of_a_killed_process_is_abandoned_to_the_next_owner(peer: Peer) -> None:
    mutex = ntipc.Mutex("m")
    peer.run("mutex = ntipc.Mutex.open('m'); mutex.acquire(); mutex.acquire()")
    peer.kill()
    assert mutex.acquire() and mutex.abandoned
    assert facts(mutex)["recursion"] == 1 and not facts(mutex)["abandoned"]
    mutex.release()
    assert mutex.acquire() and not mutex.abandoned
    mutex.release()


@expects_abandonment
def test_waiter_is_told_of_abandonment_also_when_the_last_handle_was_closed_meanwhile(start_peer: StartPeer) -> None:
    owner, waiter = start_peer(), start_peer()
    owner.run("mutex = ntipc.Mutex('m'); mutex.acquire()")
    waiter.run("warnings.simplefilter('ignore'); mutex = ntipc.Mutex.open('m')")
    call = waiter.begin("mutex.acquire() and mutex.abandoned", thread="waiter")
    wait_until(lambda: asleep(waiter.pid))
    waiter.run("mutex.close()")
    owner.kill()
    assert call.result() is True


@expects_abandonment
def test_waiter_is_told_when_the_owner_is_killed_and_only_the_first(start_peer: Callable[..., Peer]) -> None:
    mutex = ntipc.Mutex("m")
    owner = start_peer()
    owner.run("mutex = ntipc.Mutex.open('m'); mutex.acquire()")
    first, second = acquiring_peers(start_peer, mutex, 2)
    owner.kill()
    assert first.result() is True
    assert waiters(mutex) == 1 and not second.returned
    first.peer.run("mutex.release()")
    assert second.result() is False


@expects_abandonment
def test_mutex_of_an_ended_thread_is_abandoned(peer: Peer) -> None:
    mutex = ntipc.Mutex("m")
    peer.run("mutex = ntipc.Mutex.open('m')")
    peer.run("mutex.acquire(); mutex.acquire()", "a")
    peer.end_thread("a")
    assert mutex.acquire() and mutex.abandoned
    assert facts(mutex)["recursion"] == 1
    mutex.release()


@expects_abandonment
def test_waiter_is_told_when_the_owning_thread_ends(start_peer: Callable[..., Peer]) -> None:
    mutex = ntipc.Mutex("m")
    owner = start_peer()
    owner.run("mutex = ntipc.Mutex.open('m')")
    owner.run("mutex.acquire()", "a")
    (call,) = acquiring_peers(start_peer, mutex, 1)
    owner.end_thread("a")
    assert call.result() is True


@expects_abandonment
def test_mutex_of_a_process_that_execs_is_abandoned(start_peer: Callable[..., Peer]) -> None:
    mutex = ntipc.Mutex("m")
    owner = start_peer()
    owner.run("mutex = ntipc.Mutex.open('m'); mutex.acquire()")
    (call,) = acquiring_peers(start_peer, mutex, 1)
    owner.begin("os.execv('/bin/sleep', ['sleep', '1000'])")
    assert call.result() is True
    assert owner.process.poll() is None
    owner.kill()


@expects_abandonment
def test_mutex_of_a_process_that_just_ends_is_abandoned(start_peer: Callable[..., Peer]) -> None:
    mutex = ntipc.Mutex("m")
    owner = start_peer()
    owner.run("mutex = ntipc.Mutex.open('m'); mutex.acquire()")
    (call,) = acquiring_peers(start_peer, mutex, 1)
    owner.end()
    assert call.result() is True


@expects_abandonment
def test_info_tells_of_abandonment_until_it_is_taken(peer: Peer) -> None:
    mutex = ntipc.Mutex("m")
    peer.run("mutex = ntipc.Mutex.open('m'); mutex.acquire()")
    peer.kill()
    wait_until(lambda: facts(mutex)["abandoned"])
    known = facts(mutex)
    assert (known["count"], known["owner_pid"], known["owned_by_caller"]) == (1, None, False)
    assert mutex.acquire() and not facts(mutex)["abandoned"]
    mutex.release()


def test_closing_a_handle_does_not_release(peer: Peer) -> None:
    peer.run("first = ntipc.Mutex('m', initial_owner=True); second = first.duplicate(); first.close()")
    mutex = ntipc.Mutex.open("m")
    assert not mutex.acquire(timeout=0) and facts(mutex)["owner_pid"] == peer.pid
    peer.run("second.release()")
    assert mutex.acquire(timeout=0) and not mutex.abandoned


def test_closing_the_last_handle_of_an_owned_mutex_destroys_it() -> None:
    ntipc.Mutex("m", initial_owner=True).close()
    again = ntipc.Mutex("m")
    assert again.created and again.acquire(timeout=0) and not again.abandoned


def test_with_acquires_and_releases() -> None:
    mutex = ntipc.Mutex()
    with mutex, mutex:
        assert facts(mutex)["recursion"] == 2
    assert facts(mutex)["count"] == 1 and not mutex.closed


def test_with_releases_when_the_body_fails() -> None:
    mutex = ntipc.Mutex()
    with pytest.raises(ZeroDivisionError), mutex:
        1 / 0  # noqa: B018
    assert facts(mutex)["count"] == 1


def test_release_during_with_is_told() -> None:
    mutex = ntipc.Mutex()
    with pytest.raises(ntipc.NotOwner), mutex:
        mutex.release()


def test_mutex_excludes_four_processes(start_peer: Callable[..., Peer]) -> None:
    section = ntipc.Section("counter", 4096)
    mutex = ntipc.Mutex("m")
    code = """
mutex, view = ntipc.Mutex.open('m'), ntipc.Section.open('counter').map()
memory = memoryview(view).cast('Q')
for _ in range(3000):
    with mutex:
        memory[0] += 1
"""
    calls = [start_peer().begin(code) for _ in range(4)]
    for call in calls:
        call.result()
    with section.map() as view, memoryview(view) as memory:
        assert memory.cast("Q")[0] == 12000
    assert facts(mutex)["count"] == 1


def test_mutex_excludes_threads_of_one_process() -> None:
    mutex, inside, most = ntipc.Mutex(), [0], [0]

    def work() -> None:
        for _ in range(500):
            with mutex:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most[0] == 1


def test_thread_may_own_hundreds_of_mutexes_and_abandon_them_all(peer: Peer) -> None:
    mutexes = [ntipc.Mutex(f"m{number}") for number in range(300)]
    peer.run("mutexes = [ntipc.Mutex.open(f'm{n}') for n in range(300)]; [m.acquire() for m in mutexes]")
    assert not any(mutex.acquire(timeout=0) for mutex in mutexes)
    peer.kill()
    with pytest.warns(ntipc.AbandonedMutexWarning):
        everything = ntipc.wait_all(mutexes, 20)
    assert everything is not None and set(everything.abandoned) == set(mutexes)
    for mutex in mutexes:
        mutex.release()
