"""How long logins are refused after repeated failures; does no I/O."""

import ipaddress
from dataclasses import dataclass
from typing import Final

from exchange_wrapper.times import SECOND, UtcNs

__all__ = ["ADDRESS_RULE", "FORGET_S", "USER_RULE", "Failures", "LockRule", "address_key"]

FORGET_S: Final = 24 * 3600  # failures older than this no longer count


@dataclass(frozen=True)
class Failures:
    """How many logins in a row failed, and when the last one did."""

    count: int
    last_at: UtcNs

    def another(self, now: UtcNs) -> "Failures":
        """Return the failures after one more."""
        forgotten = now - self.last_at >= FORGET_S * SECOND
        return Failures(1 if forgotten else self.count + 1, now)


@dataclass(frozen=True)
class LockRule:
    """Refuse for ``first_s`` after ``free`` failures, twice as long after each further one.

    Attributes
    ----------
    cap_s : int
        Longest lock: somebody else's guesses must not keep the owner out for long.
    """

    free: int
    first_s: int = 2
    cap_s: int = 15 * 60

    def wait_s(self, failures: Failures, now: UtcNs) -> int:
        """Return for how many seconds logins are still refused, rounded up; 0 if they are not."""
        excess = failures.count - self.free
        if excess < 0:
            return 0
        # A shift by a large count would build a huge integer for nothing.
        lock_s = min(self.cap_s, self.first_s << min(excess, 32))
        return max(0, -((now - failures.last_at - lock_s * SECOND) // SECOND))


USER_RULE: Final = LockRule(free=5)
ADDRESS_RULE: Final = LockRule(free=20)  # several people may share one


def address_key(address: str) -> str:
    """Return what stands for the owner of an address: of IPv6 they have the whole /64."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((parsed, 64), strict=False))
