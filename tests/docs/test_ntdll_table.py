"""The table of the Native API's calls is the one that its tool makes."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_table_of_calls_is_up_to_date() -> None:
    done = subprocess.run([sys.executable, "tools/ntdll_calls.py", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    page = (ROOT / "docs" / "ntdll-calls.md").read_text()
    assert "`NtSetEvent`" in page and "EV-3" in page
