"""Points in time as the core sees them: whole nanoseconds since 1970-01-01, UTC.

An integer compares and adds exactly and cheaply where a strategy sees a million events; the edges
turn it into ISO 8601 text or an aware ``datetime``. Nothing here reads a clock.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, NewType

from exchange_wrapper.errors import ApiUsageError

__all__ = ["MILLISECOND", "SECOND", "UtcNs", "from_datetime", "from_iso", "to_datetime", "to_iso"]

UtcNs = NewType("UtcNs", int)

MILLISECOND: Final = 1_000_000
SECOND: Final = 1_000_000_000

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST: Final = -(1 << 63)
_LAST: Final = (1 << 63) - 1

_TWO_DIGITS: Final = tuple(f"{number:02d}" for number in range(60))  # dear to make, often wanted


def to_datetime(time: UtcNs) -> datetime:
    """Return an aware datetime, cut to microseconds."""
    return _EPOCH + timedelta(microseconds=time // 1000)


def from_datetime(moment: datetime) -> UtcNs:
    """Return the nanoseconds of an aware datetime, exactly."""
    since = moment - _EPOCH
    return UtcNs(((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1000)


@lru_cache(maxsize=64)  # what is told together is mostly of the same few times
def to_iso(time: UtcNs) -> str:
    """Return ISO 8601 text with six decimals and a Z, as in ``2018-04-07T02:29:58.933222Z``."""
    minute, rest = divmod(time, 60 * SECOND)
    second, rest = divmod(rest, SECOND)
    micros = str(1_000_000 + rest // 1000)[1:]
    return f"{_minute(minute)}:{_TWO_DIGITS[second]}.{micros}Z"


def from_iso(text: str, field: str | None = None) -> UtcNs:
    """Read ISO 8601 text; without an offset it is UTC.

    Parameters
    ----------
    field : str, optional
        The name of the argument, for the error.

    Raises
    ------
    ApiUsageError
        Not an ISO 8601 date and time, or not of the years that 64 bits of nanoseconds reach.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _not_a_time(f"{text!r} is not an ISO 8601 time", field) from None
    time = from_datetime(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    if not _FIRST <= time <= _LAST:
        raise _not_a_time(f"{text!r} is not within the years 1678 to 2261", field)
    return time


@lru_cache(maxsize=64)
def _minute(minute: int) -> str:
    day, minute = divmod(minute, 24 * 60)
    return f"{_date(day)}T{_TWO_DIGITS[minute // 60]}:{_TWO_DIGITS[minute % 60]}"


@lru_cache(maxsize=64)
def _date(day: int) -> str:
    return (_EPOCH + timedelta(days=day)).date().isoformat()


def _not_a_time(message: str, field: str | None) -> ApiUsageError:
    return ApiUsageError(message) if field is None else ApiUsageError(message, field=field)
