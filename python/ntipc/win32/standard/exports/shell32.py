"""``shell32``: whether the user is an administrator."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from ntipc.win32.standard.exports.tables import own
from ntipc.win32.standard.exports.words import Export

EXPORTS: Final[Mapping[str, Export]] = {"IsUserAnAdmin": own(lambda: int(os.geteuid() == 0), 0)}
