"""The import hook, `ntipc run`, `python -m ntipc.win32`, `ntipc port-check` (FC-120, FC-136 to FC-138)."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from ntipc.win32 import win32con, winerror
from ntipc.win32.porting import check_source

RUNNERS = ([sys.executable, "-m", "ntipc.win32"], [sys.executable, "-m", "ntipc", "run"])


def run(tmp_path: Path, text: str, *arguments: str, runner: list[str] = RUNNERS[0], **more: str) -> str:
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(text))
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"} | more
    done = subprocess.run(
        [*runner, str(program), *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=50
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("runner", RUNNERS, ids=["module", "command"])
def test_a_program_runs_as_the_main_program(tmp_path: Path, runner: list[str]) -> None:
    (tmp_path / "part.py").write_text("import win32event\nname = win32event.__name__\n")
    output = run(
        tmp_path,
        """
        import sys, part, win32event, pywintypes
        from win32con import *
        from win32 import win32api
        import win32.lib.winerror as codes
        assert __name__ == "__main__" and sys.modules["__main__"].part is part
        assert win32event.__name__ == part.name
        assert (WM_USER, codes.ERROR_ALREADY_EXISTS) == (1024, 183)
        print(sys.argv[1:], win32api.GetCurrentProcess())
        """,
        "one",
        "--two",
        runner=runner,
    )
    assert output == "['one', '--two'] -1\n"


def test_only_the_programs_own_modules_see_windows(tmp_path: Path) -> None:  # FC-136, FC-138
    library = tmp_path / "lib" / "site-packages"
    library.mkdir(parents=True)
    (library / "stranger.py").write_text("try:\n    import win32event\nexcept ImportError:\n    win32event = None\n")
    (library / "named.py").write_text("import win32event\n")
    run(
        tmp_path,
        """
        import sys
        sys.path.append("lib/site-packages")
        import win32event, msvcrt, importlib
        import stranger
        assert stranger.win32event is None
        from ntipc.win32 import given, install
        install(packages=["named"])
        import named
        assert named.win32event is win32event
        assert given()["named"] == ("win32event",)
        assert "msvcrt" not in sys.modules
        import subprocess
        assert subprocess._mswindows is False
        subprocess.run(["true"], check=True)
        assert importlib.import_module("win32pipe").CreatePipe
        del sys.modules["stranger"]
        import stranger
        assert stranger.win32event is None
        """,
    )


def test_what_is_out_of_scope_says_so(tmp_path: Path) -> None:
    run(
        tmp_path,
        """
        import win32gui, win32file, win32api
        try:
            win32file.GetFileTime(1)
        except NotImplementedError as problem:
            assert "win32file.GetFileTime is not part of ntipc.win32" in str(problem)
        assert not hasattr(win32file, "NoSuchCallOfWindows")
        assert __import__("win32event", None, None, "*") is __import__("win32event")
        import win32clipboard, win32evtlogutil, winreg
        try:
            win32clipboard.OpenClipboard()
        except NotImplementedError as problem:
            assert "win32clipboard.OpenClipboard" in str(problem)
        for name in ("win32com.client", "win32uiole"):
            try:
                __import__(name)
            except ModuleNotFoundError as problem:
                assert "not part of ntipc.win32" in str(problem), problem
            else:
                raise SystemExit(name)
        """,
    )


def test_python_processes_of_a_program_see_windows_too(tmp_path: Path) -> None:  # FC-137
    (tmp_path / "child.py").write_text("import win32event; print(win32event.WAIT_TIMEOUT)")
    output = run(
        tmp_path,
        """
        import multiprocessing, os, subprocess, sys, win32event
        def answer(queue):
            import win32event
            queue.put(win32event.WAIT_TIMEOUT)
        if __name__ == "__main__":
            print(subprocess.check_output([sys.executable, "child.py"], text=True), end="")
            print(os.popen(f"{sys.executable} child.py").read(), end="")
            context = multiprocessing.get_context("spawn")
            queue = context.Queue()
            process = context.Process(target=answer, args=(queue,))
            process.start()
            print(queue.get(timeout=30))
            process.join()
        """,
    )
    assert output.split() == ["258"] * 3


def test_an_end_of_the_program_is_that_of_the_command(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("raise SystemExit(7)")
    for runner in RUNNERS:
        assert subprocess.run([*runner, str(tmp_path / "program.py")], check=False).returncode == 7
    missing = subprocess.run([*RUNNERS[1], "nothing.py"], capture_output=True, text=True, check=False)
    assert (missing.returncode, "cannot read nothing.py" in missing.stderr) == (1, True)


def test_tables_are_complete() -> None:
    assert len(win32con.__all__) > 4500
    assert len(winerror.__all__) > 7000
    assert winerror.HRESULT_FROM_WIN32(5) == winerror.E_ACCESSDENIED == -2147024891
    assert (winerror.SUCCEEDED(0), winerror.FAILED(-1), winerror.HRESULT_CODE(-2147024891)) == (True, True, 5)


PROGRAM = """
import win32event as e, win32gui, ctypes, mmap, winsound
from win32file import ReadFile, DeviceIoControl
from ctypes import windll
k = ctypes.WinDLL("kernel32", use_last_error=True)
e.SetEvent(1)
win32gui.BitBlt(1)
k.CreateMutexW(None, 0, "x"); windll.user32.FindWindowW(None, "x")
mmap.mmap(-1, 10, "tag"); mmap.mmap(-1, 10, mmap.MAP_SHARED)
import asyncio, subprocess, os, multiprocessing.connection, win32clipboard
from multiprocessing import connection as c
subprocess.CREATE_NO_WINDOW; asyncio.ProactorEventLoop
c.PipeConnection(5)
os.listdrives()
class K:
    def __init__(self): self.u: object = windll.user32; self.u.SendMessageW(1)
    def f(self): k.SetEvent; k.HeapCompact; k.GetLongPathNameW
win32clipboard.OpenClipboard()
timer = object(); timer.start()
from . import _winapi; _winapi.MemoryMap
K(-1, 5, tagname="x"); loop.create_pipe_connection(K, "x")
"""


def test_port_check_finds_calls_by_line(tmp_path: Path) -> None:
    found = {(finding.line, finding.call): finding.is_here for finding in check_source(PROGRAM, "p.py")}
    assert found[3, "win32file.ReadFile"] is True
    assert found[3, "win32file.DeviceIoControl"] is False
    assert found[6, "win32event.SetEvent"] is True
    assert found[7, "win32gui.BitBlt"] is False
    assert {(8, "kernel32.CreateMutexW"), (8, "user32.FindWindowW"), (9, "mmap.mmap(tagname)")} <= set(found)
    assert all(found[place] for place in [(8, "kernel32.CreateMutexW"), (9, "mmap.mmap(tagname)")])
    assert found[12, "subprocess.CREATE_NO_WINDOW"] and found[12, "asyncio.ProactorEventLoop"]
    assert found[13, "multiprocessing.connection.PipeConnection"] and not found[14, "os.listdrives"]
    assert found[16, "user32.SendMessageW"] and found[17, "kernel32.SetEvent"] and not found[17, "kernel32.HeapCompact"]
    assert (2, "import winsound") not in found and not found[18, "win32clipboard.OpenClipboard"]
    assert not any(call.startswith(("timer", "_winapi")) for _, call in found)
    assert found[21, "mmap.mmap(tagname)"] and found[21, "asyncio.loop.create_pipe_connection"]
    advice = {finding.call: finding.advice for finding in check_source(PROGRAM, "p.py")}
    assert advice["kernel32.GetLongPathNameW"] == "call win32api.GetLongPathName, which is here"
    (tmp_path / "p.py").write_text(PROGRAM)
    (tmp_path / "old.py").write_text("print 'Python 2'")
    command = [sys.executable, "-m", "ntipc", "port-check", "--json", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "old.py is no program of Python 3" in done.stderr
    calls = [json.loads(line) for line in done.stdout.splitlines()]
    assert {"file", "line", "call", "is_here", "advice"} == set(calls[0])
    assert all(call["is_here"] or call["advice"] for call in calls)


def test_importing_events_is_quick_and_loads_no_tables() -> None:
    script = (
        "import sys, ntipc.win32.win32event; print('ntipc.win32.win32con' in sys.modules, 'ntipc.pipes' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_the_page_of_calls_is_up_to_date() -> None:
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, str(root / "tools" / "win32_calls.py"), "--check"], check=True)


@pytest.mark.parametrize("close_fds", [False, True])
def test_child_of_a_program_inherits_handles_by_number(tmp_path: Path, close_fds: bool) -> None:  # FC-137
    (tmp_path / "child.py").write_text(
        "import ctypes, sys\nprint(ctypes.windll.kernel32.WaitForSingleObject(int(sys.argv[1]), 10000))\n"
    )
    output = run(
        tmp_path,
        f"""
        import ctypes, subprocess, sys
        from ctypes import wintypes

        class SECURITY_ATTRIBUTES(ctypes.Structure):
            _fields_ = [("size", ctypes.c_int), ("descriptor", ctypes.c_void_p), ("inherit", ctypes.c_int)]

        attributes = SECURITY_ATTRIBUTES(ctypes.sizeof(SECURITY_ATTRIBUTES), None, True)
        event = ctypes.windll.kernel32.CreateEventA(ctypes.byref(attributes), False, True, "")
        startup = subprocess.STARTUPINFO()
        if {close_fds}:
            startup.lpAttributeList["handle_list"].append(event)
        command = [sys.executable, "child.py", str(event)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, close_fds={close_fds}, startupinfo=startup)
        print(child.communicate()[0].decode().strip())
        """,
    )
    assert output == "0\n"


def test_program_sees_the_standard_library_of_windows_and_the_interpreter_does_not(tmp_path: Path) -> None:
    (tmp_path / "part.py").write_text("import os, ctypes\nname = os.name\nsize = ctypes.sizeof(ctypes.c_long)\n")
    run(
        tmp_path,
        """
        import ctypes, mmap, os, platform, struct, subprocess, sys
        from ctypes import wintypes, windll
        import ctypes.util, os.path, part
        assert (sys.platform, os.name, platform.system(), part.name) == ("win32", "nt", "Windows", "nt")
        assert (struct.calcsize("l"), ctypes.sizeof(wintypes.DWORD), part.size) == (4, 4, 4)
        mutex = windll.kernel32.CreateMutexW(None, False, "of the program")
        assert mutex and windll.kernel32.GetLastError() == 0
        with mmap.mmap(0, 10, "memory of the program") as memory:
            memory[0] = 1
        try:
            raise WindowsError(0, "there", None, 183)
        except FileExistsError as error:
            assert error.winerror == 183
        try:
            open(r"\\\\.\\pipe\\nobody serves", "rb")
        except FileNotFoundError as error:
            assert error.winerror == 2
        assert "x".encode("mbcs") == b"x"
        import multiprocessing.connection, asyncio, selectors, tempfile
        assert hasattr(multiprocessing.connection, "PipeConnection") and asyncio.ProactorEventLoop
        assert not hasattr(sys.modules["multiprocessing.connection"], "PipeConnection")
        assert not hasattr(sys.modules["asyncio"], "ProactorEventLoop")
        done = subprocess.run([sys.executable, "-c", "import sys, os"], capture_output=True)
        assert done.returncode == 0, done.stderr
        """,
    )


def test_handles_that_go_as_the_interpreter_ends_are_closed_without_a_word(tmp_path: Path) -> None:  # FC-25
    program = tmp_path / "single.py"
    program.write_text(
        "from win32event import CreateMutex\nfrom win32api import CloseHandle\n"
        "class Single:\n    def __init__(self):\n        self.mutex = CreateMutex(None, False, 'only one')\n"
        "    def __del__(self):\n        CloseHandle(self.mutex)\n"
        "app = Single()\n"
    )
    done = subprocess.run([*RUNNERS[0], str(program)], capture_output=True, text=True, timeout=50)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_program_finds_names_of_windows_in_the_environment_and_pipes_in_a_folder(tmp_path: Path) -> None:  # FC-133
    output = run(
        tmp_path,
        r"""
        import glob, os, subprocess, sys, winsound, win32api
        import ntipc
        assert os.environ["USERNAME"] and os.path.isdir(os.environ["temp"]) and os.getenv("COMPUTERNAME")
        assert "APPDATA" in os.environ and os.getenv("NOT_THERE", 5) == 5
        os.environ["One"] = "1"
        assert os.environ["ONE"] == os.environ.copy()["One"] == "1" and os.path.expandvars("%one%x") == "1x"
        shown = "import os; print(os.environ['One'])"
        print(subprocess.check_output([sys.executable, "-c", shown], env=dict(os.environ), text=True), end="")
        del os.environ["ONE"]
        assert "one" not in os.environ and {**os.environ} == os.environ | {}
        with ntipc.PipeServer("mpv socket"), ntipc.PipeServer("other"), ntipc.Mailslot("slot"):
            assert sorted(os.listdir(r"\\.\pipe")) == os.listdir("//./pipe/") == ["mpv socket", "other"]
            print(glob.glob(r"\\.\pipe\mpv*"), list(glob.iglob("//./pipe/o*")), glob.glob("*.py"))
        assert os.listdir(".") == ["program.py"]
        winsound.MessageBeep()
        win32api.MessageBox(0, "text", "title")
        """,
    )
    assert output == "1\n['\\\\\\\\.\\\\pipe\\\\mpv socket'] ['//./pipe/other'] ['program.py']\n"


def test_the_rule_imports_nothing_while_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins

    from ntipc.win32.hook import rule

    def refuse(*arguments: object, **named: object) -> None:
        raise AssertionError("an import in the middle of an import")

    with monkeypatch.context() as changed:
        changed.setattr(builtins, "__import__", refuse)
        libraries = rule._libraries.__wrapped__()
    assert any(folder == os.path.join(os.path.dirname(os.__file__), "") for folder in libraries)


@pytest.mark.parametrize("runner", RUNNERS, ids=["module", "command"])
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("def fails():\n    raise OSError(0, 'ended', None, 109)\nfails()\n", "[WinError 109] ended"),
        ("1 +\n", "SyntaxError: invalid syntax"),
        (
            "import sys\nsys.excepthook = lambda *told: print('mine', told[0].__name__)\n1 / 0\n",
            "mine ZeroDivisionError",
        ),
    ],
)
def test_what_a_program_has_not_caught_is_reported_as_by_the_interpreter(
    tmp_path: Path, runner: list[str], text: str, told: str
) -> None:
    program = tmp_path / "program.py"
    program.write_text(text)
    done = subprocess.run([*runner, str(program)], capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 1 and told in done.stdout + done.stderr
    assert "ntipc" not in done.stderr.replace(str(tmp_path), "")


def test_everything_of_a_module_is_imported_as_on_windows(tmp_path: Path) -> None:
    run(
        tmp_path,
        """
        from subprocess import *
        from signal import *
        from os import *
        from platform import *
        from asyncio import *
        from multiprocessing.connection import *
        assert STARTUPINFO and CREATE_NO_WINDOW and PIPE and CTRL_C_EVENT == 0 and SIGTERM and startfile and listdir
        assert system() == "Windows" and name == "nt" and ProactorEventLoop and gather and PipeConnection and Listener
        """,
    )


MAIN_FILE = """
import os, sys
import beside


def make():
    return OSError(0, "taken", None, 183)


try:
    raise make()
except FileExistsError as problem:
    print(problem.winerror, problem.errno, beside.here)
assert sys.modules["__main__"].make is make and __name__ == "__main__" and __spec__ is None
assert os.path.isabs(__file__) and sys.path[0] == os.path.dirname(os.path.realpath(__file__))
print(sys.argv, __loader__.name)
if len(sys.argv) > 1:
    raise WindowsError(0, "ended", None, int(sys.argv[1]))
"""


@pytest.mark.parametrize("command", [[sys.executable, "child.py"], ["python", "-u", "./child.py"]])
def test_the_main_file_of_a_child_makes_errors_with_codes(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "child.py").write_text(MAIN_FILE)
    (tmp_path / "beside.py").write_text("here = 'beside'\n")
    output = run(
        tmp_path,
        f"""
        import subprocess, sys
        command = {command!r}
        print(subprocess.check_output(subprocess.list2cmdline(command), text=True), end="")
        failed = subprocess.run([*command, "109"], capture_output=True, text=True)
        print(failed.returncode, failed.stderr.splitlines()[-1])
        assert len(failed.stderr.splitlines()) == 4, failed.stderr
        assert 'raise WindowsError(0, "ended", None, int(sys.argv[1]))' in failed.stderr
        """,
    )
    assert output.splitlines() == [
        "183 17 beside",
        f"['{command[-1]}'] __main__",
        "1 BrokenPipeError: [WinError 109] ended",
    ]


def test_a_main_file_without_codes_or_with_mistakes_is_the_interpreters(tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text("import sys\nprint(len(sys.path_hooks), 'OSError(1, 2, 3, 4)')\n")
    (tmp_path / "codes.py").write_text("import sys\nprint(len(sys.path_hooks))\nOSError(0, 'text', None, 5)\n")
    (tmp_path / "wrong.py").write_text("OSError(0, 'text', None, 5\n")
    output = run(
        tmp_path,
        """
        import subprocess
        plain, codes = (subprocess.check_output(["python", name], text=True) for name in ("plain.py", "codes.py"))
        assert plain.split()[0] == codes.split()[0]
        wrong = subprocess.run(["python", "wrong.py"], capture_output=True, text=True)
        print(wrong.returncode, wrong.stderr.splitlines()[-1])
        """,
    )
    assert output.startswith("1 SyntaxError")
