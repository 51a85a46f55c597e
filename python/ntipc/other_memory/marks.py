"""Functions that other processes may start in this one: those that are marked, and no others."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, NamedTuple, TypeVar, get_type_hints

F = TypeVar("F", bound=Callable[..., Any])

_marked: dict[str, Callable[..., Any]] = {}


def remote(function: F) -> F:
    """Mark a function that other processes may start here, once :func:`allow_remote` lets them start threads.

    Its parameters need annotations: arguments from elsewhere are checked against them before the function is called.
    They are numbers, texts, bytes, lists, dicts, dataclasses and what else msgspec knows.

    Raises:
        TypeError: It is no function, or a parameter has no annotation.

    Source:
        CreateRemoteThread (Win32), which takes any address.

    >>> import ntipc
    >>> @ntipc.remote
    ... def double(n: int) -> int:
    ...     return 2 * n
    >>> double(4)
    8
    """
    if not inspect.isfunction(function):
        raise TypeError(f"remote marks a function, not {type(function).__name__}")
    refusal = f"{function.__qualname__} cannot be started from elsewhere"
    for parameter in inspect.signature(function).parameters.values():
        if parameter.annotation is parameter.empty:
            raise TypeError(f"{refusal}: {parameter.name} has no annotation")
        if parameter.kind in (parameter.KEYWORD_ONLY, parameter.VAR_KEYWORD):
            raise TypeError(f"{refusal}: arguments are given by position")
    _marked[f"{function.__module__}:{function.__qualname__}"] = function
    return function


_runs: ContextVar[Callable[[], bool]] = ContextVar("ntipc.remote", default=lambda: False)


def remote_cancelled() -> bool:
    """Return whether nobody needs the result of the function that runs here for another process.

    True in a function that :meth:`Process.start_thread` has started, once :meth:`RemoteThread.cancel` was called;
    false everywhere else. It costs a look at a flag: a loop may ask in each round.
    """
    return _runs.get()()


def within_run(is_cancelled: Callable[[], bool], function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in which :func:`remote_cancelled` asks this."""
    token = _runs.set(is_cancelled)
    try:
        return function(*arguments)
    finally:
        _runs.reset(token)


class Marked(NamedTuple):
    """A marked function, and what it takes."""

    name: str
    function: Callable[..., Any]

    def arguments(self, data: bytes) -> tuple[Any, ...]:
        """Read arguments that came from elsewhere.

        Raises:
            TypeError: There are too few or too many.
            ValueError: One is not of its annotated type.
        """
        from msgspec import msgpack

        signature = inspect.signature(self.function)
        given = msgpack.decode(data, type=list[Any])
        try:
            bound = signature.bind(*given)
        except TypeError as problem:
            raise TypeError(f"{self.name}: {problem}") from None
        from msgspec import ValidationError, convert

        hints = get_type_hints(self.function)
        values: list[Any] = []
        for name, value in bound.arguments.items():
            kind = hints[name]
            if signature.parameters[name].kind is inspect.Parameter.VAR_POSITIONAL:
                kind = list[kind]  # type: ignore[valid-type]
            try:
                found = convert(value, kind)
            except ValidationError as problem:
                raise ValueError(f"{self.name}: {name}: {problem}") from None
            values += found if signature.parameters[name].kind is inspect.Parameter.VAR_POSITIONAL else [found]
        return tuple(values)


def marked(name: str) -> Marked | None:
    """Return the marked function of a name ``module:qualname``."""
    function = _marked.get(name)
    return None if function is None else Marked(name, function)
