"""Which hub takes the answers of a call, and what becomes of hubs when a session is left or the process forks."""

from __future__ import annotations

import os
import time
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
_kept: dict[str, ThreadHub] = {}
"""Those of processes that connect often, and that no client keeps just now: the next one is spared making one."""
_made: dict[str, float] = {}
"""When the last one was made."""
_OFTEN = 1.0
"""Seconds within which making another one shows that the process connects often."""
_KEPT_WITH = 16
"""Connections whose end such a hub has not heard of yet, at most: each keeps an object."""
_loop_hubs: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, LoopHub]] = weakref.WeakKeyDictionary()


def hub_of(native: _kernel.Session) -> ThreadHub:
    """Return the hub of all threads for a session; clients keep it."""
    known = _hubs.get(native.path)
    hub = known() if known is not None else None
    if hub is None or hub._reader.closed:
        hub = ThreadHub(native)
        now = time.monotonic()
        hub.is_worth_keeping = now - _made.get(native.path, -_OFTEN) < _OFTEN
        _made[native.path] = now
        _hubs[native.path] = weakref.ref(hub)
    return hub


def client_closed(hub: ThreadHub) -> None:
    """Note that a client of a hub is closed: it may have been the last."""
    if not hub._calls:
        hub.stop()
    path = hub._native.path
    if hub.is_worth_keeping and len(hub._lines) <= _KEPT_WITH and not hub._reader.closed:
        _kept[path] = hub
    else:
        _kept.pop(path, None)


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
    _kept.pop(path, None)
    _made.pop(path, None)
    for hub in list(hubs_in(path)):
        hub.close()


def forget_hubs() -> None:
    """In a forked child: the calls are the parent's."""
    for hub in all_hubs():
        hub.forget()
    _hubs.clear()
    _kept.clear()
    _loop_hubs.clear()
    _all_hubs.clear()


os.register_at_fork(after_in_child=forget_hubs)
before_leaving(close_hubs)
