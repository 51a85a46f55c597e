"""Fake services: what a test sets is what its program gets, with the checks of the real thing."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest
from harness.rpc_services import AsyncEverything, Everything, Overdrawn, Point
from harness.rpc_serving import quiet, run

import ntipc
from ntipc import rpc
from ntipc.testing import Call, answer, calls_of, fake


def test_answers_are_values_exceptions_or_functions() -> None:
    service = fake(Everything, add=5, pid=lambda: 7, fail=Overdrawn("x", 1), count=[1, 2, 3])
    assert service.add(1) == 5 and service.pid() == 7 and list(service.count(9)) == [1, 2, 3]
    with quiet(), pytest.raises(Overdrawn) as raised:
        service.fail("any")
    assert raised.value.missing == 1
    answer(service, "add", lambda a, b=0, factor=1: a + b)
    assert service.add(2, 3) == 5
    answer(service, "add", ntipc.Timeout("too late"))
    with quiet(), pytest.raises(ntipc.Timeout):
        service.add(1)


def test_calls_are_kept() -> None:
    service = fake(Everything, add=0)
    service.add(1, factor=2)
    service.note("one way")
    assert calls_of(service) == [Call("add", {"a": 1, "factor": 2}), Call("note", {"text": "one way"})]
    calls_of(service).clear()
    assert calls_of(service) == []


def test_the_checks_are_those_of_the_wire() -> None:
    service: Any = fake(Everything, add="text", echo_point=lambda point: point, fail=type("Own", (Exception,), {}))
    with quiet():
        with pytest.raises(rpc.ValidationError, match="argument 'a'"):
            service.add("1")
        with pytest.raises(rpc.ValidationError, match="the result"):
            service.add(1)
        with pytest.raises(rpc.RemoteError):
            service.fail("x")
    with pytest.raises(TypeError):
        service.add()
    point = Point(1, tags=["a"])
    assert service.echo_point(point) == point and service.echo_point(point) is not point


def test_what_has_no_answer_says_so() -> None:
    service = fake(Everything)
    with quiet(), pytest.raises(NotImplementedError, match="sets no answer for Everything.add"):
        service.add(1)
    assert service.note("x") is None and list(service.count(3)) == []
    with pytest.raises(AttributeError):
        fake(Everything, nothing=1)
    with pytest.raises(AttributeError):
        answer(service, "nothing", 1)
    for wrong in (3, Everything()):
        with pytest.raises(TypeError, match="no fake"):
            calls_of(wrong)


def test_arrays_objects_and_callbacks() -> None:
    service = fake(
        Everything,
        echo_array=lambda array: array * 2,
        apply=lambda function, values: [function(value, "x") for value in values],
        set_event=lambda event: event.set() or event,
    )
    array = np.arange(100_000)
    assert (service.echo_array(array) == 2 * array).all()
    assert service.apply(lambda number, text: text * number, [2]) == ["xx"]
    with ntipc.Event() as event, service.set_event(event) as same:
        assert event.wait(0) and same.identity == event.identity


def test_asynchronous_interfaces() -> None:
    async def later(a: int, b: int = 0) -> int:
        await asyncio.sleep(0.001)
        return a * 2

    async def items(n: int) -> Any:
        for number in range(n):
            yield number

    async def work() -> None:
        service = fake(AsyncEverything, add=later, sleep=1.5, count=[1, 2], fail=Overdrawn("y", 2))
        assert await service.add(4) == 8 and await service.sleep(3) == 1.5
        assert [each async for each in service.count(5)] == [1, 2]
        answer(service, "count", items)
        assert [each async for each in service.count(40)] == list(range(40))
        with quiet(), pytest.raises(Overdrawn):
            await service.fail()
        assert [call.method for call in calls_of(service)] == ["add", "sleep", "count", "count", "fail"]

    run(work())
