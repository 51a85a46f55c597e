"""The recorded sequences: where they lie and how they are read."""

import gzip
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DATA = Path(os.environ.get("NTIPC_VECTORS") or Path(__file__).parent / "data")


@dataclass(frozen=True)
class Sequence:
    """Steps that start from an empty namespace; each says thread, operation, arguments and result."""

    family: str
    seed: int
    steps: list[dict[str, Any]]

    @property
    def blocks(self) -> bool:
        """Whether some call in it may not return."""
        return any(step["op"].endswith("_infinite") for step in self.steps)

    def __str__(self) -> str:
        return f"{self.family}-{self.seed}"


def load(directory: Path = DATA) -> Iterator[Sequence]:
    """All sequences of all recordings in the directory."""
    for path in sorted(directory.glob("*.json.gz")):
        with gzip.open(path) as file:
            recording = json.load(file)
        for sequence in recording["sequences"]:
            yield Sequence(recording["family"], sequence["seed"], sequence["steps"])
