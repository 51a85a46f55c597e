r"""Command lines of Windows: one text, split by its rules, with the interpreter found by its names there.

>>> split(r'"C:\a b\python.exe" x.py "say \"hi\"" c:\d\\ "e f\\"')
['C:\\a b\\python.exe', 'x.py', 'say "hi"', 'c:\\d\\\\', 'e f\\']
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Sequence
from typing import Final

_LAUNCHERS: Final = frozenset({"py", "pyw"})
_PYTHONS: Final = frozenset({"python", "python3", "pythonw"}) | _LAUNCHERS
_VERSION: Final = re.compile(r"-[23][\d.]*(-\d+)?$")
_FIRST_WORD: Final = re.compile(r'\s*(?:"([^"]*)"|([^\s"|&;<>()]+))')


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


def arguments_of(application: str | None, line: str | None, words: Sequence[str] | None = None) -> list[str]:
    """Return what is to be run: the interpreter for ``python.exe``, a program of that name, or a file.

    Args:
        application: The program, in place of the first word.
        line: The command line, split here.
        words: The command line, if it is split already.

    Raises:
        FileNotFoundError: There is no such program.
    """
    words = list(words or (split(line) if line else []))
    if application:
        words = [application, *words[1:]]
    if not words:
        raise FileNotFoundError(2, "No such file or directory")
    if _stem(words[0]) in _LAUNCHERS and _VERSION.match("".join(words[1:2])):
        del words[1]  # which interpreter the launcher is to choose: there is one
    return [_program(words[0]), *words[1:]]


def for_shell(command: str) -> str:
    """Return a command for a shell of Linux, in which ``python`` and ``py`` mean this interpreter.

    >>> for_shell("echo python"), for_shell("python.exe -V").endswith(" -V")
    ('echo python', True)
    """
    found = _FIRST_WORD.match(command)
    if found is None or _stem(found[1] or found[2]) not in _PYTHONS:
        return command
    rest = command[found.end() :]
    if _stem(found[1] or found[2]) in _LAUNCHERS:
        rest = re.sub(r"^\s+-[23][\d.]*(-\d+)?(?=\s|$)", "", rest)
    return shlex.quote(_program(found[1] or found[2])) + rest


def _stem(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2].lower().removesuffix(".exe")


def _program(name: str) -> str:
    plain = name.replace("\\", "/")
    if _stem(name) in _PYTHONS and not os.path.isfile(plain):
        return sys.executable
    for candidate in (name, plain, plain.removesuffix(".exe")):
        if os.path.isfile(candidate):
            return os.path.abspath(candidate)
        found = shutil.which(candidate)
        if found:
            return found
    raise FileNotFoundError(2, "No such file or directory", name)
