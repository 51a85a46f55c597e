"""Crafted damages: what is written where, what the doctor then says, and what becomes of the calls of the victims.

The session holds a fixed scene (`SCENE`): `first` is an event that two threads wait for, `second` one that nobody does.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from harness.arenas import FIELDS, Arena

SCENE = """
import sys
from hostile import victims
session = ntipc.Session({name!r})
first, second = ntipc.Event("first", session=session), ntipc.Event("second", session=session)
mutex = ntipc.Mutex("mutex", session=session); mutex.acquire()
semaphore = ntipc.Semaphore("semaphore", initial=2, maximum=3, session=session)
timer, pair = ntipc.Timer("timer", session=session), ntipc.EventPair("pair", session=session)
section = ntipc.Section("section", 5000, session=session)
other = ntipc.Mutex("other", session=session)
queue = ntipc.Queue("queue", quota=20_000, session=session)
queue.put(bytes(100)); queue.put(bytes(9000)); queue.put(b"luggage", handles=[pair, semaphore])
badged = victims.Badged(session)
process, thread = ntipc.Process.current(session=session), ntipc.Thread.current(session=session)
ntipc.Queue(session=session).close()
gone = ntipc.Event("gone", session=session); gone.close()
victim = victims.Victim(session, 7)
things = [first, second, mutex, semaphore, timer, pair, other]
def use():
    for number in range(3):
        victim.attempt(lambda victim: (first.set(), first.clear()))
        victim.attempt(lambda victim: first.wait(0.001))
        victim.attempt(lambda victim: ntipc.wait_all([first, semaphore], timeout=0.001))
        victim.attempt(lambda victim: ntipc.Event(session=session).close())
        victim.attempt(lambda victim: (queue.put(bytes(100), 0), queue.put(bytes(5000), 0)))
        victim.attempt(lambda victim: (queue.get(0), queue.get(0)))
        victim.attempt(lambda victim: badged.use())
        for one in process, thread:
            victim.attempt(lambda victim: (one.wait(0), one.exit_code, one.info(), one.duplicate().close()))
        victim.attempt(lambda victim: ntipc.Process.current(session=session).close())
        for thing in things:
            victim.attempt(lambda victim: victim.things.append(thing.duplicate()))
        victim.every_call()
    return dict(victim.outcomes)
"""
WORKS, DAMAGED = "works", "damaged"
LIVES = "Process", "Thread"
ASKED, ENDED, KNOWN = 1 << 34, 1 << 33, 1 << 32
"""In the `detail` of their objects."""
IN_FRAMES = FIELDS["handle.word"][2] // FIELDS["process.pid"][2]
"""Where the table of slot 1 begins, with the handles that lie in frames: behind that of slot 0, which is nobody's."""
BIG = (1 << 32) - 1
WAITERS = 1 << 63
BLOCKS = 4096
SECOND_FRAME = (32 + 104) // 8
"""Where the second frame begins, behind a header and the 100 bytes of the first: its number of words in the page."""
HAND, CHAINS = 128, 48
"""Bytes of a hand, and where in it its chains are."""
OWNER_SHIFT = 49


def named(owner: int) -> int:
    """What a lock word says while the owner of that number has the lock."""
    return owner << OWNER_SHIFT


class Scene:
    """Where the objects, threads and blocks of the scene lie."""

    def __init__(self, picture: dict[str, Any]) -> None:
        self.arena = Arena(picture["path"])
        ends = "ReadEnd", "WriteEnd"
        self.objects = {entry["name"]: entry["index"] for entry in picture["objects"] if entry["kind"] != ends[1]}
        self.lives = {entry["kind"]: entry["index"] for entry in picture["objects"] if entry["kind"] in LIVES}
        self.badges = [entry["index"] for entry in picture["objects"] if "badge" in entry]
        self.writer = next(entry["index"] for entry in picture["objects"] if entry["kind"] == ends[1])
        queued = [thread for thread in picture["threads"] if thread["waiting_on"]]
        self.waiting = [thread["slot"] for thread in queued]
        self.main = next(thread["slot"] for thread in picture["threads"] if thread["owns"])

    def put(self, field: str, index: int, value: int) -> None:
        self.arena.put(field, index, value)

    def put_object(self, field: str, name: str, value: int) -> None:
        self.arena.put(f"object.{field}", self.objects[name], value)

    def put_badge(self, field: str, badge: int, value: int) -> None:
        self.arena.put(f"object.{field}", self.badges[badge], value)

    def mark_badge(self, badge: int, marks: int) -> None:
        word = self.arena.get("object.word", self.badges[badge])
        self.put_badge("word", badge, word & ~3 | marks)

    def change_badge_of_frame(self, by: int) -> None:
        """Have the frame that waits bear another badge: its second word lies in the first page of its queue."""
        page = self.arena.get("queue.tail", 1) >> 9
        word = self.arena.get("page.second", page)
        self.put("page.second", page, word + (100 + by << 44))

    def put_life(self, field: str, kind: str, value: int) -> None:
        self.arena.put(f"object.{field}", self.lives[kind], value)

    def signal_life(self, kind: str, bits: int) -> None:
        self.put_life("word", kind, self.arena.get("object.word", self.lives[kind]) | bits)

    def get_object(self, field: str, name: str) -> int:
        return self.arena.get(f"object.{field}", self.objects[name])

    def change_word(self, name: str, change: Callable[[int], int]) -> None:
        self.put_object("word", name, change(self.get_object("word", name)))

    def named(self, thread: int) -> int:
        """The same for the thread in that slot."""
        return named(thread + 1)

    def block(self, waiter: int) -> int:
        """The first wait block of a waiting thread, as lists name it."""
        return self.waiting[waiter] * BLOCKS + 1


class Damage(NamedTuple):
    name: str
    act: Callable[[Scene], None]
    checks: set[str]
    """Which checks of the doctor must tell of it."""
    outcome: str | None = None
    """Whether a victim's calls tell of it; `None`: they may."""
    passes: bool = False
    """Whether a thread of the victim's puts it right when it next looks up, perhaps before the doctor looks."""


def swap_blocks(scene: Scene) -> None:
    a, b = scene.block(0), scene.block(1)
    scene.put("block.next", a - 1, a)
    scene.put("block.next", b - 1, a)


def lead_name_chain_into_itself(scene: Scene) -> None:
    index = scene.objects["second"]
    scene.put("object.link", index, index + 1)


def lead_cells_into_themselves(scene: Scene) -> None:
    cell = scene.get_object("name", "second")
    scene.put("cell.next", cell - 1, cell)


def forget_names(scene: Scene) -> None:
    first, _, count, width = FIELDS["bucket.word"]
    scene.arena.scribble(first, bytes(count * width))


def share_cells(scene: Scene) -> None:
    scene.put_object("name", "second", scene.get_object("name", "first"))


def free_list_in_a_circle(scene: Scene) -> None:
    free = scene.arena.get("header.object_free")
    scene.put("object.link", free - 1, free)


def cell_list_in_a_circle(scene: Scene) -> None:
    free = scene.arena.get("header.cell_free")
    scene.put("cell.next", free - 1, free)


def forge_lock(owner: Callable[[Scene], int]) -> Callable[[Scene], None]:
    def act(scene: Scene) -> None:
        scene.put("header.lock", 0, scene.named(owner(scene)))

    return act


def asked_and_gone(scene: Scene) -> None:
    scene.put_life("detail", "Process", ASKED)
    scene.signal_life("Process", 1)


def forge_journal(scene: Scene) -> None:
    for field in "thread", "result", "count":
        scene.put(f"header.journal_{field}", 0, BIG)
    for entry in range(8):
        scene.put("journal.object", entry, BIG)
        scene.put("journal.block", entry, BIG)
    scene.put("header.journal_valid", 0, 1)
    scene.put("header.lock", 0, named(16000))  # an owner that cannot be: the next process repairs


def forge_page_step(scene: Scene) -> None:
    for part in "thread", "hand", "chain", "first", "last", "count", "free", "after_last", "pages_free", "page_high":
        scene.put(f"header.page_step.{part}", 0, BIG)
    scene.put("header.page_step.valid", 0, 1)
    scene.put("header.lock", 0, named(16000))


def free_pages_in_a_circle(scene: Scene) -> None:
    free = scene.arena.get("header.page_free")
    scene.put("link.word", free, free)


def hold_page(scene: Scene, thread: int, page: int) -> None:
    """The thread's last hand has a chain of one page."""
    at, width = scene.arena.place("thread.hands", thread)
    scene.arena.scribble(at + width - HAND + CHAINS, b"".join(n.to_bytes(4, "little") for n in (page, page, 1)))


def handle_of(scene: Scene, change: Callable[[int], int]) -> None:
    """The second handle of the first process, which is in slot 2."""
    index = 2 * IN_FRAMES + 1
    scene.put("handle.word", index, change(scene.arena.get("handle.word", index)))


def put_handle_beside_frames(scene: Scene) -> None:
    scene.put("handle.word", IN_FRAMES + 2, scene.arena.get("handle.word", IN_FRAMES))
    scene.put("process.handle_high", 1, 3)


DAMAGES = [
    # objects
    Damage("kind that does not exist", lambda s: s.put_object("kind", "second", 77), {"kind"}),
    Damage("kind of another object", lambda s: s.put_object("kind", "second", 4), set()),
    Damage("count of handles too high", lambda s: s.put_object("handles", "second", 9), {"references"}, WORKS),
    Damage("count of handles zero", lambda s: s.put_object("handles", "pair", 0), {"references", "leak"}, WORKS),
    Damage("generation of another time", lambda s: s.change_word("second", lambda w: w ^ 1 << 45), {"handle"}, WORKS),
    Damage("semaphore above its maximum", lambda s: s.change_word("semaphore", lambda w: w + 9), {"state"}, WORKS),
    Damage("event of many bits", lambda s: s.change_word("second", lambda w: w | 0xFFF0), {"state"}, WORKS),
    Damage("owner that does not exist", lambda s: s.change_word("other", lambda w: w | 8000 << 20 | 1), {"owner"}),
    Damage("owner that knows nothing", lambda s: s.change_word("other", lambda w: w | s.main + 1 << 20 | 1), {"owner"}),
    Damage("section with a file of another", lambda s: s.put_object("detail", "section", 99), {"file"}, WORKS),
    Damage("section of all memory", lambda s: s.put_object("quantity", "section", (1 << 64) - 1), set(), WORKS),
    # wait lists
    Damage("list in a circle", lambda s: swap_blocks(s), {"list"}, DAMAGED),
    Damage("list that leads to no wait", lambda s: s.put_object("head", "first", 5 * BLOCKS), {"list"}, DAMAGED),
    Damage("list that leads far away", lambda s: s.put_object("head", "first", BIG), {"list"}, DAMAGED),
    Damage("list without its waiters", lambda s: s.put_object("head", "first", 0), {"list", "flag"}),
    Damage("end of a list elsewhere", lambda s: s.put_object("tail", "first", BIG), {"list"}, DAMAGED),
    Damage("way back in a list", lambda s: s.put("block.previous", s.block(1) - 1, BIG), {"list"}, DAMAGED),
    Damage("mark of waiters without any", lambda s: s.change_word("pair", lambda w: w | WAITERS), {"flag"}, WORKS),
    Damage("offer that nobody got", lambda s: s.change_word("other", lambda w: w | 9 << 34), {"offer"}, WORKS),
    Damage("waiters without their mark", lambda s: s.change_word("first", lambda w: w & ~WAITERS), {"flag"}),
    Damage("block of another object", lambda s: s.put("block.object", s.block(0) - 1, 2), {"list"}),
    Damage("block of no object", lambda s: s.put("block.object", s.block(0) - 1, BIG), {"list", "wait"}),
    # threads
    Damage("wait in no state", lambda s: s.put("thread.progress", s.waiting[0], 77), {"progress"}, DAMAGED),
    Damage("wait ended with nothing", lambda s: s.put("thread.progress", s.waiting[0], 0x8000FFFF), {"progress"}),
    Damage("wait for all that exists", lambda s: s.put("thread.block_count", s.waiting[0], BIG), {"bounds"}),
    Damage("thread of no process", lambda s: s.put("thread.process", s.waiting[0], 9999), {"thread"}),
    Damage(
        "thread that is no more", lambda s: s.put("thread.life.word", s.waiting[0], 3 << 30 | 1), {"death"}, passes=True
    ),
    Damage("thread of another id", lambda s: s.put("thread.tid", s.waiting[0], 1), {"life"}, WORKS),
    # names and texts
    Damage("names in a circle", lead_name_chain_into_itself, {"name"}),
    Damage("name chain that leads away", lambda s: s.put_object("link", "second", BIG), {"name"}),
    Damage("names that nobody finds", forget_names, {"name"}, WORKS),
    Damage("text in a circle", lead_cells_into_themselves, {"cells"}),
    Damage("text of two objects", share_cells, {"name"}),
    Damage("text without end", lambda s: s.put("cell.text", s.get_object("name", "second") - 1, BIG), {"name"}),
    # free lists
    Damage("free objects in a circle", free_list_in_a_circle, {"free-list"}, DAMAGED),
    Damage("free object in use", lambda s: s.put("header.object_free", 0, 1), {"free-list"}, DAMAGED),
    Damage("free object far away", lambda s: s.put("header.object_free", 0, BIG), {"free-list"}, DAMAGED),
    Damage("free cells in a circle", cell_list_in_a_circle, {"cells"}),
    Damage("free cell far away", lambda s: s.put("header.cell_free", 0, BIG), {"cells"}, DAMAGED),
    # counts of tables
    Damage("more objects than fit", lambda s: s.put("header.object_high", 0, BIG), {"bounds"}),
    Damage("fewer objects than there are", lambda s: s.put("header.object_high", 0, 1), {"handle"}),
    Damage("objects without memory", lambda s: s.put("header.objects_reserved", 0, 1 << 18), {"bounds"}),
    Damage("cells without memory", lambda s: s.put("header.cells_reserved", 0, BIG), {"bounds"}),
    Damage("threads without memory", lambda s: s.put("header.threads_reserved", 0, BIG), {"bounds"}),
    Damage("handles without memory", lambda s: s.put("process.handles_reserved", 2, BIG), {"bounds"}),
    Damage("handles that nobody has", lambda s: s.put("process.handle_high", 2, BIG), {"bounds"}),
    Damage("journal without memory", lambda s: s.put("header.journal_reserved", 0, BIG), {"bounds"}),
    Damage("changes without memory", lambda s: s.put("header.changes_reserved", 0, BIG), {"bounds"}),
    Damage("names without memory", lambda s: s.put("header.bucket_pages", 0, (1 << 64) - 1), set()),
    Damage("names in pages that are forgotten", lambda s: s.put("header.bucket_pages", 0, 0), {"name"}, WORKS),
    Damage("blocks without memory", lambda s: s.put("thread.blocks_reserved", s.waiting[0], BIG), {"bounds"}),
    # handles
    Damage("handle to far away", lambda s: handle_of(s, lambda h: h | 0x7FFFF), {"handle"}),
    Damage("handle to nothing", lambda s: handle_of(s, lambda h: h & ~0x7FFFF), {"handle"}),
    Damage("handles marked as full", lambda s: s.put("process.full", 2, (1 << 64) - 1), {"full-bits"}, WORKS),
    # participants
    Damage("process that is no more", lambda s: s.put("process.life.word", 2, 3 << 30 | 1), {"death"}, passes=True),
    Damage("process of another id", lambda s: s.put("process.pid", 2, 1), {"death"}, WORKS),
    Damage("bell of nobody", lambda s: s.put("process.second_bell", 2, 3 << 30 | 1), {"bell"}, WORKS),
    # processes and threads as objects
    Damage("process of many bits", lambda s: s.signal_life("Process", 0xFFF0), {"state"}, WORKS),
    Damage("process of another number", lambda s: s.put_life("limit", "Process", 1), {"ending"}, WORKS),
    Damage("thread of another number", lambda s: s.put_life("limit", "Thread", BIG), {"ending"}, WORKS),
    Damage("process that was asked to end and has no code", asked_and_gone, {"ending"}, WORKS),
    Damage("process that began at another time", lambda s: s.put_life("quantity", "Process", BIG), set(), WORKS),
    Damage(
        "process that has ended and runs", lambda s: s.put_life("detail", "Process", ENDED | KNOWN | 7), set(), WORKS
    ),
    Damage("thread of no process's object", lambda s: s.put_life("detail", "Thread", BIG << 40), set(), WORKS),
    # queues: frames
    Damage("frame that is too long", lambda s: s.put("page.first", 1, BIG - 1), {"queue"}, DAMAGED),
    Damage("frame without an end", lambda s: s.put("queue.tail", 0, 5 << 9 | 7), {"queue"}, DAMAGED),
    Damage("frames far away", lambda s: s.put("queue.head", 0, BIG), {"queue"}, DAMAGED),
    Damage("frame of more pages", lambda s: s.put("page_one.word", SECOND_FRAME + 4, 9 << 32 | 5), {"queue"}, DAMAGED),
    Damage("frame with the page of another", lambda s: s.put("page_one.word", SECOND_FRAME + 2, 1 << 32), {"pages"}),
    Damage("more bytes than there are", lambda s: s.put("queue.data_in", 0, 12_000), {"count"}, WORKS),
    Damage("more frames than there are", lambda s: s.put("queue.frames_in", 0, 1 << 40), {"count"}, WORKS),
    Damage("frame read beyond its end", lambda s: s.put("queue.head", 0, 1 << 9 | 7777 << 32), {"count"}, DAMAGED),
    # queues: handles in frames; those of slot 1, which no process has
    Damage("handle that fell out of a frame", lambda s: s.put("handle.word", IN_FRAMES, 0), {"carried", "references"}),
    Damage("handle in a frame to nothing", lambda s: s.put("handle.word", IN_FRAMES, 1 << 63 | 0x7FFFF), {"handle"}),
    Damage("handle in no frame", put_handle_beside_frames, {"carried", "references"}),
    Damage("read ends that lie in frames", lambda s: s.put_object("quantity", "queue", 5), {"carried"}, WORKS),
    Damage("handles of nobody", lambda s: s.put("process.handle_high", 0, 3), {"process"}, WORKS),
    Damage("handles without places", lambda s: s.put("header.carriers_reserved", 0, BIG), set()),
    # queues: bodies and ends
    Damage("queue without ends", lambda s: s.put("queue.state", 0, 0), {"queue", "free-list"}),
    Damage("end of another kind", lambda s: s.put("queue.read_end", 0, s.writer + 1), {"queue"}),
    Damage("end that does not exist", lambda s: s.put("queue.write_end", 0, BIG), {"queue"}),
    Damage("end of a queue that does not exist", lambda s: s.put_object("limit", "queue", 7000), {"queue"}),
    Damage("free queues in a circle", lambda s: s.put("queue.link", 2, 3), {"free-list"}),
    Damage("free queue in use", lambda s: s.put("header.queue_free", 0, 1), {"free-list"}),
    Damage("queues without memory", lambda s: s.put("header.queues_reserved", 0, BIG), {"bounds"}),
    # queues: badges, of which the first has handles, the others' notices wait
    Damage("badge of a queue that does not exist", lambda s: s.put_badge("limit", 0, 7000), {"badge", "count"}),
    Damage("badge of another queue", lambda s: s.put_badge("limit", 1, 1), {"notice", "count"}),
    Damage("more badges than there are", lambda s: s.put("queue.badges", 1, BIG), {"count"}),
    Damage("fewer badges than there are", lambda s: s.put("queue.badges", 1, 0), {"count"}),
    Damage("notices in a circle", lambda s: s.put_badge("link", 2, s.badges[1] + 1), {"notice"}),
    Damage("notices far away", lambda s: s.put("queue.notices", 1, BIG), {"notice"}),
    Damage("notices that lead to an event", lambda s: s.put("queue.notices", 1, s.objects["first"] + 1), {"notice"}),
    Damage("notice that fell out", lambda s: s.put("queue.notices", 1, s.badges[2] + 1), {"notice"}),
    Damage("last notice that is another", lambda s: s.put("queue.last_notice", 1, s.badges[1] + 1), {"notice"}),
    Damage("notice of a badge with handles", lambda s: s.mark_badge(0, 2), {"notice"}),
    Damage("notice without its mark", lambda s: s.mark_badge(1, 0), {"notice"}),
    Damage("badge revoked by nobody", lambda s: s.mark_badge(0, 1), set()),
    Damage("badge that counts nonsense", lambda s: s.put_badge("quantity", 0, 1 << 50), {"count"}),
    Damage("frame of another's badge", lambda s: s.change_badge_of_frame(2), {"badge", "count"}),
    Damage("wait for the room of no badge", lambda s: s.put("thread.queue_badge", s.waiting[0], BIG), {"badge"}, WORKS),
    Damage("call through no badge", lambda s: s.put("thread.call_badge", s.waiting[0], BIG), {"badge"}, WORKS),
    # queues: sides and hands
    Damage(
        "look that is long due", lambda s: s.put("thread.lookout_ns", s.waiting[0], 1), {"lookout"}, WORKS, passes=True
    ),
    Damage("look in the far future", lambda s: s.put("thread.lookout_ns", s.waiting[0], 1 << 63), set(), WORKS),
    Damage("side of nobody", lambda s: s.put("queue.put_lock", 0, named(16000)), {"side"}, WORKS),
    Damage("side of one who sleeps", lambda s: s.put("queue.take_lock", 0, s.named(s.waiting[0])), {"side"}, WORKS),
    Damage("side of ourselves", lambda s: s.put("queue.put_lock", 0, s.named(s.main)), {"side"}, WORKS),
    Damage("side of a step", lambda s: s.put("queue.take_lock", 0, named(0x3FFF)), {"side"}, WORKS),
    Damage("turn of one who sleeps", lambda s: s.put("queue.turn", 0, s.named(s.waiting[0])), {"turn"}),
    Damage("turn of nobody", lambda s: s.put("queue.turn", 0, named(16000)), {"turn"}),
    Damage("queue emptied by nobody", lambda s: s.put("header.queue_busy", 0, 1), {"step"}, WORKS),
    Damage("hand on no queue", lambda s: s.put("thread.hands", s.waiting[0], 9999 << 1), {"hand"}, WORKS),
    Damage("hand with the page of a queue", lambda s: hold_page(s, s.waiting[0], 1), {"pages"}, WORKS),
    # the pool of pages
    Damage("free pages in a circle", free_pages_in_a_circle, {"pages"}),
    Damage("free page far away", lambda s: s.put("header.page_free", 0, BIG), {"free-list", "pages"}, DAMAGED),
    Damage("free page in use", lambda s: s.put("header.page_free", 0, 1), {"pages"}),
    Damage("fewer free pages than there are", lambda s: s.put("header.pages_free", 0, 1), {"pages"}),
    Damage("more free pages than there are", lambda s: s.put("header.pages_free", 0, BIG), {"free-list"}),
    Damage("more pages than fit", lambda s: s.put("header.page_high", 0, BIG), {"bounds"}),
    Damage("pages without memory", lambda s: s.put("header.pages_reserved", 0, 1 << 20), {"bounds"}),
    Damage("links without memory", lambda s: s.put("header.links_reserved", 0, 1 << 20), {"bounds"}),
    Damage("step of nonsense", forge_page_step, {"lock"}, DAMAGED),
    # the lock and the journal
    Damage("lock of nobody", lambda s: s.put("header.lock", 0, named(16000)), {"lock"}, WORKS),
    Damage("lock of ourselves", forge_lock(lambda s: s.main), {"lock"}, WORKS),
    Damage("lock of one who sleeps", forge_lock(lambda s: s.waiting[0]), {"lock"}, WORKS),
    Damage("journal of nonsense", forge_journal, {"journal", "lock"}, DAMAGED),
    Damage("pulse of nothing", lambda s: s.put("header.pulse", 0, BIG), {"pulse"}, WORKS),
    Damage("mark of damage", lambda s: s.put("header.damaged", 0, BIG), {"damaged"}, DAMAGED),
]
