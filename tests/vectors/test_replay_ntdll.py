"""The recordings again, through the calls of ``ntipc.ntdll``: in a few tests, for the sequences that never block."""

import pytest
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
SEQUENCES = [each for each in load() if each.family in WAYS and not each.blocks]


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
