"""``ntipc stubs``: types for programs written for Windows."""

import ast
import os
import subprocess
import sys
from pathlib import Path

from ntipc.win32 import MODULES

CACHE = Path(__file__).resolve().parents[2] / ".mypy_cache" / "stubs"
PROGRAM = """\
import ctypes, mmap, pywintypes, win32clipboard, win32con, win32event, win32file, winerror

event = win32event.CreateEvent(None, 0, 0, None)
code: int = win32event.WaitForSingleObject(event, win32con.WM_USER)
wrong: str = win32event.WaitForSingleObject(event, winerror.ERROR_SUCCESS)
win32event.SetEvent("no handle")
try:
    hr, data = win32file.ReadFile(event, 5)
except pywintypes.error as problem:
    number: int | None = problem.winerror
ctypes.windll.kernel32.SetEvent(1)
mmap.mmap(-1, 5, "tag")
win32clipboard.OpenClipboard()
"""


def test_programs_are_checked_with_stubs(tmp_path: Path) -> None:
    stubs = tmp_path / "stubs"
    done = subprocess.run(
        [sys.executable, "-m", "ntipc", "stubs", str(stubs)], capture_output=True, text=True, check=True
    )
    written = {path.stem for path in stubs.glob("*.pyi")}
    assert written >= set(MODULES) - {"win32com"} and str(stubs) in done.stdout
    for path in stubs.rglob("*.pyi"):
        ast.parse(path.read_text())
    (tmp_path / "program.py").write_text(PROGRAM)
    everything = "\n".join(f"import {name}" for name in MODULES)
    (tmp_path / "everything.py").write_text(everything)
    options = ["--config-file=", "--platform", "win32", "--strict", "--cache-dir", str(CACHE)]
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", *options, "program.py", "everything.py"],
        cwd=tmp_path,
        env=os.environ | {"MYPYPATH": str(stubs)},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in checked.stdout.splitlines() if ": error: " in line]
    assert [line.partition(": error:")[0] for line in lines] == ["program.py:5", "program.py:6"], checked.stdout


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    command = [sys.executable, "-m", "ntipc", "stubs", str(tmp_path / "file" / "below")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "file" in done.stderr
