"""The memory of a process: read and written from outside, as Linux allows."""

from __future__ import annotations

from collections.abc import Iterable
from operator import index
from typing import TYPE_CHECKING, Any

from ntipc import _kernel
from ntipc.errors import NtError, Status, from_status
from ntipc.objects.access import Access
from ntipc.other_memory.copying import Target, as_bytes, read, write
from ntipc.session.session import Session

if TYPE_CHECKING:
    from typing_extensions import Buffer

_AT_ONCE = 1 << 24
_NAMES = {  # events and others have rights of the same numbers, whose names Access would tell
    Access.PROCESS_CREATE_THREAD: "PROCESS_CREATE_THREAD",
    Access.PROCESS_VM_OPERATION: "PROCESS_VM_OPERATION",
    Access.PROCESS_VM_READ: "PROCESS_VM_READ",
    Access.PROCESS_VM_WRITE: "PROCESS_VM_WRITE",
}
_READ, _WRITE = int(Access.PROCESS_VM_READ), int(Access.PROCESS_VM_WRITE | Access.PROCESS_VM_OPERATION)


class MemoryOfProcess:
    """The part of :class:`~ntipc.Process` that reads and writes its memory."""

    __slots__ = ()

    if TYPE_CHECKING:

        @property
        def pid(self) -> int:
            """Its process id."""

        @property
        def access(self) -> int:
            """The handle's rights."""

        @property
        def session(self) -> Session:
            """The session of the object."""

    def read_memory(self, address: int, size: int) -> bytes:
        """Read the process's memory.

        Args:
            address: Where, in that process.
            size: How many bytes.

        Returns:
            All of them; nothing is returned in part.

        Raises:
            NtError: Some of it is not mapped there or cannot be read (299, ``PARTIAL_COPY``); or the process has ended.
            AccessDenied: The handle lacks the right ``PROCESS_VM_READ``, or Linux refuses; then the message says by
                which of its settings.
            InvalidParameter: ``address`` or ``size`` is below 0.
            NotSupported: The process lives in another pid namespace.
            HandleClosed: The object is closed.

        Source:
            ReadProcessMemory (Win32); process_vm_readv (Linux).

        >>> import ctypes, ntipc
        >>> text = ctypes.create_string_buffer(b"here")
        >>> ntipc.Process.current().read_memory(ctypes.addressof(text), 4)
        b'here'
        """
        if self.access & _READ and 0 < size < _AT_ONCE and 0 < address < 1 << 47 and (pid := self.pid):
            data, _ = _kernel.read_foreign(pid, ((address, size),))
            if len(data) == size and not _kernel.Process.wait(self, 0):  # type: ignore[arg-type]
                return data
        return read(self._memory("read_memory", _READ), ((index(address), index(size)),))

    def read_memory_into(self, address: int, buffer: Buffer) -> None:
        """Read as many bytes as a buffer has, such as a ``bytearray``, an array of NumPy or a structure of ctypes.

        It is filled, or left as it is. The errors are those of :meth:`read_memory`.

        Raises:
            TypeError: The buffer cannot be written, or is not in one piece.

        >>> import ctypes, ntipc
        >>> class Pair(ctypes.Structure):
        ...     _fields_ = [("a", ctypes.c_int), ("b", ctypes.c_int)]
        >>> there, here = Pair(1, 2), Pair()
        >>> ntipc.Process.current().read_memory_into(ctypes.addressof(there), here)
        >>> here.a, here.b
        (1, 2)
        """
        with as_bytes(buffer) as memory:
            if memory.readonly:
                raise TypeError("the buffer cannot be written")
            memory[:] = self.read_memory(address, len(memory))

    def read_memory_vector(self, pieces: Iterable[tuple[int, int]]) -> list[bytes]:
        """Read several pieces, each an address and a size, with as few calls of Linux as can be.

        They are read one after the other, all or none. The errors are those of :meth:`read_memory`.
        """
        wanted = [(index(address), index(size)) for address, size in pieces]
        data = read(self._memory("read_memory_vector", _READ), wanted)
        found, place = [], 0
        for _, size in wanted:
            found.append(data[place : place + size])
            place += size
        return found

    def read_string(self, address: int, limit: int = 65_536, *, encoding: str = "utf-8") -> str:
        """Read a text that ends with a NUL character, as C has it.

        Args:
            address: Where it begins.
            limit: Bytes that it may have before the NUL.
            encoding: Its encoding; in ``"utf-16-le"`` and ``"utf-32-le"`` the NUL has 2 and 4 bytes.

        Raises:
            ValueError: No NUL comes within the limit, or the bytes are not of that encoding.
            NtError: As for :meth:`read_memory`: the memory ends before the NUL comes.
        """
        width = len("\0".encode(encoding))
        target, data = self._memory("read_string", _READ), b""
        while len(data) <= limit:
            place = address + len(data)
            size = min(4096 - place % 4096, limit + width - len(data))
            data += read(target, ((place, size),))
            end = data.find(b"\0" * width)
            while end >= 0 and end % width:
                end = data.find(b"\0" * width, end + 1)
            if end >= 0:
                return data[:end].decode(encoding)
        raise ValueError(f"there is no text of at most {limit:,} bytes at {address:#x}")

    def write_memory(self, address: int, data: Buffer) -> None:
        """Write to the process's memory.

        Before more than one page is written, /proc is asked whether all of it may be, so that nothing is written in
        part; unless the process changes its mappings in that moment, which the error tells, with the count.

        Args:
            address: Where, in that process.
            data: Bytes, or anything with a buffer, such as a structure of ctypes.

        Raises:
            NtError: Some of it cannot be written (998, ``ACCESS_VIOLATION``): it is not mapped, or for reading only; or
                the process has ended.
            AccessDenied: The handle lacks ``PROCESS_VM_WRITE`` or ``PROCESS_VM_OPERATION``, or Linux refuses; then the
                message says by which of its settings.
            InvalidParameter: ``address`` is below 0.
            NotSupported: The process lives in another pid namespace.
            HandleClosed: The object is closed.

        Source:
            WriteProcessMemory (Win32); process_vm_writev (Linux).

        Differs:
            A debugger of Windows may write where the process itself may only read; here nobody may.

        >>> import ctypes, ntipc
        >>> text = ctypes.create_string_buffer(b"here")
        >>> ntipc.Process.current().write_memory(ctypes.addressof(text), b"th")
        >>> text.value
        b'thre'
        """
        self.write_memory_vector([(address, data)], _call="write_memory")

    def write_memory_vector(self, pieces: Iterable[tuple[int, Buffer]], *, _call: str = "write_memory_vector") -> None:
        """Write several pieces, each an address and data. The errors are those of :meth:`write_memory`."""
        wanted = [(index(address), as_bytes(data)) for address, data in pieces]
        write(self._memory(_call, _WRITE), wanted)

    def _memory(self, call: str, right: int) -> Target:
        """Return what is to be read or written, if the handle has the right."""
        self._demand(call, right)
        if not self.pid:
            raise from_status(Status.NOT_SUPPORTED, f"Process.{call}", "process", "it lives in another pid namespace")
        process: Any = self
        return Target(self.pid, f"Process.{call}", lambda: not _kernel.Process.wait(process, 0))

    def _demand(self, call: str, right: int) -> None:
        if missing := right & ~self.access:
            names = " and ".join(name for number, name in _NAMES.items() if number & missing)
            raise self._denied(call, f"the handle lacks the right {names}")

    def _denied(self, call: str, detail: str, advice: str | None = None) -> NtError:
        return from_status(Status.ACCESS_DENIED, f"Process.{call}", f"process {self.pid}", detail, advice=advice)
