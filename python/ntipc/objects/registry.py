r"""Which class of Python a handle becomes that arrives in a message.

It depends on the native type of its object, and on the directory of the object's name: a queue named ``mailslot\news``
is of another class than other queues.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from ntipc import _kernel

if TYPE_CHECKING:
    from ntipc.objects.object import NtObject

T = TypeVar("T", bound="type[NtObject]")

_classes: dict[tuple[str, str], type[NtObject]] = {}
_loaders: dict[str, Callable[[], object]] = {}


def register(native: type[_kernel.Object], *, directory: str = "") -> Callable[[T], T]:
    """Have handles to objects of a native type become objects of the decorated class.

    Args:
        native: The native type.
        directory: Of which directory's names; without it, of all those that no other class is registered for.
    """

    def registering(kind: T) -> T:
        _classes[native.__name__, directory] = kind
        return kind

    return registering


def register_late(first: str, load: Callable[[], object]) -> None:
    """Call ``load``, which registers classes, before the first handle of that type, or with a name there, arrives."""
    _loaders[first] = load


def class_of(native: str, name: str | None = None) -> type[NtObject] | None:
    r"""Return the class for handles to objects of that native type, with that name.

    Returns:
        ``None``, if names in that directory have no class of their own.

    >>> import ntipc
    >>> class_of("Event"), class_of("ReadEnd", "mailslot\\news"), class_of("ReadEnd", "elsewhere\\news")
    (<class 'ntipc.sync.events.Event'>, <class 'ntipc.mailslots.mailslot.Mailslot'>, None)
    """
    directory, separator, _ = (name or "").partition("\\")
    if not separator:
        if (load := _loaders.pop(native, None)) is not None:
            load()
        return _classes[native, ""]
    if (load := _loaders.pop(directory, None)) is not None:
        load()
    return _classes.get((native, directory))
