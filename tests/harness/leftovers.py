"""What a test may have left behind: directories of its sessions, and child processes."""

import multiprocessing.resource_tracker
import os
from pathlib import Path

from harness.nursery import QuickPeer


def base() -> Path:
    """The directory that holds all sessions."""
    return Path(os.environ.get("NTIPC_DIR") or "/dev/shm")


def session_paths(*names: str) -> list[Path]:
    """Directories, of any state of making or unmaking, that belong to the named sessions."""
    return [path for path in base().iterdir() if any(name in path.name for name in names)]


def child_processes() -> set[int]:
    """Ids of this process's children, except two that stay for good: multiprocessing's tracker and the nursery."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return set()
    children = {
        int(path.name)
        for path in Path("/proc").iterdir()
        if path.name.isdigit() and parent_of(path) == os.getpid() and not starts_a_caretaker(path)
    }
    tracker = multiprocessing.resource_tracker._resource_tracker._pid  # type: ignore[attr-defined]
    return children - {tracker, QuickPeer.nursery and QuickPeer.nursery.process.pid}


def starts_a_caretaker(process: Path) -> bool:
    """Whether it is the library's own, and gone in a moment."""
    try:
        return (process / "comm").read_text() == "ntipc-starter\n"
    except (FileNotFoundError, ProcessLookupError):
        return True


def parent_of(process: Path) -> int | None:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return None
