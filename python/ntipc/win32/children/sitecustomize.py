"""Puts ntipc's modules of Windows in place in a Python process that a program started; then the next sitecustomize."""

import importlib.machinery
import importlib.util
import os
import sys

_FOLDER = os.path.dirname(os.path.abspath(__file__))


def _call_the_next() -> None:
    rest = [path for path in sys.path if os.path.abspath(path) != _FOLDER]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", rest)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


_call_the_next()
try:
    from ntipc.win32 import install
except ImportError:
    pass  # another interpreter
else:
    install(packages=[name for name in os.environ.get("NTIPC_WIN32_PACKAGES", "").split(",") if name])
    if "--multiprocessing-fork" in sys.orig_argv:
        from ntipc.win32.hook.inheriting import prepare_spawned

        prepare_spawned()
    else:
        from ntipc.win32.hook.main_file import prepare_main_file

        prepare_main_file()
