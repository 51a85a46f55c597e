r"""A pipe as a file: bytes without bounds, for whatever reads and writes files.

>>> import ntipc
>>> server = ntipc.PipeServer("lines", mode="byte")
>>> with ntipc.PipeClient("lines") as client, server.accept() as pipe:
...     with client.makefile("w") as file:
...         print("one", "two", sep=chr(10), file=file)
...     client.close()
...     pipe.makefile("r").readlines()
['one\n', 'two\n']
"""

from __future__ import annotations

import io
from typing import IO, TYPE_CHECKING, Any, cast

from ntipc.errors import EndOfStream, PipeEmpty
from ntipc.pipes.end import PipeEnd

if TYPE_CHECKING:
    from typing_extensions import Buffer


class PipeStream(io.RawIOBase):
    """An end of a pipe as an unbuffered file. Closing it leaves the pipe open.

    At the end of the stream a read returns nothing. In non-blocking mode, reads and writes that cannot be done now
    return ``None``. The bounds of messages are not kept, and messages without data are passed over.
    """

    def __init__(self, end: PipeEnd) -> None:
        super().__init__()
        self._end = end

    def readable(self) -> bool:
        """Whether this end may read."""
        return self._end.may_read

    def writable(self) -> bool:
        """Whether this end may write."""
        return self._end.may_write

    def readinto(self, buffer: Buffer, /) -> int | None:
        """Read what waits, and wait for it if nothing does."""
        self._check()
        with memoryview(buffer) as view:
            if not view.nbytes:
                return 0
            try:
                while True:
                    count, _ = self._end.read_into(view, operation="file.read")
                    if count:
                        return count
            except EndOfStream:
                return 0
            except PipeEmpty:
                return None

    def write(self, data: Buffer, /) -> int | None:
        """Write it, and wait until there is room for it."""
        self._check()
        with memoryview(data) as view:
            if not view.nbytes:
                return 0
            return self._end.write(view, operation="file.write") or None

    def _check(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file")


def open_file(
    end: PipeEnd, mode: str, buffering: int, encoding: str | None, errors: str | None, newline: str | None
) -> IO[Any]:
    """Make a file of an end, as :func:`open` would with these arguments."""
    _ = end.reader.handle  # raises HandleClosed
    if set(mode) - set("rwbt") or len(set(mode)) != len(mode) or not set(mode) & set("rw") or {"b", "t"} <= set(mode):
        raise ValueError(f"invalid mode {mode!r}: give 'r', 'w' or 'rw', and 'b' for bytes")
    binary = "b" in mode
    stream = PipeStream(end)
    if buffering == 0:
        if not binary:
            raise ValueError("a text file cannot be unbuffered")
        return cast("IO[Any]", stream)
    size = buffering if buffering > 1 else io.DEFAULT_BUFFER_SIZE
    both = "r" in mode and "w" in mode
    if both and binary:
        return cast("IO[Any]", io.BufferedRWPair(stream, stream, size))
    if binary:
        return cast("IO[Any]", io.BufferedReader(stream, size) if "r" in mode else io.BufferedWriter(stream, size))
    reader = io.TextIOWrapper(io.BufferedReader(stream, size), encoding, errors, newline) if "r" in mode else None
    if reader is not None and not both:
        return reader
    out = PipeStream(end)
    writer = io.TextIOWrapper(io.BufferedWriter(out, size), encoding, errors, newline, line_buffering=buffering == 1)
    return writer if reader is None else cast("IO[Any]", TextPair(reader, writer))


class TextPair(io.TextIOBase):
    """A text file that reads and writes, each for itself.

    One ``io.TextIOWrapper`` for both would throw away what it has read ahead as soon as something is written.
    """

    def __init__(self, reader: io.TextIOWrapper, writer: io.TextIOWrapper) -> None:
        super().__init__()
        self._reader, self._writer = reader, writer

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """How text is encoded."""
        return self._writer.encoding

    def readable(self) -> bool:
        """Whether the end may read."""
        return self._reader.readable()

    def writable(self) -> bool:
        """Whether the end may write."""
        return self._writer.writable()

    def read(self, size: int | None = -1, /) -> str:
        """Read so many characters, or all until the other side is gone."""
        return self._reader.read(size)

    def readline(self, size: int = -1, /) -> str:  # type: ignore[override]
        """Read a line; of the last one, what there is."""
        return self._reader.readline(size)

    def write(self, text: str, /) -> int:
        """Write text. It is on its way once it is flushed."""
        return self._writer.write(text)

    def flush(self) -> None:
        """Send what was written."""
        self._writer.flush()

    def close(self) -> None:
        """Close the file, and leave the pipe open."""
        if self.closed:
            return
        try:
            super().close()  # which flushes
        finally:
            self._reader.close()
            self._writer.close()
