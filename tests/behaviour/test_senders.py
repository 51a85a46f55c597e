"""The process at the other side: Linux is asked late, and one program is never taken for the one before it."""

import os
import subprocess
import sys

import pytest
from harness.peers import Peer
from harness.waiting import wait_until

import ntipc

BECOME_ANOTHER = "import os; os.execv('/bin/sleep', ['sleep', '1000'])"


def program(pid: int) -> str:
    return os.path.basename(os.readlink(f"/proc/{pid}/exe"))


@pytest.mark.parametrize("asked", ["before", "after"])
def test_process_that_becomes_another_program_is_not_taken_for_that(asked: str) -> None:
    """It may run as another user: then a server would take what the first one has sent for that user's."""
    with ntipc.PipeServer("p") as server, ntipc.Port("p", admit=lambda request: True) as port:
        connect = "import ntipc; pipe = ntipc.PipeClient('p'); port = ntipc.PortClient('p'); input()"
        command = [sys.executable, "-c", f"{connect}; {BECOME_ANOTHER}"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as client:
            try:
                connections = [server.accept(timeout=20), port.listen(20).accept()]
                if asked == "before":
                    assert [each.peer.uid for each in connections] == [os.geteuid()] * 2
                assert client.stdin is not None
                client.stdin.write("\n")
                client.stdin.flush()
                wait_until(lambda: program(client.pid) == os.path.basename(os.path.realpath("/bin/sleep")))
                known = os.geteuid() if asked == "before" else None
                assert [(each.peer.pid, each.peer.uid) for each in connections] == [(client.pid, known)] * 2
                for each in connections:
                    assert each.peer.exe != os.path.realpath("/bin/sleep")
            finally:
                client.kill()


def test_client_that_has_ended_is_known_by_its_number(peer: Peer) -> None:
    with ntipc.PipeServer("p") as server:
        peer.run("client = ntipc.PipeClient('p'); client.send(b'last words')")
        peer.kill()
        wait_until(lambda: peer.pid not in {process["pid"] for process in ntipc.inspect()["processes"]})
        pipe = server.accept(timeout=0)
        assert (pipe.peer.pid, pipe.peer.uid, pipe.recv()) == (peer.pid, None, b"last words")
