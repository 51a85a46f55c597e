"""What can go wrong: one table of NT statuses, exceptions and Win32 error codes.

Every failure of the library is an :class:`NtError` and also the built-in exception that a Python
program would catch anyway: an object that is not there is a ``FileNotFoundError``, a right that a
handle lacks is a ``PermissionError``. A wait that runs out of time is no failure; it returns ``False`` or ``None``.

    >>> import ntipc
    >>> try:
    ...     ntipc.Event.open("nobody made this")
    ... except FileNotFoundError as problem:
    ...     print(type(problem).__name__, hex(problem.status), problem.winerror)
    ObjectNotFound 0xc0000034 2
"""

from __future__ import annotations

import errno as _errno
from typing import NamedTuple

from ntipc.statuses import Status as Status


class NtError(OSError):
    """A call failed; the message names the object, the call, what happened and what to do.

    Attributes:
        status: The NT status; a :class:`Status` where the library knows the number.
        winerror: The Win32 error code that belongs to the status.
        operation: The call that failed, such as ``"Event.set"``.
        subject: The object it was made on, such as ``"event 'ready'"``; may be empty.
        errno: The nearest ``errno`` of Linux, or ``None``.
    """

    status: int = Status.UNSUCCESSFUL
    winerror: int = 31

    def __init__(
        self,
        message: str = "",
        *,
        status: int | None = None,
        winerror: int | None = None,
        errno: int | None = None,
        operation: str = "",
        subject: str = "",
    ) -> None:
        if status is not None:
            self.status = status
        if winerror is not None:
            self.winerror = winerror
        self.operation = operation
        self.subject = subject
        self._message = message
        if errno is None:
            super().__init__(message)
        else:
            super().__init__(errno, message)

    def __str__(self) -> str:
        return self._message

    def __reduce__(self) -> tuple[object, ...]:
        details = (self.status, self.winerror, self.errno, self.operation, self.subject)
        return _restore, (type(self), self._message, *details), vars(self)


def _restore(
    kind: type[NtError], message: str, status: int, winerror: int, errno: int | None, operation: str, subject: str
) -> NtError:
    return kind(message, status=status, winerror=winerror, errno=errno, operation=operation, subject=subject)


class ObjectNotFound(NtError, FileNotFoundError):
    """No object of this name exists in the session."""

    status = Status.OBJECT_NAME_NOT_FOUND
    winerror = 2


class PathNotFound(ObjectNotFound):
    """The name has a path in front of it that does not exist, or the sessions' directory is missing."""

    status = Status.OBJECT_PATH_NOT_FOUND
    winerror = 3


class ObjectExists(NtError, FileExistsError):
    """``create`` insists on a new object and the name is taken."""

    status = Status.OBJECT_NAME_COLLISION
    winerror = 183


class ObjectTypeMismatch(NtError, TypeError):
    """The name or handle belongs to an object of another type."""

    status = Status.OBJECT_TYPE_MISMATCH
    winerror = 6


class InvalidName(NtError, ValueError):
    """The text cannot be the name of an object or session."""

    status = Status.OBJECT_NAME_INVALID
    winerror = 123


class InvalidParameter(NtError, ValueError):
    """An argument is of the right type and has an impossible value."""

    status = Status.INVALID_PARAMETER
    winerror = 87


class InvalidParameterMix(InvalidParameter):
    """One object was given twice to a wait for all."""

    status = Status.INVALID_PARAMETER_MIX
    winerror = 87


class AccessDenied(NtError, PermissionError):
    """The handle, the session's mode or the section's protection does not allow this."""

    status = Status.ACCESS_DENIED
    winerror = 5


class HandleClosed(NtError, ValueError):
    """The object has been closed, or the handle value is not one of this process."""

    status = Status.INVALID_HANDLE
    winerror = 6


class LimitExceeded(NtError, ValueError):
    """A release would take a semaphore past its maximum, or a mutex was acquired too often; nothing has changed."""

    status = Status.SEMAPHORE_LIMIT_EXCEEDED
    winerror = 298


class NotOwner(NtError, RuntimeError):
    """A mutex was released by a thread that does not own it; nothing has changed."""

    status = Status.MUTANT_NOT_OWNED
    winerror = 288


class MappedAlignment(NtError, ValueError):
    """The offset of a view is not a multiple of 64 KiB."""

    status = Status.MAPPED_ALIGNMENT
    winerror = 1132


class InvalidViewSize(NtError, ValueError):
    """A view would begin or end outside its section."""

    status = Status.INVALID_VIEW_SIZE
    winerror = 5


class FileInvalid(NtError, ValueError):
    """The file of a section is empty, not an ordinary file, or no longer the one that was opened."""

    status = Status.FILE_INVALID
    winerror = 1006


class OutOfResources(NtError, MemoryError):
    """Memory, disk space or a table of the session is used up; nothing has changed."""

    status = Status.INSUFFICIENT_RESOURCES
    winerror = 1450


class MailslotFull(OutOfResources, BlockingIOError):
    """A mailslot holds as many bytes as it may; the message was not written."""

    status = Status.QUOTA_EXCEEDED
    winerror = 1816


class SessionMismatch(NtError):
    """The session was made by a version of the library with another layout of shared memory."""

    status = Status.REVISION_MISMATCH
    winerror = 1306


class SessionDamaged(NtError):
    """The session's files contradict themselves and cannot be used."""

    status = Status.DATA_ERROR
    winerror = 23


class SessionClosed(NtError, ValueError):
    """This process has left the session."""

    status = Status.PROCESS_IS_TERMINATING
    winerror = 5


class StillInUse(NtError, RuntimeError):
    """Something cannot be closed yet because this process still uses it."""

    status = Status.DEVICE_BUSY
    winerror = 170


class NotSupported(NtError, NotImplementedError):
    """This machine cannot do it."""

    status = Status.NOT_SUPPORTED
    winerror = 50


class Timeout(NtError, TimeoutError):
    """A call that must hand something over ran out of time.

    Attributes:
        characters_written: Of a stream, how many bytes were written before that.
    """

    characters_written: int = 0
    status = Status.TIMEOUT
    winerror = 1460


class PeerGone(NtError, BrokenPipeError):
    """The other end was closed or its process has died."""

    status = Status.PIPE_BROKEN
    winerror = 109


class EndOfStream(PeerGone, EOFError):
    """Nothing more can come: what was sent has been read, and the other end was closed or its process has died."""


class ReplyLost(PeerGone):
    """No reply can come: whoever had the request ended without one, or nobody is left to take it."""

    status = Status.LPC_REPLY_LOST
    winerror = 1359


class ReplyMismatch(NtError, ValueError):
    """Nobody waits for this reply: it was given before, the caller has given up, or the message is no request."""

    status = Status.REPLY_MESSAGE_MISMATCH
    winerror = 317


class BufferTooSmall(NtError, ValueError):
    """The next message is longer than the buffer; it stays where it is."""

    status = Status.BUFFER_TOO_SMALL
    winerror = 122


class PipeBusy(Timeout, BlockingIOError):
    """Every instance of the pipe has a client, and none became free in time; or there may be no more instances."""

    status = Status.PIPE_NOT_AVAILABLE
    winerror = 231


class PipeEmpty(Timeout, BlockingIOError):
    """There is nothing to read now, and the pipe is in non-blocking mode."""

    status = Status.PIPE_EMPTY
    winerror = 232


class InvalidPipeState(NtError, RuntimeError):
    """The pipe's end, as it is now, cannot do this: it is not connected, or not in message mode, or a client's."""

    status = Status.INVALID_PIPE_STATE
    winerror = 230


class ConnectionRefused(NtError, ConnectionRefusedError):
    """The server of the port refused the connection."""

    status = Status.PORT_CONNECTION_REFUSED
    winerror = 5


class AbandonedMutexWarning(RuntimeWarning):
    """A mutex was acquired whose previous owner ended without releasing it.

    The caller owns the mutex now; the data it protects may be half changed.
    """


class Row(NamedTuple):
    """One line of :data:`TABLE`."""

    status: Status
    winerror: int
    exception: type[NtError]
    errno: int | None
    problem: str
    advice: str


TABLE: tuple[Row, ...] = (
    Row(Status.TIMEOUT, 1460, Timeout, _errno.ETIMEDOUT,
        "the time ran out", "Give a longer timeout, or None to wait for ever"),
    Row(Status.DEVICE_BUSY, 170, StillInUse, _errno.EBUSY,
        "it is still in use by this process", "Close the objects and views that this process has open first"),
    Row(Status.UNSUCCESSFUL, 31, NtError, None,
        "it failed", "Look at the status for the reason"),
    Row(Status.INVALID_HANDLE, 6, HandleClosed, _errno.EBADF,
        "the object is closed, or the handle is not one of this process", "Open the object again"),
    Row(Status.INVALID_PARAMETER, 87, InvalidParameter, _errno.EINVAL,
        "an argument has an impossible value", "Correct the argument"),
    Row(Status.NO_MEMORY, 8, OutOfResources, _errno.ENOMEM,
        "there is not enough memory", "Ask for less, or free memory"),
    Row(Status.INVALID_VIEW_SIZE, 5, InvalidViewSize, _errno.EINVAL,
        "the view would lie outside the section", "Keep offset + size within section.size"),
    Row(Status.ACCESS_DENIED, 5, AccessDenied, _errno.EACCES,
        "access is denied",
        "Open the object with the right that this call needs, or check the owner and mode of what it lies in"),
    Row(Status.BUFFER_TOO_SMALL, 122, BufferTooSmall, _errno.EMSGSIZE,
        "the buffer is shorter than the next message, which stays where it is", "Give a longer buffer"),
    Row(Status.OBJECT_TYPE_MISMATCH, 6, ObjectTypeMismatch, _errno.EINVAL,
        "the object is of another type",
        "Events, semaphores, mutexes, timers, event pairs, sections and queues share one namespace: use another name,"
        " or the class that made this one"),
    Row(Status.INVALID_PARAMETER_MIX, 87, InvalidParameterMix, _errno.EINVAL,
        "the same object was given twice", "Give each object once"),
    Row(Status.OBJECT_NAME_INVALID, 123, InvalidName, _errno.EINVAL,
        "the name is not valid", "Use up to 32,766 UTF-16 units without NUL"),
    Row(Status.OBJECT_NAME_NOT_FOUND, 2, ObjectNotFound, _errno.ENOENT,
        "nothing of this name exists",
        "Check the spelling (names are case sensitive) and the session, or let the constructor create it"),
    Row(Status.OBJECT_NAME_COLLISION, 183, ObjectExists, _errno.EEXIST,
        "the name is taken", "Use the constructor or open() to open the existing object, or choose another name"),
    Row(Status.PORT_DISCONNECTED, 6, PeerGone, _errno.EPIPE,
        "the other side of the port is gone", "Connect again"),
    Row(Status.OBJECT_PATH_NOT_FOUND, 3, PathNotFound, _errno.ENOENT,
        "the path in front of the name does not exist",
        r"Use a plain name, or one that begins with Local\, Global\ or \BaseNamedObjects" "\\"),
    Row(Status.DATA_ERROR, 23, SessionDamaged, _errno.EIO,
        "the session's shared memory is damaged",
        "End all programs that use the session, remove its directory and start again"),
    Row(Status.SECTION_TOO_BIG, 8, OutOfResources, _errno.ENOMEM,
        "the section is too big", "Ask for a smaller size, or open a larger file"),
    Row(Status.PORT_CONNECTION_REFUSED, 5, ConnectionRefused, _errno.ECONNREFUSED,
        "the server refused the connection", "Ask the server's makers for the reason"),
    Row(Status.QUOTA_EXCEEDED, 1816, OutOfResources, _errno.ENOMEM,
        "a table of the session is full", "Close objects that are no longer needed"),
    Row(Status.MUTANT_NOT_OWNED, 288, NotOwner, _errno.EPERM,
        "the calling thread does not own the mutex", "Release it in the thread that acquired it, once per acquire"),
    Row(Status.SEMAPHORE_LIMIT_EXCEEDED, 298, LimitExceeded, _errno.EOVERFLOW,
        "the count would pass the maximum; nothing was added", "Release only what was acquired"),
    Row(Status.SECTION_PROTECTION, 87, AccessDenied, _errno.EACCES,
        "the section's protection does not allow this access", "Map it with an access that the section allows"),
    Row(Status.REVISION_MISMATCH, 1306, SessionMismatch, None,
        "the session belongs to another version of ntipc",
        "Use the same version in all programs, or another session (NTIPC_SESSION)"),
    Row(Status.DISK_FULL, 112, OutOfResources, _errno.ENOSPC,
        "there is no space left", "Free space there (df shows it), or ask for less"),
    Row(Status.FILE_INVALID, 1006, FileInvalid, _errno.EINVAL,
        "the file cannot back a section", "Use an ordinary file that stays where it is"),
    Row(Status.INSUFFICIENT_RESOURCES, 1450, OutOfResources, _errno.ENOMEM,
        "the system has no more resources for this", "Close objects or ask for less"),
    Row(Status.PIPE_NOT_AVAILABLE, 231, PipeBusy, _errno.EAGAIN,
        "every instance of the pipe is busy", "Wait for a free instance"),
    Row(Status.INSTANCE_NOT_AVAILABLE, 231, PipeBusy, _errno.EAGAIN,
        "the pipe has as many instances as it may have", "Close an instance, or give the first one a larger maximum"),
    Row(Status.INVALID_PIPE_STATE, 230, InvalidPipeState, _errno.ENOTCONN,
        "the instance has no client", "Connect it first"),
    Row(Status.PIPE_BUSY, 231, PipeBusy, _errno.EAGAIN,
        "there is data in the way", "Let it be read first"),
    Row(Status.ILLEGAL_FUNCTION, 1, InvalidPipeState, _errno.EINVAL,
        "only a server's end can do this", "Do it at the server's end"),
    Row(Status.PIPE_CONNECTED, 535, InvalidPipeState, _errno.EISCONN,
        "the instance has a client", "Use it, or disconnect it first"),
    Row(Status.PIPE_LISTENING, 536, InvalidPipeState, _errno.ENOTCONN,
        "no client has come yet", "Wait until one is connected"),
    Row(Status.INVALID_READ_MODE, 230, InvalidPipeState, _errno.EINVAL,
        "the end is not in message mode", 'Set its mode to "message", which takes a pipe of message type'),
    Row(Status.PIPE_EMPTY, 232, PipeEmpty, _errno.EAGAIN,
        "there is nothing to read", "Wait for it, or read later"),
    Row(Status.PIPE_DISCONNECTED, 233, PeerGone, _errno.EPIPE,
        "the pipe was disconnected", "Connect again"),
    Row(Status.PIPE_CLOSING, 232, PeerGone, _errno.EPIPE,
        "the reading end is closed", "Open it again when there is somebody who reads"),
    Row(Status.IO_TIMEOUT, 121, Timeout, _errno.ETIMEDOUT,
        "the time ran out", "Give a longer timeout, or None to wait for ever"),
    Row(Status.NOT_SUPPORTED, 50, NotSupported, _errno.ENOTSUP,
        "this is not supported", "See the documentation of the call for what is"),
    Row(Status.PROCESS_IS_TERMINATING, 5, SessionClosed, _errno.ESHUTDOWN,
        "this process has left the session", "Attach to it again with ntipc.Session(name)"),
    Row(Status.MAPPED_FILE_SIZE_ZERO, 1006, FileInvalid, _errno.EINVAL,
        "the file is empty", "Give a size, or put something into the file first"),
    Row(Status.TOO_MANY_THREADS, 565, OutOfResources, _errno.EAGAIN,
        "the session's table of threads or processes is full", "End some of the processes or threads that use it"),
    Row(Status.PIPE_BROKEN, 109, PeerGone, _errno.EPIPE,
        "the other end is gone", "Connect again"),
    Row(Status.MUTANT_LIMIT_EXCEEDED, 587, LimitExceeded, _errno.EOVERFLOW,
        "the mutex has been acquired too often by its owner", "Release it once per acquire"),
    Row(Status.REPLY_MESSAGE_MISMATCH, 317, ReplyMismatch, _errno.EINVAL,
        "the reply is not waited for", "Reply once, to a request that this process has received"),
    Row(Status.LPC_REPLY_LOST, 1359, ReplyLost, _errno.EPIPE,
        "no reply will come", "Call again when there is somebody who answers"),
    Row(Status.MAPPED_ALIGNMENT, 1132, MappedAlignment, _errno.EINVAL,
        "the offset is not a multiple of 65536", "Map from a multiple of 65536 and slice the view"),
)  # fmt: skip
"""Every status that can be raised, with the one exception and the one Win32 code that belong to it."""

_BY_STATUS: dict[int, Row] = {row.status: row for row in TABLE}


def from_status(
    status: int,
    call: str = "",
    subject: str = "",
    detail: str = "",
    *,
    problem: str | None = None,
    advice: str | None = None,
    exception: type[NtError] | None = None,
) -> NtError:
    """Make the exception for a status; the caller raises it.

    Args:
        status: An NT status.
        call: The call that failed, such as ``"Event.set"``.
        subject: The object, such as ``"event 'ready'"``, or an empty text.
        detail: Words that say more than the table does, or an empty text.
        problem: What went wrong, where the table's words are about something else.
        advice: What to do, where something better than the table's advice is known.
        exception: The exception to make, where it is a narrower one than the table's.

    Returns:
        An instance of the exception of :data:`TABLE`, or a plain :class:`NtError` for a number that is not in it.

    >>> print(from_status(Status.SEMAPHORE_LIMIT_EXCEEDED, "Semaphore.release", "semaphore 'seats'"))
    Semaphore.release failed for semaphore 'seats': the count would pass the maximum; nothing was added. \
Release only what was acquired.
    """
    row = _BY_STATUS.get(status)
    if problem is None:
        problem = row.problem if row else f"status 0x{status & 0xFFFFFFFF:08X}"
    if advice is None:
        advice = row.advice if row else ""
    head = f"{call or 'The call'} failed{f' for {subject}' if subject else ''}"
    if detail and detail != problem:
        problem += f": {detail}"
    sentences = [f"{head}: {problem}".rstrip(". "), advice.rstrip(". ")]
    message = " ".join(f"{sentence}." for sentence in sentences if sentence)
    if row is None:
        return NtError(message, status=status, operation=call, subject=subject)
    return (exception or row.exception)(
        message, status=row.status, winerror=row.winerror, errno=row.errno, operation=call, subject=subject
    )


def end_of_stream(status: int, call: str, subject: str, detail: str) -> NtError:
    """Make the exception for a read that finds the other end gone: an ``EOFError``, with that status.

    >>> isinstance(end_of_stream(Status.PIPE_BROKEN, "Queue.get", "queue 'jobs'", ""), EOFError)
    True
    """
    advice = (
        "What had not been read is gone" if status == Status.PIPE_DISCONNECTED else "All that was sent has been read"
    )
    return from_status(status, call, subject, detail, advice=advice, exception=EndOfStream)


def retold(error: NtError, operation: str, subject: str) -> NtError:
    """Tell a failure of what a call has made use of as one of the call that the program made.

    >>> problem = from_status(Status.INVALID_HANDLE, "MailslotClient.put", "mailslot 'news'")
    >>> retold(problem, "MailslotClient.write", "mailslot 'news'").operation
    'MailslotClient.write'
    """
    about = f" for {error.subject}" if error.subject else ""
    message = str(error).replace(f"{error.operation} failed{about}", f"{operation} failed for {subject}", 1)
    return type(error)(
        message,
        status=error.status,
        winerror=error.winerror,
        errno=error.errno,
        operation=operation,
        subject=subject,
    )
