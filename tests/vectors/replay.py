"""Replaying one recorded sequence, step for step."""

import time
from typing import Any

from logical_threads import QUEUED, LogicalThread, Result, queued_states
from mailslot_steps import MailslotSteps
from message_steps import MessageSteps
from pipe_steps import PipeSteps
from recordings import Sequence
from section_steps import SectionSteps
from sync_steps import SyncSteps
from win32_steps import NamedMailslotSteps, NamedPipeSteps, NamedSteps, NamedSyncSteps

PATIENCE = 10.0

Operations = MailslotSteps | MessageSteps | NamedSteps | PipeSteps | SectionSteps | SyncSteps
WAYS: tuple[type[Operations], ...] = (SyncSteps, SectionSteps, MailslotSteps, PipeSteps, MessageSteps)
"""Classes with a method for each operation of a family."""
BY_NAME: tuple[type[Operations], ...] = (NamedSyncSteps, NamedMailslotSteps, NamedPipeSteps)
"""The same by pywin32's names."""


class Mismatch(AssertionError):
    """A step gave another result than the recorded one."""


class Replay:
    """The state of one replay: its slots and its threads."""

    def __init__(self, sequence: Sequence, ways: tuple[type[Operations], ...] = WAYS) -> None:
        self.sequence = sequence
        self.operations = operations_for(sequence, ways)
        self.threads: dict[int, LogicalThread] = {}

    def run(self) -> int:
        """Replay all steps; the number of steps done."""
        for number, step in enumerate(self.sequence.steps):
            result = self.step(step)
            if not agrees(result, step):
                raise Mismatch(f"{self.sequence}, step {number}: {step}\ngave {result}\nexpected {step['expect']}")
        return len(self.sequence.steps)

    def finish(self) -> None:
        """End the threads and close everything; only possible when no thread is blocked."""
        for thread in self.threads.values():
            thread.end()
        self.operations.close_all()

    def step(self, step: dict[str, Any]) -> Result:
        key = step["t"]
        if key not in self.threads:
            self.threads[key] = LogicalThread()
        thread = self.threads[key]
        assert not thread.blocked, f"thread {key} has a step while its earlier call has not returned: {step}"
        if step["op"] == "exit_thread":
            self.threads.pop(key).end()
            result = {"exited": True}
        else:
            operation = getattr(self.operations, step["op"], None)
            assert operation, f"the operation {step['op']!r} is not understood"
            thread.begin(lambda: operation(**step["args"]))
            result = self.settle(thread, may_block="timeout_ms" not in step["args"])
        woke = self.collect_woken(set(step["expect"].get("woke", {})))
        return result | ({"woke": woke} if woke else {})

    def settle(self, thread: LogicalThread, *, may_block: bool) -> Result:
        """Its result when the call returns, or ``blocked`` when it is queued and does not end by itself."""
        deadline = time.monotonic() + PATIENCE
        while True:
            if (result := thread.take_result(0.001)) is not None:
                return result
            if may_block and queued_states().get(thread.tid) in QUEUED:
                return {"blocked": True}
            assert time.monotonic() < deadline, "the call neither returns nor waits"

    def collect_woken(self, expected: set[str]) -> dict[str, Result]:
        """Results of the earlier calls that have returned by now; waits for those that should."""
        woken: dict[str, Result] = {}
        deadline = time.monotonic() + PATIENCE
        pending = {str(key): thread for key, thread in self.threads.items() if thread.blocked}
        while pending:
            states = queued_states()
            for key, thread in list(pending.items()):
                if (result := thread.take_result(0.001 if key in expected else 0)) is not None:
                    woken[key] = result
                    del pending[key]
                elif key not in expected and states.get(thread.tid) in QUEUED:
                    del pending[key]
            if time.monotonic() > deadline:
                raise Mismatch(f"threads {sorted(pending)} neither return nor wait; woken so far: {woken}")
        return woken


def operations_for(sequence: Sequence, ways: tuple[type[Operations], ...] = WAYS) -> Operations:
    """Something that understands all operations of the sequence, or the first of them, of which some then fail."""
    return next((way for way in ways if understands(way, sequence)), ways[0])()


def understands(way: type[Operations], sequence: Sequence) -> bool:
    """Whether a class has a method for each operation of a sequence."""
    wanted = {step["op"] for step in sequence.steps} - {"exit_thread"}
    return all(hasattr(way, operation) for operation in wanted)


def agrees(result: Result, step: dict[str, Any]) -> bool:
    """Whether the result is the recorded one; of an answer that is known to be Wine's own, only its success counts."""
    expected = step["expect"]
    if step.get("confidence") == "wine-only" and "ok" in expected:
        return result.get("ok") == expected["ok"]
    return result == expected
