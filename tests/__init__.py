"""Tests; services that they start leave the local token in a folder of the process's own.

They test the sources: the compiled core is left out unless ``CRYPTICK_PURE=0`` says otherwise.

Properties are tried on the same examples at every run, so that a run says something of the change
that was made; ``HYPOTHESIS_PROFILE=explore`` tries new ones, and more of them.
"""

import atexit
import os
import tempfile

from hypothesis import settings

settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("explore", max_examples=1000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

os.environ.setdefault("CRYPTICK_PURE", "1")

_state = tempfile.TemporaryDirectory(prefix="xwrap-state-")
atexit.register(_state.cleanup)
os.environ["XDG_STATE_HOME"] = _state.name
for _name in ("XWRAP_TOKEN", "XWRAP_TOKEN_FILE"):
    os.environ.pop(_name, None)
