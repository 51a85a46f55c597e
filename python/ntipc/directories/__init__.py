r"""Directories and symbolic links of the object namespace, and the way from a path to an object.

The paths are NT's: ``\Company\ready`` is the object ``ready`` in the directory ``\Company``. What lies in
``\BaseNamedObjects`` is what the rest of the library names without a path.
"""

from ntipc.directories.directory import Directory, Entry, SymbolicLink
from ntipc.directories.paths import BASE, Spot, find_spot

__all__ = ["BASE", "Directory", "Entry", "Spot", "SymbolicLink", "find_spot"]
