"""Classes of shared data that tests have in common with the processes they start."""

import ctypes
from typing import Literal

import numpy

import ntipc
from ntipc import Shared

BOARD = """
class Board(ntipc.SharedData, name="board"):
    hits: ntipc.Shared[int]
    ratio: ntipc.Shared[float] = 0.5
    on: ntipc.Shared[bool]
    title: ntipc.Shared[str, 40] = "first"
    row: ntipc.Shared[int, 3]
board = Board()
"""


class Board(ntipc.SharedData, name="board"):
    """The same class as in the other processes."""

    hits: Shared[int]
    ratio: Shared[float] = 0.5
    on: Shared[bool]
    title: Shared[str, 40] = "first"
    row: Shared[int, 3]


class Point(ntipc.SharedStruct):
    """A record within a record."""

    x: Shared[float]
    y: Shared[float] = -1.0


class Pair(ctypes.Structure):
    """A structure of ctypes."""

    _fields_ = (("a", ctypes.c_int), ("b", ctypes.c_double))


RECORD = numpy.dtype([("id", "i4"), ("value", "f8")])


class Everything(ntipc.SharedData, name="everything"):
    """A field of each kind."""

    whole: Shared[int]
    real: Shared[float]
    truth: Shared[bool]
    text: Shared[str, 3]
    data: Shared[bytes, Literal[5]]
    wholes: Shared[int, 4]
    reals: Shared[float, 2]
    truths: Shared[bool, 2]
    point: Shared[Point]
    points: Shared[Point, 3]
    byte: Shared[numpy.uint8]
    single: Shared[numpy.float32]
    grid: Shared[numpy.int16, (2, 3)]
    record: Shared[RECORD]
    records: Shared[RECORD, 2]
    complex: Shared[numpy.complex128, 2]
    pair: Shared[Pair]
    pairs: Shared[Pair * 2]
