"""A short churn of pipes, and one of ports; `make stress` runs a long one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHURN = Path(__file__).with_name("churn.py")


@pytest.mark.timeout(150)
@pytest.mark.parametrize("kind", ["pipes", "ports"])
def test_connects_with_kills_between_leave_nothing(kind: str) -> None:
    command = [sys.executable, str(CHURN), "--of", kind, "--connects", "600", "--kills", "15"]
    environment = {**os.environ, "NTIPC_SESSION": os.environ["NTIPC_SESSION"] + ".churn"}
    result = subprocess.run(command, capture_output=True, text=True, timeout=140, env=environment)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "troubles: 0" in result.stdout
    print(result.stdout)
