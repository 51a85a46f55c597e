"""Replaying sequences in which some calls never return: in a child that is killed afterwards."""

import os
import select
import signal
import traceback
from typing import Any

from recordings import Sequence
from replay import WAYS, Replay


def in_a_child_that_is_killed(sequence: Sequence, ways: Any = WAYS) -> str:
    """Replay a sequence in a child of a fork, and kill it; what it says of it."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            answer = f"{Replay(sequence, ways).run()} steps"
        except BaseException:
            answer = traceback.format_exc()
        os.write(writing, answer.encode()[:60000])
        os.kill(os.getpid(), signal.SIGKILL)
    os.close(writing)
    try:
        ready = select.select([reading], [], [], 30)[0]
        return os.read(reading, 65536).decode() if ready else "the child hangs"
    finally:
        os.close(reading)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
