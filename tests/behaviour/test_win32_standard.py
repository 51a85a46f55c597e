r"""``mmap`` with tags (FC-94 ... FC-96), ``struct``, ``open`` of pipes (FC-133), errors and the platform (FC-136)."""

import ctypes
import mmap as linux
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

import ntipc
from ntipc.win32.standard import mmap, program, struct
from ntipc.win32.standard.files import open_file
from ntipc.win32.standard.modules import view_of
from ntipc.win32.standard.os_errors import os_error


@pytest.mark.parametrize("number", [0, -1])
def test_tag_is_a_section_that_all_share(number: int) -> None:
    section = ntipc.Section("tagged", 100)
    with section.map() as view, mmap.mmap(number, 100, r"Local\tagged") as tagged:
        view[3] = 42
        assert tagged[3] == 42 and len(tagged) == 100
        tagged[4:6] = b"ok"
        assert view[4:6] == b"ok"


def test_tag_opened_again_after_all_have_closed_is_zero() -> None:
    with mmap.mmap(-1, 10, "again") as first:
        first[0] = 1
    with mmap.mmap(-1, 10, "again") as second:
        assert second[0] == 0


def test_map_is_a_real_map_that_can_be_derived_from_and_searched() -> None:
    class Telemetry(mmap.mmap):
        def __init__(self, fileno: int, length: int, tagname: str, access: int = mmap.ACCESS_DEFAULT) -> None:
            super().__init__()
            self.tag = tagname

    telemetry = Telemetry(-1, 64, tagname="telemetry", access=mmap.ACCESS_WRITE)
    assert isinstance(telemetry, linux.mmap) and telemetry.tag == "telemetry"
    telemetry[10:14] = b"name"
    found = re.compile(rb"n.m").search(telemetry, 5)
    assert found is not None and found.start() == 10
    number = ctypes.c_int.from_buffer(telemetry, 20)
    number.value = 7
    assert telemetry[20] == 7 and struct.unpack_from("L", telemetry, 20) == (7,)
    del found, number
    telemetry.close()
    with pytest.raises(ValueError, match="closed"):
        telemetry.read(1)


def test_access_of_a_map_is_kept_to() -> None:
    with mmap.mmap(-1, 10, "guarded") as writer, mmap.mmap(-1, 10, "guarded", mmap.ACCESS_READ) as reader:
        writer[0] = 9
        assert reader[0] == 9
        with pytest.raises(TypeError):
            reader[0] = 1
        with mmap.mmap(-1, 10, "guarded", access=mmap.ACCESS_COPY) as copy:
            copy[0] = 1
        assert writer[0] == 9


@pytest.mark.parametrize(("length", "winerror"), [(0, 87), (200, 5)])
def test_map_larger_than_the_section_or_of_no_size_is_refused(length: int, winerror: int) -> None:
    with mmap.mmap(-1, 100, "small"), pytest.raises(OSError) as problem:
        mmap.mmap(-1, length, "small" if length else "none of that name")
    assert problem.value.winerror == winerror  # type: ignore[attr-defined]


def test_map_without_a_tag_is_memory_or_a_file(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(b"from a file")
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as mapped, mmap.mmap(0, 20) as memory:
        assert mapped[:4] == b"from" and len(memory) == 20


def test_struct_has_the_sizes_of_windows() -> None:
    assert struct.calcsize("l") == struct.calcsize("@L") == 4 and struct.calcsize("PLP") == 24
    assert struct.Struct("lh").size == 6 and struct.calcsize("=l") == struct.calcsize("<L") == 4
    assert struct.unpack("L", struct.pack("L", 2**32 - 1)) == (2**32 - 1,)
    with pytest.raises(struct.error):
        struct.pack("L", 2**32)


@pytest.mark.parametrize("path", [r"\\.\pipe\as a file", "//./pipe/as a file", rb"\\.\PIPE\as a file"])
def test_pipe_is_opened_as_a_file(path: Any) -> None:
    with ntipc.PipeServer("as a file", mode="byte") as server:
        with open_file(path, "r+b") as file, server.accept() as pipe:
            file.write(b"question\n")
            file.flush()
            assert pipe.read(100) == b"question\n"
            pipe.write(b"answer\n")
            assert file.readline() == b"answer\n"
        with open_file(path, "w", encoding="utf-8") as text, server.accept() as pipe:
            print("text", file=text, flush=True)
            assert pipe.read(10) == b"text\n"


@pytest.mark.parametrize(("name", "winerror", "kind"), [("nobody", 2, FileNotFoundError), ("busy", 231, OSError)])
def test_pipe_that_cannot_be_opened_says_why(name: str, winerror: int, kind: type[OSError]) -> None:
    with ntipc.PipeServer("busy", max_instances=1) as server, ntipc.PipeClient("busy"), server.accept():
        with pytest.raises(kind) as problem:
            open_file(rf"\\.\pipe\{name}", "rb")
        assert problem.value.winerror == winerror  # type: ignore[attr-defined]


def test_other_paths_are_opened_as_ever(tmp_path: Path) -> None:
    with open_file(tmp_path / "file", "w") as file:
        file.write("plain")
    assert (tmp_path / "file").read_text() == "plain"


@pytest.mark.parametrize(
    ("winerror", "kind"), [(2, FileNotFoundError), (5, PermissionError), (183, FileExistsError), (109, BrokenPipeError)]
)
def test_fourth_argument_of_oserror_chooses_its_class(winerror: int, kind: type[OSError]) -> None:
    error: Any = os_error(0, "text", None, winerror)
    assert isinstance(error, kind) and error.winerror == winerror and str(error) == f"[WinError {winerror}] text"
    named: Any = os_error(None, "text", "file", 2)
    assert named.filename == "file" and str(named) == "[WinError 2] text: 'file'"


def test_oserror_is_the_class_itself_where_it_has_no_code() -> None:
    error = os_error(2, "No such file", "name")
    assert type(error) is FileNotFoundError and error.filename == "name"


def test_program_makes_errors_with_codes_and_catches_all(tmp_path: Path) -> None:
    source = (
        "try:\n    raise WindowsError(0, 'text', None, 183)\n"
        "except WindowsError as error:\n    code = error.winerror\n"
        "try:\n    {}['x']; open('/nowhere/at/all')\nexcept KeyError:\n    caught = True\n"
    )
    namespace: dict[str, Any] = {"__name__": "program"}
    program.prepare(namespace)
    exec(program.compiled(source, "program.py"), namespace)
    assert namespace["code"] == 183 and namespace["caught"] and namespace["open"] is program.open_any


def test_platform_is_that_of_windows_in_the_views_alone() -> None:
    seen: Any = view_of("sys")
    assert (seen.platform, view_of("os").name, view_of("platform").system()) == ("win32", "nt", "Windows")
    assert sys.platform == "linux" and os.name == "posix" and seen.path is sys.path
    assert seen.getwindowsversion()[:2] == (10, 0) and seen.getwindowsversion().major == 10


def test_what_is_set_on_a_view_is_set_on_the_module() -> None:
    seen: Any = view_of("os")
    seen.ntipc_test_mark = 1
    assert os.ntipc_test_mark == 1  # type: ignore[attr-defined]
    del seen.ntipc_test_mark
    assert not hasattr(os, "ntipc_test_mark") and seen.getpid() == os.getpid()


def test_pipes_exist_as_paths() -> None:
    path: Any = view_of("os").path
    with ntipc.PipeServer("there"):
        assert path.exists(r"\\.\pipe\there") and not path.exists(r"\\.\pipe\not there") and path.exists("/")


def test_subprocess_accepts_what_only_windows_has() -> None:
    subprocess: Any = view_of("subprocess")
    startup = subprocess.STARTUPINFO()
    startup.dwFlags |= subprocess.STARTF_USESHOWWINDOW
    done = subprocess.run(
        [sys.executable, "-c", "print('ran')"],
        startupinfo=startup,
        creationflags=subprocess.CREATE_NO_WINDOW,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "ran\n"


@pytest.mark.parametrize("name", ["mbcs", "oem"])
def test_code_pages_are_utf_8(name: str) -> None:
    program.register_code_pages()
    assert "é".encode(name) == "é".encode() and b"\xc3\xa9".decode(name) == "é"


def test_paths_of_pipes_are_those_of_windows_and_others_of_linux(tmp_path: Path) -> None:  # FC-133
    os_of_windows: Any = view_of("os")
    path = os_of_windows.path
    assert path.join(r"\\.\pipe", "x") == r"\\.\pipe\x" and path.join("/a", "b") == "/a/b"
    assert path.abspath(path.join(r"\\?\pipe", ".")) == r"\\?\pipe" and path.normpath("a/../b") == "b"
    assert path.abspath(r"\\.\pipe\a\..\..\..\b") == r"\\.\pipe\b" and path.realpath("//./pipe/x") == r"\\.\pipe\x"
    with ntipc.PipeServer("Seen By All", mode="byte") as server:
        with os_of_windows.scandir(r"\\?\pipe") as entries:
            found = {entry.name: entry for entry in entries}
        entry = found["seen by all"]
        assert entry.is_file() and not entry.is_dir() and not entry.is_symlink() and path.isfile(entry)
        assert os.fspath(entry) == entry.path == r"\\?\pipe\seen by all" and "seen by all" in repr(entry)
        with program.open_any(Path(r"\\.\pipe") / "seen by all", "wb", 0) as file, server.accept() as pipe:
            file.write(b"by a path")
            assert pipe.read(20) == b"by a path"
    assert path.isdir(r"\\.\pipe") and not path.isfile(r"\\.\pipe\none") and not path.exists(r"\\.\COM1")
    assert path.isdir(tmp_path) and not path.isfile(tmp_path) and path.exists(tmp_path)
    assert os_of_windows.listdir(tmp_path) == [] == list(os_of_windows.scandir(tmp_path))


def test_the_system_is_described_as_on_windows() -> None:  # FC-134, FC-136
    platform: Any = view_of("platform")
    system, node, *_ = platform.uname()
    assert (system, node) == ("Windows", platform.node()) and platform.uname().machine == platform.machine() == "AMD64"
    assert platform.architecture()[0] == "64bit" and platform.win32_ver()[0] == "10" and not platform.win32_is_iot()
    assert platform.processor() == "AMD64" and platform.win32_edition() and platform.platform().startswith("Windows-10")
    version: Any = view_of("sys").getwindowsversion()
    assert version[:2] == (10, 0) and version.platform_version == version[:3] and version.product_type == 1
    assert version.service_pack_major == 0 and version.suite_mask and not version.service_pack
    assert view_of("os").getlogin() and view_of("sys").winver == f"{sys.version_info[0]}.{sys.version_info[1]}"
    with view_of("os").add_dll_directory("/") as added:
        assert added.path == "/"
