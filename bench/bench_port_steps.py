"""What a port's server gains that answers a call and receives the next message in one step."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

import ntipc
from bench.bench_calls import QUESTION, Exchange, play
from bench.bench_ports import by_port
from bench.measure import Effort, Trial, interleaved
from bench.partners import PROCESSORS
from bench.rows import Row


@contextmanager
def in_one_step() -> Iterator[Exchange]:
    """A call of a connected client. The last question is lost when the server ends."""
    with ntipc.Port("bench in one step", forks=True) as port, ntipc.PortClient._pair(port) as client:
        held: list[ntipc.PortMessage] = []

        def ask() -> None:
            with suppress(ntipc.ReplyLost):
                client.call(QUESTION)

        def answer() -> None:
            if held:
                held[0] = port.reply_and_receive(held[0], held[0].data)
            else:
                held.append(port.receive())

        yield Exchange(ask, answer)


def rows(effort: Effort) -> Iterator[Row]:
    """All rows of this file."""
    rounds, processors = effort.count(5_000), (PROCESSORS[0], PROCESSORS[0])
    both, one = "reply, then receive", "reply_and_receive"
    trials: dict[str, Trial] = {
        both: partial(play, by_port, rounds, processors),
        one: partial(play, in_one_step, rounds, processors),
    }
    seconds = interleaved(trials, effort.trials)
    yield Row("Port.reply_and_receive: 64 bytes there and back, one core", seconds[one], both, seconds[both], 1.0)
