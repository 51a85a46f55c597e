"""Crash tests need hundreds of processes, so theirs come out of a nursery."""

import pytest
from harness.nursery import QuickPeer
from harness.peers import Peer


@pytest.fixture
def peer_type() -> type[Peer]:
    return QuickPeer
