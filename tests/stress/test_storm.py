"""A short storm of kills; `make stress` runs a long one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ntipc import _kernel

STORM = Path(__file__).with_name("storm.py")


@pytest.mark.timeout(150)
@pytest.mark.parametrize("faults", [False, True], ids=["anywhere", "at fault points"])
def test_fifty_kills_break_nothing(faults: bool) -> None:
    if faults and not _kernel.FAULT_POINTS:
        pytest.skip("this build has no fault points")
    command = [sys.executable, str(STORM), "--kills", "50", *(["--faults"] if faults else [])]
    environment = {**os.environ, "NTIPC_SESSION": os.environ["NTIPC_SESSION"] + ".storm"}
    result = subprocess.run(command, capture_output=True, text=True, timeout=140, env=environment)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "violations: 0" in result.stdout
    print(result.stdout)
