"""Bars of trades in whole ticks and lots: built from trades, cut, joined and regrouped."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Bars", "bars_of_trades"]

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """Bars in time order, arrays of equal length; an interval without trades has no bar.

    ``time`` is a bar's opening in seconds since 1970, prices are ticks, ``volume`` is lots.
    """

    time: IntArray
    low: IntArray
    high: IntArray
    open: IntArray
    close: IntArray
    volume: IntArray

    def __len__(self) -> int:
        return len(self.time)

    @property
    def columns(self) -> tuple[IntArray, ...]:
        """The arrays in the order in which the venue serves them."""
        return self.time, self.low, self.high, self.open, self.close, self.volume

    @classmethod
    def joined(cls, parts: Sequence["Bars"]) -> "Bars":
        """Return the bars of all parts, which must follow each other in time."""
        if not parts:
            return cls(*(np.empty(0, np.int64) for _ in range(6)))
        return cls(*map(np.concatenate, zip(*(part.columns for part in parts), strict=True)))

    def between(self, start_s: int, end_s: int) -> "Bars":
        """Return the bars that open from ``start_s`` until before ``end_s``."""
        cut = slice(*self.time.searchsorted((start_s, end_s)).tolist())
        return Bars(*(column[cut] for column in self.columns))

    def regrouped(self, freq_s: int) -> "Bars":
        """Return the same trades in longer bars of ``freq_s`` seconds."""
        return _grouped(self, freq_s)


def bars_of_trades(time_s: IntArray, price: IntArray, size: IntArray, freq_s: int) -> Bars:
    """Return bars of ``freq_s`` seconds from columns of trades in time order."""
    return _grouped(Bars(time_s, price, price, price, price, size), freq_s)


def _grouped(parts: Bars, freq_s: int) -> Bars:
    if not len(parts):
        return parts
    number = parts.time // freq_s
    first = np.flatnonzero(np.diff(number, prepend=number[0] - 1))
    last = np.append(first[1:], len(number)) - 1
    return Bars(
        number[first] * freq_s,
        np.minimum.reduceat(parts.low, first),
        np.maximum.reduceat(parts.high, first),
        parts.open[first],
        parts.close[last],
        np.add.reduceat(parts.volume, first),
    )
