"""Where tables go: standard output, as wide as it is, and without a width if it is no terminal."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

WIDE = 250


def console_for_data() -> "Console":
    """A console on standard output. For a file or a pipe nothing is wrapped, unless COLUMNS says so."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console = Console(highlight=False, width=WIDE)
    return console
