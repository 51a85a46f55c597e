"""The measurements that need no peer from elsewhere run, and leave a file of what they found."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_a_quick_run_measures_prints_and_keeps_every_row(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    command = [
        sys.executable,
        "-m",
        "bench",
        "--quick",
        "--json",
        str(kept),
        "events",
        "names",
        "scale",
        "calls",
        "pipes",
        "mailslots",
    ]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=50)
    assert run.returncode == 0, run.stderr
    rows = json.loads(kept.read_text())["rows"]
    assert {row["what"].partition(",")[0] for row in rows} >= {
        "event set + wait",
        "named event create + close",
        "open + close any named event",
        "Queue.call: 64 bytes there and back",
        "Pipe.transact: 64 bytes there and back",
        "pipe: 64 KiB one way",
        "mailslot: 64 bytes from each of 4 writers",
    }
    assert all(row["ours"] > 0 for row in rows)
    assert all(row["what"] in run.stdout for row in rows)


def test_an_unknown_name_is_refused() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "bench", "pipettes"], cwd=ROOT, capture_output=True, text=True, timeout=50
    )
    assert run.returncode == 2
    assert "there is no pipettes" in run.stderr
