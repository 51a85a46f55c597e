"""Jobs of processes that end together, as pywin32's ``win32job`` has them."""

from __future__ import annotations

from ntipc.win32.binding import tables
from ntipc.win32.binding.failures import error as error
from ntipc.win32.binding.jobs import AssignProcessToJobObject as AssignProcessToJobObject
from ntipc.win32.binding.jobs import CreateJobObject as CreateJobObject
from ntipc.win32.binding.jobs import IsProcessInJob as IsProcessInJob
from ntipc.win32.binding.jobs import QueryInformationJobObject as QueryInformationJobObject
from ntipc.win32.binding.jobs import SetInformationJobObject as SetInformationJobObject
from ntipc.win32.binding.jobs import TerminateJobObject as TerminateJobObject

__getattr__ = tables.lookup(__name__)
