"""Calls with arguments and results as JSON, for the command line."""

from __future__ import annotations

import asyncio
import base64
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import msgpack

from ntipc.rpc.codec import checked
from ntipc.rpc.current import CurrentCall, within
from ntipc.rpc.problems import ValidationError
from ntipc.rpc.travellers import conversion_of, dtype_of, is_array

if TYPE_CHECKING:
    from ntipc.ports import PortMessage
    from ntipc.rpc.dispatch import Dispatcher
    from ntipc.rpc.handlers import Handler


def run(dispatcher: Dispatcher, handler: Handler, text: bytes, message: PortMessage) -> None:
    """Call a method with arguments as JSON, and answer with its result as JSON."""
    call = CurrentCall(message, handler.method)
    try:
        places, named = handler.codec.decode_arguments_json(text)
        result = within(call, partial(handler.function, *places, **named))
        if handler.method.name in dispatcher.asynchronous:
            result = asyncio.run_coroutine_threadsafe(result, dispatcher.loop()).result()
        if handler.method.streams:
            result = _collected(result, call, dispatcher)
        dispatcher.send(message, msgpack.encode(encode_json(result)), None)
    except BaseException as error:
        dispatcher.failed(error, handler, message)


def _collected(iterator: Any, call: CurrentCall, dispatcher: Dispatcher) -> list[Any]:
    """Take all items of a stream, as long as the caller waits."""

    async def collect() -> list[Any]:
        items = []
        async for each in iterator:
            items.append(each)
            if call.cancelled:
                break
        return items

    if hasattr(iterator, "__aiter__"):
        return asyncio.run_coroutine_threadsafe(collect(), dispatcher.loop()).result()
    items = []
    for each in iterator:
        items.append(each)
        if call.cancelled:
            break
    return items


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
