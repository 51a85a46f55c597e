"""The examples in docstrings run in sessions of their own, as the tests do (see tests/conftest.py)."""

from collections.abc import Iterator

import pytest

import ntipc.testing

# Importing it changes the process: that is what it is for.
collect_ignore = ["python/ntipc/win32/children/sitecustomize.py"]
# They hold no examples, and several modules of one name cannot be looked through for some.
collect_ignore_glob = ["tests/*conftest.py"]


@pytest.fixture(autouse=True)
def session() -> Iterator[ntipc.Session]:
    r"""A fresh default session and a fresh ``Global\`` session."""
    with ntipc.testing.private_session() as private:
        yield private
