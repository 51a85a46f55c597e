"""Judge the C library by Wine's own tests: compile them natively against libntipc.so, run them, and count the checks.

    python tools/judge/judge.py [--wine FOLDER] [FILE ...]

The tests are Wine's, and stay with Wine: ``--wine`` names an unpacked source of Wine; without it those of one version
are fetched into the folder ``target``. What calls a function that the library lacks fails, and the call is listed.
"""

import argparse
import lzma
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ntipc.clib.building import LIBRARY, CannotBuild, build, compiler_flags

HERE = Path(__file__).resolve().parent
TARGET = Path(os.environ.get("NTIPC_JUDGE") or HERE.parent.parent / "target" / "judge")
"""Where what is fetched and built goes."""
VERSION = "8.0"
ADDRESS = f"https://dl.winehq.org/wine/source/{VERSION}/wine-{VERSION}.tar.xz"
FILES = (
    "kernel32/sync", "kernel32/pipe", "kernel32/mailslot", "kernel32/timer", "ntdll/sync", "ntdll/om", "ntdll/pipe",
    "ntdll/port",
)  # fmt: skip
WHOLE = frozenset({"ntdll/port"})
"""Files whose functions work together, so that all run in one process."""
FLAGS = (
    "-std=gnu11", "-O1", "-g", "-w", "-fshort-wchar", "-fms-extensions", "-pthread", "-Wl,-z,execstack",
    "-DWINE_UNICODE_NATIVE", "-Dms_abi=unused", "-DDECLSPEC_HIDDEN=",
)  # fmt: skip
PATIENCE = 3600


@dataclass
class Outcome:
    """What the functions of one file have brought."""

    functions: list[tuple[str, int, int, int, str]] = field(default_factory=list)
    missing: set[str] = field(default_factory=set)
    problem: str = ""
    log: str = ""

    @property
    def passed(self) -> int:
        return sum(function[1] for function in self.functions)

    @property
    def failed(self) -> int:
        return sum(function[2] for function in self.functions)

    @property
    def cut_off(self) -> int:
        return sum(bool(function[4]) for function in self.functions)


class CannotJudge(Exception):
    """There are no tests, or no compiler."""


def find_wine(folder: Path | None) -> Path:
    """Return the folder of Wine's source, fetched if none is given."""
    if folder is not None:
        if not (folder / "dlls" / "kernel32" / "tests").is_dir():
            raise CannotJudge(f"{folder} is no source of Wine: it has no dlls/kernel32/tests")
        return folder
    unpacked = TARGET / f"wine-{VERSION}"
    if not unpacked.is_dir():
        TARGET.mkdir(parents=True, exist_ok=True)
        print(f"fetching {ADDRESS}", file=sys.stderr)
        try:
            with tempfile.NamedTemporaryFile() as archive:
                with urllib.request.urlopen(ADDRESS, timeout=60) as answer:
                    while piece := answer.read(1 << 20):
                        archive.write(piece)
                archive.flush()
                # Beside its place first, so that what is there is whole.
                with tempfile.TemporaryDirectory(dir=TARGET) as beside, tarfile.open(archive.name) as source:
                    source.extractall(beside, members=_wanted(source), filter="data")
                    os.replace(Path(beside, unpacked.name), unpacked)
        except (OSError, EOFError, lzma.LZMAError, tarfile.TarError) as problem:
            raise CannotJudge(f"{ADDRESS} cannot be had ({problem}): name an unpacked source with --wine") from None
    return unpacked


def _wanted(source: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    for member in source:
        if re.match(rf"wine-{VERSION}/(include/|dlls/(kernel32|ntdll)/tests/)", member.name):
            yield member


def isolated(source: str) -> str:
    """Have each test function that a file's START_TEST calls run in a process of its own."""
    head, start, body = source.rpartition("START_TEST(")
    functions = set(re.findall(r"^static (?:void|DWORD|int) (?:WINAPI )?(\w+)\(", head, re.MULTILINE))

    def wrapped(found: re.Match[str]) -> str:
        name = found["call"].partition("(")[0]
        runs_tests = name in functions and not re.match(r"init|load|child|do_child", name)
        return f"{found['indent']}JUDGED({found['call']});" if runs_tests else found[0]

    return head + start + re.sub(r"^(?P<indent>[ \t]+)(?P<call>\w+\([^;{}]*\));", wrapped, body, flags=re.MULTILINE)


def compiled(name: str, wine: Path, library: Path, work: Path) -> Path:
    """Compile one file of tests; calls that the library lacks become functions that say so."""
    original = wine / "dlls" / Path(name).parent / "tests" / f"{Path(name).name}.c"
    own = work / name.replace("/", "-")
    source, thing, program = own.with_suffix(".c"), own.with_suffix(".o"), own
    text = original.read_text(encoding="utf-8", errors="surrogateescape")
    source.write_text(
        text if name in WHOLE else isolated(text),
        encoding="utf-8",
        errors="surrogateescape",
    )
    includes = [f"-I{HERE / 'include'}", f"-I{wine / 'include'}", f"-I{original.parent}"]
    own_flags = [f"-DJUDGE_NTDLL={int(name.startswith('ntdll/'))}", f"-DJUDGE_WHOLE={int(name in WHOLE)}"]
    _run(["cc", *FLAGS, *own_flags, *includes, "-c", str(source), "-o", str(thing)])
    known = _symbols(library, defined=True)
    lacking = sorted(symbol for symbol in _symbols(thing, defined=False) - known if re.match(r"[A-Z]\w+$", symbol))
    stubs = own.with_suffix(".stubs.c")
    stubs.write_text(
        "void judge_missing(const char *name);\n"
        + "".join(f'long {symbol}(void) {{ judge_missing("{symbol}"); return 0; }}\n' for symbol in lacking)
    )
    flags = [flag for flag in compiler_flags(library.parent) if not flag.startswith("-I")]
    _run(["cc", *FLAGS, str(thing), str(stubs), "-o", str(program), *flags, "-lm"])
    return program


def _symbols(file: Path, *, defined: bool) -> set[str]:
    kind = "--defined-only" if defined else "--undefined-only"
    options = ["-D", kind] if defined else [kind]
    lines = _run(["nm", *options, str(file)]).splitlines()
    return {line.split()[-1].partition("@")[0] for line in lines if line.strip()}


def _run(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    except FileNotFoundError as problem:
        raise CannotJudge(str(problem)) from None
    if done.returncode != 0:
        raise CannotJudge(f"{command[0]} fails:\n{done.stderr[:4000]}")
    return done.stdout


def judge(name: str, program: Path) -> Outcome:
    """Run one file of tests in a session of its own."""
    outcome = Outcome()
    with tempfile.TemporaryDirectory(prefix="ntipc-judge-", dir="/dev/shm") as folder:
        environment = {**os.environ, "NTIPC_DIR": folder}
        try:
            done = subprocess.run(
                [program],
                capture_output=True,
                text=True,
                errors="replace",
                env=environment,
                cwd=folder,
                timeout=PATIENCE,
            )
            output, outcome.log = done.stdout, done.stderr
            if done.returncode != 0:
                outcome.problem = f"ended with {done.returncode}"
        except subprocess.TimeoutExpired as late:
            output, outcome.problem = (late.stdout or b"").decode(errors="replace"), "hung"
    for line in output.splitlines():
        match line.split("\t"):
            case ["JUDGED", function, passed, failed, skipped, _, how]:
                outcome.functions.append((function, int(passed), int(failed), int(skipped), how))
            case ["MISSING", call]:
                outcome.missing.add(call)
    return outcome


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--wine", type=Path, help="an unpacked source of Wine")
    parser.add_argument("--library", type=Path, help="the folder of a library that is built (default: build it)")
    parser.add_argument("--verbose", action="store_true", help="show each function, and each check that fails")
    parser.add_argument("files", nargs="*", default=FILES, help="such as kernel32/sync; default: " + " ".join(FILES))
    arguments = parser.parse_args()
    work = TARGET / "work"
    work.mkdir(parents=True, exist_ok=True)
    try:
        wine = find_wine(arguments.wine)
        library = arguments.library / LIBRARY if arguments.library else build(work)
    except (CannotJudge, CannotBuild) as problem:
        print(f"judge: {problem}", file=sys.stderr)
        return 2
    print(f"{'file':<20} {'pass':>7} {'fail':>6}  functions cut off   calls that are not here")
    total = Outcome()
    for name in arguments.files:
        try:
            outcome = judge(name, compiled(name, wine, library, work))
        except CannotJudge as problem:
            outcome = Outcome(problem="does not compile", log=str(problem))
        shown = " ".join(sorted(outcome.missing)) or "-"
        cut = f"{outcome.cut_off} of {len(outcome.functions)}"
        print(f"{name:<20} {outcome.passed:>7} {outcome.failed:>6}  {cut:<17}   {shown} {outcome.problem}", flush=True)
        total.functions += outcome.functions
        if arguments.verbose:
            print(outcome.log)
            for function, passed, failed, skipped, how in outcome.functions:
                print(f"    {function:<50} {passed:>6} {failed:>6} {skipped:>4} {how}")
    print(f"{'together':<20} {total.passed:>7} {total.failed:>6}  {total.cut_off} of {len(total.functions)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
