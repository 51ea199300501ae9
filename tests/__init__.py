"""Tests; services that they start leave the local token in a folder of the process's own."""

import atexit
import os
import tempfile

_state = tempfile.TemporaryDirectory(prefix="xwrap-state-")
atexit.register(_state.cleanup)
os.environ["XDG_STATE_HOME"] = _state.name
for _name in ("XWRAP_TOKEN", "XWRAP_TOKEN_FILE"):
    os.environ.pop(_name, None)
