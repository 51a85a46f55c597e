"""Sessions that only one test and its children can meet in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from ntipc.errors import StillInUse
from ntipc.session.places import locate
from ntipc.session.session import Session, attached

_VARIABLES = "NTIPC_SESSION", "NTIPC_GLOBAL"


@contextmanager
def private_session() -> Iterator[Session]:
    r"""Give this process and the children that it starts a default session and a ``Global\`` session of their own.

    Both have fresh names, in the environment while the block runs. Afterwards this process leaves them, which closes
    what it still has open there, so that nothing stays in ``/dev/shm`` once the children have ended too.

    Yields:
        The default session, attached.

    Raises:
        StillInUse: At the end, if another thread still waits for an object of these sessions.

    Differs:
        Where an administrator has made a machine-wide session, ``Global\`` names go there all the same.

    >>> import ntipc
    >>> with private_session() as session:
    ...     with ntipc.Event("ready") as event:
    ...         event.session == session
    True
    """
    number = os.urandom(8).hex()
    before = {variable: os.environ.get(variable) for variable in _VARIABLES}
    names = f"private-{number}", f"private-global-{number}"
    paths = [locate(name).path for name in names]
    os.environ.update(zip(_VARIABLES, names, strict=True))
    try:
        yield Session(names[0])
    except BaseException:
        _leave(paths, quietly=True)
        raise
    else:
        _leave(paths, quietly=False)
    finally:
        for variable, value in before.items():
            if value is None:
                os.environ.pop(variable, None)
            else:
                os.environ[variable] = value


def _leave(paths: list[str], *, quietly: bool) -> None:
    for session in filter(None, map(attached, paths)):
        try:
            session.close()
        except StillInUse:
            if not quietly:
                raise
