"""A clipboard that programs share: one process keeps it, all others copy to it and paste from it, and see it change.

    python examples/clipboard.py &                     # keeps it
    python examples/clipboard.py copy "some text"
    python examples/clipboard.py paste
    python examples/clipboard.py watch                 # prints what is copied, until Ctrl-C

Without a keeper the clients say so. With --demo it plays all of that by itself.
"""

import subprocess
import sys

import ntipc

TITLE = "example clipboard"
COPY, PASTE = 1, 2
CHANGED = ntipc.register_window_message("example clipboard changed")
"""Broadcast: everybody who has a window learns of a change."""


class Keeper:
    """The handler of the window that keeps the text."""

    def __init__(self) -> None:
        self.text = b""

    def on_copydata(self, hwnd: int, msg: int, wparam: int, lparam: "ntipc.CopyData") -> int:
        if lparam.kind == COPY:
            self.text = bytes(lparam.data)  # they are valid in this call only
            ntipc.post_message(ntipc.HWND_BROADCAST, CHANGED, len(self.text))
        elif lparam.kind == PASTE:  # the asker's window gets it, while the asker waits for this
            return ntipc.send_data(wparam, self.text, PASTE)
        return len(self.text)

    def on_close(self, hwnd: int, msg: int, wparam: int, lparam: int) -> None:
        ntipc.post_quit_message()


def keep() -> int:
    with ntipc.Window(TITLE, handler=Keeper()):
        for message in ntipc.messages():
            ntipc.dispatch_message(message)
    return 0


def keeper() -> int:
    """Find the keeper's window, or end."""
    hwnd = ntipc.find_window(title=TITLE)
    if hwnd is None:
        raise SystemExit("no clipboard: start one first")
    return hwnd


def copy(text: str) -> int:
    ntipc.send_data(keeper(), text.encode(), COPY, timeout=10)
    return 0


def pasted() -> str:
    """Ask for the text: it comes as data of its own, inside of the request."""
    texts: list[bytes] = []

    def receive(hwnd: int, msg: int, wparam: int, lparam: "ntipc.CopyData") -> int:
        texts.append(bytes(lparam.data))
        return len(texts[-1])

    with ntipc.Window(handler={ntipc.WM_COPYDATA: receive}, message_only=True) as window:
        ntipc.send_data(keeper(), b"", PASTE, sender=window.hwnd, timeout=10)
    return texts[0].decode()


def watch(most: int | None = None) -> int:
    with ntipc.Window("example clipboard watcher"):
        print("watching", flush=True)
        for count, message in enumerate(m for m in ntipc.messages() if m.msg == CHANGED):
            print(f"changed, {message.wparam} bytes: {pasted()}", flush=True)
            if count + 1 == most:
                break
    return 0


def demo() -> int:
    """One keeper, one watcher, and two clients."""
    command = [sys.executable, __file__]
    keeping = subprocess.Popen([*command, "keep"])
    while ntipc.find_window(title=TITLE) is None:
        ntipc.wait_messages([], 0.01)
    watching = subprocess.Popen([*command, "watch", "2"], stdout=subprocess.PIPE, text=True)
    assert watching.stdout is not None
    print("watcher:", watching.stdout.readline().strip())
    for text in "first", "second, in another process":
        subprocess.run([*command, "copy", text], check=True)
        print("watcher:", watching.stdout.readline().strip())
        print("pasted here:", pasted())
    watching.stdout.close()
    watching.wait()
    ntipc.post_message(keeper(), ntipc.WM_CLOSE)
    return keeping.wait()


def main(arguments: list[str]) -> int:
    """Do what the command line says."""
    match arguments:
        case ["--demo"]:
            return demo()
        case [] | ["keep"]:
            return keep()
        case ["copy", text]:
            return copy(text)
        case ["paste"]:
            print(pasted())
            return 0
        case ["watch"]:
            return watch()
        case ["watch", most]:
            return watch(int(most))
    raise SystemExit(__doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
