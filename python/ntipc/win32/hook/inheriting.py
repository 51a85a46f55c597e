"""Python processes that the program starts: they run with the modules of Windows, too.

Their environment has a folder in ``PYTHONPATH`` whose ``sitecustomize`` puts the gate up, and calls the next
``sitecustomize`` there is. An interpreter that has no ntipc runs as if nothing had been said.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from typing import Final

from ntipc.win32.hook.rule import PACKAGES_VARIABLE, named_packages

FOLDER: Final = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "children")


def tell_children(environment: MutableMapping[str, str] = os.environ) -> None:
    """Change an environment so that Python processes started with it run with the modules of Windows."""
    paths = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path and path != FOLDER]
    environment["PYTHONPATH"] = os.pathsep.join([FOLDER, *paths])
    if packages := named_packages():
        environment[PACKAGES_VARIABLE] = ",".join(packages)
