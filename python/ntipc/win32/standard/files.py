r"""``open`` as Windows has it: a path that names a pipe opens the pipe.

>>> import ntipc
>>> with ntipc.PipeServer("read me", mode="byte") as server:
...     with open_file(r"\\.\pipe\read me", "r+b") as file, server.accept() as pipe:
...         _ = pipe.write(b"one line\n")
...         file.readline()
b'one line\n'
"""

from __future__ import annotations

import builtins
import io
import os
import re
from typing import IO, Any, Final

from ntipc.errors import NtError
from ntipc.pipes import PipeClient
from ntipc.pipes.stream import PipeStream
from ntipc.session.session import default_session
from ntipc.win32.binding.last_error import last
from ntipc.win32.binding.paths import classify
from ntipc.win32.binding.texts import text_of
from ntipc.win32.standard.os_errors import os_error

_FOLDER: Final = re.compile(r"([\\\\/]{2}[.?][\\\\/]pipe)(?:([\\\\/]+)(.*))?$", re.IGNORECASE)
r"""``\\.\pipe`` and what is below it."""


def pipe_name(path: object) -> str | None:
    r"""Return the name of the pipe that a path names, as `ntipc.PipeClient` takes it; ``None`` if it names none.

    >>> pipe_name("//./PIPE//x"), pipe_name("/tmp/pipe")
    ('\\\\.\\PIPE\\x', None)
    """
    if isinstance(path, (bytes, os.PathLike)):
        path = os.fsdecode(path)
    if not isinstance(path, str) or path[:1] not in ("\\", "/"):
        return None
    kind, name = classify(path)
    return name if kind == "pipe" else None


def pipe_pattern(path: object) -> tuple[str, str] | None:
    r"""Split a path below the folder of pipes into the folder, as it was written, and the rest; ``None`` for others.

    >>> pipe_pattern(r"\\.\pipe\my*"), pipe_pattern("//./pipe"), pipe_pattern("/tmp")
    (('\\\\.\\pipe\\', 'my*'), ('//./pipe/', ''), None)
    """
    if isinstance(path, (bytes, os.PathLike)):
        path = os.fsdecode(path)
    found = _FOLDER.match(path) if isinstance(path, str) else None
    return (found[1] + (found[2] or found[1][-5]), found[3] or "") if found else None


def pipe_names() -> list[str]:
    """Return the names of the pipes of the default session, in lower case."""
    import ntipc

    found = ntipc.inspect(default_session().path)["objects"]
    names = {str(entry.get("name") or "") for entry in found}
    return sorted(name.partition("\\")[2] for name in names if name.startswith("pipe\\"))


class _PipeFile(PipeStream):
    """An end of a pipe that is closed with the file."""

    def __init__(self, pipe: PipeClient, path: str) -> None:
        super().__init__(pipe._end)
        self._pipe = pipe
        self.name = path

    def read_as_stream(self) -> None:
        """Read bytes whatever the type of the pipe, as a client of Windows does that has asked for nothing else."""
        self._end.set_state(message_reads=False, nowait=False, operation="open")

    def close(self) -> None:
        """Close the file and the end."""
        try:
            super().close()
        finally:
            self._pipe.close()


def open_file(
    file: Any,
    mode: str = "r",
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    closefd: bool = True,
    opener: Any = None,
) -> IO[Any]:
    """Open a file, or a pipe if the path names one. The arguments are those of `open`.

    Raises:
        OSError: It cannot be opened. Of a pipe, ``winerror`` tells why: 2 if there is none, 231 if all instances are
            busy.
    """
    name = pipe_name(file)
    if name is None or opener is not None:
        return builtins.open(file, mode, buffering, encoding, errors, newline, closefd, opener)
    letters = set(mode)
    if letters - set("rwabt+U") or len(letters & set("rwa")) != 1 or {"b", "t"} <= letters:
        raise ValueError(f"invalid mode: {mode!r}")
    if "b" in letters and (encoding is not None or errors is not None or newline is not None):
        raise ValueError("binary mode takes no encoding, errors or newline argument")
    if buffering == 0 and "b" not in letters:
        raise ValueError("can't have unbuffered text I/O")
    access = "rw" if "+" in letters else "r" if "r" in letters else "w"
    try:
        raw = _PipeFile(PipeClient(name, timeout=0, access=access), os.fsdecode(file))
    except NtError as problem:
        last.code = problem.winerror
        raise os_error(None, text_of(problem.winerror).rstrip("."), file, problem.winerror) from None
    raw.read_as_stream()
    return _buffered(raw, letters, buffering, encoding, errors, newline)


def _buffered(
    raw: _PipeFile, letters: set[str], buffering: int, encoding: str | None, errors: str | None, newline: str | None
) -> IO[Any]:
    if buffering == 0:
        return raw  # type: ignore[return-value]
    size = buffering if buffering > 1 else io.DEFAULT_BUFFER_SIZE
    buffer: Any
    if "+" in letters:
        buffer = io.BufferedRWPair(raw, raw, size)
    elif "r" in letters:
        buffer = io.BufferedReader(raw, size)
    else:
        buffer = io.BufferedWriter(raw, size)
    if "b" in letters:
        return buffer  # type: ignore[no-any-return]
    return io.TextIOWrapper(buffer, encoding, errors, newline, line_buffering=buffering == 1)
