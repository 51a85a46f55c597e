"""Windows that messages are sent to, without a screen, as pywin32's ``win32gui`` has them.

>>> from ntipc.win32 import win32con, win32gui
>>> window_class = win32gui.WNDCLASS()
>>> window_class.lpszClassName = "Greeter"
>>> window_class.lpfnWndProc = {win32con.WM_USER: lambda hwnd, msg, wparam, lparam: wparam + 1}
>>> hwnd = win32gui.CreateWindow(win32gui.RegisterClass(window_class), "hello", 0, 0, 0, 0, 0, 0, 0, 0, None)
>>> win32gui.FindWindow("Greeter", None) == hwnd, win32gui.SendMessage(hwnd, win32con.WM_USER, 41, 0)
(True, 42)
>>> win32gui.DestroyWindow(hwnd)
"""

from __future__ import annotations

from ntipc.win32.binding import tables
from ntipc.win32.binding.failures import error as error
from ntipc.win32.binding.hidden import AppendMenu as AppendMenu
from ntipc.win32.binding.hidden import BringWindowToTop as BringWindowToTop
from ntipc.win32.binding.hidden import CreateMenu as CreateMenu
from ntipc.win32.binding.hidden import CreatePopupMenu as CreatePopupMenu
from ntipc.win32.binding.hidden import DestroyIcon as DestroyIcon
from ntipc.win32.binding.hidden import DestroyMenu as DestroyMenu
from ntipc.win32.binding.hidden import EnableWindow as EnableWindow
from ntipc.win32.binding.hidden import GetActiveWindow as GetActiveWindow
from ntipc.win32.binding.hidden import GetClientRect as GetClientRect
from ntipc.win32.binding.hidden import GetDesktopWindow as GetDesktopWindow
from ntipc.win32.binding.hidden import GetFocus as GetFocus
from ntipc.win32.binding.hidden import GetForegroundWindow as GetForegroundWindow
from ntipc.win32.binding.hidden import GetParent as GetParent
from ntipc.win32.binding.hidden import GetStockObject as GetStockObject
from ntipc.win32.binding.hidden import GetSysColor as GetSysColor
from ntipc.win32.binding.hidden import GetWindowRect as GetWindowRect
from ntipc.win32.binding.hidden import InvalidateRect as InvalidateRect
from ntipc.win32.binding.hidden import IsIconic as IsIconic
from ntipc.win32.binding.hidden import IsWindowEnabled as IsWindowEnabled
from ntipc.win32.binding.hidden import IsWindowVisible as IsWindowVisible
from ntipc.win32.binding.hidden import LoadCursor as LoadCursor
from ntipc.win32.binding.hidden import LoadIcon as LoadIcon
from ntipc.win32.binding.hidden import LoadImage as LoadImage
from ntipc.win32.binding.hidden import MessageBox as MessageBox
from ntipc.win32.binding.hidden import MoveWindow as MoveWindow
from ntipc.win32.binding.hidden import RedrawWindow as RedrawWindow
from ntipc.win32.binding.hidden import SetActiveWindow as SetActiveWindow
from ntipc.win32.binding.hidden import SetFocus as SetFocus
from ntipc.win32.binding.hidden import SetForegroundWindow as SetForegroundWindow
from ntipc.win32.binding.hidden import SetParent as SetParent
from ntipc.win32.binding.hidden import SetWindowPos as SetWindowPos
from ntipc.win32.binding.hidden import Shell_NotifyIcon as Shell_NotifyIcon
from ntipc.win32.binding.hidden import ShowWindow as ShowWindow
from ntipc.win32.binding.hidden import UpdateWindow as UpdateWindow
from ntipc.win32.binding.memory import PyGetBufferAddressAndLen as PyGetBufferAddressAndLen
from ntipc.win32.binding.memory import PyGetMemory as PyGetMemory
from ntipc.win32.binding.memory import PyGetString as PyGetString
from ntipc.win32.binding.memory import PyMakeBuffer as PyMakeBuffer
from ntipc.win32.binding.memory import PySetMemory as PySetMemory
from ntipc.win32.binding.memory import PySetString as PySetString
from ntipc.win32.binding.messages import DispatchMessage as DispatchMessage
from ntipc.win32.binding.messages import GetMessage as GetMessage
from ntipc.win32.binding.messages import InSendMessage as InSendMessage
from ntipc.win32.binding.messages import PeekMessage as PeekMessage
from ntipc.win32.binding.messages import PostMessage as PostMessage
from ntipc.win32.binding.messages import PostQuitMessage as PostQuitMessage
from ntipc.win32.binding.messages import PostThreadMessage as PostThreadMessage
from ntipc.win32.binding.messages import PumpMessages as PumpMessages
from ntipc.win32.binding.messages import PumpWaitingMessages as PumpWaitingMessages
from ntipc.win32.binding.messages import RegisterWindowMessage as RegisterWindowMessage
from ntipc.win32.binding.messages import ReplyMessage as ReplyMessage
from ntipc.win32.binding.messages import SendMessage as SendMessage
from ntipc.win32.binding.messages import SendMessageTimeout as SendMessageTimeout
from ntipc.win32.binding.messages import TranslateMessage as TranslateMessage
from ntipc.win32.binding.system import GetModuleHandle as GetModuleHandle
from ntipc.win32.binding.window_search import EnumChildWindows as EnumChildWindows
from ntipc.win32.binding.window_search import EnumDesktopWindows as EnumDesktopWindows
from ntipc.win32.binding.window_search import EnumThreadWindows as EnumThreadWindows
from ntipc.win32.binding.window_search import EnumWindows as EnumWindows
from ntipc.win32.binding.window_search import FindWindow as FindWindow
from ntipc.win32.binding.window_search import FindWindowEx as FindWindowEx
from ntipc.win32.binding.window_search import GetClassName as GetClassName
from ntipc.win32.binding.window_search import GetWindowText as GetWindowText
from ntipc.win32.binding.window_search import GetWindowTextLength as GetWindowTextLength
from ntipc.win32.binding.window_search import GetWindowThreadProcessId as GetWindowThreadProcessId
from ntipc.win32.binding.window_search import IsWindow as IsWindow
from ntipc.win32.binding.window_search import RealGetWindowClass as RealGetWindowClass
from ntipc.win32.binding.window_search import SetWindowText as SetWindowText
from ntipc.win32.binding.windows import WNDCLASS as WNDCLASS
from ntipc.win32.binding.windows import CallWindowProc as CallWindowProc
from ntipc.win32.binding.windows import CreateWindow as CreateWindow
from ntipc.win32.binding.windows import CreateWindowEx as CreateWindowEx
from ntipc.win32.binding.windows import DefWindowProc as DefWindowProc
from ntipc.win32.binding.windows import DestroyWindow as DestroyWindow
from ntipc.win32.binding.windows import GetWindowLong as GetWindowLong
from ntipc.win32.binding.windows import RegisterClass as RegisterClass
from ntipc.win32.binding.windows import SetWindowLong as SetWindowLong
from ntipc.win32.binding.windows import UnregisterClass as UnregisterClass

__getattr__ = tables.lookup(__name__)
