"""Queues: bounded rows of messages between processes, first in, first out.

* ``queue``: both ends at once
* ``ends``: the reading end and the writing end
* ``messages``: a message with what came along, and objects of Python as messages
"""

from ntipc.queues.ends import QueueReader, QueueWriter
from ntipc.queues.messages import QueueMessage
from ntipc.queues.queue import Queue

__all__ = ["Queue", "QueueMessage", "QueueReader", "QueueWriter"]
