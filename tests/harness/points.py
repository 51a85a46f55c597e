"""Which fault points the tests in Python lead to."""

from ntipc import _kernel

# fmt: off
LEFT_TO_RUST: frozenset[str] = frozenset([
    "PoolFilled", "PoolValid", "PoolLinked", "PoolMoved", "PoolApplied",
    "QueueFilled", "QueueFreed", "QueueBroken", "EndUnnamed", "DrainNamed", "DrainMoved", "HandNamed",
    "PutCopied", "PutLocked", "PutRecorded", "PutPaged", "PutWritten", "PutPublished", "PutCounted", "PutForgotten",
    "PutUnlocked", "PutTold",
    "TakeLocked", "TakeCopied", "TakeCommitted", "TakeMoved", "TakeOwned", "TakeUnlocked", "TakeCopiedOut", "TakeTold",
    "SettlePositions", "SettleChain", "SettleUnlocked", "SettleTold",
])
# fmt: on
"""Points of calls that the binding does not have yet. The kernel's own sweep, `queue_deaths`, has a scene for each."""

POINTS: tuple[str, ...] = tuple(point for point in _kernel.FAULT_POINTS if point not in LEFT_TO_RUST)
