"""NT's own calls: one process creates, maps, signals and waits, another does its part, and a thread keeps a log.

    $ python examples/native_api.py

In order: make a section and two events by name, map the section, start the other process, which opens and maps them as
well; signal it, and wait for its answer. Meanwhile any thread of either process writes lines into a ring buffer in a
second section, and one thread drains it into a file when an event tells it to; what finds no room is counted.
"""

import os
import struct
import subprocess
import sys
import tempfile
import threading

from ntipc.ntdll import (
    EVENT_ALL_ACCESS,
    MUTANT_ALL_ACCESS,
    OBJ_OPENIF,
    OBJECT_ATTRIBUTES,
    PAGE_READWRITE,
    SEC_COMMIT,
    SECTION_ALL_ACCESS,
    STATUS_SUCCESS,
    NtClose,
    NtCreateEvent,
    NtCreateMutant,
    NtCreateSection,
    NtMapViewOfSection,
    NtReleaseMutant,
    NtSetEvent,
    NtWaitForMultipleObjects,
    NtWaitForSingleObject,
    SynchronizationEvent,
    WaitAny,
)

RING = 4096
HEAD = struct.Struct("<QQQ")
"""Bytes that were written and drained, and lines that were lost."""
THIS_PROCESS = -1


def named(name: str) -> OBJECT_ATTRIBUTES:
    return OBJECT_ATTRIBUTES(f"\\BaseNamedObjects\\native api {name}", OBJ_OPENIF)


def event(name: str) -> int:
    return NtCreateEvent(EVENT_ALL_ACCESS, named(name), SynchronizationEvent, False).handle


class DebugLog:
    """A ring buffer that any thread of any process writes, and one thread drains."""

    def __init__(self) -> None:
        self.lock = NtCreateMutant(MUTANT_ALL_ACCESS, named("log lock"), False).handle
        self.written = event("log written")
        section = NtCreateSection(SECTION_ALL_ACCESS, named("log"), HEAD.size + RING, PAGE_READWRITE, SEC_COMMIT)
        self.memory = NtMapViewOfSection(section.handle, THIS_PROCESS).view

    def write(self, line: str) -> None:
        data = f"{os.getpid()}: {line}\n".encode()
        NtWaitForSingleObject(self.lock, False, None)
        head, tail, lost = HEAD.unpack(self.memory[: HEAD.size])
        if head + len(data) - tail > RING:
            lost += 1
        else:
            for place, byte in enumerate(data, head):
                self.memory[HEAD.size + place % RING] = byte
            head += len(data)
        self.memory[: HEAD.size] = HEAD.pack(head, tail, lost)
        NtReleaseMutant(self.lock)
        NtSetEvent(self.written)

    def take(self) -> bytes:
        NtWaitForSingleObject(self.lock, False, None)
        head, tail, lost = HEAD.unpack(self.memory[: HEAD.size])
        data = bytes(self.memory[HEAD.size + place % RING] for place in range(tail, head))
        self.memory[: HEAD.size] = HEAD.pack(head, head, 0)
        NtReleaseMutant(self.lock)
        return data + (b"%d lines were lost\n" % lost if lost else b"")


def drain(log: DebugLog, stop: int, path: str) -> None:
    """What the thread of the log does: sleep until a line is written, and write it to the file."""
    with open(path, "ab", buffering=0) as file:
        while NtWaitForMultipleObjects(2, [log.written, stop], WaitAny, False, None) == STATUS_SUCCESS:
            file.write(log.take())
        file.write(log.take())


def first() -> int:
    # create
    request, answer, stop = event("request"), event("answer"), event("stop")
    board = NtCreateSection(SECTION_ALL_ACCESS, named("board"), 4096, PAGE_READWRITE, SEC_COMMIT).handle
    # map
    view = NtMapViewOfSection(board, THIS_PROCESS).view
    view[:5] = b"hello"
    # the thread of the log
    log = DebugLog()
    descriptor, path = tempfile.mkstemp()
    os.close(descriptor)
    thread = threading.Thread(target=drain, args=(log, stop, path))
    thread.start()
    other = subprocess.Popen([sys.executable, __file__, "second"])
    # signal
    log.write("signals")
    NtSetEvent(request)
    # wait
    NtWaitForSingleObject(answer, False, None)
    log.write(f"got {view[:5].decode()}")
    failed = other.wait()
    NtSetEvent(stop)
    thread.join()
    for handle in request, answer, stop, board:
        NtClose(handle)
    with open(path, encoding="utf-8") as file:
        print(file.read(), end="")
    os.remove(path)
    return failed


def second() -> int:
    log = DebugLog()
    request, answer = event("request"), event("answer")
    board = NtCreateSection(SECTION_ALL_ACCESS, named("board"), 4096, PAGE_READWRITE, SEC_COMMIT).handle
    view = NtMapViewOfSection(board, THIS_PROCESS).view
    NtWaitForSingleObject(request, False, None)
    log.write(f"answers {view[:5].decode()}")
    view[:5] = view[:5].upper()
    NtSetEvent(answer)
    return 0


if __name__ == "__main__":
    sys.exit(second() if sys.argv[1:] == ["second"] else first())
