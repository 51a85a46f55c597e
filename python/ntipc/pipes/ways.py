"""The two ways of an instance of a pipe: one in, one out, each an end of a queue."""

from __future__ import annotations

from ntipc import _kernel
from ntipc.objects.object import ClosingObject


class PipeReader(_kernel.ReadEnd, ClosingObject, arrives=False):
    """The way in: set while there is something to read, and when nothing can come any more."""

    _kind = "pipe"


class PipeWriter(_kernel.WriteEnd, ClosingObject, arrives=False):
    """The way out: set while there is room, and when nobody can read any more."""

    _kind = "pipe"


def new_way(attachment: _kernel.Session, quota: int) -> tuple[PipeReader, PipeWriter]:
    """Make a queue of so many bytes; both of its ends."""
    reader, writer = PipeReader.__new__(PipeReader), PipeWriter.__new__(PipeWriter)
    reader._bind(attachment, None, _kernel.CREATE, 0, quota, (0, 0), writer)
    return reader, writer
