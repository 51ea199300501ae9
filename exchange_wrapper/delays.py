"""How late a venue's trades reach us, by its clock and ours."""

from collections import deque
from typing import Final

from exchange_wrapper.times import SECOND

__all__ = ["TradeDelays"]

_KEPT: Final = 100


class TradeDelays:
    """The delays of the newest trades.

    Two clocks and one way don't tell a slow line from a clock that is ahead; only a trade that
    arrives before it happened is proof that ours is behind.
    """

    def __init__(self) -> None:
        self._delays_ns: deque[int] = deque(maxlen=_KEPT)

    def add(self, delay_ns: int) -> None:
        """Count a trade that was received ``delay_ns`` after the venue's time of it."""
        self._delays_ns.append(delay_ns)

    def to_dict(self) -> dict[str, float | None]:
        """Return the median as ``latency_s`` and ``clock_skew_s``, 0 or below; None if unknown."""
        if not self._delays_ns:
            return {"latency_s": None, "clock_skew_s": None}
        ordered = sorted(self._delays_ns)
        return {
            "latency_s": ordered[len(ordered) // 2] / SECOND,
            "clock_skew_s": min(0, ordered[0]) / SECOND,
        }
