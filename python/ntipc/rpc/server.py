"""Services: an object whose methods other processes call by the name of a port.

>>> import ntipc.rpc
>>> class Calculator:
...     def add(self, a: int, b: int = 0) -> int:
...         return a + b
>>> with ntipc.rpc.Server("calculator", Calculator()):
...     with ntipc.rpc.connected("calculator", Calculator) as calculator:
...         calculator.add(20, b=22)
42
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
import time
import weakref
from types import TracebackType
from typing import Any, Self

import msgspec
from msgspec import msgpack

from ntipc.errors import NtError, describe
from ntipc.ports import ConnectionRequest, Port
from ntipc.queues.ends import LONGEST_MESSAGE
from ntipc.rpc.buffers import session_of
from ntipc.rpc.dispatch import LOG, ConnectedClient, Dispatcher, Limits
from ntipc.rpc.interface import Interface, interface_of
from ntipc.rpc.pool import Pool
from ntipc.rpc.protocol import PROTOCOL, Welcome, read_hello
from ntipc.rpc.registry import enter, here
from ntipc.sections import Section
from ntipc.session.session import Session

Version = str | int | float | None


class Server:
    """A service: its methods run for every client that connects, until it is stopped.

    Each call runs in a thread of the server's, several at once; methods that are ``async def`` run as tasks of the loop
    in which ``start`` was called, or of one of the server's own. A method may ask :func:`ntipc.rpc.current` who calls.
    ``with`` and ``async with`` start and close it.

    Args:
        name: The name of the service, which is that of its port.
        service: The object. Its public methods may be called, and need annotations.
        interface: A class or Protocol: only its methods may be called then. By default the class of ``service``.
        version: A version that clients may insist on.
        threads: Calls of ordinary methods that run at once; at least 1. By default 64.
        max_argument: Bytes that the arguments of one call may have, buffers included.
        max_streams: Streams that one client may have open.
        max_calls: Calls of asynchronous methods that one client may have running.
        max_clients: Clients that may be connected at once.
        session: The session, or its name; ``None`` for the default one.

    Raises:
        TypeError: A method has no annotations, or its values cannot travel; the text names it.
        ObjectExists: The name is taken.
        InvalidName: ``name`` cannot be a name.
        ValueError: A number is less than 1.
    """

    def __init__(
        self,
        name: str,
        service: object,
        *,
        interface: Any = None,
        version: Version = None,
        threads: int | None = None,
        max_argument: int = 1 << 28,
        max_streams: int = 100,
        max_calls: int = 1000,
        max_clients: int = 10_000,
        session: Session | str | None = None,
    ) -> None:
        if isinstance(service, type):
            raise TypeError(f"a service is an object, not a class: give {service.__name__}()")
        limits = Limits(max_argument, max_streams, max_calls, max_clients)
        for what, number in {**limits._asdict(), "threads": 64 if threads is None else threads}.items():
            if number < 1:
                raise ValueError(f"{what} must be at least 1, not {number}")
        self.name = name
        self.interface: Interface = interface_of(type(service) if interface is None else interface)
        self.version = version
        self._session = session
        self._threads = 64 if threads is None else threads
        self._dispatcher = Dispatcher(
            name, service, self.interface, limits, self._running_loop, session_of(name, session)
        )
        self._clients: weakref.WeakSet[ConnectedClient] = weakref.WeakSet()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._own_loop: threading.Thread | None = None
        self._port: Port | None = None
        self._entry: Section | None = None
        self._pool: Pool | None = None
        self._listener: threading.Thread | None = None
        self._pid = 0
        self._ended = threading.Event()
        self._closing = threading.Lock()

    def start(self) -> Self:
        """Take the name, and begin to answer. Returns at once.

        Raises:
            ObjectExists: The name is taken.
            RuntimeError: It was started before.
        """
        if self._port is not None:
            raise RuntimeError(f"service {self.name!r} has been started before; make another Server")
        limits = self._dispatcher.limits
        largest = min(max(limits.max_argument, 65_536), LONGEST_MESSAGE)
        self._pid = os.getpid()
        self._port = Port(self.name, max_large=largest, session=self._session)
        try:
            self._welcome = msgpack.encode(
                Welcome(PROTOCOL, self._pid, self.interface.title, self._dispatcher.digest, self.version,
                        limits.max_argument)
            )  # fmt: skip
            entry = here(self.name, self.interface.title, self.version, len(self.interface.methods))
            self._entry = enter(entry, self._session)
            if self._dispatcher.has_async_methods:
                self._find_loop()
            self._pool = Pool(self._port.receive, self._dispatcher.prepare, self._threads, f"ntipc.rpc {self.name}")
            self._listener = threading.Thread(
                target=self._listen, args=(self._port,), name=f"ntipc.rpc {self.name} listens", daemon=True
            )
            self._listener.start()
            self._pool.start()
        except BaseException:
            self.close()
            raise
        _running.add(self)
        return self

    def stop(self, grace: float | None = None) -> bool:
        """Refuse new calls, let those finish that run, and close.

        A stream runs until its consumer has all of it, or closes it.

        Args:
            grace: Seconds to wait for them; ``None`` to wait as long as they take. What has not finished then is told
                that it is cancelled, and its callers that no answer comes.

        Returns:
            Whether all had finished.
        """
        if self._port is None:
            return True
        self._dispatcher.stopping = True
        end = None if grace is None else time.monotonic() + grace
        finished = self._pool is None or self._pool.drain(grace)
        while finished and any(client.pending or client.streams for client in self._connected()):
            if end is not None and time.monotonic() >= end:
                finished = False
            time.sleep(0.005)  # they are few when one stops, and no hurry is needed
        self.close()
        return finished

    def _connected(self) -> list[ConnectedClient]:
        while True:
            try:
                return list(self._clients)
            except RuntimeError:
                pass  # one has come meanwhile

    async def stop_async(self, grace: float | None = None) -> bool:
        """As :meth:`stop`, for the loop in which the service's methods run."""
        return await asyncio.to_thread(self.stop, grace)

    def close(self) -> None:
        """Stop at once: callers get no answer and learn it, and the name is free. May be repeated.

        A method that runs in a thread goes on; ``ntipc.rpc.current().cancelled`` tells it. Tasks are cancelled.
        """
        if self._pid != os.getpid():
            return  # the child of a fork has none of its threads, and its port is its parent's
        with self._closing:
            port = self._port
            if port is None or self._ended.is_set():
                return
            self._ended.set()
        self._dispatcher.stopping = True
        _running.discard(self)
        if self._pool is not None:
            self._pool.close()
        if self._entry is not None:
            self._entry.close()
        port.close()  # first: what a cancelled method still answers comes too late
        for client in self._connected():
            client.channel.fail()
        self._end_loop()
        listener = self._listener
        if listener is not None and listener.is_alive() and listener is not threading.current_thread():
            listener.join(1.0)
        if self._pool is not None and not self._pool.busy:
            self._pool.join(1.0)

    @property
    def running(self) -> bool:
        """Whether it answers."""
        return self._port is not None and not self._ended.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is closed; whether it is."""
        return self._ended.wait(timeout)

    async def wait_async(self) -> None:
        """Await that it is closed."""
        while not self._ended.is_set():
            await asyncio.to_thread(self._ended.wait, 0.2)

    def __enter__(self) -> Self:
        return self.start() if self._port is None else self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self.start() if self._port is None else self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "running" if self.running else "closed" if self._ended.is_set() else "not started"
        return f"<Server {self.name!r} of {self.interface.title} {state}>"

    # Connections

    def _listen(self, port: Port) -> None:
        while True:
            try:
                request = port.listen()
            except (NtError, ValueError):
                return
            try:
                self._answer(request)
            except (NtError, ValueError, msgspec.MsgspecError) as error:
                if self._ended.is_set():
                    return
                LOG.warning("service %r: a process that connected is gone or talks nonsense: %s", self.name, error)

    def _answer(self, request: ConnectionRequest) -> None:
        try:
            hello = read_hello(request.data)
            problem = "" if hello.ntipc_rpc == PROTOCOL else f"this service speaks version {PROTOCOL} of the protocol"
        except msgspec.DecodeError:
            problem = "this is the port of an ntipc.rpc service: connect with ntipc.rpc.connect"
        if self._dispatcher.stopping:
            problem = "the service is stopping"
        elif len(self._clients) >= self._dispatcher.limits.max_clients:
            problem = f"the service has {len(self._clients):,} clients, and takes no more"
        if problem:
            request.refuse(problem.encode())
            return
        who = f"client process {request.peer.pid} of {describe('service', self.name)}"
        client = ConnectedClient(self._dispatcher, who)
        self._clients.add(client)
        request.accept(self._welcome, context=client)

    # The loop

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._find_loop()
        assert self._loop is not None
        return self._loop

    def _find_loop(self) -> None:
        with self._closing:
            if self._loop is not None:
                return
            try:
                self._loop = asyncio.get_running_loop()
            except RuntimeError:
                self._loop = asyncio.new_event_loop()
                name = f"ntipc.rpc {self.name} loop"
                self._own_loop = threading.Thread(target=self._run_loop, args=(self._loop,), name=name, daemon=True)
                self._own_loop.start()

    def _run_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
        finally:
            loop.close()

    def _end_loop(self) -> None:
        loop = self._loop
        if loop is None or loop.is_closed():
            return
        own = self._own_loop
        try:
            if own is None:
                loop.call_soon_threadsafe(self._dispatcher.cancel_all)
                return
            asyncio.run_coroutine_threadsafe(self._finish_tasks(), loop).add_done_callback(
                lambda _: loop.call_soon_threadsafe(loop.stop)
            )
        except RuntimeError:
            return  # the loop has just been closed
        if threading.current_thread() is not own:
            own.join(1.0)

    async def _finish_tasks(self) -> None:
        tasks = list(self._dispatcher.all_tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=0.5)


_running: weakref.WeakSet[Server] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    for server in list(_running):
        server.close()


def serve(
    name: str,
    service: object,
    *,
    interface: Any = None,
    version: Version = None,
    threads: int | None = None,
    session: Session | str | None = None,
    **limits: int,
) -> None:
    """Run a service until Ctrl-C, which ends it at once.

    The arguments are those of :class:`Server`, and so are the errors.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed.
        RuntimeError: A loop runs in this thread, which it would block: use ``async with Server(...)``.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        raise RuntimeError("serve would block the running loop: use `async with ntipc.rpc.Server(...) as server:`")
    server = Server(name, service, interface=interface, version=version, threads=threads, session=session, **limits)
    try:  # Ctrl-C may come while it starts, too
        server.start()
        server.wait()
    finally:
        server.close()
