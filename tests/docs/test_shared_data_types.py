"""A type checker sees what the fields of shared data are."""

from pathlib import Path

from mypy import api

PROGRAM = """
from typing import Literal

import ntipc
from ntipc import Shared


class Point(ntipc.SharedStruct):
    x: Shared[float]


class Board(ntipc.SharedData, name="board"):
    hits: Shared[int]
    ratio: Shared[float] = Shared(0.5)
    on: Shared[bool]
    title: Shared[str, Literal[40]] = Shared("first", group="texts")
    data: Shared[bytes, Literal[8]]
    row: Shared[int, Literal[3]]
    where: Shared[Point]
    path: Shared[Point, Literal[10]]


board = Board()
reveal_type(board.hits)
reveal_type(board.ratio)
reveal_type(board.on)
reveal_type(board.title)
reveal_type(board.data)
reveal_type(board.row)
reveal_type(board.row[0])
reveal_type(board.where.x)
reveal_type(board.path[3])
with board.lock("hits", timeout=1) as abandoned:
    reveal_type(abandoned)
board.hits, board.title, board.row = 1, "x", [1, 2, 3]
board.hits = "no"
board.title = 1
"""


def test_mypy_sees_the_types_of_fields(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    said, _, status = api.run(["--strict", str(tmp_path / "program.py")])
    revealed = [line.split('Revealed type is "')[1].rstrip('"') for line in said.splitlines() if "Revealed" in line]
    arrays = "ntipc.shared_data.arrays.SharedArray[int]"
    assert revealed == ["int", "float", "bool", "str", "bytes", arrays, "int", "float", "program.Point", "bool"], said
    assert status == 1 and said.count("error:") == 2, said
