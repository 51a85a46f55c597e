"""The advice for somebody who builds ntipc on a machine that lacks something: by pip's build backend, and by make."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
Build = Callable[[str | None, bool], subprocess.CompletedProcess[str]]

HOOK = "import build_backend; print(build_backend.get_requires_for_build_wheel())"
COMMANDS = {
    "pip": [sys.executable, "-c", HOOK],
    "make": ["bash", "tools/check_tools", sys.executable],
}


def program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture(params=COMMANDS)
def build(request: pytest.FixtureRequest, tmp_path: Path) -> Build:
    """Begins to build with nothing on the PATH but a cargo that says this, and a compiler."""

    def begin(cargo: str | None, compiler: bool) -> subprocess.CompletedProcess[str]:
        for tool in ("bash", "sh", "cut", "sort", "head"):
            (tmp_path / tool).symlink_to(str(shutil.which(tool)))
        if cargo is not None:
            program(tmp_path / "cargo", cargo)
        if compiler:
            program(tmp_path / "cc", "exit 1")
        environment = {"PATH": str(tmp_path), "PYTHONPATH": str(ROOT / "tools" / "packaging")}
        return subprocess.run(
            COMMANDS[request.param], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=50
        )

    return begin


@pytest.mark.parametrize(
    ("cargo", "compiler", "told"),
    [
        (None, True, ["there is no cargo", "Install Rust 1.85 or newer: https://rustup.rs"]),
        ("echo 'no toolchain' >&2; exit 1", True, ["there is no cargo", "https://rustup.rs"]),
        ("echo cargo 1.84.1", True, ["cargo 1.84.1 is too old", "Install Rust 1.85 or newer"]),
        ("echo cargo 1.9.0", True, ["cargo 1.9.0 is too old"]),
        ("echo cargo 1.85.0", False, ["there is no C compiler", "apt install gcc"]),
        (None, False, ["there is no cargo", "there is no C compiler"]),
    ],
)
def test_what_is_missing_is_told_in_a_sentence(
    cargo: str | None, compiler: bool, told: list[str], build: Build
) -> None:
    outcome = build(cargo, compiler)
    assert outcome.returncode == 1 and outcome.stdout == ""
    assert "Traceback" not in outcome.stderr and len(outcome.stderr.splitlines()) == 2 * outcome.stderr.count("ntipc")
    for text in told:
        assert text in outcome.stderr


@pytest.mark.parametrize("cargo", ["echo cargo 1.85.0", "echo 'cargo 1.100.0 (abc 2026-01-01)'", "echo cargo 2.0.0"])
def test_toolchain_that_is_new_enough_is_taken(cargo: str, build: Build) -> None:
    outcome = build(cargo, True)
    assert outcome.returncode == 0 and outcome.stderr == "" and outcome.stdout in ("", "[]\n")
