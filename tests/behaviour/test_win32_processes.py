"""Processes and threads by pywin32's names (FC-85, FC-87 to FC-89, FC-137)."""

import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from harness.waiting import wait_until

from ntipc.win32 import (
    pywintypes,
    win32api,
    win32con,
    win32event,
    win32file,
    win32job,
    win32pipe,
    win32process,
    win32security,
)


def code(call: Any, *arguments: object) -> tuple[int, str]:
    with pytest.raises(pywintypes.error) as caught:
        call(*arguments)
    return caught.value.winerror, caught.value.funcname


def start(line: str | None, *, app: str | None = None, inherit: bool = False, flags: int = 0, **more: Any) -> Any:
    info = more.pop("info", None) or win32process.STARTUPINFO()
    environment, folder = more.pop("env", None), more.pop("cwd", None)
    return win32process.CreateProcess(app, line, None, None, inherit, flags, environment, folder, info)


def ended(process: Any) -> int:
    assert win32event.WaitForSingleObject(process, 30_000) == 0
    return win32process.GetExitCodeProcess(process)


def test_a_process_runs_and_ends() -> None:  # FC-85, FC-87, FC-88
    process, thread, pid, tid = start(
        'python.exe -c "import sys; sys.stdin.read(); raise SystemExit(3)"', info=piped()[0]
    )
    assert pid == tid == win32process.GetProcessId(process)
    assert win32process.GetExitCodeProcess(process) == win32con.STILL_ACTIVE == 259
    assert win32event.WaitForSingleObject(process, 0) == 258
    opened = win32api.OpenProcess(win32con.PROCESS_ALL_ACCESS, False, pid)
    win32api.TerminateProcess(opened, 7)
    assert win32event.WaitForMultipleObjects([process, thread], True, 30_000) == 0
    assert win32process.GetExitCodeProcess(process) in (7, 137)
    assert pid in win32process.EnumProcesses() or win32event.WaitForSingleObject(opened, 0) == 0


def piped() -> tuple[Any, Any, Any]:
    """A STARTUPINFO whose input and output are pipes, and the other ends."""
    child_in, our_out = win32pipe.CreatePipe(None, 0)
    our_in, child_out = win32pipe.CreatePipe(None, 0)
    info = win32process.STARTUPINFO()
    info.dwFlags = win32con.STARTF_USESTDHANDLES
    info.hStdInput, info.hStdOutput, info.hStdError = (
        child_in,
        child_out,
        win32api.GetStdHandle(win32api.STD_ERROR_HANDLE),
    )
    return info, our_out, our_in


def test_standard_streams_are_handles() -> None:  # FC-88
    info, our_out, our_in = piped()
    process, *_ = start('python -c "import sys; print(sys.stdin.read().upper(), end=str())"', info=info)
    info.hStdInput.Close()
    info.hStdOutput.Close()
    win32file.WriteFile(our_out, b"hello")
    our_out.Close()
    text = b""
    while True:
        try:
            text += win32file.ReadFile(our_in, 100)[1]
        except pywintypes.error as problem:
            assert problem.winerror == 109
            break
    assert text == b"HELLO"
    assert ended(process) == 0


def test_what_cannot_be_started() -> None:  # FC-87
    with pytest.raises(TypeError, match="can not both be None"):
        start(None)
    with pytest.raises(TypeError):
        win32process.CreateProcess(None, "x", None, None, False, 0, None, None, None)
    assert code(start, "no such program anywhere") == (2, "CreateProcess")
    assert code(win32api.OpenProcess, win32con.PROCESS_ALL_ACCESS, False, 2**22 - 7) == (87, "OpenProcess")
    assert code(win32process.GetExitCodeProcess, win32event.CreateEvent(None, 0, 0, None))[0] == 6
    assert code(win32process.TerminateProcess, 8_000_000, 1)[0] == 6


def test_command_lines_are_those_of_windows(tmp_path: Path) -> None:  # FC-87
    (tmp_path / "show.py").write_text(
        "import sys, os; open(os.environ['OUT'], 'w').write(repr(sys.argv[1:]) + os.getcwd())"
    )
    line = (
        f'"C:\\Program Files\\Python\\python.exe" "{tmp_path}/show.py" plain "two words" "say \\"hi\\"" back\\slash\\\\'
    )
    environment = {"OUT": str(tmp_path / "out"), "PATH": os.environ["PATH"]}
    assert ended(start(line, env=environment, cwd=str(tmp_path))[0]) == 0
    assert (tmp_path / "out").read_text() == repr(["plain", "two words", 'say "hi"', "back\\slash\\\\"]) + str(tmp_path)


def test_children_have_marked_handles_under_their_numbers() -> None:  # HD-05, HD-06, FC-137
    attributes = pywintypes.SECURITY_ATTRIBUTES()
    attributes.bInheritHandle = True
    given, kept = win32event.CreateEvent(attributes, 1, 0, None), win32event.CreateEvent(None, 1, 0, None)
    text = (
        "from ntipc.win32 import win32event as e\n"
        f"e.SetEvent({int(given)})\n"
        "try:\n"
        f"    e.SetEvent({int(kept)})\n"
        "except e.error as problem:\n"
        "    raise SystemExit(problem.winerror)"
    )
    line = f'"{sys.executable}" -c "{text}"'
    assert ended(start(line, inherit=True)[0]) == 6
    assert win32event.WaitForSingleObject(given, 0) == 0
    assert win32event.WaitForSingleObject(kept, 0) == 258
    win32event.ResetEvent(given)
    assert ended(start(line, inherit=False)[0]) != 0
    assert win32event.WaitForSingleObject(given, 0) == 258


def test_children_have_marked_pipes_under_their_numbers() -> None:  # HD-36
    attributes = pywintypes.SECURITY_ATTRIBUTES()
    attributes.bInheritHandle = True
    reader, writer = win32pipe.CreatePipe(attributes, 0)
    win32api.SetHandleInformation(reader, win32con.HANDLE_FLAG_INHERIT, 0)
    text = (
        "from ntipc.win32 import win32file as f, win32pipe as p\n"
        f"f.WriteFile({int(writer)}, b'from the child')\n"
        "new = p.CreatePipe(None, 0)\n"
        f"assert {int(writer)} not in (int(new[0]), int(new[1]))\n"
        "try:\n"
        f"    f.ReadFile({int(reader)}, 1)\n"
        "except f.error as problem:\n"
        "    raise SystemExit(problem.winerror)"
    )
    assert ended(start(f'"{sys.executable}" -c "{text}"', inherit=True)[0]) == 6
    assert win32file.ReadFile(reader, 100) == (0, b"from the child")
    writer.Close()
    assert code(win32file.ReadFile, reader, 1)[0] == 109


def test_handles_go_from_process_to_process(start_peer: Any) -> None:  # HD-11, FC-85
    peer = start_peer()
    peer.run("from ntipc.win32 import win32event as e; keep = e.CreateEvent(None, 0, 0, None)")
    theirs = win32api.OpenProcess(win32con.PROCESS_DUP_HANDLE | win32con.SYNCHRONIZE, False, peer.pid)
    event, me = win32event.CreateEvent(None, 1, 0, None), win32api.GetCurrentProcess()
    there = win32api.DuplicateHandle(me, event, theirs, 0, False, win32con.DUPLICATE_SAME_ACCESS).Detach()
    peer.run(f"e.SetEvent({there})")
    assert win32event.WaitForSingleObject(event, 0) == 0
    number = peer.run("h = e.CreateEvent(None, 1, 1, None); int(h)") or peer.run("int(h)")
    pulled = win32api.DuplicateHandle(theirs, number, me, 0, False, win32con.DUPLICATE_SAME_ACCESS)
    assert win32event.WaitForSingleObject(pulled, 0) == 0
    assert code(win32api.DuplicateHandle, theirs, 8_000_000, me, 0, 0, 2)[0] == 6


def test_pseudo_handles() -> None:  # HD-14, WT-17, WT-18
    me = win32api.GetCurrentProcess()
    assert me == -1
    assert win32api.GetCurrentThread() == -2
    assert win32event.WaitForSingleObject(me, 0) == 258
    assert code(win32event.WaitForMultipleObjects, [me], False, 0)[0] == 6
    real = win32api.DuplicateHandle(me, me, me, 0, False, win32con.DUPLICATE_SAME_ACCESS)
    assert win32process.GetProcessId(real) == os.getpid() == win32process.GetProcessId(me)
    assert win32process.GetProcessTimes(me)["UserTime"] > 0
    assert "python" in win32process.GetModuleFileNameEx(me, 0)


def test_a_suspended_process_goes_on_when_it_is_resumed(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    process, thread, *_ = start(f'python -c "open({str(mark)!r}, chr(119))"', flags=win32con.CREATE_SUSPENDED)
    assert win32event.WaitForSingleObject(process, 300) == 258
    assert not mark.exists()
    win32process.ResumeThread(thread)
    assert ended(process) == 0
    assert mark.exists()


def test_threads_of_this_process() -> None:  # FC-89
    go, seen = threading.Event(), []
    handle, tid = win32process.beginthreadex(None, 0, lambda *args: (go.wait(), seen.append(args)), (1, 2), 0)
    assert tid > 0
    assert win32event.WaitForSingleObject(handle, 0) == 258
    assert win32process.GetExitCodeThread(handle) == 259
    go.set()
    assert win32event.WaitForSingleObject(handle, 30_000) == 0
    assert seen == [(1, 2)]
    opened = win32api.OpenThread(win32con.MAXIMUM_ALLOWED, False, win32api.GetCurrentThreadId())
    assert win32event.WaitForSingleObject(opened, 0) == 258


def test_signals_for_events_of_the_console() -> None:
    process, _, pid, _ = start('python -c "import time; print(1); time.sleep(60)"')
    win32api.GenerateConsoleCtrlEvent(win32con.CTRL_BREAK_EVENT, pid)
    assert ended(process) == 128 + 3


def test_priorities() -> None:
    me = win32api.GetCurrentProcess()
    assert win32process.GetPriorityClass(me) in (0x20, 0x40, 0x80, 0x100, 0x4000, 0x8000)
    win32process.SetPriorityClass(me, win32process.GetPriorityClass(me))
    assert code(win32process.SetPriorityClass, me, 12345)[0] == 87


def test_jobs_end_their_processes() -> None:
    for closing in (False, True):
        job = win32job.CreateJobObject(None, "job")
        process, _, pid, _ = start('python -c "import time; time.sleep(60)"')
        win32job.AssignProcessToJobObject(job, process)
        assert win32job.IsProcessInJob(process, job)
        assert win32job.QueryInformationJobObject(job, win32job.JobObjectBasicProcessIdList) == (pid,)
        info = win32job.QueryInformationJobObject(job, win32job.JobObjectExtendedLimitInformation)
        info["BasicLimitInformation"]["LimitFlags"] |= win32job.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
        win32job.SetInformationJobObject(job, win32job.JobObjectExtendedLimitInformation, info)
        if closing:
            job.Close()
        else:
            win32job.TerminateJobObject(job, 5)
        assert ended(process) != 0
    assert code(win32job.TerminateJobObject, process, 1)[0] == 6


@pytest.mark.parametrize("program", ['python -c "print(1)"', "sh -c exit"])
def test_a_child_that_never_looks_at_its_handles_gives_them_back(program: str) -> None:  # FC-137
    attributes = win32security.SECURITY_ATTRIBUTES()
    attributes.bInheritHandle = True
    reader, writer = win32pipe.CreatePipe(attributes, 0)
    win32api.SetHandleInformation(reader, win32con.HANDLE_FLAG_INHERIT, 0)
    process, *_ = start(program, inherit=True)
    writer.Close()
    with pytest.raises(pywintypes.error) as caught:
        win32file.ReadFile(reader, 10)
    assert caught.value.winerror == 109
    assert ended(process) == 0


def test_a_pipe_is_inherited_and_outlives_its_parents_handle() -> None:  # FC-137
    attributes = win32security.SECURITY_ATTRIBUTES()
    attributes.bInheritHandle = True
    reader, writer = win32pipe.CreatePipe(attributes, 0)
    program = f"from ntipc.win32 import win32file; input(); win32file.WriteFile({int(writer)}, b'later')"
    info, our_out, _ = piped()
    process, *_ = start(f'python -c "{program}"', inherit=True, info=info)
    writer.Close()
    win32file.WriteFile(our_out, b"go\n")
    assert win32file.ReadFile(reader, 10) == (0, b"later")
    assert ended(process) == 0


def test_a_process_further_down_takes_nothing_over(tmp_path: Path) -> None:
    attributes = win32security.SECURITY_ATTRIBUTES()
    attributes.bInheritHandle = True
    reader, writer = win32pipe.CreatePipe(attributes, 0)
    with open(tmp_path / "file", "w") as file:
        descriptor = win32file._get_osfhandle(file.fileno())
        win32api.SetHandleInformation(descriptor, 1, 1)
        program = (
            "import os; from ntipc.win32 import win32file, pywintypes\n"
            "assert 'NTIPC_WIN32_HANDLES' not in os.environ\n"
            f"for handle in {int(writer)}, {descriptor}:\n"
            "    try:\n        win32file.WriteFile(handle, b'x')\n"
            "    except pywintypes.error as problem:\n        assert problem.winerror == 6\n"
            "    else:\n        raise SystemExit(handle)\n"
        )
        (tmp_path / "program.py").write_text(program)
        middle = "import subprocess, sys; sys.exit(subprocess.call([sys.executable, sys.argv[1]]))"
        process, *_ = start(f'python -c "{middle}" "{tmp_path}/program.py"', inherit=True)
        assert ended(process) == 0
    assert reader


@pytest.mark.parametrize("text", ["", "garbage", "cc~~", "Rx4cHQ~pnPX"])
def test_a_variable_that_no_parent_has_written_is_passed_over(text: str) -> None:
    from ntipc.win32.binding.heirlooms import VARIABLE, take_over

    environment = {VARIABLE: text}
    take_over(environment)
    assert environment == {}


@pytest.mark.parametrize("how", ["ends", "closes"])
def test_a_writer_learns_at_once_that_a_child_reads_no_more(how: str) -> None:
    info, to_child, _ = piped()
    program = "raise SystemExit(3)" if how == "ends" else "import os, time; os.close(0); time.sleep(1000)"
    process, *_ = start(f'python -c "{program}"', info=info)
    info.hStdInput.Close()
    wait_until(lambda: refused(to_child))
    win32process.TerminateProcess(process, 3)
    assert win32event.WaitForSingleObject(process, 30_000) == 0


def refused(pipe: Any) -> bool:
    """Whether nobody can read what is written: to look, nothing is."""
    try:
        win32file.WriteFile(pipe, b"")
    except pywintypes.error as problem:
        return bool(problem.winerror == 232)
    return False
