"""Global memory: blocks that are locked, resized and given to other processes."""

import gc
import multiprocessing
import os
import pickle
import threading
from collections.abc import Callable

import numpy
import pytest
from harness.peers import Peer
from harness.waiting import wait_until

import ntipc
from ntipc import GlobalMemory

SIZES = [1, 8, 4032, 4033, 4096, 100_000, 1 << 20]


@pytest.mark.parametrize("size", SIZES)
def test_new_memory_is_zero_and_all_of_it_can_be_used(size: int) -> None:
    block = GlobalMemory(size)
    memory = block.lock()
    assert len(memory) == size == block.size and bytes(memory) == bytes(size) and not memory.readonly
    memory[-1] = memory[0] = 7
    block.unlock()
    assert block.lock()[0] == block.lock()[-1] == 7 and sum(block.lock()) == 7 * min(size, 2)


def test_locks_are_counted_and_unlock_past_none_is_an_error() -> None:
    """PM-45, PM-46: the count, and 158 past it."""
    block = GlobalMemory(10)
    assert block.lock_count == 0
    first, second = block.lock(), block.lock()
    assert first is second and block.lock_count == 2
    assert block.unlock() == 1 and first[0] == 0
    assert block.unlock() == 0 == block.lock_count
    with pytest.raises(ValueError):
        first[0]
    for _ in range(2):
        with pytest.raises(ntipc.NtError) as caught:
            block.unlock()
        assert caught.value.winerror == 158 and block.lock_count == 0
    with block.locked() as memory:
        memory[9] = 1
    assert block.lock_count == 0


def test_without_bytes_it_cannot_be_locked_until_it_is_resized() -> None:
    """PM-44, PM-47: zero bytes are a discarded object, which another size revives."""
    block = GlobalMemory()
    assert block.size == 0
    with pytest.raises(ntipc.NtError):
        block.lock()
    assert block.lock_count == 0
    block.resize(5)
    assert bytes(block.lock()) == bytes(5)
    block.unlock()
    block.resize(0)
    with pytest.raises(ntipc.NtError):
        block.lock()


@pytest.mark.parametrize("before", SIZES)
@pytest.mark.parametrize("after", SIZES)
def test_resizing_keeps_what_remains_and_adds_zeros(before: int, after: int) -> None:
    block = GlobalMemory(before)
    with block.locked() as memory:
        memory[:] = b"\xaa" * before
    block.resize(after)
    kept = min(before, after)
    with block.locked() as memory:
        assert bytes(memory) == b"\xaa" * kept + bytes(after - kept)
    block.resize(before)
    with block.locked() as memory:
        assert bytes(memory) == b"\xaa" * kept + bytes(before - kept)


def test_while_it_is_locked_it_is_not_resized() -> None:
    block = GlobalMemory(10)
    block.lock()
    with pytest.raises(ntipc.StillInUse):
        block.resize(20)
    assert block.size == 10 and block.unlock() == 0
    block.resize(20)


@pytest.mark.parametrize("size", [-1, -(2**63)])
def test_a_size_below_0_is_refused(size: int) -> None:
    with pytest.raises(ntipc.InvalidParameter):
        GlobalMemory(size)
    block = GlobalMemory(3)
    with pytest.raises(ntipc.InvalidParameter):
        block.resize(size)
    assert block.size == 3


@pytest.mark.parametrize("size", [1 << 40, 2**63, 2**64])
def test_a_size_beyond_all_memory_is_refused_and_nothing_is_left(size: int) -> None:
    with pytest.raises(ntipc.OutOfResources):
        GlobalMemory(size)
    block = GlobalMemory(3)
    with pytest.raises(ntipc.OutOfResources):
        block.resize(size)
    assert block.size == 3 and len(ntipc.inspect()["objects"]) == 1


@pytest.mark.parametrize("size", [None, "1", 1.5, True])
def test_a_size_of_another_type_is_refused(size: object) -> None:
    with pytest.raises(TypeError):
        GlobalMemory(size)  # type: ignore[arg-type]


def test_a_handle_given_to_another_process_is_the_same_memory(peer: Peer) -> None:
    """PM-43 is not so here: what is given to another process is shared."""
    block = GlobalMemory(100)
    peer.run("ntipc.Event()")
    number = block.duplicate(peer.pid)
    assert isinstance(number, int)
    peer.run(f"block = ntipc.GlobalMemory.from_handle({number}); memory = block.lock(); memory[:3] = b'abc'")
    with block.locked() as memory:
        assert bytes(memory[:3]) == b"abc"
    assert peer.run("block.lock_count, block.size") == (1, 100) and block.lock_count == 0
    block.resize(200_000)
    assert peer.run("memory[99], len(memory), block.size") == (0, 100, 200_000)
    block.resize(2)
    assert peer.run("bytes(memory[:3]), block.unlock(), bytes(block.lock()), block.unlock()") == (b"ab\0", 0, b"ab", 0)
    block.close()
    assert peer.run("bytes(block.lock())") == b"ab"


def test_what_another_process_wrote_beyond_the_size_is_zero_when_it_grows_again(peer: Peer) -> None:
    block = GlobalMemory(10_000)
    peer.run("ntipc.Event()")
    number = block.duplicate(peer.pid)
    peer.run(f"block = ntipc.GlobalMemory.from_handle({number}); memory = block.lock()")
    block.resize(1)
    peer.run("memory[:] = b'x' * 10_000")
    block.resize(10_000)
    with block.locked() as memory:
        assert bytes(memory) == b"x" + bytes(9_999)


def test_it_travels_in_pickles_and_messages_and_is_not_locked_there() -> None:
    block = GlobalMemory(10)
    block.lock()[:2] = b"hi"
    data = pickle.dumps(block)
    queue = ntipc.Queue()
    queue.put(b"here", handles=[block])
    block.close()
    copy = pickle.loads(data)
    (arrived,) = queue.receive().objects
    assert isinstance(arrived, GlobalMemory) and copy.lock_count == arrived.lock_count == 0
    assert bytes(copy.lock()) == bytes(arrived.lock()) == b"hi" + bytes(8)
    twin = copy.duplicate()
    assert twin.lock_count == 0 and copy.lock_count == 1


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_it_goes_to_a_child(method: str) -> None:
    block = GlobalMemory(10)
    child = multiprocessing.get_context(method).Process(target=_write, args=(block,))
    child.start()
    child.join(30)
    assert child.exitcode == 0
    with block.locked() as memory:
        assert bytes(memory[:5]) == b"child"


def _write(block: GlobalMemory) -> None:
    with block.locked() as memory:
        memory[:5] = b"child"


def test_it_is_gone_with_the_last_process_that_has_it(peer: Peer) -> None:
    peer.run("block = ntipc.GlobalMemory(1 << 20); block.lock()[:] = b'x' * (1 << 20)")
    keep = ntipc.Event()
    peer.kill()
    wait_until(lambda: len(ntipc.inspect()["objects"]) == 1)
    wait_until(lambda: not [name for name in os.listdir(keep.session.path) if name.startswith("section.")])


@pytest.mark.parametrize("step", ["_take_space", "_give_back_space"])
def test_a_process_that_is_killed_while_it_resizes_leaves_a_block_that_works(peer: Peer, step: str) -> None:
    block = GlobalMemory(50_000)
    with block.locked() as memory:
        memory[:] = b"x" * 50_000
    peer.run("ntipc.Event()")
    number = block.duplicate(peer.pid)
    peer.run(f"block = ntipc.GlobalMemory.from_handle({number})")
    peer.begin(
        "from ntipc.global_memory import memory\n"
        "class View(ntipc.View):\n"
        f"    def {step}(self, *place): os.kill(os.getpid(), 9)\n"
        "memory.View = View\n"
        f"block.resize({'90_000' if step == '_take_space' else '10'})"
    )
    peer.wait()
    size = 50_000 if step == "_take_space" else 10
    assert block.size == size
    block.resize(90_000)
    with block.locked() as memory:
        assert bytes(memory) == b"x" * size + bytes(90_000 - size)


def test_two_processes_that_resize_at_once_leave_zeros_and_no_mixture(start_peer: Callable[..., Peer]) -> None:
    block = GlobalMemory(1)
    peers = [start_peer() for _ in range(2)]
    for peer in peers:
        peer.run("ntipc.Event()")
        peer.run(f"block = ntipc.GlobalMemory.from_handle({block.duplicate(peer.pid)})")
    calls = [peer.begin("for n in range(150): block.resize(1 + n * 3001 % 20_000)") for peer in peers]
    for call in calls:
        call.result()
    block.resize(30_000)
    with block.locked() as memory:
        assert bytes(memory) == bytes(30_000)


def test_threads_lock_and_unlock_at_once() -> None:
    block = GlobalMemory(8)

    def work() -> None:
        for _ in range(300):
            with block.locked() as memory:
                memory[0] = 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert block.lock_count == 0


def test_once_closed_every_use_says_so_and_locked_memory_stays() -> None:
    block = GlobalMemory(4)
    memory = block.lock()
    array = numpy.frombuffer(memory, numpy.uint8)
    block.close()
    uses = block.lock, block.unlock, lambda: block.size, lambda: block.lock_count, lambda: block.resize(1), block.info
    for use in uses:
        with pytest.raises(ntipc.HandleClosed):
            use()
    memory[0] = 5
    assert array[0] == 5 and repr(block) == "<GlobalMemory unnamed closed>"
    block.close()
    del memory, array
    gc.collect()
    assert ntipc.inspect()["objects"] == []


def test_an_array_keeps_the_memory_beyond_the_last_unlock() -> None:
    block = GlobalMemory(4)
    array = numpy.frombuffer(block.lock(), numpy.uint8)
    assert block.unlock() == 0
    array[0] = 3
    assert bytes(block.lock()) == b"\x03\0\0\0"


def test_it_tells_what_it_is() -> None:
    block = GlobalMemory(5)
    assert repr(block) == "<GlobalMemory unnamed size=5>" and block.name is None
    block.lock()
    info = block.info()
    assert repr(block) == "<GlobalMemory unnamed size=5 locked=1>"
    assert (info["name"], info["size"], info["lock_count"], info["handles"]) == (None, 5, 1, 1)


def test_another_section_is_no_global_memory_and_a_hostile_head_is_an_error() -> None:
    section = ntipc.Section(size=4096)
    with pytest.raises(ntipc.ObjectTypeMismatch):
        GlobalMemory.from_handle(section.duplicate_handle())
    block = GlobalMemory(5)
    view = ntipc.Section.from_handle(block.duplicate_handle()).map(0, 64)
    view[8:16] = b"\xff" * 8
    for use in (block.lock, lambda: block.size):
        with pytest.raises(ntipc.SessionDamaged):
            use()
    view[:8] = b"\0" * 8
    with pytest.raises(ntipc.ObjectTypeMismatch):
        GlobalMemory.from_handle(block.duplicate_handle())
    assert "GlobalMemory" in repr(block)
