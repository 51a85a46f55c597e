"""A call in a thread of its own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


def in_thread(call: Callable[[], object]) -> Callable[[], object]:
    """Begin a call in a thread; what is returned waits for its result."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(call)
    pool.shutdown(wait=False)
    return lambda: future.result(20)
