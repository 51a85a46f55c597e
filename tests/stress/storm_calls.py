"""What the workers of a storm do with handles in messages, and with calls."""

import os
from typing import Any

from storm_objects import Actor, Objects

import ntipc

ANSWER = b"answer to "


class Calling(Actor):
    """What a mortal does with them."""

    number: int

    def patience(self) -> float | None:
        raise NotImplementedError

    def send_handles(self, i: int) -> None:
        """Copies of handles, for the worker that takes them."""
        things = [self.objects.events[i], self.objects.flags[i], self.objects.queues[i].writer]
        try:
            self.objects.parcels.put(bytes(self.dice.choice([0, 3000])), self.patience(), handles=things)
        except ntipc.Timeout:
            pass

    def receive_handles(self, i: int) -> None:
        try:
            message = self.objects.parcels.receive(self.patience())
        except ntipc.Timeout:
            return
        self.use(message)

    def use(self, message: ntipc.QueueMessage) -> None:
        for thing in message.objects:
            with thing:
                if isinstance(thing, ntipc.Event):
                    thing.set()
                elif message.tag:  # the only end of somebody's queue
                    self.use_end(thing)

    def use_end(self, end: Any) -> None:
        for _ in range(self.dice.randrange(12)):
            try:
                if isinstance(end, ntipc.QueueReader):
                    end.get(0.001)
                else:
                    end.put(b"", 0.001)
            except (ntipc.Timeout, ntipc.PeerGone):
                pass

    def own_handles(self, i: int) -> None:
        """Handles that nobody else can reach: each is in one place."""
        event = ntipc.Event()
        reader, writer = ntipc.Queue().split()
        writer.put(b"copies", handles=[event, event])
        writer.put(b"moved", handles=[event.duplicate()], move=True)
        if event.info()["handles"] != 4:
            self.ledger.complain(f"{event.info()['handles']} handles instead of 4 while three are in messages")
        if self.dice.randrange(2):
            first = reader.receive().objects
            if len(first) != 2 or event.info()["handles"] != 4:
                self.ledger.complain(f"{event.info()['handles']} handles instead of 4 when two of three were received")
            for twin in first:
                twin.close()
        reader.close()
        if event.info()["handles"] != 1:
            self.ledger.complain(f"{event.info()['handles']} handles instead of 1 when their queue is gone")
        writer.close()
        event.close()

    def unreachable(self, i: int) -> None:
        """Two queues that only each other's messages lead to."""
        one, to_one = ntipc.Queue().split()
        other, to_other = ntipc.Queue().split()
        to_one.put(b"", handles=[other, self.objects.events[i]])
        to_other.put(b"", handles=[one])
        for end in one, other, to_one, to_other:
            end.close()

    def call(self, i: int) -> None:
        self.ask(self.patience())

    def ask(self, timeout: float | None) -> None:
        question = f"{self.number} {os.getpid()} {self.dice.randrange(1 << 30)}".encode()
        try:
            answer = self.objects.requests.writer.call(question, timeout).data
        except (ntipc.Timeout, ntipc.ReplyLost):
            return
        if answer != ANSWER + question:
            self.ledger.complain(f"the answer to {question!r} was {answer!r}")

    def serve(self, i: int) -> None:
        """Answer some requests."""
        for _ in range(self.dice.randrange(6)):
            try:
                request = self.objects.requests.receive(self.patience())
                if request.is_request:
                    request.reply(ANSWER + request.data)
            except (ntipc.Timeout, ntipc.ReplyMismatch):
                pass


class WaitingForAnswers(Calling):
    """What an immortal does: it calls without a timeout."""

    def call_for_ever(self, i: int) -> None:
        self.ask(None)


def serve_all(objects: Objects) -> None:
    """Answer every request, and give up every parcel: nobody must be kept waiting when the storm ends."""
    try:
        while True:
            request = objects.requests.receive(0)
            if request.is_request:
                request.reply(ANSWER + request.data)
    except (ntipc.Timeout, ntipc.ReplyMismatch):
        pass
    try:
        while True:
            for thing in objects.parcels.receive(0).objects:
                thing.close()
    except ntipc.Timeout:
        pass
