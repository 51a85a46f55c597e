"""Marks on the methods of an interface: one way, idempotent, how far a stream runs ahead, what it raises.

They change nothing of the method itself, so a marked class is an ordinary class.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import index
from typing import Any, NamedTuple, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

_ATTRIBUTE = "__ntipc_rpc__"
AHEAD = 16
"""Items that a stream's producer may be ahead of its consumer, unless the method says otherwise."""


class Marks(NamedTuple):
    """What the marks of one method say together."""

    one_way: bool = False
    idempotent: bool = False
    ahead: int = AHEAD
    raises: tuple[type[BaseException], ...] = ()


def one_way(function: F) -> F:
    """Let calls of this method return at once, without an answer; the method's result must be ``None``.

    The caller does not learn whether the call runs, or fails; the server logs a failure. Calls of one client begin in
    the order in which they were made.

    >>> @one_way
    ... def log(self, text: str) -> None: ...
    >>> marks_of(log).one_way
    True
    """
    return _mark(function, one_way=True)


def idempotent(function: F) -> F:
    """Say that running this method twice does what running it once does.

    A call of it whose server dies is repeated once, if another server has the name by then. Calls of other methods are
    never repeated, for they may have run.
    """
    return _mark(function, idempotent=True)


def ahead(items: int) -> Callable[[F], F]:
    """Let this stream be produced so many items ahead of its consumer, and not more.

    Args:
        items: At least 1; without this mark it is 16.

    Raises:
        ValueError: It is less than 1.
    """
    if index(items) < 1:
        raise ValueError(f"a stream is at least 1 item ahead, not {items}")
    return lambda function: _mark(function, ahead=index(items))


def raises(*exceptions: type[BaseException]) -> Callable[[F], F]:
    """Declare exceptions of this method, beside those of the interface's module: they arrive as themselves.

    Raises:
        TypeError: One is no class of exceptions.
    """
    for each in exceptions:
        kind: object = each
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            raise TypeError(f"{each!r} is no class of exceptions")
    return lambda function: _mark(function, raises=exceptions)


def marks_of(function: object) -> Marks:
    """Return the marks of a function; those of one that has none are the default ones."""
    marks = getattr(function, _ATTRIBUTE, None)
    return marks if isinstance(marks, Marks) else Marks()


def _mark(function: F, **changes: Any) -> F:
    target = getattr(function, "__func__", function)  # of a static method or a class method
    setattr(target, _ATTRIBUTE, marks_of(target)._replace(**changes))
    return function
