"""The operations of the sync, pipe and mailslot families, done by pywin32's names.

A slot that holds no handle has the number 0, which is no handle.
"""

from collections.abc import Callable
from typing import Any

from codes import INVALID_HANDLE, status
from harness.waiting import facts

import ntipc
from ntipc.ntdll import handles
from ntipc.win32 import ntsecuritycon, pywintypes, win32api, win32con, win32event, win32file, win32pipe
from ntipc.win32.binding import pipe_servers

Result = dict[str, Any]

QUOTA = 4096
UNLIMITED, WINDOWS_UNLIMITED = 0xFFFF_FFFF, 255
MORE_DATA = 234
NO_TIMEOUT = -1


class NamedSteps:
    """Slots with handles, and what the families have in common."""

    def __init__(self) -> None:
        self.slots: dict[int, Any] = {}

    def close_all(self) -> None:
        for handle in self.slots.values():
            handle.Close()
        self.slots.clear()

    def at(self, slot: int) -> Any:
        return self.slots.get(slot, 0)

    def made(self, slot: int, call: Callable[[], Any]) -> Result:
        """A call that returns a handle."""
        try:
            self.slots[slot] = call()
        except pywintypes.error as problem:
            return {"ok": False, "err": problem.winerror}
        return {"ok": True}

    def done(self, call: Callable[[], Any], **more: Any) -> Result:
        """A call that returns nothing, or something that ``more`` says how to tell."""
        try:
            call()
        except pywintypes.error as problem:
            return {"ok": False, "err": problem.winerror}
        return {"ok": True} | more

    def close(self, slot: int) -> Result:
        if slot not in self.slots:
            return {"ok": False, "err": INVALID_HANDLE}
        handle = self.slots.pop(slot)
        return self.done(lambda: win32api.CloseHandle(handle.Detach()))


class NamedSyncSteps(NamedSteps):
    """Events, mutexes, semaphores and waits."""

    def created(self, slot: int, call: Callable[[], Any]) -> Result:
        win32api.SetLastError(1)
        result = self.made(slot, call)
        return result | {"err": win32api.GetLastError()}

    def create_event(self, slot: int, name: str | None, manual: bool, initial: bool) -> Result:
        return self.created(slot, lambda: win32event.CreateEvent(None, manual, initial, name))

    def create_mutex(self, slot: int, name: str | None, initial_owner: bool) -> Result:
        return self.created(slot, lambda: win32event.CreateMutex(None, initial_owner, name))

    def create_semaphore(self, slot: int, name: str | None, initial: int, max: int) -> Result:
        return self.created(slot, lambda: win32event.CreateSemaphore(None, initial, max, name))

    def opened(self, slot: int, call: Callable[..., Any], name: str) -> Result:
        result = self.made(slot, lambda: call(win32con.MAXIMUM_ALLOWED, False, name))
        return result if not result["ok"] else result | {"err": 0}

    def open_event(self, slot: int, name: str) -> Result:
        return self.opened(slot, win32event.OpenEvent, name)

    def open_mutex(self, slot: int, name: str) -> Result:
        return self.opened(slot, win32event.OpenMutex, name)

    def open_semaphore(self, slot: int, name: str) -> Result:
        return self.opened(slot, win32event.OpenSemaphore, name)

    def duplicate(self, src: int, dst: int) -> Result:
        me = win32api.GetCurrentProcess()
        same = win32con.DUPLICATE_SAME_ACCESS
        return self.made(dst, lambda: win32api.DuplicateHandle(me, self.at(src), me, 0, False, same))

    def set_event(self, slot: int) -> Result:
        return self.done(lambda: win32event.SetEvent(self.at(slot)))

    def reset_event(self, slot: int) -> Result:
        return self.done(lambda: win32event.ResetEvent(self.at(slot)))

    def pulse_event(self, slot: int) -> Result:
        return self.done(lambda: win32event.PulseEvent(self.at(slot)))

    def release_mutex(self, slot: int) -> Result:
        return self.done(lambda: win32event.ReleaseMutex(self.at(slot)))

    def release_semaphore(self, slot: int, count: int) -> Result:
        before: list[int] = []
        result = self.done(lambda: before.append(win32event.ReleaseSemaphore(self.at(slot), count)))
        return result | {"prev": before[0]} if before else result

    # What pywin32 has no call for is asked of the object that the handle leads to.

    def query(self, slot: int, kind: Any, keys: dict[str, str]) -> Result:
        try:
            known = facts(handles.find_of(int(self.at(slot)), kind))
        except ntipc.NtError as problem:
            return {"status": status(problem)}
        return {"status": "0x00000000"} | {recorded: known[ours] for recorded, ours in keys.items()}

    def query_event(self, slot: int) -> Result:
        return self.query(slot, ntipc.Event, {"manual": "manual_reset", "signaled": "signaled"})

    def query_semaphore(self, slot: int) -> Result:
        return self.query(slot, ntipc.Semaphore, {"count": "count", "max": "maximum"})

    def query_mutant(self, slot: int) -> Result:
        return self.query(
            slot, ntipc.Mutex, {"count": "count", "owned_by_caller": "owned_by_caller", "abandoned": "abandoned"}
        )

    def waited(self, call: Callable[[], int]) -> Result:
        try:
            return {"ret": call()}
        except pywintypes.error as problem:
            return {"ret": "WAIT_FAILED", "err": problem.winerror}

    def wait_single(self, slot: int, timeout: int) -> Result:
        return self.waited(lambda: win32event.WaitForSingleObject(self.at(slot), timeout))

    def wait_several(self, slots: list[int], wait_all: bool, timeout: int) -> Result:
        return self.waited(lambda: win32event.WaitForMultipleObjects([self.at(s) for s in slots], wait_all, timeout))

    def signal_and_wait(self, signal: int, wait: int, timeout: int) -> Result:
        return self.waited(lambda: win32event.SignalObjectAndWait(self.at(signal), self.at(wait), timeout, False))

    def wait_single_0(self, slot: int) -> Result:
        return self.wait_single(slot, 0)

    def wait_any_0(self, slots: list[int]) -> Result:
        return self.wait_several(slots, False, 0)

    def wait_all_0(self, slots: list[int]) -> Result:
        return self.wait_several(slots, True, 0)

    def signal_and_wait_0(self, signal: int, wait: int) -> Result:
        return self.signal_and_wait(signal, wait, 0)

    def wait_single_infinite(self, slot: int) -> Result:
        return self.wait_single(slot, NO_TIMEOUT)

    def wait_any_infinite(self, slots: list[int]) -> Result:
        return self.wait_several(slots, False, NO_TIMEOUT)

    def wait_all_infinite(self, slots: list[int]) -> Result:
        return self.wait_several(slots, True, NO_TIMEOUT)

    def signal_and_wait_infinite(self, signal: int, wait: int) -> Result:
        return self.signal_and_wait(signal, wait, NO_TIMEOUT)


class NamedFileSteps(NamedSteps):
    """Reading and writing."""

    def written(self, slot: int, size: int, start: int) -> Result:
        counts: list[int] = []
        data = bytes((start + place) % 256 for place in range(size))
        result = self.done(lambda: counts.append(win32file.WriteFile(self.at(slot), data)[1]))
        return result | {"n": counts[0]} if counts else result

    def read(self, slot: int, size: int) -> Result:
        try:
            code, data = win32file.ReadFile(self.at(slot), size)
        except pywintypes.error as problem:
            return {"ok": False, "err": problem.winerror, "n": 0, "data": ""}
        result: Result = {"ok": True} if code == 0 else {"ok": False, "err": code}
        return result | {"n": len(data), "data": bytes(data).hex()}


class NamedMailslotSteps(NamedFileSteps):
    """Mailslots."""

    def create_mailslot_timeout0(self, slot: int, name: str, max: int) -> Result:
        return self.made(slot, lambda: win32file.CreateMailslot(rf"\\.\mailslot\{name}", max, 0, None))

    def open_mailslot(self, slot: int, name: str) -> Result:
        path = rf"\\.\mailslot\{name}"
        access, share = win32file.GENERIC_WRITE, win32file.FILE_SHARE_READ | win32file.FILE_SHARE_WRITE
        return self.made(
            slot, lambda: win32file.CreateFile(path, access, share, None, win32file.OPEN_EXISTING, 0, None)
        )

    def mailslot_write(self, slot: int, size: int, start: int) -> Result:
        return self.written(slot, size, start)

    def mailslot_read(self, slot: int, size: int) -> Result:
        return self.read(slot, size)

    def get_mailslot_info(self, slot: int) -> Result:
        try:
            longest, following, count, timeout = win32file.GetMailslotInfo(self.at(slot))
        except pywintypes.error as problem:
            return {"ok": False, "err": problem.winerror}
        waits = None if timeout == -1 else timeout
        return {"ok": True, "max": longest, "next": following, "timeout": waits, "has_message": count > 0}


class NamedPipeSteps(NamedFileSteps):
    """Ends of pipes, all in non-blocking mode."""

    def create_named_pipe_nowait(
        self, slot: int, name: str, type_message: bool, read_message: bool, access: int, max_instances: int
    ) -> Result:
        mode = win32pipe.PIPE_NOWAIT
        mode |= win32pipe.PIPE_TYPE_MESSAGE if type_message else 0
        mode |= win32pipe.PIPE_READMODE_MESSAGE if read_message else 0
        path = rf"\\.\pipe\{name}"
        pipe_servers.PATIENCE = 0  # no process has just died
        return self.made(
            slot, lambda: win32pipe.CreateNamedPipe(path, access, mode, max_instances, QUOTA, QUOTA, 0, None)
        )

    def open_pipe_nowait(self, slot: int, name: str, access: int) -> Result:
        rights = (win32file.GENERIC_READ if access & 1 else 0) | (win32file.GENERIC_WRITE if access & 2 else 0)
        rights |= ntsecuritycon.FILE_WRITE_ATTRIBUTES  # as the recorded program had, to set the mode
        path = rf"\\.\pipe\{name}"
        result = self.made(slot, lambda: win32file.CreateFile(path, rights, 0, None, win32file.OPEN_EXISTING, 0, None))
        if not result["ok"]:
            return result
        nowait = self.done(
            lambda: win32pipe.SetNamedPipeHandleState(self.slots[slot], win32pipe.PIPE_NOWAIT, None, None)
        )
        return result | {"nowait_set": nowait["ok"]}

    def wait_named_pipe(self, name: str, timeout_ms: int) -> Result:
        return self.done(lambda: win32pipe.WaitNamedPipe(rf"\\.\pipe\{name}", timeout_ms))

    def connect_named_pipe(self, slot: int) -> Result:
        codes: list[int] = []
        result = self.done(lambda: codes.append(win32pipe.ConnectNamedPipe(self.at(slot))))
        return {"ok": False, "err": codes[0]} if codes and codes[0] else result

    def disconnect_named_pipe(self, slot: int) -> Result:
        return self.done(lambda: win32pipe.DisconnectNamedPipe(self.at(slot)))

    def pipe_write(self, slot: int, size: int, start: int) -> Result:
        return self.written(slot, size, start)

    def pipe_read(self, slot: int, size: int) -> Result:
        return self.read(slot, size)

    def peek_named_pipe(self, slot: int, size: int) -> Result:
        seen: list[tuple[bytes, int, int]] = []
        result = self.done(lambda: seen.append(win32pipe.PeekNamedPipe(self.at(slot), size)))
        if not seen:
            return result
        data, available, left = seen[0]
        return result | {"n": len(data), "avail": available, "left": left % 2**32, "data": data.hex()}

    def set_pipe_state_nowait(self, slot: int, read_message: bool) -> Result:
        mode = win32pipe.PIPE_NOWAIT | (win32pipe.PIPE_READMODE_MESSAGE if read_message else 0)
        return self.done(lambda: win32pipe.SetNamedPipeHandleState(self.at(slot), mode, None, None))

    def get_named_pipe_info(self, slot: int) -> Result:
        known: list[list[int]] = []
        result = self.done(lambda: known.append(win32pipe.GetNamedPipeInfo(self.at(slot))))
        if not known:
            return result
        most = known[0][3]
        return result | {"flags": known[0][0], "max": UNLIMITED if most == WINDOWS_UNLIMITED else most}

    def get_pipe_handle_state(self, slot: int) -> Result:
        known: list[Any] = []
        result = self.done(lambda: known.append(win32pipe.GetNamedPipeHandleState(self.at(slot))))
        return result | {"state": known[0][0], "instances": known[0][1]} if known else result
