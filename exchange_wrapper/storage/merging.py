"""What a write changes: the candles that come beside those that are stored."""

from typing import NamedTuple

import numpy as np

from exchange_wrapper.candles import Candles
from exchange_wrapper.scaling import BoolArray
from exchange_wrapper.storage import WriteReport

__all__ = ["Comparison", "compare"]


class Comparison(NamedTuple):
    """Both with the same number of digits.

    Attributes
    ----------
    stored, incoming : Candles
    report : WriteReport
    fresh : ndarray of bool
        Which of ``incoming`` are to be stored.
    kept : ndarray of bool
        Which of ``stored`` none of ``fresh`` replaces.
    """

    stored: Candles
    incoming: Candles
    report: WriteReport
    fresh: BoolArray
    kept: BoolArray


def compare(stored: Candles, incoming: Candles) -> Comparison:
    """Tell which of the incoming candles are new, the same or changed.

    Raises
    ------
    DataError
        A figure does not fit 64 bits with the digits of both.
    """
    digits = (
        max(stored.price_digits, incoming.price_digits),
        max(stored.volume_digits, incoming.volume_digits),
    )
    stored, incoming = stored.with_digits(*digits), incoming.with_digits(*digits)
    known = np.isin(incoming.time, stored.time, assume_unique=True)
    place = np.searchsorted(stored.time, incoming.time[known])
    unchanged = np.ones(len(place), np.bool_)
    for column in ("open", "high", "low", "close", "volume"):
        unchanged &= getattr(stored, column)[place] == getattr(incoming, column)[known]
    fresh = np.ones(len(incoming), np.bool_)
    fresh[known] = ~unchanged
    kept = np.ones(len(stored), np.bool_)
    kept[place[~unchanged]] = False
    report = WriteReport(
        new=int(len(known) - known.sum()),
        same=int(unchanged.sum()),
        changed=int(len(unchanged) - unchanged.sum()),
    )
    return Comparison(stored, incoming, report, fresh, kept)
