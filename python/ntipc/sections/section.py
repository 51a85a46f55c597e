"""Sections: memory that processes share, by name or by handle, and views of it.

>>> import ntipc
>>> with ntipc.Section("board", 4096) as board, board.map() as view:
...     view[:5] = b"hello"
...     with ntipc.Section.open("board", "r") as same, same.map() as other:
...         other[:5], other.readonly
(b'hello', True)
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import index
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self, SupportsIndex, cast, overload

from ntipc import _kernel
from ntipc.errors import NtError, ObjectNotFound, Status, describe, from_status
from ntipc.objects.access import SECTION_ACCESS, rights
from ntipc.objects.named import NamedObject
from ntipc.objects.object import ClosingObject, ObjectInfo
from ntipc.objects.registry import register
from ntipc.session.session import Session, place

if TYPE_CHECKING:
    from ntipc.sections.files import FileArgument

ALLOCATION_GRANULARITY = 65_536
"""The offset of a view is a multiple of this many bytes."""
LARGEST_SIZE = 2**63 - 1


class SectionInfo(ObjectInfo):
    """What :meth:`Section.info` tells; ``size`` is in bytes, ``file`` the path of the file behind it, if any."""

    size: int
    protection: str
    reserve: bool
    file: str | None


class View(_kernel.View):
    r"""A section, or a part of one, mapped into this process's memory. Made by :meth:`Section.map`.

    It is a buffer: ``memoryview(view)`` and ``numpy.frombuffer(view)`` reach the memory without a copy. It can also
    be indexed and sliced like a ``bytearray`` of fixed length. It keeps the memory alive when the section is closed.

    Source:
        MapViewOfFile, UnmapViewOfFile, FlushViewOfFile (Win32).

    >>> import ntipc
    >>> view = ntipc.Section(size=100).map()
    >>> view[0], view[98:], len(view)
    (0, b'\x00\x00', 100)
    >>> view[0] = 255
    >>> memoryview(view).cast("B", (10, 10))[0, 0]
    255
    """

    @overload
    def __getitem__(self, place: SupportsIndex) -> int: ...
    @overload
    def __getitem__(self, place: slice) -> bytes: ...
    def __getitem__(self, place: SupportsIndex | slice) -> int | bytes:
        with memoryview(self) as memory:
            if isinstance(place, slice):
                with memory[place] as part:
                    return part.tobytes()
            return memory[place]

    @overload
    def __setitem__(self, place: SupportsIndex, value: SupportsIndex) -> None: ...
    @overload
    def __setitem__(self, place: slice, value: bytes | bytearray | memoryview) -> None: ...
    def __setitem__(self, place: Any, value: Any) -> None:
        with memoryview(self) as memory:
            memory[place] = value

    def __enter__(self) -> Self:
        if self.closed:
            raise from_status(
                Status.INVALID_HANDLE, "View", "view", "it has been unmapped", advice="Map the section again"
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.unmap()
        except BufferError:
            if value is None:
                raise

    def __repr__(self) -> str:
        if self.closed:
            return f"<{type(self).__name__} unmapped>"
        return f"<{type(self).__name__} of {len(self)} bytes {self.access} at {self.address:#x}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a view is memory of this process and cannot be pickled: pickle its section and map that there")


@register(_kernel.Section)
class Section(_kernel.Section, ClosingObject, NamedObject):
    """Shared memory, or a file as shared memory, that processes map views of.

    The memory of a new section is zero. It lives until the last handle is closed and the last view unmapped, in
    whatever process; the name is free with the last handle.

    Args:
        name: Name to create or, if it exists, to open; ``None`` for an unnamed section.
        size: Size in bytes. With a ``file``, ``None`` or 0 is the size of the file, and a larger one extends a file
            that may be written. Without, ``None`` only opens an existing section.
        file: A path, a file descriptor or an open binary file, to share instead of memory alone.
        access: What this handle may map: ``"r"`` to read, ``"rw"`` to read and write, ``"copy"`` to read, and write
            to private copies of pages. With a ``file`` it is also the most that any handle may map.
        reserve: Whether to take the space when it is first touched instead of now, for huge sections of which little is
            used. Touching what the system then cannot give ends the process with SIGBUS.
        session: The session, or its name; ``None`` for the default one.

    Raises:
        InvalidParameter: ``size`` is 0 or negative, or is needed and missing; ``access`` is another text.
        ObjectTypeMismatch: The name belongs to an object of another type.
        ObjectNotFound: There is no such file.
        AccessDenied: The file, or the existing section, does not allow ``access``.
        FileInvalid: The file is empty and no size is given, or it is no ordinary file.
        OutOfResources: There is no space for it, or the file is smaller and may not be written.
        InvalidName: ``name`` cannot be a name.
        PathNotFound: ``name`` has an unknown prefix.

    Source:
        CreateFileMapping, OpenFileMapping (Win32); NtCreateSection (NT).

    >>> section = Section("board", 4096)
    >>> section.size, section.created, Section("board").created
    (4096, True, False)
    """

    _kind = "section"
    _access_spellings = SECTION_ACCESS
    _view_access: str | None = None

    def __init__(
        self,
        name: str | None = None,
        size: int | None = None,
        *,
        file: FileArgument | None = None,
        access: str = "rw",
        reserve: bool = False,
        session: Session | str | None = None,
    ) -> None:
        attachment, local = place(name, session)
        if size is not None or file is not None or local is None:
            self._make(attachment, local, _kernel.OPEN_OR_CREATE, size, file, access, reserve)
            return
        wanted = self._wanted(_checked_access(name, access), local)
        try:
            self._bind_opened(attachment, local, wanted)
        except ObjectNotFound:
            raise _refusal(Status.INVALID_PARAMETER, name, "a new section needs a size in bytes") from None

    @classmethod
    def create(
        cls,
        name: str | None = None,
        size: int | None = None,
        *,
        file: FileArgument | None = None,
        access: str = "rw",
        reserve: bool = False,
        session: Session | str | None = None,
    ) -> Self:
        """Make a new section; the arguments are those of the constructor.

        Raises:
            ObjectExists: An object, of whatever type, has this name. A file has been extended all the same.
            NtError: Whatever the constructor raises.

        Source:
            NtCreateSection without OBJ_OPENIF (NT).

        >>> with Section.create("frame", 1_000_000) as frame:
        ...     frame.created, frame.size
        (True, 1000000)
        """
        self = cls.__new__(cls)
        attachment, local = place(name, session)
        self._make(attachment, local, _kernel.CREATE, size, file, access, reserve)
        return self

    @classmethod
    def open(cls, name: str, access: int | str | None = None, *, session: Session | str | None = None) -> Self:
        r"""Open an existing section.

        Args:
            name: Its name.
            access: ``"r"``, ``"rw"`` or ``"copy"``, or rights as :class:`Access`; ``None`` for all.
            session: The session, or its name; ``None`` for the default one.

        Raises:
            ObjectNotFound: No object has this name.
            ObjectTypeMismatch: The name belongs to an object of another type.
            AccessDenied: ``access`` is 0, or more than this user may have.
            InvalidParameter: ``name`` is empty, or ``access`` is another text.

        Source:
            OpenFileMapping (Win32), NtOpenSection (NT).

        >>> board = Section("board", 100)
        >>> Section.open("board", "r").map()[:3]
        b'\x00\x00\x00'
        """
        self = cls.__new__(cls)
        self._open_named(name, access, session)
        if access == "copy":
            self._view_access = "copy"
        return self

    def map(self, offset: int = 0, size: int | None = None, *, access: str | None = None) -> View:
        """Map the section, or a part of it, into this process's memory.

        Args:
            offset: Where the view begins, in bytes; a multiple of 65,536.
            size: Length of the view in bytes; ``None`` or 0 for all from ``offset`` to the end.
            access: ``"r"``, ``"rw"`` or ``"copy"``; ``None`` for the most that the handle and the section allow, or
                ``"copy"`` if that is how the section was opened.

        Returns:
            The view, which stays valid when the section is closed.

        Raises:
            MappedAlignment: ``offset`` is not a multiple of 65,536.
            AccessDenied: The handle or the section does not allow ``access``.
            InvalidViewSize: The view would begin or end outside the section.
            HandleClosed: The section is closed.

        Source:
            MapViewOfFile (Win32), NtMapViewOfSection (NT).

        >>> section = Section(size=200_000)
        >>> with section.map(65_536, 10) as part, section.map(access="copy") as mine:
        ...     mine[65_536] = 1
        ...     part[0], len(part), len(mine)
        (0, 10, 200000)
        """
        offset = index(offset)
        if offset % ALLOCATION_GRANULARITY:
            raise self._failure(Status.MAPPED_ALIGNMENT, "map")
        length = 0 if size is None else index(size)
        if offset < 0 or not 0 <= length <= LARGEST_SIZE - offset:
            raise self._failure(Status.INVALID_VIEW_SIZE, "map")
        access = self._view_access if access is None else _checked_access(self.name, access)
        return cast("View", self._map_view(View, offset, length or None, access))

    def info(self) -> SectionInfo:
        """Tell the size, what is behind the section, and its handles.

        Raises:
            AccessDenied: The handle lacks the right ``SECTION_QUERY``.
            HandleClosed: The section is closed.

        Source:
            NtQuerySection (NT).

        >>> info = Section(size=5000).info()
        >>> info["size"], info["file"]
        (5000, None)
        """
        return cast("SectionInfo", super().info())

    def _make(
        self,
        attachment: _kernel.Session,
        name: str | None,
        disposition: int,
        size: int | None,
        file: FileArgument | None,
        access: str,
        reserve: bool,
    ) -> None:
        wanted = self._wanted(_checked_access(name, access), name)
        size = _checked_size(name, size, may_be_zero=file is not None)
        if file is None:
            self._bind(attachment, name, disposition, wanted, size or 0, "rw", reserve, None)
            return
        if reserve:
            raise _refusal(Status.INVALID_PARAMETER, name, "with a file there is nothing to reserve: leave reserve out")
        from ntipc.sections.files import prepare  # few sections have a file

        backing = prepare(file, size, access, describe("section", name))
        identity = backing.path, backing.device, backing.inode
        self._bind(attachment, name, disposition, wanted, backing.size, access, False, identity)

    def _wanted(self, access: int | str | None, name: str | None) -> int:
        """Turn ``access`` into rights, and keep in mind that a "copy" handle maps copies."""
        if access == "copy":
            self._view_access = "copy"
        return rights(access, "Section", "section", name, SECTION_ACCESS)

    def _carry_over(self, original: Self, access: int | str | None) -> None:
        super()._carry_over(original, access)
        if access is not None:
            self._view_access = "copy" if access == "copy" else None

    def _state(self, info: Mapping[str, Any]) -> list[str]:
        return [f"size={info['size']}", info["protection"]] + ([f"file={info['file']!r}"] if info["file"] else [])


def _checked_access(name: str | None, access: str) -> str:
    if not isinstance(access, str):
        raise TypeError(f"access must be 'r', 'rw' or 'copy', not {type(access).__name__}")
    if access not in SECTION_ACCESS:
        raise _refusal(Status.INVALID_PARAMETER, name, f"the access must be 'r', 'rw' or 'copy', not {access!r}")
    return access


def _checked_size(name: str | None, size: int | None, *, may_be_zero: bool) -> int | None:
    if size is None:
        if not may_be_zero:
            raise _refusal(Status.INVALID_PARAMETER, name, "a new section needs a size in bytes")
        return None
    if isinstance(size, bool):
        raise TypeError("size must be an int, not bool")
    size = index(size)
    if size < 0 or (size == 0 and not may_be_zero):
        raise _refusal(Status.INVALID_PARAMETER, name, f"the size must be at least 1 byte, not {size}")
    if size > LARGEST_SIZE:
        raise _refusal(Status.SECTION_TOO_BIG, name, f"the size must be less than 2**63 bytes, not {size}")
    return size


def _refusal(status: Status, name: str | None, detail: str) -> NtError:
    return from_status(status, "Section", describe("section", name), detail)
