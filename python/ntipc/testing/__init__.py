"""Helpers for tests of programs that use ntipc."""

from ntipc.testing.privacy import private_session

__all__ = ["private_session"]
