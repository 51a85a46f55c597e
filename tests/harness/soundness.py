"""Whether a session's memory is as it should be when nobody is in the middle of anything."""

from typing import Any

import pytest

from harness.suspicions import exists, suspicions_in
from harness.waiting import look, wait_until


def assert_sound(path: str) -> None:
    """Everything is put right by itself, soon."""
    suspicions: dict[Any, str] = {}

    def quiet() -> bool:
        suspicions.clear()
        suspicions.update(suspicions_in(look(path), exists))
        return not suspicions

    try:
        wait_until(lambda: quiet() and quiet(), patience=5)
    except AssertionError:
        pytest.fail(f"this lasts: {list(suspicions.values())}; {look(path)}")
