r"""Command lines of Windows: one text, split by its rules, with the interpreter found by its names there.

>>> split(r'"C:\a b\python.exe" x.py "say \"hi\"" c:\d\\ "e f\\"')
['C:\\a b\\python.exe', 'x.py', 'say "hi"', 'c:\\d\\\\', 'e f\\']
"""

from __future__ import annotations

import os
import shutil
import sys
from typing import Final

_PYTHONS: Final = frozenset({"py", "python", "python3", "pythonw", "pyw"})


def split(line: str) -> list[str]:
    """Split a command line as CommandLineToArgvW does."""
    words: list[str] = []
    place, size = 0, len(line)
    while place < size:
        while place < size and line[place] in " \t":
            place += 1
        if place == size:
            break
        word: list[str] = []
        quoted = False
        while place < size and (quoted or line[place] not in " \t"):
            slashes = 0
            while place < size and line[place] == "\\":
                slashes, place = slashes + 1, place + 1
            if place < size and line[place] == '"':
                word.append("\\" * (slashes // 2))
                if slashes % 2:
                    word.append('"')
                elif quoted and line[place + 1 : place + 2] == '"':
                    word.append('"')
                    place += 1
                else:
                    quoted = not quoted
                place += 1
                continue
            word.append("\\" * slashes)
            if place < size and (quoted or line[place] not in " \t"):
                word.append(line[place])
                place += 1
        words.append("".join(word))
    return words


def arguments_of(application: str | None, line: str | None) -> list[str]:
    """Return what is to be run: the interpreter for ``python.exe``, a program of that name, or a file.

    Raises:
        FileNotFoundError: There is no such program.
    """
    words = split(line) if line else []
    if application:
        words = [application, *words[1:]]
    if not words:
        raise FileNotFoundError(2, "No such file or directory")
    return [_program(words[0]), *words[1:]]


def _program(name: str) -> str:
    plain = name.replace("\\", "/")
    stem = plain.rpartition("/")[2].lower().removesuffix(".exe")
    if stem in _PYTHONS and not os.path.exists(plain):
        return sys.executable
    for candidate in (name, plain, plain.removesuffix(".exe")):
        if os.path.isfile(candidate):
            return os.path.abspath(candidate)
        found = shutil.which(candidate)
        if found:
            return found
    raise FileNotFoundError(2, "No such file or directory", name)
