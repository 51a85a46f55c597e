"""Servers for the tests of procedure calls: in this process and in others."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from harness.peers import Call, Peer
from harness.rpc_services import AsyncEverything, Everything
from harness.waiting import wait_until
from ntipc import rpc

T = TypeVar("T")

SERVE = """
from harness.rpc_services import Everything, AsyncEverything
from ntipc import rpc
import logging; logging.disable(logging.CRITICAL)
"""


@contextmanager
def serving(service: Any = None, name: str = "s", **options: Any) -> Iterator[Any]:
    """Serve an object in this process."""
    service = Everything() if service is None else service
    with rpc.Server(name, service, **options):
        yield service


@contextmanager
def connected(service: Any = None, interface: Any = Everything, **options: Any) -> Iterator[tuple[Any, Any]]:
    """Serve an object in this process, and connect to it."""
    with serving(service, **options) as served, rpc.connected("s", interface, timeout=20) as proxy:
        yield served, proxy


def serve_in(peer: Peer, kind: str = "Everything()", name: str = "s", **options: Any) -> None:
    """Let another process serve, in threads of its own."""
    given = "".join(f", {key}={value!r}" for key, value in options.items())
    peer.run(SERVE + f"server = rpc.Server({name!r}, service := {kind}{given}).start()")


def serve_for_ever(peer: Peer, kind: str = "Everything()") -> Call:
    """Let another process serve in its main thread, until it is interrupted."""
    call = peer.begin(SERVE + f"rpc.serve('s', {kind})")
    wait_until(lambda: [service.name for service in rpc.services()] == ["s"])
    return call


def run(work: Coroutine[Any, Any, T], patience: float = 40.0) -> T:
    """Run a coroutine in a loop of its own."""
    return asyncio.run(asyncio.wait_for(work, patience))


@contextmanager
def quiet() -> Iterator[None]:
    """Let services log nothing."""
    logging.getLogger("ntipc.rpc").disabled = True
    try:
        yield
    finally:
        logging.getLogger("ntipc.rpc").disabled = False


__all__ = ["AsyncEverything", "Everything", "connected", "quiet", "run", "serve_for_ever", "serve_in", "serving"]
