"""Why Linux refuses to let this process at the memory of another one, as far as can be found out afterwards."""

from __future__ import annotations

import os
from pathlib import Path

_YAMA = Path("/proc/sys/kernel/yama/ptrace_scope")
_SCOPES = {
    1: "it is 1: only a process's ancestors, or the one that it names with prctl(PR_SET_PTRACER), may",
    2: "it is 2: only a process with CAP_SYS_PTRACE may",
    3: "it is 3: nobody may",
}


def reason(pid: int) -> str:
    """Say which rule of Linux refuses, by its name.

    The rules: the same user and group, a process that may be dumped, no more capabilities than one's own, and what
    ``/proc/sys/kernel/yama/ptrace_scope`` says.
    """
    fields = _status(pid)
    own = _status(os.getpid())
    reasons = []
    for what, word in ("Uid", "user"), ("Gid", "group"):
        numbers = set(fields.get(what, "").split())
        if numbers and numbers != {own.get(what, "").split()[0]}:
            reasons.append(f"it runs as {word} {'/'.join(sorted(numbers))}, this process as {own[what].split()[0]}")
    if not reasons and _is_undumpable(pid, fields):
        reasons.append("it may not be dumped (prctl PR_SET_DUMPABLE, or a program that may not be read)")
    theirs, ours = (int(found.get("CapPrm", "0"), 16) for found in (fields, own))
    if theirs & ~ours:
        reasons.append(f"it has capabilities that this process has not ({theirs & ~ours:#x})")
    scope = _scope()
    if scope in _SCOPES:
        reasons.append(f"/proc/sys/kernel/yama/ptrace_scope: {_SCOPES[scope]}")
    if not reasons:
        reasons.append("a security module, a user namespace or the system call filter of a container")
    return "; ".join(reasons)


def _status(pid: int) -> dict[str, str]:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(errors="replace").splitlines()
    except OSError:
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _is_undumpable(pid: int, fields: dict[str, str]) -> bool:
    """Linux gives the files of what may not be dumped to root."""
    try:
        owner = os.stat(f"/proc/{pid}/maps").st_uid
    except OSError:
        return False
    uids = fields.get("Uid", "").split()
    return len(uids) > 1 and owner != int(uids[1])


def _scope() -> int | None:
    try:
        return int(_YAMA.read_text())
    except (OSError, ValueError):
        return None
