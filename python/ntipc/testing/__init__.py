"""Helpers for tests of programs that use ntipc."""

from typing import TYPE_CHECKING, Any

from ntipc.testing.privacy import private_session

if TYPE_CHECKING:
    from ntipc.testing.fakes import Call, answer, calls_of, fake

__all__ = ["Call", "answer", "calls_of", "fake", "private_session"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ntipc.testing import fakes  # with what calls between processes need

    return getattr(fakes, name)
