"""From a message to the method that it calls, and back: everything of a service that is neither port nor thread."""

from __future__ import annotations

import asyncio
import inspect
import itertools
import logging
import os
import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import msgpack

from ntipc.errors import ConnectionRefused, NtError, Status, describe, from_status
from ntipc.rpc import protocol
from ntipc.rpc.buffers import Luggage, Packer
from ntipc.rpc.current import CURRENT, CurrentCall, within
from ntipc.rpc.failures import failure_frame, without_frames
from ntipc.rpc.handlers import Handler, Handlers, close_all
from ntipc.rpc.interface import Interface, digest_of
from ntipc.rpc.pool import Prepared
from ntipc.rpc.problems import ValidationError
from ntipc.rpc.served_callbacks import CallbackChannel, ServedReferences
from ntipc.rpc.served_streams import AsyncStream, ServedStream, SyncStream

if TYPE_CHECKING:
    from ntipc.ports import PortMessage

LOG = logging.getLogger("ntipc.rpc")


class Limits(NamedTuple):
    """What a client may use of a service.

    Attributes:
        max_argument: Bytes of the arguments of one call, buffers and arrays included; and of a result.
        max_streams: Streams that one client has open.
        max_calls: Calls of asynchronous methods that one client has running.
        max_clients: Clients that are connected at once.
    """

    max_argument: int = 1 << 28
    max_streams: int = 100
    max_calls: int = 1000
    max_clients: int = 10_000


class ConnectedClient:
    """What a service keeps for one client."""

    def __init__(self, dispatcher: Dispatcher, who: str) -> None:
        self.streams: dict[int, ServedStream] = {}
        self.tasks: dict[int, asyncio.Task[None]] = {}
        self.pending = 0
        self.channel = CallbackChannel(dispatcher.send, who, dispatcher.session)
        self.references = ServedReferences(self.channel)
        self.gone = False


class Dispatcher:
    """Calls the methods of one service.

    Args:
        service: The object.
        interface: Which of its methods may be called.
        limits: What a client may use.
        loop: Gives the loop that asynchronous methods run in.
        session: The session of what goes along with results.
    """

    def __init__(
        self,
        name: str,
        service: object,
        interface: Interface,
        limits: Limits,
        loop: Callable[[], asyncio.AbstractEventLoop],
        session: Any = None,
    ) -> None:
        self.name = name
        self.interface = interface
        self.limits = limits
        self.session = session
        self.handlers = Handlers(service, interface)
        self.stopping = False
        self.loop = loop
        self.asynchronous = {
            each for each, handler in self.handlers.by_name.items() if inspect.iscoroutinefunction(handler.function)
        }
        self._numbers = iter(lambda: int.from_bytes(os.urandom(8), "big") >> 1, -1)
        self._tasks = itertools.count(1)
        self.all_tasks: set[asyncio.Task[None]] = set()
        self._pending_lock = threading.Lock()
        self.description = interface.description()
        self.digest = digest_of(self.description)
        self._asked: dict[bytes, Callable[[Any, PortMessage, ConnectedClient], Callable[[], object] | None]] = {
            protocol.DESCRIBE.prefix: self._describe,
            protocol.JSON.prefix: self._json,
            protocol.TAKE.prefix: self._take,
            protocol.PASSED.prefix: self._passed,
            protocol.CLOSE.prefix: self._close,
            protocol.NEXT.prefix: self._next,
            protocol.ANSWER.prefix: self._answer,
        }
        self._readers = {
            each.prefix: each.read
            for each in (
                protocol.DESCRIBE, protocol.JSON, protocol.TAKE, protocol.PASSED, protocol.CLOSE, protocol.NEXT,
                protocol.ANSWER,
            )
        }  # fmt: skip

    @property
    def has_async_methods(self) -> bool:
        """Whether some method needs a loop."""
        return bool(self.asynchronous) or any(
            inspect.isasyncgenfunction(handler.function) for handler in self.handlers.by_name.values()
        )

    def prepare(self, message: PortMessage) -> Prepared | None:
        """Look at a message; do what takes no time, and return what takes some."""
        client: ConnectedClient = message.connection.context
        data = message.data
        try:
            prefix = data[: 2 + data[1]] if len(data) > 1 else b""
            handler = self.handlers.by_prefix.get(prefix)
            if handler is None:
                if message.is_closed:
                    return self.ended, (client,), None, client
                if message.is_withdrawal:
                    self._withdrawn(message.id, client)
                    return None
                asked = self._asked.get(prefix)
                if asked is None:
                    raise self.handlers.refusal(data)
                job = asked(self._readers[prefix](data), message, client)
                return None if job is None else (job, (), None, client)
            if len(data) > self.limits.max_argument:
                detail = f"the call has {len(data):,} bytes; the service takes {self.limits.max_argument:,}"
                raise ValidationError(detail)
            if self.stopping:
                raise self._stopping_error()
            if handler.method.name in self.asynchronous:
                self._start(handler, message, client)
                return None
            return self.run_plain if handler.is_plain else self.run, (handler, message, client), handler, client
        except Exception as error:  # whatever a client sends, the service goes on
            if not message.is_closed:
                close_all(message.handles)
            if not isinstance(error, ConnectionRefused):
                LOG.warning("service %r refused a message of process %s: %s", self.name, _pid(message), error)
            if not (message.is_closed or message.is_withdrawal or message.is_datagram):
                self.send(message, failure_frame(error, {}, trace=False), None)
            return None

    def _stopping_error(self) -> NtError:
        detail = f"process {os.getpid()}, which has it, is stopping; the call has not run"
        return from_status(Status.PORT_CONNECTION_REFUSED, "The call", describe("service", self.name), detail)

    # Calls

    def run_plain(self, handler: Handler, message: PortMessage, client: ConnectedClient) -> None:
        """Call a method whose values have nothing along, and answer: what :meth:`run` does, in fewer steps."""
        if message.is_withdrawn:
            return  # its caller gave up while it waited for a thread
        data = message.data
        if data[: handler.head_length] != handler.head or message.handles:
            self.run(handler, message, client)
            return
        try:
            values = handler.decode(data[handler.head_length - 1 :])
        except Exception:
            self.run(handler, message, client)  # says what is wrong
            return
        try:
            token = CURRENT.set((message, handler.method))
            try:
                result = handler.function(*values)
            finally:
                CURRENT.reset(token)
            reply = handler.encode(result)
        except BaseException as error:
            self.failed(error, handler, message)
            return
        try:
            message.reply(reply)
        except (NtError, ValueError):
            self.send(message, reply, None)  # finds out why

    def run(self, handler: Handler, message: PortMessage, client: ConnectedClient) -> None:
        """Call a method and answer."""
        if message.is_withdrawn and not message.is_datagram:
            close_all(message.handles)
            return  # its caller gave up while it waited for a thread
        luggage = Luggage(message.handles, self.limits.max_argument) if message.handles else None
        codec = handler.codec
        try:
            places, named = codec.decode_arguments(message.data, luggage, client.references)
            call = CurrentCall(message, handler.method)
            token = CURRENT.set(call)
            try:
                result = handler.function(*places, **named)
            finally:
                CURRENT.reset(token)
            if handler.method.streams:
                self._open(result, handler, message, client, call)
                return
            if message.is_datagram:
                return
            data, packer = codec.encode_result(result, self.session)
        except BaseException as error:
            self.failed(error, handler, message)
            return
        finally:
            if luggage is not None:
                luggage.close()
        self.send(message, data, packer)

    def _start(self, handler: Handler, message: PortMessage, client: ConnectedClient) -> None:
        with self._pending_lock:
            if client.pending >= self.limits.max_calls:
                raise ValidationError(f"a client has {self.limits.max_calls:,} calls running, and may have no more")
            client.pending += 1
        try:
            self.loop().call_soon_threadsafe(self._begin, handler, message, client)
        except BaseException:
            with self._pending_lock:
                client.pending -= 1
            raise

    def _begin(self, handler: Handler, message: PortMessage, client: ConnectedClient) -> None:
        if not message.is_datagram and (client.gone or message.is_withdrawn):
            with self._pending_lock:
                client.pending -= 1
            close_all(message.handles)
            return
        number = -next(self._tasks) if message.is_datagram else message.id
        call = CurrentCall(message, handler.method)
        task = self.loop().create_task(within(call, self._run_async, handler, message, client, call))
        client.tasks[number] = task
        self.all_tasks.add(task)
        task.add_done_callback(partial(self._done, number, client))

    def _done(self, number: int, client: ConnectedClient, task: asyncio.Task[None]) -> None:
        client.tasks.pop(number, None)
        self.all_tasks.discard(task)
        with self._pending_lock:
            client.pending -= 1

    async def _run_async(
        self, handler: Handler, message: PortMessage, client: ConnectedClient, call: CurrentCall
    ) -> None:
        CURRENT.set(call)
        luggage = Luggage(message.handles, self.limits.max_argument) if message.handles else None
        codec = handler.codec
        try:
            places, named = codec.decode_arguments(message.data, luggage, client.references)
            result = await handler.function(*places, **named)
            if handler.method.streams:
                self._open(result, handler, message, client, call)
                return
            if message.is_datagram:
                return
            data, packer = codec.encode_result(result, self.session)
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError) and message.is_withdrawn:
                return  # as its caller wanted
            self.failed(error, handler, message)
            if isinstance(error, (KeyboardInterrupt, SystemExit)):
                return  # they end the call, not the service
            return
        finally:
            if luggage is not None:
                luggage.close()
        self.send(message, data, packer)

    def failed(self, error: BaseException, handler: Handler, message: PortMessage) -> None:
        """Log an exception, and answer with it."""
        frame = self.tell(error, handler.codec.where)
        without_frames(error)
        if not message.is_datagram:
            self.send(message, frame, None)

    def tell(self, error: BaseException, where: str) -> bytes:
        """Log an exception of the service's, and write it as a reply."""
        declared = self.interface.exceptions.get(type(error).__name__) is type(error)
        level = logging.INFO if declared else logging.ERROR  # what is declared is an answer like others
        try:
            LOG.log(level, "%s of service %r raised %s", where, self.name, type(error).__name__, exc_info=error)
        except Exception:
            pass  # by the exception's own code, or by the program's logging: the caller is answered all the same
        return failure_frame(error, self.interface.exceptions)

    def send(self, message: PortMessage, data: bytes, packer: Packer | None) -> bool:
        """Answer a request; whether anybody waited for the answer."""
        try:
            try:
                if packer is None:
                    message.reply(data)
                else:
                    message.reply(data, packer.pack())
                return True
            finally:
                if packer is not None:
                    packer.release()
        except (ConnectionError, EOFError):
            return False
        except (NtError, ValueError) as error:
            if message.is_withdrawn or not message.connection.is_connected:
                return False
            LOG.warning("service %r cannot answer process %s: %s", self.name, _pid(message), error)
            try:  # it may be too large, or too much may go along
                message.reply(failure_frame(error, {}, trace=False))
            except (NtError, ValueError):
                return False
            return True

    # Streams

    def _open(
        self, iterator: Any, handler: Handler, message: PortMessage, client: ConnectedClient, call: CurrentCall
    ) -> None:
        if len(client.streams) >= self.limits.max_streams:
            raise ValidationError(f"a client has {self.limits.max_streams:,} streams open, and may have no more")
        number = next(self._numbers)
        gone = partial(client.streams.pop, number, None)
        stream: ServedStream
        if hasattr(iterator, "__anext__") or hasattr(iterator, "__aiter__"):
            arguments = (aiter(iterator), handler, call, self.send, self.tell, gone, self.session)
            stream = AsyncStream(*arguments, loop=self.loop())
        else:
            stream = SyncStream(iter(iterator), handler, call, self.send, self.tell, gone, self.session)
        call._opened_a_stream()
        client.streams[number] = stream
        if not self.send(message, msgpack.encode(number), None) or client.gone:
            gone()
            if stream.close(None):
                stream.produce()
            return
        if stream.take(None, 0):
            stream.produce()

    def _take(
        self, arguments: tuple[int, int], message: PortMessage, client: ConnectedClient
    ) -> Callable[[], object] | None:
        stream = client.streams.get(arguments[0])
        if stream is None:
            raise ValidationError("there is no such stream, or it has ended")
        return stream.produce if stream.take(message, arguments[1]) else None

    def _passed(
        self, arguments: tuple[int, int], message: PortMessage, client: ConnectedClient
    ) -> Callable[[], object] | None:
        stream = client.streams.get(arguments[0])
        if stream is None:
            return None
        return stream.produce if stream.take(None, arguments[1]) else None

    def _close(
        self, arguments: tuple[int], message: PortMessage, client: ConnectedClient
    ) -> Callable[[], object] | None:
        stream = client.streams.get(arguments[0])
        asked = None if message.is_datagram else message
        if stream is None:
            if asked is not None:
                self.send(message, msgpack.encode(None), None)
            return None
        return stream.produce if stream.close(asked) else None

    # The rest of what clients ask

    def _describe(self, _: tuple[()], message: PortMessage, client: ConnectedClient) -> None:
        docs = {name: method.doc for name, method in self.interface.methods.items()}
        self.send(message, msgpack.encode((self.description, self.interface.doc, docs)), None)

    def _json(
        self, arguments: tuple[str, bytes], message: PortMessage, client: ConnectedClient
    ) -> Callable[[], object]:
        name, text = arguments
        handler = self.handlers.by_name.get(name)
        if handler is None:
            raise self.handlers.refusal(bytes((1, len(name.encode()) & 0xFF)) + name.encode())
        if self.stopping:
            raise self._stopping_error()
        from ntipc.rpc.json_calls import run

        return partial(run, self, handler, text, message)

    def _next(self, _: tuple[()], message: PortMessage, client: ConnectedClient) -> None:
        client.channel.next(message)

    def _answer(self, arguments: tuple[int, bytes], message: PortMessage, client: ConnectedClient) -> None:
        client.channel.answer(*arguments, message.handles)

    # Ends

    def _withdrawn(self, number: int, client: ConnectedClient) -> None:
        if client.pending:
            self.loop().call_soon_threadsafe(_cancel, client, number)

    def ended(self, client: ConnectedClient) -> None:
        """A client is gone: end what runs for it."""
        client.gone = True
        client.channel.fail()
        if client.pending:
            self.loop().call_soon_threadsafe(_cancel_all, client)
        for number, stream in list(client.streams.items()):
            client.streams.pop(number, None)
            if stream.close(None):
                stream.produce()

    def cancel_all(self) -> None:
        """Cancel every task. Called in the loop."""
        for task in list(self.all_tasks):
            task.cancel()


def _cancel(client: ConnectedClient, number: int) -> None:
    task = client.tasks.get(number)
    if task is not None:
        task.cancel()


def _cancel_all(client: ConnectedClient) -> None:
    for number, task in list(client.tasks.items()):
        if number > 0:  # what was sent one way runs, as it would have if its sender had ended a little later
            task.cancel()


def _pid(message: PortMessage) -> int:
    pid: int = message.connection.peer.pid
    return pid
