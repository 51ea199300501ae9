"""What the commands on stored candles share: their arguments and how they word things."""

import argparse
import os
import re
from pathlib import Path
from typing import Final

from exchange_wrapper.errors import ApiUsageError
from exchange_wrapper.storage.gaps import Gap
from exchange_wrapper.times import SECOND, UtcNs, from_iso, to_datetime

__all__ = [
    "add_store",
    "exchange_name",
    "gap_json",
    "iso",
    "ns",
    "period_words",
    "read_time_s",
    "shown",
    "store_of",
]

_DEFAULT_STORE: Final = "var/timeseries.db"


def add_store(parser: argparse.ArgumentParser) -> None:
    """Add ``--store``."""
    parser.add_argument(
        "--store",
        metavar="PLACE",
        help="a file or influxdb://host:port/database "
        f"(default: $INFLUXDB_DSN, else $TIMESERIES_DB, else {_DEFAULT_STORE})",
    )


def store_of(args: argparse.Namespace) -> str | Path:
    """Return the place of the store, for ``open_store``."""
    return (
        args.store
        or os.environ.get("INFLUXDB_DSN")
        or Path(os.environ.get("TIMESERIES_DB") or _DEFAULT_STORE)
    )


def shown(place: str | Path) -> str:
    """Return the place of a store without its password."""
    return re.sub(r"://[^/]*@", "://", str(place))


def exchange_name(text: str) -> str:
    """Return the name of an exchange as it is stored.

    Raises
    ------
    ApiUsageError
        It can't be one.
    """
    name = text.lower()
    if not re.fullmatch(r"[a-z0-9_]+", name):
        raise ApiUsageError(f"{text!r} is not a name of an exchange", field="exchange")
    return name


def read_time_s(text: str | None) -> int | None:
    """Read a date or time such as ``2022-08-01``, UTC, as whole seconds.

    Raises
    ------
    ApiUsageError
        It is none.
    """
    return None if text is None else from_iso(text) // SECOND


def ns(time_s: int) -> UtcNs:
    """Return seconds as nanoseconds."""
    return UtcNs(time_s * SECOND)


def iso(time_s: int) -> str:
    """Return ISO 8601 text of whole seconds."""
    return f"{to_datetime(ns(time_s)):%Y-%m-%dT%H:%M:%SZ}"


def period_words(start_s: int, end_s: int) -> str:
    """Return ``2023-03-24 12:40 – 14:00``, the day of the end only if it is another."""
    start, end = to_datetime(ns(start_s)), to_datetime(ns(end_s))
    end_form = "%H:%M" if start.date() == end.date() else "%Y-%m-%d %H:%M"
    return f"{start:%Y-%m-%d %H:%M} – {end.strftime(end_form)}"


def gap_json(gap: Gap, freq_s: int) -> dict[str, object]:
    """Return a gap as a program reads it."""
    return {
        "start": iso(gap.start_s),
        "end": iso(gap.end_s),
        "missing": (gap.end_s - gap.start_s) // freq_s,
        "cause": gap.cause.value,
    }
