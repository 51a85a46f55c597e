"""The memory of another process, read and written from outside: all of it or an error that says why."""

import ctypes
import mmap
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy
import pytest
from harness.peers import Peer

import ntipc
from ntipc import Access, Process
from ntipc.other_memory import refusals

PAGE = mmap.PAGESIZE
LAYOUT = """
import ctypes, mmap
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long
page = 4096
base = libc.mmap(None, 6 * page, 3, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
ctypes.memset(base, ord('a'), 5 * page)
libc.mprotect.argtypes = libc.munmap.argtypes = ctypes.c_void_p, ctypes.c_size_t
libc.mprotect.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
libc.mprotect(base + 2 * page, page, 1)
libc.mprotect(base + 3 * page, page, 0)
libc.munmap(base + 5 * page, page)
def content(start, size): return ctypes.string_at(base + start, size)
base
"""
"""Pages: two to read and write, one to read, one for nothing, one to read and write, one that is not there."""


@pytest.fixture
def base(peer: Peer) -> int:
    """Where the pages lie in the other process."""
    return peer.run(LAYOUT)  # type: ignore[no-any-return]


@pytest.fixture
def process(peer: Peer) -> Iterator[Process]:
    """The other process."""
    with Process.open(peer.pid) as process:
        yield process


def test_what_is_there_is_read_and_written(peer: Peer, base: int, process: Process) -> None:
    """PM-24: what is written reads back, a large piece at once."""
    assert process.read_memory(base, 5) == b"aaaaa"
    data = bytes(range(256)) * 32
    process.write_memory(base, data)
    assert process.read_memory(base, len(data)) == data == peer.run("content(0, 8192)")
    process.write_memory(base + 10, b"")
    assert process.read_memory(base + 1, 3) == b"\1\2\3"


@pytest.mark.parametrize(
    ("start", "size"),
    [(3 * PAGE, 1), (5 * PAGE, 1), (5 * PAGE - 1, 2), (3 * PAGE - 1, 2), (0, 5 * PAGE), (3 * PAGE - 100, 3 * PAGE),
     (0, 2**62), (0, 1 << 25)],
)  # fmt: skip
def test_a_range_of_which_any_part_cannot_be_read_gives_nothing(
    base: int, process: Process, start: int, size: int
) -> None:
    """PM-01, PM-02, PM-22, PM-35: 299, and no bytes."""
    with pytest.raises(ntipc.NtError) as caught:
        process.read_memory(base + start, size)
    assert caught.value.winerror == 299
    if size < 1 << 20:
        buffer = bytearray(b"z" * size)
        with pytest.raises(ntipc.NtError):
            process.read_memory_into(base + start, buffer)
        assert buffer == b"z" * size


@pytest.mark.parametrize("address", [0, 1, 2**47, 2**63, 2**64 - 1])
def test_addresses_that_are_nowhere(process: Process, address: int) -> None:
    with pytest.raises(ntipc.NtError) as caught:
        process.read_memory(address, 8)
    assert caught.value.winerror == 299
    with pytest.raises(ntipc.NtError) as caught:
        process.write_memory(address, b"12345678")
    assert caught.value.winerror in (299, 998)


@pytest.mark.parametrize(
    ("start", "size"), [(2 * PAGE, 1), (2 * PAGE - 4, 8), (3 * PAGE, 4), (5 * PAGE - 1, 2), (0, 5 * PAGE)]
)
def test_a_range_of_which_any_part_cannot_be_written_is_left_as_it_is(
    peer: Peer, base: int, process: Process, start: int, size: int
) -> None:
    """PM-04, PM-22, PM-36: 998, and nothing is written."""
    with pytest.raises(ntipc.NtError) as caught:
        process.write_memory(base + start, b"x" * size)
    assert caught.value.winerror == 998
    assert set(peer.run("content(0, 3 * page) + content(4 * page, page)")) == {ord("a")}


def test_nothing_is_nothing_wherever_it_is(process: Process) -> None:
    """PM-05."""
    assert process.read_memory(0, 0) == b"" == process.read_memory(2**63, 0)
    process.write_memory(0, b"")
    process.read_memory_into(0, bytearray())


@pytest.mark.parametrize(("address", "size"), [(-1, 4), (0, -1), (2**64, 1)])
def test_impossible_numbers_are_refused(process: Process, address: int, size: int) -> None:
    with pytest.raises(ntipc.InvalidParameter):
        process.read_memory(address, size)


@pytest.mark.parametrize("data", ["text", 5, None, memoryview(b"abcd")[::2]])
def test_only_bytes_are_written(base: int, process: Process, data: object) -> None:
    with pytest.raises((TypeError, BufferError)):
        process.write_memory(base, data)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        process.read_memory_into(base, b"1234")


def test_structures_arrays_and_texts(peer: Peer, base: int, process: Process) -> None:
    class Pair(ctypes.Structure):
        _fields_ = (("a", ctypes.c_int), ("b", ctypes.c_double))

    process.write_memory(base, Pair(7, 0.5))
    found = Pair()
    process.read_memory_into(base, found)
    assert (found.a, found.b) == (7, 0.5)
    process.write_memory(base, numpy.arange(6, dtype="i4").reshape(2, 3))
    array = numpy.zeros(6, "i4")
    process.read_memory_into(base, array)
    assert array.tolist() == [0, 1, 2, 3, 4, 5]
    process.write_memory(base + PAGE - 3, "Größe\0".encode())
    assert process.read_string(base + PAGE - 3) == "Größe"
    process.write_memory(base, "wide€\0".encode("utf-16-le"))
    assert process.read_string(base, encoding="utf-16-le") == "wide€"
    process.write_memory(base, b"abc\0")
    assert process.read_string(base, 3) == "abc"
    with pytest.raises(ValueError):
        process.read_string(base, 2)
    with pytest.raises(ntipc.NtError) as caught:
        process.read_string(base + 5 * PAGE - 10)
    assert caught.value.winerror == 299


def test_many_pieces_are_read_and_written_all_or_none(peer: Peer, base: int, process: Process) -> None:
    pieces = [(base + 2 * number, 1) for number in range(2500)]
    process.write_memory_vector([(address, bytes([number % 256])) for number, (address, _) in enumerate(pieces)])
    assert process.read_memory_vector(pieces) == [bytes([number % 256]) for number in range(2500)]
    assert process.read_memory_vector([]) == [] and process.read_memory_vector([(0, 0), (base + 1, 2)]) == [b"", b"a\1"]
    with pytest.raises(ntipc.NtError) as caught:
        process.read_memory_vector([(base, 4), (base + 3 * PAGE, 4), (base, 4)])
    assert caught.value.winerror == 299
    with pytest.raises(ntipc.NtError) as caught:
        process.write_memory_vector([(base + 1, b"X"), (base + 2 * PAGE, b"X")])
    assert caught.value.winerror == 998 and peer.run("content(1, 1)") == b"a"


def test_rights_of_the_handle(peer: Peer, base: int) -> None:
    """PM-03, PM-23."""
    read_only = Process.open(peer.pid, Access.PROCESS_VM_READ | Access.SYNCHRONIZE)
    assert read_only.read_memory(base, 1) == b"a"
    for access in (Access.PROCESS_VM_READ, Access.PROCESS_VM_WRITE, Access.PROCESS_VM_OPERATION):
        with Process.open(peer.pid, access | Access.SYNCHRONIZE) as some, pytest.raises(ntipc.AccessDenied):
            some.write_memory(base, b"x")
    write_only = Process.open(peer.pid, Access.PROCESS_VM_WRITE | Access.PROCESS_VM_OPERATION | Access.SYNCHRONIZE)
    write_only.write_memory(base, b"y")
    with pytest.raises(ntipc.AccessDenied, match="PROCESS_VM_READ"):
        write_only.read_memory(base, 1)
    write_only.close()
    with pytest.raises(ntipc.HandleClosed):
        write_only.write_memory(base, b"z")


def test_a_process_that_has_ended_says_so(peer: Peer, base: int, process: Process) -> None:
    """PM-38: as a zombie, and once it is reaped."""
    os.kill(peer.pid, signal.SIGKILL)
    assert process.wait(20)
    for _ in range(2):
        for use in (lambda: process.read_memory(base, 4), lambda: process.write_memory(base, b"x")):
            with pytest.raises(ntipc.NtError, match="has ended"):
                use()
        with pytest.raises(ntipc.NtError, match="has ended"):
            process.read_memory(0, 0)
        peer.process.wait()


def test_a_strangers_memory_needs_no_session() -> None:
    """A program without ntipc, a child of this one."""
    code = "import ctypes\nb = ctypes.create_string_buffer(b'secret')\nprint(ctypes.addressof(b), flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        address = int(child.stdout.readline())
        with Process.open(child.pid) as process:
            assert process.read_memory(address, 6) == b"secret"
            process.write_memory(address, b"SECRET")
            assert process.read_string(address) == "SECRET"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_a_refusal_names_the_rule_of_linux() -> None:
    """PM-42: without the right of ptrace it is 5, and the message says by which setting."""
    code = (
        "import os, sys, ntipc\nfrom ntipc.other_memory.copying import Target, read, write\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "target = Target(int(sys.argv[1]), 'Process.read_memory', lambda: True)\n"
        "for use in (lambda: read(target, [(1 << 20, 4)]), lambda: write(target, [(1 << 20, memoryview(b'x'))])):\n"
        "    try: use()\n"
        "    except ntipc.AccessDenied as problem: print(problem.winerror, problem)\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, str(os.getpid())], capture_output=True, text=True, check=True, timeout=30
    ).stdout.splitlines()
    assert len(found) == 2
    assert all(line.startswith("5 ") and "it runs as user 0, this process as 65534" in line for line in found)


REFUSED = """
import os, signal
from ntipc.other_memory.refusals import reason
os.setgroups([]); os.setgid(65534); os.setuid(65534)  # after which Linux lets it be dumped no more
hidden = os.fork()
if hidden == 0:
    signal.pause()
print(reason(hidden))
os.kill(hidden, 9); os.waitpid(hidden, 0)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_a_refusal_says_that_a_process_may_not_be_dumped() -> None:
    found = subprocess.run(
        [sys.executable, "-c", REFUSED], capture_output=True, text=True, check=True, timeout=30
    ).stdout
    assert "PR_SET_DUMPABLE" in found


@pytest.mark.parametrize(
    ("scope", "says"),
    [("0", None), ("1", "PR_SET_PTRACER"), ("2", "CAP_SYS_PTRACE"), ("3", "nobody may"), ("what", None)],
)
def test_a_refusal_names_the_setting_of_yama(
    scope: str, says: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here is no such kernel to refuse: the file of the setting is another one."""
    (tmp_path / "ptrace_scope").write_text(f"{scope}\n")
    monkeypatch.setattr(refusals, "_YAMA", tmp_path / "ptrace_scope")
    text = refusals.reason(os.getpid())
    if says is None:
        assert "ptrace_scope" not in text and "a security module" in text
    else:
        assert f"/proc/sys/kernel/yama/ptrace_scope: it is {scope}" in text and says in text


def test_its_own_memory_too() -> None:
    text = ctypes.create_string_buffer(b"mine")
    with Process.current() as here:
        here.write_memory(ctypes.addressof(text), b"ours")
        assert here.read_memory(ctypes.addressof(text), 4) == b"ours" == text.value
