"""Pipes that no program finds by a name: both ends at once, to be handed on.

>>> import ntipc
>>> reader, writer = ntipc.create_pipe()
>>> writer.write(b"through the pipe")
16
>>> writer.close()
>>> reader.read(100)
b'through the pipe'
>>> reader.read(100)
Traceback (most recent call last):
ntipc.errors.EndOfStream: ...
"""

from __future__ import annotations

import os
import secrets

from ntipc.pipes.client import PipeClient
from ntipc.pipes.pipe import Pipe
from ntipc.pipes.server import PipeServer
from ntipc.session.session import Session

DEFAULT_QUOTA = 4096
"""That of Windows."""


def create_pipe(
    quota: int = DEFAULT_QUOTA,
    *,
    mode: str = "byte",
    duplex: bool = False,
    session: Session | str | None = None,
) -> tuple[Pipe, Pipe]:
    """Make both ends of a pipe that needs no name. Either can be inherited by a fork, pickled, or sent in a message.

    Args:
        quota: Bytes that may wait unread before a write waits, in each direction.
        mode: ``"byte"``, or ``"message"`` if what is written keeps its bounds.
        duplex: Whether both ends read and write, as those of ``multiprocessing.Pipe`` do.
        session: The session, or its name; ``None`` for the default one.

    Returns:
        The end that reads, which is the server's, and the one that writes, which is the client's.

    Raises:
        InvalidParameter: An argument is impossible.
        OutOfResources: The session is full and cannot grow.

    Source:
        CreatePipe (Win32), which is a named pipe with a name of its own, as this is.

    >>> here, there = create_pipe(mode="message", duplex=True)
    >>> there.send(b"question")
    >>> here.recv()
    b'question'
    >>> here.send(b"answer")
    >>> there.recv()
    b'answer'
    """
    name = f"anonymous-{os.getpid()}-{secrets.token_hex(8)}"
    direction = "duplex" if duplex else "inbound"
    with PipeServer.create(
        name, mode=mode, direction=direction, max_instances=1, in_quota=quota, out_quota=quota, session=session
    ) as server:
        client = PipeClient(name, timeout=0, session=session)
        try:
            return server.accept(timeout=0), client
        except BaseException:
            client.close()
            raise
