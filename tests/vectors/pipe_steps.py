"""The operations of the pipe family, done with the ends of pipes. All of them are in non-blocking mode."""

from collections.abc import Callable
from typing import Any

from codes import INVALID_HANDLE, INVALID_PARAMETER, failed

import ntipc
from ntipc.objects.devices import Location, locate_pipe
from ntipc.pipes.client_end import ClientEnd, wait_for_instance
from ntipc.pipes.end import PipeEnd
from ntipc.pipes.offers import PipeName
from ntipc.pipes.server_end import ServerEnd
from ntipc.pipes.settings import DIRECTIONS, PipeAccess, Settings

Result = dict[str, Any]

QUOTA = 4096
NONE, NOWAIT, MESSAGE_READS = 0, 1, 2
SERVER_END, MESSAGE_TYPE = 1, 4
MORE_DATA, SEM_TIMEOUT = 234, 121
UNLIMITED, WINDOWS_UNLIMITED = 0xFFFF_FFFF, 255
DIRECTION = {PipeAccess(bits): name for name, bits in DIRECTIONS.items()}
NO_HANDLE: Result = {"ok": False, "err": INVALID_HANDLE}


class PipeSteps:
    """Slots with ends of pipes, and one method for each recorded operation."""

    def __init__(self) -> None:
        self.slots: dict[int, PipeEnd] = {}
        self.names: dict[int, PipeName] = {}

    def close_all(self) -> None:
        for slot in list(self.slots):
            self.close(slot)

    def on(self, slot: int, call: Callable[[Any], Result]) -> Result:
        """Do something with the end in a slot."""
        if slot not in self.slots:
            return dict(NO_HANDLE)
        try:
            return {"ok": True} | call(self.slots[slot])
        except ntipc.NtError as problem:
            return failed(problem)

    @staticmethod
    def place(name: str) -> tuple[Location, Any]:
        location = locate_pipe("\\\\.\\pipe\\" + name)
        return location, location.attachment()._native

    def create_named_pipe_nowait(
        self, slot: int, name: str, type_message: bool, read_message: bool, access: int, max_instances: int
    ) -> Result:
        mode, most = (
            "message" if type_message else "byte",
            None if max_instances == WINDOWS_UNLIMITED else max_instances,
        )
        held = None
        try:
            settings = Settings.checked(name, DIRECTION[PipeAccess(access)], mode, most, 0)
            if read_message and not settings.is_message:
                return {"ok": False, "err": INVALID_PARAMETER}
            held = PipeName(*self.place(name), settings, ntipc._kernel.OPEN_OR_CREATE)
            end = ServerEnd(held, settings, QUOTA, QUOTA)
        except ntipc.NtError as problem:
            if held is not None:
                held.close()
            return failed(problem)
        end.set_state(nowait=True, message_reads=read_message and end.settings.is_message)
        end.may_ask, end.may_change = end.may_read, end.may_write
        self.slots[slot], self.names[slot] = end, held
        return {"ok": True}

    def open_pipe_nowait(self, slot: int, name: str, access: int) -> Result:
        try:
            end = ClientEnd.open(*self.place(name), PipeAccess(access), 0)
            end.set_state(nowait=True, message_reads=False)
        except ntipc.NtError as problem:
            return failed(problem)
        self.slots[slot] = end
        return {"ok": True, "nowait_set": end.nowait}

    def wait_named_pipe(self, name: str, timeout_ms: int) -> Result:
        try:
            found = wait_for_instance(*self.place(name), timeout_ms / 1000)
        except ntipc.NtError as problem:
            return failed(problem)
        return {"ok": True} if found else {"ok": False, "err": SEM_TIMEOUT}

    def connect_named_pipe(self, slot: int) -> Result:
        def connect(end: PipeEnd) -> Result:
            if not isinstance(end, ServerEnd):
                raise ntipc.errors.from_status(ntipc.Status.ILLEGAL_FUNCTION)
            end.connect()
            return {}

        return self.on(slot, connect)

    def disconnect_named_pipe(self, slot: int) -> Result:
        return self.on(slot, lambda end: end.disconnect() or {})

    def close(self, slot: int) -> Result:
        if slot not in self.slots:
            return dict(NO_HANDLE)
        self.slots.pop(slot).close()
        if slot in self.names:
            self.names.pop(slot).close()
        return {"ok": True}

    def pipe_write(self, slot: int, size: int, start: int) -> Result:
        return self.on(slot, lambda end: {"n": end.write(bytes((start + place) % 256 for place in range(size)))})

    def pipe_read(self, slot: int, size: int) -> Result:
        def read(end: PipeEnd) -> Result:
            data, left = end.read(size)
            return {"n": len(data), "data": data.hex()} | ({"ok": False, "err": MORE_DATA} if left else {})

        result = self.on(slot, read)
        return {"n": 0, "data": ""} | result

    def peek_named_pipe(self, slot: int, size: int) -> Result:
        def peek(end: PipeEnd) -> Result:
            seen = end.peek(size)
            # Of a pipe of byte type NT tells what is left of no message: minus the bytes that were copied.
            left = seen.left if end.settings.is_message else -len(seen.data) % (1 << 32)
            return {"n": len(seen.data), "avail": seen.available, "left": left, "data": seen.data.hex()}

        return self.on(slot, peek)

    def set_pipe_state_nowait(self, slot: int, read_message: bool) -> Result:
        return self.on(slot, lambda end: end.set_state(message_reads=read_message, nowait=True) or {})

    def get_named_pipe_info(self, slot: int) -> Result:
        def info(end: PipeEnd) -> Result:
            known = end.info()
            flags = (SERVER_END if known.server else NONE) | (MESSAGE_TYPE if known.mode == "message" else NONE)
            return {"flags": flags, "max": known.max_instances or UNLIMITED}

        return self.on(slot, info)

    def get_pipe_handle_state(self, slot: int) -> Result:
        def state(end: PipeEnd) -> Result:
            bits = (NOWAIT if end.nowait else NONE) | (MESSAGE_READS if end.message_reads else NONE)
            return {"state": bits, "instances": end.instances()}

        return self.on(slot, state)
