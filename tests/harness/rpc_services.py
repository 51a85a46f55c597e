"""Services and interfaces for the tests of procedure calls; other processes import them too."""

from __future__ import annotations

import asyncio
import datetime
import enum
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

import ntipc
from ntipc import rpc

if TYPE_CHECKING:
    from typing_extensions import Buffer  # noqa: F401


class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"


class Pair(NamedTuple):
    left: int
    right: str


@dataclass
class Point:
    x: int
    y: float = 0.5
    tags: list[str] = field(default_factory=list)
    next: Point | None = None


class Record(msgspec.Struct):
    name: str
    colour: Colour = Colour.RED


class Overdrawn(Exception):
    """Declared by being in the interface's module."""

    def __init__(self, account: str, missing: int) -> None:
        super().__init__(f"{account} lacks {missing}")
        self.account = account
        self.missing = missing


class Elsewhere(ValueError):
    """Made undeclared by hand: tests take it out of the module."""


class Listener(Protocol):
    def changed(self, key: str, value: int) -> int: ...


class AsyncListener(Protocol):
    async def changed(self, key: str, value: int) -> int: ...


class Everything:
    """A service with a method of each kind."""

    def __init__(self) -> None:
        self.log: list[Any] = []
        self.go = threading.Event()
        self.entered = threading.Semaphore(0)
        self.listener: Listener | None = None
        self.kept: Any = None

    def add(self, a: int, b: int = 10, *, factor: int = 1) -> int:
        """Add two numbers.

        The sum is multiplied by the factor.
        """
        return (a + b) * factor

    def only_places(self, a: int, b: int = 2, /) -> list[int]:
        return [a, b]

    def pid(self) -> int:
        return os.getpid()

    def caller(self) -> int:
        return rpc.current().peer.pid

    def echo_point(self, point: Point) -> Point:
        return point

    def echo_record(self, record: Record | None) -> Record | None:
        return record

    def echo_many(
        self,
        colours: set[Colour],
        when: datetime.datetime,
        pair: Pair,
        either: int | str,
        literal: Literal["a", "b"],
        deep: dict[str, list[tuple[int, float]]],
        number: complex = 0j,
    ) -> list[Any]:
        return [
            sorted(each.value for each in colours),
            when.isoformat(),
            list(pair),
            either,
            literal,
            deep,
            number.imag,
        ]

    def echo_bytes(self, data: bytes) -> bytes:
        return data

    def echo_bytearray(self, data: bytearray | None = None) -> bytearray | None:
        return data

    def echo_memory(self, data: memoryview) -> memoryview:
        self.log.append((data.readonly, len(data)))
        return data

    def echo_array(self, array: np.ndarray) -> np.ndarray:
        return array

    def total(self, array: NDArray[np.float64]) -> float:
        return float(array.sum())

    def keep(self, array: np.ndarray, data: memoryview) -> None:
        self.kept = array, data

    def set_event(self, event: ntipc.Event) -> ntipc.Event:
        event.set()
        return event

    def fail(self, which: str) -> None:
        if which == "key":
            raise KeyError("missing", 3)
        if which == "file":
            os.stat("/nonexistent/file")
        if which == "declared":
            raise Overdrawn("ann", 5)
        if which == "unicode":
            b"\xff".decode()
        if which == "group":
            raise ExceptionGroup("several", [ValueError(1), KeyError("k"), TypeError("t", 2)])
        if which == "notes":
            error = ValueError("noted")
            error.add_note("remember this")
            error.code = 17  # type: ignore[attr-defined]
            raise error
        if which == "exit":
            raise SystemExit(3)
        if which == "interrupt":
            raise KeyboardInterrupt
        if which == "timeout":
            raise ntipc.Timeout("the service's own", operation="Service.part")
        if which == "stop":
            raise StopIteration(5)
        if which == "unprintable":
            raise Unprintable
        raise undeclared("who knows")

    def wrong_result(self) -> int:
        return "a text"  # type: ignore[return-value]

    def wait(self) -> str:
        self.entered.release()
        self.go.wait(30)
        return "waited"

    def wait_cancelled(self) -> bool:
        """Run until nobody waits any more."""
        self.entered.release()
        call = rpc.current()
        end = time.monotonic() + 30
        while not call.cancelled and time.monotonic() < end:
            time.sleep(0.005)
        self.log.append("cancelled" if call.cancelled else "late")
        self.go.set()
        return True

    @rpc.one_way
    def note(self, text: str) -> None:
        self.log.append(text)
        if text == "fail":
            raise ValueError("nobody sees this")
        self.go.set()

    @rpc.idempotent
    def again(self, path: str) -> int:
        """Kill the server the first time it is called."""
        if not os.path.exists(path):
            open(path, "w").close()
            os.kill(os.getpid(), 9)
        return os.getpid()

    def die(self) -> None:
        os.kill(os.getpid(), 9)

    def count(self, n: int, pause: bool = False) -> Iterator[int]:
        try:
            for number in range(n):
                self.log.append(number)
                yield number
                if pause and number == 2:
                    self.entered.release()
                    self.go.wait(30)
        finally:
            self.log.append("finally")
            if pause:
                self.go.set()

    @rpc.ahead(3)
    def short(self, n: int) -> Iterator[int]:
        for number in range(n):
            self.log.append(number)
            yield number

    def failing_items(self) -> Iterator[int]:
        yield 1
        yield 2
        raise Overdrawn("bob", 7)

    def wrong_items(self) -> Iterator[int]:
        yield 1
        yield "two"  # type: ignore[misc]

    def listed(self) -> Iterator[Point]:
        return iter([Point(1), Point(2, tags=["t"])])

    def arrays(self, n: int) -> Iterator[np.ndarray]:
        for number in range(n):
            yield np.full(50_000, number)

    def endless_until_closed(self) -> Iterator[int]:
        call = rpc.current()
        self.entered.release()
        while not call.cancelled:
            time.sleep(0.005)
        self.log.append("saw it")
        self.go.set()
        yield 1

    def call_back(self, listener: Listener, times: int = 1) -> list[int]:
        return [listener.changed("key", number) for number in range(times)]

    def subscribe(self, listener: Listener | None) -> None:
        self.listener = listener

    def publish(self, value: int) -> int:
        assert self.listener is not None
        return self.listener.changed("published", value)

    def apply(self, function: Callable[[int, str], str], values: list[int]) -> list[str]:
        return [function(value, "x") for value in values]


class Slow:
    """A service with one thread, which tells who came in which order."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.order: list[str] = []

    def work(self, who: str) -> None:
        self.order.append(who)
        assert self.go.wait(20)

    def forked(self) -> int:
        child = os.fork()
        return os.waitpid(child, 0)[1] if child else 0

    def endless(self) -> Iterator[bytes]:
        while True:
            yield bytes(1000)


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def undeclared(text: str) -> Exception:
    return type("Hidden", (Exception,), {"__module__": "hidden.place"})(text)


class AsyncEverything:
    """The same, asynchronous, where that differs."""

    def __init__(self) -> None:
        self.log: list[Any] = []
        self.entered = threading.Semaphore(0)
        self.go = threading.Event()

    async def add(self, a: int, b: int = 10) -> int:
        await asyncio.sleep(0)
        return a + b

    async def caller(self) -> int:
        await asyncio.sleep(0.001)
        return rpc.current().peer.pid

    async def total(self, array: NDArray[np.float64]) -> float:
        return float(array.sum())

    async def sleep(self, seconds: float) -> float:
        self.entered.release()
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            self.log.append("cancelled")
            self.go.set()
            raise
        return seconds

    async def fail(self) -> None:
        raise Overdrawn("eve", 1)

    async def fail_group(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.fail())

    def plain(self, a: int) -> int:
        return a + 1

    @rpc.one_way
    async def note(self, text: str) -> None:
        await asyncio.sleep(0.01)
        self.log.append(text)
        self.go.set()

    async def count(self, n: int) -> AsyncIterator[int]:
        try:
            for number in range(n):
                self.log.append(number)
                yield number
                await asyncio.sleep(0)
        finally:
            self.log.append("finally")
            self.go.set()

    async def slow_items(self) -> AsyncIterator[int]:
        try:
            yield 1
            self.entered.release()
            await asyncio.sleep(60)
            yield 2
        finally:
            self.log.append("finally")
            self.go.set()

    async def call_back(self, listener: AsyncListener) -> int:
        return await listener.changed("key", 4)


class SyncView(Protocol):
    """What a synchronous client sees of :class:`AsyncEverything`."""

    def add(self, a: int, b: int = 0) -> int: ...
    def sleep(self, seconds: float) -> float: ...
    def count(self, n: int) -> Iterator[int]: ...
    def fail(self) -> None: ...


class AsyncView(Protocol):
    """What an asynchronous client sees of :class:`Everything`."""

    async def add(self, a: int, b: int = 0) -> int: ...
    async def wait(self) -> str: ...
    async def wait_cancelled(self) -> bool: ...
    async def fail(self, which: str) -> None: ...
    def count(self, n: int, pause: bool = False) -> AsyncIterator[int]: ...
    async def die(self) -> None: ...
    async def echo_array(self, array: np.ndarray) -> np.ndarray: ...
    async def apply(self, function: Callable[[int, str], str], values: list[int]) -> list[str]: ...
