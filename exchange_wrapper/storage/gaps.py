"""Candles that are not there, and why.

A venue publishes no candle for an interval without trades or while it is halted, so a missing one
is never made up; what tells it from one that nobody fetched is which periods the venue was asked
for.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from exchange_wrapper.storage import CandleSource

__all__ = ["Gap", "GapCause", "Period", "find_gaps", "subtract"]

Period = tuple[int, int]
"""[start_s, end_s)."""


class GapCause(StrEnum):
    """Why candles are missing."""

    SILENT = "venue silent"  # it was asked and has none: no trades, or it was halted
    NOT_FETCHED = "not fetched"  # the venue was asked for other periods, but not for this one
    UNKNOWN = "not in the files"  # only files were imported: silence, a halt or a hole in them


class Gap(NamedTuple):
    """A period without candles inside a series."""

    start_s: int
    end_s: int
    cause: GapCause


def find_gaps(
    source: CandleSource,
    exchange: str,
    pair: str,
    freq_s: int,
    start_s: int | None = None,
    end_s: int | None = None,
) -> list[Gap]:
    """Return what is missing between the first and the last candle of [start_s, end_s).

    Raises
    ------
    NoData
        There is no such series.
    """
    holes = source.read(exchange, pair, freq_s, start_s, end_s).gaps()
    asked = source.covered(exchange, pair, freq_s) if holes else []
    unasked = GapCause.NOT_FETCHED if asked else GapCause.UNKNOWN
    gaps = []
    for hole in holes:
        open_parts = subtract(hole, asked)
        gaps += [Gap(*part, unasked) for part in open_parts]
        gaps += [Gap(*part, GapCause.SILENT) for part in subtract(hole, open_parts)]
    return sorted(gaps)


def subtract(period: Period, present: Iterable[Period]) -> list[Period]:
    """Return what of a period is in none of those present, oldest first."""
    missing: list[Period] = []
    start_s, end_s = period
    for first_s, last_s in sorted(present):
        if first_s > start_s:
            missing.append((start_s, min(first_s, end_s)))
        start_s = max(start_s, last_s)
        if start_s >= end_s:
            break
    if start_s < end_s:
        missing.append((start_s, end_s))
    return [(a, b) for a, b in missing if a < b]
