"""Separate processes that start in milliseconds: forks of one that has everything imported and takes no part."""

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.peers import TESTS, Peer


class Nursery:
    """The process that forks; one for a run of tests, started when it is first needed."""

    def __init__(self) -> None:
        self.socket, theirs = socket.socketpair()
        path = os.pathsep.join(filter(None, [str(TESTS), os.environ.get("PYTHONPATH")]))
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("nursery_main.py")), str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env={**os.environ, "PYTHONPATH": path},
        )
        theirs.close()
        atexit.register(self.end)

    def ask(self, question: dict[str, Any], *descriptors: int) -> int:
        socket.send_fds(self.socket, [json.dumps(question).encode()], list(descriptors))
        return int(json.loads(self.socket.recv(1000)))

    def end(self) -> None:
        self.socket.close()
        self.process.wait()


class Forked:
    """What :class:`Peer` needs of a process, for one that is a child of the nursery."""

    def __init__(self, nursery: Nursery, environment: Mapping[str, str]) -> None:
        self.nursery = nursery
        theirs, ours = os.pipe()
        self.stdin = os.fdopen(ours, "wb")
        ours, output = os.pipe()
        self.stdout = os.fdopen(ours, "rb", buffering=0)
        self.pid = nursery.ask({"environment": dict(environment)}, theirs, output)
        os.close(theirs)
        os.close(output)
        self.pidfd = os.pidfd_open(self.pid)
        self.status: int | None = None

    def poll(self) -> int | None:
        """The status as :class:`subprocess.Popen` tells it, or None while the process runs."""
        if self.status is None and select.select([self.pidfd], [], [], 0)[0]:
            self.status = self.nursery.ask({"wait": self.pid})
            os.close(self.pidfd)
        return self.status

    def wait(self, timeout: float | None = None) -> int:
        if self.status is None and not select.select([self.pidfd], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        status = self.poll()
        assert status is not None
        return status

    def kill(self) -> None:
        if self.status is None:
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)


class QuickPeer(Peer):
    """A :class:`Peer` out of the nursery."""

    nursery: Nursery | None = None

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        if QuickPeer.nursery is None:
            QuickPeer.nursery = Nursery()
        self.process: Any = Forked(QuickPeer.nursery, {**os.environ, **(environment or {})})
        self.pid = self.process.pid
        self.replies: dict[int, dict[str, str]] = {}
        self.unread = b""
        self.ended = False
        self.count = 0
