"""Which object of the kernel something is, asked in another process."""

import sys
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any

import ntipc


def identity(thing: Any) -> tuple[int, int]:
    """Index and serial number; of what is made of several objects, those of the one that stands for all."""
    return getattr(thing, "_primary", thing).identity  # type: ignore[no-any-return]


def identities(things: Mapping[str, Any]) -> dict[str, tuple[int, int] | str]:
    """The same for each of them, or the exception that it raises."""
    found: dict[str, tuple[int, int] | str] = {}
    for name, thing in things.items():
        try:
            found[name] = identity(thing)
        except ntipc.NtError as problem:
            found[name] = type(problem).__name__
    return found


def report(things: Mapping[str, Any], answer: "Connection") -> None:
    """As a child of multiprocessing: say which objects arrived as its argument."""
    answer.send(identities(things))


def report_numbers(numbers: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """Make objects of handles of this process, and say which they are."""
    return {name: identity(getattr(ntipc, name).from_handle(number)) for name, number in numbers.items()}


if __name__ == "__main__":
    print(report_numbers({name: int(number) for name, number in zip(sys.argv[1::2], sys.argv[2::2], strict=True)}))
