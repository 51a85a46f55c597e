"""Dispatcher objects, and the waits for them: events, semaphores, mutexes, timers and event pairs.

>>> import ntipc
>>> ntipc.Event(initial=True).wait()
True
"""

from ntipc.sync.event_pairs import EventPair
from ntipc.sync.events import Event
from ntipc.sync.mutexes import Mutex
from ntipc.sync.semaphores import Semaphore
from ntipc.sync.timers import Timer
from ntipc.sync.waits import AllSignaled, Signaled, signal_and_wait, wait_all, wait_any

__all__ = [
    "AllSignaled",
    "Event",
    "EventPair",
    "Mutex",
    "Semaphore",
    "Signaled",
    "Timer",
    "signal_and_wait",
    "wait_all",
    "wait_any",
]
