"""Memory that processes share, and that of another process: a counter, blocks that are locked, reading."""

import ctypes
import multiprocessing
import subprocess
import sys
from collections.abc import Iterator

import ntipc
from bench.measure import Effort, Loop, interleaved, loop_trial
from bench.rows import Row


class Counted(ntipc.SharedData, name="bench counter"):
    """A module's variables."""

    total: ntipc.Shared[int]


def adds(board: Counted) -> Loop:
    """Add in one step."""

    def loop(count: int) -> None:
        add = board.add
        for _ in range(count):
            add("total", 1)

    return loop


def adds_under_lock() -> Loop:
    """The same with what multiprocessing has."""
    value = multiprocessing.Value("q")

    def loop(count: int) -> None:
        for _ in range(count):
            with value.get_lock():
                value.value += 1

    return loop


def uses(block: ntipc.GlobalMemory) -> Loop:
    """Lock, write a byte, unlock."""

    def loop(count: int) -> None:
        for _ in range(count):
            block.lock()[0] = 1
            block.unlock()

    return loop


def uses_of_section(section: ntipc.Section) -> Loop:
    """The same with a section: map, write a byte, unmap."""

    def loop(count: int) -> None:
        for _ in range(count):
            with section.map() as view:
                view[0] = 1

    return loop


class Range(ctypes.Structure):
    """What process_vm_readv calls an iovec."""

    _fields_ = (("address", ctypes.c_void_p), ("size", ctypes.c_size_t))


def reads(process: ntipc.Process, address: int, size: int) -> Loop:
    """Read another process's memory."""

    def loop(count: int) -> None:
        for _ in range(count):
            process.read_memory(address, size)

    return loop


def reads_by_ctypes(pid: int, address: int, size: int) -> Loop:
    """The same, by hand."""
    call = ctypes.CDLL(None, use_errno=True).process_vm_readv
    call.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_ulong)
    call.restype = ctypes.c_ssize_t
    buffer = ctypes.create_string_buffer(size)

    def read() -> bytes:
        here, there = Range(ctypes.addressof(buffer), size), Range(address, size)
        if call(pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0) != size:
            raise OSError(ctypes.get_errno(), "process_vm_readv")
        return buffer.raw

    def loop(count: int) -> None:
        for _ in range(count):
            read()

    return loop


TARGET = """
import ctypes
memory = ctypes.create_string_buffer(1 << 20)
print(ctypes.addressof(memory), flush=True)
input()
"""


def reading(effort: Effort) -> Iterator[Row]:
    """Rows about another process's memory."""
    with ntipc.Process.start([sys.executable, "-c", TARGET], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        address = int(child.stdout.readline())
        for size, text, target in ((4096, "4 KiB", 1.2), (1 << 20, "1 MiB", None)):
            count = effort.count(5_000) * 4096 // size or 1
            contenders = {
                "ours": loop_trial(reads(child, address, size), count),
                "peer": loop_trial(reads_by_ctypes(child.pid, address, size), count),
            }
            seconds = interleaved(contenders, effort.trials)
            peer = "process_vm_readv by ctypes"
            yield Row(f"read {text} of another process", seconds["ours"], peer, seconds["peer"], target)
        child.stdin.close()
        child.wait()


def rows(effort: Effort) -> Iterator[Row]:
    """All rows of this file."""
    count = effort.count(20_000)
    with Counted() as board:
        contenders = {"ours": loop_trial(adds(board), count), "peer": loop_trial(adds_under_lock(), count // 4 or 1)}
        seconds = interleaved(contenders, effort.trials)
    yield Row("counter of a module: add", seconds["ours"], "multiprocessing.Value, its lock", seconds["peer"], 0.1)
    count = effort.count(2_000)
    with ntipc.GlobalMemory(4096) as block, ntipc.Section(None, 4096) as section:
        contenders = {"ours": loop_trial(uses(block), count), "peer": loop_trial(uses_of_section(section), count)}
        seconds = interleaved(contenders, effort.trials)
    yield Row("global memory: lock, write, unlock", seconds["ours"], "map, write, unmap a section", seconds["peer"])
    yield from reading(effort)
