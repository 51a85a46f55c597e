"""Signal handlers that raise while their thread connects, calls, streams, lets itself be called back, and parts."""

import subprocess
import sys

from harness.peers import TESTS, Peer
from harness.rpc_serving import serve_in

import ntipc


def test_interrupted_clients_leave_nothing(peer: Peer) -> None:
    """In a process of its own, where nobody keeps the frames of exceptions.

    A signal that meets CPython in the middle of starting a thread leaves something there, so one run of three has to be
    without that: what the library leaves, it leaves in each.
    """
    serve_in(peer)
    command = [sys.executable, "-m", "harness.rpc_visits"]
    for _ in range(3):
        said = subprocess.run(command, cwd=TESTS, capture_output=True, text=True, timeout=60)
        if (said.returncode, said.stdout) == (0, "0\n"):
            break
    else:
        raise AssertionError(said.stderr)
    peer.run("from harness.waiting import wait_until; wait_until(lambda: not server._clients)")
    assert not ntipc.examine()["findings"]
