"""Python processes that the program starts: they run with the modules of Windows, too.

Their environment has a folder in ``PYTHONPATH`` whose ``sitecustomize`` puts the gate up, and calls the next
``sitecustomize`` there is. An interpreter that has no ntipc runs as if nothing had been said.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping, MutableMapping
from types import ModuleType
from typing import Any, Final

from ntipc.win32.hook.rule import PACKAGES_VARIABLE, named_packages

FOLDER: Final = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "children")


def tell_children(environment: MutableMapping[str, str] = os.environ) -> None:
    """Change an environment so that Python processes started with it run with the modules of Windows."""
    paths = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path and path != FOLDER]
    environment["PYTHONPATH"] = os.pathsep.join([FOLDER, *paths])
    if packages := named_packages():
        environment[PACKAGES_VARIABLE] = ",".join(packages)


def environment_of_child(given: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which a child is in the session of this process, with the modules of Windows."""
    environment = dict(given)
    if FOLDER in os.environ.get("PYTHONPATH", "").split(os.pathsep):
        tell_children(environment)
    for name in ("NTIPC_SESSION", "NTIPC_DIR", "NTIPC_GLOBAL"):  # or the child would be in another session
        if name in os.environ:
            environment.setdefault(name, os.environ[name])
    return environment


def prepare_spawned() -> None:
    """Have `multiprocessing` run the program's main file in a spawned child as the main program is run elsewhere."""
    import runpy

    from ntipc.win32.hook.rule import is_own
    from ntipc.win32.standard.program import compiled, prepare

    original = runpy.run_path

    def run_path(
        path_name: str, init_globals: dict[str, Any] | None = None, run_name: str | None = None
    ) -> dict[str, Any]:
        if not os.path.isfile(path_name) or not is_own({"__name__": run_name or "", "__file__": path_name}):
            return original(path_name, init_globals, run_name)
        with io.open_code(os.path.abspath(path_name)) as file:
            code = compiled(file.read(), path_name)
        module = ModuleType(run_name or "<run_path>")
        vars(module).update(init_globals or {}, __file__=path_name, __package__="", __builtins__=__builtins__)
        prepare(vars(module))
        replaced = sys.modules.get(module.__name__)
        sys.modules[module.__name__] = module
        try:
            exec(code, vars(module))
        finally:
            if replaced is None:
                del sys.modules[module.__name__]
            else:
                sys.modules[module.__name__] = replaced
        return dict(vars(module))

    runpy.run_path = run_path
