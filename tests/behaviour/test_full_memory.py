"""A full /dev/shm is an error when something is made, never a crash later, and nothing is lost by it."""

import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness.peers import Peer

import ntipc


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a file system in memory of the given size; skips where that is not allowed."""
    mounted: list[Path] = []

    def mount(size: str) -> Path:
        place = tmp_path / "small"
        place.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=1777", "tmpfs", str(place)]
        if subprocess.run(command, capture_output=True).returncode:
            pytest.skip("this machine does not allow mounting")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_session_that_does_not_fit_is_out_of_resources(
    small: Callable[[str], Path], start_peer: Callable[..., Peer]
) -> None:
    place = small("16k")
    peer = start_peer({"NTIPC_DIR": str(place)})
    for _ in range(2):
        with pytest.raises(MemoryError) as problem:
            peer.run("ntipc.Event('x')")
        assert isinstance(problem.value, ntipc.OutOfResources)
    assert peer.run("1 + 1") == 2


def test_section_that_does_not_fit_is_out_of_resources_and_leaves_nothing(
    small: Callable[[str], Path], start_peer: Callable[..., Peer]
) -> None:
    place = small("24m")
    peer = start_peer({"NTIPC_DIR": str(place)})
    peer.run("event = ntipc.Event('x')")
    free = os.statvfs(place).f_bavail
    with pytest.raises(MemoryError):
        peer.run("ntipc.Section('s', 100 << 20)")
    assert os.statvfs(place).f_bavail == free
    assert peer.run("event.set(), event.wait(0)") == (False, True)
    assert peer.run("section = ntipc.Section('s', 4096); section.created") is True


def test_global_memory_that_does_not_fit_stays_as_it_is(
    small: Callable[[str], Path], start_peer: Callable[..., Peer]
) -> None:
    place = small("24m")
    peer = start_peer({"NTIPC_DIR": str(place)})
    peer.run("block = ntipc.GlobalMemory(3); block.lock()[:] = b'abc'; block.unlock()")
    free = os.statvfs(place).f_bavail
    for size in (
        100 << 20,
        (free + 1) * 4096,
    ):  # more than there is; and as much as there is, but for what else is needed
        with pytest.raises(MemoryError):
            peer.run(f"block.resize({size})")
        assert os.statvfs(place).f_bavail >= free
        assert peer.run("bytes(block.lock()), block.unlock(), block.size") == (b"abc", 0, 3)


def test_section_that_was_made_can_be_written_to_its_last_byte_though_memory_is_full(
    small: Callable[[str], Path], start_peer: Callable[..., Peer]
) -> None:
    place = small("24m")
    peer = start_peer({"NTIPC_DIR": str(place)})
    peer.run("section = ntipc.Section('s', 4 << 20); view = section.map()")
    with (place / "filler").open("wb") as file, pytest.raises(OSError, match="No space"):
        while file.write(bytes(65536)):
            file.flush()
    assert peer.run("view[:] = b'x' * len(view); view[len(view) - 1]") == ord("x")


def test_objects_that_do_not_fit_are_out_of_resources_and_closing_makes_room(
    small: Callable[[str], Path], start_peer: Callable[..., Peer]
) -> None:
    place = small("24m")
    peer = start_peer({"NTIPC_DIR": str(place)})
    peer.run("events = [ntipc.Event('first')]")
    (place / "filler").write_bytes(bytes((os.statvfs(place).f_bavail - 32) * 4096))
    with pytest.raises(ntipc.OutOfResources):
        peer.run("while True: events.append(ntipc.Event('n' * 1000 + str(len(events))))")
    assert peer.run("len(events) > 1 and events[0].set() is False and events[0].wait(0)")
    peer.run("kept = events[0]; events.clear()")
    assert peer.run("ntipc.Event('again').created, kept.closed") == (True, False)


def test_waiting_works_though_memory_is_full(small: Callable[[str], Path], start_peer: Callable[..., Peer]) -> None:
    """Or it says so: a thread's first wait may need a place of its own."""
    place = small("24m")
    peer = start_peer({"NTIPC_DIR": str(place)})
    peer.run("event, pair = ntipc.Event('e'), ntipc.EventPair(); event.wait(0.001)")
    (place / "filler").write_bytes(bytes(os.statvfs(place).f_bavail * 4096))
    assert peer.run("event.wait(0.001), event.set(), event.wait(5)") == (False, False, True)
    for number in range(40):
        try:
            assert peer.run("pair.wait_high(0.001)", f"t{number}") is False
        except ntipc.OutOfResources:
            break
    assert peer.run("event.set(), event.wait(5)") == (False, True)


def test_messages_that_do_not_fit_are_out_of_resources_and_what_waits_goes_on_when_others_are_read(
    small: Callable[[str], Path], start_peer: Callable[..., Peer]
) -> None:
    place = small("24m")
    peer = start_peer({"NTIPC_DIR": str(place)})
    peer.run("queue, more = (ntipc.Queue(name, quota=1 << 30) for name in 'ab')")
    with pytest.raises(MemoryError):
        peer.run("queue.put(bytes(30 << 20), timeout=0)")
    assert peer.run("queue.empty()") is True
    with pytest.raises(MemoryError):
        peer.run("while True: queue.put(bytes(1 << 20), timeout=0)")
    with pytest.raises(MemoryError):
        peer.run("more.put(b'x' * (4 << 20), timeout=0.01)")
    waiting = peer.begin("more.put(b'x' * (4 << 20))", "writer")
    peer.run("while not queue.empty(): assert len(queue.get()) == 1 << 20")
    waiting.result()
    assert peer.run("more.get() == b'x' * (4 << 20)") is True


def test_file_size_limit_of_the_process_is_out_of_resources(peer: Peer) -> None:
    """RLIMIT_FSIZE sends SIGXFSZ, which Python ignores, and the call fails."""
    peer.run("import resource; event = ntipc.Event('x')")
    peer.run(f"resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, {resource.RLIM_INFINITY}))")
    with pytest.raises(ntipc.NtError):
        peer.run("ntipc.Section('s', 64 << 20)")
    assert peer.run("event.set(), event.wait(0)") == (False, True)


def test_no_more_descriptors_is_an_error_and_passes(peer: Peer) -> None:
    peer.run("import resource; event = ntipc.Event('x')")
    peer.run("limits = resource.getrlimit(resource.RLIMIT_NOFILE)")
    peer.run("resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))")
    with pytest.raises(OSError):
        peer.run("ntipc.Section('s', 4096).map()")
    assert peer.run("event.set(), event.wait(0)") == (False, True)
    peer.run("resource.setrlimit(resource.RLIMIT_NOFILE, limits)")
    assert peer.run("len(ntipc.Section('s', 4096).map())") == 4096


def test_no_more_address_space_is_an_error_and_passes(peer: Peer) -> None:
    peer.run("import resource; section = ntipc.Section('s', 1 << 36, reserve=True)")
    peer.run("limits = resource.getrlimit(resource.RLIMIT_AS)")
    peer.run("used = int(open('/proc/self/statm').read().split()[0]) * 4096")
    peer.run("resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20), limits[1]))")
    with pytest.raises(MemoryError):
        peer.run("section.map()")
    peer.run("resource.setrlimit(resource.RLIMIT_AS, limits)")
    assert peer.run("len(section.map())") == 1 << 36
