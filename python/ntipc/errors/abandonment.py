"""The warning about a mutex whose owner died, issued for the program's own line."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from types import FrameType

from ntipc.errors.exceptions import AbandonedMutexWarning

LIBRARY = tuple(os.path.join(path, "") for path in sys.modules[__name__.partition(".")[0]].__path__)
"""What the file names of the library's own code start with."""
FACADES = tuple(os.path.join(path, facade, "") for path in LIBRARY for facade in ("ntdll", "win32"))
"""The same of calls by their own names, which tell of an abandoned mutex by what they return."""


repaired_by_the_library: set[str] = set()
"""What mutexes are called that guard what the library repairs itself: nobody is warned of those."""


class Silence(threading.local):
    """Whether the calling thread's waits tell of abandoned mutexes in their results, and need no warning."""

    kept = False


silence = Silence()


def warn_abandoned(subject: str) -> None:
    """Issue :class:`AbandonedMutexWarning` about a mutex, for the line of the program that waited for it.

    Some waits come to the kernel through Python functions of the library, others do not. So the library's frames are
    skipped, as by ``skip_file_prefixes`` of :func:`warnings.warn`, which Python 3.11 does not have. A program that
    calls Windows' functions by their own names is not warned: what they return says it.

    Raises:
        AbandonedMutexWarning: The program has made it an error.
    """
    if silence.kept or subject in repaired_by_the_library:
        return
    level = 1
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code.co_filename.startswith(LIBRARY):
        if frame.f_code.co_filename.startswith(FACADES):
            return
        frame, level = frame.f_back, level + 1
    text = f"the last owner of {subject} ended without releasing it; check what it protects"
    warnings.warn(text, AbandonedMutexWarning, stacklevel=level)
