"""What a program can call is described: in the docs, and by help()."""

import re
from pathlib import Path

import pytest

import ntipc

PAGES = "\n".join(page.read_text() for page in (Path(__file__).resolve().parents[2] / "docs").glob("*.md"))
CLASSES = [
    kind
    for name in ntipc.__all__
    if isinstance(kind := getattr(ntipc, name), type)
    and not issubclass(kind, (BaseException, int, tuple))  # these have names of their own
    and kind.__module__.startswith("ntipc.")
]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_everything_public_is_told(kind: type) -> None:
    public = [name for name in dir(kind) if not name.startswith("_")]
    assert public
    assert [name for name in public if not re.search(rf"\b{name}\b", PAGES)] == []
    helped = [name for name in public if getattr(kind, name).__doc__ or f" {name}: " in (kind.__doc__ or "")]
    assert helped == public


@pytest.mark.parametrize(
    ("kind", "name"), [(ntipc.Mailslot, "get"), (ntipc.MailslotClient, "put"), (ntipc.MailslotClient, "flush")]
)
def test_a_mailslot_is_no_queue(kind: type, name: str) -> None:
    assert not hasattr(kind, name), "it would go past the mailslot's limits, or raise what a queue raises"
