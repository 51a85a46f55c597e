"""What the workers of a storm do with pipes and mailslots: made, found by name, used and left by many at once."""

import os

from storm_objects import Actor

import ntipc

MOST = 3
"""Instances of a pipe."""
SIZES = (0, 10, 100, 3000, 70_000)
PATIENCE = 0.003
EXPECTED = (
    ntipc.Timeout, ntipc.PipeBusy, ntipc.ObjectNotFound, ntipc.EndOfStream, ntipc.PeerGone, ntipc.MailslotFull,
)  # fmt: skip
"""What may come of a call when the other side is killed, leaves, or is not there."""


class Piping(Actor):
    """What a mortal does with them."""

    number: int

    def serve_pipe(self, i: int) -> None:
        """Answer a client's messages with themselves, and perhaps another's after it."""
        try:
            server = ntipc.PipeServer(f"pipe {i}", max_instances=MOST, in_quota=4096, out_quota=4096)
            with server, server.accept(PATIENCE) as pipe:
                self.echo(pipe)
                if self.dice.randrange(2):
                    pipe.disconnect()
                    pipe.connect(PATIENCE)
                    self.echo(pipe)
        except EXPECTED:
            pass

    def echo(self, pipe: ntipc.Pipe) -> None:
        try:
            while True:
                pipe.send(pipe.recv(PATIENCE), PATIENCE)
        except (ntipc.EndOfStream, ntipc.PeerGone):
            pass

    def ask_pipe(self, i: int) -> None:
        try:
            with ntipc.PipeClient(f"pipe {i}", timeout=PATIENCE) as client:
                for _ in range(self.dice.randrange(4)):
                    question = os.urandom(8) + bytes(self.dice.choice(SIZES))
                    client.send(question, PATIENCE)
                    if (answer := client.recv(PATIENCE)) != question:
                        self.ledger.complain(f"pipe {i}: {len(answer)} bytes came back of {len(question)}")
        except EXPECTED:
            pass

    def own_pipe(self, i: int) -> None:
        """A pipe that nobody else can reach: what happens to it is certain."""
        name = f"own pipe {os.getpid()}"
        with ntipc.PipeServer(name) as server, ntipc.PipeClient(name) as client, server.accept() as pipe:
            client.send(b"question")
            if pipe.recv() != b"question":
                self.ledger.complain("a pipe of one's own does not hold what was put into it")
            pipe.send(bytes(3000))
            pipe.disconnect()
            try:
                client.recv(0)
                self.ledger.complain("a message came out of a pipe that was disconnected")
            except ntipc.NtError:
                pass

    def mailslot(self, i: int) -> None:
        """The worker that makes it reads; the others write."""
        try:
            with ntipc.Mailslot(f"slot {i}", quota=1000) as slot:
                for _ in range(self.dice.randrange(6)):
                    data = slot.read(PATIENCE)
                    if data[1:] != data[:1] * (len(data) - 1):
                        self.ledger.complain(f"mailslot {i}: {data!r}")
        except ntipc.ObjectExists:
            self.write_mailslot(i)
        except ntipc.Timeout:
            pass

    def write_mailslot(self, i: int) -> None:
        try:
            with ntipc.MailslotClient(f"slot {i}") as client:
                for _ in range(self.dice.randrange(6)):
                    client.write(bytes([self.dice.randrange(256)]) * self.dice.randrange(1, 400))
        except EXPECTED:
            pass
