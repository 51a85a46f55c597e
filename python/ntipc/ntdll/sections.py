r"""Sections and views: NtCreateSection, NtOpenSection, NtMapViewOfSection, NtUnmapViewOfSection, NtQuerySection.

>>> status, handle = NtCreateSection(SECTION_ALL_ACCESS, None, 100, PAGE_READWRITE, SEC_COMMIT)
>>> status, view = NtMapViewOfSection(handle, -1)
>>> view[:5] = b"hello"
>>> NtQuerySection(handle).information.MaximumSize, len(view)
(4096, 4096)
>>> NtUnmapViewOfSection(-1, view.address)
STATUS_SUCCESS
"""

from __future__ import annotations

import os
from typing import Any, Final, NamedTuple

from ntipc import AccessDenied, NtError, Section, View
from ntipc.errors import Status
from ntipc.ntdll import memory
from ntipc.ntdll.attributes import OBJECT_ATTRIBUTES
from ntipc.ntdll.handles import find, find_of
from ntipc.ntdll.images import IMAGE_SCN_CNT_CODE, PAGE, Image, parse
from ntipc.ntdll.making import create, open_existing
from ntipc.ntdll.querying import check_class
from ntipc.ntdll.results import (
    HandleResult,
    Information,
    fail,
    no_handle,
    returns,
    returns_information,
    returns_status,
)
from ntipc.ntdll.rights import SECTION_ALL_ACCESS as SECTION_ALL_ACCESS
from ntipc.ntdll.rights import SECTION_MAP_WRITE, mapped
from ntipc.ntdll.statuses import (
    NTSTATUS,
    STATUS_CONFLICTING_ADDRESSES,
    STATUS_IMAGE_NOT_AT_BASE,
    STATUS_INVALID_FILE_FOR_SECTION,
    STATUS_INVALID_PAGE_PROTECTION,
    STATUS_INVALID_PARAMETER_3,
    STATUS_INVALID_PARAMETER_4,
    STATUS_INVALID_PARAMETER_6,
    STATUS_INVALID_PARAMETER_8,
    STATUS_INVALID_PARAMETER_9,
    STATUS_INVALID_VIEW_SIZE,
    STATUS_MAPPED_ALIGNMENT,
    STATUS_NOT_MAPPED_VIEW,
    STATUS_NOT_SUPPORTED,
    STATUS_OBJECT_TYPE_MISMATCH,
    STATUS_SECTION_NOT_EXTENDED,
    STATUS_SECTION_NOT_IMAGE,
    STATUS_SECTION_PROTECTION,
    STATUS_SUCCESS,
)
from ntipc.ntdll.virtual_memory import (
    MEM_COMMIT,
    MEM_RESERVE,
    PAGE_EXECUTE,
    PAGE_EXECUTE_READ,
    PAGE_EXECUTE_READWRITE,
    PAGE_EXECUTE_WRITECOPY,
    PAGE_READONLY,
    PAGE_READWRITE,
    PAGE_WRITECOPY,
)
from ntipc.sections.files import prepare

SEC_FILE: Final = 0x80_0000
SEC_IMAGE: Final = 0x100_0000
SEC_RESERVE: Final = 0x400_0000
SEC_COMMIT: Final = 0x800_0000
SEC_NOCACHE: Final = 0x1000_0000
SEC_BASED: Final = 0x20_0000
ViewShare: Final = 1
ViewUnmap: Final = 2
SectionBasicInformationClass: Final = 0
SectionImageInformationClass: Final = 1

_SECTION_PROTECTIONS: Final = {
    PAGE_READONLY: "r",
    PAGE_READWRITE: "rw",
    PAGE_WRITECOPY: "copy",
    PAGE_EXECUTE: "r",
    PAGE_EXECUTE_READ: "r",
    PAGE_EXECUTE_READWRITE: "rw",
    PAGE_EXECUTE_WRITECOPY: "copy",
}
_VIEW_ACCESSES: Final = {PAGE_READONLY: "r", PAGE_READWRITE: "rw", PAGE_WRITECOPY: "copy"}
_EXECUTES: Final = PAGE_EXECUTE | PAGE_EXECUTE_READ | PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY
_GRANULARITY: Final = 65_536
_LARGEST: Final = 2**63 - 1


class SectionBasicInformation(NamedTuple):
    """SECTION_BASIC_INFORMATION: no base, ``SEC_`` marks, size in bytes, of memory in whole pages."""

    BaseAddress: int
    AllocationAttributes: int
    MaximumSize: int


class SectionImageInformation(NamedTuple):
    """SECTION_IMAGE_INFORMATION: what the headers of an image say."""

    TransferAddress: int
    MaximumStackSize: int
    CommittedStackSize: int
    SubSystemType: int
    SubSystemMajorVersion: int
    SubSystemMinorVersion: int
    ImageCharacteristics: int
    DllCharacteristics: int
    Machine: int
    ImageContainsCode: bool
    CheckSum: int
    ImageFileSize: int


class ViewResult(NamedTuple):
    """Of NtMapViewOfSection: the view, which has ``address`` and ``len()`` and is a buffer; ``None`` after a failure.

    The view of an image is read as a buffer; what is at its addresses may be written where its headers say so.
    """

    status: NTSTATUS
    view: Any

    def __bool__(self) -> bool:
        return bool(self.status)


class RemoteView(NamedTuple):
    """A view in another process: its address there, and its size."""

    address: int
    size: int


class ImageView(View):
    """A mapped image, which is read as a buffer. Writing to a page that its headers protect ends the process."""

    def __setitem__(self, place: Any, value: Any) -> None:
        raise TypeError("of an image only some pages may be written, at their addresses")


def no_view(status: NTSTATUS) -> ViewResult:
    """Make the result of a call that maps nothing."""
    return ViewResult(status, None)


@returns(no_handle)
def NtCreateSection(
    DesiredAccess: int,
    ObjectAttributes: OBJECT_ATTRIBUTES | None,
    MaximumSize: int | None,
    SectionPageProtection: int,
    AllocationAttributes: int,
    FileHandle: int | None = None,
) -> HandleResult:
    """Make a section, or with OBJ_OPENIF open one.

    Args:
        DesiredAccess: Rights of the handle.
        ObjectAttributes: Its name, if it is to have one.
        MaximumSize: Bytes; 0 or ``None`` for the size of the file.
        SectionPageProtection: What views may do at most: ``PAGE_READONLY``, ``PAGE_READWRITE``, ``PAGE_WRITECOPY``, or
            one of the ``PAGE_EXECUTE`` ones.
        AllocationAttributes: ``SEC_COMMIT``, ``SEC_RESERVE``, or ``SEC_IMAGE`` for an executable file.
        FileHandle: The file behind it, or 0.
    """
    protection = _SECTION_PROTECTIONS.get(SectionPageProtection)
    if protection is None:
        raise fail(STATUS_INVALID_PAGE_PROTECTION)
    kinds = AllocationAttributes & (SEC_COMMIT | SEC_RESERVE | SEC_IMAGE)
    if kinds not in (SEC_COMMIT, SEC_RESERVE, SEC_IMAGE) or AllocationAttributes & ~(kinds | SEC_NOCACHE | SEC_BASED):
        raise fail(STATUS_INVALID_PARAMETER_6)
    size = MaximumSize or 0
    if not 0 <= size <= _LARGEST - PAGE:
        raise fail(STATUS_INVALID_PARAMETER_4)
    if kinds == SEC_IMAGE:
        return _create_image(DesiredAccess, ObjectAttributes, FileHandle)
    if not FileHandle:
        if not size:
            raise fail(STATUS_INVALID_PARAMETER_4)
        size = -(-size // PAGE) * PAGE
        rights = mapped(DesiredAccess, "Section") or SECTION_ALL_ACCESS
        if protection != "rw":
            rights &= ~SECTION_MAP_WRITE  # of memory, it is the handle that limits what views may do
        return create(Section, "Section", rights, ObjectAttributes, size, "rw", kinds == SEC_RESERVE, None)
    backing = prepare(_descriptor(FileHandle), size or None, protection, "section")
    identity = backing.path, backing.device, backing.inode
    return create(Section, "Section", DesiredAccess, ObjectAttributes, backing.size, protection, False, identity)


@returns(no_handle)
def NtOpenSection(DesiredAccess: int, ObjectAttributes: OBJECT_ATTRIBUTES | None) -> HandleResult:
    """Open the section that has a name."""
    return open_existing(Section, "Section", DesiredAccess, ObjectAttributes, 0, "rw", False, None)


@returns(no_view)
def NtMapViewOfSection(
    SectionHandle: int,
    ProcessHandle: int,
    BaseAddress: int | None = None,
    ZeroBits: int = 0,
    CommitSize: int = 0,
    SectionOffset: int = 0,
    ViewSize: int = 0,
    InheritDisposition: int = ViewUnmap,
    AllocationType: int = 0,
    Win32Protect: int = PAGE_READWRITE,
) -> ViewResult:
    """Map a section, or a part of it, into this process, or into another one that allows it.

    Args:
        SectionHandle: The section.
        ProcessHandle: -1; or a participant that has called ``ntipc.allow_remote(sections=True)``.
        BaseAddress: ``None`` or 0: it goes where there is room.
        ZeroBits: 0.
        CommitSize: Without effect: what is reserved is there once it is touched.
        SectionOffset: Where the view begins; a multiple of 65,536.
        ViewSize: Bytes; 0 for all up to the end. Whole pages are mapped.
        InheritDisposition: ``ViewShare`` or ``ViewUnmap``.
        AllocationType: 0.
        Win32Protect: ``PAGE_READONLY``, ``PAGE_READWRITE``, or ``PAGE_WRITECOPY`` for copies of pages that are written.

    Returns:
        The view; of another process its address and size there. For an image, which is seldom where its headers want
        it, with STATUS_IMAGE_NOT_AT_BASE.

    Differs:
        A view cannot be had at an address of one's choice, nor data be executed, nor an image mapped into another
        process.
    """
    other = memory.process(ProcessHandle)
    if BaseAddress and BaseAddress % _GRANULARITY:
        raise fail(STATUS_MAPPED_ALIGNMENT)
    if SectionOffset % _GRANULARITY:
        raise fail(STATUS_MAPPED_ALIGNMENT)
    if not 0 <= ZeroBits <= 21:
        raise fail(STATUS_INVALID_PARAMETER_4)
    if BaseAddress is not None and not 0 <= BaseAddress < 2**47:
        raise fail(STATUS_INVALID_PARAMETER_3)
    if InheritDisposition not in (ViewShare, ViewUnmap):
        raise fail(STATUS_INVALID_PARAMETER_8)
    if AllocationType & (MEM_COMMIT | MEM_RESERVE):
        raise fail(STATUS_INVALID_PARAMETER_9)
    section = find_of(SectionHandle, Section)
    if Win32Protect not in _SECTION_PROTECTIONS:
        raise fail(STATUS_INVALID_PAGE_PROTECTION)
    if BaseAddress:
        raise fail(STATUS_CONFLICTING_ADDRESSES)
    if not 0 <= SectionOffset <= _LARGEST or not 0 <= ViewSize <= _LARGEST - SectionOffset:
        raise fail(STATUS_INVALID_VIEW_SIZE)
    image = image_of(section)
    if image is not None and other is None:
        return _map_image(section, image)
    if image is not None:
        raise fail(STATUS_NOT_SUPPORTED)
    if Win32Protect & _EXECUTES:
        raise fail(STATUS_SECTION_PROTECTION)
    size = -(-ViewSize // PAGE) * PAGE if ViewSize else None
    if other is not None:
        address = other.map_section(section, SectionOffset, size, access=_VIEW_ACCESSES[Win32Protect])
        return ViewResult(STATUS_SUCCESS, RemoteView(address, size or section.size - SectionOffset))
    view = section._map_view(View, SectionOffset, size, _VIEW_ACCESSES[Win32Protect], True)
    assert isinstance(view, View)
    memory.enter(memory.Mapped(view, -(-len(view) // PAGE) * PAGE, False))
    return ViewResult(STATUS_SUCCESS, view)


@returns_status
def NtUnmapViewOfSection(ProcessHandle: int, BaseAddress: int) -> NTSTATUS:
    """Unmap the view in which an address lies: one of this process, or one that was mapped into another.

    Differs:
        While something of Python, such as a ``memoryview``, shows the view's memory, ``BufferError`` says so.
    """
    if (other := memory.process(ProcessHandle)) is not None:
        try:
            other.unmap(BaseAddress)
        except NtError as problem:
            raise (fail(STATUS_NOT_MAPPED_VIEW) if problem.status == Status.NOT_COMMITTED else problem) from None
        return STATUS_SUCCESS
    found = memory.view_at(BaseAddress)
    if found is None:
        raise fail(STATUS_NOT_MAPPED_VIEW)
    memory.leave(found)
    return STATUS_SUCCESS


@returns_information
def NtQuerySection(
    SectionHandle: int, SectionInformationClass: int = 0, SectionInformationLength: int | None = None
) -> Information[SectionBasicInformation | SectionImageInformation]:
    """Tell a section's kind and size, or, of class 1, what the headers of an image say."""
    about_image = SectionInformationClass == SectionImageInformationClass
    size = 64 if about_image else 24
    length = size if SectionInformationLength is None else SectionInformationLength
    check_class(SectionInformationClass, length, size, known=1 if about_image else 0)
    section = find_of(SectionHandle, Section)
    info = section.info()
    image = image_of(section)
    if about_image:
        if image is None:
            raise fail(STATUS_SECTION_NOT_IMAGE)
        return Information(STATUS_SUCCESS, _image_information(image))
    if image is not None:
        return Information(STATUS_SUCCESS, SectionBasicInformation(0, SEC_FILE | SEC_IMAGE, image.size))
    kind = SEC_FILE if info["file"] else SEC_RESERVE if info["reserve"] else SEC_COMMIT
    return Information(STATUS_SUCCESS, SectionBasicInformation(0, kind, info["size"]))


@returns_information
def NtExtendSection(SectionHandle: int, NewSectionSize: int) -> Information[int]:
    """Tell the size of a section that is large enough already.

    Differs:
        A section keeps its size; a larger one of the file is made again, when the file has been extended.
    """
    size = find_of(SectionHandle, Section).size
    if NewSectionSize > size:
        raise fail(STATUS_SECTION_NOT_EXTENDED)
    return Information(STATUS_SUCCESS, size)


def image_of(section: Section) -> Image | None:
    """Return what the headers of a section's image say; ``None`` if it is none."""
    if section.size % PAGE or section.size < 2 * PAGE or section.protection != "rw":
        return None
    last = section.size - PAGE
    offset = last // _GRANULARITY * _GRANULARITY
    try:
        with section.map(offset, access="r") as view:
            image = Image.unpack(view[last - offset :])
    except AccessDenied:
        return None
    return image if image is not None and image.size == last else None


def _create_image(desired: int, attributes: OBJECT_ATTRIBUTES | None, file: int | None) -> HandleResult:
    if not file:
        raise fail(STATUS_INVALID_FILE_FOR_SECTION)
    descriptor = _descriptor(file)
    size = os.fstat(descriptor).st_size
    image, pieces = parse(os.pread(descriptor, size, 0))
    result = create(Section, "Section", desired, attributes, image.size + PAGE, "rw", False, None)
    section = find_of(result.handle, Section)
    if section.created:
        whole = section.duplicate(access=SECTION_ALL_ACCESS)
        with whole.map(access="rw") as view:
            for address, data in pieces:
                view[address : address + len(data)] = data
            behind = image.pack()
            view[image.size : image.size + len(behind)] = behind
        whole.close()
    return result


def _map_image(section: Section, image: Image) -> ViewResult:
    view = section._map_view(ImageView, 0, image.size, "copy", False)
    assert isinstance(view, ImageView)
    memory.protect(view, image)
    memory.enter(memory.Mapped(view, image.size, True))
    return ViewResult(STATUS_SUCCESS if view.address == image.base else STATUS_IMAGE_NOT_AT_BASE, view)


def _image_information(image: Image) -> SectionImageInformation:
    return SectionImageInformation(
        image.base + image.entry,
        image.stack,
        image.stack_committed,
        image.subsystem,
        image.subsystem_major,
        image.subsystem_minor,
        image.characteristics,
        image.dll_characteristics,
        image.machine,
        any(part.characteristics & IMAGE_SCN_CNT_CODE for part in image.parts),
        image.checksum,
        image.file_size,
    )


def _descriptor(handle: int) -> int:
    thing = find(handle)
    fd = getattr(thing, "fd", None)
    if not isinstance(fd, int):
        raise fail(STATUS_OBJECT_TYPE_MISMATCH)
    return fd
