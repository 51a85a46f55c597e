"""The C declarations of the library's functions, which stand in text files, one a line.

A name with ``@`` stands for two functions: the one with W and the one with A.

>>> both = list(parse("HANDLE OpenEvent@(DWORD dwDesiredAccess, BOOL bInheritHandle, LPCTSTR lpName)"))
>>> both[1]
Prototype(result='HANDLE', name='OpenEventA', parameters=('DWORD dwDesiredAccess', ...'LPCSTR lpName'), attributes='')
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from typing import Final, NamedTuple

from ntipc.win32.standard.exports.words import Export

NATIVE: Final = "native"
"""The file of the functions that are written in C."""
LEFT_OUT: Final = frozenset({"memcpy", "memmove", "memset"})
"""Exports that the C library of Linux has by these names."""

_LINE: Final = re.compile(r"(?P<result>.*?[ *])(?P<name>\w+@?)\((?P<parameters>.*)\)(?P<attributes>[^)]*(\(\(.*\)\))?)")


class DeclarationsDiffer(Exception):
    """The declarations and the tables of exports say different things: this is an error of ntipc."""


class Prototype(NamedTuple):
    """The declaration of one function."""

    result: str
    name: str
    parameters: tuple[str, ...]
    attributes: str

    @property
    def declaration(self) -> str:
        """The line of the header."""
        separator = "" if self.result.endswith("*") else " "
        attributes = f" {self.attributes}" if self.attributes else ""
        return f"{self.result}{separator}{self.name}({', '.join(self.parameters) or 'void'}){attributes};"

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """The names of the parameters."""
        return tuple(re.findall(r"\w+", parameter)[-1] for parameter in self.parameters)


def parse(line: str) -> Iterator[Prototype]:
    """Return the one or two declarations of a line.

    Raises:
        DeclarationsDiffer: It is no declaration.
    """
    found = _LINE.fullmatch(line.strip())
    if found is None:
        raise DeclarationsDiffer(f"no declaration: {line!r}")
    result, name, inside = found["result"].strip(), found["name"], found["parameters"]
    parameters = () if inside in ("", "void") else tuple(_split(inside))
    attributes = found["attributes"].strip()
    if not name.endswith("@"):
        yield Prototype(result, name, parameters, attributes)
        return
    for letter in "WA":
        yield Prototype(
            _spelled(result, letter),
            name[:-1] + letter,
            tuple(_spelled(parameter, letter) for parameter in parameters),
            attributes,
        )


def _split(inside: str) -> Iterator[str]:
    """Split parameters at the commas that are in no brackets."""
    depth, start = 0, 0
    for place, character in enumerate(inside):
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            yield inside[start:place].strip()
            start = place + 1
    yield inside[start:].strip()


def _spelled(text: str, letter: str) -> str:
    wide = letter == "W"
    text = text.replace("LPCTSTR", "LPCWSTR" if wide else "LPCSTR").replace("LPTSTR", "LPWSTR" if wide else "LPSTR")
    return text.replace("@", letter)


def read(name: str) -> Sequence[Prototype]:
    """Return the declarations of a file, by the name of a library or `NATIVE`."""
    text = resources.files("ntipc.clib").joinpath("prototypes", f"{name}.txt").read_text(encoding="utf-8")
    lines = (line for line in text.splitlines() if line.strip() and not line.startswith("#"))
    found = [prototype for line in lines for prototype in parse(line)]
    if name == "ntdll":
        found += [each._replace(name=f"Zw{each.name[2:]}") for each in found if each.name.startswith("Nt")]
    return found


def checked(exports: Mapping[str, Export], declared: Sequence[Prototype], native: Sequence[Prototype]) -> None:
    """Hold the declarations against the exports.

    Raises:
        DeclarationsDiffer: A name is in one of them only, twice, or with another number of arguments.
    """
    names = [prototype.name for prototype in (*declared, *native)]
    in_c = {prototype.name for prototype in native}
    twice = {name for name in names if names.count(name) > 1}
    undeclared = set(exports) - set(names) - LEFT_OUT
    missing = {prototype.name for prototype in declared} - set(exports)
    other = {
        prototype.name
        for prototype in declared
        if prototype.name in exports and exports[prototype.name].arguments != len(prototype.parameters)
    }
    problems = {
        "declared twice": twice,
        "without a declaration": undeclared - in_c,
        "declared, but in no table of exports": missing,
        "declared with another number of parameters": other,
    }
    found = [f"{what}: {', '.join(sorted(which))}" for what, which in problems.items() if which]
    if found:
        raise DeclarationsDiffer("; ".join(found))
