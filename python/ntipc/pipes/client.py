r"""What a client does by the name of a pipe: connect, wait for an instance, or all of one call at once.

>>> import ntipc
>>> with ntipc.PipeServer("times") as server:
...     ntipc.wait_for_pipe(r"\\.\pipe\TIMES", timeout=10)
True
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ntipc import _kernel
from ntipc._runtime.deadlines import Deadline
from ntipc.errors import ObjectNotFound, Status, describe, from_status
from ntipc.objects.devices import Location, locate_pipe
from ntipc.pipes.channel import size_of
from ntipc.pipes.client_end import ClientEnd, wait_for_instance
from ntipc.pipes.pipe import Pipe
from ntipc.pipes.settings import PipeAccess
from ntipc.session.session import Session

if TYPE_CHECKING:
    from typing_extensions import Buffer

_LOOKING = 0.01
"""Seconds between two looks whether a pipe exists by now."""
_ACCESS = {"r": PipeAccess.READ, "w": PipeAccess.WRITE, "rw": PipeAccess.READ | PipeAccess.WRITE}


class PipeClient(Pipe):
    r"""A client's end of a pipe: the constructor connects to the instance that has listened longest.

    Args:
        name: The pipe's name, as ``\\.\pipe\name`` or only the last part, in any case.
        timeout: Seconds to wait for an instance that is free; 0 or less to only try, ``None`` to wait for ever. If a
            number of seconds is given, and there is no such pipe yet, they are also spent on waiting for its server.
        access: ``"r"``, ``"w"`` or ``"rw"``; ``None`` for all that the pipe's direction allows.
        session: The session, or its name; ``None`` for the default one.

    Raises:
        ObjectNotFound: There is no such pipe.
        PipeBusy: Every instance has a client, and none became free in time; a ``TimeoutError``.
        AccessDenied: The direction of the pipe does not allow ``access``.
        InvalidName: ``name`` cannot be the name of a pipe.

    Source:
        CreateFile, WaitNamedPipe (Win32).

    Differs:
        On Windows a client begins in byte mode. This one begins in the mode that is the pipe's type.

    >>> import ntipc
    >>> ntipc.PipeClient("nobody serves this")
    Traceback (most recent call last):
    ntipc.errors.ObjectNotFound: ...
    """

    __slots__ = ()

    def __init__(
        self,
        name: str,
        *,
        timeout: float | None = None,
        access: str | None = None,
        session: Session | str | None = None,
    ) -> None:
        location = locate_pipe(name)
        if access is not None and not isinstance(access, str):
            raise TypeError(f"access must be a str or None, not {type(access).__name__}")
        if access is not None and access not in _ACCESS:
            detail = f"the access must be 'r', 'w' or 'rw', not {access!r}"
            raise from_status(Status.INVALID_PARAMETER, "PipeClient", describe("pipe", location.name), detail)
        wanted = None if access is None else _ACCESS[access]
        super().__init__(_connected(location, location.attachment(session)._native, wanted, timeout, "PipeClient"))


def _connected(
    location: Location, attachment: _kernel.Session, access: PipeAccess | None, timeout: float | None, operation: str
) -> ClientEnd:
    """Connect to an instance; if a number of seconds is given, wait for the server, too."""
    deadline = Deadline(timeout)
    while True:
        try:
            return ClientEnd.open(
                location, attachment, access, deadline.left(), message_reads=True, operation=operation
            )
        except ObjectNotFound:
            if timeout is None or not deadline.left():
                raise
            time.sleep(_LOOKING)


def wait_for_pipe(name: str, timeout: float | None = None, *, session: Session | str | None = None) -> bool:
    r"""Wait until some instance of a pipe is free. It is not reserved: another client may be quicker.

    Args:
        name: The pipe's name.
        timeout: Seconds to wait; 0 or less to only look, ``None`` to wait for ever.
        session: The session, or its name; ``None`` for the default one.

    Returns:
        Whether one is.

    Raises:
        ObjectNotFound: There is no such pipe, or its last server ended meanwhile.

    Source:
        WaitNamedPipe (Win32).
    """
    location = locate_pipe(name)
    return wait_for_instance(location, location.attachment(session)._native, timeout)


def call_pipe(
    name: str,
    data: Buffer | Sequence[Buffer],
    timeout: float | None = None,
    *,
    session: Session | str | None = None,
) -> bytes:
    r"""Connect to a pipe, send one message, take the one that answers it, and close the pipe.

    Args:
        name: The name of a duplex pipe of message type.
        data: The message.
        timeout: Seconds that all of it may take.
        session: The session, or its name; ``None`` for the default one.

    Raises:
        ObjectNotFound: There is no such pipe.
        PipeBusy: No instance was free in time.
        Timeout: No answer came in time.
        EndOfStream: The server was gone before it answered; an ``EOFError``.
        InvalidPipeState: The pipe is of byte type.
        AccessDenied: The pipe is not duplex.

    Source:
        CallNamedPipe (Win32).
    """
    deadline = Deadline(timeout)
    size_of(data)  # before a server takes notice: raises TypeError
    location = locate_pipe(name)
    end = _connected(location, location.attachment(session)._native, _ACCESS["rw"], timeout, "call_pipe")
    try:
        return end.transact(data, None, deadline.left(), operation="call_pipe")[0]
    finally:
        end.close()
