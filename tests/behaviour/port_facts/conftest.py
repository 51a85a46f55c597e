"""A process that serves a port with narrow limits, and a connection to it."""

from collections.abc import Iterator

import pytest
from harness.peers import Peer

import ntipc


@pytest.fixture
def server(peer: Peer) -> Peer:
    """A process with the port 'p'."""
    peer.run("port = ntipc.Port('p', max_message=1000, max_large=5000, client_quota=2000)")
    return peer


@pytest.fixture
def client(server: Peer) -> Iterator[ntipc.PortClient]:
    """A connection to it; the server's side is ``connection`` there."""
    accepting = server.begin("connection = port.listen(20).accept(b'in')")
    client = ntipc.PortClient("p", timeout=20)
    accepting.result()
    yield client
    client.close()
