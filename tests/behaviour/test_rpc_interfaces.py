"""Interfaces: what annotations say, what is refused, and what fits what."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

import msgspec
import pytest
from harness.rpc_services import AsyncEverything, Everything, Point

from ntipc import rpc
from ntipc.rpc import interface
from ntipc.rpc.handlers import UNSET, Handlers, codec_of
from ntipc.rpc.interface import EXACT, fit, interface_of


def description(kind: type) -> dict[str, Any]:
    return msgspec.json.decode(msgspec.json.encode(interface_of(kind).description()))


def check(client: type, service: type) -> dict[str, Any]:
    return fit(interface_of(client), description(service), "s")


def test_string_annotations_and_local_classes_are_resolved() -> None:
    @dataclass
    class Local:
        a: int

    class Service:
        def get(self, key: str) -> Local:
            return Local(1)

    assert interface_of(Service).methods["get"].result is Local


def test_underscores_and_what_is_no_method_are_left_out() -> None:
    class Service:
        attribute = 3

        def _private(self, a: Any) -> None: ...
        def __str__(self) -> str:
            return ""

        @property
        def state(self) -> int:
            return 1

        @staticmethod
        def static(a: int) -> int:
            return a

        @classmethod
        def of_class(cls, a: int) -> int:
            return a

        def method(self) -> None: ...

    assert sorted(interface_of(Service).methods) == ["method", "of_class", "static"]
    assert interface_of(Service).methods["static"].signature == "static(a: int) -> int"


def test_signatures_are_shown_as_they_are_written() -> None:
    methods = interface_of(Everything).methods
    assert methods["add"].signature == "add(a: int, b: int = 10, *, factor: int = 1) -> int"
    assert methods["only_places"].signature == "only_places(a: int, b: int = 2, /) -> list[int]"
    assert methods["add"].doc == "Add two numbers.\n\nThe sum is multiplied by the factor."
    assert methods["count"].streams and not methods["count"].is_async
    assert interface_of(AsyncEverything).methods["count"].is_async


class NoAnnotation:
    def method(self, a) -> None: ...  # type: ignore[no-untyped-def]


class NoResult:
    def method(self, a: int): ...  # type: ignore[no-untyped-def]


class Several:
    def method(self, *items: int) -> None: ...


class Unknown:
    def method(self, a: Nowhere) -> None: ...  # type: ignore[name-defined] # noqa: F821


class Plain:
    pass


class Untravelled:
    def method(self, a: list[Plain]) -> None: ...


class OneWayResult:
    @rpc.one_way
    def method(self) -> int:
        return 1


class Items:
    def method(self) -> Iterator: ...  # type: ignore[type-arg]


class Callback(Protocol):
    def call(self) -> None: ...


class Returned:
    def method(self) -> Callback: ...


class Inside:
    def method(self, a: list[Callback]) -> None: ...


class BareCallable:
    def method(self, a: Callable) -> None: ...  # type: ignore[type-arg]


class Empty:
    pass


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (NoAnnotation, "NoAnnotation.method: parameter 'a' has no annotation"),
        (NoResult, "NoResult.method: its result has no annotation"),
        (Several, r"Several.method: \*items"),
        (Unknown, "Unknown.method: .*Nowhere"),
        (Untravelled, "Untravelled.method: parameter 'a': Plain cannot travel: make it a dataclass"),
        (OneWayResult, "OneWayResult.method: it is one way"),
        (Items, "Items.method: say of what type"),
        (Returned, "Returned.method: results travel by value"),
        (Inside, "Inside.method: parameter 'a': Callback cannot travel: .*argument itself"),
        (BareCallable, "needs its types"),
        (Empty, "Empty has no methods"),
        (3, "an interface is a class"),
    ],
)
def test_what_cannot_be_an_interface_is_refused_by_name(kind: Any, words: str) -> None:
    for _ in range(2):  # nothing half made is kept
        with pytest.raises(TypeError, match=words):
            interface_of(kind)


def test_annotations_are_inherited() -> None:
    class Declared(Protocol):
        @rpc.idempotent
        def method(self, a: int) -> int: ...

    class Service(Declared):
        def method(self, a):  # type: ignore[no-untyped-def]
            return a

    method = interface_of(Service).methods["method"]
    assert method.signature == "method(a: int) -> int" and method.marks.idempotent


class V1:
    def get(self, key: str) -> Point:
        return Point(1)

    def put(self, key: str, value: int) -> None: ...


class Added:
    def get(self, key: str, default: int = 0) -> Point:
        return Point(1)

    def put(self, key: str, value: int, *, force: bool = False) -> None: ...
    def more(self) -> None: ...


class Swapped:
    def get(self, key: str) -> Point:
        return Point(1)

    def put(self, value: int, key: str) -> None: ...


class OtherType:
    def get(self, key: int) -> Point:
        return Point(1)

    def put(self, key: str, value: int) -> None: ...


class Missing:
    def put(self, key: str, value: int) -> None: ...


class Required:
    def get(self, key: str, more: int) -> Point:
        return Point(1)

    def put(self, key: str, value: int) -> None: ...


class Streams:
    def get(self, key: str) -> Iterator[Point]:
        yield Point(1)

    def put(self, key: str, value: int) -> None: ...


class OneWay:
    def get(self, key: str) -> Point:
        return Point(1)

    @rpc.one_way
    def put(self, key: str, value: int) -> None: ...


class SameByOtherNames:
    async def get(self, key: str) -> Twin:
        return Twin(1)

    async def put(self, key: str, value: int) -> None: ...


@dataclass
class Twin:
    x: int
    y: float = 1.0
    tags: list[str] | None = None


def test_added_methods_and_optional_arguments_fit_both_ways() -> None:
    assert check(V1, Added) == {"get": EXACT, "put": EXACT}

    class New(Added):
        more = None  # type: ignore[assignment]

    how = check(New, V1)
    assert how["put"].unknown == {"force"}
    codec = codec_of(interface_of(New), "put")
    handlers = Handlers(V1(), interface_of(V1))
    data, _ = codec.encode_arguments(("k", 1, UNSET), how["put"], None, None)
    assert handlers.find(data).codec.decode_arguments(data, None, None) == ([], {"key": "k", "value": 1})
    with pytest.raises(TypeError, match="has no argument 'force'"):
        codec.encode_arguments(("k", 1, True), how["put"], None, None)


def test_swapped_arguments_go_by_name() -> None:
    how = check(V1, Swapped)["put"]
    data, _ = codec_of(interface_of(V1), "put").encode_arguments(("k", 7), how, None, None)
    handler = Handlers(Swapped(), interface_of(Swapped)).find(data)
    assert handler.codec.decode_arguments(data, None, None) == ([], {"key": "k", "value": 7})


@pytest.mark.parametrize(
    ("service", "words"),
    [
        (OtherType, r"method 'get'.*get\(key: str\) -> Point, the service has get\(key: int\) -> Point.*'key'"),
        (Missing, "no method 'get'"),
        (Required, r"get\(key: str\) -> Point, the service has get\(key: str, more: int\) -> Point.*needs .*'more'"),
        (Streams, "only one of them streams"),
        (OneWay, "only one of them is one way"),
    ],
)
def test_what_differs_is_named_with_both_signatures(service: type, words: str) -> None:
    with pytest.raises(rpc.InterfaceMismatch, match=words):
        check(V1, service)


def test_dataclasses_are_compared_by_their_fields() -> None:
    with pytest.raises(rpc.InterfaceMismatch, match="the results differ"):
        check(V1, SameByOtherNames)

    @dataclass
    class Other:
        a: int

    @dataclass
    class Another:
        a: int

    class One:
        def get(self) -> Other: ...  # type: ignore[empty-body]

    class Two:
        async def get(self) -> Another: ...  # type: ignore[empty-body]

    assert check(One, Two) == {"get": EXACT}
    assert interface_of(One).digest == interface_of(Two).digest


def test_constraints_are_part_of_the_shape() -> None:
    class Wide:
        def get(self, a: int) -> None: ...

    class Narrow:
        def get(self, a: Annotated[int, msgspec.Meta(ge=0)]) -> None: ...

    with pytest.raises(rpc.InterfaceMismatch):
        check(Wide, Narrow)
    with pytest.raises(rpc.ValidationError, match="argument 'a'"):
        codec_of(interface_of(Narrow), "get").encode_arguments((-1,), EXACT, None, None)


def test_registered_types_travel() -> None:
    class Money:
        def __init__(self, cents: int) -> None:
            self.cents = cents

    class Shop:
        def price(self, of: list[Money]) -> Money:
            return of[0]

    with pytest.raises(TypeError, match="Money cannot travel"):
        interface_of(Shop)
    rpc.register(Money, lambda money: money.cents, Money)
    codec = codec_of(interface_of(Shop), "price")
    data, _ = codec.encode_arguments(([Money(5)],), EXACT, None, None)
    assert codec.decode_arguments(data, None, None)[0][0][0].cents == 5


def test_marks_refuse_nonsense() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        rpc.ahead(0)
    with pytest.raises(TypeError, match="no class of exceptions"):
        rpc.raises(int)  # type: ignore[arg-type]


def test_awaited_streams_are_told_apart() -> None:
    class Service(Protocol):
        def direct(self) -> AsyncIterator[int]: ...
        async def awaited(self) -> AsyncIterator[int]: ...

    methods = interface_of(Service).methods
    assert not methods["direct"].awaited_stream and methods["awaited"].awaited_stream


def test_no_thread_sees_an_interface_that_another_has_read_half_of(monkeypatch: pytest.MonkeyPatch) -> None:
    class Service:
        def one(self) -> int: ...
        def two(self) -> int: ...

    begun, go_on = threading.Event(), threading.Event()
    read = interface._method

    def read_slowly(*arguments: Any) -> Any:
        begun.set()
        assert go_on.wait(20)
        return read(*arguments)

    def look() -> None:
        seen.append(list(interface_of(Service).methods))

    monkeypatch.setattr(interface, "_method", read_slowly)
    seen: list[list[str]] = []
    threads = [threading.Thread(target=look) for _ in range(2)]
    threads[0].start()
    assert begun.wait(20)
    threads[1].start()
    threads[1].join(0.1)  # it would return at once
    go_on.set()
    for thread in threads:
        thread.join()
    assert seen == [["one", "two"]] * 2


def test_an_interface_that_cannot_be_read_leaves_nothing_half_read() -> None:
    class Listener(Protocol):
        def hear(self, listener: Listener) -> int: ...
        def wrong(self) -> object: ...

    class Service:
        def subscribe(self, listener: Listener) -> None: ...

    for _ in range(2):
        with pytest.raises(TypeError, match="Listener.wrong"):
            interface_of(Service)
    assert not interface._unfinished
