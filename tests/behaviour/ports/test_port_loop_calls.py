"""Calls of an event loop: one descriptor tells it of all answers, written by a thread that never runs Python."""

import asyncio
import gc
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness.in_thread import in_thread
from harness.peers import Peer
from harness.waiting import look, wait_until

import ntipc

SERVE = """
kept = []
def serve():
    while True:
        message = port.receive(20)
        if message.is_request and message.data != b'keep': message.reply(message.data.upper(), message.handles)
        if message.data == b'keep': kept.append(message)
        if message.data == b'stop': return
"""


def relays(pid: int | str = "self") -> int:
    """How many threads of a process are the kernel's for event loops."""
    names = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            names.append((task / "comm").read_text().strip())
        except OSError:
            pass  # it has ended meanwhile
    return names.count("ntipc-relay")


async def relays_of_a_call_under_way(client: ntipc.PortClient) -> int:
    """How many there are while a call is under way: there may be none a moment later."""
    call = asyncio.create_task(client.call_async(b"keep"))
    while not (found := relays()):  # a thread gives itself its name
        await asyncio.sleep(0.001)
    assert not call.done()
    call.cancel()
    return found


def hub_of_the_loop() -> Any:
    """The hub of the running loop."""
    from ntipc.ports.hubs import _loop_hubs

    [hub] = _loop_hubs[asyncio.get_running_loop()].values()
    return hub


@pytest.fixture
def serving(client: ntipc.PortClient, server: Peer) -> ntipc.PortClient:
    """A connection whose server answers at once, but for requests of ``keep``."""
    server.run(SERVE)
    server.run("import threading; threading.Thread(target=serve, daemon=True).start()")
    return client


def test_calls_of_a_loop_need_no_thread_of_pythons(serving: ntipc.PortClient) -> None:
    wait_until(lambda: relays() == 0)  # of the test before

    async def main() -> list[Any]:
        before = threading.active_count()
        answers = await asyncio.gather(*(serving.call_async(b"call %d" % number) for number in range(300)))
        assert threading.active_count() == before
        assert await relays_of_a_call_under_way(serving) == 1
        return answers

    assert asyncio.run(main()) == [b"CALL %d" % number for number in range(300)]
    gc.collect()
    wait_until(lambda: relays() == 0)


def test_begun_calls_can_be_awaited_and_waited_for(serving: ntipc.PortClient) -> None:
    async def main() -> None:
        first, second, third = (serving.begin(data) for data in (b"a", b"b", b"c"))
        assert await third == b"C"
        assert second.result(20) == b"B"
        assert await first.result_async(20) == b"A"
        assert await first == b"A"
        told: list[int] = []
        call = serving.begin(b"d")
        call.add_done_callback(lambda call: told.append(threading.get_ident()))
        assert call.result(20) == b"D"
        assert told == [threading.get_ident()]
        elsewhere = serving.begin(b"e")
        assert await asyncio.to_thread(elsewhere.result, 20) == b"E"

    asyncio.run(main())


def test_objects_travel_both_ways_and_the_server_may_ask(client: ntipc.PortClient, server: Peer) -> None:
    async def main() -> None:
        event, memory = ntipc.Event(), bytearray(b"memory")
        call = client.call_async(b"?", handles=iter([event]), on_callback=lambda data, _: data * 2, buffers=[memory])
        serving = server.begin(
            "message = port.receive(20); message.handles[0].set(); message.write_buffer(0, b'M', timeout=20)\n"
            "message.reply(message.call_back(b'again', 20), message.handles)"
        )
        reply = await call
        serving.result()
        assert isinstance(reply, ntipc.Reply)
        assert reply.data == b"againagain" and reply.handles[0].wait(0) and memory == b"Memory"

    asyncio.run(main())


def test_cancelled_call_is_withdrawn(client: ntipc.PortClient, server: Peer) -> None:
    async def main() -> None:
        task = asyncio.create_task(client.call_async(b"?"))
        receiving = asyncio.create_task(asyncio.to_thread(server.run, "message = port.receive(20); message.data"))
        assert await receiving == b"?"
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert server.run("notice = port.receive(20); notice.is_withdrawal, notice.id == message.id") == (True, True)
        assert server.run("message.is_withdrawn")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.call_async(b"?")
        with pytest.raises(ntipc.Timeout):
            await client.call_async(b"?", 0.05)
        with pytest.raises(ntipc.Timeout):
            await client.call_async(b"?", 0)
        call = client.begin(b"?")
        with pytest.raises(ntipc.Timeout):
            await call.result_async(0.01)
        assert not call.done()
        call.withdraw()

    asyncio.run(main())


@pytest.mark.parametrize("end", ["connection.close()", "port.close()", "os.kill(os.getpid(), 9)", "del message"])
def test_loop_is_told_when_no_answer_will_come(end: str, client: ntipc.PortClient, server: Peer) -> None:
    async def main() -> None:
        call = client.begin(b"?")
        await asyncio.to_thread(server.run, "message = port.receive(20); None")
        server.begin(f"import gc; {end}; gc.collect()")
        with pytest.raises(ntipc.ReplyLost):
            await call.result_async(20)

    asyncio.run(main())


def test_each_loop_is_told_of_its_own_calls(serving: ntipc.PortClient) -> None:
    """Loops in several threads, and one relay for all of them."""
    together = threading.Barrier(4)

    async def main(name: bytes) -> int:
        for number in range(20):
            assert await serving.call_async(name + b"%d" % number, 20) == name.upper() + b"%d" % number
        hub = hub_of_the_loop()
        found = await relays_of_a_call_under_way(serving)
        together.wait(20)
        return hub._descriptor * 10 + found

    results = [in_thread(lambda name=name: asyncio.run(main(name))) for name in (b"a", b"b", b"c", b"d")]
    found = [result() for result in results]
    assert len(set(found)) == 4
    assert {value % 10 for value in found} == {1}


def test_call_waits_for_room_without_holding_the_loop_up(client: ntipc.PortClient, server: Peer) -> None:
    async def main() -> None:
        try:
            while True:
                client.send(bytes(1000), timeout=0)
        except ntipc.Timeout:
            pass
        with pytest.raises(ntipc.Timeout, match="unread"):
            await client.call_async(bytes(1000), 0.05)
        task = asyncio.create_task(client.call_async(bytes(1000)))
        await asyncio.sleep(0)
        assert not task.done()
        server.run(SERVE)
        server.run("import threading; threading.Thread(target=serve, daemon=True).start()")
        assert await task == bytes(1000)

    asyncio.run(main())


def test_loop_that_ends_withdraws_nothing_and_leaves_nothing(client: ntipc.PortClient, server: Peer) -> None:
    """The server answers into the void: the queue for answers has gone with the loop."""

    async def main() -> None:
        client.begin(b"?")

    asyncio.run(main())
    server.run("message = port.receive(20)")
    gc.collect()
    wait_until(lambda: relays() == 0)
    assert server.run("message.is_withdrawn")
    assert asyncio.run(call_once(client, server)) == b"!"


async def call_once(client: ntipc.PortClient, server: Peer) -> Any:
    serving = server.begin("port.receive(20).reply(b'!')")
    answer = await client.call_async(b"?")
    serving.result()
    return answer


@pytest.mark.parametrize("closed", [False, True])
def test_thread_waits_for_a_call_of_a_loop_that_runs_no_more(
    closed: bool, client: ntipc.PortClient, server: Peer
) -> None:
    async def main() -> ntipc.PortCall:
        return client.begin(b"?")

    loop = asyncio.new_event_loop()
    call = loop.run_until_complete(main())
    if closed:
        loop.close()
    with pytest.raises(ntipc.Timeout):
        in_thread(lambda: call.result(0.01))()
    waiting = in_thread(lambda: call.result(20))
    server.run("port.receive(20).reply(b'!')")
    assert waiting() == b"!"
    assert call.result(0) == b"!"
    loop.close()


def test_relay_ends_when_nothing_is_under_way(serving: ntipc.PortClient) -> None:
    async def main() -> None:
        assert await serving.call_async(b"a") == b"A"
        assert await relays_of_a_call_under_way(serving) == 1
        while relays():
            await asyncio.sleep(0.01)
        assert await serving.call_async(b"b") == b"B"

    asyncio.run(main())


def test_forked_child_has_no_relay_and_leaves_its_parents_descriptor_alone(
    client: ntipc.PortClient, server: Peer
) -> None:
    async def main() -> None:
        call = client.begin(b"parent")
        hub = hub_of_the_loop()
        pid = os.fork()
        if pid == 0:
            code = 7
            try:
                gone = hub._port is None and call.done() and relays() == 0
                asyncio.events._set_running_loop(None)
                code = 0 if gone and asyncio.run(client.call_async(b"child", 20)) == b"CHILD" else 6
            finally:
                os._exit(code)
        server.run("messages = [port.receive(20) for _ in range(2)]")
        server.run("for message in messages: message.reply(message.data.upper())")
        assert await call.result_async(20) == b"PARENT"
        assert (await asyncio.to_thread(os.waitpid, pid, 0))[1] == 0

    asyncio.run(main())


def test_closed_descriptor_is_replaced_and_that_of_another_file_left_alone(
    client: ntipc.PortClient, server: Peer, tmp_path: Path
) -> None:
    async def main() -> None:
        call = client.begin(b"1")
        number = hub_of_the_loop()._descriptor
        file = os.open(tmp_path / "own", os.O_RDWR | os.O_CREAT)
        os.dup2(file, number)
        server.run("port.receive(20).reply(b'first')")
        task = asyncio.create_task(client.call_async(b"2"))
        await asyncio.sleep(0)
        assert hub_of_the_loop()._descriptor != number
        server.run("port.receive(20).reply(b'second')")
        assert await task == b"second"
        assert await call == b"first"
        assert os.fstat(number).st_ino == os.fstat(file).st_ino
        os.close(number)
        os.close(file)

    asyncio.run(main())
    assert (tmp_path / "own").read_bytes() == b""


def test_eventfd_of_the_program_under_that_number_is_left_alone(client: ntipc.PortClient, server: Peer) -> None:
    async def main() -> None:
        call = client.begin(b"1")
        number = hub_of_the_loop()._descriptor
        own = os.eventfd(0, os.EFD_NONBLOCK)
        os.dup2(own, number)
        server.run("port.receive(20).reply(b'first')")
        assert await asyncio.to_thread(call.exception) is None
        assert call.result(20) == b"first"  # this thread takes it itself
        with pytest.raises(BlockingIOError):
            os.eventfd_read(own)
        os.close(number)
        os.close(own)

    asyncio.run(main())


LEAVE = """
import asyncio
client = ntipc.PortClient('p', timeout=20)
async def main():
    call = client.begin(b'?')
    client.session.close()
    try: await call
    except ntipc.ReplyLost: return 'lost'
"""


def test_leaving_the_session_ends_calls_and_the_relay(server: Peer, start_peer: Callable[..., Peer]) -> None:
    accepting = server.begin("connection = port.listen(20).accept()")
    peer = start_peer()
    peer.run(LEAVE)
    accepting.result()
    assert peer.run("asyncio.run(main())") == "lost"
    wait_until(lambda: relays(peer.pid) == 0)
    assert not [each for each in look()["processes"] if each["pid"] == peer.pid]


def test_process_ends_with_calls_under_way(server: Peer) -> None:
    accepting = server.begin("connection = port.listen(20).accept()")
    code = """
import asyncio, ntipc
client = ntipc.PortClient('p', timeout=20)
async def main():
    call = client.begin(b'?')
    await asyncio.sleep(0)
asyncio.run(main())
kept = asyncio.new_event_loop()
async def again(): client.begin(b'?')
kept.run_until_complete(again())
"""
    said = subprocess.run([sys.executable, "-Wignore", "-c", code], capture_output=True, text=True, timeout=30)
    accepting.result()
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")
    wait_until(lambda: not server.run("connection.is_connected"))


def test_stopped_client_holds_nobody_up_and_gets_its_answer_later(
    server: Peer, start_peer: Callable[..., Peer]
) -> None:
    accepting = server.begin("connection = port.listen(20).accept()")
    peer = start_peer()
    peer.run("import asyncio; client = ntipc.PortClient('p', timeout=20)")
    accepting.result()
    calling = peer.begin("asyncio.run(client.call_async(b'?', 20))")
    server.run("message = port.receive(20)")
    os.kill(peer.pid, 19)
    try:
        server.run("message.reply(b'!')")
    finally:
        os.kill(peer.pid, 18)
    assert calling.result() == b"!"


def test_client_killed_while_its_relay_sleeps_leaves_nothing(server: Peer, start_peer: Callable[..., Peer]) -> None:
    accepting = server.begin("connection = port.listen(20).accept()")
    peer = start_peer()
    peer.run("import asyncio; client = ntipc.PortClient('p', timeout=20)")
    accepting.result()
    peer.begin("asyncio.run(client.call_async(b'?', 20))")
    server.run("message = port.receive(20)")
    wait_until(lambda: relays(peer.pid) == 1)
    peer.kill()
    assert server.run("port.receive(20).is_closed")
    with pytest.raises(ntipc.ReplyMismatch):
        server.run("message.reply(b'!')")
    assert not ntipc.examine()["findings"]
