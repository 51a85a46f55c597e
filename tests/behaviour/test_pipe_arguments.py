"""Impossible arguments of the calls of pipes are refused in words, and nothing is done."""

from typing import Any

import pytest

import ntipc


@pytest.fixture(params=["message", "byte"])
def ends(request: pytest.FixtureRequest) -> tuple[ntipc.Pipe, ntipc.Pipe]:
    """The two ends of a pipe that keeps the bounds of messages, and of one that does not."""
    return ntipc.create_pipe(mode=request.param, duplex=True)


@pytest.mark.parametrize("data", [[5], [[1, 2]], [b"a", None], ["text"], "text", 5, None])
def test_what_is_no_bytes_is_not_written(data: object, ends: tuple[ntipc.Pipe, ntipc.Pipe]) -> None:
    here, there = ends
    for call in (there.write, there.send):
        with pytest.raises(TypeError):
            call(data, 0)  # type: ignore[arg-type]
    with pytest.raises(ntipc.Timeout):
        here.recv(0)


@pytest.mark.parametrize("size", [-1, -(2**70)])
def test_negative_sizes_are_refused(size: int, ends: tuple[ntipc.Pipe, ntipc.Pipe]) -> None:
    here, there = ends
    there.send(b"stays")
    for call in (here.read, here.peek):
        with pytest.raises(ntipc.InvalidParameter, match="size"):
            call(size)
    assert here.recv(0) == b"stays"


def test_sizes_may_be_larger_than_anything(ends: tuple[ntipc.Pipe, ntipc.Pipe]) -> None:
    here, there = ends
    there.send(b"all")
    assert here.peek(2**70).data == here.read(2**70) == b"all"


@pytest.mark.parametrize(("wrong", "refusal"), [(float("nan"), ValueError), ("5", TypeError), ([], TypeError)])
def test_timeouts_that_are_no_numbers_are_refused_everywhere(wrong: Any, refusal: type[Exception]) -> None:
    with ntipc.PipeServer("p") as server, ntipc.PipeClient("p") as client, server.accept() as pipe:
        for call in (
            lambda: server.accept(wrong),
            lambda: ntipc.PipeClient("p", timeout=wrong),
            lambda: ntipc.wait_for_pipe("p", wrong),
            lambda: ntipc.call_pipe("p", b"", wrong),
            lambda: client.transact(b"", wrong),
            lambda: client.send(b"", wrong),
            lambda: client.recv(wrong),
            lambda: client.flush(wrong),
        ):
            with pytest.raises(refusal, match="timeout must be a number of seconds or None"):
                call()
        assert server.info()["instances"] == 2 and not pipe.wait(0)


def test_arguments_of_other_types_are_refused_in_words() -> None:
    for wrong in (["r"], 1, b"r"):
        with pytest.raises(TypeError, match="access must be a str"):
            ntipc.PipeClient("p", access=wrong)  # type: ignore[arg-type]
    for late in ("1", None, [1]):
        with pytest.raises(TypeError, match="default_wait must be a number"):
            ntipc.PipeServer("p", default_wait=late)  # type: ignore[arg-type]


def test_timeouts_may_be_longer_than_any_float() -> None:
    server = ntipc.PipeServer("p")
    client = ntipc.PipeClient("p", timeout=10**400)
    pipe = server.accept(10**400)
    assert pipe.connected
    with pytest.raises(ntipc.Timeout):
        client.transact(b"", -(10**400))


def test_flush_waits_for_what_another_handle_of_the_same_end_wrote() -> None:
    with ntipc.PipeServer("p") as server, ntipc.PipeClient("p") as client:
        client.flush(timeout=0)  # nothing was written, whether or not the server has noticed its client
        with server.accept() as pipe:
            for end, other in ((client, pipe), (pipe, client)):
                with end.duplicate() as twin:
                    twin.send(b"unread")
                    with pytest.raises(ntipc.Timeout):
                        end.flush(timeout=0)
                    other.recv(0)
                    end.flush(timeout=0)
