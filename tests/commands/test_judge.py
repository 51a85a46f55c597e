"""The judge of the C library, with tests in the form of Wine's: it counts, isolates, and lists what is missing."""

import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
from harness.c_programs import Workshop

ROOT = Path(__file__).resolve().parents[2]
TESTS = """
#include "wine/test.h"

static int (*pMissing)(void);

static void test_good(void)
{
    HANDLE event = CreateEventA(NULL, FALSE, FALSE, "judged");
    ok(event != NULL, "no event: %u\\n", GetLastError());
    ok(GetLastError() == ERROR_SUCCESS, "wrong error\\n");
    CloseHandle(event);
}

static void test_bad(void)
{
    todo_wine ok(0, "this fails\\n");
    ok(broken(1), "nothing is broken here\\n");
    FrobnicateHandle(NULL);
    ok(GetLastError() == ERROR_CALL_NOT_IMPLEMENTED, "wrong error\\n");
}

static void test_crash(void)
{
    ok(1, "fine so far\\n");
    pMissing();
}

START_TEST(tiny)
{
    pMissing = (void *)GetProcAddress(GetModuleHandleA("kernel32"), "NoSuchCall");
    test_good();
    test_bad();
    test_crash();
}
"""


@pytest.fixture
def wine(tmp_path: Path, workshop: Workshop) -> Path:
    """A folder like that of Wine's source."""
    folder = tmp_path / "wine"
    tests, include = folder / "dlls" / "kernel32" / "tests", folder / "include"
    tests.mkdir(parents=True)
    include.mkdir()
    (tests / "tiny.c").write_text(TESTS)
    header = workshop.folder / "include" / "ntipc.h"
    (include / "windef.h").write_text(f'#define _GNU_SOURCE\n#include "{header}"\nint FrobnicateHandle(HANDLE);\n')
    (include / "winbase.h").write_text("")
    return folder


def judged(target: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "NTIPC_JUDGE": str(target)}
    command = [sys.executable, str(ROOT / "tools" / "judge" / "judge.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=50)


def test_checks_are_counted_and_a_crash_takes_nothing_along(wine: Path, tmp_path: Path, workshop: Workshop) -> None:
    result = judged(tmp_path, "--wine", str(wine), "--library", str(workshop.folder), "kernel32/tiny")
    assert result.returncode == 0, result.stderr
    line = next(line for line in result.stdout.splitlines() if line.startswith("kernel32/tiny"))
    assert line.split()[1:6] == ["4", "2", "1", "of", "3"]
    assert "FrobnicateHandle NoSuchCall" in line


def test_a_folder_without_tests_is_refused(tmp_path: Path) -> None:
    result = judged(tmp_path / "target", "--wine", str(tmp_path))
    assert result.returncode == 2 and "is no source of Wine" in result.stderr


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The judge, which fetches an archive that this test makes."""
    monkeypatch.setenv("NTIPC_JUDGE", str(tmp_path / "target"))
    monkeypatch.syspath_prepend(str(ROOT / "tools" / "judge"))
    monkeypatch.delitem(sys.modules, "judge", raising=False)
    import judge  # type: ignore[import-not-found, unused-ignore]

    monkeypatch.setattr(judge, "ADDRESS", (tmp_path / "wine.tar.xz").as_uri())
    return judge


def test_the_source_is_fetched_once_and_only_what_is_needed(module: Any, tmp_path: Path) -> None:
    archive = tmp_path / "wine.tar.xz"
    with tarfile.open(archive, "w:xz") as packed:
        for name in "dlls/kernel32/tests/sync.c", "include/windef.h", "dlls/kernel32/sync.c", "../outside.c":
            (tmp_path / "content").write_text(name)
            packed.add(tmp_path / "content", f"wine-8.0/{name}")
    found = module.find_wine(None)
    assert sorted(str(path.relative_to(found)) for path in found.rglob("*.[ch]")) == [
        "dlls/kernel32/tests/sync.c",
        "include/windef.h",
    ]
    archive.unlink()
    assert module.find_wine(None) == found


def test_half_an_archive_leaves_nothing(module: Any, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "wine.tar.xz", "w:xz") as packed:
        (tmp_path / "content").write_bytes(os.urandom(100_000))
        for name in "one.c", "two.c":
            packed.add(tmp_path / "content", f"wine-8.0/dlls/ntdll/tests/{name}")
    whole = (tmp_path / "wine.tar.xz").read_bytes()
    (tmp_path / "wine.tar.xz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(module.CannotJudge, match="--wine"):
        module.find_wine(None)
    (tmp_path / "wine.tar.xz").unlink()
    with pytest.raises(module.CannotJudge, match="--wine"):
        module.find_wine(None)
    assert list((tmp_path / "target").iterdir()) == []
