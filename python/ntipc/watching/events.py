"""What a watched process reports, as messages of its port: JSON, so that any program may watch."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from typing import Final, Self

PROCESS_START: Final = "process-start"
PROCESS_END: Final = "process-end"
THREAD_START: Final = "thread-start"
THREAD_END: Final = "thread-end"
EXCEPTION: Final = "exception"
FATAL: Final = "fatal"
UNWATCHED: Final = "unwatched"

KINDS: Final = (PROCESS_START, PROCESS_END, THREAD_START, THREAD_END, EXCEPTION, FATAL, UNWATCHED)
LONGEST_TEXT: Final = 1 << 18
"""Characters of a traceback that are reported; the end of a longer one counts."""


@dataclass(frozen=True)
class WatchEvent:
    """Something that happened in a watched process.

    Attributes:
        kind: ``"process-start"``, ``"process-end"``, ``"thread-start"``, ``"thread-end"``, ``"exception"`` (one that
            nothing in the program has caught), ``"fatal"`` (a signal that ends the process, with what
            ``faulthandler`` wrote) or ``"unwatched"`` (the process goes on and reports no more).
        pid: The process.
        thread: Name of the thread, or "" where it is none's.
        thread_id: The thread's id in the kernel of Linux, or 0.
        type: Of an exception: its class, with the module.
        text: Of an exception and a fatal signal: the traceback. Of a start: the command line.
        time: When, in seconds since the epoch.
    """

    kind: str
    pid: int
    thread: str = ""
    thread_id: int = 0
    type: str = ""
    text: str = ""
    time: float = 0.0

    def encode(self) -> bytes:
        """Return the message for the event.

        >>> event = WatchEvent("exception", 7, text="Traceback ...")
        >>> WatchEvent.decode(event.encode()) == event
        True
        """
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Return the event of a message.

        Raises:
            ValueError: The message is none.
        """
        fields = json.loads(data)
        if not isinstance(fields, dict) or fields.get("kind") not in KINDS:
            raise ValueError("the message is no event")
        known = {"kind": str, "pid": int, "thread": str, "thread_id": int, "type": str, "text": str}
        values = {name: convert(fields.get(name, convert())) for name, convert in known.items()}
        return cls(**values, time=float(fields.get("time", 0.0)))


def event(kind: str, pid: int, **fields: str | int) -> WatchEvent:
    """Make an event of this moment."""
    return WatchEvent(kind, pid, time=time.time(), **fields)  # type: ignore[arg-type]
