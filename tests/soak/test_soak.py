"""A soak runs, and its verdict tells what grows from what only trembles."""

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.soak import verdict

ROOT = Path(__file__).resolve().parents[2]


def samples(**growing: float) -> list[dict[str, Any]]:
    """An hour of samples, with noise; the named series grow by so much a second."""
    dice = random.Random(1)

    def value(name: str, base: float, seconds: float) -> float:
        return base + dice.random() * base * 0.01 + growing.get(name, 0) * seconds

    return [
        {
            "seconds": seconds,
            "processes": {
                "meter": {"rss": value("rss", 15_000, seconds), "descriptors": value("descriptors", 12, seconds)}
            },
            "session": {"arena": value("arena", 500, seconds)},
            "latency": {"trip": {"p50": value("p50", 5, seconds), "max": value("max", 900, seconds)}},
        }
        for seconds in range(10, 3610, 10)
    ]


def growing(found: list[dict[str, Any]]) -> list[str]:
    return [judgement.name for judgement in verdict.judge(found) if not judgement.flat]


def test_noise_is_flat() -> None:
    assert growing(samples()) == []


def test_each_kind_of_leak_is_told() -> None:
    assert growing(samples(rss=0.5)) == ["meter rss"]
    assert growing(samples(descriptors=0.001)) == ["meter descriptors"]
    assert growing(samples(arena=0.1)) == ["arena"]
    assert growing(samples(p50=0.001)) == ["trip p50"]


def test_single_step_is_none_and_steps_are() -> None:
    def stepped(height: float, *at: float) -> list[str]:
        found = samples()
        for sample in found:
            sample["processes"]["meter"]["rss"] += height * sum(sample["seconds"] > second for second in at)
        return growing(found)

    assert stepped(600, 2000) == []
    assert stepped(300, 1100, 1600, 2100, 2600, 3100) == ["meter rss"]
    assert stepped(4000, 2000) == ["meter rss"]


def test_highest_times_are_told_and_not_judged() -> None:
    found = samples(max=10)
    assert growing(found) == []
    assert next(one for one in verdict.judge(found) if one.name == "trip max").slope > 30_000


def test_growth_before_the_end_of_the_warm_up_is_none() -> None:
    found = samples()
    for sample in found:
        sample["session"]["arena"] -= max(0, 600 - sample["seconds"])
    assert growing(found) == []


def test_short_soak_runs_and_leaves_nothing(tmp_path: Path) -> None:
    program = (
        "from bench.soak import __main__ as soak; soak.SAMPLE = 1.0; import sys; "
        "sys.argv[1:] = ['--minutes', '0.05', '--json', 'soak.json', '--plot', 'soak.svg']; soak.main()"
    )
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {program}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr
    about, *found = (tmp_path / "soak.json").read_text().splitlines()
    assert "processors" in about and len(found) >= 2
    assert json.loads(found[-1])["kills"] > 0 and "slope/hour" in done.stdout
