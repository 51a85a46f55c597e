"""Services in debug mode, and printing for another process, by pywin32's names (FC-91, FC-92, advice 8)."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from ntipc.win32 import servicemanager, win32api, win32event, win32service, win32serviceutil, win32trace

SERVICE = """
import sys, win32serviceutil, win32service, win32event, servicemanager

class Server(win32serviceutil.ServiceFramework):
    _svc_name_, _svc_display_name_, _svc_description_ = "server", "Server", "Serves"

    def __init__(self, args):
        win32serviceutil.ServiceFramework.__init__(self, args)
        self.stop_event = win32event.CreateEvent(None, 0, 0, None)

    def SvcStop(self):
        self.ReportServiceStatus(win32service.SERVICE_STOP_PENDING)
        win32event.SetEvent(self.stop_event)

    def SvcDoRun(self):
        servicemanager.LogMsg(
            servicemanager.EVENTLOG_INFORMATION_TYPE, servicemanager.PYS_SERVICE_STARTED, (self._svc_name_, ""))
        print("running", flush=True)
        win32event.WaitForSingleObject(self.stop_event, win32event.INFINITE)
        print("stopped", flush=True)

if __name__ == "__main__":
    {main}
"""
BY_COMMAND_LINE = "win32serviceutil.HandleCommandLine(Server)"
BY_DISPATCHER = (
    "servicemanager.Initialize(); servicemanager.PrepareToHostSingle(Server); "
    "servicemanager.StartServiceCtrlDispatcher()"
)


@pytest.mark.parametrize(
    ("main", "arguments", "number"),
    [
        (BY_COMMAND_LINE, ["debug"], signal.SIGTERM),
        (BY_COMMAND_LINE, [], signal.SIGINT),
        (BY_DISPATCHER, [], signal.SIGHUP),
    ],
    ids=["debug", "nothing", "dispatcher"],
)
def test_a_service_runs_until_it_is_asked_to_stop(tmp_path: Path, main: str, arguments: list[str], number: int) -> None:
    program = tmp_path / "server.py"
    program.write_text(SERVICE.format(main=main))
    process = subprocess.Popen(
        [sys.executable, "-m", "ntipc.win32", str(program), *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    while "running" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(number)
    output, errors = process.communicate(timeout=30)
    assert output.strip().endswith("stopped")
    assert "Info 0x40001002 - The server service has started." in errors
    assert process.returncode == 0


class Unmade(win32serviceutil.ServiceFramework):
    _svc_name_ = "unmade"


def test_install_prints_a_unit(capsys: Any) -> None:
    assert win32serviceutil.HandleCommandLine(Unmade, argv=["prog.py", "install"]) == 0
    unit = capsys.readouterr().out
    assert f"ExecStart={sys.executable} -m ntipc.win32 {os.path.abspath('prog.py')} debug" in unit
    assert win32serviceutil.HandleCommandLine(Unmade, argv=["prog.py", "start"]) == 1
    assert "systemctl" in capsys.readouterr().err


def test_services_of_the_machine_are_none() -> None:
    manager = win32service.OpenSCManager(None, None, win32service.SC_MANAGER_ALL_ACCESS)
    for call in (
        lambda: win32service.OpenService(manager, "Spooler", win32service.SERVICE_ALL_ACCESS),
        lambda: win32serviceutil.StartService("Spooler"),
        lambda: win32serviceutil.QueryServiceStatus("Spooler"),
    ):
        with pytest.raises(win32service.error) as caught:
            call()
        assert caught.value.winerror == 1060
    assert servicemanager.RunningAsService() is False


def test_a_trace_must_be_set_up() -> None:  # FC-91
    for call, text in ((win32trace.read, "reading"), (lambda: win32trace.write("x"), "writing")):
        with pytest.raises(win32trace.error) as caught:
            call()
        assert caught.value.args == (0, None, f"The module has not been setup for {text}")
    win32trace.InitRead()
    with pytest.raises(win32trace.error) as caught:
        win32trace.InitRead()
    assert caught.value.args == (0, None, "DoOpenMap, already open")
    win32trace.TermRead()


@pytest.fixture
def trace() -> Any:
    win32trace.InitRead()
    win32trace.InitWrite()
    yield win32trace
    win32trace.TermRead()
    win32trace.TermWrite()


def test_what_is_written_is_read_elsewhere(trace: Any, start_peer: Any) -> None:  # FC-91, FC-92
    peer = start_peer()
    peer.run("from ntipc.win32 import win32trace; win32trace.InitWrite()")
    peer.run("win32trace.write('from \\xe4far')")
    assert trace.blockingread(10_000) == "from \xe4far"
    assert trace.read() == ""
    assert trace.blockingread(0) == ""
    assert win32event.WaitForSingleObject(trace.GetHandle(), 0) in (0, 258)
    tracer = trace.GetTracer()
    print("printed", file=tracer)
    assert (tracer.read(), tracer.isatty(), tracer.softspace) == ("printed\n", 0, 0)


def test_many_writers_lose_nothing_while_somebody_reads(trace: Any) -> None:  # FC-92
    lines = 200

    def write(number: int) -> None:
        for line in range(lines):
            trace.write(f"{number}:{line}\n")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    text = ""
    while text.count("\n") < 5 * lines:
        text += trace.blockingread(10_000)
    for thread in threads:
        thread.join()
    for number in range(5):
        assert [line for line in text.split() if line.startswith(f"{number}:")] == [
            f"{number}:{n}" for n in range(lines)
        ]


def test_text_that_nobody_reads_is_thrown_away(trace: Any) -> None:  # FC-92
    for _ in range(4):
        trace.write("x" * 0x10000)
    assert set(trace.read()) == {"x"}


HANDLERS = """
import os, signal, threading, win32api
events, done = [], threading.Event()
def last(event): events.append(("last", event)); done.set(); return True
def first(event): events.append(("first", event)); return False
win32api.SetConsoleCtrlHandler(last, True)
win32api.SetConsoleCtrlHandler(first)
for number, event in ((signal.SIGINT, 0), (signal.SIGQUIT, 1), (signal.SIGTERM, 2)):
    done.clear(); events.clear()
    os.kill(os.getpid(), number)
    assert done.wait(20)
    assert events == [("first", event), ("last", event)], events
win32api.SetConsoleCtrlHandler(last, False)
try:
    os.kill(os.getpid(), signal.SIGINT)
    threading.Event().wait(20)
except KeyboardInterrupt:
    print("interrupted")
try:
    win32api.SetConsoleCtrlHandler(last, False)
except ValueError:
    print("not there")
win32api.SetConsoleCtrlHandler(first, False)
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
"""


def test_handlers_of_the_console(tmp_path: Path) -> None:  # FC-86
    (tmp_path / "p.py").write_text(HANDLERS)
    command = [sys.executable, "-m", "ntipc.win32", str(tmp_path / "p.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert (done.stdout.split("\n")[:2], done.returncode) == (["interrupted", "not there"], 0), done.stderr
    assert win32api.GetTickCount() > 0
