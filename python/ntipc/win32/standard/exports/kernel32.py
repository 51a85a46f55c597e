"""``kernel32``: objects, waits, sections, files, pipes, processes and memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ntipc.win32.standard.exports import (
    kernel32_apcs,
    kernel32_errors,
    kernel32_files,
    kernel32_jobs,
    kernel32_memory,
    kernel32_pool,
    kernel32_processes,
    kernel32_sections,
    kernel32_synchronization,
    kernel32_system,
)
from ntipc.win32.standard.exports.words import Export

EXPORTS: Final[Mapping[str, Export]] = {
    **kernel32_errors.EXPORTS,
    **kernel32_synchronization.EXPORTS,
    **kernel32_sections.EXPORTS,
    **kernel32_files.EXPORTS,
    **kernel32_memory.EXPORTS,
    **kernel32_apcs.EXPORTS,
    **kernel32_jobs.EXPORTS,
    **kernel32_pool.EXPORTS,
    **kernel32_system.EXPORTS,
    **kernel32_processes.EXPORTS,
}
