"""Two clients of examples/rpc_service.py: one waits for each call, the other one awaits many at once.

Without a service of that name it starts one of its own for the while.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Protocol

from rpc_service import NAME, AlreadyLent, Book, Library

import ntipc
from ntipc import rpc


class AwaitedLibrary(Protocol):
    """The same service, for a program with a loop."""

    async def lend(self, title: str, to: str) -> Book: ...
    async def give_back(self, title: str) -> None: ...
    def titles(self) -> AsyncIterator[str]: ...


def wait_for_each() -> None:
    with rpc.connected(NAME, Library, timeout=10, call_timeout=10) as library:
        library.watch(lambda news: print("news:", news))
        print("lent:", library.lend("Dune", "ann"))
        try:
            library.lend("Dune", "bob")
        except AlreadyLent as error:
            print("refused:", error, "- ask", error.to)
        library.give_back("Dune")


async def await_many() -> None:
    library = rpc.connect(NAME, AwaitedLibrary, timeout=10)
    titles = [title async for title in library.titles()]
    books = await asyncio.gather(*(library.lend(title, "carol") for title in titles))
    print("lent at once:", ", ".join(book.title for book in books))
    await asyncio.gather(*(library.give_back(title) for title in titles))
    rpc.close(library)


def main() -> None:
    with contextlib.ExitStack() as stack:
        if NAME not in [service.name for service in rpc.services()]:
            stack.enter_context(rpc.Server(NAME, Library(), version="1"))
        wait_for_each()
        asyncio.run(await_many())


if __name__ == "__main__":
    with ntipc.Session():
        main()
