"""Sections: memory that processes share, and views of it.

* ``section``: sections and their views
* ``files``: the file behind a section
"""

from ntipc.sections.section import Section, View

__all__ = ["Section", "View"]
