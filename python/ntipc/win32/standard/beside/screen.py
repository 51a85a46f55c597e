"""Windows on a screen, as for windows that are hidden: there is no screen. A message box goes to standard error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ntipc.win32.standard.exports.tables import from_table, own
from ntipc.win32.standard.exports.words import Export

_TABLE: Final = """
BringWindowToTop d bool win32gui.BringWindowToTop
EnableWindow db number win32gui.EnableWindow
GetDesktopWindow - number win32gui.GetDesktopWindow
GetForegroundWindow - number win32gui.GetForegroundWindow
GetSystemMetrics l number win32api.GetSystemMetrics
IsIconic d number win32gui.IsIconic
IsWindowVisible d number win32gui.IsWindowVisible
LoadCursor* hp number win32gui.LoadCursor
LoadIcon* hp number win32gui.LoadIcon
MessageBeep d bool win32api.MessageBeep
MessageBox* dwwd number win32gui.MessageBox
MoveWindow dllllb bool win32gui.MoveWindow
SetFocus d number win32gui.SetFocus
SetForegroundWindow d bool win32gui.SetForegroundWindow
SetWindowPos ddlllld bool win32gui.SetWindowPos
SetWindowText* dw bool win32gui.SetWindowText
ShowWindow dl number win32gui.ShowWindow
UpdateWindow d bool win32gui.UpdateWindow
"""
EXPORTS: Final[Mapping[str, Export]] = {
    **dict(from_table(_TABLE)),
    "GetAsyncKeyState": own(lambda key: 0, 1),
    "SetProcessDPIAware": own(lambda: 1, 0),
}
