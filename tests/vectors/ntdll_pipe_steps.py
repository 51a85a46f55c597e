"""The operations of the pipe and mailslot families, done with ``ntipc.ntdll``. All ends are in non-blocking mode."""

import struct
from typing import Any

from codes import INVALID_HANDLE, INVALID_PARAMETER

from ntipc.ntdll import *

Result = dict[str, Any]
RIGHTS = GENERIC_READ | GENERIC_WRITE
SHARES = {1: FILE_SHARE_WRITE, 2: FILE_SHARE_READ, 3: FILE_SHARE_READ | FILE_SHARE_WRITE}
SYNCHRONOUS = FILE_SYNCHRONOUS_IO_NONALERT


def failed(status: int) -> Result:
    return {"ok": False, "err": RtlNtStatusToDosError(status)}


def said(status: int, **more: Any) -> Result:
    return {"ok": True} | more if NT_SUCCESS(status) else failed(status) | more


class Slots:
    """Slots with handle numbers."""

    def __init__(self) -> None:
        self.slots: dict[int, int] = {}

    def close_all(self) -> None:
        for number in self.slots.values():
            NtClose(number)

    def at(self, slot: int) -> int:
        return self.slots.get(slot, 0)

    def close(self, slot: int) -> Result:
        return said(NtClose(self.slots.pop(slot, 0)))

    def put(self, slot: int, size: int, start: int) -> tuple[int, int]:
        block = IO_STATUS_BLOCK()
        data = bytes((start + place) % 256 for place in range(size))
        return NtWriteFile(self.at(slot), 0, None, None, block, data), block.Information

    def take(self, slot: int, size: int) -> Result:
        block, buffer = IO_STATUS_BLOCK(), bytearray(size)
        status = NtReadFile(self.at(slot), 0, None, None, block, buffer)
        count = block.Information
        return said(status) | {"n": count, "data": buffer[:count].hex()}


class NtPipeSteps(Slots):
    """One method for each recorded operation on pipes."""

    def create_named_pipe_nowait(
        self, slot: int, name: str, type_message: bool, read_message: bool, access: int, max_instances: int
    ) -> Result:
        rights = (GENERIC_READ if access & 1 else 0) | (GENERIC_WRITE if access & 2 else 0) | SYNCHRONIZE
        made = NtCreateNamedPipeFile(
            rights, OBJECT_ATTRIBUTES(f"\\??\\pipe\\{name}"), SHARES[access], FILE_OPEN_IF, SYNCHRONOUS,
            int(type_message), int(read_message), FILE_PIPE_COMPLETE_OPERATION,
            -1 if max_instances == 255 else max_instances, 4096, 4096, -500_000,
        )  # fmt: skip
        if made:
            self.slots[slot] = made.handle
        return said(made.status)

    def open_pipe_nowait(self, slot: int, name: str, access: int) -> Result:
        rights = (GENERIC_READ if access & 1 else 0) | (GENERIC_WRITE if access & 2 else 0) | FILE_WRITE_ATTRIBUTES
        opened = NtOpenFile(rights, OBJECT_ATTRIBUTES(f"\\??\\pipe\\{name}"), 0, SYNCHRONOUS)
        if not opened:
            return failed(opened.status)
        self.slots[slot] = opened.handle
        done = NtSetInformationFile(opened.handle, FilePipeInformation, (0, FILE_PIPE_COMPLETE_OPERATION))
        return said(opened.status, nowait_set=bool(done))

    def wait_named_pipe(self, name: str, timeout_ms: int) -> Result:
        device = NtOpenFile(GENERIC_READ, OBJECT_ATTRIBUTES("\\Device\\NamedPipe")).handle
        wanted = FILE_PIPE_WAIT_FOR_BUFFER(name, -timeout_ms * 10_000)
        status = NtFsControlFile(device, 0, None, None, None, FSCTL_PIPE_WAIT, wanted)
        NtClose(device)
        return said(status)

    def connect_named_pipe(self, slot: int) -> Result:
        return said(NtFsControlFile(self.at(slot), 0, None, None, None, FSCTL_PIPE_LISTEN))

    def disconnect_named_pipe(self, slot: int) -> Result:
        return said(NtFsControlFile(self.at(slot), 0, None, None, None, FSCTL_PIPE_DISCONNECT))

    def pipe_write(self, slot: int, size: int, start: int) -> Result:
        status, count = self.put(slot, size, start)
        return said(status, n=count) if NT_SUCCESS(status) else failed(status)

    def pipe_read(self, slot: int, size: int) -> Result:
        return self.take(slot, size)

    def peek_named_pipe(self, slot: int, size: int) -> Result:
        block, buffer = IO_STATUS_BLOCK(), bytearray(16 + size)
        status = NtFsControlFile(self.at(slot), 0, None, None, block, FSCTL_PIPE_PEEK, None, buffer)
        if status != STATUS_BUFFER_OVERFLOW and not status:
            return failed(status)
        _, available, _, first = struct.unpack_from("<IIII", buffer)
        count = block.Information - 16
        data = buffer[16 : 16 + count].hex()
        return {"ok": True, "n": count, "avail": available, "left": (first - count) % (1 << 32), "data": data}

    def set_pipe_state_nowait(self, slot: int, read_message: bool) -> Result:
        modes = int(read_message), FILE_PIPE_COMPLETE_OPERATION
        return said(NtSetInformationFile(self.at(slot), FilePipeInformation, modes))

    def get_named_pipe_info(self, slot: int) -> Result:
        status, info = NtQueryInformationFile(self.at(slot), FilePipeLocalInformation)
        if info is None:
            return failed(status)
        flags = info.NamedPipeEnd | info.NamedPipeType << 2
        return {"ok": True, "flags": flags, "max": info.MaximumInstances}

    def get_pipe_handle_state(self, slot: int) -> Result:
        status, modes = NtQueryInformationFile(self.at(slot), FilePipeInformation)
        if modes is None:
            return failed(status)
        local = NtQueryInformationFile(self.at(slot), FilePipeLocalInformation).information
        state = modes.CompletionMode | modes.ReadMode << 1
        return {"ok": True, "state": state, "instances": local.CurrentInstances}


class NtMailslotSteps(Slots):
    """One method for each recorded operation on mailslots."""

    def create_mailslot_timeout0(self, slot: int, name: str, max: int) -> Result:
        made = NtCreateMailslotFile(RIGHTS, OBJECT_ATTRIBUTES(f"\\??\\mailslot\\{name}"), 0, 0, max, 0)
        if made:
            self.slots[slot] = made.handle
        return said(made.status)

    def open_mailslot(self, slot: int, name: str) -> Result:
        opened = NtOpenFile(GENERIC_WRITE, OBJECT_ATTRIBUTES(f"\\??\\mailslot\\{name}"))
        if opened:
            self.slots[slot] = opened.handle
        return said(opened.status)

    def mailslot_write(self, slot: int, size: int, start: int) -> Result:
        status, count = self.put(slot, size, start)
        return said(status, n=count) if NT_SUCCESS(status) else failed(status)

    def mailslot_read(self, slot: int, size: int) -> Result:
        return self.take(slot, size)

    def get_mailslot_info(self, slot: int) -> Result:
        status, info = NtQueryInformationFile(self.at(slot), FileMailslotQueryInformation)
        if info is None:
            code = RtlNtStatusToDosError(status)
            return {"ok": False, "err": INVALID_HANDLE if code == INVALID_PARAMETER else code}
        return {
            "ok": True,
            "max": info.MaximumMessageSize,
            "next": -1 if info.NextMessageSize == MAILSLOT_NO_MESSAGE else info.NextMessageSize,
            "timeout": -info.ReadTimeout // 10_000,
            "has_message": info.MessagesAvailable > 0,
        }
