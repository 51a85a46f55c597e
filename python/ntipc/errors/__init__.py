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

from ntipc.errors.abandonment import warn_abandoned
from ntipc.errors.exceptions import (
    AbandonedMutexWarning,
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
    MailslotFull,
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
    ProcessNotFound,
    ReplyLost,
    ReplyMismatch,
    SessionClosed,
    SessionDamaged,
    SessionMismatch,
    StillInUse,
    Timeout,
)
from ntipc.errors.statuses import Status
from ntipc.errors.subjects import describe
from ntipc.errors.table import TABLE, Row, end_of_stream, from_status

__all__ = [
    "TABLE",
    "AbandonedMutexWarning",
    "AccessDenied",
    "BufferTooSmall",
    "ConnectionRefused",
    "EndOfStream",
    "FileInvalid",
    "HandleClosed",
    "InvalidName",
    "InvalidParameter",
    "InvalidParameterMix",
    "InvalidPipeState",
    "InvalidThread",
    "InvalidViewSize",
    "InvalidWindow",
    "LimitExceeded",
    "MailslotFull",
    "MappedAlignment",
    "MessageSyncOnly",
    "NestedTooDeep",
    "NotOwner",
    "NotSupported",
    "NtError",
    "ObjectExists",
    "ObjectNotFound",
    "ObjectTypeMismatch",
    "OutOfResources",
    "PathNotFound",
    "PeerGone",
    "PipeBusy",
    "PipeEmpty",
    "ProcessNotFound",
    "ReplyLost",
    "ReplyMismatch",
    "Row",
    "SessionClosed",
    "SessionDamaged",
    "SessionMismatch",
    "Status",
    "StillInUse",
    "Timeout",
    "describe",
    "end_of_stream",
    "from_status",
    "warn_abandoned",
]

for _name in __all__:  # tracebacks name the exceptions as programs import them
    if isinstance(_value := globals()[_name], type) and issubclass(_value, Warning | NtError):
        _value.__module__ = __name__
