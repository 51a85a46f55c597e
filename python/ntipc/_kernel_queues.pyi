"""Queues, their frames, and the descriptor that event loops watch, for `_kernel.pyi`."""

from collections.abc import Iterable, Sequence
from typing import Any, Self, TypeAlias, final

from typing_extensions import Buffer

from ntipc._kernel_objects import Object, Sender, Session, Waitable

Pieces: TypeAlias = Buffer | Sequence[Buffer]
"""Data to put: bytes-like, or a list or tuple of such."""

@final
class Frame:
    """A frame, or a part of one, as it was taken.

    When a whole request is dropped without an answer, its caller learns that the call is lost.
    """

    @property
    def data(self) -> bytes:
        """The data; empty if it was taken into a buffer."""

    @property
    def size(self) -> int:
        """Bytes that were taken."""

    @property
    def left(self) -> int:
        """Bytes of the frame that are left."""

    @property
    def tag(self) -> int: ...
    @property
    def sender(self) -> Sender: ...
    @property
    def pid(self) -> int | None:
        """Process id of the sender; None: it has left the session."""

    @property
    def correlation(self) -> int:
        """Of a request its number; of anything else 0."""

    @property
    def awaited(self) -> bool:
        """Whether its sender still waits for the reply."""

    @property
    def badge(self) -> int | None:
        """The number of the badge of the end that it was put through."""

    @property
    def badge_token(self) -> tuple[int, int]:
        """What names that badge for ``ReadEnd._revoke_badge``."""

    @property
    def closed(self) -> bool:
        """Whether it is the notice that nobody has a handle with that badge any more."""

    def reply(
        self,
        data: Pieces,
        *,
        tag: int = 0,
        handles: Iterable[Object] | None = None,
        move: bool = False,
        operation: str = "Frame.reply",
    ) -> None: ...
    @property
    def carried(self) -> list[str]:
        """The types of the objects whose handles came with it and that nobody has claimed: those are closed."""

    def claim(self, objects: Sequence[Object]) -> None:
        """Give each handle that came with it to one of ``objects``, new ones of those types."""

@final
class CompletionPort:
    """One descriptor, readable when something has come to a read end that it watches: once, until it is armed again.

    A loop that finds it readable calls ``lower``, takes what there is, and calls ``arm``. Close the ends after it.
    """

    def __new__(cls) -> Self: ...
    def fileno(self) -> int | None:
        """The descriptor. None: the port is closed, or the program has closed the descriptor."""

    def watch(self, end: ReadEnd) -> None:
        """Watch a read end of a queue, from now on until the port is closed.

        The first watch of a process starts its relay thread.
        """

    def lower(self) -> None:
        """Make the descriptor unreadable, before looking at what is watched."""

    def arm(self) -> None:
        """Watch on, after looking."""

    def unwatch(self) -> None:
        """Watch nothing more. The descriptor stays."""

    def close(self) -> None:
        """Watch nothing more, and close the descriptor. In a forked child only its copy of it."""

class ReadEnd(Waitable):
    """The end of a queue that frames are taken from. Signalled while there is one, and when none can come any more.

    ``operation``, of any call here: the full name of the program's call, for the message of an error.
    """

    def _bind(
        self,
        session: Session,
        name: str | None,
        disposition: int,
        access: int,
        quota: int,
        user: tuple[int, int],
        writer: WriteEnd,
        readers_limit: int = 0,
        operation: str | None = None,
        badge_quota: int = 0,
    ) -> None:
        """Make a queue, or open both ends of the one that has the name.

        ``readers_limit``: how many handles to its reading end can be had by the name, 0 for any number. Where there is
        a limit, the writing end is set while there may be one more.
        ``badge_quota``: what the frames of one badge may cost before its writers wait; 0 for a queue without badges.
        """

    def _make_badge(self, number: int, writer: WriteEnd, operation: str | None = None) -> tuple[int, int]:
        """Make ``writer``, a new one, a writing end whose frames bear a badge of that number.

        When its last handle goes, one frame whose ``closed`` is true comes after all of these. Returns what names the
        badge for ``_revoke_badge``.
        """

    def _revoke_badge(self, number: int, badge: tuple[int, int], operation: str | None = None) -> None:
        """Have puts through that badge fail from now on; calls that went through it are lost."""

    def _has_badge(self, number: int, badge: tuple[int, int]) -> bool:
        """Whether anybody has a writing end with that badge, or its ``closed`` frame is still to be taken."""

    def _open_end(self, session: Session, name: str, access: int, operation: str | None = None) -> None:
        """Open this end, unless it has as many handles as it may."""

    def _get(self, timeout: float | None = None) -> bytes: ...
    def _take_bytes(self, timeout: float | None, operation: str) -> bytes | None:
        """The same; None: the time ran out."""

    def _take(
        self,
        limit: int | None = None,
        timeout: float | None = None,
        stream: bool = False,
        operation: str | None = None,
    ) -> Frame | None:
        """Take the next frame, or up to ``limit`` bytes of it; of a stream, over several. None: the time ran out."""

    def _answer_and_take(
        self,
        request: Frame,
        data: Buffer | Sequence[Buffer],
        *,
        tag: int = 0,
        handles: Iterable[Object] | None = None,
        timeout: float | None = None,
        operation: str | None = None,
    ) -> tuple[bool, Frame | None]:
        """Answer a request, and take the next frame, also if the caller has gone.

        Whether it was answered, and the frame. None: the time, which begins with the answer, ran out.
        """

    def _peek(self, limit: int | None = None, stream: bool = False, operation: str | None = None) -> Frame | None:
        """Look at the next frame; of a stream, at several. None: nothing is there now."""

    def _take_into(
        self,
        buffer: Buffer,
        timeout: float | None = None,
        whole: bool = False,
        stream: bool = False,
        operation: str | None = None,
    ) -> Frame | None:
        """Take into a buffer. ``whole``: a frame that does not fit is left (0 taken, all left)."""

    def _drop_stranded(self) -> bool:
        """Throw away frames that carry ends which lead nowhere, up to one that does not. Whether there is one."""

    def _available(self, operation: str | None = None) -> tuple[int, int]:
        """Bytes and frames that wait."""

    @property
    def _taken(self) -> int:
        """How many frames have been taken since there is the queue."""

    def _break_queue(self, status: int) -> None: ...

class WriteEnd(Waitable):
    """The end of a queue that frames are put into. Signalled while there is room, and when nobody can read any more."""

    def _open_end(self, session: Session, name: str, access: int, operation: str | None = None) -> None: ...
    def _limits(self) -> tuple[int, int]:
        """What the maker of the queue keeps with it."""

    def _put(
        self,
        data: Pieces,
        timeout: float | None = None,
        *,
        tag: int = 0,
        handles: Iterable[Object] | None = None,
        move: bool = False,
    ) -> None: ...
    def _put_now(self, data: Pieces, operation: str) -> bool:
        """The same if there is room now; whether there was."""

    def _put_marked(
        self,
        data: Pieces,
        timeout: float | None = None,
        *,
        tag: int = 0,
        handles: Iterable[Object] | None = None,
        move: bool = False,
        operation: str | None = None,
    ) -> int | None:
        """The same; a mark for ``_wait_taken``. None: there was no room in time."""

    def _request(
        self,
        data: Pieces,
        timeout: float | None = None,
        *,
        tag: int = 0,
        handles: Iterable[Object] | None = None,
        operation: str | None = None,
        line: WriteEnd | None = None,
        plain: int | None = None,
    ) -> Any:
        """Put a request and wait for its reply, a Frame, or bytes if it is plain. None: the time ran out."""

    def _deliver(self, data: Pieces, timeout: float | None = None, operation: str | None = None) -> int | None:
        """Put, and wait until no more than the quota is unread: how many bytes. None: there was no room in time."""

    @property
    def _leads_on(self) -> bool:
        """Whether a message could be put, if there is room for it: somebody can read it, and no badge is revoked."""

    def _put_beyond(
        self, data: Pieces, timeout: float | None = None, operation: str | None = None, tag: int = 0
    ) -> bool:
        """Put, whether or not there is room for it. False: there was no memory in time."""

    def _put_some(
        self, data: Buffer, timeout: float | None = None, operation: str | None = None
    ) -> tuple[int, int] | None:
        """Put as much of a stream as there is room for, at most 64 KiB: bytes and mark. None: the time ran out."""

    def _wait_taken(self, mark: int, timeout: float | None = None, operation: str | None = None) -> bool:
        """Wait until no more than the quota is unread of what was put up to the mark."""

    def _flush(self, timeout: float | None = None) -> bool:
        """Wait until all that was put by now has been read."""

    def _flush_for(self, timeout: float | None, operation: str) -> bool:
        """The same, for the call of the program that is named."""

    def _break_queue(self, status: int) -> None: ...
