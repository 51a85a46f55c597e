"""What goes wrong in a call itself: values that do not fit, interfaces that differ, exceptions of unknown types."""

from __future__ import annotations

from ntipc.errors import NtError, Status, describe, from_status


class ValidationError(TypeError, ValueError):
    """A value does not fit the annotation of its argument or result, or cannot travel at all."""


class InterfaceMismatch(NtError, TypeError):
    """The service does not have what the interface says, or is of another version."""

    status = Status.REVISION_MISMATCH
    winerror = 1306


class RemoteError(Exception):
    """A method raised an exception of a type that the interface does not declare.

    Attributes:
        type_name: The name of that type, with its module.
        text: What ``str`` makes of the exception there.
    """

    def __init__(self, type_name: str = "", text: str = "") -> None:
        super().__init__(type_name, text)
        self.type_name = type_name
        self.text = text

    def __str__(self) -> str:
        return f"{self.type_name}: {self.text}" if self.text else self.type_name


def mismatch(service: str, detail: str, *, call: str = "rpc.connect") -> NtError:
    """Make the error that says in what the service differs from the interface."""
    return from_status(
        Status.REVISION_MISMATCH,
        call,
        describe("service", service),
        detail,
        problem="it does not fit the interface",
        advice="Bring both sides to the same interface; methods and optional arguments may be added on either",
        exception=InterfaceMismatch,
    )
