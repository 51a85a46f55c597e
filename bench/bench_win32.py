"""What a call by pywin32's name costs beyond the call of the library that it is."""

from collections.abc import Iterator

import ntipc
from bench.measure import Effort, Loop, interleaved, loop_trial
from bench.rows import Row
from ntipc.win32 import win32api, win32event, win32file, win32pipe

MOST = 2e-6
"""Seconds that the names of one call may cost."""


def waits() -> tuple[Loop, Loop]:
    """SetEvent and WaitForSingleObject, and an event's own methods."""
    handle, event = win32event.CreateEvent(None, 0, 0, None), ntipc.Event()

    def by_name(count: int) -> None:
        set_event, wait = win32event.SetEvent, win32event.WaitForSingleObject
        for _ in range(count):
            set_event(handle)
            wait(handle, 1000)

    def by_method(count: int) -> None:
        set_event, wait = event.set, event.wait
        for _ in range(count):
            set_event()
            wait(1.0)

    return by_name, by_method


def messages() -> tuple[Loop, Loop]:
    """WriteFile and ReadFile of 64 bytes, and a pipe's own methods."""
    reader, writer = win32pipe.CreatePipe(None, 65536)
    here, there = ntipc.create_pipe(65536)
    data = bytes(64)

    def by_name(count: int) -> None:
        write, read = win32file.WriteFile, win32file.ReadFile
        for _ in range(count):
            write(writer, data)
            read(reader, 64)

    def by_method(count: int) -> None:
        write, read = there.write, here.read
        for _ in range(count):
            write(data)
            read(64)

    return by_name, by_method


def objects() -> tuple[Loop, Loop]:
    """CreateMutex and CloseHandle, and the library's class."""

    def by_name(count: int) -> None:
        create, close = win32event.CreateMutex, win32api.CloseHandle
        for _ in range(count):
            close(create(None, False, None))

    def by_class(count: int) -> None:
        create = ntipc.Mutex
        for _ in range(count):
            create().close()

    return by_name, by_class


PAIRS = {
    "SetEvent + WaitForSingleObject": (waits, 100_000),
    "WriteFile + ReadFile, 64 bytes": (messages, 50_000),
    "CreateMutex + CloseHandle": (objects, 20_000),
}


def rows(effort: Effort) -> Iterator[Row]:
    """All rows of this file: the time of a pair of calls, and how much of it the names are."""
    for what, (make, count) in PAIRS.items():
        by_name, by_method = make()
        loops = {"by name": by_name, "by method": by_method}
        seconds = interleaved(
            {name: loop_trial(loop, effort.count(count)) for name, loop in loops.items()}, effort.trials
        )
        yield Row(f"win32: {what}", seconds["by name"], "the library's methods", seconds["by method"])
        yield Row(f"win32: {what}, a call more", (seconds["by name"] - seconds["by method"]) / 2, target=MOST)
