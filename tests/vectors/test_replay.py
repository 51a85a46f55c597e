"""Recorded behaviour of the Windows API, replayed step for step through ntipc's own classes."""

import pytest
from harness.waiting import look, wait_until
from killed_child import in_a_child_that_is_killed
from recordings import DATA, Sequence, load
from replay import BY_NAME, Replay, understands

import ntipc

SEQUENCES = list(load())

pytestmark = pytest.mark.filterwarnings("ignore::ntipc.AbandonedMutexWarning")


def test_the_recordings_are_there() -> None:
    assert SEQUENCES, f"no recordings in {DATA}"


NAMED = [each for each in SEQUENCES if any(understands(way, each) for way in BY_NAME)]


@pytest.mark.parametrize("sequence", [each for each in SEQUENCES if not each.blocks], ids=str)
def test_sequence_gives_the_recorded_results(sequence: Sequence) -> None:
    with ntipc.Session():
        replay = Replay(sequence)
        assert replay.run() == len(sequence.steps)
        replay.finish()
        # A process keeps the table of windows until it leaves the session.
        assert [each for each in look()["objects"] if not (each["name"] or "").startswith("window messages\\")] == []


@pytest.mark.parametrize("sequence", [each for each in NAMED if not each.blocks], ids=str)
def test_sequence_by_pywin32s_names_gives_the_recorded_results(sequence: Sequence) -> None:
    with ntipc.Session():
        replay = Replay(sequence, BY_NAME)
        assert replay.run() == len(sequence.steps)
        replay.finish()


@pytest.mark.parametrize("sequence", [each for each in SEQUENCES if each.blocks], ids=str)
def test_blocking_sequence_gives_the_recorded_results(sequence: Sequence) -> None:
    """Calls that never return are part of it, so it runs in a child that is killed afterwards."""
    with ntipc.Session():
        assert in_a_child_that_is_killed(sequence) == f"{len(sequence.steps)} steps"
        wait_until(lambda: look()["objects"] == [])


@pytest.mark.parametrize("sequence", [each for each in NAMED if each.blocks], ids=str)
def test_blocking_sequence_by_pywin32s_names_gives_the_recorded_results(sequence: Sequence) -> None:
    with ntipc.Session():
        assert in_a_child_that_is_killed(sequence, BY_NAME) == f"{len(sequence.steps)} steps"
