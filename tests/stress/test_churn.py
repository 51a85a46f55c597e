"""A short churn each of window messages, pipes, ports and procedure calls; `make stress` runs long ones."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHURN = Path(__file__).with_name("churn.py")


@pytest.mark.timeout(150)
@pytest.mark.parametrize(
    ("kind", "connects", "kills"),
    [("messages", 300, 8), ("pipes", 300, 8), ("ports", 300, 8), ("rpc", 60, 5)],
)
def test_connects_with_kills_between_leave_nothing(kind: str, connects: int, kills: int) -> None:
    command = [sys.executable, str(CHURN), "--of", kind, "--connects", str(connects), "--kills", str(kills)]
    environment = {**os.environ, "NTIPC_SESSION": os.environ["NTIPC_SESSION"] + ".churn"}
    result = subprocess.run(command, capture_output=True, text=True, timeout=140, env=environment)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "troubles: 0" in result.stdout
    print(result.stdout)
