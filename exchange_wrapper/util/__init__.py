"""Small tools that know nothing of exchanges."""

from time import time_ns
from typing import Final

from exchange_wrapper.times import SECOND, UtcNs

__all__ = ["utc_now"]

_MICROSECOND: Final = 1_000

_last = 0


def utc_now() -> UtcNs:
    """Read the system's clock; the core never does, so this is what edges pass in.

    Times are whole microseconds, as ISO 8601 texts keep them, and each is later than the one
    before: so the times of what happened tell its order. Only a clock that was set back by more
    than a second is followed back.
    """
    global _last
    now = time_ns() // _MICROSECOND * _MICROSECOND
    if now <= _last < now + SECOND:
        now = _last + _MICROSECOND
    _last = now
    return UtcNs(now)
