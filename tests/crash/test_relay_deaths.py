"""A process dies at each step of the waits of its relay, the thread that tells its event loops: nobody else notices."""

import signal
from collections.abc import Callable

import pytest
from harness.peers import Peer
from harness.soundness import assert_sound
from harness.waiting import look, wait_until

import ntipc
from ntipc import _kernel

pytestmark = pytest.mark.skipif(not _kernel.FAULT_POINTS, reason="this build has no fault points: make build-faults")

BEGINNING = ("WaitRecorded", "WaitPublished", "WaitFlagged", "WaitBeforeSleep")
ENDING = ("WaitWoken", "AckBeforeIdle", "AckDone")


@pytest.mark.parametrize("point", [*BEGINNING, *ENDING])
def test_client_dies_where_its_relay_waits(point: str, session: ntipc.Session, start_peer: Callable[..., Peer]) -> None:
    server, client = start_peer(), start_peer()
    server.run("port = ntipc.Port('p')")
    accepting = server.begin("port.listen(20).accept()")
    client.run("import asyncio; client = ntipc.PortClient('p', timeout=20)")
    accepting.result()
    arm = f"_kernel.arm_fault({point!r})"
    if point in BEGINNING:
        client.begin(f"{arm}; asyncio.run(client.call_async(b'?'))", "victim")
    else:
        client.begin("asyncio.run(client.call_async(b'?'))", "victim")
        server.run("message = port.receive(20)")
        wait_until(lambda: any(each["pid"] == client.pid and each["waiting_on"] for each in look()["threads"]))
        client.run(arm)
        server.run("message.reply(b'!')")
    assert client.wait() == -signal.SIGKILL, f"{point} was never reached"
    server.run("while not port.receive(20).is_closed: pass")
    wait_until(lambda: client.pid not in {process["pid"] for process in look()["processes"]})
    wait_until(lambda: not [entry for entry in look()["objects"] if "badge" in entry])
    assert_sound(look()["path"])
