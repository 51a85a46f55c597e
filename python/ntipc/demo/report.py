"""What the demo shows: a live display while it works, a table when it is done."""

import signal
from dataclasses import asdict
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ntipc.demo.coordinator import Member, Outcome, Progress

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

BAR = 30


class LiveDisplay:
    """The display while the job runs: nothing at all unless ``console`` is a terminal."""

    def __init__(self, console: "Console") -> None:
        self._console = console
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            from rich.live import Live

            self._live = Live(console=self._console, transient=True, auto_refresh=False)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, progress: Progress) -> None:
        """Draw the present state."""
        if self._live is not None:
            self._live.update(_picture(progress), refresh=True)


def _picture(progress: Progress) -> "RenderableType":
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    bars = Table.grid(padding=(0, 1))
    bars.add_row(
        Text("all files", style="bold"),
        ProgressBar(total=max(progress.files, 1), completed=progress.done, width=BAR),
        Text(f"{progress.done:,} of {progress.files:,}"),
    )
    most = max([files for _, files in progress.members] + [1])
    for member, files in progress.members:
        bars.add_row(
            Text(f"worker {member.number}"),
            ProgressBar(total=most, completed=files, width=BAR, complete_style="red" if member.killed else "cyan"),
            Text(f"{files:,} files, {_fate(member)}"),
        )
    return Group(bars, Text(progress.note, style="italic"))


def _fate(member: Member) -> str:
    if member.killed:
        return "killed inside the mutex"
    status = member.process.returncode
    if status is None:
        return f"pid {member.process.pid}"
    return f"ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"


def rows(outcome: Outcome) -> list[tuple[str, str]]:
    """The lines of the table."""
    again = ", ".join(outcome.done_again) or "none"
    return [
        ("files", f"{outcome.files:,}"),
        ("bytes", f"{outcome.bytes:,}"),
        ("identifiers", f"{outcome.identifiers:,}, {outcome.distinct:,} different ones"),
        ("workers", f"{outcome.workers}"),
        ("waits that slept", f"{outcome.waits:,}"),
        ("hand-offs of the mutex", f"{outcome.hand_offs:,}"),
        ("killed inside the mutex", f"pid {outcome.killed_pid}" if outcome.killed_inside else "nobody"),
        ("abandonments", f"{outcome.abandonments}"),
        ("the next owner was told after", f"{outcome.told_seconds * 1e3:.2f} ms"),
        ("repair took", f"{outcome.repair_seconds * 1e3:.2f} ms"),
        ("files done again", again),
        ("workers' wall time", f"{outcome.together_seconds:.2f} s"),
        ("one process' wall time", f"{outcome.alone_seconds:.2f} s"),
        ("both indexes are", "identical" if outcome.identical else "NOT the same"),
    ]


def table(outcome: Outcome) -> "RenderableType":
    """The table at the end."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    result = Table(box=box.SIMPLE, show_header=False)
    result.add_column(style="bold", no_wrap=True)
    result.add_column(overflow="fold")
    for name, value in rows(outcome):
        result.add_row(name, Text(value))
    return Group(Text(f"Identifiers of {outcome.directory}"), result)


def as_json(outcome: Outcome) -> dict[str, object]:
    """The same figures for programs."""
    return {**asdict(outcome), "directory": str(outcome.directory), "right": outcome.right}
