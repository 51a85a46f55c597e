"""What the documentation shows is true: its examples run, its links lead somewhere."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=50)


def test_every_page_holds_what_it_shows() -> None:
    result = run("docs/check.py")
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(example: Path) -> None:
    alone = "clipboard", "command_server", "consumer", "producer", "rpc_service"
    result = run(str(example), *(["--demo"] if example.stem in alone else []))
    assert result.returncode == 0, result.stderr


def test_producer_and_consumer_started_apart_meet() -> None:
    command = [sys.executable, "examples/consumer.py"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as consumer:
        producer = run("examples/producer.py")
        output, _ = consumer.communicate(timeout=30)
    assert producer.returncode == 0 and "sent 100 lines" in producer.stdout
    assert consumer.returncode == 0 and output
