"""The debug log as a destination of ``logging``.

>>> import logging, ntipc
>>> logger = logging.getLogger("pump")
>>> logger.addHandler(ntipc.debuglog.Handler())
>>> with ntipc.debuglog.Reader() as reader:
...     logger.warning("pressure is %d", 9)
...     reader.read(timeout=5).text
'pressure is 9'
>>> logger.handlers.clear()
"""

from __future__ import annotations

import logging

from ntipc.debuglog.writing import is_wanted, output_debug_string
from ntipc.session.session import Session


class Handler(logging.Handler):
    """Writes log records into the debug log of a session, where all processes' lines come together.

    It keeps no lock and waits for nobody, so it may be used in signal handlers, and a process that was forked while
    another thread logged goes on logging. A record is not even formatted while nobody reads.

    Args:
        level: The least level that it handles.
        session: The session, or its name; ``None`` for the one that is the default when a record comes.

    Raises:
        InvalidName: ``session`` has other characters or another length than a session's name may have.
    """

    def __init__(self, level: int | str = logging.NOTSET, *, session: Session | str | None = None) -> None:
        super().__init__(level)
        is_wanted(session)  # a wrong name is an error now, not at the first record
        self._session = session

    def createLock(self) -> None:
        """Have no lock: lines of several threads do not mix anyway."""
        self.lock = None

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        try:
            if is_wanted(self._session):
                output_debug_string(self.format(record), session=self._session)
        except RecursionError:
            raise
        except Exception:
            self.handleError(record)
