r"""Mailslots: one process reads, any number write, and nobody learns whether what was written is ever read.

>>> import ntipc
>>> slot = ntipc.Mailslot("sensors")
>>> client = ntipc.MailslotClient(r"\\.\mailslot\SENSORS")
>>> client.write(b"21.5")
4
>>> slot.read(timeout=10)
b'21.5'

* ``mailslot``: the reading side
* ``client``: the writing side
* ``names``: what both do with their names
"""

from ntipc.mailslots.client import MailslotClient
from ntipc.mailslots.mailslot import Mailslot, MailslotInfo

__all__ = ["Mailslot", "MailslotClient", "MailslotInfo"]
