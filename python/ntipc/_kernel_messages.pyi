"""What :mod:`ntipc._kernel` has for window messages: a part of its description, and no module of its own."""

from collections.abc import Callable, Mapping, Sized
from typing import Any, Self

from ntipc._kernel import Frame, ReadEnd, Semaphore, WriteEnd

class Inbox:
    """What has come for a thread that takes window messages: a list of posted ones, and frames to be sorted in."""

    changed: int
    """Kinds of messages that have come since the thread retrieved some, or asked."""

    def __new__(
        cls,
        reader: ReadEnd,
        room: Semaphore,
        look: memoryview,
        message: type[tuple[Any, ...]],
        sent: Sized,
        timers: dict[Any, Any],
    ) -> Self:
        """``look``: the eight bytes in which the thread notes its looks. ``sent`` and ``timers`` come before posts."""

    @property
    def has_looked(self) -> bool:
        """Whether the thread has noted a look within the last quarter of a second."""

    def watch(self, watched: bool) -> None:
        """Say whether tasks of an event loop wait for what comes: then each taking is followed by telling them."""

    def take(self) -> bool:
        """Take all that has come. Whether something has since ``told`` was called."""

    def told(self) -> None:
        """Say that all tasks that wait were told of what has come."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until something comes, and take it. Whether it did in time."""

    def unsorted(self) -> bytes | Frame | None:
        """Return the first that is to be sorted in: bytes of a frame that has nothing else, or the frame."""

    def sorted(self, frame: bytes | Frame) -> None:
        """Say that it is sorted in. Does nothing if another is the first by now."""

    def window_made(self, hwnd: int) -> None:
        """Say that there is a window of that number. Messages for others are not taken by ``first``."""

    def window_goes(self, hwnd: int) -> None: ...
    def __len__(self) -> int: ...
    def __getitem__(self, place: int, /) -> Any: ...
    def discard(self, place: int) -> Any:
        """Take the message at a place out of the list: None, its room given back, or what ``leave`` has put there."""

    def leave(self, message: tuple[Any, ...]) -> None:
        """Put a message that nobody has posted behind the others."""

    def first(self) -> Any:
        """Take the first posted message, if it is for the thread, or for a window that is there. None: look closer."""

    def give_room(self, more: int = 0) -> None:
        """Let others post as many as were retrieved since that was last done, and so many more."""

    def note_look(self) -> None:
        """Tell others that the thread looks at its queue, unless it has told them a moment ago."""

    def note_wait(self) -> None:
        """Tell others that the thread waits at its queue, until it looks."""

class Ways:
    """The ways to the windows of one session that this process has posted or sent to."""

    def __new__(cls) -> Self: ...
    def learn(self, hwnd: int, word: memoryview, writer: WriteEnd, room: Semaphore) -> None:
        """Remember one. ``word``: the eight bytes that are the window's number for as long as it lives."""

    def forget(self, hwnd: int) -> None: ...
    def clear(self) -> None: ...

class DefaultMessages:
    """What this process, and each thread of it, knows of messages in the default session."""

    def __new__(cls, environment: Mapping[bytes, bytes], name_key: bytes, directory_key: bytes) -> Self: ...
    def know(self, ways: Ways) -> None:
        """Say which ways are those of the session that is the default one now."""

    def own(self, inbox: Inbox) -> None:
        """Say which inbox the calling thread has in the session that is the default one now."""

    def disown(self, inbox: Inbox) -> None:
        """Say that the calling thread has that inbox no more. Does nothing if it has another one."""

    def post(self, hwnd: object, msg: object, wparam: object, lparam: object) -> bool:
        """Post a message to a window. False: it was not posted, and the whole call must decide."""

    def get(self) -> Any:
        """Take the next message, if it is a posted one, no quit, and there is nothing else to do. None: look closer."""

def put_before(messages: DefaultMessages, functions: list[Callable[..., Any]]) -> list[Any]:
    """Return functions that stand before ``post_message``, ``get_message`` and ``peek_message``, in that order.

    They look the same, answer what they can at once, and hand every other call on as it came. May be called once.
    """
