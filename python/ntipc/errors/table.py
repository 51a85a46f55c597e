"""The table of NT statuses, exceptions and Win32 error codes, and the one function that makes exceptions of it."""

from __future__ import annotations

import errno
from typing import NamedTuple

from ntipc.errors.exceptions import (
    AccessDenied,
    BufferTooSmall,
    ConnectionRefused,
    EndOfStream,
    FileInvalid,
    HandleClosed,
    InvalidName,
    InvalidParameter,
    InvalidParameterMix,
    InvalidPipeState,
    InvalidThread,
    InvalidViewSize,
    InvalidWindow,
    LimitExceeded,
    MappedAlignment,
    MessageSyncOnly,
    NestedTooDeep,
    NotOwner,
    NotSupported,
    NtError,
    ObjectExists,
    ObjectNotFound,
    ObjectTypeMismatch,
    OutOfResources,
    PathNotFound,
    PeerGone,
    PipeBusy,
    PipeEmpty,
    ReplyLost,
    ReplyMismatch,
    SessionClosed,
    SessionDamaged,
    SessionMismatch,
    StillInUse,
    Timeout,
)
from ntipc.errors.statuses import Status


class Row(NamedTuple):
    """One line of :data:`TABLE`."""

    status: Status
    winerror: int
    exception: type[NtError]
    errno: int | None
    problem: str
    advice: str


TABLE: tuple[Row, ...] = (
    Row(Status.TIMEOUT, 1460, Timeout, errno.ETIMEDOUT,
        "the time ran out", "Give a longer timeout, or None to wait for ever"),
    Row(Status.DEVICE_BUSY, 170, StillInUse, errno.EBUSY,
        "it is still in use by this process", "Close the objects and views that this process has open first"),
    Row(Status.PARTIAL_COPY, 299, NtError, errno.EFAULT,
        "only a part of the memory could be reached", "Read and write only what is mapped there"),
    Row(Status.UNSUCCESSFUL, 31, NtError, None,
        "it failed", "Look at the status for the reason"),
    Row(Status.ACCESS_VIOLATION, 998, NtError, errno.EFAULT,
        "the memory may not be accessed so", "Use memory that is mapped there and may be written"),
    Row(Status.INVALID_HANDLE, 6, HandleClosed, errno.EBADF,
        "the object is closed, or the handle is not one of this process", "Open the object again"),
    Row(Status.INVALID_PARAMETER, 87, InvalidParameter, errno.EINVAL,
        "an argument has an impossible value", "Correct the argument"),
    Row(Status.NO_MEMORY, 8, OutOfResources, errno.ENOMEM,
        "there is not enough memory", "Ask for less, or free memory"),
    Row(Status.INVALID_VIEW_SIZE, 5, InvalidViewSize, errno.EINVAL,
        "the view would lie outside the section", "Keep offset + size within section.size"),
    Row(Status.ACCESS_DENIED, 5, AccessDenied, errno.EACCES,
        "access is denied",
        "Open the object with the right that this call needs, or check the owner and mode of what it lies in"),
    Row(Status.BUFFER_TOO_SMALL, 122, BufferTooSmall, errno.EMSGSIZE,
        "the buffer is shorter than the next message, which stays where it is", "Give a longer buffer"),
    Row(Status.OBJECT_TYPE_MISMATCH, 6, ObjectTypeMismatch, errno.EINVAL,
        "the object is of another type",
        "Events, semaphores, mutexes, timers, event pairs, sections and queues share one namespace: use another name,"
        " or the class that made this one"),
    Row(Status.NOT_LOCKED, 158, NtError, None,
        "it is not locked", "Unlock once for each lock"),
    Row(Status.NOT_COMMITTED, 487, NtError, errno.EFAULT,
        "there is no memory at that place", "Allocate it first"),
    Row(Status.INVALID_PARAMETER_MIX, 87, InvalidParameterMix, errno.EINVAL,
        "the same object was given twice", "Give each object once"),
    Row(Status.OBJECT_NAME_INVALID, 123, InvalidName, errno.EINVAL,
        "the name is not valid", "Use up to 32,766 UTF-16 units without NUL"),
    Row(Status.OBJECT_NAME_NOT_FOUND, 2, ObjectNotFound, errno.ENOENT,
        "nothing of this name exists",
        "Check the spelling (names are case sensitive) and the session, or let the constructor create it"),
    Row(Status.OBJECT_NAME_COLLISION, 183, ObjectExists, errno.EEXIST,
        "the name is taken", "Use the constructor or open() to open the existing object, or choose another name"),
    Row(Status.PORT_DISCONNECTED, 6, PeerGone, errno.EPIPE,
        "the other side of the port is gone", "Connect again"),
    Row(Status.OBJECT_PATH_NOT_FOUND, 3, PathNotFound, errno.ENOENT,
        "the path in front of the name does not exist",
        r"Use a plain name, or one that begins with Local\, Global\ or \BaseNamedObjects" "\\"),
    Row(Status.DATA_ERROR, 23, SessionDamaged, errno.EIO,
        "the session's shared memory is damaged",
        "End all programs that use the session, remove its directory and start again"),
    Row(Status.SECTION_TOO_BIG, 8, OutOfResources, errno.ENOMEM,
        "the section is too big", "Ask for a smaller size, or open a larger file"),
    Row(Status.PORT_CONNECTION_REFUSED, 5, ConnectionRefused, errno.ECONNREFUSED,
        "the server refused the connection", "Ask the server's makers for the reason"),
    Row(Status.QUOTA_EXCEEDED, 1816, OutOfResources, errno.ENOMEM,
        "a table of the session is full", "Close objects that are no longer needed"),
    Row(Status.MUTANT_NOT_OWNED, 288, NotOwner, errno.EPERM,
        "the calling thread does not own the mutex", "Release it in the thread that acquired it, once per acquire"),
    Row(Status.SEMAPHORE_LIMIT_EXCEEDED, 298, LimitExceeded, errno.EOVERFLOW,
        "the count would pass the maximum; nothing was added", "Release only what was acquired"),
    Row(Status.PORT_ALREADY_SET, 31, ObjectExists, errno.EEXIST,
        "the process has such a port already", "End the first watch before you begin another"),
    Row(Status.SECTION_PROTECTION, 87, AccessDenied, errno.EACCES,
        "the section's protection does not allow this access", "Map it with an access that the section allows"),
    Row(Status.REVISION_MISMATCH, 1306, SessionMismatch, None,
        "the session's participants have another version of ntipc, or another clock",
        "Use the same version in all programs, outside of shifted time namespaces, or another session (NTIPC_SESSION)"),
    Row(Status.DISK_FULL, 112, OutOfResources, errno.ENOSPC,
        "there is no space left", "Free space there (df shows it), or ask for less"),
    Row(Status.FILE_INVALID, 1006, FileInvalid, errno.EINVAL,
        "the file cannot back a section", "Use an ordinary file that stays where it is"),
    Row(Status.INSUFFICIENT_RESOURCES, 1450, OutOfResources, errno.ENOMEM,
        "the system has no more resources for this", "Close objects or ask for less"),
    Row(Status.PIPE_NOT_AVAILABLE, 231, PipeBusy, errno.EAGAIN,
        "every instance of the pipe is busy", "Wait for a free instance"),
    Row(Status.INSTANCE_NOT_AVAILABLE, 231, PipeBusy, errno.EAGAIN,
        "the pipe has as many instances as it may have", "Close an instance, or give the first one a larger maximum"),
    Row(Status.INVALID_PIPE_STATE, 230, InvalidPipeState, errno.ENOTCONN,
        "the instance has no client", "Connect it first"),
    Row(Status.PIPE_BUSY, 231, PipeBusy, errno.EAGAIN,
        "there is data in the way", "Let it be read first"),
    Row(Status.ILLEGAL_FUNCTION, 1, InvalidPipeState, errno.EINVAL,
        "only a server's end can do this", "Do it at the server's end"),
    Row(Status.PIPE_CONNECTED, 535, InvalidPipeState, errno.EISCONN,
        "the instance has a client", "Use it, or disconnect it first"),
    Row(Status.PIPE_LISTENING, 536, InvalidPipeState, errno.ENOTCONN,
        "no client has come yet", "Wait until one is connected"),
    Row(Status.INVALID_READ_MODE, 230, InvalidPipeState, errno.EINVAL,
        "the end is not in message mode", 'Set its mode to "message", which takes a pipe of message type'),
    Row(Status.PIPE_EMPTY, 232, PipeEmpty, errno.EAGAIN,
        "there is nothing to read", "Wait for it, or read later"),
    Row(Status.PIPE_DISCONNECTED, 233, PeerGone, errno.EPIPE,
        "the pipe was disconnected", "Connect again"),
    Row(Status.PIPE_CLOSING, 232, PeerGone, errno.EPIPE,
        "the other side has closed its end, or its process has died", "Connect again when somebody is there"),
    Row(Status.IO_TIMEOUT, 121, Timeout, errno.ETIMEDOUT,
        "the time ran out", "Give a longer timeout, or None to wait for ever"),
    Row(Status.NOT_SUPPORTED, 50, NotSupported, errno.ENOTSUP,
        "this is not supported", "See the documentation of the call for what is"),
    Row(Status.PROCESS_IS_TERMINATING, 5, SessionClosed, errno.ESHUTDOWN,
        "this process has left the session", "Attach to it again with ntipc.Session(name)"),
    Row(Status.MAPPED_FILE_SIZE_ZERO, 1006, FileInvalid, errno.EINVAL,
        "the file is empty", "Give a size, or put something into the file first"),
    Row(Status.TOO_MANY_THREADS, 565, OutOfResources, errno.EAGAIN,
        "the session's table of threads or processes is full", "End some of the processes or threads that use it"),
    Row(Status.PIPE_BROKEN, 109, PeerGone, errno.EPIPE,
        "the other end is gone", "Connect again"),
    Row(Status.MUTANT_LIMIT_EXCEEDED, 587, LimitExceeded, errno.EOVERFLOW,
        "the mutex has been acquired too often by its owner", "Release it once per acquire"),
    Row(Status.REPLY_MESSAGE_MISMATCH, 317, ReplyMismatch, errno.EINVAL,
        "the reply is not waited for", "Reply once, to a request that this process has received"),
    Row(Status.LPC_REPLY_LOST, 1359, ReplyLost, errno.EPIPE,
        "no reply will come", "Call again when there is somebody who answers"),
    Row(Status.SERVER_SID_MISMATCH, 628, AccessDenied, errno.EACCES,
        "the server is not the user's that this side demands", "Look who has made the port: `ntipc ls`"),
    Row(Status.STACK_OVERFLOW, 1001, NestedTooDeep, None,
        "this thread deals with 64 messages of others already, each inside of a send of its own",
        "Answer with reply_message before the handler sends, or post"),
    Row(Status.NO_MORE_USER_HANDLES, 1158, OutOfResources, errno.ENOMEM,
        "there are as many windows and timers as there may be", "Destroy some that are no longer needed"),
    Row(Status.MESSAGE_SYNC_ONLY, 1159, MessageSyncOnly, errno.EINVAL,
        "the message's parameters are addresses, so it cannot be posted", "Send it: send_data carries bytes"),
    Row(Status.INVALID_WINDOW_HANDLE, 1400, InvalidWindow, errno.ESRCH,
        "there is no such window", "Look for it with find_window, or ask is_window first"),
    Row(Status.CANNOT_FIND_WND_CLASS, 1407, ObjectNotFound, errno.ENOENT,
        "the class is not registered in this process", "Register it with register_class, or give a handler"),
    Row(Status.CLASS_ALREADY_EXISTS, 1410, ObjectExists, errno.EEXIST,
        "this process has registered a class of that name", "Choose another name, or unregister the other first"),
    Row(Status.CLASS_DOES_NOT_EXIST, 1411, ObjectNotFound, errno.ENOENT,
        "this process has registered no class of that name", "Check the spelling; each process has its own classes"),
    Row(Status.CLASS_HAS_WINDOWS, 1412, StillInUse, errno.EBUSY,
        "there are windows of the class", "Destroy them first"),
    Row(Status.INVALID_THREAD_ID, 1444, InvalidThread, errno.ESRCH,
        "there is no such thread, or it has no queue for messages",
        "Have the thread call peek_message once, and tell others when it has"),
    Row(Status.MAPPED_ALIGNMENT, 1132, MappedAlignment, errno.EINVAL,
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


def end_of_stream(status: int, call: str, subject: str, detail: str = "") -> NtError:
    """Make the exception for a read that finds the other end gone: an ``EOFError``, with that status.

    >>> isinstance(end_of_stream(Status.PIPE_BROKEN, "Queue.get", "queue 'jobs'", ""), EOFError)
    True
    """
    advice = (
        "What had not been read is gone" if status == Status.PIPE_DISCONNECTED else "All that was sent has been read"
    )
    return from_status(status, call, subject, detail, advice=advice, exception=EndOfStream)
