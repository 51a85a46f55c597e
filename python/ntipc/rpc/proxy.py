"""Proxies: objects with the methods of an interface, which run somewhere else.

A method of a proxy is a function with the parameters of the interface's method, so Python itself checks what is given.
Optional arguments that are not given are not sent. Names of a proxy's own begin with an underscore, which those of
methods that can be called do not; what a program may do with a proxy are functions: :func:`with_timeout`,
:func:`close`.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from ntipc._runtime.deadlines import Deadline
from ntipc.errors import HandleClosed, PeerGone, Timeout
from ntipc.rpc.buffers import Luggage
from ntipc.rpc.client import Link, parts_of
from ntipc.rpc.failures import FAILURE, exception_of
from ntipc.rpc.handlers import UNSET, MethodCodec, codec_of
from ntipc.rpc.interface import Interface, Method, interface_of
from ntipc.rpc.problems import ValidationError
from ntipc.rpc.streams import AsyncStream, Stream
from ntipc.session.session import Session

T = TypeVar("T")


class Proxy:
    """What all proxies are."""

    __slots__ = ("__weakref__", "_ntipc_link", "_ntipc_timeout")

    _ntipc_link: Any
    _ntipc_timeout: float | None

    def __repr__(self) -> str:
        return f"<proxy for {self._ntipc_link.interface.title} at {self._ntipc_link.where}>"

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        close(self)

    def __reduce__(self) -> tuple[Any, ...]:
        link = self._ntipc_link
        if not isinstance(link, Link):
            raise TypeError("a proxy for an object of a client cannot be pickled")
        return _connect_pickled, (link.name, link.interface.kind, link.version, self._ntipc_timeout)


def _connect_pickled(name: str, kind: Any, version: Any, call_timeout: float | None) -> Any:
    return connect(name, kind, call_timeout=call_timeout, version=version)


def connect(
    name: str,
    interface: Callable[..., T],
    *,
    timeout: float | None = None,
    call_timeout: float | None = None,
    version: str | int | float | None = None,
    session: Session | str | None = None,
) -> T:
    """Connect to a service, and return an object with the methods of its interface.

    The proxy is free for all threads and tasks, and after a fork. Methods that are ``async def`` in the interface are
    awaited, whatever they are in the service, and the other way round.

    Args:
        name: The name of the service.
        interface: A class or Protocol with annotated methods; a type checker takes the proxy for one of it.
        timeout: Seconds to wait for the service to be there and accept; 0 to only look, ``None`` to wait for ever.
        call_timeout: Seconds that each call may take; ``None`` for as long as it takes. A server's death ends a call at
            once, whatever this says.
        version: The version that the service must state; ``None`` for any.
        session: The session, or its name; ``None`` for the default one.

    Returns:
        The proxy.

    Raises:
        Timeout: The service did not accept in time.
        ObjectNotFound: There is no such service, with ``timeout`` 0 or when the time is up.
        ConnectionRefused: It refused, or ended meanwhile.
        InterfaceMismatch: It lacks a method, or has another one; the text has both signatures. Or the versions differ.
        TypeError: ``interface`` is none: the text names the method.
    """
    Deadline(call_timeout)  # refuses what is no time
    link = Link(name, interface_of(interface), version, timeout, session)
    proxy: T = make_proxy(link, call_timeout)
    return proxy


@contextmanager
def connected(
    name: str,
    interface: Callable[..., T],
    *,
    timeout: float | None = None,
    call_timeout: float | None = None,
    version: str | int | float | None = None,
    session: Session | str | None = None,
) -> Iterator[T]:
    """Connect for a ``with`` block: :func:`connect`, and :func:`close` at its end."""
    proxy = connect(name, interface, timeout=timeout, call_timeout=call_timeout, version=version, session=session)
    try:
        yield proxy
    finally:
        close(proxy)


def with_timeout(proxy: T, seconds: float | None) -> T:
    """Return a proxy over the same connection whose calls may take so long.

    Where the interface has no method ``with_timeout``, ``proxy.with_timeout(seconds)`` is the same.

    Args:
        proxy: A proxy.
        seconds: For each call; ``None`` for as long as it takes.

    Raises:
        TypeError: It is no proxy.
    """
    Deadline(seconds)
    twin: T = make_proxy(_link_of(proxy), seconds)
    return twin


def close(proxy: object) -> None:
    """Close a proxy's connection: what it waits for ends with an error, and its streams end.

    Raises:
        TypeError: It is no proxy.
    """
    link = _link_of(proxy)
    if isinstance(link, Link):
        link.close()


def _link_of(proxy: object) -> Any:
    if not isinstance(proxy, Proxy):
        raise TypeError(f"{proxy!r} is no proxy of ntipc.rpc")
    return proxy._ntipc_link


def make_proxy(link: Any, timeout: float | None) -> Any:
    """Make a proxy that calls through a link."""
    kind = _class_of(link.interface)
    proxy = kind.__new__(kind)
    proxy._ntipc_link = link
    proxy._ntipc_timeout = timeout
    return proxy


_classes: weakref.WeakKeyDictionary[Interface, type[Proxy]] = weakref.WeakKeyDictionary()


def _class_of(interface: Interface) -> type[Proxy]:
    kind = _classes.get(interface)
    if kind is None:
        names: dict[str, Any] = {"__slots__": (), "__doc__": interface.doc}
        for each in ("with_timeout", "close"):
            if each not in interface.methods:
                names[each] = globals()[each]
        for name, method in interface.methods.items():
            public = "__call__" if method.function is None else name
            names[public] = _function(method, _invoker(codec_of(interface, name)))
        kind = type(f"{interface.title} proxy", (Proxy,), names)
        _classes[interface] = kind
    return kind


def _function(method: Method, invoke: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function with the parameters of a method, which passes them on as one tuple."""
    parameters, names = ["ntipc_self"], [parameter.name for parameter in method.parameters]
    if any(not name.isidentifier() or name.startswith("ntipc_") for name in names):
        raise TypeError(f"{method.name}: {names} cannot be names of parameters")
    places_only = sum(parameter.positional_only for parameter in method.parameters)
    for place, parameter in enumerate(method.parameters):
        if parameter.keyword_only and "*" not in parameters:
            parameters.append("*")
        parameters.append(parameter.name if parameter.required else f"{parameter.name}=ntipc_unset")
        if place + 1 == places_only:
            parameters.append("/")
    if places_only == 0:
        parameters.insert(1, "/")  # a parameter may be called as ours is
    passed = "".join(f"{name}, " for name in names)
    text = f"def {method.name}({', '.join(parameters)}):\n    return ntipc_invoke(ntipc_self, ({passed}))"
    scope: dict[str, Any] = {"ntipc_invoke": invoke, "ntipc_unset": UNSET}
    exec(text, scope)  # of names that are identifiers only
    function: Callable[..., Any] = scope[method.name]
    function.__doc__ = method.doc or None
    if method.function is not None:
        function.__wrapped__ = method.function  # type: ignore[attr-defined] # for inspect.signature and help()
    return function


def _invoker(codec: MethodCodec) -> Callable[[Proxy, tuple[Any, ...]], Any]:
    """Return what a method of a proxy does, by its kind."""
    method = codec.method
    if method.marks.one_way:
        return _one_way_async(codec) if method.is_async else _one_way(codec)
    if method.streams:
        return _stream_async(codec) if method.is_async else _stream(codec)
    return _call_async(codec) if method.is_async else _call(codec)


def _result(link: Any, codec: MethodCodec, data: bytes | memoryview, handles: Any) -> Any:
    if not len(data):
        raise ValidationError(f"{link.where} gave an empty answer")
    if data[0] == FAILURE:
        raise exception_of(data, link.declared, link.where)
    if not handles:
        return codec.decode_result(data)
    luggage = Luggage(handles)
    try:
        return codec.decode_result(data, luggage)
    finally:
        luggage.close()


def _call(codec: MethodCodec) -> Callable[[Proxy, tuple[Any, ...]], Any]:
    name, encode = codec.method.name, codec.encode_arguments

    read_result, is_plain, encode_plain_call = codec.read_result, codec.is_plain, codec.encode_plain_call

    def invoke(proxy: Proxy, values: tuple[Any, ...]) -> Any:
        link = proxy._ntipc_link
        if is_plain and (client := link.plain_client) is not None:
            data = encode_plain_call(values)
            if data is not None:
                try:
                    reply = client.call(data, proxy._ntipc_timeout)
                except (Timeout, PeerGone, HandleClosed, ConnectionError) as error:
                    reply = link.after_plain_call(codec, data, proxy._ntipc_timeout, error)
                if type(reply) is bytes and reply and reply[0] != FAILURE:
                    try:
                        return read_result(reply)
                    except Exception:
                        pass  # below it is said what is wrong
                if reply is not None:
                    return _result(link, codec, *parts_of(reply))
        target, fit = link.ready(name)
        data, packer = encode(values, fit, link.session, link.references)
        if packer is None:
            reply, handles = link.call(codec, target, data, proxy._ntipc_timeout, None)
        else:
            try:
                packer.pack()
                reply, handles = link.call(codec, target, data, proxy._ntipc_timeout, packer)
            finally:
                packer.release()
        return _result(link, codec, reply, handles)

    return invoke


def _call_async(codec: MethodCodec) -> Callable[[Proxy, tuple[Any, ...]], Any]:
    async def invoke(proxy: Proxy, values: tuple[Any, ...]) -> Any:
        link = proxy._ntipc_link
        target, fit = await link.ready_async(codec.method.name)
        data, packer = codec.encode_arguments(values, fit, link.session, link.references)
        try:
            if packer is not None:
                packer.pack()
            reply, handles = await link.call_async(codec, target, data, proxy._ntipc_timeout, packer)
        finally:
            if packer is not None:
                packer.release()
        return _result(link, codec, reply, handles)

    return invoke


def _one_way(codec: MethodCodec) -> Callable[[Proxy, tuple[Any, ...]], None]:
    def invoke(proxy: Proxy, values: tuple[Any, ...]) -> None:
        link = proxy._ntipc_link
        target, fit = link.ready(codec.method.name)
        data, packer = codec.encode_arguments(values, fit, link.session, link.references)
        try:
            if packer is not None:
                packer.pack()
            link.send(codec, target, data, proxy._ntipc_timeout, packer)
        finally:
            if packer is not None:
                packer.release()

    return invoke


def _one_way_async(codec: MethodCodec) -> Callable[[Proxy, tuple[Any, ...]], Any]:
    async def invoke(proxy: Proxy, values: tuple[Any, ...]) -> None:
        link = proxy._ntipc_link
        target, fit = await link.ready_async(codec.method.name)
        data, packer = codec.encode_arguments(values, fit, link.session, link.references)
        try:
            if packer is not None:
                packer.pack()
            await link.send_async(codec, target, data, proxy._ntipc_timeout, packer)
        finally:
            if packer is not None:
                packer.release()

    return invoke


def _stream(codec: MethodCodec) -> Callable[[Proxy, tuple[Any, ...]], Stream]:
    def invoke(proxy: Proxy, values: tuple[Any, ...]) -> Stream:
        link = proxy._ntipc_link
        target, fit = link.ready(codec.method.name)
        stream = Stream(link, codec, proxy._ntipc_timeout)
        data, packer = codec.encode_arguments(values, fit, link.session, link.references)
        try:
            if packer is not None:
                packer.pack()
            reply, _ = link.call(codec, target, data, proxy._ntipc_timeout, packer)
        finally:
            if packer is not None:
                packer.release()
        stream._opened(target, link.answer(reply))
        return stream

    return invoke


def _stream_async(codec: MethodCodec) -> Callable[[Proxy, tuple[Any, ...]], Any]:
    def invoke(proxy: Proxy, values: tuple[Any, ...]) -> AsyncStream:
        link = proxy._ntipc_link

        async def begin(stream: AsyncStream) -> None:
            target, fit = await link.ready_async(codec.method.name)
            data, packer = codec.encode_arguments(values, fit, link.session, link.references)
            try:
                if packer is not None:
                    packer.pack()
                reply, _ = await link.call_async(codec, target, data, proxy._ntipc_timeout, packer)
            finally:
                if packer is not None:
                    packer.release()
            stream._opened(target, link.answer(reply))

        return AsyncStream(link, codec, proxy._ntipc_timeout, begin)

    async def awaited(proxy: Proxy, values: tuple[Any, ...]) -> AsyncStream:
        stream = invoke(proxy, values)
        await stream._begin()
        return stream

    return awaited if codec.method.awaited_stream else invoke
