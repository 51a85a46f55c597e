"""Signal handlers that raise while their thread connects, calls, streams, lets itself be called back, and parts."""

import subprocess
import sys

from harness.peers import TESTS, Peer
from harness.rpc_serving import serve_in

import ntipc


def test_interrupted_clients_leave_nothing(peer: Peer) -> None:
    """In a process of its own, where nobody keeps the frames of exceptions."""
    serve_in(peer)
    command = [sys.executable, "-m", "harness.rpc_visits"]
    said = subprocess.run(command, cwd=TESTS, capture_output=True, text=True, timeout=60)
    assert said.returncode == 0, said.stderr
    assert said.stdout == "0\n", said.stderr
    peer.run("from harness.waiting import wait_until; wait_until(lambda: not server._clients)")
    assert not ntipc.examine()["findings"]
