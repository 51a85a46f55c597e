"""Every test gets sessions of its own and leaves nothing behind: no file, no process."""

import contextlib
import gc
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping

import pytest
from harness.c_programs import Workshop
from harness.leftovers import child_processes, session_paths
from harness.peers import Peer
from harness.waiting import wait_until

import ntipc.testing


def pytest_collection_finish() -> None:
    """What exists before the first test is no garbage: not looking at it makes each test's collection quick."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def gentle_signals() -> None:
    """A process that a script, or ``nohup``, starts ignores some signals, and so do its children; tests need them."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in signal.SIGHUP, signal.SIGQUIT:
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture(autouse=True, scope="session")
def directory_of_this_run() -> Iterator[None]:
    """Sessions lie in a directory of this run, so that other runs on the machine don't see or sweep them."""
    if "NTIPC_DIR" in os.environ:
        yield
        return
    directory = tempfile.mkdtemp(prefix="tests-of-ntipc-", dir="/dev/shm")
    os.chmod(directory, 0o1777)
    os.environ["NTIPC_DIR"] = directory
    yield
    del os.environ["NTIPC_DIR"]
    left = os.listdir(directory)
    shutil.rmtree(directory)
    assert not left, f"left behind in {directory}: {left}"


@pytest.fixture(autouse=True)
def session() -> Iterator[ntipc.Session]:
    r"""A fresh default session and a fresh ``Global\`` session; afterwards nothing of them may be left."""
    with ntipc.testing.private_session() as private:
        names = os.environ["NTIPC_SESSION"], os.environ["NTIPC_GLOBAL"]
        yield private
        gc.collect()
        gc.freeze()  # what stays belongs to modules and to the report: the next collection need not look at it
    left = child_processes()
    for pid in left:
        os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)  # or each later test would find it
    assert not left, f"the test left child processes running: {left}"
    wait_until(lambda: not session_paths(*names), patience=5)


@pytest.fixture
def peer_type() -> type[Peer]:
    """What kind of separate process the tests of a directory start."""
    return Peer


@pytest.fixture
def start_peer(session: ntipc.Session, peer_type: type[Peer]) -> Iterator[Callable[..., Peer]]:
    """Starts separate processes; ends each by its id when the test is over."""
    peers: list[Peer] = []

    def start(environment: Mapping[str, str] | None = None) -> Peer:
        peers.append(peer_type(environment))
        return peers[-1]

    yield start
    for peer in peers:
        peer.end()


@pytest.fixture
def peer(start_peer: Callable[..., Peer]) -> Peer:
    """One separate process."""
    return start_peer()


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """The C library, and C programs that use it."""
    own = tmp_path_factory.getbasetemp()
    return Workshop((own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "libntipc")
