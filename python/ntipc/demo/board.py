"""The named objects by which coordinator and workers find each other. They share nothing else."""

from contextlib import ExitStack
from types import TracebackType
from typing import Self

import ntipc

CORPUS = "corpus"
INDEX = "index"


class Board:
    """Everything that is waited for, made by the process that comes first."""

    def __init__(self, session: ntipc.Session) -> None:
        with ExitStack() as closing:
            add = closing.callback
            self.ready = ntipc.Semaphore("ready", initial=0, session=session)
            add(self.ready.close)
            self.go = ntipc.Event("go", manual_reset=True, session=session)
            add(self.go.close)
            self.todo = ntipc.Semaphore("files to do", initial=0, session=session)
            add(self.todo.close)
            self.turn = ntipc.Mutex("index mutex", session=session)
            add(self.turn.close)
            self.inside = ntipc.Event("somebody to kill", session=session)
            add(self.inside.close)
            self.finished = ntipc.Event("finished", manual_reset=True, session=session)
            add(self.finished.close)
            self.stop = ntipc.Event("stop", manual_reset=True, session=session)
            add(self.stop.close)
            # The coordinator owns this one as long as it lives: a worker that gets it knows that it is gone.
            self.coordinator = ntipc.Mutex("coordinator", session=session)
            add(self.coordinator.close)
            self._closing = closing.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()
