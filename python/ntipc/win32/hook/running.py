"""Running a program written for Windows as the main program of this process."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from types import CodeType, ModuleType

from ntipc.win32.hook import gate, standard
from ntipc.win32.hook.inheriting import tell_children
from ntipc.win32.hook.rule import name_packages
from ntipc.win32.standard.program import compiled, prepare


def install(*, packages: Iterable[str] = (), children: bool = True) -> None:
    """Let the program's own modules import pywin32's modules, and see the standard library of Windows, from now on.

    A module is the program's own unless its file lies with the interpreter's library or with installed packages. Only
    for these an ``import win32event`` works; everything else goes on seeing Linux. Calling it again adds packages.

    Args:
        packages: Names of installed packages that count as the program's own, such as ``"rpyc"``.
        children: Whether Python processes that this one starts have the modules, too, by their environment.

    Raises:
        ValueError: One of ``packages`` cannot be a name.
    """
    name_packages(packages)
    if gate.install():
        standard.offer()
    if children:
        tell_children()


def run(path: str, arguments: Sequence[str] = (), *, packages: Iterable[str] = (), children: bool = True) -> None:
    """Run a program as the main program, as ``python PATH ARGUMENTS`` does, with pywin32's modules.

    Args:
        path: The file of the program, or a folder or zip file with a ``__main__.py``.
        arguments: The program's arguments.
        packages: As for :func:`install`.
        children: As for :func:`install`.

    Raises:
        OSError: The file cannot be read.
        SyntaxError: It is no Python program.
    """
    file = os.path.join(path, "__main__.py") if os.path.isdir(path) else path
    code = _compiled(file)
    install(packages=packages, children=children)
    main = ModuleType("__main__")
    main.__dict__.update(__file__=file, __builtins__=__builtins__, __spec__=None)
    prepare(main.__dict__)
    sys.argv = [path, *arguments]
    sys.path[0:1] = [os.path.dirname(os.path.abspath(file))]
    sys.modules["__main__"] = main  # and stays there: threads and pickles of the program look for it
    exec(code, main.__dict__)


def run_to_the_end(path: str, arguments: Sequence[str] = (), *, packages: Iterable[str] = ()) -> None:
    """Run a program as :func:`run` does, and report what it has not caught as the interpreter does: the status is 1.

    Args:
        path: As for :func:`run`.
        arguments: Likewise.
        packages: Likewise.

    Raises:
        SystemExit: The program has ended by it, or by another exception, which was reported without the frames of
            this package.
        KeyboardInterrupt: Somebody has stopped it.
        OSError: Its file cannot be read.
    """
    file = os.path.join(path, "__main__.py") if os.path.isdir(path) else path
    with open(file, "rb"):
        pass  # what cannot be read is the caller's matter
    to_the_end(lambda: run(path, arguments, packages=packages))


def to_the_end(program: Callable[[], object]) -> None:
    """Call what runs a program, and report what the program has not caught, without the frames of this package.

    Raises:
        SystemExit: The program has ended by it, or by an exception that was reported.
        KeyboardInterrupt: Somebody has stopped it.
    """
    try:
        program()
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as problem:
        trace = problem.__traceback__
        while trace is not None and str(trace.tb_frame.f_globals.get("__name__")).startswith("ntipc."):
            trace = trace.tb_next
        sys.excepthook(type(problem), problem.with_traceback(trace), trace)
        raise SystemExit(1) from None


def _compiled(file: str) -> CodeType:
    with io.open_code(os.path.abspath(file)) as source:
        return compiled(source.read(), file)
