"""Objects that arrive: handles that came with a message, and references in pickles."""

from __future__ import annotations

from collections.abc import Sequence

from ntipc import _kernel
from ntipc.errors import ObjectNotFound
from ntipc.objects import registry
from ntipc.objects.object import NtObject


def claim(frame: _kernel.Frame) -> list[NtObject]:
    """Make objects of the handles that came with a frame, of the classes that are registered for them."""
    natives = frame.carried
    if not natives:
        return []
    kinds = [kind for native in natives if (kind := registry.class_of(native)) is not None]
    return list(map(_as_its_name_says, natives, claim_as(frame, kinds)))


def claim_as(frame: _kernel.Frame, kinds: Sequence[type[NtObject]]) -> list[NtObject]:
    """Make objects of the handles that came with a frame, of those classes.

    An interrupt meanwhile closes all of them.
    """
    things = [kind.__new__(kind) for kind in kinds]
    try:
        frame.claim(things)
        return things
    except BaseException:
        for thing in things:
            thing.close()
        raise


def _as_its_name_says(native: str, thing: NtObject) -> NtObject:
    kind = registry.class_of(native, thing.name)
    if kind is None or isinstance(thing, kind):
        return thing
    own = kind.__new__(kind)
    own._copy_from(thing)
    try:
        own._after_arrival()
    except ObjectNotFound:  # it is about to go
        return thing
    thing.close()
    return own
