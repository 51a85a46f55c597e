"""The scenes of queues: see `scenes.py`, whose objects these use too."""

from crash.scenes import Scene

MAKE = """
from harness.relaying import be_told
queue = ntipc.Queue('queue', quota=2000)
def ends(call):
    try:
        call()
    except OSError:
        return True
    return False
def badged():
    reader, keeper = (kind.__new__(kind) for kind in (ntipc.QueueReader, ntipc.QueueWriter))
    reader._bind(ntipc.Session()._native, None, _kernel.CREATE, 0, 1 << 30, (0, 0), keeper, badge_quota=1 << 20)
    return reader, keeper
def badge(reader):
    writer = ntipc.QueueWriter.__new__(ntipc.QueueWriter)
    return writer, reader._make_badge(1, writer)
"""
NAMES = ["queue"]

USED = "queue.put(b'x'); queue.get()"
"""From then on the pool has free pages, and so the first step is one that takes some."""
X, Y, LARGE = "b'x' * 2000", "b'y' * 2000", "b'z' * 9000"
"""Two that fill the queue, and one that lies out of line."""


def put(data: str = X, told: bool = True, **more: object) -> Scene:
    """The victim puts what the survivor waits for."""
    sleep = f"queue.get() == {data}"
    return Scene(act=f"queue.put({data})", sleep=sleep, told=told, wake=f"queue.put({data})", **more)  # type: ignore[arg-type]


def put_for_two() -> Scene:
    """The victim puts a message, tells a reader of its own, and makes the survivor look whether that one takes it."""
    return Scene(
        before="import threading\nthreading.Thread(target=queue.get, daemon=True).start()\n"
        "while not queue.info()['waiters']: time.sleep(0.001)",
        act=f"queue.put({X})", sleep=f"queue.get() == {X}", told=True,
    )  # fmt: skip


def take(inside: str = X, told: bool = True) -> Scene:
    """The victim takes what is in the way of the survivor."""
    return Scene(
        before=f"queue.put({inside})", act="queue.get()", sleep=f"queue.put({Y}) is None", told=told,
        wake="queue.get()", after=f"queue.get() == {Y} and queue.empty()",
    )  # fmt: skip


def last_writer(told: bool = True) -> Scene:
    """The victim has the only writing end of a stream whose end the survivor waits for."""
    return Scene(
        before="reader, writer = ntipc.Queue('stream').split(); writer.put(b'last')",
        act="reader.close(); writer.close()", sleep="list(ntipc.QueueReader.open('stream')) == [b'last']", told=told,
    )  # fmt: skip


def last_reader(handles: str = "", more: int = 0) -> Scene:
    """The victim has the only reading end of a full queue that the survivor wants to write to."""
    return Scene(
        before=f"reader, writer = ntipc.Queue('stream', quota=2000).split()\n"
        f"for _ in range({more}): writer.put(b'')\nwriter.put({LARGE}{handles})",
        act="writer.close(); reader.close()",
        sleep="ends(lambda: ntipc.QueueWriter.open('stream').put(b'y'))", told=True,
    )  # fmt: skip


def broken() -> Scene:
    return Scene(
        before="reader, writer = ntipc.Queue('stream').split()", act="writer._break_queue(0xC00000B0)",
        sleep="ends(lambda: ntipc.QueueReader.open('stream').get())", told=True,
    )  # fmt: skip


def turn(act: str) -> Scene:
    """The victim waits for room, and has the turn."""
    return Scene(before=f"queue.put({X})", act=act, after=f"queue.get() == {X} and queue.put({Y}) is None")


def send(handles: str) -> Scene:
    """The victim puts a message with handles, which the survivor waits for."""
    return Scene(
        act=f"queue.put(b'x', handles={handles})", sleep="[len(queue.receive().objects)] == [1]",
        wake="queue.put(b'x', handles=[event])", after="event.info()['handles'] == 1",
    )  # fmt: skip


def receive() -> Scene:
    """The victim takes a message with handles that is in the way of the survivor. They go with it."""
    return Scene(
        before=f"queue.put({X}, handles=[event, event])", act="queue.receive()", sleep=f"queue.put({Y}) is None",
        told=True, after=f"queue.get() == {Y} and event.info()['handles'] == 1",
    )  # fmt: skip


def ask() -> Scene:
    """The victim calls; the survivor waits for requests."""
    return Scene(act="queue.writer.call(b'ask')", sleep="queue.get() == b'ask'", wake="queue.put(b'ask')")


def answer(act: str) -> Scene:
    """The survivor has called, and the victim takes its request."""
    return Scene(act=act, sleep=ASK, told=True, unnamed=1)


def alone(act: str, after: str) -> Scene:
    return Scene(act=act, after=after)


def with_badge(act: str) -> Scene:
    """The victim has a queue of its own, and does something with a badge of it."""
    return Scene(before="reader, keeper = badged()", act=act)


def relay() -> Scene:
    """The victim's loop watches the queue that the survivor takes from, and one of its own."""
    return Scene(
        act="be_told(queue)", sleep="queue.get() == b'x'", wake="queue.put(b'x')",
        after="queue.info()['waiters'] == 0",
    )  # fmt: skip


def settle(act: str, at: str, sleep: str) -> Scene:
    """Another victim died in the middle of an operation. The first alone watches it, and settles its work."""
    return Scene(act="", doomed=act, doomed_at=at, sleep=sleep, told=True)


ASK = "ends(lambda: queue.writer.call(b'ask'))"
CROSSWISE = """
a, to_a = ntipc.Queue().split()
b, to_b = ntipc.Queue().split()
to_a.put(b'', handles=[b, event])
to_b.put(b'', handles=[a, event])
for end in a, b, to_a, to_b:
    end.close()
"""
"""Two queues that only their own messages lead to."""
FRESH, GONE = "ntipc.Queue('fresh')", "ntipc.Queue('fresh').close()"
NONE_FRESH = "ends(lambda: ntipc.Queue.open('fresh'))"

QUEUE_SCENES: dict[str, Scene] = {
    "BadgeMade": with_badge("badge(reader)"),
    "BadgeCounted": with_badge("badge(reader)[0].close(); reader._take(None, 0)"),
    "BadgeRevoked": with_badge("writer, name = badge(reader); reader._revoke_badge(1, name)"),
    "NoticeMarked": with_badge("badge(reader)[0].close()"),
    "NoticeListed": with_badge("badge(reader)[0].close()"),
    "NoticeTaken": with_badge("badge(reader)[0].close(); reader._take(None, 0)"),
    # the pool of pages
    "PoolFilled": put(LARGE, told=False, before=USED),
    "PoolValid": put(LARGE, told=False, before=USED),
    "PoolLinked": put(LARGE, told=False, before=USED),
    "PoolMoved": put(LARGE, told=False, before=USED),
    "PoolApplied": put(LARGE, told=False, before=USED),
    # bodies and ends
    "QueueFilled": alone(FRESH, NONE_FRESH),
    "QueueFreed": alone(GONE, NONE_FRESH),
    "QueueBroken": broken(),
    "EndUnnamed": last_writer(),
    "DrainNamed": last_reader(),
    "DrainMoved": last_reader(),
    "DrainLeft": last_reader(more=100),
    # putting
    "HandNamed": put(told=False),
    "PutCopied": put(LARGE, told=False),
    "PutLocked": put(LARGE, told=False),
    "PutRecorded": put(LARGE, told=False),
    "PutPaged": put(told=False),
    "PutWritten": put(told=False),
    "PutPublished": put(),
    "PutCounted": put(LARGE),
    "PutForgotten": put(),
    "PutUnlocked": put(),
    "PutTold": put(),
    "LookoutNamed": put_for_two(),
    "LookoutTold": put_for_two(),
    "TurnTaken": turn(f"queue.put({Y})"),
    "TurnLeft": turn(f"queue.put({Y}, 0.01)"),
    # taking
    "TakeLocked": take(told=False),
    "TakeCopied": take(told=False),
    "TakeCommitted": take(),
    "TakeMoved": take(),
    "TakeOwned": take(LARGE),
    "TakeUnlocked": take(),
    "TakeCopiedOut": take(LARGE),
    "TakeTold": take(),
    # handles in frames
    "PutHandleNamed": send("[event]"),
    "PutHandleMoved": send("[event.duplicate()], move=True"),
    "TakeHandleStored": receive(),
    "TakeHandleMoved": receive(),
    "PlaceDropped": last_reader(", handles=[event, event]"),
    "CollectTaken": alone(CROSSWISE, "event.info()['handles'] == 1"),
    # calls
    "ReplyQueueMade": ask(),
    "CallNoted": ask(),
    "CallTaken": answer("queue.receive()"),
    "ReplyAllowed": answer("queue.receive().reply(b'answer')"),
    "LostTold": Scene(
        act="", doomed="kept = queue.receive(); os.kill(os.getpid(), signal.SIGKILL)", sleep=ASK, told=True, unnamed=1
    ),
    # the relay of an event loop, which waits beside the survivor
    "RelayEntered": relay(),
    "RelayAborted": relay(),
    "RelayFired": relay(),
    "RelayRaised": relay(),
    # settlement
    "SettlePositions": settle(f"queue.put({LARGE})", "PutPublished", f"queue.get() == {LARGE}"),
    "SettleChain": settle(f"queue.put({LARGE})", "PutPublished", f"queue.get() == {LARGE}"),
    "SettleUnlocked": settle(f"queue.put({X})", "PutUnlocked", f"queue.get() == {X}"),
    "SettleTurn": settle(f"queue.put({X})", "PutForgotten", f"queue.get() == {X}"),
    "SettleTold": settle(f"queue.put({X})", "PutForgotten", f"queue.get() == {X}"),
}
