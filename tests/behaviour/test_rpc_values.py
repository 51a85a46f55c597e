"""Values across: each type comes back as it was, what does not fit is named, and what is forged is refused."""

from __future__ import annotations

import datetime
import gc
import random
from typing import Any

import msgspec
import numpy as np
import pytest
from harness.rpc_services import Colour, Everything, Pair, Point, Record

import ntipc
from ntipc.rpc import ValidationError
from ntipc.rpc.buffers import LARGE, SECTIONS, Luggage
from ntipc.rpc.handlers import BY_NAME, BY_PLACE, UNSET, Handlers, codec_of, prefix_of
from ntipc.rpc.interface import EXACT, interface_of

INTERFACE = interface_of(Everything)
HANDLERS = Handlers(Everything(), INTERFACE)


def across(method: str, *values: Any) -> Any:
    """What arrives of arguments that travel through a queue."""
    data, packer = codec_of(INTERFACE, method).encode_arguments(values, EXACT, None, None)
    queue = ntipc.Queue()
    queue.put(data, handles=packer.pack() if packer else None)
    if packer:
        packer.release()
    message = queue.receive()
    luggage = Luggage(message.objects)
    places, named = HANDLERS.find(message.data).codec.decode_arguments(message.data, luggage, None)
    luggage.close()
    assert not named
    return places[0] if len(places) == 1 else places


def test_plain_types_come_back_as_they_were() -> None:
    point = Point(1, 2.5, ["a"], Point(3))
    assert across("echo_point", point) == point
    assert across("echo_record", Record("r", Colour.GREEN)) == Record("r", Colour.GREEN)
    assert across("echo_record", None) is None
    when = datetime.datetime(2023, 1, 2, 3, 4, 5, 6, tzinfo=datetime.UTC)
    values = ({Colour.RED}, when, Pair(1, "r"), "either", "b", {"k": [(1, 2.0)]}, 3 + 4j)
    assert tuple(across("echo_many", *values)) == values


@pytest.mark.parametrize("size", [0, 1, 100, LARGE - 1, LARGE, 3 * LARGE + 1])
def test_buffers_come_back_as_what_the_annotation_says(size: int) -> None:
    data = random.Random(size).randbytes(size)
    for given in data, bytearray(data), memoryview(data), np.frombuffer(data, np.uint8):
        assert across("echo_bytes", given) == data and type(across("echo_bytes", given)) is bytes
    assert across("echo_bytearray", data) == data and type(across("echo_bytearray", data)) is bytearray
    memory = across("echo_memory", data)
    assert type(memory) is memoryview and memory.readonly and memory == data
    assert across("echo_memory", memoryview(data)[::2]) == data[::2]
    assert across("echo_bytearray", None) is None


ARRAYS = [
    np.arange(10),
    np.arange(100_000, dtype=np.float64).reshape(100, 1000),
    np.arange(100_000, dtype=np.int32).reshape(50, 50, 40).transpose(2, 0, 1),
    np.asfortranarray(np.arange(200_000).reshape(400, 500)),
    np.arange(24)[::3],
    np.zeros((0, 5)),
    np.array(7.5),
    np.zeros((3, 0, 2), order="F"),
    np.array(["x", "yy"]),
    np.array([b"x", b"yy"]),
    np.array([True, False]),
    np.array([1 + 2j]),
    np.array(["2023-01-01"], dtype="datetime64[D]"),
    np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
    np.arange(6, dtype=">i2"),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}-{array.shape}")
def test_arrays_come_back_equal_and_can_only_be_read(array: np.ndarray) -> None:
    arrived = across("echo_array", array)
    assert arrived.dtype == array.dtype and arrived.shape == array.shape
    assert (arrived == array).all()
    assert not arrived.flags.writeable


def test_arrays_are_checked_against_their_dtype() -> None:
    with pytest.raises(ValidationError, match="array` of float64, got one of int64 - at argument 'array'"):
        across("total", np.arange(3))
    with pytest.raises(ValidationError, match="Expected `array`, got `list`"):
        across("echo_array", [1, 2])
    with pytest.raises(ValidationError, match="Python objects cannot travel"):
        across("echo_array", np.array([object()]))


def test_what_is_kept_never_changes_and_memory_is_used_again() -> None:
    kept = [across("echo_array", np.full(LARGE, number)) for number in range(5)]
    for number, array in enumerate(kept):
        assert (array == number).all()
    assert len(SECTIONS._free) == 5
    del array, kept
    gc.collect()
    for _ in range(10):
        across("echo_array", np.zeros(LARGE))
    assert len(SECTIONS._free) == 5, "new sections were made although old ones were free"


def test_objects_of_the_session_travel() -> None:
    event = ntipc.Event()
    arrived = across("set_event", event)
    assert arrived.identity == event.identity
    with pytest.raises(ValidationError, match="Expected `Event`, got `Mutex`"):
        across("set_event", ntipc.Mutex())


WRONG = [
    ("add", ("1", UNSET, UNSET), "Expected `int`, got `str` - at argument 'a'"),
    ("add", (1, None, UNSET), "Expected `int`, got `None` - at argument 'b'"),
    ("add", (2**64, 1, UNSET), "ints"),
    ("add", (True, UNSET, UNSET), "Expected `int`, got `bool`"),
    ("echo_point", (Point("x"),), "Expected `int`, got `str` - at argument 'point'"),  # type: ignore[arg-type]
    ("echo_point", (object(),), "a value of type object cannot travel"),
    ("echo_bytes", ("text",), "Expected `bytes`, got `str` - at argument 'data'"),
]


@pytest.mark.parametrize(("method", "values", "words"), WRONG)
def test_wrong_values_are_refused_where_they_are(method: str, values: tuple[Any, ...], words: str) -> None:
    with pytest.raises(ValidationError, match=words) as raised:
        across(method, *values)
    assert isinstance(raised.value, TypeError) and isinstance(raised.value, ValueError)
    assert str(raised.value).startswith(f"Everything.{method}: ")


def test_what_is_nested_too_deeply_is_refused() -> None:
    point = Point(1)
    for _ in range(100_000):
        point = Point(1, next=point)
    with pytest.raises(ValidationError, match="nested too deeply"):
        across("echo_point", point)
    while point.next is not None:  # taking it apart level by level needs no deep stack
        point = point.next
    data = prefix_of("echo_many") + b"\x91" * 100_000
    with pytest.raises(ValidationError):
        HANDLERS.find(data).codec.decode_arguments(data, None, None)


def frame(method: str, *values: Any, how: int = BY_PLACE) -> bytes:
    return prefix_of(method, how) + msgspec.msgpack.encode(values)


FORGED = [
    prefix_of("add"),
    prefix_of("add") + b"\x93\x01",
    prefix_of("add") + b"\xdd\xff\xff\xff\xff",
    prefix_of("add") + b"\xdc\xff\xff",
    prefix_of("add") + b"\xc1",
    frame("add"),
    frame("add", 1, 2, 3, 4),
    frame("add", 1) + b"more",
    frame("add", {"a": 1}, how=BY_NAME),
    prefix_of("add", BY_NAME) + msgspec.msgpack.encode({"b": 1}),
    prefix_of("add", BY_NAME) + msgspec.msgpack.encode({"a": 1, "c": 1}),
    prefix_of("add", BY_NAME) + msgspec.msgpack.encode({1: 1}),
    frame("echo_array", msgspec.msgpack.Ext(1, b"")),
    frame("echo_array", msgspec.msgpack.Ext(1, b"\xff\xff")),
    *(
        frame("echo_array", msgspec.msgpack.Ext(1, len(head).to_bytes(2, "big") + head + b"x" * 8))
        for head in map(
            msgspec.msgpack.encode,
            [
                ("<i8", (2,), False, -1, 8),
                ("<i8", (-1,), False, -1, 8),
                ("<i8", (2**40, 2**40), False, -1, 8),
                ("|O", (1,), False, -1, 8),
                ("O", (1,), False, -1, 8),
                ("f8,O", (1,), False, -1, 8),
                ([("a", "|O")], (1,), False, -1, 8),
                ([("a", "<i4"), ("a", "<i4")], (1,), False, -1, 8),
                ("<i8", (1,) * 40, False, -1, 8),
                ("<i8", (1,), False, 0, 8),
                ("<V999999", (0,), False, -1, 8),
                ("<i8", (1,), False, -1, 2**62),
            ],
        )
    ),
    frame("echo_memory", msgspec.msgpack.Ext(2, msgspec.msgpack.encode((0, 10)))),
    frame("echo_memory", msgspec.msgpack.Ext(2, b"\xc1")),
    frame("echo_memory", msgspec.msgpack.Ext(2, msgspec.msgpack.encode((0,)))),
    frame("echo_memory", msgspec.msgpack.Ext(99, b"")),
    frame("set_event", msgspec.msgpack.Ext(3, msgspec.msgpack.encode((0,)))),
    frame("set_event", msgspec.msgpack.Ext(3, msgspec.msgpack.encode((-1,)))),
    frame("call_back", msgspec.msgpack.Ext(4, msgspec.msgpack.encode((1,)))),
    frame("call_back", 1),
]


@pytest.mark.parametrize("data", FORGED, ids=lambda data: data[2:40].hex())
def test_forged_requests_are_refused(data: bytes) -> None:
    with pytest.raises(ValidationError):
        codec = HANDLERS.find(data).codec
        codec.decode_arguments(data, Luggage(), None)


def test_forged_memory_is_refused() -> None:
    section, event = ntipc.Section(size=100), ntipc.Event()
    reserved = ntipc.Section(size=1 << 20, reserve=True)
    for handles, places in [
        ([section], (0, 101)),
        ([section], (101, 0)),
        ([section], (-1, 5)),
        ([section], (5, -1)),
        ([section], (2**63, 2**63)),
        ([event], (0, 1)),
        ([reserved], (0, 1)),
        ([], (0, 1)),
    ]:
        twins = [handle.duplicate() for handle in handles]
        data = frame("echo_memory", msgspec.msgpack.Ext(2, msgspec.msgpack.encode(places)))
        with pytest.raises(ValidationError):
            HANDLERS.find(data).codec.decode_arguments(data, Luggage(twins), None)


def test_files_are_no_memory_for_buffers(tmp_path: Any) -> None:
    (tmp_path / "file").write_bytes(b"x" * 1000)
    section = ntipc.Section(file=tmp_path / "file", access="r")
    data = frame("echo_memory", msgspec.msgpack.Ext(2, msgspec.msgpack.encode((0, 1000))))
    with pytest.raises(ValidationError, match="not of files"):
        HANDLERS.find(data).codec.decode_arguments(data, Luggage([section]), None)


def test_more_than_the_limit_is_refused_with_both_numbers() -> None:
    codec = codec_of(INTERFACE, "echo_memory")
    data, packer = codec.encode_arguments((b"x" * 500_000,), EXACT, None, None)
    assert packer is not None
    twins = [handle.duplicate() for handle in packer.pack()]
    with pytest.raises(ValidationError, match="500,000 bytes; the service takes 400,000"):
        codec.decode_arguments(data, Luggage(twins, 400_000), None)


def test_random_requests_never_raise_anything_else() -> None:
    generator = random.Random(5)
    whole = [codec.prefix for codec in (codec_of(INTERFACE, name) for name in INTERFACE.methods)]
    for _ in range(5000):
        data = generator.choice(whole) + generator.randbytes(generator.randrange(30))
        try:
            HANDLERS.find(data).codec.decode_arguments(data, Luggage(), None)
        except ValidationError:
            pass


def test_names_that_cannot_be_called_are_refused() -> None:
    for name, words in [("_secret", "underscore"), ("__init__", "underscore"), ("nothing", "no method 'nothing'")]:
        with pytest.raises(AttributeError, match=words):
            HANDLERS.find(frame(name))
    for data in (b"", b"\x01", b"\x01\x05add", b"\x07\x03add\x90", b"\x02"):
        with pytest.raises(ValidationError, match="no call of a method"):
            HANDLERS.find(data)
