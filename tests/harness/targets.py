"""What children started by multiprocessing do; they import these by name."""

import pickle
from multiprocessing.connection import Connection
from typing import Any

import ntipc


def use(thing: Any, connection: Connection) -> None:
    """Do to the object what its kind allows, and say who it is."""
    if isinstance(thing, ntipc.Event):
        thing.set()
    elif isinstance(thing, ntipc.Semaphore):
        thing.release(2)
    elif isinstance(thing, ntipc.Mutex):
        thing.acquire()
        thing.release()
    elif isinstance(thing, ntipc.Timer):
        thing.set(0)
    elif isinstance(thing, ntipc.EventPair):
        thing.set_high()
    elif isinstance(thing, ntipc.Queue):
        thing.put(b"used")
    else:
        with thing.map() as view, memoryview(view) as memory:
            memory[0] = 77
    connection.send((type(thing).__name__, thing.identity, thing.name))
    connection.close()


def was_used(thing: Any) -> bool:
    """Whether :func:`use` has been at the object."""
    if isinstance(thing, ntipc.Mutex):
        return bool(thing.acquire(timeout=10))
    if isinstance(thing, ntipc.Semaphore):
        return thing.count == 3
    if isinstance(thing, ntipc.EventPair):
        return thing.wait_high(0)
    if isinstance(thing, ntipc.Queue):
        return thing.get(timeout=10) == b"used"
    if isinstance(thing, ntipc.Section):
        return bytes(thing.map())[0] == 77
    return bool(thing.wait(0))


def receive(connection: Connection) -> None:
    """Take objects from a pipe one by one, set each event, and answer."""
    while (event := connection.recv()) is not None:
        event.set()
        connection.send(event.identity)
        event.close()


def set_all(events: list[ntipc.Event]) -> list[tuple[int, int]]:
    for event in events:
        event.set()
    return [event.identity for event in events]


def hand_back(data: bytes) -> bytes:
    """Unpickle an object and pickle it again."""
    return pickle.dumps(pickle.loads(data))


def own_and_wait(mutex: ntipc.Mutex, ready: ntipc.Event) -> None:
    """Take the mutex and stay until killed."""
    mutex.acquire()
    ready.set()
    ntipc.Event().wait()


def leave_everything_open(name: str) -> None:
    """Return with objects, views and a mutex still held."""
    keep.extend([ntipc.Event(name), ntipc.Section(size=100).map(), ntipc.Mutex(name + " mutex", initial_owner=True)])


keep: list[Any] = []
