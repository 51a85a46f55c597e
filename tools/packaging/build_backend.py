"""What pip calls to build ntipc: maturin, on a machine that can compile it.

Without cargo, maturin downloads a toolchain of some hundred megabytes, or ends in a traceback if it cannot; an outdated
cargo ends in an error about a manifest. So this looks first, and pip shows in a sentence what is missing. pip imports
this module for each of its calls, so the check is made on import.
"""

import subprocess
import sys
from pathlib import Path

from maturin import build_editable as build_editable
from maturin import build_sdist as build_sdist
from maturin import build_wheel as build_wheel
from maturin import get_requires_for_build_editable as get_requires_for_build_editable
from maturin import get_requires_for_build_sdist as get_requires_for_build_sdist
from maturin import get_requires_for_build_wheel as get_requires_for_build_wheel
from maturin import prepare_metadata_for_build_editable as prepare_metadata_for_build_editable
from maturin import prepare_metadata_for_build_wheel as prepare_metadata_for_build_wheel

CHECK = Path(__file__).resolve().parent.parent / "check_rust"

outcome = subprocess.run(["sh", CHECK], stderr=subprocess.PIPE, text=True)
if outcome.returncode:
    sys.exit(outcome.stderr.rstrip())
