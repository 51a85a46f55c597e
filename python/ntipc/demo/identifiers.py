"""What is counted: the identifiers of source files, without Python's keywords."""

import fnmatch
import keyword
import os
import re
import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

IDENTIFIER = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*")
KEYWORDS = frozenset(word.encode() for word in keyword.kwlist)
SKIPPED_DIRECTORIES = frozenset({"__pycache__", "site-packages", "dist-packages"})

Totals = dict[bytes, tuple[int, int]]
"""An index: identifier -> (how often it occurs, in how many files)."""


class BadInput(Exception):
    """The input cannot be used; the message says why and what to do."""


def count_identifiers(text: bytes | memoryview) -> Counter[bytes]:
    """Count the identifiers of one file."""
    counts = Counter(IDENTIFIER.findall(text))
    for word in KEYWORDS & counts.keys():
        del counts[word]
    return counts


def index_alone(texts: Iterator[memoryview]) -> Totals:
    """Build the whole index in this process: what the workers' index is compared with."""
    occurrences: Counter[bytes] = Counter()
    files: Counter[bytes] = Counter()
    for text in texts:
        counts = count_identifiers(text)
        occurrences.update(counts)
        files.update(counts.keys())
    return {name: (count, files[name]) for name, count in occurrences.items()}


def find_files(root: Path, pattern: str) -> list[Path]:
    """List the regular files below ``root`` whose names match ``pattern``, sorted.

    Raises:
        BadInput: ``root`` is not a directory that can be listed, or holds no such file.
    """
    try:
        if not stat.S_ISDIR(root.stat().st_mode):
            raise BadInput(f"{root} is not a directory: give a directory of source files with --input")
    except OSError as error:
        raise BadInput(f"cannot use {root}: {error.strerror}: give a directory of source files with --input") from error

    def refuse(error: OSError) -> None:
        raise BadInput(f"cannot list {error.filename}: {error.strerror}") from error

    found: list[Path] = []
    for directory, names, files in os.walk(root, onerror=refuse):
        names[:] = [name for name in names if name not in SKIPPED_DIRECTORIES]
        paths = (Path(directory, name) for name in fnmatch.filter(files, pattern))
        found += [path for path in paths if path.is_file()]
    if not found:
        raise BadInput(f"no file below {root} matches {pattern}: give another directory or another --pattern")
    return sorted(found)
