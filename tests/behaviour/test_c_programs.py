"""C programs: against each other, against Python, and what the library does for threads, forks and ends."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness.c_programs import EXAMPLES, SOURCES, Workshop, run

import ntipc
from ntipc.clib import prototypes
from ntipc.clib.runtime import LIBRARIES, exports

Compile = Callable[..., Path]


@pytest.fixture
def compiled(workshop: Workshop) -> Compile:
    return lambda name, *flags: workshop.program(SOURCES / f"{name}.c", *flags)


@pytest.mark.parametrize("name", ["objects", "threads", "pipes", "processes", "native", "system", "lists", "cancelled"])
def test_what_c_programs_check_themselves(compiled: Compile, name: str) -> None:
    result = run(compiled(name))
    assert (result.returncode, result.stdout, result.stderr) == (0, "fine\n", "")


@pytest.mark.parametrize(
    ("way", "code"),
    [("threads", 0), ("exit in a thread", 4), ("return beside a waiter", 5), ("exit of a child", 6)],
)
def test_every_end_comes_to_its_end(compiled: Compile, way: str, code: int) -> None:
    result = run(compiled("ends"), way)
    assert (result.returncode, result.stdout, result.stderr) == (code, "", "")


def test_wide_literals_as_on_windows(compiled: Compile) -> None:
    result = run(compiled("wide", "-fshort-wchar", "-DUNICODE"))
    assert (result.returncode, result.stdout, result.stderr) == (0, "fine\n", "")


@pytest.fixture
def owner(compiled: Compile) -> Iterator[subprocess.Popen[str]]:
    """A C program that owns the mutex ``c and python``."""
    with subprocess.Popen([compiled("processes"), "peer"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def test_python_waits_for_what_a_c_program_owns(owner: subprocess.Popen[str]) -> None:
    mutex = ntipc.Mutex("c and python")
    assert not mutex.created and not mutex.wait(0)
    ntipc.Event("c may end").set()
    assert mutex.wait(20) and not mutex.abandoned
    mutex.release()
    assert owner.wait(20) == 0


def test_python_is_told_that_a_c_program_was_killed(owner: subprocess.Popen[str]) -> None:
    mutex = ntipc.Mutex("c and python")
    assert not mutex.wait(0)
    os.kill(owner.pid, signal.SIGKILL)
    with pytest.warns(ntipc.AbandonedMutexWarning):
        assert mutex.wait(20)
    assert mutex.abandoned
    mutex.release()


def test_an_exit_code_has_32_bits(compiled: Compile) -> None:
    process = ntipc.Process.start([str(compiled("processes")), "code", "0xC0000022"])
    assert process.wait(20)
    assert process.exit_code is not None and process.exit_code & 0xFFFF_FFFF == 0xC000_0022
    process.close()


def test_the_examples_meet(workshop: Workshop) -> None:
    server, client = (workshop.program(EXAMPLES / f"{name}.c") for name in ("server", "client"))
    with subprocess.Popen([server, "2"], stdout=subprocess.PIPE, text=True) as running:
        assert run(client, "hello", "world").stdout == "client: HELLO\nclient: WORLD\nclient: 2 lines so far\n"
        assert run(client, "bye").stdout == "client: BYE\nclient: 3 lines so far\n"
        assert running.communicate(timeout=20)[0] == "server: 3 lines, 13 characters, the last one: bye\n"
        assert running.returncode == 0


def test_a_python_program_can_load_the_library(workshop: Workshop) -> None:
    """The interpreter that runs is the one that is used: there are no two."""
    code = f"""
import ctypes, threading
library = ctypes.CDLL({str(workshop.library)!r})
library.CreateEventW.restype = ctypes.c_void_p
event = library.CreateEventW(None, 1, 0, "guest".encode("utf-16-le") + bytes(2))
import ntipc
assert not ntipc.Event("guest").wait(0)
thread = threading.Thread(target=library.SetEvent, args=[ctypes.c_void_p(event)])
thread.start()
thread.join()
assert ntipc.Event("guest").wait(0)
library.SetLastError(5)
assert library.GetLastError() == 5
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=40)
    assert (result.returncode, result.stderr) == (0, "")


def test_without_an_interpreter_it_says_so(compiled: Compile) -> None:
    environment = {**os.environ, "NTIPC_LIBPYTHON": "/nowhere/libpython.so"}
    result = subprocess.run([compiled("objects")], capture_output=True, text=True, env=environment, timeout=40)
    assert result.returncode == 70
    assert "libntipc: the shared library of Python cannot be loaded" in result.stderr and "/nowhere" in result.stderr


def test_every_export_is_declared_and_in_the_library(workshop: Workshop) -> None:
    declared = {prototype.name for name in (*LIBRARIES, prototypes.NATIVE) for prototype in prototypes.read(name)}
    assert set(exports()) - prototypes.LEFT_OUT <= declared
    loaded = ctypes.CDLL(str(workshop.library))
    assert [name for name in sorted(declared) if not hasattr(loaded, name)] == []


def test_a_declaration_that_differs_from_its_export_is_refused() -> None:
    known = exports()
    declared = [prototype for name in LIBRARIES for prototype in prototypes.read(name)]
    native = prototypes.read(prototypes.NATIVE)
    prototypes.checked(known, declared, native)
    wrong = next(prototypes.parse("BOOL SetEvent(HANDLE hEvent, DWORD dwMore)"))
    with pytest.raises(prototypes.DeclarationsDiffer, match="another number of parameters: SetEvent"):
        prototypes.checked(known, [wrong, *(one for one in declared if one.name != "SetEvent")], native)
    with pytest.raises(prototypes.DeclarationsDiffer, match="without a declaration: SetEvent"):
        prototypes.checked(known, [one for one in declared if one.name != "SetEvent"], native)
