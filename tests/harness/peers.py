"""Separate, unrelated Python processes for the tests, driven over pipes and ended by their ids."""

import base64
import json
import os
import pickle
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parent.parent
PATIENCE = 20.0
"""Seconds after which a process that doesn't answer is taken to hang."""


class PeerHangs(AssertionError):
    """A separate process did not answer in time."""


class PeerEnded(AssertionError):
    """A separate process ended before it answered."""


class Call:
    """Something begun in another process: ask whether it has returned, or wait for its result."""

    def __init__(self, peer: "Peer", number: int, code: str) -> None:
        self.peer, self.number, self.code = peer, number, code

    @property
    def returned(self) -> bool:
        self.peer.receive(0)
        return self.number in self.peer.replies

    def result(self, timeout: float = PATIENCE) -> Any:
        """The value, or the other process's exception raised here."""
        deadline = time.monotonic() + timeout
        while self.number not in self.peer.replies:
            left = deadline - time.monotonic()
            if left <= 0:
                self.peer.show_stacks()
                raise PeerHangs(f"process {self.peer.pid} has not finished {self.code!r} after {timeout} s")
            self.peer.receive(left)
        reply = self.peer.replies[self.number]
        if "error" in reply:
            raise pickle.loads(base64.b64decode(reply["error"]))
        return pickle.loads(base64.b64decode(reply["value"]))


class Peer:
    """A Python process of its own, with ``ntipc`` imported, that runs the code it is given."""

    def __init__(self, environment: Mapping[str, str] | None = None, before: Sequence[str] = ()) -> None:
        """``before`` is a command such as ``unshare`` that runs what follows it; ``pid`` is then that command's."""
        everything = {**os.environ, **(environment or {})}
        everything["PYTHONPATH"] = os.pathsep.join(filter(None, [str(TESTS), everything.get("PYTHONPATH")]))
        self.process = subprocess.Popen(
            [*before, sys.executable, str(TESTS / "harness" / "peer_main.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=everything,
        )
        self.pid = self.process.pid
        self.replies: dict[int, dict[str, str]] = {}
        self.unread = b""
        self.ended = False
        self.count = 0

    def begin(self, code: str, thread: str | None = None, *, end: bool = False) -> Call:
        """Start the code in the main thread, or in a named one, and don't wait for it."""
        self.count += 1
        line = json.dumps({"number": self.count, "code": code, "thread": thread, "end": end}) + "\n"
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(line.encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            self.ended = True
        return Call(self, self.count, code)

    def run(self, code: str, thread: str | None = None, timeout: float = PATIENCE) -> Any:
        """Run the code there; the value of its last expression, or its exception."""
        return self.begin(code, thread).result(timeout)

    def end_thread(self, thread: str) -> None:
        """Let a named thread return, as a thread of a program does."""
        self.begin("None", thread, end=True).result()

    def receive(self, timeout: float) -> None:
        """Take in what the process has said, waiting for the first of it."""
        assert self.process.stdout is not None
        descriptor = self.process.stdout.fileno()
        if not self.ended and select.select([descriptor], [], [], max(timeout, 0))[0]:
            data = os.read(descriptor, 1 << 20)
            self.ended = not data
            self.unread += data
            while b"\n" in self.unread:
                line, self.unread = self.unread.split(b"\n", 1)
                reply = json.loads(line)
                self.replies[reply["number"]] = reply
        elif self.ended and timeout:
            raise PeerEnded(f"process {self.pid} ended (status {self.process.wait()}) and did not answer")

    def show_stacks(self) -> None:
        if self.process.poll() is None:
            os.kill(self.pid, signal.SIGUSR1)
            time.sleep(0.2)

    def interrupt(self) -> None:
        os.kill(self.pid, signal.SIGINT)

    def kill(self) -> None:
        """SIGKILL, and wait until the process is gone."""
        self.process.kill()
        self.process.wait()

    def wait(self, timeout: float = PATIENCE) -> int:
        """Wait for an end that the process comes to by itself."""
        return self.process.wait(timeout)

    def end(self) -> None:
        """Let it finish as a program does; kill it if it cannot, because a call in it has not returned."""
        assert self.process.stdin is not None and self.process.stdout is not None
        if self.process.stdout.closed:
            return
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.receive(0)
        try:
            self.process.wait(PATIENCE if len(self.replies) == self.count else 0)
        except subprocess.TimeoutExpired:
            self.kill()
        self.process.stdout.close()
