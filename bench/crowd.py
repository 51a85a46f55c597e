"""Many processes that hold objects or wait, so that a measurement can see whether others cost it anything.

``python -m bench.crowd SESSION PROCESSES OBJECTS`` forks them before anything is attached, so that each is a
participant of its own: it makes so many named events, says so, and waits in the session for an event that nobody sets.
They end when standard input does.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ntipc

BATCH = 20
"""So many attach at once; more are in each other's way."""


def name(process: int, number: int) -> str:
    """What a process calls one of its events."""
    return f"{process}-{number}"


def take_part(session: str, process: int, objects: int, telling: int) -> None:
    """Hold the objects and wait."""
    held = [ntipc.Event(name(process, number), session=session) for number in range(objects)]
    with ntipc.Event(session=session) as never:
        os.write(telling, b".")
        never.wait()
    raise AssertionError(f"nobody sets that event, nor closes {len(held)} others")


def main() -> None:
    """Fork them, tell when all are there, and kill them at the end."""
    session, processes, objects = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    told, telling = os.pipe()
    members: list[int] = []
    try:
        for first in range(0, processes, BATCH):
            batch = range(first, min(first + BATCH, processes))
            for process in batch:
                member = os.fork()
                if not member:
                    try:
                        os.close(0)
                        take_part(session, process, objects, telling)
                    finally:
                        os.write(telling, b"!")
                        os._exit(1)
                members.append(member)
            missing = len(batch)
            while missing:
                heard = os.read(told, missing)
                if b"!" in heard:
                    raise SystemExit("one of the crowd could not take part")
                missing -= len(heard)
        print("all here", flush=True)
        sys.stdin.read()
    finally:
        for member in members:
            os.kill(member, signal.SIGKILL)
        for member in members:
            os.waitpid(member, 0)


@contextmanager
def crowd(session: str, processes: int, objects: int) -> Iterator[None]:
    """Let a crowd take part in a session meanwhile."""
    command = [sys.executable, "-m", "bench.crowd", session, str(processes), str(objects)]
    root = Path(__file__).resolve().parent.parent
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        if running.stdin is None or running.stdout is None or running.stdout.readline() != "all here\n":
            running.kill()
            raise RuntimeError("the crowd did not come")
        try:
            yield
        finally:
            running.stdin.close()
            running.wait()


if __name__ == "__main__":
    main()
