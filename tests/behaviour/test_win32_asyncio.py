"""``asyncio`` as a program on Windows has it: pipes in event loops (FC-132), policies."""

import asyncio
import os
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from behaviour.test_win32_imports import run

import ntipc
from ntipc.win32 import _winapi
from ntipc.win32.standard.asyncio.windows_events import IocpProactor, ProactorEventLoop

ADDRESS = r"\\.\pipe\of asyncio"


def finished(work: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=ProactorEventLoop) as runner:
        return runner.run(asyncio.wait_for(work, 30))


class Told(asyncio.Protocol):
    """Keeps what it is told, and can be waited for."""

    def __init__(self) -> None:
        self.happened: list[str] = []
        self.received = b""
        self.changed = asyncio.Event()
        self.keep_open = False
        self.transport: Any = None
        self.problem: BaseException | None = None

    def connection_made(self, transport: Any) -> None:
        self._tell("made")
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data
        self._tell("data")

    def eof_received(self) -> bool:
        self._tell("eof")
        return self.keep_open

    def connection_lost(self, problem: BaseException | None) -> None:
        self.problem = problem
        self._tell("lost")

    def pause_writing(self) -> None:
        self._tell("pause")

    def resume_writing(self) -> None:
        self._tell("resume")

    def _tell(self, what: str) -> None:
        self.happened.append(what)
        self.changed.set()

    async def until(self, what: str) -> None:
        while what not in self.happened:
            self.changed.clear()
            await self.changed.wait()

    async def until_received(self, size: int) -> bytes:
        while len(self.received) < size:
            self.changed.clear()
            await self.changed.wait()
        return self.received


async def connected(loop: Any) -> tuple[Any, Told, Told]:
    """A server and the protocols of both sides of one connection."""
    ours: list[Told] = []

    def make() -> Told:
        ours.append(Told())
        return ours[-1]

    [server] = await loop.start_serving_pipe(make, ADDRESS)
    _, client = await loop.create_pipe_connection(Told, ADDRESS)
    await client.until("made")
    while not ours:
        await asyncio.sleep(0)
    await ours[0].until("made")
    return server, ours[0], client


def test_both_sides_write_and_read() -> None:  # FC-132
    async def main() -> None:
        server, here, there = await connected(asyncio.get_running_loop())
        there.transport.write(b"question")
        assert await here.until_received(8) == b"question"
        here.transport.writelines([b"an", bytearray(b"sw"), memoryview(b"er")])
        assert await there.until_received(6) == b"answer"
        assert there.transport.get_extra_info("addr") == here.transport.get_extra_info("addr") == ADDRESS
        assert there.transport.get_extra_info("pipe").fileno() % 4 == 0
        assert "open" in repr(here.transport) and not here.transport.can_write_eof()
        with pytest.raises(NotImplementedError):
            here.transport.write_eof()
        with pytest.raises(TypeError):
            here.transport.write("text")
        there.transport.close()
        there.transport.close()
        await here.until("lost")
        await there.until("lost")
        assert here.happened[-2:] == ["eof", "lost"] and here.problem is there.problem is None
        assert there.transport.is_closing() and "closed" in repr(there.transport)
        there.transport.write(b"dropped")
        server.close()
        server.close()
        assert server.closed()

    finished(main())


def test_streams_over_pipes_as_a_client_of_a_program_uses_them(peer: Any) -> None:  # FC-132
    async def main() -> bytes:
        loop: Any = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await loop.create_pipe_connection(lambda: protocol, ADDRESS)
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        writer.write(b"hello\n")
        await writer.drain()
        line = await reader.readline()
        writer.close()
        await writer.wait_closed()
        return line

    peer.run("import ntipc; server = ntipc.PipeServer('of asyncio')")
    peer.run(
        "def serve():\n    with server.accept() as pipe:\n        pipe.send(pipe.recv().upper())\n"
        "import threading; thread = threading.Thread(target=serve); thread.start()"
    )
    assert finished(main()) == b"HELLO\n"
    peer.run("thread.join()")


def test_more_than_a_pipe_holds_goes_through_and_is_flow_controlled() -> None:
    async def main() -> None:
        server, here, there = await connected(asyncio.get_running_loop())
        here.transport.pause_reading()
        assert not here.transport.is_reading()
        for _ in range(40):
            there.transport.write(b"x" * 10_000)
        assert "pause" in there.happened and there.transport.get_write_buffer_size() > 65_536
        here.transport.resume_reading()
        assert len(await here.until_received(400_000)) == 400_000
        await there.until("resume")
        there.transport.write(b"last")
        there.transport.close()
        await here.until("lost")
        assert here.received[-4:] == b"last"
        server.close()

    finished(main())


def test_a_side_that_is_gone_or_aborted_is_told() -> None:
    async def main() -> None:
        server, here, there = await connected(asyncio.get_running_loop())
        here.keep_open = True
        there.transport.abort()
        await there.until("lost")
        await here.until("eof")
        assert not here.transport.is_closing()
        here.transport.write(b"to nobody")
        await here.until("lost")
        assert isinstance(here.problem, BrokenPipeError) and here.problem.winerror in (109, 232)  # type: ignore[attr-defined]
        server.close()

    finished(main())


def test_a_client_waits_while_all_instances_are_busy() -> None:
    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        with pytest.raises(FileNotFoundError) as caught:
            await loop.create_pipe_connection(Told, ADDRESS)
        assert caught.value.winerror == 2  # type: ignore[attr-defined]
        with ntipc.PipeServer("of asyncio", max_instances=1) as server:
            first = ntipc.PipeClient("of asyncio")
            pipe = server.accept()
            waiting = loop.create_task(loop.create_pipe_connection(Told, ADDRESS))
            await asyncio.sleep(0.01)
            assert not waiting.done()
            first.close()
            pipe.close()
            accepted = await loop.run_in_executor(None, server.accept)
            transport, _ = await waiting
            transport.close()
            accepted.close()
            await asyncio.sleep(0)

    finished(main())


def test_one_name_is_one_servers_and_its_end_leaves_clients() -> None:
    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        server, here, there = await connected(loop)
        with pytest.raises(PermissionError):
            await loop.start_serving_pipe(Told, ADDRESS)
        server.close()
        there.transport.write(b"still here")
        assert await here.until_received(10) == b"still here"
        here.transport.close()
        await there.until("lost")
        with pytest.raises(FileNotFoundError):
            await loop.create_pipe_connection(Told, ADDRESS)

    finished(main())


def test_a_buffered_protocol_and_a_change_of_protocols() -> None:
    class Buffered(asyncio.BufferedProtocol):
        def __init__(self) -> None:
            self.memory, self.got, self.done = bytearray(3), b"", asyncio.Event()

        def get_buffer(self, sizehint: int) -> bytearray:
            return self.memory

        def buffer_updated(self, nbytes: int) -> None:
            self.got += self.memory[:nbytes]
            if len(self.got) == 10:
                self.done.set()

    async def main() -> None:
        server, here, there = await connected(asyncio.get_running_loop())
        other = Buffered()
        here.transport.set_protocol(other)
        assert here.transport.get_protocol() is other
        there.transport.write(b"0123456789")
        await other.done.wait()
        assert other.got == b"0123456789"
        for side in here, there:
            side.transport.abort()
        server.close()
        await there.until("lost")

    finished(main())


def test_an_exception_of_a_protocol_closes_its_connection() -> None:
    class Bad(Told):
        def data_received(self, data: bytes) -> None:
            raise ZeroDivisionError

    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        told: list[Any] = []
        loop.set_exception_handler(lambda loop, context: told.append(context["exception"]))
        [server] = await loop.start_serving_pipe(Bad, ADDRESS)
        _, client = await loop.create_pipe_connection(Told, ADDRESS)
        await client.until("made")
        client.transport.write(b"x")
        await client.until("lost")
        assert [type(problem) for problem in told] == [ZeroDivisionError]
        server.close()

    finished(main())


def test_handles_are_waited_for() -> None:
    async def main() -> None:
        event = _winapi.CreateEventW(0, True, False, None)
        proactor: IocpProactor = asyncio.get_running_loop()._proactor  # type: ignore[attr-defined]
        assert not await proactor.wait_for_handle(event, 0.01)
        asyncio.get_running_loop().call_later(0.01, _winapi.SetEvent, event)
        assert await proactor.wait_for_handle(event)

    finished(main())


def test_a_program_chooses_loops_as_on_windows(tmp_path: Path) -> None:  # FC-132, FC-136
    output = run(
        tmp_path,
        r"""
        import asyncio, sys
        from asyncio import create_subprocess_exec, windows_events
        from asyncio.subprocess import PIPE
        import asyncio.windows_events as same

        async def main():
            loop = asyncio.get_running_loop()
            process = await create_subprocess_exec(
                "python", "-c", "import win32event; print(win32event.INFINITE)", stdout=PIPE,
                creationflags=0x08000000, startupinfo=None)
            text, _ = await process.communicate()
            return type(loop).__name__, hasattr(loop, "start_serving_pipe"), int(text)

        assert windows_events is same
        print(*asyncio.run(main()))
        asyncio.set_event_loop_policy(asyncio.WindowsSelectorEventLoopPolicy())
        print(*asyncio.run(main()))
        asyncio.set_event_loop_policy(asyncio.WindowsProactorEventLoopPolicy())
        assert isinstance(asyncio.new_event_loop(), asyncio.ProactorEventLoop)
        loop = asyncio.ProactorEventLoop()
        asyncio.set_event_loop(loop)
        print(*loop.run_until_complete(main()))
        """,
    )
    proactor, selector, again = output.splitlines()
    assert proactor == again == "ProactorEventLoop True -1"
    assert selector.startswith("_UnixSelectorEventLoop False")


def test_the_interpreters_own_loops_stay_as_they_are() -> None:
    assert not hasattr(asyncio, "ProactorEventLoop") and sys.platform == "linux" and os.name == "posix"
