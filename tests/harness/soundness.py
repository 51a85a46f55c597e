"""Whether a session's memory is as it should be when nobody is in the middle of anything."""

import ntipc


def assert_sound(path: str) -> None:
    """Every invariant holds, as ``ntipc doctor`` checks them; only what lasts for a second counts."""
    report = ntipc.examine(path)
    assert report["locked"] and not report["findings"], report
