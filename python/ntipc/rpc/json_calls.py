"""Calls with arguments and results as JSON, for the command line."""

from __future__ import annotations

import asyncio
import base64
import inspect
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import msgpack

from ntipc.rpc.codec import checked
from ntipc.rpc.current import CURRENT, CurrentCall, within
from ntipc.rpc.problems import ValidationError
from ntipc.rpc.travellers import conversion_of, dtype_of, is_array

if TYPE_CHECKING:
    from ntipc.ports import PortMessage
    from ntipc.rpc.dispatch import Dispatcher
    from ntipc.rpc.handlers import Handler


LOOK = 0.1
"""Seconds between two looks whether anybody still waits for what a loop does."""


def run(dispatcher: Dispatcher, handler: Handler, text: bytes, message: PortMessage) -> None:
    """Call a method with arguments as JSON, and answer with its result as JSON."""
    call = CurrentCall(message, handler.method)
    try:
        places, named = handler.codec.decode_arguments_json(text)
        bound = partial(handler.function, *places, **named)
        items = _Items(call, dispatcher.limits.max_argument) if handler.method.streams else None
        if handler.method.name in dispatcher.asynchronous or inspect.isasyncgenfunction(handler.function):
            data = _awaited(_call_async(call, bound, items), call, dispatcher)
        else:
            data = within(call, _call, bound, items)
        dispatcher.send(message, msgpack.encode(data), None)
    except BaseException as error:
        dispatcher.failed(error, handler, message)


def _call(bound: Callable[[], Any], items: _Items | None) -> bytes:
    result = bound()
    if items is None:
        return encode_json(result)
    try:
        for each in result:
            if not items.add(each):
                break
    finally:
        if (close := getattr(result, "close", None)) is not None:
            close()
    return items.whole()


async def _call_async(call: CurrentCall, bound: Callable[[], Any], items: _Items | None) -> bytes:
    CURRENT.set(call)
    result = bound()
    if inspect.isawaitable(result):
        result = await result
    if items is None:
        return encode_json(result)
    try:
        async for each in result:
            if not items.add(each):
                break
    finally:
        if (close := getattr(result, "aclose", None)) is not None:
            await close()
    return items.whole()


def _awaited(work: Coroutine[Any, Any, bytes], call: CurrentCall, dispatcher: Dispatcher) -> bytes:
    """Let the service's loop do something, as long as the caller waits."""
    future = asyncio.run_coroutine_threadsafe(work, dispatcher.loop())
    while True:
        try:
            return future.result(LOOK)
        except TimeoutError:
            if future.done():
                raise  # the method's own
            if call.cancelled:
                future.cancel()


class _Items:
    """The items of a stream as one list of JSON, which is no longer than an answer may be."""

    def __init__(self, call: CurrentCall, most: int) -> None:
        self._call = call
        self._most = most
        self._text = bytearray(b"[")

    def add(self, item: Any) -> bool:
        """Add an item; whether anybody wants more."""
        self._text += encode_json(item)
        self._text += b","
        if len(self._text) > self._most:
            raise ValidationError(f"the items have more than {self._most:,} bytes as JSON, and are not at their end")
        return not self._call.cancelled

    def whole(self) -> bytes:
        return bytes(self._text.removesuffix(b",")) + b"]"


def decode_json(text: bytes, kind: Any) -> Any:
    """Read a value from JSON: bytes are base64, arrays lists."""
    return msgspec.json.decode(text, type=kind, dec_hook=_checked)


def _checked(kind: Any, value: Any) -> Any:
    if isinstance(value, list) and is_array(getattr(kind, "__origin__", kind)):
        import numpy

        value = numpy.array(value, dtype_of(kind))
        if value.dtype.hasobject:
            raise ValidationError("an array's rows must be of one length, and its values of one type")
    return checked(kind, value)


def encode_json(value: Any) -> bytes:
    """Write a value as JSON."""
    return msgspec.json.encode(value, enc_hook=_hook)


def _hook(value: Any) -> Any:
    if isinstance(value, memoryview):
        return base64.b64encode(value).decode()
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic)):
        return value.tolist()
    found = conversion_of(type(value))
    return found.plain(value) if found is not None else str(value)
