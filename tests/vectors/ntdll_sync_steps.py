"""The operations of the synchronization families, done with ``ntipc.ntdll``. A slot without a handle is NULL."""

from collections.abc import Callable
from typing import Any

from codes import ALREADY_EXISTS

from ntipc.ntdll import *

Result = dict[str, Any]
HANDLE_RIGHTS = 0x1F_0003


def failed(status: int) -> Result:
    return {"ok": False, "err": RtlNtStatusToDosError(status)}


def attributes(name: str | None, flags: int = 0) -> OBJECT_ATTRIBUTES | None:
    return None if name is None else OBJECT_ATTRIBUTES(f"\\BaseNamedObjects\\{name}", flags)


class NtSyncSteps:
    """Slots with handle numbers, and one method for each recorded operation."""

    def __init__(self) -> None:
        self.slots: dict[int, int] = {}

    def close_all(self) -> None:
        for number in self.slots.values():
            NtClose(number)

    def at(self, slot: int) -> int:
        return self.slots.get(slot, 0)

    def store(self, slot: int, made: HandleResult) -> Result:
        if not made:
            return failed(made.status)
        self.slots[slot] = made.handle
        return {"ok": True, "err": ALREADY_EXISTS if made.status == STATUS_OBJECT_NAME_EXISTS else 0}

    def create_event(self, slot: int, name: str | None, manual: bool, initial: bool) -> Result:
        kind = NotificationEvent if manual else SynchronizationEvent
        return self.store(slot, NtCreateEvent(HANDLE_RIGHTS, attributes(name, OBJ_OPENIF), kind, initial))

    def create_mutex(self, slot: int, name: str | None, initial_owner: bool) -> Result:
        return self.store(slot, NtCreateMutant(MUTANT_ALL_ACCESS, attributes(name, OBJ_OPENIF), initial_owner))

    def create_semaphore(self, slot: int, name: str | None, initial: int, max: int) -> Result:
        return self.store(slot, NtCreateSemaphore(HANDLE_RIGHTS, attributes(name, OBJ_OPENIF), initial, max))

    def open_event(self, slot: int, name: str) -> Result:
        return self.store(slot, NtOpenEvent(HANDLE_RIGHTS, attributes(name)))

    def open_mutex(self, slot: int, name: str) -> Result:
        return self.store(slot, NtOpenMutant(MUTANT_ALL_ACCESS, attributes(name)))

    def open_semaphore(self, slot: int, name: str) -> Result:
        return self.store(slot, NtOpenSemaphore(HANDLE_RIGHTS, attributes(name)))

    def duplicate(self, src: int, dst: int) -> Result:
        made = NtDuplicateObject(-1, self.at(src), -1, 0, 0, DUPLICATE_SAME_ACCESS)
        result = self.store(dst, made)
        return {"ok": True} if result["ok"] else result

    def close(self, slot: int) -> Result:
        status = NtClose(self.slots.pop(slot, 0))
        return {"ok": True} if status else failed(status)

    def change(self, call: Callable[..., PreviousState], slot: int, *arguments: int) -> tuple[Result, PreviousState]:
        done = call(self.at(slot), *arguments)
        return ({"ok": True} if done else failed(done.status)), done

    def set_event(self, slot: int) -> Result:
        return self.change(NtSetEvent, slot)[0]

    def reset_event(self, slot: int) -> Result:
        return self.change(NtResetEvent, slot)[0]

    def pulse_event(self, slot: int) -> Result:
        return self.change(NtPulseEvent, slot)[0]

    def release_mutex(self, slot: int) -> Result:
        return self.change(NtReleaseMutant, slot)[0]

    def release_semaphore(self, slot: int, count: int) -> Result:
        result, done = self.change(NtReleaseSemaphore, slot, count)
        return result | ({"prev": done.previous} if done else {})

    def query(self, told: Any, **keys: Any) -> Result:
        status, information = told
        result = {"status": f"0x{status:08x}"}
        return result | ({key: probe(information) for key, probe in keys.items()} if status else {})

    def query_event(self, slot: int) -> Result:
        told = NtQueryEvent(self.at(slot))
        return self.query(told, manual=lambda info: info.EventType == 0, signaled=lambda info: info.EventState)

    def query_semaphore(self, slot: int) -> Result:
        told = NtQuerySemaphore(self.at(slot))
        return self.query(told, count=lambda info: info.CurrentCount, max=lambda info: info.MaximumCount)

    def query_mutant(self, slot: int) -> Result:
        return self.query(
            NtQueryMutant(self.at(slot)),
            count=lambda info: info.CurrentCount,
            owned_by_caller=lambda info: info.OwnedByCaller,
            abandoned=lambda info: info.AbandonedState,
        )

    def waited(self, status: int) -> Result:
        return (
            {"ret": int(status)} if NT_SUCCESS(status) else {"ret": "WAIT_FAILED", "err": RtlNtStatusToDosError(status)}
        )

    def wait_single_0(self, slot: int) -> Result:
        return self.waited(NtWaitForSingleObject(self.at(slot), False, 0))

    def wait_several(self, slots: list[int], kind: int, timeout: int | None) -> Result:
        numbers = [self.at(slot) for slot in slots]
        return self.waited(NtWaitForMultipleObjects(len(numbers), numbers, kind, False, timeout))

    def wait_any_0(self, slots: list[int]) -> Result:
        return self.wait_several(slots, WaitAny, 0)

    def wait_all_0(self, slots: list[int]) -> Result:
        return self.wait_several(slots, WaitAll, 0)

    def signal_and_wait_0(self, signal: int, wait: int) -> Result:
        return self.waited(NtSignalAndWaitForSingleObject(self.at(signal), self.at(wait), False, 0))

    def wait_single_infinite(self, slot: int) -> Result:
        return self.waited(NtWaitForSingleObject(self.at(slot), False, None))

    def wait_any_infinite(self, slots: list[int]) -> Result:
        return self.wait_several(slots, WaitAny, None)

    def wait_all_infinite(self, slots: list[int]) -> Result:
        return self.wait_several(slots, WaitAll, None)

    def signal_and_wait_infinite(self, signal: int, wait: int) -> Result:
        return self.waited(NtSignalAndWaitForSingleObject(self.at(signal), self.at(wait), False, None))
