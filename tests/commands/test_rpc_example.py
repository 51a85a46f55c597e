"""The example of a service, with its three kinds of client: each in a process of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.waiting import wait_until

from ntipc import rpc

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def service() -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, str(EXAMPLES / "rpc_service.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            wait_until(lambda: [each.name for each in rpc.services()] == ["library"])
            yield process
        finally:
            process.kill()


def said_by(*command: str) -> list[str]:
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))  # of `ntipc`
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, env={**os.environ, "PATH": path})
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_service_with_three_kinds_of_client(service: "subprocess.Popen[str]") -> None:
    assert said_by(sys.executable, str(EXAMPLES / "rpc_clients.py")) == [
        "news: ann has 'Dune'",
        "lent: Book(title='Dune', year=1965, lent_to='ann')",
        "refused: 'Dune' is lent to ann - ask ann",
        "lent at once: Dune, Emma, Ulysses",
    ]
    by_shell = said_by("sh", str(EXAMPLES / "rpc_client.sh"))
    assert by_shell[:2] == [f"library: Library, version 1, process {service.pid}", "    Lends books."]
    assert by_shell[-4:] == [
        '["Dune","Emma","Ulysses"]',
        '{"title":"Emma","year":1815,"lent_to":"dora"}',
        "refused: ntipc: AlreadyLent: 'Emma' is lent to dora",
        "null",
    ]
    service.send_signal(signal.SIGINT)
    assert service.communicate(timeout=20)[0] == "closed\n"
    assert service.returncode == 0
