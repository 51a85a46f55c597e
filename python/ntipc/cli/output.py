"""Where tables go: standard output, as wide as it is, and without a width if it is no terminal."""

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ntipc.cli.words import printable

if TYPE_CHECKING:
    from rich.console import Console

Cell = str | list[str]
WIDE = 250


def console_for_data() -> "Console":
    """A console on standard output. For a file or a pipe nothing is wrapped, unless COLUMNS says so."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console = Console(highlight=False, width=WIDE)
    return console


def print_table(console: "Console", columns: Iterable[str], rows: Sequence[tuple[Cell, ...]]) -> None:
    """Print rows below their titles, or nothing if there are none. A cell is a line, or a list of lines."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    if not rows:
        return
    table = Table(box=box.SIMPLE)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_shown(cell)) for cell in row))
    console.print(table)


def _shown(cell: Cell) -> str:
    return "\n".join(map(printable, [cell] if isinstance(cell, str) else cell))
