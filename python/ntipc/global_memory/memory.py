r"""Global memory: a block that can be locked, resized, and given to another process by its handle.

>>> import ntipc
>>> block = ntipc.GlobalMemory(100)
>>> block.lock()[:5] = b"hello"
>>> block.unlock()
0
>>> other = ntipc.GlobalMemory.from_handle(block.duplicate_handle())
>>> block.resize(200)
>>> with other.locked() as memory:
...     bytes(memory[:6]), len(memory)
(b'hello\x00', 200)
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from operator import index
from typing import Any, NamedTuple, Self, cast

from ntipc import _kernel
from ntipc._runtime.turns import Turns
from ntipc.errors import NtError, Status
from ntipc.objects.object import ClosingObject, ObjectInfo
from ntipc.objects.registry import register
from ntipc.sections import View
from ntipc.session.session import Session, within
from ntipc.sync import Mutex
from ntipc.sync.holding import Held

PREFIX, _MUTEX = "global_memory\\", "global_memory_mutex\\"
"""What the kernel's names of blocks, and of the mutexes under which they are resized, begin with."""

_HEAD = {"magic": (0, "Q", 1), "size": (8, "Q", 1)}
_HEAD_SIZE = 64
_MAGIC = int.from_bytes(b"ntipcGM1", "little")
_PAGE = 4096
_CAPACITY = 1 << 40
"""Size of the section that holds a block: of addresses. Memory is taken for what the block has, and for its head."""


class GlobalMemoryInfo(ObjectInfo):
    """What :meth:`GlobalMemory.info` tells; ``lock_count`` is that of this object."""

    size: int
    lock_count: int


class _Locked(NamedTuple):
    """What a locked block is mapped to."""

    view: View
    memory: memoryview


class _Use:
    """What this process does with a handle to a block."""

    __slots__ = ("count", "head", "locked", "turns")

    def __init__(self, head: _kernel.Cells) -> None:
        self.head, self.turns = head, Turns()
        self.count = 0
        self.locked: _Locked | None = None


@register(_kernel.Section, directory=PREFIX.rstrip("\\"))
class GlobalMemory(_kernel.Section, ClosingObject):
    """A block of memory that is zero at first, is used between ``lock`` and ``unlock``, and can change its size.

    It has no name: another process gets its handle, by a pickle, a message, inheritance or ``duplicate``. All processes
    that have it see the same bytes. It goes with the last handle and the last memory that is in use. Between the last
    ``unlock`` and the next ``lock`` it may move: addresses are good for one lock.

    Args:
        size: Bytes that it has; with 0 it has none, until it is resized.
        session: The session, or its name; ``None`` for the default one.

    Raises:
        InvalidParameter: ``size`` is less than 0.
        OutOfResources: There is no space for it.

    Source:
        GlobalAlloc with GMEM_MOVEABLE, GMEM_ZEROINIT and GMEM_SHARE (Win16, Win32).

    Differs:
        Win32 ignores GMEM_SHARE, and its blocks are the process's own. Here they are shared, as Win16 promised.
    """

    __slots__ = ("__dict__", "_used")

    _kind = "global memory"
    _used: _Use

    def __init__(self, size: int = 0, *, session: Session | str | None = None) -> None:
        size = self._checked(size, "__init__")
        self._describe(self._kind)
        key = f"{PREFIX}{secrets.token_hex(12)}"
        self._bind(within(session)._native, key, _kernel.CREATE, 0, _CAPACITY, "rw", True, None)
        try:
            head = self._head_cells()
            head.set("magic", _MAGIC)
            self._used = _Use(head)
            if size:
                self._change(head, size)
        except BaseException:
            self.close()
            raise

    def lock(self) -> memoryview:
        """Use the memory, until it is unlocked as often as it was locked.

        Returns:
            The bytes of the block; while it is locked always the same object. ``unlock`` releases it at the end.

        Raises:
            NtError: The block has no bytes (``NOT_COMMITTED``).
            HandleClosed: It is closed.

        Source:
            GlobalLock (Win32).

        >>> block = GlobalMemory(8)
        >>> block.lock() is block.lock(), block.lock_count
        (True, 2)
        """
        use = self._use("lock")
        with use.turns.lock:
            if use.locked is None:
                size = self._size(use, "lock")
                if size == 0:
                    raise self._failure(Status.NOT_COMMITTED, "lock", "it has no bytes: resize it first")
                view = cast("View", self._map_view(View, 0, _HEAD_SIZE + size, "rw"))
                use.locked = _Locked(view, memoryview(view)[_HEAD_SIZE:])
            use.count += 1
            return use.locked.memory

    def unlock(self) -> int:
        """End the use of the memory that the last ``lock`` began.

        Returns:
            How many locks remain. At 0 the memory that ``lock`` returned is released, unless something else, such as an
            array of NumPy, still uses it: that keeps the bytes where they are.

        Raises:
            NtError: It is not locked (158, ``NOT_LOCKED``).
            HandleClosed: It is closed.

        Source:
            GlobalUnlock (Win32).
        """
        use = self._use("unlock")
        with use.turns.lock:
            if use.count == 0:
                raise self._failure(Status.NOT_LOCKED, "unlock")
            use.count -= 1
            if use.count == 0:
                locked, use.locked = use.locked, None
                if locked is not None:
                    _let_go(locked)
            return use.count

    @contextmanager
    def locked(self) -> Iterator[memoryview]:
        """Lock for a ``with`` block, which gets the memory.

        >>> block = GlobalMemory(4)
        >>> with block.locked() as memory:
        ...     memory[0] = 1
        >>> block.lock_count
        0
        """
        memory = self.lock()
        try:
            yield memory
        finally:
            if not self.closed:
                self.unlock()

    @property
    def lock_count(self) -> int:
        """How often this object is locked. Others that have the block, here or elsewhere, have counts of their own."""
        return self._use("lock_count").count

    @property
    def size(self) -> int:
        """Bytes that the block has.

        Source:
            GlobalSize (Win32).
        """
        return self._size(self._use("size"), "size")

    @property
    def name(self) -> None:
        """``None``: global memory has no name."""
        return None

    def resize(self, n: int) -> None:
        """Give the block ``n`` bytes. What remains keeps its contents, what is added is 0.

        Args:
            n: The new size; 0 gives all memory back and keeps the handle.

        Raises:
            StillInUse: This object is locked. Another process that has locked the block keeps what it sees; bytes that
                are cut off become 0 there.
            InvalidParameter: ``n`` is less than 0.
            OutOfResources: There is no space for it. The block is as it was.
            HandleClosed: It is closed.

        Source:
            GlobalReAlloc (Win32).

        >>> block = GlobalMemory()
        >>> block.resize(10)
        >>> block.size
        10
        """
        n = self._checked(n, "resize")
        use = self._use("resize")
        with use.turns.lock:
            if use.count:
                raise self._failure(Status.DEVICE_BUSY, "resize", "it is locked: it may not move")
            self._change(use.head, n)

    def info(self) -> GlobalMemoryInfo:
        """Tell its size, how often this object is locked, and its handles.

        Raises:
            HandleClosed: It is closed.
        """
        info: dict[str, Any] = dict(super().info())
        for known in "protection", "reserve", "file":
            info.pop(known, None)
        return cast("GlobalMemoryInfo", info | {"name": None, "size": self.size, "lock_count": self.lock_count})

    def close(self) -> None:
        """Close the handle. Memory that is still locked stays until that is released. Closing again does nothing.

        Source:
            GlobalFree (Win32).
        """
        super().close()
        with suppress(AttributeError):
            del self._used

    def _after_arrival(self) -> None:
        self._use("from_handle")

    def _use(self, call: str) -> _Use:
        """Return what this object does with the block; look first whether it is one."""
        if self.closed:
            raise self._failure(Status.INVALID_HANDLE, call)
        try:
            return self._used
        except AttributeError:
            head = self._head_cells()
            if head.get("magic") != _MAGIC or not (self._key or "").startswith(PREFIX):
                raise self._failure(Status.OBJECT_TYPE_MISMATCH, call, "it is another section") from None
            self._used = _Use(head)
            return self._used

    @property
    def _key(self) -> str | None:
        return _kernel.Section.name.__get__(self)  # type: ignore[no-any-return]

    def _head_cells(self) -> _kernel.Cells:
        return _kernel.Cells(self._map_view(View, 0, _HEAD_SIZE, "rw"), 0, _HEAD, self._kind)

    def _size(self, use: _Use, call: str) -> int:
        size: int = use.head.get("size")
        if size > _CAPACITY - _HEAD_SIZE:
            raise self._failure(Status.DATA_ERROR, call, f"its head says that it has {size:,} bytes")
        return size

    def _change(self, head: _kernel.Cells, size: int) -> None:
        """Change the size, alone of all processes. One that is killed here leaves the old size or the new one.

        What lies beyond the size is cleared before it becomes a part of the block, whatever happened to it meanwhile.
        """
        mutex = Mutex.__new__(Mutex)
        mutex._describe(self._kind)
        mutex._bind(self.session._native, _MUTEX + (self._key or "").removeprefix(PREFIX), _kernel.OPEN_OR_CREATE, 0)
        try:
            with Held(mutex):
                before = head.get("size")
                if size < before:
                    head.set("size", size)
                longer = min(max(size, before), _CAPACITY - _HEAD_SIZE)
                with cast("View", self._map_view(View, 0, _HEAD_SIZE + longer, "rw")) as view:
                    _clear(view, _HEAD_SIZE + min(size, before))
                    if size > before:
                        self._take_space(view, before, size)
                        head.set("size", size)
        finally:
            mutex.close()

    def _take_space(self, view: View, before: int, size: int) -> None:
        # First ask: taking all there is, only to give it back, would be felt by others.
        space = os.statvfs(self.session.path)
        wanted = (size - before) // space.f_frsize
        if space.f_blocks and wanted > space.f_bavail:
            raise self._failure(Status.DISK_FULL, "resize", f"{size - before:,} bytes more")
        try:
            view._take_space(_HEAD_SIZE + before, size - before)
        except NtError:
            _clear(view, _HEAD_SIZE + before)
            raise

    def _checked(self, size: int, call: str) -> int:
        if isinstance(size, bool):
            raise TypeError("size must be an int, not bool")
        size = index(size)
        if size < 0:
            raise self._failure(Status.INVALID_PARAMETER, call, f"the size must be 0 or more, not {size}")
        if size > _CAPACITY - _HEAD_SIZE:
            raise self._failure(Status.SECTION_TOO_BIG, call, f"the most is {_CAPACITY - _HEAD_SIZE:,} bytes")
        return size

    def _carry_over(self, original: Self, access: int | str | None) -> None:
        """Begin without a lock: a duplicate is not locked."""

    def _state(self, info: Mapping[str, Any]) -> list[str]:
        return [f"size={self.size}"] + ([f"locked={count}"] if (count := self.lock_count) else [])


def _clear(view: View, start: int) -> None:
    """Make all bytes from there on 0, and give whole pages back."""
    border = -(-start // _PAGE) * _PAGE
    with memoryview(view) as memory:
        end = min(border, len(memory))
        memory[start:end] = bytes(end - start)
    if border < len(view):
        view._give_back_space(border, len(view) - border)


def _let_go(locked: _Locked) -> None:
    with suppress(BufferError):
        locked.memory.release()
        locked.view.unmap()
