"""Services from a shell."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from harness.peers import Peer
from harness.rpc_serving import quiet, serve_in, serving
from harness.waiting import wait_until

import ntipc
from ntipc import rpc


def command(*arguments: str, text: str = "") -> "subprocess.CompletedProcess[str]":
    whole = [sys.executable, "-m", "ntipc", "rpc", *arguments]
    return subprocess.run(whole, input=text, capture_output=True, text=True, timeout=50)


@pytest.fixture
def service() -> Iterator[Any]:
    with quiet(), serving(version="1.4") as served:
        yield served


def call(method: str, arguments: str = "[]", *options: str) -> Any:
    done = command("call", "s", method, arguments, *options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_list_shows_services_that_live(service: Any, peer: Peer) -> None:
    serve_in(peer, "AsyncEverything()", "other")
    listed = json.loads(command("list", "--json").stdout)
    assert [(each["name"], each["pid"], each["version"]) for each in listed] == [
        ("other", peer.pid, None), ("s", os.getpid(), "1.4"),
    ]  # fmt: skip
    assert "AsyncEverything" in command("list").stdout
    peer.kill()
    wait_until(lambda: len(rpc.services()) == 1)
    assert [each["name"] for each in json.loads(command("list", "--json").stdout)] == ["s"]


def test_list_of_nothing() -> None:
    done = command("list", "--json")
    assert (done.returncode, done.stdout) == (0, "[]\n")
    done = command("list")
    assert done.returncode == 0 and done.stdout == "" and "no services" in done.stderr


def test_describe_shows_signatures_and_documentation(service: Any) -> None:
    done = command("describe", "s")
    assert done.returncode == 0
    assert f"s: Everything, version 1.4, process {os.getpid()}" in done.stdout
    assert "  add(a: int, b: int = 10, *, factor: int = 1) -> int\n      Add two numbers.\n" in done.stdout
    assert "note(text: str) -> None  (one way)" in done.stdout
    described = json.loads(command("describe", "s", "--json").stdout)
    assert {each["name"]: each["streams"] for each in described["methods"]}["count"] is True


def test_call_prints_the_result_as_json(service: Any) -> None:
    assert call("add", "[1, 2]") == 3
    assert call("add", '{"a": 1, "factor": 3}') == 33
    assert call("pid") == os.getpid()
    point = call("echo_point", '[{"x": 1, "tags": ["t"], "y": 2}]')
    assert (point["x"], point["y"], point["tags"]) == (1, 2.0, ["t"])
    assert call("echo_bytes", '["aGVsbG8="]') == "aGVsbG8="
    assert call("echo_array", "[[[1, 2], [3, 4]]]") == [[1, 2], [3, 4]]
    assert call("total", "[[1.5, 2]]") == 3.5
    assert call("count", "[4]") == [0, 1, 2, 3]
    assert call("add", "[5]", "--timeout", "20") == 15
    done = command("call", "s", "add", "-", text="[7, 1]")
    assert done.stdout == "8\n"


def test_asynchronous_methods_are_called_too() -> None:
    from harness.rpc_services import AsyncEverything

    with serving(AsyncEverything()):
        assert call("add", "[1, 2]") == 3
        assert call("count", "[3]") == [0, 1, 2]


@pytest.mark.parametrize(
    ("method", "arguments", "status", "words"),
    [
        ("add", "[1", 2, "are no JSON"),
        ("add", "[" * 100_000, 2, "are no JSON"),
        ("add", "[" * 500 + "]" * 500, 2, "Expected `int`"),
        ("add", "1", 2, "must be a list or an object"),
        ("add", '["x"]', 2, "Expected `int`, got `str`"),
        ("add", "[]", 2, "0 arguments were given: add(a: int"),
        ("add", '{"b": 1}', 2, "argument 'a' is missing"),
        ("add", '{"a": 1, "z": 1}', 2, "z"),
        ("nothing", "[]", 2, "no method 'nothing'"),
        ("_secret", "[]", 2, "underscore"),
        ("call_back", "[1]", 2, "by reference"),
        ("fail", '["declared"]', 1, "Overdrawn"),
        ("fail", '["key"]', 1, "KeyError"),
        ("fail", '["file"]', 1, "FileNotFoundError"),
        ("wait", "[]", 1, "no answer came within 0.2 s"),
    ],
)
def test_what_cannot_be_done_is_told(service: Any, method: str, arguments: str, status: int, words: str) -> None:
    options = ("--timeout", "0.2") if method == "wait" else ()
    done = command("call", "s", method, arguments, *options)
    service.go.set()
    assert (done.returncode, done.stdout) == (status, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr or "rpc_services.py" in done.stderr


def test_there_is_no_such_service() -> None:
    for arguments in (("describe", "nobody"), ("call", "nobody", "add")):
        done = command(*arguments)
        assert done.returncode == 1 and done.stdout == "" and "nobody" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_service_that_comes_is_waited_for(peer: Peer) -> None:
    with ntipc.Session():
        whole = [sys.executable, "-m", "ntipc", "rpc", "call", "s", "add", "[1]", "--wait", "30"]
        process = subprocess.Popen(whole, stdout=subprocess.PIPE)
        serve_in(peer)
        assert process.communicate(timeout=40)[0] == b"11\n"
