"""Handles of pipes and files that a child has from the start, under the same numbers.

Their numbers are this package's own. An end of a pipe is several handles of the kernel, which the child inherits as it
does those of events; how they make an end, and the numbers of descriptors, stand in the child's environment. The child
takes them over when it first looks for a handle; one that never does gives all back with its end.
"""

from __future__ import annotations

import base64
import io
import itertools
import os
import pickle
import threading
from collections.abc import Collection, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, Final, NamedTuple, TypeAlias

from ntipc.errors import NtError
from ntipc.ntdll import handles as table
from ntipc.objects.object import NtObject
from ntipc.overlapped.disk import DiskFile
from ntipc.overlapped.files import PipeFile
from ntipc.pipes.end import PipeEnd

VARIABLE: Final = "NTIPC_WIN32_HANDLES"
_STANDARD: Final = (0, 1, 2)
"""Descriptors that a child gets anyway, as its own standard streams."""
_starting = threading.Lock()
"""Held while the parts of ends are marked for one child, so that no other is started with them."""
_Reference: TypeAlias = bytes | tuple[int, int, int]
"""How a child comes by an end of a pipe; or a descriptor, with the device and the number of its file."""


class Estate(NamedTuple):
    """What a child is to be started with.

    Attributes:
        handles: For :meth:`ntipc.Process.start`: all handles of the kernel that are marked, none, or those.
        fds: Descriptors.
    """

    handles: bool | list[NtObject | int]
    fds: list[int]


class _Pickler(pickle.Pickler):
    """Writes down an end by the numbers of its handles, which the child inherits.

    Attributes:
        parts: The objects whose handles these are.
    """

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.parts: list[NtObject] = []

    def reducer_override(self, thing: Any) -> Any:
        """Return how an object is made of its handle."""
        if not isinstance(thing, NtObject):
            return NotImplemented
        self.parts.append(thing)
        return _inherited, (type(thing), thing.handle), vars(thing) or None


def _inherited(kind: type[NtObject], handle: int) -> NtObject:
    return kind.from_handle(handle)


@contextmanager
def bequeathed(environment: MutableMapping[str, str], handles: bool | Collection[int]) -> Iterator[Estate]:
    """Write down pipes and files in the environment of a child that is started in the ``with`` block.

    Args:
        environment: The environment.
        handles: All handles that are marked, none, or those.

    Yields:
        What the child is to be started with.
    """
    environment.pop(VARIABLE, None)
    if handles is False:
        yield Estate(False, [])
        return
    given: list[tuple[int, bool, _Reference]] = []
    parts: list[NtObject] = []
    for number, thing in list(table.things.items()):
        if not isinstance(thing, PipeFile | DiskFile) or thing.closed:
            continue
        if not (_is_marked(thing) if handles is True else number in handles):
            continue
        try:
            given.append((number, thing.overlapped, _reference(thing, parts)))
        except (NtError, OSError):
            continue  # a server's end that nobody is connected to stays here, as does a descriptor that is closed
    if given:
        environment[VARIABLE] = base64.b85encode(pickle.dumps((os.getpid(), given))).decode("ascii")
    fds = sorted({reference[0] for _, _, reference in given if isinstance(reference, tuple)})
    if handles is not True:
        listed = [number for number in handles if number < table.FIRST_OWN_NUMBER]
        yield Estate([*listed, *parts], fds)
        return
    with _starting:
        marked = [part for part in parts if not part.inheritable]
        try:
            for part in marked:
                part.inheritable = True
            yield Estate(True, fds)
        finally:
            for part in marked:
                if not part.closed:
                    part.inheritable = False


def _is_marked(thing: PipeFile | DiskFile) -> bool:
    if isinstance(thing, PipeFile):
        return thing.inheritable
    try:
        return thing.fd not in _STANDARD and (thing.inheritable or os.get_inheritable(thing.fd))
    except OSError:
        return False  # the descriptor was closed behind the handle's back


def _reference(thing: PipeFile | DiskFile, parts: list[NtObject]) -> _Reference:
    if isinstance(thing, DiskFile):
        status = os.fstat(thing.fd)
        return thing.fd, status.st_dev, status.st_ino
    written = io.BytesIO()
    pickler = _Pickler(written)
    pickler.dump(thing.end)
    parts += pickler.parts
    return written.getvalue()


def take_over(environment: MutableMapping[str, str] = os.environ) -> None:
    """Take over, once, what a parent has put into the environment.

    A process further down may find it there, too, if the child knows nothing of this package: it has none of these
    handles, and takes nothing over.
    """
    text = environment.pop(VARIABLE, None)
    if text is None:
        return
    try:
        parent, given = pickle.loads(base64.b85decode(text))
        entries: list[tuple[int, bool, _Reference]] = list(given)
    except Exception:  # it is not what a parent has written
        return
    highest = 0
    for number, overlapped, reference in entries:
        thing = _taken_over(reference, overlapped, parent)
        if thing is not None:
            thing.inheritable = True
            table.things[number] = thing
            highest = max(highest, number)
    table._unused = itertools.count(max(highest + 4, table.FIRST_OWN_NUMBER), 4)


def _taken_over(reference: _Reference, overlapped: bool, parent: int) -> Any:
    try:
        if isinstance(reference, tuple):
            fd, *file = reference
            status = os.fstat(fd)
            return DiskFile(fd, overlapped=overlapped) if [status.st_dev, status.st_ino] == file else None
        if os.getppid() != parent:
            return None
        end: PipeEnd = pickle.loads(reference)
    except (NtError, OSError):
        return None
    return PipeFile(end, overlapped=overlapped)


def _renew() -> None:
    global _starting
    _starting = threading.Lock()


os.register_at_fork(after_in_child=_renew)
