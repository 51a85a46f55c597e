"""Who watches whom in a session, and watchers that do not do their part."""

import contextlib
from collections.abc import Iterator

from harness.waiting import look
from ntipc import _kernel


def watchers_of(pid: int) -> list[int]:
    """The watchers of that participant, the first to act first."""
    return next(list(process["watched_by"]) for process in look()["processes"] if process["pid"] == pid)


def participants() -> list[int]:
    return [process["pid"] for process in look()["processes"]]


def slot_of(pid: int) -> int | None:
    return next((process["slot"] for process in look()["processes"] if process["pid"] == pid), None)


@contextlib.contextmanager
def others_watch() -> Iterator[None]:
    """This process watches nobody meanwhile, so it does not act in place of a watcher that is slow."""
    _kernel.set_eligible(False)
    try:
        yield
    finally:
        _kernel.set_eligible(True)
