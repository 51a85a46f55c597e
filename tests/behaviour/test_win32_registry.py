"""The registry that is not there, and the file that can stand for it (frequency, section 11)."""

from pathlib import Path

import pytest

from ntipc.win32 import winreg


def test_without_a_file_nothing_is_found_and_nothing_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NTIPC_REGISTRY", raising=False)
    with pytest.raises(FileNotFoundError) as caught:
        winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"SOFTWARE\Microsoft")
    assert caught.value.winerror == 2  # type: ignore[attr-defined]
    with pytest.raises(PermissionError):
        winreg.CreateKey(winreg.HKEY_CURRENT_USER, r"Software\Mine")
    assert winreg.QueryInfoKey(winreg.HKEY_CURRENT_USER)[0] == 0


def test_a_file_keeps_keys_and_values(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NTIPC_REGISTRY", str(tmp_path / "registry.json"))
    with winreg.CreateKey(winreg.HKEY_CURRENT_USER, r"Software\Mine\Part") as key:
        winreg.SetValueEx(key, "Text", 0, winreg.REG_SZ, "words")
        winreg.SetValueEx(key, "Number", 0, winreg.REG_DWORD, 7)
        winreg.SetValueEx(key, "Bytes", 0, winreg.REG_BINARY, b"\0\xff")
    with winreg.OpenKey(winreg.HKEY_CURRENT_USER, r"software\mine") as parent:
        assert winreg.EnumKey(parent, 0) == "Part"
        with pytest.raises(OSError):
            winreg.EnumKey(parent, 1)
        with winreg.OpenKey(parent, "part") as key:
            assert winreg.QueryValueEx(key, "TEXT") == ("words", winreg.REG_SZ)
            assert winreg.QueryValueEx(key, "Bytes") == (b"\0\xff", winreg.REG_BINARY)
            assert [winreg.EnumValue(key, place)[0] for place in range(3)] == ["Text", "Number", "Bytes"]
            winreg.DeleteValue(key, "Number")
            with pytest.raises(FileNotFoundError):
                winreg.QueryValueEx(key, "Number")
    with pytest.raises(OSError):
        winreg.QueryValueEx(key, "Text")
    winreg.DeleteKey(winreg.HKEY_CURRENT_USER, r"Software\Mine\Part")
    with pytest.raises(FileNotFoundError):
        winreg.OpenKey(winreg.HKEY_CURRENT_USER, r"Software\Mine\Part")
