"""The kernel and the model do the same: threads of one process."""

import pytest
from hypothesis.stateful import run_state_machine_as_test
from machine import Threads
from profiles import SECONDS, profile


@pytest.mark.timeout(SECONDS)
def test_threads_of_one_process_agree_with_the_model() -> None:
    run_state_machine_as_test(Threads, settings=profile(40, 50, thorough=80))
