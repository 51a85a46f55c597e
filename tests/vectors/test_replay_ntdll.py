"""The recordings again, through the calls of ``ntipc.ntdll``, in a few tests."""

import pytest
from killed_child import in_a_child_that_is_killed
from ntdll_pipe_steps import NtMailslotSteps, NtPipeSteps
from ntdll_section_steps import NtSectionSteps
from ntdll_sync_steps import NtSyncSteps
from recordings import load
from replay import Replay

import ntipc

WAYS = {
    "sync1": NtSyncSteps,
    "sync_threads": NtSyncSteps,
    "sections": NtSectionSteps,
    "pipe_nowait": NtPipeSteps,
    "mailslot": NtMailslotSteps,
}
PARTS = 5
RECORDED = list(load())
SEQUENCES = [each for each in RECORDED if each.family in WAYS and not each.blocks]
BLOCKING = [each for each in RECORDED if each.family == "sync_blocking" and each.blocks]


@pytest.mark.parametrize("family", WAYS)
@pytest.mark.parametrize("part", range(PARTS))
def test_sequences_give_the_recorded_results(family: str, part: int) -> None:
    mine = [each for each in SEQUENCES if each.family == family][part::PARTS]
    assert mine
    for sequence in mine:
        with ntipc.Session():
            replay = Replay(sequence, (WAYS[family],))
            assert replay.run() == len(sequence.steps)
            replay.finish()


@pytest.mark.parametrize("part", range(PARTS))
def test_blocking_sequences_give_the_recorded_results(part: int) -> None:
    assert BLOCKING
    for sequence in BLOCKING[part::PARTS]:
        with ntipc.Session():
            assert in_a_child_that_is_killed(sequence, (NtSyncSteps,)) == f"{len(sequence.steps)} steps"
