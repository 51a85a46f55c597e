"""What a process does for others in itself, if it allows it: allocate, map, start functions."""

import os
import pickle
import signal
from collections.abc import Callable, Iterator

import pytest
from harness.peers import Peer
from harness.waiting import is_stopped, wait_until

import ntipc
from ntipc import Access, Process

MARKED = """
import ctypes, dataclasses, threading, time
scope_name = 'marked'
namespace = {'__name__': 'marked', 'ntipc': ntipc, 'dataclasses': dataclasses, 'time': time, 'os': os}
exec('''
@dataclasses.dataclass
class Order:
    item: str
    amount: int

@ntipc.remote
def add(a: int, b: int = 1) -> int:
    return a + b

@ntipc.remote
def shout(text: str, times: float, order: Order, *more: bytes) -> list[object]:
    return [text.upper(), times, order.item * order.amount, list(more)]

@ntipc.remote
def fail(text: str) -> None:
    raise KeyError(text)

class Odd(Exception):
    pass

@ntipc.remote
def odd() -> None:
    raise Odd("very")

@ntipc.remote
def unspeakable() -> object:
    return object()

@ntipc.remote
def wait_for(name: str) -> bool:
    return ntipc.Event(name).wait()

@ntipc.remote
def work(name: str) -> str:
    ntipc.Event(name).set()
    while not ntipc.remote_cancelled():
        time.sleep(0.001)
    return "cancelled"

@ntipc.remote
def die() -> None:
    ntipc.Event("now").wait()
    os.kill(os.getpid(), 9)

def unmarked() -> int:
    return 1
''', namespace)
ntipc.allow_remote(memory=True, sections=True, threads=True)
"""


@pytest.fixture
def process(peer: Peer) -> Iterator[Process]:
    """A process that allows everything."""
    peer.run(MARKED)
    with Process.open(peer.pid) as process:
        yield process


def refused(process: Process) -> list[str]:
    """Which of all requests a process refuses."""
    with ntipc.Section(size=4096) as section:
        requests: dict[str, Callable[[], object]] = {
            "allocate": lambda: process.free(process.allocate(1)),
            "protect": lambda: process.protect(1 << 16, 1, "r"),
            "free": lambda: process.free(1 << 16),
            "map_section": lambda: process.unmap(process.map_section(section)),
            "unmap": lambda: process.unmap(1 << 16),
            "start_thread": lambda: process.start_thread("marked:add", 1).result(),
        }
        found = []
        for name, request in requests.items():
            try:
                request()
            except ntipc.AccessDenied as problem:
                assert problem.winerror == 5
                found.append(name)
            except ntipc.NtError as problem:
                assert problem.winerror == 487
    return found


def test_a_process_that_has_not_allowed_it_refuses_everything_always(peer: Peer) -> None:
    everything = ["allocate", "protect", "free", "map_section", "unmap", "start_thread"]
    with Process.open(peer.pid) as process:
        assert refused(process) == everything
        peer.run(MARKED.replace("ntipc.allow_remote", "#"))
        assert refused(process) == everything
        peer.run("ntipc.allow_remote(memory=True)")
        assert refused(process) == everything[3:]
        peer.run("ntipc.allow_remote(threads=True)")
        assert refused(process) == everything[:5]
        peer.run("ntipc.allow_remote(sections=True, memory=True)")
        assert refused(process) == everything[5:]
        peer.run("ntipc.allow_remote()")
        assert refused(process) == everything
        peer.run("ntipc.allow_remote(True, True, True)")
        assert refused(process) == []


def test_a_process_without_ntipc_refuses() -> None:
    with Process.open(os.getppid()) as process, pytest.raises(ntipc.AccessDenied):
        process.allocate(1)


def test_allocated_memory_is_zero_and_can_be_written_and_freed(peer: Peer, process: Process) -> None:
    """PM-24, PM-26, PM-30."""
    address = process.allocate(100_000)
    assert address % 65_536 == 0 and process.read_memory(address, 102_400) == bytes(102_400)
    process.write_memory(address, b"x" * 100_000)
    assert peer.run(f"ctypes.string_at({address}, 3)") == b"xxx"
    for wrong in (address + 4096, 0, address - 65_536):
        with pytest.raises(ntipc.NtError) as caught:
            process.free(wrong)
        assert caught.value.winerror == 487
    process.free(address)
    with pytest.raises(ntipc.NtError) as caught:
        process.read_memory(address, 1)
    assert caught.value.winerror == 299
    with pytest.raises(ntipc.NtError):
        process.free(address)


@pytest.mark.parametrize(("size", "error"), [(0, ntipc.InvalidParameter), (-5, ntipc.InvalidParameter),
                                             (2**63, ntipc.OutOfResources), (2**47, ntipc.OutOfResources)])  # fmt: skip
def test_impossible_sizes_are_refused(process: Process, size: int, error: type[Exception]) -> None:
    """PM-25."""
    with pytest.raises(error):
        process.allocate(size)
    assert process.allocate(1)


def test_protection_of_allocated_memory(process: Process) -> None:
    """PM-28: what is not allocated is not protected (487)."""
    address = process.allocate(3 * 4096, access="r")
    with pytest.raises(ntipc.NtError) as caught:
        process.write_memory(address, b"x")
    assert caught.value.winerror == 998
    process.protect(address + 4095, 2, "rw")
    process.write_memory(address, b"x" * 8192)
    process.protect(address, 1, "")
    with pytest.raises(ntipc.NtError) as caught:
        process.read_memory(address, 1)
    assert caught.value.winerror == 299
    assert process.read_memory(address + 4096, 1) == b"x"
    for place, size in ((address, 4 * 4096), (address - 1, 1), (1 << 20, 5)):
        with pytest.raises(ntipc.NtError) as caught:
            process.protect(place, size, "rw")
        assert caught.value.winerror == 487
    with pytest.raises(ntipc.InvalidParameter):
        process.protect(address, 1, "rwx")


def test_a_section_of_this_process_is_mapped_there(peer: Peer, process: Process) -> None:
    section = ntipc.Section(size=200_000)
    address = process.map_section(section)
    part = process.map_section(section, 65_536, 10, access="r")
    with section.map() as view:
        view[65_536:65_540] = b"part"
        assert peer.run(f"ctypes.string_at({part}, 4), ctypes.string_at({address} + 65536, 4)") == (b"part", b"part")
        process.write_memory(address + 199_999, b"!")
        assert view[199_999] == ord("!")
    section.close()
    with pytest.raises(ntipc.NtError) as caught:
        process.write_memory(part, b"x")
    assert caught.value.winerror == 998
    with pytest.raises(ntipc.NtError):
        process.free(address)
    process.unmap(address + 5)
    process.unmap(part)
    with pytest.raises(ntipc.NtError) as caught:
        process.unmap(part)
    assert caught.value.winerror == 487
    wait_until(
        lambda: not [found for found in ntipc.inspect()["objects"] if found["kind"] == "Section" and not found["name"]]
    )


def test_views_that_cannot_be_are_refused_as_by_map(process: Process) -> None:
    with ntipc.Section(size=4096) as section:
        with pytest.raises(ntipc.MappedAlignment):
            process.map_section(section, 1)
        with pytest.raises(ntipc.InvalidViewSize):
            process.map_section(section, 65_536)
        with section.duplicate(access="r") as reader, pytest.raises(ntipc.AccessDenied):
            process.map_section(reader, access="rw")
    with pytest.raises(ntipc.HandleClosed):
        process.map_section(section)
    with pytest.raises(TypeError):
        process.map_section(ntipc.Event())  # type: ignore[arg-type]


def test_a_marked_function_runs_there_and_its_result_comes_back(peer: Peer, process: Process) -> None:
    """PM-33, PM-34."""
    thread = process.start_thread("marked:add", 40, 2)
    assert thread.wait(20) and thread.exit_code == 42 and thread.result() == 42 == thread.result()
    assert thread.pid == peer.pid
    assert process.start_thread("marked:add", 40).result(20) == 41
    negative = process.start_thread("marked:add", -3, -4)
    assert negative.result() == -7 and negative.exit_code == -7
    order = {"item": "ab", "amount": 3}
    result = process.start_thread("marked:shout", "hey", 2, order, b"1", b"2").result(20)
    assert result == ["HEY", 2.0, "ababab", ["MQ==", "Mg=="]] or result == ["HEY", 2.0, "ababab", [b"1", b"2"]]


def test_a_thread_is_waited_for_like_others(process: Process) -> None:
    go, other = ntipc.Event("go"), ntipc.Event()
    thread = process.start_thread("marked:wait_for", "go")
    assert thread.exit_code is None and not thread.wait(0)
    with pytest.raises(ntipc.Timeout):
        thread.result(0)
    copy = pickle.loads(pickle.dumps(thread))
    assert type(copy) is ntipc.Thread and copy.id == thread.id
    go.set()
    found = ntipc.wait_any([other, thread], timeout=20)
    assert found is not None and found.object is thread and copy.wait(20)
    assert thread.result() is True and thread.exit_code == 1 == copy.exit_code


def test_an_exception_comes_back_and_the_exit_code_is_not_0(process: Process) -> None:
    thread = process.start_thread("marked:fail", "what")
    with pytest.raises(KeyError, match="what"):
        thread.result(20)
    with pytest.raises(KeyError):
        thread.result()
    assert thread.exit_code == 1
    odd = process.start_thread("marked:odd")
    with pytest.raises(ntipc.rpc.RemoteError, match="very"):
        odd.result(20)
    unspeakable = process.start_thread("marked:unspeakable")
    with pytest.raises(TypeError):
        unspeakable.result(20)
    assert odd.exit_code == unspeakable.exit_code == 1


@pytest.mark.parametrize(
    "name", ["marked:unmarked", "marked:nothing", "os:getpid", "os:system", "marked", "", ":", "marked:add.x"]
)
def test_what_is_not_marked_is_not_started(process: Process, name: str) -> None:
    """PM-32: nothing starts before it is known what."""
    with pytest.raises(ntipc.AccessDenied):
        process.start_thread(name)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [((), TypeError), ((1, 2, 3), TypeError), (("1",), ValueError), ((1.5,), ValueError), ((None,), ValueError),
     ((object(),), TypeError)],
)  # fmt: skip
def test_wrong_arguments_start_nothing(process: Process, arguments: tuple[object, ...], error: type[Exception]) -> None:
    with pytest.raises(error):
        process.start_thread("marked:add", *arguments)


def test_rights_of_the_handle(peer: Peer, process: Process) -> None:
    with Process.open(peer.pid, Access.SYNCHRONIZE | Access.PROCESS_CREATE_THREAD) as starter:
        assert starter.start_thread("marked:add", 1).result(20) == 2
        with pytest.raises(ntipc.AccessDenied, match="PROCESS_VM_OPERATION"):
            starter.allocate(1)
    with Process.open(peer.pid, Access.SYNCHRONIZE | Access.PROCESS_VM_OPERATION) as allocator:
        assert allocator.allocate(1)
        with pytest.raises(ntipc.AccessDenied, match="PROCESS_CREATE_THREAD"):
            allocator.start_thread("marked:add", 1)


def test_a_target_that_dies_in_its_function_is_told(peer: Peer, process: Process) -> None:
    waiting = process.start_thread("marked:wait_for", "never")
    dying = process.start_thread("marked:die")
    now = ntipc.Event("now")
    now.set()
    for thread in (dying, waiting):
        assert thread.wait(20)
        with pytest.raises(ntipc.NtError, match="has ended"):
            thread.result()
    for use in (lambda: process.allocate(1), lambda: process.start_thread("marked:add", 1)):
        with pytest.raises(ntipc.NtError, match="has ended"):
            use()
    with Process.open(peer.pid) as zombie, pytest.raises(ntipc.NtError):
        zombie.allocate(1)


def test_a_target_that_is_killed_while_it_is_asked_is_told(peer: Peer, process: Process) -> None:
    assert process.allocate(1)
    peer.run("from ntipc.other_memory.blocks import Blocks; Blocks.allocate = lambda *args: os.kill(os.getpid(), 9)")
    with pytest.raises(ntipc.NtError, match="has ended"):
        process.allocate(1)


@pytest.fixture
def stopped(peer: Peer, process: Process) -> Iterator[Process]:
    """A process that allows everything and answers nothing."""
    assert process.start_thread("marked:add", 1).result(20) == 2, "it has been asked before"
    os.kill(peer.pid, signal.SIGSTOP)
    wait_until(lambda: is_stopped(peer.pid))
    yield process
    os.kill(peer.pid, signal.SIGCONT)


@pytest.mark.parametrize("limit", [0, 0.05])
def test_a_stopped_target_is_a_timeout_for_every_request(stopped: Process, limit: float) -> None:
    with ntipc.Section(size=4096) as section:
        for request in (
            lambda: stopped.allocate(1, timeout=limit),
            lambda: stopped.protect(1 << 16, 1, "r", timeout=limit),
            lambda: stopped.free(1 << 16, timeout=limit),
            lambda: stopped.map_section(section, timeout=limit),
            lambda: stopped.unmap(1 << 16, timeout=limit),
            lambda: stopped.start_thread("marked:add", 1, timeout=limit),
        ):
            with pytest.raises(ntipc.Timeout, match="not answered in time"):
                request()


def test_a_stopped_target_that_was_never_asked_is_a_timeout_too(peer: Peer) -> None:
    peer.run(MARKED)
    with Process.open(peer.pid) as process:
        os.kill(peer.pid, signal.SIGSTOP)
        wait_until(lambda: is_stopped(peer.pid))
        try:
            with pytest.raises(ntipc.Timeout):
                process.allocate(1, timeout=0.05)
        finally:
            os.kill(peer.pid, signal.SIGCONT)
        process.free(process.allocate(1, timeout=20))


def test_what_the_caller_has_given_up_does_not_begin_later(peer: Peer, stopped: Process) -> None:
    began = ntipc.Event("began")
    with pytest.raises(ntipc.Timeout):
        stopped.start_thread("marked:work", "began", timeout=0.02)
    with pytest.raises(ntipc.Timeout):
        stopped.allocate(1 << 30, timeout=0.02)
    os.kill(peer.pid, signal.SIGCONT)
    # The service answers in order of arrival, so what was given up would have begun before this.
    for _ in range(8):
        assert stopped.start_thread("marked:add", 1).result(20) == 2
    assert not began.is_set()
    assert str(1 << 30 >> 10) not in peer.run("open('/proc/self/smaps').read()")


def test_result_of_a_stopped_target_is_not_lost(peer: Peer, process: Process) -> None:
    thread = process.start_thread("marked:add", 20, 2)
    assert thread.wait(20)
    os.kill(peer.pid, signal.SIGSTOP)
    wait_until(lambda: is_stopped(peer.pid))
    with pytest.raises(ntipc.Timeout, match="does not answer"):
        thread.result(0.02)
    with pytest.raises(ntipc.Timeout, match="does not answer"):
        thread.cancel(0.02)
    os.kill(peer.pid, signal.SIGCONT)
    assert thread.result(20) == 22


def test_a_cancelled_function_ends_when_it_looks(process: Process) -> None:
    begun = [ntipc.Event(name) for name in ("one", "two")]
    thread, other = (process.start_thread("marked:work", name) for name in ("one", "two"))
    assert all(event.wait(20) for event in begun)
    with pytest.raises(ntipc.Timeout):
        thread.result(0)
    thread.cancel()
    assert thread.result(20) == "cancelled" and not other.wait(0)
    thread.cancel()
    assert thread.result() == "cancelled"
    other.cancel(20)
    assert other.result(20) == "cancelled"
    assert not ntipc.remote_cancelled()


def test_cancelling_in_a_process_that_has_ended_does_nothing(peer: Peer, process: Process) -> None:
    thread = process.start_thread("marked:work", "one")
    peer.kill()
    thread.cancel()
    with pytest.raises(ntipc.NtError, match="has ended"):
        thread.result(20)


@pytest.mark.parametrize("wrong", ["1", float("nan"), object()])
def test_time_limits_are_numbers(process: Process, wrong: object) -> None:
    for request in (
        lambda: process.allocate(1, timeout=wrong),  # type: ignore[arg-type]
        lambda: process.start_thread("marked:add", 1, timeout=wrong),  # type: ignore[arg-type]
    ):
        with pytest.raises((TypeError, ValueError), match="timeout"):
            request()


def test_a_caller_that_is_killed_leaves_the_thread_running(peer: Peer, start_peer: Callable[..., Peer]) -> None:
    peer.run(MARKED)
    caller = start_peer()
    caller.run(f"process = ntipc.Process.open({peer.pid}); thread = process.start_thread('marked:wait_for', 'go')")
    number = caller.run("thread.id")
    caller.kill()
    with ntipc.Thread.open(number) as thread:
        assert not thread.wait(0)
        ntipc.Event("go").set()
        assert thread.wait(20) and thread.exit_code == 1
    with Process.open(peer.pid) as process:
        assert process.start_thread("marked:add", 1).result(20) == 2


def test_a_forked_child_allows_nothing(peer: Peer) -> None:
    peer.run(MARKED)
    child = peer.run(
        "go, there = os.pipe()\nchild = os.fork()\n"
        "if child == 0:\n    os.close(there); ntipc.Event(); os.read(go, 1); os._exit(0)\nos.close(go)\nchild"
    )
    try:
        with Process.open(child) as process, pytest.raises(ntipc.AccessDenied):
            process.allocate(1)
        with Process.open(peer.pid) as process:
            assert process.allocate(1)
    finally:
        os.kill(child, signal.SIGKILL)
        peer.run("os.waitpid(child, 0)")


def test_a_process_allows_again_while_a_child_of_it_lives(peer: Peer, process: Process) -> None:
    child = peer.run(
        "go, there = os.pipe()\nchild = os.fork()\n"
        "if child == 0:\n    os.close(there); os.read(go, 1); os._exit(0)\nos.close(go)\nchild"
    )
    try:
        for _ in range(3):
            peer.run("ntipc.allow_remote()")
            with pytest.raises(ntipc.AccessDenied):
                process.start_thread("marked:add", 1)
            peer.run("ntipc.allow_remote(threads=True)")
            assert process.start_thread("marked:add", 1).result(20) == 2
    finally:
        os.kill(child, signal.SIGKILL)
        peer.run("os.waitpid(child, 0)")


def test_a_process_may_ask_itself() -> None:
    ntipc.allow_remote(memory=True)
    try:
        with Process.current() as here:
            address = here.allocate(10)
            here.write_memory(address, b"me")
            assert here.read_memory(address, 2) == b"me"
            here.free(address)
    finally:
        ntipc.allow_remote()


@pytest.mark.parametrize("wrong", [1, "yes", None])
def test_permissions_are_bools(wrong: object) -> None:
    with pytest.raises(TypeError):
        ntipc.allow_remote(memory=wrong)  # type: ignore[arg-type]


def test_only_functions_with_annotations_are_marked() -> None:
    for wrong in (lambda x: x, print, 5, Process):
        with pytest.raises(TypeError):
            ntipc.remote(wrong)  # type: ignore[type-var, arg-type]

    def named(*, x: int) -> None: ...

    with pytest.raises(TypeError):
        ntipc.remote(named)
