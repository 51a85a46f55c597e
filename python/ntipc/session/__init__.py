"""Sessions: where objects live, who takes part, and what names mean there.

* ``session``: this process's attachment to a session
* ``places``: which directory belongs to which session
* ``names``: names of objects, and the prefixes that choose a session
* ``peers``: a process as Linux knows it
* ``inspection``: a look at a session from outside
"""

from ntipc.session.inspection import examine, inspect
from ntipc.session.session import Session

__all__ = ["Session", "examine", "inspect"]
