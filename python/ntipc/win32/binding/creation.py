"""What every call that makes or opens an object does at its end: the inheritance mark, the last error, the handle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ntipc.objects.access import Access
from ntipc.win32.binding.arguments import flag, rights_of, text
from ntipc.win32.binding.last_error import last
from ntipc.win32.binding.pyhandle import PyHANDLE, new_handle

if TYPE_CHECKING:
    from ntipc.win32.binding.security import SecurityAttributes

ERROR_ALREADY_EXISTS = 183


def created(thing: Any, attributes: SecurityAttributes | None, name: str | None) -> PyHANDLE:
    """Return the handle to an object that a call has created, or found by its name: the last error says which."""
    if attributes is not None:
        from ntipc.win32.binding.security import inherits  # rare, and not small

        thing.inheritable = inherits(attributes)
    handle = new_handle(thing, is_local=name is None or not name.startswith("Global\\"))
    last.code = 0 if thing.created else ERROR_ALREADY_EXISTS
    return handle


def opened(kind: type[Any], access: int, inherit: int, name: str) -> PyHANDLE:
    """Open an object of a class by its name, with these rights, and return the handle.

    Raises:
        NtError: There is none, it is of another type, or ``access`` is 0.
    """
    rights = rights_of(access, kind._kind)
    if rights == 0:
        kind.open(text(name), Access.READ_CONTROL).close()  # which says first that there is none, as NT does
    thing = kind.open(text(name), rights)
    if flag(inherit):
        thing.inheritable = True
    return new_handle(thing)
