"""Which hub takes the answers of a call, and what becomes of hubs when a session is left or the process forks."""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING

from ntipc import _kernel
from ntipc.ports.hub import Hub, _all_hubs, all_hubs, hubs_in
from ntipc.ports.loop_hub import LoopHub, running_loop
from ntipc.ports.thread_hub import ThreadHub
from ntipc.session.session import before_leaving

if TYPE_CHECKING:
    import asyncio

_hubs: dict[str, weakref.ref[ThreadHub]] = {}
"""No code runs when one goes: what a signal handler raised there, nobody would be told."""
_loop_hubs: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, LoopHub]] = weakref.WeakKeyDictionary()


def hub_of(native: _kernel.Session) -> ThreadHub:
    """Return the hub of all threads for a session; clients keep it."""
    known = _hubs.get(native.path)
    hub = known() if known is not None else None
    if hub is None or hub._reader.closed:
        hub = ThreadHub(native)
        _hubs[native.path] = weakref.ref(hub)
    return hub


def hub_here(threads: ThreadHub) -> Hub:
    """Return the hub for calls of this thread: that of the event loop that runs in it, if one does."""
    loop = running_loop()
    if loop is None:
        return threads
    hubs = _loop_hubs.get(loop)
    if hubs is None:
        hubs = _loop_hubs[loop] = {}
    path = threads._native.path
    hub = hubs.get(path)
    if hub is None or hub._reader.closed or hub._threads is not threads:
        if hub is not None:
            hub.close()
        hub = hubs[path] = LoopHub(threads._native, loop, threads)
    return hub


def close_hubs(path: str) -> None:
    """End what this process does for calls in the session of that directory, which it is about to leave."""
    _hubs.pop(path, None)
    for hub in list(hubs_in(path)):
        hub.close()


def forget_hubs() -> None:
    """In a forked child: the calls are the parent's."""
    for hub in all_hubs():
        hub.forget()
    _hubs.clear()
    _loop_hubs.clear()
    _all_hubs.clear()


os.register_at_fork(after_in_child=forget_hubs)
before_leaving(close_hubs)
