"""The debug log of Windows (OutputDebugString): any process writes lines without waiting, every reader sees them.

* ``writing``: a line into the log
* ``handler``: the log as a destination of ``logging``
* ``reader``: lines out of the log

>>> import ntipc
>>> with ntipc.debuglog.Reader() as reader:
...     ntipc.output_debug_string("disk is full")
...     reader.read(timeout=5).text
'disk is full'
"""

from ntipc.debuglog.handler import Handler
from ntipc.debuglog.reader import LONGEST_LINE, Reader, Record
from ntipc.debuglog.writing import is_wanted, output_debug_string

__all__ = ["LONGEST_LINE", "Handler", "Reader", "Record", "is_wanted", "output_debug_string"]
