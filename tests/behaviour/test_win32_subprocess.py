"""``subprocess``, ``os.popen`` and ``os.system`` as a program on Windows has them (FC-134, FC-137)."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from behaviour.test_win32_imports import run

from ntipc.win32 import _winapi, msvcrt
from ntipc.win32.binding.command_line import for_shell
from ntipc.win32.standard.modules import view_of

subprocess: Any = view_of("subprocess")


@pytest.mark.parametrize(
    "arguments",
    [
        ["python.exe", "-c", "print('here')"],
        ["py", "-3.11", "-c", "print('here')"],
        "python.exe -c \"print('here')\"",
        r'"C:\Python311\pythonw.exe" -c print(\"here\")'.replace("\\\\", "\\"),
        [sys.executable, "-c", "print('here')"],
    ],
)
def test_python_is_this_interpreter(arguments: Any) -> None:  # FC-137
    assert subprocess.check_output(arguments, text=True) == "here\n"


def test_command_lines_are_quoted_as_windows_does(tmp_path: Path) -> None:
    (tmp_path / "a b.py").write_text("import sys; print(sys.argv[1:])")
    line = subprocess.list2cmdline(["python", str(tmp_path / "a b.py"), 'say "x"', "c d", ""])
    assert subprocess.run(line, capture_output=True, text=True).stdout == "['say \"x\"', 'c d', '']\n"
    os_path = ["python", str(tmp_path / "a b.py")]
    assert subprocess.run(os_path, capture_output=True, text=True, shell=True).stdout == "[]\n"


def test_a_program_that_is_not_there_is_told_as_windows_does() -> None:
    for wrong in "no such program.exe", ["none of this name"], Path("/none"), b"none":
        with pytest.raises(FileNotFoundError) as caught:
            subprocess.Popen(wrong)
        assert caught.value.winerror == 2  # type: ignore[attr-defined]
    for wrong in 5, [5], None:
        with pytest.raises(TypeError):
            subprocess.Popen(wrong)


def test_shells_have_python() -> None:
    assert subprocess.getoutput("python -c \"print('by a shell')\"") == "by a shell"
    assert subprocess.call('python.exe -c "raise SystemExit(3)"', shell=True) == 3
    with pytest.raises(subprocess.CalledProcessError):
        subprocess.check_call("exit 1", shell=True)
    assert for_shell("py -3 x.py") == f"{sys.executable} x.py" and for_shell("echo py") == "echo py"
    assert for_shell("") == "" and for_shell("| x") == "| x"


def test_os_runs_commands_and_gives_their_results() -> None:  # FC-137
    os_of_windows: Any = view_of("os")
    with os_of_windows.popen("python -c \"print('popen')\"") as output:
        assert output.read() == "popen\n"
    assert os_of_windows.system('python -c "raise SystemExit(5)"') == 5


def test_options_of_windows_are_accepted() -> None:  # FC-134
    info = subprocess.STARTUPINFO(dwFlags=subprocess.STARTF_USESHOWWINDOW, wShowWindow=subprocess.SW_HIDE)
    twin = info.copy()
    twin.lpAttributeList["handle_list"].append(4)
    assert info.lpAttributeList == {"handle_list": []} and twin.wShowWindow == 0
    flags = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
    done = subprocess.run("python -c pass", startupinfo=info, creationflags=flags, check=True, close_fds=False)
    assert done.returncode == 0 and done.args == "python -c pass"
    process = subprocess.Popen("python -c pass", -1, None, None, subprocess.PIPE, None, None, True, False, None, None)
    assert process.communicate() == (b"", None)


def test_standard_handles_of_startupinfo() -> None:
    reader, writer = _winapi.CreatePipe(None, 0)
    info = subprocess.STARTUPINFO(dwFlags=subprocess.STARTF_USESTDHANDLES, hStdOutput=writer)
    process = subprocess.Popen("python -c \"print('to a handle')\"", startupinfo=info)
    _winapi.CloseHandle(writer)
    assert process.wait(30) == 0
    assert _winapi.ReadFile(reader, 100) == (b"to a handle\n", 0)


def test_a_process_has_a_handle() -> None:
    process = subprocess.Popen('python -c "input(); raise SystemExit(5)"', stdin=subprocess.PIPE)
    assert _winapi.WaitForSingleObject(process._handle, 0) == _winapi.WAIT_TIMEOUT
    assert int(process._handle) == process._handle and repr(process._handle).startswith("Handle(")
    process.communicate(b"\n")
    assert _winapi.GetExitCodeProcess(int(process._handle)) == process.returncode == 5
    process._handle.Close()
    process._handle.Close()
    with pytest.raises(ValueError, match="already closed"):
        process._handle.Detach()


def test_control_events_are_signals() -> None:
    signals: Any = view_of("signal")
    program = (
        "import signal, sys; signal.signal(signal.SIGQUIT, lambda *a: sys.exit(7)); print(flush=True); signal.pause()"
    )
    flags = subprocess.CREATE_NEW_PROCESS_GROUP
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, creationflags=flags) as process:
        process.stdout.readline()
        assert os.getpgid(process.pid) == process.pid
        process.send_signal(signals.CTRL_BREAK_EVENT)
        assert process.wait(30) == 7
    with subprocess.Popen('python -c "print(flush=True); input()"', stdin=-1, stdout=-1) as process:
        process.stdout.readline()
        process.terminate()
        assert process.wait(30) == -signal.SIGTERM


@pytest.mark.parametrize("listed", [True, False])
def test_files_and_pipes_are_inherited_by_number(tmp_path: Path, listed: bool) -> None:  # FC-75, FC-137
    (tmp_path / "child.py").write_text(
        "import msvcrt, os, sys, win32file\n"
        "with os.fdopen(msvcrt.open_osfhandle(int(sys.argv[1]), 0), 'w') as file:\n"
        "    print('by descriptor', file=file)\n"
        "win32file.WriteFile(int(sys.argv[2]), b'by handle')\n"
    )
    output = run(
        tmp_path,
        f"""
        import msvcrt, os, subprocess, sys, win32pipe, win32file, pywintypes
        reader, writer = os.pipe()
        handle = msvcrt.get_osfhandle(writer)
        assert not os.get_handle_inheritable(handle)
        attributes = pywintypes.SECURITY_ATTRIBUTES()
        attributes.bInheritHandle = True
        ours, theirs = win32pipe.CreatePipe(attributes, 0)
        info = subprocess.STARTUPINFO()
        if {listed}:
            info.lpAttributeList["handle_list"] = [handle, int(theirs)]
        else:
            os.set_handle_inheritable(handle, True)
        command = [sys.executable, "child.py", str(handle), str(int(theirs))]
        child = subprocess.Popen(command, close_fds={listed}, startupinfo=info)
        assert child.wait() == 0
        os.close(writer)
        print(os.fdopen(reader).read(), win32file.ReadFile(ours, 100))
        """,
    )
    assert output == "by descriptor\n (0, b'by handle')\n"


def test_an_environment_of_the_programs_own_leaves_the_modules(tmp_path: Path) -> None:  # FC-137
    output = run(
        tmp_path,
        """
        import subprocess, sys
        print(subprocess.check_output([sys.executable, "-c", "import win32event, os; print(len(os.environ['ONE']))"],
              env={"ONE": "1"}, text=True), end="")
        """,
    )
    assert output == "1\n"


def test_marks_of_handles_are_those_of_os(tmp_path: Path) -> None:
    os_of_windows: Any = view_of("os")
    with open(tmp_path / "file", "w") as file:
        handle = msvcrt.get_osfhandle(file.fileno())
        os_of_windows.set_handle_inheritable(handle, True)
        assert os_of_windows.get_handle_inheritable(handle)
    with pytest.raises(OSError) as caught:
        os_of_windows.set_handle_inheritable(4_000_000, True)
    assert caught.value.winerror == 6  # type: ignore[attr-defined]
