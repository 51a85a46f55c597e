"""The real processes and threads of one example, and what can be seen of them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from typing import Any, BinaryIO

from harness import peer_main
from harness.peers import PATIENCE, Call, Peer
from harness.waiting import wait_until
from participant import Make, leave
from reference import Model
from reference_kinds import Thread

import ntipc

HANDED_OVER = 0.0035
"""Seconds after which a waiter of a mutex or a semaphore gets it handed over, asleep or not."""

FORK = """
pid = os.fork()
if pid == 0:
    os.close(0)
    os.close(output)
    signal.alarm(900)
    while True:
        signal.pause()
pid
"""


class Child:
    """A forked process, as far as a `Peer` uses those of `subprocess`."""

    def __init__(self, pid: int, stdin: BinaryIO, stdout: BinaryIO) -> None:
        self.pid, self.stdin, self.stdout, self.status = pid, stdin, stdout, None

    def poll(self) -> int | None:
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.status = os.waitstatus_to_exitcode(status) if pid else None
        return self.status

    def wait(self, timeout: float = PATIENCE) -> int:
        deadline = time.monotonic() + timeout
        while self.poll() is None:
            assert time.monotonic() < deadline, f"process {self.pid} does not end"
            time.sleep(0.0002)
        assert self.status is not None
        return self.status

    def kill(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)


class ForkedPeer(Peer):
    """A peer that begins as a copy of this process, which takes a few milliseconds."""

    def __init__(self, make: Make) -> None:
        ours, theirs = os.pipe(), os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.dup2(ours[0], 0)
                os.dup2(theirs[1], 1)
                for descriptor in *ours, *theirs:
                    os.close(descriptor)
                peer_main.scope.update(participant=make(), leave=leave)
                peer_main.main()
            finally:
                os._exit(1)
        os.close(ours[0])
        os.close(theirs[1])
        self.process = Child(pid, os.fdopen(ours[1], "wb"), os.fdopen(theirs[0], "rb"))  # type: ignore[assignment]
        self.pid = pid
        self.replies, self.unread, self.ended, self.count = {}, b"", False, 0

    def close(self) -> None:
        """Nobody needs it any more."""
        self.kill()
        for pipe in self.process.stdin, self.process.stdout:
            try:
                pipe.close()  # type: ignore[union-attr]
            except BrokenPipeError:
                pass


class World:
    """Processes by number, threads by process and number, and the calls under way."""

    def __init__(self, make: Make) -> None:
        self.make = make
        self.peers: dict[int, ForkedPeer] = {}
        self.tids: dict[Thread, int] = {}
        self.calls: dict[Thread, Call] = {}
        self.copies: dict[int, int] = {}
        self.settled_at = 0.0

    def start_process(self, number: int) -> None:
        self.peers[number] = ForkedPeer(self.make)
        self.peers[number].run("None")

    def start_thread(self, thread: Thread) -> None:
        self.tids[thread] = self.peers[thread[0]].run("threading.get_native_id()", str(thread[1]))

    def begin(self, thread: Thread, operation: str, *arguments: Any) -> None:
        code = f"participant.perform({operation!r}, *{arguments!r})"
        self.calls[thread] = self.peers[thread[0]].begin(code, str(thread[1]))

    def end_thread(self, thread: Thread) -> None:
        self.peers[thread[0]].end_thread(str(thread[1]))
        del self.tids[thread]

    def end_process(self, number: int, *, kill: bool) -> None:
        peer = self.peers.pop(number)
        if not kill:
            peer.begin("leave()")
            peer.wait()
        peer.close()
        for thread in [thread for thread in self.tids if thread[0] == number]:
            del self.tids[thread]
            self.calls.pop(thread, None)

    def fork(self, parent: int, number: int) -> None:
        """A copy of a process that sleeps until it is killed."""
        self.copies[number] = self.peers[parent].run(FORK)

    def kill_copy(self, number: int) -> None:
        os.kill(self.copies.pop(number), signal.SIGKILL)

    def arm(self, number: int, countdown: int) -> None:
        """Let the process die at one of the next fault points that it passes, whichever they are."""
        assert self.peers[number].run(f"_kernel.arm_fault('*', {countdown})") is None

    def wait_for_return(self, thread: Thread, seconds: float) -> None:
        """Wait until the call returns or its process dies, but no longer than that."""
        call = self.calls[thread]
        if not call.returned and not call.peer.ended:
            call.peer.receive(seconds)

    def wait_for_rest(self, thread: Thread) -> None:
        """Wait until the call has returned or is queued for good, or its process is dead."""
        call, tid = self.calls[thread], self.tids[thread]

        def rests() -> bool:
            states = {one["tid"]: one["state"] for one in ntipc.inspect()["threads"]}
            return states.get(tid) == "sleeping"

        wait_until(lambda: call.returned or call.peer.ended or rests(), PATIENCE)

    def age(self) -> None:
        """Wait until every waiter is old enough to get what it waits for handed over."""
        left = self.settled_at + HANDED_OVER - time.monotonic()
        if left > 0:
            time.sleep(left)

    def close(self) -> None:
        for peer in self.peers.values():
            peer.close()
        for number in list(self.copies):
            self.kill_copy(number)

    # looking

    def results(self) -> dict[Thread, Any]:
        """What the calls that have returned by now have given."""
        return {thread: call.result() for thread, call in self.calls.items() if call.returned}

    def forget_results(self, threads: set[Thread]) -> None:
        for thread in threads:
            self.calls.pop(thread, None)

    def picture(self) -> dict[str, Any]:
        """What the session says, with processes and threads by our numbers; what is not settled spoils it."""
        seen = ntipc.inspect()
        processes = {peer.pid: number for number, peer in self.peers.items()} | {os.getpid(): -1}
        processes |= {pid: number for number, pid in self.copies.items()}
        threads = {tid: thread for thread, tid in self.tids.items()}
        objects = [described(entry, processes, threads) for entry in seen["objects"]]
        return {
            "processes": sorted(processes.get(process["pid"], process["pid"]) for process in seen["processes"]),
            "objects": sorted(objects, key=repr),
            "unsettled": [thread for thread in seen["threads"] if thread["state"] == "done"],
            "locked": seen["lock_owner"],
        }


def described(entry: dict[str, Any], processes: dict[int, int], threads: dict[int, Thread]) -> dict[str, Any]:
    """An object in the model's words."""
    kind = entry["kind"]
    if kind == "Mutex":
        owner = entry["owner_tid"]
        state = {"owner": None if owner is None else threads.get(owner, (entry["owner_pid"], owner))}
        state |= {"recursion": entry["recursion"], "abandoned": entry["abandoned"]}
    elif kind == "Timer":
        running = entry["due_in"] is not None
        state = {"manual_reset": entry["manual_reset"], "signaled": entry["signaled"], "running": running}
        state |= {"period": entry["period"] if running else None}
    else:
        keys = {"Event": ["manual_reset", "signaled"], "Semaphore": ["count", "maximum"], "EventPair": ["high", "low"]}
        state = {key: entry[key] for key in keys[kind]}
    holders = [
        (processes.get(one["pid"], one["pid"]), one["handle"], one["access"], one["inheritable"])
        for one in entry["holders"]
    ]
    waiters = [threads.get(one["tid"], (one["pid"], one["tid"])) for one in entry["waiters"]]
    about = {"kind": kind, "name": entry["name"], "holders": sorted(holders), "waiters": sorted(waiters)}
    return about | {"state": dict(sorted(state.items()))}


def pictured(model: Model) -> dict[str, Any]:
    """What the session should say if the model is right."""
    objects = [
        {
            "kind": thing.type,
            "name": thing.name,
            "holders": sorted(
                (process, place, handle.access, handle.inheritable) for process, place, handle in model.holders(number)
            ),
            "waiters": sorted(thing.queue),
            "state": dict(sorted(thing.kind.state().items())),
        }
        for number, thing in model.things.items()
    ]
    return {
        "processes": sorted([-1, *model.tables]),
        "objects": sorted(objects, key=repr),
        "unsettled": [],
        "locked": None,
    }


def differences(model: Model, results: dict[Thread, Any], picture: dict[str, Any]) -> Iterator[str]:
    """Where the model and the real thing disagree."""
    if results != model.results:
        yield f"returned: {results}, and should be: {model.results}"
    for key, expected in pictured(model).items():
        if picture[key] == expected:
            continue
        if key != "objects":
            yield f"{key}: {picture[key]}, and should be: {expected}"
            continue
        yield from (f"there is     {entry}" for entry in picture[key] if entry not in expected)
        yield from (f"should be    {entry}" for entry in expected if entry not in picture[key])
