"""Ports as a whole: several processes that serve one, a thousand clients, what does not travel."""

import os
import pickle
from collections.abc import Callable

import pytest
from harness.peers import Peer
from harness.waiting import wait_until

import ntipc


def test_another_process_serves_as_well(server: Peer, start_peer: Callable[..., Peer]) -> None:
    helper = start_peer()
    accepting = server.begin("connection = port.listen(20).accept()")
    client = ntipc.PortClient("p", timeout=20)
    accepting.result()
    ntipc.Queue("hand over")
    receiving = helper.begin("queue = ntipc.Queue('hand over'); other = queue.get_object(20); other.max_message")
    wait_until(lambda: ntipc.Queue("hand over").info()["readers"] > 1)
    server.run("ntipc.Queue('hand over').put_object(port)")
    assert receiving.result() == 1000
    serving = helper.begin("message = other.receive(20); message.reply(b'from the other'); message.connection.peer.pid")
    assert client.call(b"?") == b"from the other"
    assert serving.result() == os.getpid()
    helper.begin("other.receive(20)")
    lost = client.begin(b"?")
    wait_until(lambda: server.run("port.info()['messages']") == 0)
    helper.kill()
    with pytest.raises(ntipc.ReplyLost):
        lost.result(20)
    serving = server.begin("port.receive(20).reply(b'from the first')")
    assert client.call(b"?", timeout=20) == b"from the first"


def test_thousand_clients_in_one_wait(server: Peer) -> None:
    serving = server.begin("serve(port, 1000)")
    clients = [ntipc.PortClient("p", timeout=20) for _ in range(1000)]
    for number, client in enumerate(clients):
        assert client.call(b"c%d" % number, timeout=20) == b"C%d" % number
    for client in clients:
        client.close()
    assert serving.result(60) == ["closed"] * 1000
    assert not ntipc.examine()["findings"]


def test_connection_does_not_pickle() -> None:
    port = ntipc.Port("p")
    client = ntipc.PortClient._pair(port)
    with pytest.raises(TypeError, match="connect again elsewhere"):
        pickle.dumps(client)
    client.close()
    port.close()
    assert "closed" in repr(client)
    assert "closed" in repr(port)
    with pytest.raises(ntipc.HandleClosed):
        port.receive(0)
    with pytest.raises(ntipc.HandleClosed):
        port.wait(0)


@pytest.mark.parametrize("what", ["connection", "message", "request"])
def test_what_belongs_to_the_process_that_took_it_is_not_pickled(
    what: str, client: ntipc.PortClient, server: Peer, start_peer: Callable[..., Peer]
) -> None:
    client.send(b"x")
    server.run("message = port.receive(20)")
    asking = start_peer().begin("ntipc.PortClient('p', timeout=20)")
    server.run("request = port.listen(20); import pickle")
    before = server.run("port.info(), len(ntipc.inspect()['objects'])")
    with pytest.raises(TypeError, match="process that"):
        server.run(f"pickle.dumps({what})")
    assert server.run("port.info(), len(ntipc.inspect()['objects'])") == before
    server.run("request.refuse()")
    with pytest.raises(ntipc.ConnectionRefused):
        asking.result()
