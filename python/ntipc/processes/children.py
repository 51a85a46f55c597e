"""Children of this process: starting them, and taking their exit status from Linux once it is known to all.

A child that has ended stays a zombie until its status is taken: so its id belongs to no other process, and every
process of the session can learn how it ended.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Collection, Mapping, Sequence
from typing import IO, Any, TypeAlias

from ntipc.processes.proc import used

Argument: TypeAlias = str | bytes | os.PathLike[str] | os.PathLike[bytes]
Stream: TypeAlias = int | IO[Any] | None


class Child(subprocess.Popen[bytes]):
    """A child that may go on when nobody refers to it.

    Attributes:
        used: Seconds of processor time in user mode and in the kernel of Linux, noted before its status was taken.
    """

    used: tuple[float, float] | None = None

    def __del__(self, *_arguments: object) -> None:
        """Leave it to run."""


_running: dict[int, Child] = {}
"""By process id, those whose exit status has not been taken."""
_owner = os.getpid()


def start(
    argv: Argument | Sequence[Argument],
    *,
    env: Mapping[str, str] | None,
    cwd: Argument | None,
    stdin: Stream,
    stdout: Stream,
    stderr: Stream,
    pass_fds: Collection[int] = (),
) -> Child:
    """Start a child; the arguments are those of :class:`subprocess.Popen`."""
    global _owner
    if _owner != os.getpid():
        _running.clear()  # our parent's
        _owner = os.getpid()
    for pid in list(_running):
        reap(pid)
    child = Child(argv, env=env, cwd=cwd, stdin=stdin, stdout=stdout, stderr=stderr, pass_fds=tuple(pass_fds))
    _running[child.pid] = child
    return child


def reap(pid: int) -> None:
    """Take the exit status of a child that has ended, if it is one of :func:`start`."""
    child = _running.get(pid)
    if child is None or _owner != os.getpid():
        return
    child.used = used(pid) or child.used  # Linux forgets it with the status
    if child.poll() is not None:
        _running.pop(pid, None)
