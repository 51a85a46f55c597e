"""A process that serves a port, and a connection to it."""

import pytest
from harness.peers import Peer

import ntipc

SERVER = """
def serve(port, connections=1):
    '''Accept so many clients, answer requests in upper case, until the last of them has gone.'''
    for number in range(connections):
        port.listen(20).accept(b'welcome', context=number)
    seen = []
    while connections:
        message = port.receive(20)
        if message.is_closed:
            connections -= 1
            seen.append('closed')
        elif message.is_request:
            message.reply(message.data.upper(), message.handles)
        else:
            seen.append(message.data)
    return seen
"""


@pytest.fixture
def server(peer: Peer) -> Peer:
    """A process with the port 'p'."""
    peer.run(SERVER)
    peer.run("port = ntipc.Port('p', max_message=1000, max_large=1 << 22)")
    return peer


@pytest.fixture
def client(server: Peer) -> ntipc.PortClient:
    """A connection to it; the server's side is ``connection`` there."""
    accepting = server.begin("connection = port.listen(20).accept(b'in')")
    client = ntipc.PortClient("p", timeout=20)
    accepting.result()
    return client
