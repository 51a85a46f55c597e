"""``python -m ntipc.clib``: build the C library, or print the compiler's flags for programs that use it."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ntipc.clib.building import LIBRARY, CannotBuild, build, compiler_flags

_DEFAULT: Final = Path("ntipc-c")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m ntipc.clib", description="The calls of Windows for C programs.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("build", f"compile {LIBRARY} and its headers"),
        ("flags", "print the compiler's flags for a program"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument(
            "--output", type=Path, default=_DEFAULT, help="the library's folder (default: %(default)s)"
        )
        if name == "build":
            command.add_argument("--cc", default="cc", help="the C compiler (default: %(default)s)")
    arguments = parser.parse_args(argv)
    if arguments.command == "flags":
        if not (arguments.output / LIBRARY).exists():
            print(f"there is no {LIBRARY} in {arguments.output}: build it first", file=sys.stderr)
            return 1
        print(shlex.join(compiler_flags(arguments.output)))
        return 0
    try:
        print(build(arguments.output, shlex.split(arguments.cc)))
    except CannotBuild as problem:
        print(f"libntipc: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
