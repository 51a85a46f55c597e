"""A server and a client of a port die at each step of badges and notices: calls are told, each end comes once."""

import signal
from collections.abc import Callable

import pytest
from harness.peers import Peer
from harness.soundness import assert_sound
from harness.waiting import look, wait_until

import ntipc
from ntipc import _kernel

StartPeer = Callable[..., Peer]
SERVER = {
    "BadgeMade": "port.listen(20).accept()",
    "BadgeRevoked": "connection.close()",
    "NoticeMarked": "port.receive(20).reply(b'!')",
    "NoticeListed": "port.receive(20).reply(b'!')",
    "NoticeTaken": "port.receive(20)",
    "BadgeCounted": "port.receive(20)",
}
"""What the server does that leads to the step. The third and fourth end a badge by which it answers a client."""
CLIENT = {
    "BadgeMade": "ntipc.PortClient('p', timeout=20)",
    "BadgeRevoked": "call.withdraw()",
    "NoticeMarked": "client.close()",
    "NoticeListed": "client.close()",
    "NoticeTaken": "client.begin(b'?').result(20)",
    "BadgeCounted": "client.begin(b'?').result(20)",
}
"""The same of the client. The last two happen in its relay."""
POINTS = tuple(SERVER)

pytestmark = pytest.mark.skipif(not _kernel.FAULT_POINTS, reason="this build has no fault points: make build-faults")


def test_every_step_of_badges_is_here() -> None:
    named = {point for point in _kernel.FAULT_POINTS if point.startswith(("Badge", "Notice"))}
    assert named == set(SERVER) == set(CLIENT)


def connect(server: Peer, peer: Peer, context: str) -> None:
    accepting = server.begin(f"connection = port.listen(20).accept(context={context!r})")
    peer.run("client = ntipc.PortClient('p', timeout=20)")
    accepting.result()


def die(peer: Peer, point: str, act: str) -> None:
    peer.begin(f"_kernel.arm_fault({point!r}); {act}", "victim")
    assert peer.wait() == -signal.SIGKILL, f"{point} was never reached"


def nothing_is_left(*living: Peer) -> None:
    wait_until(lambda: {process["pid"] for process in look()["processes"]} == {peer.pid for peer in living})
    wait_until(lambda: not [entry for entry in look()["objects"] if "badge" in entry])
    assert not [entry["name"] for entry in look()["objects"] if entry["name"]]
    assert_sound(look()["path"])


@pytest.mark.parametrize("point", POINTS)
def test_server_dies(point: str, session: ntipc.Session, start_peer: StartPeer) -> None:
    session.close()
    server, client = start_peer(), start_peer()
    server.run("port = ntipc.Port('p')")
    connect(server, client, "client")
    calling = client.begin("client.call(b'pending')", "calls")
    server.run("pending = port.receive(20)")
    connecting = None
    if point == "BadgeMade":
        connecting = client.begin("ntipc.PortClient('p')", "connects")
    elif point.startswith("NoticeT") or point == "BadgeCounted":
        leaver = start_peer()
        connect(server, leaver, "leaver")
        leaver.end()
    elif point.startswith("Notice"):
        client.run("begun = client.begin(b'begun')")
    die(server, point, SERVER[point])
    with pytest.raises(ntipc.ReplyLost):
        calling.result()
    if connecting is not None:
        with pytest.raises(ntipc.ConnectionRefused):
            connecting.result()
    elif SERVER[point].endswith("reply(b'!')"):
        assert client.run("begun.result(20)") == b"!"  # it was put before its badge went
    with pytest.raises(ntipc.PeerGone):
        client.run("client.call(b'more', 20)")
    assert client.run("client.is_connected") is False
    client.run("ntipc.Port('p').close()")  # the name is free
    client.run("client.close()")
    nothing_is_left(client)


@pytest.mark.parametrize("point", POINTS)
def test_client_dies(point: str, session: ntipc.Session, start_peer: StartPeer) -> None:
    session.close()
    server, victim, other = start_peer(), start_peer(), start_peer()
    server.run("port = ntipc.Port('p')")
    connect(server, victim, "victim")
    connect(server, other, "other")
    if point == "BadgeRevoked":
        victim.run("call = client.begin(b'?')")
        server.run("message = port.receive(20)")
    elif CLIENT[point].endswith("result(20)"):
        server.begin("port.receive(20).reply(b'!')")
    die(victim, point, CLIENT[point])
    server.run("messages = [port.receive(20)]\nwhile not messages[-1].is_closed: messages.append(port.receive(20))")
    assert server.run("messages[-1].connection.context") == "victim"
    with pytest.raises(ntipc.Timeout):
        server.run("port.receive(0)")
    assert server.run("[connection.context for connection in port.connections]") == ["other"]
    serving = server.begin("port.receive(20).reply(b'fine')")
    assert other.run("client.call(b'?', 20)") == b"fine"
    serving.result()
    other.run("client.close()")
    assert server.run("port.receive(20).is_closed")
    server.run("port.close()")
    nothing_is_left(server, other)
