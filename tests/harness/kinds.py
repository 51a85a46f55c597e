"""One way to make each kind of object, for tests that hold for all of them."""

from typing import Any

import ntipc


def make(kind: str, name: str | None = None, **options: Any) -> Any:
    """A new or opened object of that kind; sections need a size."""
    if kind == "Section":
        options.setdefault("size", 4096)
    return getattr(ntipc, kind)(name, **options)


def create(kind: str, name: str, **options: Any) -> Any:
    """``Type.create`` of that kind."""
    if kind == "Section":
        options.setdefault("size", 4096)
    return getattr(ntipc, kind).create(name, **options)


KINDS = ["Event", "Semaphore", "Mutex", "Timer", "EventPair", "Section"]
WAITABLE = ["Event", "Semaphore", "Mutex", "Timer"]

TWO = "thing = ntipc.Event('thing'); other = ntipc.Event('other')"

BLOCKING = {
    "Event.wait": ("thing = ntipc.Event('thing')", "thing.wait()"),
    "Event.wait with a timeout": ("thing = ntipc.Event('thing')", "thing.wait(10_000)"),
    "Semaphore.wait": ("thing = ntipc.Semaphore('thing', initial=0)", "thing.wait()"),
    "Semaphore.acquire": ("thing = ntipc.Semaphore('thing', initial=0)", "thing.acquire()"),
    "with semaphore": ("thing = ntipc.Semaphore('thing', initial=0)", "with thing: pass"),
    "Mutex.wait": ("thing = ntipc.Mutex('thing')", "thing.wait()"),
    "Mutex.acquire": ("thing = ntipc.Mutex('thing')", "thing.acquire()"),
    "with mutex": ("thing = ntipc.Mutex('thing')", "with thing: pass"),
    "Timer.wait": ("thing = ntipc.Timer('thing')", "thing.wait()"),
    "EventPair.wait_high": ("thing = ntipc.EventPair('thing')", "thing.wait_high()"),
    "EventPair.wait_low": ("thing = ntipc.EventPair('thing')", "thing.wait_low()"),
    "EventPair.set_high_wait_low": ("thing = ntipc.EventPair('thing')", "thing.set_high_wait_low()"),
    "EventPair.set_low_wait_high": ("thing = ntipc.EventPair('thing')", "thing.set_low_wait_high()"),
    "wait_any": (TWO, "ntipc.wait_any([other, thing])"),
    "wait_all": (TWO, "ntipc.wait_all([other, thing])"),
    "signal_and_wait": (TWO, "ntipc.signal_and_wait(other, thing)"),
}
"""Every call that may block: how to make its object named ``thing``, and the call."""
