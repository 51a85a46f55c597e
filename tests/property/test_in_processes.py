"""The kernel and the model do the same: several processes, which are killed wherever they are."""

import pytest
from deaths import Deaths
from hypothesis.stateful import run_state_machine_as_test
from profiles import SECONDS, profile


@pytest.mark.timeout(SECONDS)
def test_processes_that_are_killed_agree_with_the_model() -> None:
    run_state_machine_as_test(Deaths, settings=profile(20, 30, thorough=40))
