"""``python -m ntipc.watching PORT SCRIPT ...``: run a program that reports to the watcher of a port from the start."""

import runpy
import sys
from pathlib import Path

from ntipc.watching.watched import watch


def main() -> None:
    """Run the script as Python itself would."""
    port, script, *words = sys.argv[1:]
    sys.argv = [script, *words]
    sys.path[0] = str(Path(script).resolve().parent)
    watch(port, timeout=None)
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main()
