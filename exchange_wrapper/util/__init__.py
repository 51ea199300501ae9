"""Small tools that know nothing of exchanges."""

import time

from exchange_wrapper.times import UtcNs

__all__ = ["utc_now"]


def utc_now() -> UtcNs:
    """Read the system's clock; the core never does, so this is what edges pass in."""
    return UtcNs(time.time_ns())
