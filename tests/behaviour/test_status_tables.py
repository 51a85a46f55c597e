"""The statuses of the kernel, their names in Python, and the table that makes exceptions of them say the same."""

import pytest

import ntipc
from ntipc import _kernel
from ntipc.errors import TABLE, Status, exceptions


def test_every_status_of_the_kernel_has_the_same_number_in_python() -> None:
    assert {name: Status[name].value for name in _kernel.STATUSES} == _kernel.STATUSES


def test_every_status_has_exactly_one_row() -> None:
    assert sorted(row.status for row in TABLE) == sorted(Status)


def test_every_class_of_exceptions_agrees_with_a_row_of_the_table() -> None:
    """``EndOfStream``, ``MailslotFull`` and ``ProcessNotFound`` are narrower, for statuses that other rows have."""
    narrower = {ntipc.EndOfStream, ntipc.MailslotFull, ntipc.ProcessNotFound}
    classes = {
        kind for kind in vars(exceptions).values() if isinstance(kind, type) and issubclass(kind, ntipc.NtError)
    } - {ntipc.NtError}
    assert classes - narrower == {row.exception for row in TABLE} - {ntipc.NtError}
    for kind in classes:
        rows = [row for row in TABLE if row.status == kind.status]
        assert [row.winerror for row in rows] == [kind.winerror] and issubclass(kind, rows[0].exception)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.status.name)
def test_each_row_says_what_happened_and_what_to_do(row: ntipc.errors.Row) -> None:
    problem = ntipc.errors.from_status(row.status, "Thing.call", "thing 'x'")
    assert type(problem) is row.exception and problem.status == row.status and problem.winerror == row.winerror
    text = str(problem)
    assert text.startswith("Thing.call failed for thing 'x': ") and row.problem in text and row.advice in text
