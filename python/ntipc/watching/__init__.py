"""Debug and exception ports of a process: see :mod:`ntipc.watching.watched` and :mod:`ntipc.watching.watcher`."""

from ntipc.watching.events import WatchEvent
from ntipc.watching.watched import Watched, watch
from ntipc.watching.watcher import Watcher

__all__ = ["WatchEvent", "Watched", "Watcher", "watch"]
