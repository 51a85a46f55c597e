"""Sections: shared memory by name, with a size, rights and perhaps a file."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness.leftovers import base
from harness.peers import Peer
from harness.waiting import facts, look, wait_until

import ntipc
from ntipc import Access


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "data"
    path.write_bytes(bytes(range(250)) * 40)
    return path


def files_of(session: ntipc.Session) -> set[str]:
    return {path.name for path in Path(session.path).iterdir()}


@pytest.mark.parametrize("size", [1, 4096, 5000, 1 << 20])
def test_new_section_is_zero_and_has_the_size_asked_for(size: int) -> None:
    section = ntipc.Section(size=size)
    with section.map() as view:
        assert section.size == len(view) == size and bytes(view) == bytes(size)


@pytest.mark.parametrize("size", [0, -1, -(2**63), 2**63, 2**64, 2**80])
def test_impossible_size_is_refused(size: int) -> None:
    with pytest.raises((ValueError, OverflowError, MemoryError)):
        ntipc.Section("s", size)
    assert ntipc.Section("s", 1).created


@pytest.mark.parametrize("size", ["1", 1.5, b"1", [1]])
def test_size_that_is_not_an_integer_is_a_type_error(size: Any) -> None:
    with pytest.raises(TypeError):
        ntipc.Section("s", size)


def test_size_of_zero_is_87_also_when_the_section_exists() -> None:
    section = ntipc.Section("s", 100)
    for name in "s", "other", None:
        with pytest.raises(ntipc.InvalidParameter) as problem:
            ntipc.Section(name, 0)
        assert problem.value.winerror == 87
    assert section.size == 100


def test_new_section_without_a_size_or_file_is_refused() -> None:
    with pytest.raises((TypeError, ValueError, FileNotFoundError)):
        ntipc.Section("s")
    with pytest.raises((TypeError, ValueError)):
        ntipc.Section()


def test_existing_section_keeps_its_first_size() -> None:
    first = ntipc.Section("s", 5000)
    second, third = ntipc.Section("s", 9_000_000), ntipc.Section("s")
    assert (second.created, third.created) == (False, False)
    assert first.size == second.size == third.size == ntipc.Section.open("s").size == 5000


def test_info_tells_size_protection_and_file(file: Path) -> None:
    known = facts(ntipc.Section("s", 5000))
    assert (known["kind"], known["size"], known["reserve"], known["file"]) == ("Section", 5000, False, None)
    backed = facts(ntipc.Section(file=str(file), access="r"))
    assert backed["size"] == 10_000 and str(backed["file"]) == str(file) and backed["protection"] == "r"


def test_views_in_all_processes_see_each_others_writes(peer: Peer) -> None:
    section = ntipc.Section("s", 100_000)
    peer.run("view = ntipc.Section.open('s').map(); memory = memoryview(view)")
    with section.map() as view, memoryview(view) as memory:
        memory[99_999] = 7
        assert peer.run("memory[99_999]") == 7
        peer.run("memory[0:5] = b'hello'")
        assert bytes(memory[:5]) == b"hello"


def test_view_keeps_the_memory_while_the_name_is_free_again() -> None:
    section = ntipc.Section("s", 100)
    view = section.map()
    memoryview(view)[0] = 9
    section.close()
    with pytest.raises(ntipc.ObjectNotFound):
        ntipc.Section.open("s")
    fresh = ntipc.Section("s", 100)
    with fresh.map() as other:
        assert fresh.created and bytes(other) == bytes(100) and bytes(view)[0] == 9
    view.unmap()


def test_section_in_pages_leaves_no_file_after_its_last_handle_and_view(session: ntipc.Session) -> None:
    keep = ntipc.Event()
    before = files_of(ntipc.Session())
    section = ntipc.Section("s", 1 << 20)
    view = section.map()
    section.close()
    view.unmap()
    assert files_of(ntipc.Session()) == before and not keep.closed


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil-ntipc", "a/b", "arena", ".", ".."])
def test_name_of_a_section_is_no_path(name: str, session: ntipc.Session) -> None:
    before = {path.name for path in base().iterdir()}
    with ntipc.Section(name, 4096) as section, section.map() as view:
        memoryview(view)[0] = 1
        new = {path.name for path in base().iterdir()} - before
        assert new <= {Path(ntipc.Session().path).name} and not Path("/tmp/evil-ntipc").exists()
        assert ntipc.Section.open(name).size == 4096 and ntipc.Event("still works").created


def test_section_of_a_killed_process_is_gone_with_its_memory(peer: Peer) -> None:
    ntipc.Session()
    before = files_of(ntipc.Session())
    peer.run("section = ntipc.Section('s', 1 << 20); view = section.map()")
    assert ntipc.Section.open("s").size == 1 << 20
    peer.kill()
    wait_until(lambda: look()["objects"] == [] and files_of(ntipc.Session()) == before)
    assert ntipc.Section("s", 1).created


@pytest.mark.parametrize(("access", "writable"), [("r", False), ("copy", False), ("rw", True)])
def test_rights_of_the_handle_decide_what_may_be_mapped(access: str, writable: bool) -> None:
    keep = ntipc.Section("s", 100)
    section = ntipc.Section.open("s", access=access)
    assert section.map(access="r").readonly and not section.map(access="copy").readonly
    if writable:
        assert not section.map(access="rw").readonly
    else:
        with pytest.raises(PermissionError) as problem:
            section.map(access="rw")
        assert problem.value.winerror == 5 and keep.size == 100  # type: ignore[attr-defined]


@pytest.mark.parametrize(("access", "readonly"), [("r", True), ("copy", False), ("rw", False)])
def test_view_has_the_access_of_the_handle_unless_told(access: str, readonly: bool) -> None:
    section = ntipc.Section(size=100, access=access)
    view = section.map()
    assert view.access == access and view.readonly is readonly


def test_handle_duplicated_for_reading_cannot_be_mapped_for_writing() -> None:
    section = ntipc.Section(size=100)
    weak = section.duplicate(access=Access.SECTION_MAP_READ | Access.SECTION_QUERY)
    assert weak.map(access="r").readonly
    with pytest.raises(ntipc.AccessDenied):
        weak.map(access="rw")
    assert not section.map(access="rw").readonly


@pytest.mark.parametrize("access", ["", "w", "rwx", "R", None, 1 << 40, b"r"])
def test_unknown_access_is_refused(access: Any) -> None:
    if access is None:
        access = object()
    with pytest.raises((TypeError, ValueError)):
        ntipc.Section("s", 100, access=access)
    with pytest.raises((TypeError, ValueError)):
        ntipc.Section(size=1).map(access=access)
    assert ntipc.Section("s", 100).created


def test_page_file_section_too_big_for_the_memory_is_an_error_when_it_is_made() -> None:
    ntipc.Session()
    free = os.statvfs(base()).f_bavail
    with pytest.raises(ntipc.OutOfResources) as problem:
        ntipc.Section("s", 1 << 46)
    assert isinstance(problem.value, MemoryError) and look()["objects"] == []
    assert os.statvfs(base()).f_bavail > free // 2
    assert ntipc.Section("s", 1).created


def test_reserved_section_takes_space_only_when_touched(session: ntipc.Session) -> None:
    before = os.statvfs(base()).f_bfree
    section = ntipc.Section(size=1 << 40, reserve=True)
    with section.map((1 << 40) - 65536, 65536) as view, memoryview(view) as memory:
        memory[65535] = 3
    with section.map((1 << 40) - 65536) as view:
        assert bytes(view)[65535] == 3
    assert section.size == 1 << 40 and facts(section)["reserve"]
    assert (before - os.statvfs(base()).f_bfree) * 4096 < 1 << 32


def test_offsets_past_4_gib_are_the_right_bytes(peer: Peer) -> None:
    section = ntipc.Section("big", 6 << 30, reserve=True)
    offsets = [0, (4 << 30) - 65536, 4 << 30, (4 << 30) + 65536, (6 << 30) - 65536]
    for number, offset in enumerate(offsets):
        with section.map(offset, 65536) as view, memoryview(view) as memory:
            memory[:8] = (number + 1).to_bytes(8, "little")
    peer.run("section = ntipc.Section.open('big')")
    read = "[int.from_bytes(bytes(section.map(o, 8)), 'little') for o in {}]"
    assert peer.run(read.format(offsets)) == [1, 2, 3, 4, 5]
    with section.map(4 << 30, 65536 * 2) as view:
        assert view[65536:65544] == (4).to_bytes(8, "little")


def test_file_backed_section_has_the_bytes_and_size_of_the_file(file: Path, peer: Peer) -> None:
    section = ntipc.Section("f", file=str(file))
    assert section.size == 10_000
    assert peer.run("bytes(ntipc.Section.open('f').map())") == file.read_bytes()


def test_writes_reach_the_file_and_copies_never_do(file: Path) -> None:
    section = ntipc.Section(file=str(file))
    with section.map(access="rw") as view, section.map(access="copy") as copy:
        memoryview(view)[0] = 77
        memoryview(copy)[1] = 88
        view.flush()
        assert file.read_bytes()[:3] == bytes([77, 1, 2]) and bytes(copy)[1] == 88 and bytes(view)[1] == 1


def test_section_bigger_than_its_file_extends_it(file: Path) -> None:
    section = ntipc.Section(size=20_000, file=str(file))
    with section.map() as view:
        assert len(view) == 20_000 and bytes(view)[10_000:] == bytes(10_000)
    assert file.stat().st_size == 20_000


def test_read_only_section_bigger_than_its_file_is_refused(file: Path) -> None:
    for access in "r", "copy":
        with pytest.raises(ntipc.OutOfResources) as problem:
            ntipc.Section(size=20_000, file=str(file), access=access)
        assert problem.value.winerror == 8
    assert file.stat().st_size == 10_000


def test_section_smaller_than_its_file_shows_the_beginning(file: Path) -> None:
    with ntipc.Section(size=100, file=str(file)) as section, section.map() as view:
        assert bytes(view) == bytes(range(100))
    assert file.stat().st_size == 10_000


def test_empty_file_without_a_size_is_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    with pytest.raises(ntipc.NtError) as problem:
        ntipc.Section(file=str(empty))
    assert problem.value.winerror == 1006
    assert ntipc.Section(size=10, file=str(empty)).size == 10


def test_missing_file_is_file_not_found_or_made_when_it_may_be_written(tmp_path: Path) -> None:
    for access in "r", "copy":
        with pytest.raises(FileNotFoundError):
            ntipc.Section(size=10, file=str(tmp_path / "missing"), access=access)
    with pytest.raises(FileNotFoundError):
        ntipc.Section(size=10, file=str(tmp_path / "no" / "such" / "directory"))


@pytest.mark.parametrize("kind", ["directory", "fifo", "device"])
def test_file_that_cannot_be_mapped_is_refused_at_once(kind: str, tmp_path: Path) -> None:
    path = {"directory": tmp_path, "fifo": tmp_path / "fifo", "device": Path("/dev/tty")}[kind]
    if kind == "fifo":
        os.mkfifo(path)
    for access in "r", "rw":
        with pytest.raises(OSError):
            ntipc.Section("s", 10, file=str(path), access=access)
    assert ntipc.Section("s", 10).created


@pytest.mark.parametrize("wrong", [5, b"\0", object(), "\0", ""])
def test_file_argument_that_is_no_path_is_refused(wrong: Any) -> None:
    with pytest.raises((TypeError, ValueError, OSError)):
        ntipc.Section(size=10, file=wrong)


@pytest.fixture
def public_file() -> Iterator[Path]:
    """A read-only file where every user can find it."""
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        path = Path(directory) / "data"
        path.write_bytes(b"x" * 5000)
        path.chmod(0o444)
        yield path


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_writable_section_of_a_read_only_file_is_refused(public_file: Path, peer: Peer) -> None:
    peer.run("session = ntipc.Session(); os.seteuid(65534)")
    make = f"ntipc.Section(file={str(public_file)!r}, access={{!r}}, session=session)"
    with pytest.raises(PermissionError):
        peer.run(make.format("rw"))
    for access in "r", "copy":
        assert peer.run(make.format(access) + ".size") == 5000
    peer.run("os.seteuid(0)")


def test_file_that_was_replaced_meanwhile_is_not_taken_for_the_old_one(file: Path, peer: Peer) -> None:
    section = ntipc.Section("f", file=str(file))
    peer.run("section = ntipc.Section.open('f')")
    file.rename(file.with_suffix(".old"))
    file.write_bytes(b"other" * 2000)
    for read in lambda: peer.run("bytes(section.map())[:5]"), lambda: bytes(section.map())[:5]:
        try:
            assert read() == bytes(range(5))
        except ntipc.NtError as problem:
            assert problem.status == 0xC0000098


def test_numpy_uses_the_memory_without_a_copy(peer: Peer) -> None:
    import numpy

    section = ntipc.Section("array", 8 * 1000)
    view = section.map()
    array = numpy.frombuffer(view, dtype=numpy.float64)
    array[:] = numpy.arange(1000)
    peer.run("import numpy; view = ntipc.Section.open('array').map(); array = numpy.frombuffer(view)")
    assert peer.run("float(array.sum())") == array.sum() == 499500
    peer.run("array[999] = 5.5")
    assert array[999] == 5.5 and array.ctypes.data == view.address
    with pytest.raises(BufferError):
        view.unmap()
    del array
    view.unmap()


def test_many_sections_at_once(start_peer: Callable[..., Peer]) -> None:
    sections = [ntipc.Section(f"s{number}", 4096) for number in range(300)]
    for number, section in enumerate(sections):
        with section.map() as view, memoryview(view) as memory:
            memory[0:2] = number.to_bytes(2, "little")
    peer = start_peer()
    code = "[int.from_bytes(bytes(ntipc.Section.open(f's{n}').map(0, 2)), 'little') for n in range(300)]"
    assert peer.run(code) == list(range(300))
