"""Shared data: typed fields that all processes with the class have in common.

* ``data``: the class that programs derive from
* ``records``: records with fields, and records within them
* ``declarations``: the annotation ``Shared[...]``, which becomes the attribute
* ``kinds``: what a field may hold, and how it lies in memory; ``arrays``: many of them
* ``layout``: where the fields of a record lie, and how two layouts differ
* ``block``: the memory, made once; ``locks``: locks that tell of a death
"""

from ntipc.shared_data.arrays import SharedArray
from ntipc.shared_data.data import SharedData
from ntipc.shared_data.declarations import Shared
from ntipc.shared_data.records import SharedStruct

__all__ = ["Shared", "SharedArray", "SharedData", "SharedStruct"]
