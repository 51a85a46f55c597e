"""Waiting for a condition instead of sleeping for a while, and the facts to wait for."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ntipc


def wait_until(condition: Callable[[], Any], patience: float = 20.0) -> Any:
    """Look until the condition holds; fail if it never does."""
    deadline = time.monotonic() + patience
    while not (value := condition()):
        if time.monotonic() > deadline:
            assert value, "the condition never came to hold"
        time.sleep(0.0005)
    return value


def facts(thing: Any) -> dict[str, Any]:
    """What ``info()`` says of an object, as a dict."""
    return dict(thing.info())


def waiters(thing: Any) -> int:
    return int(facts(thing)["waiters"])


def wait_for_waiters(thing: Any, count: int) -> None:
    """Return when exactly that many threads are queued on the object."""
    wait_until(lambda: waiters(thing) == count)


def look(session: Any = None) -> dict[str, Any]:
    """The inspection of a session (the default one), which takes no lock and changes nothing."""
    return ntipc.inspect(session)


def asleep(pid: int) -> bool:
    """Whether some thread of the process is queued and really sleeping in the kernel of this session."""
    return any(thread["pid"] == pid and thread["state"] == "sleeping" for thread in look()["threads"])


def is_stopped(pid: int) -> bool:
    """Whether the process is stopped, as by SIGSTOP."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
