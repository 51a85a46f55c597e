"""Objects of this process whose methods the service may call, and the threads that run them.

An object is kept for as long as the service refers to it, or until the connection ends. A proxy that the program has
forgotten keeps its connection as long as the service refers to an object that travelled through it. Nothing is started
before the first object travels. Methods that are ``async def`` run in the loop in which the object was let travel.
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
import threading
import weakref
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import msgspec

from ntipc._runtime.threads import Farewell, start
from ntipc._runtime.turns import Turns
from ntipc.errors import NtError
from ntipc.objects.object import NtObject
from ntipc.rpc import protocol
from ntipc.rpc.buffers import Luggage, Packer
from ntipc.rpc.failures import failure_frame
from ntipc.rpc.handlers import Handler, Handlers
from ntipc.rpc.interface import Interface
from ntipc.rpc.problems import ValidationError

if TYPE_CHECKING:
    from ntipc.ports import PortClient
    from ntipc.rpc.client import Link

MOST_AT_ONCE = 32


class _Exported:
    def __init__(self, thing: object, interface: Interface) -> None:
        self.thing = thing
        self.handlers = Handlers(thing, interface)
        self.times = 0
        self.loop: asyncio.AbstractEventLoop | None = None


class ExportedObjects:
    """The objects of one link that travelled by reference. What is below ``_turns`` is only touched in a turn."""

    def __init__(self, link: Link) -> None:
        self._link = weakref.ref(link)
        self._farewell: Farewell | None = None
        self._is_forgotten = False
        self._turns = Turns()
        self._numbers = itertools.count(1)
        self._objects: dict[int, _Exported] = {}
        self._known: dict[tuple[int, int], int] = {}
        self._served: weakref.WeakKeyDictionary[PortClient, bool] = weakref.WeakKeyDictionary()
        """The connections with a thread that does what the service wants. Each such thread notes its own."""

    def export(self, thing: object, interface: Interface) -> int:
        """Keep an object, and let the service call it.

        Raises:
            ValidationError: It lacks a method of the interface.
        """
        link = self._link()
        assert link is not None
        client, _ = link.ready("")
        with self._turns.lock:
            if self._farewell is None:
                self._farewell = Farewell(link, self._forgotten)
            key = id(thing), id(interface)
            number = self._known.get(key)
            if number is None:
                try:
                    exported = _Exported(thing, interface)
                except TypeError as error:
                    raise ValidationError(str(error)) from None
                number = self._known[key] = next(self._numbers)
                self._objects[number] = exported
            exported = self._objects[number]
            exported.times += 1
            try:
                exported.loop = asyncio.get_running_loop()
            except RuntimeError:
                pass
            if client not in self._served:
                name = f"ntipc.rpc objects for {link.name}"
                start(threading.Thread(target=_serve, args=(self, client), name=name, daemon=True))
        return number

    def serve(self, client: PortClient) -> bool:
        """Note that the calling thread does what the service wants by a connection; false if another one does."""
        with self._turns.lock:
            return client not in self._served and self._served.setdefault(client, True)

    def arrived(self, number: int, interface: Interface) -> object:
        """Refuse: a service's objects do not travel by reference."""
        raise ValidationError("results travel by value")

    def let_go(self, number: int) -> None:
        """The service refers to it once less."""
        with self._turns.lock:
            exported = self._objects.get(number)
            if exported is None:
                return
            exported.times -= 1
            if exported.times <= 0:
                del self._objects[number]
                self._known = {key: each for key, each in self._known.items() if each != number}
        self._end_if_forgotten()

    def leave_to_parent(self) -> None:
        """In a forked child: the connections and the threads are the parent's, and those keep the child's copies."""
        for client in list(self._served):
            client.close()
        self._served.clear()
        self._farewell = None
        self.forget()

    def _forgotten(self) -> None:
        """The program has no proxy of this link any more."""
        self._is_forgotten = True  # before the look at the objects: let_go looks at this after it has removed one
        self._end_if_forgotten()

    def _end_if_forgotten(self) -> None:
        if self._is_forgotten and not self._objects:
            for client in list(self._served):
                client.close()

    def find(self, number: int) -> _Exported:
        """Return the object of a number."""
        with self._turns.lock:
            exported = self._objects.get(number)
        if exported is None:
            raise ValidationError("the service calls an object that it has let go, or never had")
        return exported

    def forget(self) -> None:
        """The connection has ended, and all references with it."""
        with self._turns.lock:
            self._objects.clear()
            self._known.clear()


def _serve(exported: ExportedObjects, client: PortClient) -> None:
    """Ask the service what it wants, and let threads do it, until the connection ends."""
    if not exported.serve(client):
        return
    threads = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="ntipc.rpc calls back")
    try:
        while True:
            try:
                reply = client.call(protocol.NEXT.write())
            except (NtError, ValueError):
                return
            data, handles = (reply, ()) if isinstance(reply, bytes) else (reply.data, reply.handles)
            try:
                number, thing, request = protocol.read_wanted(data)
            except msgspec.DecodeError:
                return  # the service does not keep to the protocol, or refuses
            if number:
                threads.submit(_run, exported, client, number, thing, request, handles)
            else:
                exported.let_go(thing)
    finally:
        exported.forget()
        threads.shutdown(wait=False)


def _run(
    exported: ExportedObjects,
    client: PortClient,
    number: int,
    thing: int,
    request: bytes,
    handles: Sequence[NtObject],
) -> None:
    luggage = Luggage(handles)
    packer: Packer | None = None
    declared: dict[str, Any] = {}
    try:
        found = exported.find(thing)
        declared = dict(found.handlers.interface.exceptions)
        handler = found.handlers.find(request)
        data, packer = _call(found, handler, request, luggage)
    except BaseException as error:
        data = failure_frame(error, declared)
    finally:
        luggage.close()
    try:
        client.send(protocol.ANSWER.write(number, data), packer.pack() if packer is not None else ())
    except (NtError, ValueError):
        pass  # the service has gone meanwhile
    finally:
        if packer is not None:
            packer.release()


def _call(found: _Exported, handler: Handler, request: bytes, luggage: Luggage) -> tuple[bytes, Packer | None]:
    places, named = handler.codec.decode_arguments(request, luggage, None)
    result = handler.function(*places, **named)
    if inspect.isawaitable(result):
        if found.loop is None or found.loop.is_closed():
            result = asyncio.run(_awaited(result))
        else:
            result = asyncio.run_coroutine_threadsafe(_awaited(result), found.loop).result()
    if handler.method.streams:
        raise ValidationError(f"{handler.codec.where}: methods of objects that travel by reference do not stream")
    return handler.codec.encode_result(result, None)


async def _awaited(result: Any) -> Any:
    return await result
