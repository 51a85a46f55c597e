"""Views: mapped memory with the buffer protocol."""

import gc
import os
import pickle
import re
from pathlib import Path

import pytest
from harness.peers import Peer

import ntipc

GRANULARITY = 65536


def permissions(view: ntipc.View) -> str:
    """What Linux allows at the view's address."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        start, end, allowed = re.match(r"(\w+)-(\w+) (\S+)", line).groups()  # type: ignore[union-attr]
        if int(start, 16) <= view.address < int(end, 16):
            return allowed
    raise AssertionError("the view is not mapped")


@pytest.mark.parametrize(("access", "allowed"), [("r", "r--"), ("rw", "rw-s"), ("copy", "rw-p")])
def test_access_is_enforced_by_the_memory_protection(access: str, allowed: str) -> None:
    with ntipc.Section(size=100).map(access=access) as view:
        assert permissions(view).startswith(allowed)
        assert memoryview(view).readonly is (access == "r") is view.readonly


def test_write_through_a_read_only_view_is_a_type_error() -> None:
    with ntipc.Section(size=100).map(access="r") as view, memoryview(view) as memory, pytest.raises(TypeError):
        memory[0] = 1


def test_forced_write_to_a_read_only_view_kills_only_the_writer(peer: Peer) -> None:
    section = ntipc.Section("s", 100)
    peer.run("import ctypes, faulthandler; faulthandler.disable(); view = ntipc.Section.open('s').map(access='r')")
    peer.begin("ctypes.memset(view.address, 1, 1)")
    assert peer.wait() == -11
    assert bytes(section.map()) == bytes(100)


def test_offset_and_size_choose_the_bytes() -> None:
    section = ntipc.Section(size=3 * GRANULARITY + 10)
    with section.map() as whole, memoryview(whole) as memory:
        memory[GRANULARITY : GRANULARITY + 3] = b"abc"
        memory[3 * GRANULARITY + 9] = 5
    assert bytes(section.map(GRANULARITY, 3)) == b"abc"
    tail = section.map(3 * GRANULARITY)
    assert len(tail) == 10 and bytes(tail)[9] == 5


@pytest.mark.parametrize("size", [0, None])
def test_no_size_is_the_rest_of_the_section(size: int | None) -> None:
    assert len(ntipc.Section(size=GRANULARITY + 10).map(GRANULARITY, size)) == 10


@pytest.mark.parametrize("offset", [1, 4096, GRANULARITY - 1, GRANULARITY + 4096])
def test_offset_that_is_no_multiple_of_64_kib_is_refused(offset: int) -> None:
    section = ntipc.Section(size=3 * GRANULARITY)
    with pytest.raises(ntipc.NtError) as problem:
        section.map(offset, 1)
    assert problem.value.winerror == 1132


@pytest.mark.parametrize(
    ("offset", "size"),
    [(0, 8193), (GRANULARITY, None), (GRANULARITY, 1), (0, 2**40), (0, 2**63 - 1), (2**62, 1), (2**62, 2**62)],
)
def test_view_outside_the_section_is_refused(offset: int, size: int | None) -> None:
    section = ntipc.Section(size=5000)
    with pytest.raises(ntipc.NtError) as problem:
        section.map(offset, size)
    assert problem.value.winerror == 5


def test_view_may_end_in_the_last_page_past_the_size() -> None:
    with ntipc.Section(size=5000).map(0, 8192) as view:
        assert len(view) == 8192 and bytes(view) == bytes(8192)


@pytest.mark.parametrize(("offset", "size"), [(-1, 1), (-GRANULARITY, 1), (0, -1), (2**64, 1), (0, 2**64)])
def test_impossible_offset_or_size_is_refused(offset: int, size: int) -> None:
    section = ntipc.Section(size=5000)
    with pytest.raises((ValueError, OverflowError, ntipc.NtError)):
        section.map(offset, size)


@pytest.mark.parametrize("wrong", ["0", 1.5, b"0", [0]])
def test_offset_or_size_that_is_not_an_integer_is_a_type_error(wrong: object) -> None:
    section = ntipc.Section(size=5000)
    with pytest.raises(TypeError):
        section.map(wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        section.map(0, wrong)  # type: ignore[arg-type]


def test_two_views_are_at_different_addresses_and_unmapped_one_by_one() -> None:
    section = ntipc.Section(size=100)
    first, second = section.map(), section.map()
    memoryview(first)[0] = 4
    assert first.address != second.address
    first.unmap()
    assert bytes(second)[0] == 4 and first.closed and not second.closed


def test_copy_keeps_its_own_pages_once_written_and_follows_the_section_elsewhere() -> None:
    section = ntipc.Section(size=2 * 4096)
    with section.map(access="rw") as shared, section.map(access="copy") as copy:
        everybody, own = memoryview(shared), memoryview(copy)
        own[0] = 1
        everybody[1], everybody[4096] = 2, 3
        assert (everybody[0], own[0], own[1], own[4096]) == (0, 1, 0, 3)
        everybody.release()
        own.release()


def test_unmap_is_refused_while_a_buffer_is_exported() -> None:
    view = ntipc.Section(size=100).map()
    memory = memoryview(view)
    part = memory[10:20]
    with pytest.raises(BufferError):
        view.unmap()
    memory.release()
    with pytest.raises(BufferError):
        view.unmap()
    part[0] = 1
    part.release()
    view.unmap()
    assert view.closed


def test_use_after_unmap_is_refused() -> None:
    view = ntipc.Section(size=100).map()
    view.unmap()
    view.unmap()
    for use in (memoryview, bytes, lambda it: it.flush(), lambda it: it.address):
        with pytest.raises((ntipc.HandleClosed, ValueError, BufferError)):
            use(view)


def test_with_unmaps() -> None:
    with ntipc.Section(size=100).map() as view:
        assert not view.closed
    assert view.closed


def test_buffer_outlives_every_other_reference() -> None:
    memory = memoryview(ntipc.Section("s", 100).map())
    gc.collect()
    memory[0] = 9
    assert memory[0] == 9
    with pytest.raises(ntipc.ObjectNotFound):
        ntipc.Section.open("s")


def test_view_outlives_the_handle_of_its_section(peer: Peer) -> None:
    section = ntipc.Section("s", 100)
    peer.run("section = ntipc.Section.open('s'); view = section.map(); section.close()")
    memoryview(section.map())[3] = 8
    assert peer.run("bytes(view)[3]") == 8
    section.close()
    assert peer.run("bytes(view)[3]") == 8


def test_view_does_not_pickle() -> None:
    view = ntipc.Section(size=100).map()
    with pytest.raises(TypeError, match="section"):
        pickle.dumps(view)


def test_view_is_a_buffer_of_bytes_in_every_respect() -> None:
    view = ntipc.Section(size=100).map()
    with memoryview(view) as memory:
        assert (memory.format, memory.itemsize, memory.nbytes, memory.contiguous) == ("B", 1, 100, True)
        memory.cast("I")[1] = 0x01020304
    assert bytearray(view)[4:8] == b"\x04\x03\x02\x01" and len(view) == 100


def test_file_input_and_output_work_on_a_view(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"z" * 100)
    with ntipc.Section(size=100).map() as view:
        with path.open("rb") as file:
            assert file.readinto(view) == 100  # type: ignore[arg-type]
        reading, writing = os.pipe()
        assert os.write(writing, view) == 100  # type: ignore[arg-type]
        assert os.read(reading, 200) == b"z" * 100
        os.close(reading)
        os.close(writing)


@pytest.mark.parametrize(("offset", "size"), [(0, None), (0, 100), (4096, 10), (5000, 1)])
def test_flush_of_a_part(offset: int, size: int | None) -> None:
    with ntipc.Section(size=8192).map() as view:
        view.flush(offset, size)


@pytest.mark.parametrize(("offset", "size"), [(-1, 1), (8193, None), (0, 8193), (8192, 1), (2**63, 1), (1, 2**63 - 1)])
def test_flush_outside_the_view_is_refused(offset: int, size: int | None) -> None:
    with ntipc.Section(size=8192).map() as view, pytest.raises((ValueError, OverflowError, ntipc.NtError)):
        view.flush(offset, size)


def test_repr_tells_size_and_access() -> None:
    view = ntipc.Section("s", 100).map(access="r")
    assert "View" in repr(view)
    view.unmap()
    assert "closed" in repr(view) or "unmapped" in repr(view)


def test_views_cannot_be_made_by_hand() -> None:
    with pytest.raises((TypeError, ValueError)):
        memoryview(ntipc.View())
