"""From Python's exceptions back to the numbers in the recordings."""

from typing import Any

INVALID_HANDLE, INVALID_PARAMETER, ALREADY_EXISTS = 6, 87, 183
WAIT_ABANDONED, WAIT_TIMEOUT = 128, 258
OBJECT_TYPE_MISMATCH = 0xC0000024


def last_error(problem: Exception) -> int:
    """The Win32 code; a call on an object of another class is Python's own TypeError."""
    code = getattr(problem, "winerror", None)
    if code is not None:
        return int(code)
    if isinstance(problem, TypeError):
        return INVALID_HANDLE
    if isinstance(problem, ValueError):
        return INVALID_PARAMETER
    raise problem


def status(problem: Exception) -> str:
    """The NTSTATUS as the recordings write it."""
    code = getattr(problem, "status", None)
    if code is None and isinstance(problem, TypeError):
        code = OBJECT_TYPE_MISMATCH
    if code is None:
        raise problem
    return f"0x{code:08x}"


def failed(problem: Exception) -> dict[str, Any]:
    return {"ok": False, "err": last_error(problem)}


def wait_failed(problem: Exception) -> dict[str, Any]:
    return {"ret": "WAIT_FAILED", "err": last_error(problem)}
