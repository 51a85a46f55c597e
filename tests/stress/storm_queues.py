"""What the workers of a storm do with queues, and the accounts of it."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

from storm_frames import BEGUN, FRAMES, PUT, UNNOTED, Register, build, read
from storm_ledger import END_MAIL, MAYBE_LOST, OBJECTS, PID, STAY, TAKING, Ledger
from storm_objects import Actor, Interruption, Objects, address

import ntipc

LENGTHS = (0, 20, 100, 100, 600, 2000, 2100, 5000, 30_000, 150_000)
SMALL = 100
BROKEN = 0xC00000B0
READS, WRITES = 1, 2
"""Which end of a queue a handle in the mail is."""


class Postman:
    """A worker's numbers and what it has seen of the others'."""

    def __init__(self, number: int, ledger: Ledger, register: Register, incarnation: int) -> None:
        self.number, self.ledger, self.register = number, ledger, register
        self.next, self.end = incarnation * FRAMES, (incarnation + 1) * FRAMES
        self.seen: dict[tuple[int, int], int] = {}

    def frame(self, queue: int, length: int) -> tuple[int, list[bytes]]:
        number = self.next if self.next < self.end else UNNOTED
        self.next += number != UNNOTED
        return number, build(number, queue, length)

    def put(self, writer: Any, queue: int, length: int, timeout: float | None) -> bool:
        """Put a frame into shared queue ``queue``, or (-1) into one of few."""
        number, pieces = self.frame(queue & 0xFFFF, length)
        self.register.note_put(number, BEGUN)
        try:
            writer.put(pieces, timeout)
        except ntipc.Timeout:
            self.register.note_put(number, 0)
            return False
        self.register.note_put(number, PUT)
        return True

    def take(self, reader: Any, queue: int, timeout: float | None) -> bool:
        """Take a frame, and look whether it is the right one."""
        before = self.ledger.get(self.number, TAKING)
        self.ledger.put(self.number, TAKING, 1)
        try:
            self.took(reader.get(timeout), queue)
        except ntipc.Timeout:
            return False
        finally:
            self.ledger.put(self.number, TAKING, before)
        return True

    def took(self, data: bytes, queue: int) -> None:
        told = read(data)
        if isinstance(told, str):
            self.ledger.complain(f"queue {queue}: {told}")
            return
        if told.number == UNNOTED:
            return
        if problem := self.register.note_taken(told.number):
            self.ledger.complain(f"queue {queue}: {problem}")
        if told.queue != queue & 0xFFFF:
            self.ledger.complain(f"queue {queue}: frame {told.number:x} was put into queue {told.queue}")
        key = queue, told.number // FRAMES
        if self.seen.get(key, -1) >= told.number:
            self.ledger.complain(f"queue {queue}: frame {told.number:x} came after {self.seen[key]:x}")
        self.seen[key] = told.number


class Queueing(Actor):
    """What a mortal does with queues."""

    number: int
    postman: Postman

    def patience(self) -> float | None:
        raise NotImplementedError

    def put_frame(self, i: int) -> None:
        self.postman.put(self.objects.queues[i].writer, i, self.dice.choice(LENGTHS), self.patience())

    def put_small(self, i: int) -> None:
        for _ in range(self.dice.randrange(8)):
            self.postman.put(self.objects.queues[i].writer, i, SMALL, 0)

    def take_frame(self, i: int) -> None:
        self.postman.take(self.objects.queues[i], i, self.patience())

    def take_all(self, i: int) -> None:
        while self.postman.take(self.objects.queues[i], i, 0):
            pass

    def look_into(self, i: int) -> None:
        """Looks change nothing: a peek, a buffer that is too small, numbers."""
        queue = self.objects.queues[i]
        queue.info()
        queue._peek(64)
        self.ledger.put(self.number, TAKING, 1)
        try:
            buffer = bytearray(20)
            self.postman.took(bytes(buffer[: queue.get_into(buffer, 0)]), i)
        except (ntipc.BufferTooSmall, ntipc.Timeout):
            pass
        self.ledger.put(self.number, TAKING, 0)

    def wait_for_queues(self, i: int) -> None:
        """One wait for frames, for room and for other things."""
        j = (i + 1) % OBJECTS
        queues = self.objects.queues
        taken = ntipc.wait_any([queues[i], queues[j].writer, self.objects.events[i], queues[j]], self.patience())
        if taken and taken.index in (0, 3):
            self.postman.take(queues[j if taken.index else i], j if taken.index else i, 0)
        elif taken and taken.index == 1:
            self.postman.put(queues[j].writer, j, SMALL, 0)

    def own_queue(self, i: int) -> None:
        """A queue that nobody else can reach: what happens to it is certain."""
        reader, writer = ntipc.Queue(f"own {os.getpid()}" if i else None, quota=300_000).split()
        there: list[bytes] = []
        for _ in range(self.dice.choice([0, 0, 40])):
            writer.put(b"")
            there.append(b"")
        for _ in range(self.dice.randrange(30)):
            if self.dice.randrange(3):
                data = bytes([self.dice.randrange(256)]) * self.dice.choice(LENGTHS)
                try:
                    writer.put(data, 0)
                    there.append(data)
                except ntipc.Timeout:
                    if sum(map(len, there)) + len(data) <= 300_000:
                        self.ledger.complain(f"no room for {len(data)} bytes beside {len(there)} frames")
            elif there:
                limit = self.dice.choice([1, 2500, 200_000])
                taken = reader._take(limit, 0)
                expected = there.pop(0)
                rest = max(0, len(expected) - limit)
                if taken is None or (taken.data, taken.left) != (expected[:limit], rest):
                    self.ledger.complain("a queue of one's own does not hold what was put into it")
                elif taken.left:
                    there.insert(0, expected[limit:])
        roll = self.dice.randrange(3)
        if roll == 0:
            writer.close()
            if [data for data in reader if data] != [data for data in there if data]:
                self.ledger.complain("a queue whose writer is gone does not hold what was put into it")
        elif roll == 1:
            reader.close()
            try:
                writer.put(b"x", 0)
                self.ledger.complain("a frame was put though nobody can read it")
            except ntipc.PeerGone:
                pass
        else:
            writer._break_queue(BROKEN)
            try:
                reader.get(0)
                self.ledger.complain("a frame came out of a broken queue")
            except ntipc.NtError:
                pass
        reader.close()
        writer.close()

    def common_queue(self, i: int) -> None:
        """Made, opened, used and closed by many at once: its name comes and goes."""
        try:
            with ntipc.Queue(f"common {i}", quota=1000) as queue:
                queue.put(bytes(self.dice.choice(LENGTHS)), self.dice.random() * 0.001)
                queue.get(self.dice.random() * 0.001)
        except (ntipc.Timeout, ntipc.EndOfStream, ntipc.PeerGone):
            pass

    def interrupted_put(self, i: int) -> None:
        """A put that a signal handler interrupts, which puts and takes itself, and perhaps raises."""
        if threading.current_thread() is not threading.main_thread():
            return
        raises = self.dice.randrange(2)
        other = (i + 1) % OBJECTS

        def handle(number: int, frame: FrameType | None) -> None:
            self.postman.put(self.objects.queues[other].writer, other, 3000, 0)
            self.postman.take(self.objects.queues[other], other, 0)
            if raises:
                raise Interruption

        signal.signal(signal.SIGALRM, handle)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.0001 + self.dice.random() * 0.0005)
            self.postman.put(self.objects.queues[i].writer, i, 30_000, 0.002)
            self.postman.take(self.objects.queues[i], i, 0.002)
            time.sleep(0.001)
        except Interruption:  # perhaps just when a frame was taken
            self.ledger.put(self.number, MAYBE_LOST, self.ledger.get(self.number, MAYBE_LOST) + 1)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def take_end(self, i: int) -> None:
        """Use, for a while, the only other end of a queue of somebody who waits for ever."""
        mail = self.ledger.get(self.number, END_MAIL)
        if not mail:
            return
        self.ledger.put(self.number, END_MAIL, 0)
        kind = ntipc.QueueReader if mail & READS else ntipc.QueueWriter
        handle = mail & ~(READS | WRITES) ^ address(os.getpid(), self.ledger.get(self.number, STAY))
        if handle >= 1 << 24:
            return  # it was for another time
        with kind.from_handle(handle) as end:
            for _ in range(self.dice.randrange(12)):
                try:
                    if isinstance(end, ntipc.QueueReader):
                        end.get(0.001)
                    else:
                        self.postman.put(end, 0xFFFF, self.dice.choice(LENGTHS), 0.001)
                except (ntipc.Timeout, ntipc.PeerGone):
                    pass


class WaitingAtQueues(Queueing):
    """What an immortal does: it waits without a timeout."""

    def take_for_ever(self, i: int) -> None:
        self.postman.take(self.objects.queues[i], i, None)

    def put_for_ever(self, i: int) -> None:
        self.postman.put(self.objects.queues[i].writer, i, self.dice.choice(LENGTHS), None)

    def any_of_queues(self, i: int) -> None:
        queues = self.objects.queues
        taken = ntipc.wait_any([queues[i], queues[(i + 1) % OBJECTS]])
        if taken is None:
            self.ledger.complain("a wait without a timeout has timed out")
        else:
            j = (i + taken.index) % OBJECTS
            self.postman.take(queues[j], j, 0)

    def give_end(self, end: Any, kind: int) -> None:
        """To a mortal, which uses it or does not; in the end it dies."""
        if self.dice.randrange(2):
            self.objects.parcels.put(b"", handles=[end], move=True, tag=1)
            return
        other = self.dice.randrange(self.ledger.mortals)
        pid, stay = self.ledger.get(other, PID), self.ledger.get(other, STAY)
        if pid and not stay % 2:
            try:
                handle = end.duplicate(pid)
            except ntipc.InvalidParameter:
                handle = None  # it takes no part yet, or any more
            if isinstance(handle, int) and not self.ledger.get(other, END_MAIL):
                self.ledger.put(other, END_MAIL, kind | address(pid, stay) | handle)
        end.close()

    def read_to_the_end(self, i: int) -> None:
        """A stream of one who dies: whole frames in order, then its end."""
        reader, writer = ntipc.Queue(quota=5000).split()
        self.give_end(writer, WRITES)
        with reader:
            try:
                while True:
                    self.postman.take(reader, 0xFFFF, None)
            except ntipc.EndOfStream:
                pass

    def write_to_the_end(self, i: int) -> None:
        """To one who stops reading: in the end it is told."""
        reader, writer = ntipc.Queue(quota=5000).split()
        self.give_end(reader, READS)
        with writer:
            try:
                while True:
                    writer.put(bytes(self.dice.choice(LENGTHS)))
            except ntipc.PeerGone:
                pass


def drain(objects: Objects) -> list[list[int]]:
    """Take all that is in the shared queues: the numbers of the frames, queue by queue."""
    told = [[read(data) for data in taken_from(queue)] for queue in objects.queues]
    return [[frame.number for frame in frames if not isinstance(frame, str)] for frames in told]


def taken_from(queue: ntipc.Queue) -> Iterator[bytes]:
    try:
        while True:
            yield queue.get(0)
    except ntipc.Timeout:
        return
