"""Shared data: what can be declared, which layouts agree, and the name that a class has."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy
import pytest
from harness.boards import Pair, Point

import ntipc
from ntipc import Shared


@pytest.mark.parametrize(
    "declared",
    [str, bytes, (str, 0), (int, -1), (int, 2.0), (int, True), (int, (2, 2)), (str, 2**40), list, "int", object, None,
     (int, 2, 3), ctypes.c_int, ctypes.c_void_p, (Pair, 2), numpy.dtype(object), (Point, (2, 2)), ntipc.SharedStruct],
)  # fmt: skip
def test_what_cannot_be_shared_is_refused_where_it_is_declared(declared: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        Shared[declared]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"x": (int, "1")}, TypeError),
        ({"x": (int, 2**63)}, OverflowError),
        ({"x": ((str, 2), "abc")}, ValueError),
        ({"x": (bool, 1)}, TypeError),
        ({"name": (int, 1)}, TypeError),
        ({"add": (int, 1)}, TypeError),
        ({"_block": (int, 1)}, TypeError),
    ],
)
def test_wrong_defaults_and_names_are_refused_where_the_class_is_made(body: Any, error: type[Exception]) -> None:
    annotations = {name: Shared[declared] for name, (declared, _) in body.items()}
    defaults = {name: default for name, (_, default) in body.items()}
    with pytest.raises(error):
        type("Wrong", (ntipc.SharedData,), {"__annotations__": annotations, **defaults})


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"a": int, "b": float}, "'c'"),
        ({"a": int, "b": int, "c": (str, 8)}, "'b' is declared as int here and as float there"),
        ({"a": int, "b": float, "c": (str, 9)}, "'c' is declared as str[9] here and as str[8] there"),
        ({"a": int, "b": float, "c": (str, 8), "d": bool}, "'d' (bool) is declared here and not there"),
        ({"b": float, "a": int, "c": (str, 8)}, "'b' comes at another place"),
    ],
)  # fmt: skip
def test_another_layout_is_an_error_that_names_the_field(fields: Any, words: str) -> None:
    """PM-52: versions of a module never share by mistake."""

    def kind(fields: Any) -> type[ntipc.SharedData]:
        annotations = {name: Shared[declared] for name, declared in fields.items()}
        return type("Versioned", (ntipc.SharedData,), {"__annotations__": annotations}, name="versioned")

    first = kind({"a": int, "b": float, "c": (str, 8)})()
    first.a = 3
    with pytest.raises(ntipc.NtError, match="another layout") as caught:
        kind(fields)()
    assert words in str(caught.value) and isinstance(caught.value, ntipc.ObjectTypeMismatch)
    assert first.a == 3 and ntipc.inspect()["objects"] and not first.closed


def test_fields_of_bases_come_first_and_subclasses_are_other_data() -> None:
    class Base(ntipc.SharedData, name="inherited"):
        a: Shared[int] = 1

    class Derived(Base, name="inherited"):
        b: Shared[int] = 2

    derived = Derived()
    assert (derived.a, derived.b) == (1, 2)
    with pytest.raises(ntipc.NtError, match="'b'"):
        Base()


def test_without_a_name_it_has_that_of_module_and_class(tmp_path: Path) -> None:
    """Two programs that import a module share; a program that is started is known by its file."""
    module = "import ntipc\nclass Counter(ntipc.SharedData):\n    n: ntipc.Shared[int]\ncounter = Counter()\n"
    (tmp_path / "counted.py").write_text(module)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}

    def run(*arguments: str) -> str:
        return subprocess.run(
            [sys.executable, *arguments], env=environment, capture_output=True, text=True, check=True, timeout=30
        ).stdout.strip()

    with ntipc.Event("keeps the session"):
        assert run("-c", "import counted; print(counted.counter.name)") == "counted.Counter"
        program = "from counted import *; print(counter.add('n', 1))"
        sys.path.insert(0, str(tmp_path))
        try:
            import counted  # type: ignore[import-not-found]

            assert run("-c", program) == "0" and counted.counter.n == 1
            counted.counter.close()
        finally:
            sys.path.remove(str(tmp_path))
            sys.modules.pop("counted", None)
        (tmp_path / "main.py").write_text(module + "print(counter.name)\n")
        assert run(str(tmp_path / "main.py")) == f"{tmp_path.resolve()}/main.py.Counter"
