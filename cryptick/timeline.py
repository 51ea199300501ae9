"""The bars of several series in one order of time, and how far a backtest has come in it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cryptick.metrics import IntArray
from exchange_wrapper.candles import Candles
from exchange_wrapper.times import SECOND

__all__ = ["Timeline"]


class Timeline:
    """Ends and beginnings of all bars, merged; at one time all ends come before all beginnings.

    With k series, code ``i`` ends a bar of series i and code ``k + i`` begins one. Among ends, or
    beginnings, of one time the series keep their order.

    Attributes
    ----------
    time : ndarray of int64, shape (n,)
        In ns.
    code : ndarray of int32, shape (n,)
    row : ndarray of int32, shape (n,)
        Which bar of its series it is.
    position : int
        Index of the last event that has happened, -1 before the first.
    """

    def __init__(self, series: Sequence[Candles]) -> None:
        self.position = -1
        self._series = series
        times = [candles.time + candles.freq_s for candles in series]
        times += [candles.time for candles in series]
        counts = [len(column) for column in times]
        time_s = np.concatenate(times)
        # Each column is sorted, and a stable sort keeps the order of the codes.
        order = np.argsort(time_s, kind="stable")
        self.time: IntArray = time_s[order] * SECOND
        codes: NDArray[np.int32] = np.repeat(np.arange(len(times), dtype=np.int32), counts)
        rows: NDArray[np.int32] = np.concatenate([np.arange(n, dtype=np.int32) for n in counts])
        self.code = codes[order]
        self.row = rows[order]

    def __len__(self) -> int:
        return len(self.time)

    def closes(self) -> IntArray:
        """Return the times at which bars end, each once, in s."""
        time_s = self.time[self.code < len(self._series)] // SECOND
        first = np.concatenate([[True], time_s[1:] > time_s[:-1]])
        found: IntArray = time_s[first]
        return found

    def state(self, number: int) -> tuple[int, bool]:
        """Return the bar of a series that began last, -1 before the first, and whether it lasts."""
        position, count = self.position, len(self._series)
        if position < 0:
            return -1, False
        code = self.code.item(position)
        if code % count == number:
            return self.row.item(position), code >= count
        candles = self._series[number]
        time_s = int(self.time[position]) // SECOND
        begun = time_s if count + number <= code else time_s - 1
        row = int(np.searchsorted(candles.time, begun, side="right")) - 1
        if row < 0:
            return -1, False
        end_s = int(candles.time[row]) + candles.freq_s
        return row, end_s > time_s or (end_s == time_s and number > code)
