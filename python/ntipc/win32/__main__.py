"""``python -m ntipc.win32 PROGRAM.py [ARGUMENT...]`` runs a program written for Windows."""

import sys

from ntipc.win32.hook.running import run_to_the_end

if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
    print("usage: python -m ntipc.win32 PROGRAM.py [ARGUMENT...]", file=sys.stderr)
    raise SystemExit(0 if sys.argv[1:] else 2)
run_to_the_end(sys.argv[1], sys.argv[2:])
