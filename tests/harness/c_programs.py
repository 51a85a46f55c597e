"""C programs for the tests: the library and each program are built once a run, whichever worker needs them first."""

import fcntl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
SOURCES = TESTS / "c_programs"
EXAMPLES = TESTS.parent / "examples" / "c"
_STRICT = ("-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror")


class Workshop:
    """A folder with the library and the programs, which several test workers share."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir(exist_ok=True)
        with self._alone():
            if not self.library.exists():
                from ntipc.clib.building import build  # which most tests do without

                build(folder)

    @property
    def library(self) -> Path:
        return self.folder / "libntipc.so"

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with open(self.folder / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def program(self, source: Path, *flags: str) -> Path:
        """Compile a program, with every warning an error."""
        from ntipc.clib.building import compiler_flags

        made = self.folder / "-".join([source.stem, *(flag.strip("-") for flag in flags)])
        with self._alone():
            if not made.exists():
                command = ["cc", *_STRICT, *flags, str(source), "-o", str(made), *compiler_flags(self.folder)]
                done = subprocess.run(command, capture_output=True, text=True, timeout=50)
                assert done.returncode == 0, done.stderr
        return made


def run(program: Path, *arguments: str, timeout: float = 40) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=timeout)
