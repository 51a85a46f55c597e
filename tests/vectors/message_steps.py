"""The operations of the messages family, done with ntipc's own classes: two windows of one thread."""

import threading
from typing import Any

from codes import failed

import ntipc

Result = dict[str, Any]
THREAD_MESSAGES = -1
"""What the recordings write for the window of a message that has none."""


def answer(hwnd: int, msg: int, wparam: int, lparam: int) -> int:
    """What the recorded windows returned."""
    return (msg - ntipc.WM_USER) * 1000 + wparam if msg >= ntipc.WM_USER else 0


class MessageSteps:
    """Windows, and one method for each recorded operation."""

    def __init__(self) -> None:
        self.windows: dict[int, ntipc.Window] = {}

    def close_all(self) -> None:
        """The windows go with their thread."""

    def create_message_window(self, win: int) -> Result:
        self.windows[win] = ntipc.Window(handler=answer, message_only=True)
        return {"ok": True, "err": 0}

    def destroy_window(self, win: int) -> Result:
        try:
            self.windows[win].destroy()
        except Exception as problem:
            return failed(problem)
        return {"ok": True}

    def post_message(self, win: int | None, msg: int, wparam: int) -> Result:
        try:
            ntipc.post_message(None if win is None else self.windows[win].hwnd, msg, wparam)
        except Exception as problem:
            return failed(problem)
        return {"ok": True}

    def post_thread_message_self(self, msg: int, wparam: int) -> Result:
        ntipc.post_thread_message(threading.get_native_id(), msg, wparam)
        return {"ok": True}

    def post_quit_message(self, code: int) -> Result:
        ntipc.post_quit_message(code)
        return {}

    def send_message_same_thread(self, win: int, msg: int, wparam: int) -> Result:
        try:
            return {"ret": ntipc.send_message(self.windows[win].hwnd, msg, wparam)}
        except ntipc.NtError as problem:
            return {"ret": 0, "err": problem.winerror}

    def peek_message(self, win: int | str, min: int, max: int, remove: bool) -> Result:
        hwnd = {"any": None, "thread": -1}[win] if isinstance(win, str) else self.windows[win].hwnd
        try:
            message = ntipc.peek_message(hwnd, min, max, remove=remove)
        except ntipc.NtError as problem:
            return {"found": False, "err": problem.winerror}
        if message is None:
            return {"found": False}
        numbers = {window.hwnd: number for number, window in self.windows.items()}
        return {
            "found": True,
            "win": numbers[message.hwnd] if message.hwnd else THREAD_MESSAGES,
            "msg": message.msg,
            "wparam": message.wparam,
        }

    def get_queue_status_allinput(self) -> Result:
        current, changed = ntipc.queue_status()
        return {"current": current, "changed": changed}
