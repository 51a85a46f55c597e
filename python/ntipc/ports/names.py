"""Names of ports: where in the session's names they lie, and what messages call them."""

from __future__ import annotations

from ntipc import _kernel
from ntipc.errors import Status, describe, from_status
from ntipc.session.session import Session, place

PREFIX = "port\\"
"""What the kernel's names of ports begin with."""


def locate(call: str, name: str, session: Session | str | None) -> tuple[_kernel.Session, str]:
    """Return the attachment that a port's name leads to, and the name within it, without the prefix.

    Raises:
        InvalidName: ``name`` cannot be a name.
        TypeError: ``name`` is no ``str``: ports have names.
    """
    if not isinstance(name, str):
        raise TypeError(f"a port's name must be a str, not {type(name).__name__}")
    native, local = place(name, session)
    if not local:
        raise from_status(Status.OBJECT_NAME_INVALID, call, describe("port", name), "a port needs a name")
    return native, local
