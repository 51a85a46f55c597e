"""A type checker takes a proxy for its interface."""

from pathlib import Path

from mypy import api

PROGRAM = """
from collections.abc import AsyncIterator, Iterator
from typing import Protocol

from ntipc import rpc
from ntipc.testing import fake


class Declared(Protocol):
    def number(self, x: int) -> int: ...
    async def text(self) -> str: ...
    def items(self) -> Iterator[float]: ...
    def later(self) -> AsyncIterator[bytes]: ...


class Service:
    def __init__(self, path: str) -> None: ...
    @rpc.idempotent
    def text(self, x: int) -> str:
        return ""


async def calls() -> None:
    with rpc.connected("x", Declared) as declared:
        reveal_type(declared.number(1))
        reveal_type(await declared.text())
        reveal_type(next(declared.items()))
        async for each in declared.later():
            reveal_type(each)
        declared.number("no")
    reveal_type(rpc.connect("x", Service, call_timeout=1.0))
    reveal_type(rpc.with_timeout(rpc.connect("x", Service), 1).text(1))
    reveal_type(fake(Declared, number=3))
"""


def test_mypy_sees_the_methods_of_the_interface(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    said, _, status = api.run(["--strict", "--no-incremental", str(tmp_path / "program.py")])
    revealed = [line.split('Revealed type is "')[1].rstrip('"') for line in said.splitlines() if "Revealed" in line]
    assert revealed == ["int", "str", "float", "bytes", "program.Service", "str", "program.Declared"]
    assert status == 1 and said.count("error:") == 1
    assert 'Argument 1 to "number" of "Declared" has incompatible type "str"; expected "int"' in said
