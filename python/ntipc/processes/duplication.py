"""Handles from any process to any other: copied or moved, pushed or pulled."""

from __future__ import annotations

import os
from operator import index
from typing import TypeAlias

from ntipc.errors import Status, from_status
from ntipc.objects.access import Access, rights
from ntipc.objects.object import LARGEST_HANDLE
from ntipc.objects.process_ids import LARGEST_PID, HasPid, pid_of
from ntipc.processes.process import Process
from ntipc.session.session import Session, within

CALL = "duplicate_handle"
AnyProcess: TypeAlias = Process | HasPid | int | None


def duplicate_handle(
    source: AnyProcess,
    number: int,
    target: AnyProcess,
    *,
    access: int | None = None,
    inheritable: bool = False,
    close_source: bool = False,
    session: Session | str | None = None,
) -> int:
    """Make a handle in one process to what a handle of another process leads to.

    Any participant of the session may do so between any two participants, of which it need be neither. Nobody has to
    run for it, nor to agree.

    Args:
        source: The process whose handle it is: a :class:`Process`, a process id, or something with a ``pid``;
            ``None`` for this process.
        number: The handle's number there.
        target: The process that gets the new handle, likewise.
        access: Rights of the new handle; ``None`` for those of the old one.
        inheritable: Mark of the new handle.
        close_source: Whether to close the old handle, in the same step: the handle moves. It is closed even if the
            target cannot be given one. Within one process the number stays the same.
        session: The session, where neither process is given as a :class:`Process`; ``None`` for the default one.

    Returns:
        The number of the new handle in ``target``, where ``Type.from_handle`` makes an object of it.

    Raises:
        HandleClosed: The source has no handle of that number.
        InvalidParameter: A process does not take part in the session.
        AccessDenied: The handle of a process lacks the right ``PROCESS_DUP_HANDLE``, or ``access`` is 0.
        OutOfResources: The target's table is full.

    Source:
        DuplicateHandle, DUPLICATE_CLOSE_SOURCE (Win32); NtDuplicateObject (NT).

    Differs:
        Rights that the old handle does not have may be asked for, as on Windows where the object's security allows it.

    >>> import ntipc, os
    >>> event = ntipc.Event()
    >>> number = duplicate_handle(None, event.handle, os.getpid(), access=ntipc.Access.SYNCHRONIZE)
    >>> with ntipc.Event.from_handle(number) as only_wait:
    ...     event.set(), only_wait.wait()
    (False, True)
    """
    handle = index(number)
    wanted = None if access is None else rights(access, CALL, f"handle {handle}", None)
    if session is None:
        session = source.session if isinstance(source, Process) else None
        session = target.session if session is None and isinstance(target, Process) else session
    native = within(session)._native
    if not 0 < handle <= LARGEST_HANDLE:
        raise from_status(Status.INVALID_HANDLE, CALL, f"handle {handle}")
    ends = _participant(source, handle), _participant(target, handle)
    return native.duplicate_handle(ends[0], handle, ends[1], (wanted, bool(inheritable), bool(close_source)))


def _participant(process: AnyProcess, handle: int) -> tuple[int, int]:
    """Say which process that is: its id, 0 for this one, and, as far as known, its start time."""
    if process is None or process == os.getpid():
        return 0, 0
    subject = f"handle {handle}"
    if isinstance(process, Process):
        if not process.access & Access.PROCESS_DUP_HANDLE:
            detail = f"the handle to process {process.pid} lacks the right PROCESS_DUP_HANDLE, 0x40"
            raise from_status(Status.ACCESS_DENIED, CALL, subject, detail)
        pid, _, start_time = process._identity()
        return pid, start_time
    pid = pid_of(process)
    if not 0 < pid <= LARGEST_PID:
        raise from_status(Status.INVALID_PARAMETER, CALL, subject, f"there is no process {pid}")
    return pid, 0
