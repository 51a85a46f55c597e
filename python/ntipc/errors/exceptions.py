"""The exceptions that calls of this library raise: each is an :class:`NtError` and a built-in exception."""

from __future__ import annotations

from ntipc.errors.statuses import Status


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


class ProcessNotFound(InvalidParameter, ProcessLookupError):
    """There is no process, or no thread, of that id."""


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
    """This process cannot share the session: another version of the library, or in another time, as a detail says.

    Its memory was laid out by another version, or a time namespace shifts this process's ``CLOCK_MONOTONIC`` against
    that of the participants, so that timers and timeouts would not mean the same moment to all.
    """

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
    """A call that must hand something over ran out of time, or a ``with`` block was not entered in time.

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
    """No reply can come: the receiver of the request ended without one, or no receiver is left to take it."""

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


class InvalidWindow(NtError, LookupError):
    """There is no such window: it never was, was destroyed, or its thread has ended."""

    status = Status.INVALID_WINDOW_HANDLE
    winerror = 1400


class InvalidThread(NtError, ProcessLookupError):
    """There is no such thread in the session, or it has no queue for messages."""

    status = Status.INVALID_THREAD_ID
    winerror = 1444


class MessageSyncOnly(NtError, ValueError):
    """A message whose parameters are addresses cannot be posted: they would mean nothing once the sender goes on."""

    status = Status.MESSAGE_SYNC_ONLY
    winerror = 1159


class NestedTooDeep(NtError, RecursionError):
    """A thread would deal with too many messages of others at once, each inside of a send of its own."""

    status = Status.STACK_OVERFLOW
    winerror = 1001


class AbandonedMutexWarning(RuntimeWarning):
    """A mutex was acquired whose previous owner ended without releasing it.

    The caller owns the mutex now; the data it protects may be half changed. The warning names the line of the program
    that called the library.
    """
