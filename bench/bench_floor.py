"""The floor: what two calls from Python into C cost that do nothing."""

import gc

from bench.measure import Loop


def two_calls(count: int) -> None:
    """Call a C function without arguments twice."""
    call = gc.isenabled
    for _ in range(count):
        call()
        call()


FLOOR: tuple[str, Loop] = ("two C calls that do nothing", two_calls)
