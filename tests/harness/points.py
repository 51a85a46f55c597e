"""Which fault points the tests in Python lead to."""

from ntipc import _kernel

LEFT_TO_RUST: frozenset[str] = frozenset()
"""Points of calls that the binding does not have yet. The kernel's own sweep, `queue_deaths`, has a scene for each."""

POINTS: tuple[str, ...] = tuple(point for point in _kernel.FAULT_POINTS if point not in LEFT_TO_RUST)

OF_A_CHILD: frozenset[str] = frozenset({"HeirJoined"})
"""Points that only a program passes which was started with handles, as it joins. Their scenes start one."""

AT_WORK: tuple[str, ...] = tuple(point for point in POINTS if point not in OF_A_CHILD)
"""Points that a process passes which has joined already."""
