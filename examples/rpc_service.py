"""A service with three kinds of clients: synchronous, asynchronous, and a shell.

    $ python examples/rpc_service.py                 # serves until Ctrl-C
    $ python examples/rpc_clients.py                 # in another terminal: both kinds of clients
    $ sh examples/rpc_client.sh                      # the third kind

`python examples/rpc_service.py --demo` does what the clients do, by itself.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Lock

from ntipc import rpc

NAME = "library"


class AlreadyLent(Exception):
    """Somebody has the book. It arrives as itself, for it is in the interface's module."""

    def __init__(self, title: str, to: str) -> None:
        super().__init__(f"{title!r} is lent to {to}")
        self.to = to


@dataclass
class Book:
    title: str
    year: int
    lent_to: str | None = None


class Library:
    """Lends books."""

    def __init__(self) -> None:
        books = Book("Dune", 1965), Book("Emma", 1815), Book("Ulysses", 1922)
        self._books = {book.title: book for book in books}
        self._lock = Lock()
        self._listeners: list[Callable[[str], None]] = []

    def lend(self, title: str, to: str) -> Book:
        """Lend a book; KeyError if there is none, AlreadyLent if somebody has it."""
        with self._lock:
            book = self._books[title]
            if book.lent_to is not None:
                raise AlreadyLent(title, book.lent_to)
            book.lent_to = to
            listeners = list(self._listeners)
        for listener in listeners:
            try:
                listener(f"{to} has {title!r}")
            except ConnectionError:  # that client has gone
                with self._lock:
                    self._listeners.remove(listener)
        return book

    def give_back(self, title: str) -> None:
        """Take a book back."""
        with self._lock:
            self._books[title].lent_to = None

    def titles(self) -> Iterator[str]:
        """All titles, one after the other."""
        yield from sorted(self._books)

    def watch(self, listener: Callable[[str], None]) -> None:
        """Call a function of the client whenever a book is lent."""
        with self._lock:
            self._listeners.append(listener)


def main() -> None:
    if "--demo" in sys.argv:
        import rpc_clients

        rpc_clients.main()
        return
    try:
        rpc.serve(NAME, Library(), version="1")
    except KeyboardInterrupt:
        print("closed")


if __name__ == "__main__":
    main()
