"""How many requests the venue answers: token buckets per address and per profile."""

from typing import ClassVar, Final

from exchange_wrapper.errors import XWrapError
from exchange_wrapper.times import SECOND, UtcNs

__all__ = ["FILLS", "PRIVATE", "PUBLIC", "Limits", "TooManyRequests"]

PUBLIC: Final = (10, 15)
"""Requests a second and burst, per address."""

PRIVATE: Final = (15, 30)
"""Requests a second and burst, per profile."""

FILLS: Final = (10, 20)
"""Requests for fills a second and burst, per profile."""


class TooManyRequests(XWrapError):
    """A caller asks faster than the venue answers."""

    http_status: ClassVar[int] = 429
    retryable: ClassVar[bool] = True


class Limits:
    """Counts requests; takes the time as an argument, so that a still clock never refills."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, str], tuple[int, UtcNs]] = {}

    def public(self, address: str, now: UtcNs) -> None:
        """Count a public request of an address.

        Raises
        ------
        TooManyRequests
            There were too many lately.
        """
        if not self._take("public", address, PUBLIC, now):
            raise TooManyRequests("Public rate limit exceeded")

    def private(self, profile_id: str, now: UtcNs, *, fills: bool = False) -> None:
        """Count a signed request of a profile; one for fills has a budget of its own.

        Raises
        ------
        TooManyRequests
            There were too many lately.
        """
        scope, limit = ("fills", FILLS) if fills else ("private", PRIVATE)
        if not self._take(scope, profile_id, limit, now):
            raise TooManyRequests("Private rate limit exceeded")

    def _take(self, scope: str, name: str, limit: tuple[int, int], now: UtcNs) -> bool:
        rate, burst = limit
        # Counted in 1/SECOND of a token, so that whole nanoseconds refill it exactly.
        tokens, counted = self._buckets.get((scope, name), (burst * SECOND, now))
        tokens = min(burst * SECOND, tokens + max(0, now - counted) * rate)
        granted = tokens >= SECOND
        self._buckets[scope, name] = (tokens - SECOND * granted, max(now, counted))
        return granted
