"""What the workers of a storm do with ports: served, connected to, asked and left, and each side may be killed at it.

Each request is answered, or its caller is told that it is lost; each closing message comes once, and last.
"""

import os

from storm_objects import Actor

import ntipc

ANSWER = b"answer to "
SIZES = (0, 10, 100, 3000, 20_000)
PATIENCE = 0.004
EXPECTED = (
    ntipc.Timeout, ntipc.ObjectNotFound, ntipc.ConnectionRefused, ntipc.PeerGone, ntipc.ReplyMismatch,
)  # fmt: skip
"""What may come of a call when the other side is killed, leaves, gives up, or is not there."""


class Porting(Actor):
    """What a mortal does with them."""

    number: int

    def serve_port(self, i: int) -> None:
        """Make the port and serve it for a while; if somebody else does, be a client."""
        try:
            port = ntipc.Port(f"port {i}", max_message=4096, client_quota=8192)
        except ntipc.ObjectExists:
            self.ask_port(i)
            return
        ended: set[int] = set()
        with port:
            for _ in range(self.dice.randrange(20)):
                try:
                    self.listen(port) if self.dice.randrange(3) == 0 else self.receive_from(port, ended)
                except EXPECTED:
                    pass

    def listen(self, port: ntipc.Port) -> None:
        request = port.listen(PATIENCE)
        roll = self.dice.randrange(8)
        if roll == 0:
            request.refuse(b"no")
        elif roll > 1:  # else it is forgotten
            request.accept(request.data, context=request.data)

    def receive_from(self, port: ntipc.Port, ended: set[int]) -> None:
        message = port.receive(PATIENCE)
        connection = message.connection
        if connection._number in ended:
            self.ledger.complain(f"{message!r} came after the closing message of its connection")
        if message.is_closed:
            ended.add(connection._number)
            if connection.context is None:
                self.ledger.complain(f"the closing message of {connection!r} is not that of the accepted one")
        elif message.is_request:
            self.answer(message)
        elif message.is_datagram:
            connection.send(message.data)

    def answer(self, message: ntipc.PortMessage) -> None:
        roll = self.dice.randrange(8)
        if roll == 0:
            return  # forgotten: lost and told
        if roll == 1:
            message.connection.close()
        if roll == 2:
            said = message.call_back(message.data, PATIENCE)
            if said != message.data[::-1]:
                self.ledger.complain(f"a callback said {said[:40]!r} to {message.data[:40]!r}")
        message.reply(ANSWER + message.data)

    def ask_port(self, i: int) -> None:
        try:
            with ntipc.PortClient(f"port {i}", data=b"%d" % self.number, timeout=2 * PATIENCE) as client:
                if client.data != b"%d" % self.number:
                    self.ledger.complain(f"the welcome to {self.number} was {client.data!r}")
                for _ in range(self.dice.randrange(5)):
                    self.ask_once(client, PATIENCE)
        except EXPECTED:
            pass

    def ask_once(self, client: ntipc.PortClient, timeout: float | None) -> None:
        question = os.urandom(8) + bytes(self.dice.choice(SIZES))
        roll = self.dice.randrange(6)
        if roll == 0:
            client.send(question[:100], timeout=timeout)
            return
        if roll < 3:
            call = client.begin(question, on_callback=lambda data, handles: data[::-1])
            try:
                answer = call.result(timeout)
            except ntipc.Timeout:
                call.withdraw()
                return
        else:
            answer = client.call(question, timeout, on_callback=lambda data, handles: data[::-1])
        if answer != ANSWER + question:
            self.ledger.complain(f"the answer to {question[:40]!r} was {answer!r:.80}")


class WaitingForPorts(Porting):
    """What an immortal does: once connected it asks without a timeout. It is answered, or told of the loss."""

    def ask_port_for_ever(self, i: int) -> None:
        try:
            with ntipc.PortClient(f"port {i}", data=b"%d" % self.number, timeout=2 * PATIENCE) as client:
                for _ in range(3):
                    self.ask_once(client, None)
        except EXPECTED:
            pass
