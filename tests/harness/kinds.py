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


KINDS = ["Event", "Semaphore", "Mutex", "Timer", "EventPair", "Section", "Queue"]
WAITABLE = ["Event", "Semaphore", "Mutex", "Timer", "Queue"]

TWO = "thing = ntipc.Event('thing'); other = ntipc.Event('other')"

BLOCKING = {
    "Event.wait": ("thing = ntipc.Event('thing')", "thing.wait()"),
    "Event.wait with a timeout": ("thing = ntipc.Event('thing')", "thing.wait(10_000)"),
    "Semaphore.wait": ("thing = ntipc.Semaphore('thing', initial=0)", "thing.wait()"),
    "Semaphore.acquire": ("thing = ntipc.Semaphore('thing', initial=0)", "thing.acquire()"),
    "with semaphore": ("thing = ntipc.Semaphore('thing', initial=0)", "with thing: pass"),
    "semaphore.acquired": (
        "thing = ntipc.Semaphore('thing', initial=0)",
        "with thing.acquired(timeout=10_000): pass",
    ),
    "Mutex.wait": ("thing = ntipc.Mutex('thing')", "thing.wait()"),
    "Mutex.acquire": ("thing = ntipc.Mutex('thing')", "thing.acquire()"),
    "with mutex": ("thing = ntipc.Mutex('thing')", "with thing: pass"),
    "mutex.acquired": ("thing = ntipc.Mutex('thing')", "with thing.acquired(timeout=10_000): pass"),
    "Timer.wait": ("thing = ntipc.Timer('thing')", "thing.wait()"),
    "EventPair.wait_high": ("thing = ntipc.EventPair('thing')", "thing.wait_high()"),
    "EventPair.wait_low": ("thing = ntipc.EventPair('thing')", "thing.wait_low()"),
    "EventPair.set_high_wait_low": ("thing = ntipc.EventPair('thing')", "thing.set_high_wait_low()"),
    "EventPair.set_low_wait_high": ("thing = ntipc.EventPair('thing')", "thing.set_low_wait_high()"),
    "Queue.wait": ("thing = ntipc.Queue('thing')", "thing.wait()"),
    "Queue.get": ("thing = ntipc.Queue('thing')", "thing.get()"),
    "Queue.get with a timeout": ("thing = ntipc.Queue('thing')", "thing.get(10_000)"),
    "Queue.receive": ("thing = ntipc.Queue('thing')", "thing.receive()"),
    "Queue.get_into": ("thing = ntipc.Queue('thing')", "thing.get_into(bytearray(10))"),
    "Queue.put": ("thing = ntipc.Queue('thing', quota=1); thing.put(b'1')", "thing.put(b'2')"),
    "Queue.put of much": ("thing = ntipc.Queue('thing', quota=1); thing.put(b'1')", "thing.put(b'2' * 1_000_000)"),
    "QueueWriter.call": ("thing = ntipc.Queue('thing')", "thing.writer.call(b'1')"),
    "wait for room": ("thing = ntipc.Queue('thing', quota=1); thing.put(b'1')", "thing.writer.wait()"),
    "Mailslot.wait": ("thing = ntipc.Mailslot('thing')", "thing.wait()"),
    "Mailslot.read": ("thing = ntipc.Mailslot('thing')", "thing.read()"),
    "wait_any": (TWO, "ntipc.wait_any([other, thing])"),
    "wait_all": (TWO, "ntipc.wait_all([other, thing])"),
    "signal_and_wait": (TWO, "ntipc.signal_and_wait(other, thing)"),
}
"""Every call that may block: how to make its object named ``thing``, and the call."""
