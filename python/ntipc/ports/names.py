"""Names of ports, what messages call them, and which of their handles a forked child gives up."""

from __future__ import annotations

from ntipc import _kernel
from ntipc._runtime.forks import PartedAtFork
from ntipc.errors import Status, describe, from_status
from ntipc.session.session import Session, place

PREFIX = "port\\"
"""What the kernel's names of ports begin with."""

parents_only: PartedAtFork[_kernel.WriteEnd] = PartedAtFork(lambda end: end.close())
"""Writing ends whose last handle says that something is over. A forked child that kept its copy would put that off."""


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
