"""Check what `make dist` built: the sdist is complete, the wheel is small, and it works where it is installed.

The one argument is the directory.
"""

import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = (".gitignore", "bench/results/")
"""What a source distribution does not need: it can be measured again."""
LARGEST_LIBRARY = 2_500_000
"""Bytes; stripped it has 1.4 million, with lines and symbols 7.7 million."""
TRY = """
import ntipc
with ntipc.Mutex("try").acquired(timeout=1), ntipc.Queue() as queue:
    queue.put(b"works")
    print(queue.get().decode())
"""


def sdist_problems(sdist: Path) -> Iterator[str]:
    with tarfile.open(sdist) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in tracked.splitlines():
        if not name.startswith(LEFT_OUT) and name not in packed:
            yield f"the sdist lacks {name}"
    for name in sorted(packed - set(tracked.splitlines())):
        if name != "PKG-INFO":
            yield f"the sdist has {name}, which is no file of the repository"


def wheel_problems(wheel: Path) -> Iterator[str]:
    with zipfile.ZipFile(wheel) as archive:
        sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
    wanted = {"ntipc/py.typed", "ntipc/_kernel.pyi", "ntipc/_kernel_queues.pyi", "ntipc/__init__.py"}
    yield from (f"the wheel lacks {name}" for name in sorted(wanted - sizes.keys()))
    yield from (f"the wheel has {name}" for name in sizes if not name.startswith(("ntipc/", "ntipc-")))
    (library,) = (size for name, size in sizes.items() if name.endswith(".so"))
    if library > LARGEST_LIBRARY:
        yield f"the compiled library has {library} bytes: it is not stripped"


def trial_problems(wheel: Path) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="ntipc-wheel-") as directory:
        venv.create(directory, with_pip=True)
        python = f"{directory}/bin/python"
        install = [python, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
        subprocess.run([*install, "--disable-pip-version-check", wheel], check=True)
        sessions = Path(directory, "sessions")
        sessions.mkdir(0o700)
        environment = {"NTIPC_DIR": str(sessions), "PATH": "/usr/bin:/bin"}
        trial = subprocess.run(
            [python, "-c", TRY], cwd=directory, env=environment, capture_output=True, text=True, timeout=60
        )
        if trial.stdout != "works\n":
            yield f"the installed wheel does not work: {trial.stdout}{trial.stderr}"


def main() -> int:
    """Check, and say what is wrong."""
    directory = Path(sys.argv[1])
    (sdist,), (wheel,) = directory.glob("*.tar.gz"), directory.glob("*.whl")
    problems = [*sdist_problems(sdist), *wheel_problems(wheel), *trial_problems(wheel)]
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{sdist.name} and {wheel.name}: {len(problems)} problems", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
