"""Crash tests need hundreds of processes, so theirs come out of a nursery."""

from collections.abc import Callable, Iterator, Mapping

import pytest
from harness.nursery import QuickPeer

import ntipc


@pytest.fixture
def start_peer(session: ntipc.Session) -> Iterator[Callable[..., QuickPeer]]:
    """Starts separate processes; ends each by its id when the test is over."""
    peers: list[QuickPeer] = []

    def start(environment: Mapping[str, str] | None = None) -> QuickPeer:
        peers.append(QuickPeer(environment))
        return peers[-1]

    yield start
    for peer in peers:
        peer.end()
