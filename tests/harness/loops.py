"""Message loops of other threads and processes, for tests of windows."""

import threading
from collections.abc import Callable
from typing import Any

import ntipc
from ntipc.window_messages.constants import WM_QUIT

READY = 20.0


class Loop:
    """A thread of this process with a window and a message loop."""

    def __init__(self, handler: Any, title: str | None = None, **options: Any) -> None:
        self._handler, self._title, self._options = handler, title, options
        self._ready = threading.Event()
        self.code: int | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        self.window = ntipc.Window(self._title, handler=self._handler, **self._options)
        self.hwnd = self.window.hwnd
        self._ready.set()
        while (message := ntipc.get_message()) is not None:
            ntipc.dispatch_message(message)
        self.code = ntipc.quit_code()

    def __enter__(self) -> "Loop":
        self._thread.start()
        assert self._ready.wait(READY)
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread.is_alive():
            try:
                ntipc.post_message(self.hwnd, WM_QUIT)
            except ntipc.NtError:
                pass
            self._thread.join(READY)
        assert not self._thread.is_alive(), "the loop does not end"

    def end(self) -> None:
        """End it, and wait for its thread."""
        self.__exit__()


def in_a_thread(function: Callable[[], Any]) -> Any:
    """Run a function in a thread of its own; its result, or its exception."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append(function())
        except BaseException as problem:
            outcome.append(problem)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(READY)
    assert outcome, "the function does not return"
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]


PEER_LOOP = """
import ntipc
def handler(hwnd, msg, wparam, lparam):
    if msg == ntipc.WM_COPYDATA:
        return len(lparam.data) + lparam.kind
    return HANDLERS[msg](hwnd, wparam, lparam) if msg in HANDLERS else wparam + lparam
HANDLERS = globals().get("HANDLERS", {})
window = ntipc.Window("peer", handler=handler)
def loop():
    while (message := ntipc.get_message()) is not None:
        ntipc.dispatch_message(message)
    return ntipc.quit_code()
window.hwnd
"""
"""Code that makes a window in a peer's main thread; ``loop()`` there runs it."""
