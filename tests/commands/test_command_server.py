"""The example of a command server goes on, whatever a client does."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ntipc
from ntipc.objects.devices import locate_pipe
from ntipc.pipes import offers

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "command_server.py"


@pytest.fixture
def server() -> Iterator[None]:
    """A command server that runs, and still answers at the end."""
    with subprocess.Popen([sys.executable, str(EXAMPLE)], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None and process.stdout.readline()
            yield
            assert ntipc.call_pipe("commands", b"add 1 2", timeout=10) == b"3.0"
            assert ntipc.call_pipe("commands", b"stop", timeout=10) == b"stopping"
            assert process.wait(10) == 0
        finally:
            process.kill()


def test_what_is_no_text_is_no_command(server: None) -> None:
    for line in (b"\xff\xfe", b"", b"add \xff"):
        assert ntipc.call_pipe("commands", line, timeout=10).startswith(b"error")


def test_client_that_reads_no_answers_holds_nobody_up(server: None) -> None:
    client = ntipc.PipeClient("commands", timeout=10)
    with pytest.raises(ntipc.PeerGone):
        while True:
            client.send(b"what is this", timeout=10)
    client.close()


def test_client_that_is_killed_as_it_connects_holds_nobody_up(server: None) -> None:
    with ntipc.PipeClient("commands", timeout=10) as client:
        child = os.fork()
        if not child:  # takes what a client takes, and does not say so
            location = locate_pipe("commands")
            names = offers.open_offers(location, location.attachment()._native)
            taken = offers.take_offer(names, 10)
            os.kill(os.getpid(), signal.SIGKILL if taken else signal.SIGTERM)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL
        for _ in range(3):
            assert client.transact(b"add 1 2", timeout=10) == b"3.0"
