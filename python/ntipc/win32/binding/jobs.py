"""Jobs: processes that are ended together, when somebody says so or when the job is closed."""

from __future__ import annotations

import atexit
import weakref
from operator import index
from typing import Any, Final

from ntipc.errors import NtError
from ntipc.processes import Process
from ntipc.win32.binding.arguments import optional_text
from ntipc.win32.binding.failures import failed, failure
from ntipc.win32.binding.last_error import last
from ntipc.win32.binding.processes import process_of
from ntipc.win32.binding.pyhandle import HandleLike, PyHANDLE, new_handle, object_of_kind
from ntipc.win32.binding.security import SecurityAttributes

BASIC_ACCOUNTING, BASIC_LIMIT, PROCESS_LIST, EXTENDED_LIMIT = 1, 2, 3, 9
KILL_ON_CLOSE: Final = 0x2000
_KILLED: Final = 1

_jobs: weakref.WeakSet[Job] = weakref.WeakSet()


class Job:
    """What a handle of a job leads to.

    Attributes:
        limits: What the program has set.
        processes: The processes that were assigned.
    """

    _kind = "job"
    created = True
    inheritable = False

    def __init__(self) -> None:
        self.limits: dict[str, Any] = {
            "BasicLimitInformation": {
                "PerProcessUserTimeLimit": 0, "PerJobUserTimeLimit": 0, "LimitFlags": 0, "MinimumWorkingSetSize": 0,
                "MaximumWorkingSetSize": 0, "ActiveProcessLimit": 0, "Affinity": 0, "PriorityClass": 0x20,
                "SchedulingClass": 5,
            },
            "IoInfo": dict.fromkeys(
                ("ReadOperationCount", "WriteOperationCount", "OtherOperationCount", "ReadTransferCount",
                 "WriteTransferCount", "OtherTransferCount"), 0),
            "ProcessMemoryLimit": 0, "JobMemoryLimit": 0, "PeakProcessMemoryUsed": 0, "PeakJobMemoryUsed": 0,
        }  # fmt: skip
        self.processes: list[Process] = []
        self._references = 1
        _jobs.add(self)

    @property
    def closed(self) -> bool:
        """Whether all handles are closed."""
        return self._references <= 0

    def duplicate(self, *, access: int | None = None, inheritable: bool = False) -> Job:
        """Return the job itself, which another handle leads to now."""
        self._references += 1
        return self

    def terminate(self, code: int) -> None:
        """End all of its processes."""
        for process in self.processes:
            try:
                process.terminate(code)
            except NtError:
                pass  # it has ended, or is another user's by now

    def close(self) -> None:
        """Close one of its handles; with the last one, what KILL_ON_CLOSE is set for."""
        self._references -= 1
        if self._references <= 0:
            if self.limits["BasicLimitInformation"]["LimitFlags"] & KILL_ON_CLOSE:
                self.terminate(_KILLED)
            for process in self.processes:
                process.close()


def _close_all() -> None:
    for job in list(_jobs):
        if not job.closed:
            job._references = 1
            job.close()


atexit.register(_close_all)


def _job(handle: HandleLike, call: str) -> Job:
    try:
        return object_of_kind(handle, Job)
    except NtError as problem:
        raise failed(problem, call) from None


def CreateJobObject(jobAttributes: SecurityAttributes | None, name: str | None, /) -> PyHANDLE:
    """Create a job.

    Source:
        CreateJobObject (Win32).

    Differs:
        It belongs to this process: others do not find it by its name. What is to end with it ends when it is closed, or
        this process ends in order; not if this process is killed.
    """
    optional_text(name)
    last.code = 0
    return new_handle(Job())


def AssignProcessToJobObject(hJob: HandleLike, hProcess: HandleLike, /) -> None:
    """Have a process end with a job.

    Source:
        AssignProcessToJobObject (Win32).
    """
    job = _job(hJob, "AssignProcessToJobObject")
    process = process_of(hProcess, "AssignProcessToJobObject")
    try:
        job.processes.append(process.duplicate())
    except NtError as problem:
        raise failed(problem, "AssignProcessToJobObject") from None


def TerminateJobObject(hJob: HandleLike, exitCode: int, /) -> None:
    """End all processes of a job.

    Source:
        TerminateJobObject (Win32).
    """
    _job(hJob, "TerminateJobObject").terminate(index(exitCode) & 0x7FFF_FFFF)


def IsProcessInJob(hProcess: HandleLike, hJob: HandleLike, /) -> bool:
    """Say whether a process was assigned to a job; for ``None`` to any.

    Source:
        IsProcessInJob (Win32).
    """
    pid = process_of(hProcess, "IsProcessInJob").pid
    jobs = list(_jobs) if hJob is None else [_job(hJob, "IsProcessInJob")]
    return any(pid == process.pid for job in jobs if not job.closed for process in job.processes)


def QueryInformationJobObject(hJob: HandleLike, JobObjectInfoClass: int, /) -> Any:
    """Tell the limits of a job, its processes, or how many there are.

    Source:
        QueryInformationJobObject (Win32).
    """
    job = _job(hJob, "QueryInformationJobObject")
    live = [process.pid for process in job.processes if not process.wait(0)]
    if JobObjectInfoClass == EXTENDED_LIMIT:
        return {name: dict(value) if isinstance(value, dict) else value for name, value in job.limits.items()}
    if JobObjectInfoClass == BASIC_LIMIT:
        return dict(job.limits["BasicLimitInformation"])
    if JobObjectInfoClass == PROCESS_LIST:
        return tuple(live)
    if JobObjectInfoClass == BASIC_ACCOUNTING:
        return {
            "TotalUserTime": 0, "TotalKernelTime": 0, "ThisPeriodTotalUserTime": 0, "ThisPeriodTotalKernelTime": 0,
            "TotalPageFaultCount": 0, "TotalProcesses": len(job.processes), "ActiveProcesses": len(live),
            "TotalTerminatedProcesses": 0,
        }  # fmt: skip
    raise failure(87, "QueryInformationJobObject")


def SetInformationJobObject(hJob: HandleLike, JobObjectInfoClass: int, JobObjectInfo: dict[str, Any], /) -> None:
    """Set the limits of a job: JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE is heeded.

    Source:
        SetInformationJobObject (Win32).
    """
    job = _job(hJob, "SetInformationJobObject")
    if JobObjectInfoClass == EXTENDED_LIMIT:
        job.limits.update(JobObjectInfo)
    elif JobObjectInfoClass == BASIC_LIMIT:
        job.limits["BasicLimitInformation"] = dict(JobObjectInfo)
    else:
        raise failure(87, "SetInformationJobObject")
