"""How long to look: a little and always the same in CI, thoroughly and at random with NTIPC_PROPERTY=thorough."""

import os

from hypothesis import HealthCheck, Phase, settings

THOROUGH = os.environ.get("NTIPC_PROPERTY") == "thorough"
FACTOR = int(os.environ.get("NTIPC_PROPERTY_FACTOR", "20"))
SECONDS = 7200 if THOROUGH else 180
"""For the watchdog of a test."""


def profile(examples: int, steps: int, *, thorough: int | None = None) -> settings:
    """So many examples of so many steps each; in a thorough search ``FACTOR`` times ``thorough``, or ``examples``."""
    return settings(
        max_examples=(thorough or examples) * FACTOR if THOROUGH else examples,
        stateful_step_count=steps,
        derandomize=not THOROUGH,
        database=None,
        deadline=None,
        print_blob=True,
        # Making a failure smaller takes longer than the watchdog waits.
        phases=[Phase.generate, Phase.shrink] if THOROUGH else [Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
