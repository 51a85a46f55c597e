"""Fake services: what a test gives its program instead of a proxy, with the same checks as between processes.

>>> from ntipc.testing import answer, calls_of, fake
>>> class Rates:
...     def rate(self, currency: str) -> float:
...         raise NotImplementedError
>>> rates = fake(Rates, rate=1.08)
>>> rates.rate("EUR")
1.08
>>> answer(rates, "rate", KeyError("XYZ"))
>>> rates.rate("XYZ")
Traceback (most recent call last):
KeyError: 'XYZ'
>>> [call.arguments for call in calls_of(rates)]
[{'currency': 'EUR'}, {'currency': 'XYZ'}]
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple, TypeVar

from ntipc.objects.object import NtObject
from ntipc.rpc.dispatch import ConnectedClient, Dispatcher, Limits
from ntipc.rpc.failures import FAILURE, exception_of
from ntipc.rpc.interface import EXACT, Fit, Interface, Method, interface_of
from ntipc.rpc.proxy import Proxy, make_proxy
from ntipc.session.peers import NOBODY

T = TypeVar("T")


class Call(NamedTuple):
    """A call that a fake has got.

    Attributes:
        method: The method's name.
        arguments: What was given, by name; optional arguments that were not given are missing.
    """

    method: str
    arguments: dict[str, Any]


def fake(interface: Callable[..., T], **answers: Any) -> T:
    """Make an object with an interface's methods that answers as a test says, and keeps the calls.

    Arguments and answers travel as they would between processes: what does not fit its annotation raises
    :class:`ntipc.rpc.ValidationError`, an undeclared exception arrives as :class:`ntipc.rpc.RemoteError`, and what
    arrives is a copy.

    Args:
        interface: A class or Protocol with annotated methods.
        answers: For a method's name, what it returns; for a stream, the items; an exception to raise; or a function
            that gets the arguments and does either. Methods without an answer return ``None``, or no items, if that
            fits their annotation, and raise ``NotImplementedError`` otherwise.

    Raises:
        TypeError: ``interface`` is none.
        AttributeError: There is an answer for a method that it does not have.
    """
    made = _FakeLink(interface_of(interface))
    for name, value in answers.items():
        made.set_answer(name, value)
    result: T = make_proxy(made, None)
    return result


def answer(fake: object, method: str, answer: Any) -> None:
    """Set what a method of a fake answers from now on, as :func:`fake` takes it.

    Raises:
        AttributeError: The interface has no such method.
        TypeError: The object is no fake.
    """
    _link_of(fake).set_answer(method, answer)


def calls_of(fake: object) -> list[Call]:
    """Return the calls that a fake has got, in their order. Clearing the list forgets them.

    Raises:
        TypeError: The object is no fake.
    """
    return _link_of(fake).calls


def _link_of(fake: object) -> _FakeLink:
    link = fake._ntipc_link if isinstance(fake, Proxy) else None
    if not isinstance(link, _FakeLink):
        raise TypeError(f"{fake!r} is no fake of ntipc.testing")
    return link


_NOTHING = object()


class _Answers:
    """The service behind a fake: each method notes the call and does what the test said."""

    def __init__(self, link: _FakeLink) -> None:
        self._link = link

    def __getattr__(self, name: str) -> Callable[..., Any]:
        link = self._link
        method = link.interface.methods[name]

        def run(*places: Any, **named: Any) -> Any:
            names = [parameter.name for parameter in method.parameters]
            link.calls.append(Call(name, {**dict(zip(names, places, strict=False)), **named}))
            return link.result(method, places, named)

        async def run_async(*places: Any, **named: Any) -> Any:
            result = run(*places, **named)
            return await result if inspect.isawaitable(result) else result

        return run_async if method.is_async and not method.streams else run


class _FakeLink:
    """What a fake's proxy calls through: the same way as to a service, within this process."""

    def __init__(self, interface: Interface) -> None:
        self.interface = interface
        self.calls: list[Call] = []
        self.answers: dict[str, Any] = {}
        self.session = None
        self.declared = interface.exceptions
        self.where = "a fake"
        self.references = _SameObjects()
        self.is_connected = True
        self.plain_client = None
        self.peer = NOBODY
        self._dispatcher = Dispatcher("fake", _Answers(self), interface, Limits(), asyncio.get_running_loop)
        self._client = ConnectedClient(self._dispatcher, "a test")
        self._client.references = self.references  # type: ignore[assignment]
        self.context = self._client

    def set_answer(self, name: str, value: Any) -> None:
        if name not in self.interface.methods:
            raise AttributeError(f"{self.interface.title} has no method {name!r}")
        self.answers[name] = value

    def result(self, method: Method, places: tuple[Any, ...], named: dict[str, Any]) -> Any:
        value = self.answers.get(method.name, _NOTHING)
        if isinstance(value, BaseException) or (isinstance(value, type) and issubclass(value, BaseException)):
            raise value
        if value is _NOTHING:
            if method.streams:
                return iter(())
            if method.result in (None, type(None)):
                return None
            raise NotImplementedError(f"the test sets no answer for {self.interface.title}.{method.name}")
        return value(*places, **named) if callable(value) else value

    def ready(self, name: str) -> tuple[_FakeLink, Fit]:
        return self, EXACT

    async def ready_async(self, name: str) -> tuple[_FakeLink, Fit]:
        return self, EXACT

    def call(
        self, codec: Any, target: Any, data: bytes, timeout: float | None, packer: Any
    ) -> tuple[bytes, Sequence[NtObject]]:
        message = self._run(data, packer)
        if not message.answered.done():
            raise RuntimeError(f"{codec.where} of a fake has no answer: an asynchronous one has to be awaited")
        return message.answered.result()

    async def call_async(
        self, codec: Any, target: Any, data: bytes, timeout: float | None, packer: Any
    ) -> tuple[bytes, Sequence[NtObject]]:
        return await asyncio.wrap_future(self._run(data, packer).answered)

    def send(self, codec: Any, target: Any, data: bytes, timeout: float | None, packer: Any) -> None:
        self._run(data, packer, is_datagram=True)

    async def send_async(self, codec: Any, target: Any, data: bytes, timeout: float | None, packer: Any) -> None:
        self._run(data, packer, is_datagram=True)

    def tell(self, client: Any, data: bytes, *, surely: bool) -> None:
        self._run(data, None, is_datagram=True)

    def check(self, client: Any, where: str) -> None:
        """Do nothing: there is one connection."""

    def answer(self, data: bytes | memoryview) -> bytes | memoryview:
        """Return an answer that is none of a failure."""
        if data[0] == FAILURE:
            raise exception_of(data, self.declared, self.where)
        return data

    def _run(self, data: bytes, packer: Any, *, is_datagram: bool = False) -> _Message:
        handles = [each.duplicate() for each in packer.handles] if packer is not None else []
        message = _Message(self, data, handles, is_datagram=is_datagram)
        prepared = self._dispatcher.prepare(message)  # type: ignore[arg-type]
        if prepared is not None:
            prepared[0](*prepared[1])
        return message


class _Message:
    """A request within this process."""

    is_closed = is_withdrawal = is_withdrawn = False
    id = 1

    def __init__(self, link: _FakeLink, data: bytes, handles: Sequence[NtObject], *, is_datagram: bool) -> None:
        self.connection = link
        self.data = data
        self.handles = handles
        self.is_datagram = is_datagram
        self.answered: Future[tuple[bytes, Sequence[NtObject]]] = Future()

    def reply(self, data: bytes, handles: Sequence[NtObject] = ()) -> None:
        self.answered.set_result((data, [each.duplicate() for each in handles]))


class _SameObjects:
    """Arguments that travel by reference are the objects themselves."""

    def __init__(self) -> None:
        self._objects: list[object] = []

    def export(self, thing: object, interface: Interface) -> int:
        self._objects.append(thing)
        return len(self._objects) - 1

    def arrived(self, number: int, interface: Interface) -> object:
        return self._objects[number]
