"""What is mapped in a process, as /proc tells: which addresses, and whether they may be read and written."""

from __future__ import annotations

from collections.abc import Iterator


def is_allowed(pid: int, address: int, size: int, right: str) -> bool | None:
    """Say whether all of a range is mapped with a right.

    Args:
        pid: The process.
        address: Where the range begins.
        size: Its length in bytes.
        right: ``"r"`` or ``"w"``.

    Returns:
        ``None`` if /proc does not tell.
    """
    place, end = address, address + size
    try:
        for start, stop, rights in mappings(pid):
            if stop <= place:
                continue
            if start > place or right not in rights:
                return False
            place = stop
            if place >= end:
                return True
    except OSError:
        return None
    return place >= end


def mappings(pid: int) -> Iterator[tuple[int, int, str]]:
    """Give start, end and rights of each mapping, in the order of the addresses.

    Raises:
        OSError: Linux does not tell.
    """
    with open(f"/proc/{pid}/maps", "rb", buffering=1 << 16) as lines:
        for line in lines:
            place, rights, _ = line.split(b" ", 2)
            start, stop = place.split(b"-")
            yield int(start, 16), int(stop, 16), rights.decode()
