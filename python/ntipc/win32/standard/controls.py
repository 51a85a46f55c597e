"""CTRL_C_EVENT and CTRL_BREAK_EVENT: numbers that are signals of other meanings on Linux."""

from __future__ import annotations

import signal
from typing import Final


class ControlEvent(int):
    """One of the two."""


CTRL_C, CTRL_BREAK = ControlEvent(0), ControlEvent(1)
CONTROL_SIGNALS: Final = {0: signal.SIGINT, 1: signal.SIGQUIT}
"""The signals that stand for them."""
