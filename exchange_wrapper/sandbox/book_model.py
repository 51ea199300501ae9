"""The simulated order book: a pure function of (seed, asset, time) around the market's quotes.

The price axis of a product is divided into cells, fine ones near the best price and coarser, more
heavily filled ones further away. Each cell holds at most one price level. Whether it does, at
which tick and of what size is drawn from a hash of the cell and of the number of times it has been
renewed; every cell is renewed at its own pace. So there is no state to carry along: a book that
nobody watches costs nothing, and a restart finds the book as it was.

The best levels follow the quote. Each holds a random part plus exactly what trades are going to
take before the quote moves on. That makes every trade one that the book offered in full, and the
level shrink by the trade's size.
"""

from statistics import NormalDist
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from exchange_wrapper.sandbox.assets import ASSETS, Asset
from exchange_wrapper.sandbox.market import Quote

__all__ = ["BookModel", "Depth"]

_Hashes = npt.NDArray[np.uint64]

_CELLS: Final = 48  # per band and side
_BANDS: Final = 3
_STEP_GROWTH: Final = 3  # a band's cells are so many times wider than those of the nearer band
_SIZE_GROWTH: Final = 2.5
_SIZE_SPREAD: Final = 1.0  # standard deviation of the log size
_RENEWAL_MIN: Final = (16, 64, 256)  # batches between two renewals of a cell, per band:
_RENEWAL_SPAN: Final = (64, 256, 1024)  # from the minimum to minimum + span
_TOP_RENEWAL: Final = 5  # batches between two sizes of a best level
_FILLED: Final = 220  # of 256 cells
_OFFSETS: Final = np.tile(np.arange(_CELLS), 2 * _BANDS)
_BLOCK: Final = np.repeat(np.arange(2 * _BANDS), _CELLS)  # bands of the bids, then of the asks
_SIGN: Final = np.where(_BLOCK < _BANDS, -1, 1)

# Log-normal sizes by their quantile, so that a hash turns into a size by one look-up.
_QUANTILES: Final = 4096
_SIZES: Final = np.exp(
    _SIZE_SPREAD
    * np.array([NormalDist().inv_cdf((n + 0.5) / _QUANTILES) for n in range(_QUANTILES)])
)

_ODD: Final = (0x9E3779B97F4A7C15, 0xD1B54A32D192ED03, 0x8CB92BA72F3D8DD7)
_MASK: Final = 2**64 - 1


class Depth(NamedTuple):
    """Price levels of one product, ticks → lots, best first."""

    bids: dict[int, int]
    asks: dict[int, int]

    def changes_to(self, new: "Depth") -> list[tuple[str, int, int]]:
        """Return (side, ticks, new lots) of each level that differs, removals first.

        In this order a reader that applies one change at a time never sees a crossed book.
        """
        sides = (("buy", self.bids, new.bids), ("sell", self.asks, new.asks))
        gone = [(side, ticks, 0) for side, old, now in sides for ticks in old if ticks not in now]
        return gone + [
            (side, ticks, lots)
            for side, old, now in sides
            for ticks, lots in now.items()
            if old.get(ticks) != lots
        ]


class BookModel:
    """The book of one asset for one seed."""

    def __init__(self, seed: int, asset: Asset) -> None:
        salt = (seed * len(ASSETS) + ASSETS.index(asset)) * 4 * _BANDS
        self._salts = _mix(np.arange(2 * _BANDS, dtype=np.uint64) + np.uint64(salt))
        self._widths = [asset.level_step * _STEP_GROWTH**band for band in range(_BANDS)]
        self._width = np.array(self._widths * 2)[_BLOCK]
        self._top_lots = int(asset.level_size * 10**asset.size_digits)
        growth = np.array([_SIZE_GROWTH**band for band in range(_BANDS)] * 2)[_BLOCK]
        self._lots = self._top_lots * growth
        self._renewal_min = np.array(_RENEWAL_MIN * 2, np.uint64)[_BLOCK]
        self._renewal_span = np.array(_RENEWAL_SPAN * 2, np.uint64)[_BLOCK]

    def depth(self, quote: Quote, batch: int) -> Depth:
        """Return the book at ``batch``, at which ``quote`` is in force; over 100 levels a side."""
        first, low, high = self._bounds(quote)
        cells = first[_BLOCK] + _SIGN * _OFFSETS
        identity = _mix(cells.astype(np.uint64) ^ self._salts[_BLOCK])
        renewals = (np.uint64(batch) + (identity >> np.uint64(32))) // (
            self._renewal_min + identity % self._renewal_span
        )
        sizes = _mix(identity + renewals * np.uint64(_ODD[0]))
        # A level keeps its place for four renewals and its presence for two.
        places = _mix(identity + (renewals >> np.uint64(2)) * np.uint64(_ODD[1]))
        filled = _mix(identity + (renewals >> np.uint64(1)) * np.uint64(_ODD[2]))
        ticks = cells * self._width + (places % self._width.astype(np.uint64)).astype(np.int64)
        lots = (self._lots * _SIZES[sizes >> np.uint64(52)]).astype(np.int64)
        present = (
            (filled >> np.uint64(56) < _FILLED)
            & (ticks >= low[_BLOCK])
            & (ticks < high[_BLOCK])
            & (ticks > 0)
        )
        bids = present & (_SIGN < 0)
        asks = present & (_SIGN > 0)
        return Depth(
            {quote.bid: self._top(quote, batch, 0) + quote.bid_due}
            | dict(zip(ticks[bids].tolist(), lots[bids].tolist(), strict=True)),
            {quote.ask: self._top(quote, batch, 1) + quote.ask_due}
            | dict(zip(ticks[asks].tolist(), lots[asks].tolist(), strict=True)),
        )

    def _bounds(self, quote: Quote) -> tuple[npt.NDArray[np.int64], ...]:
        """Return per band the first cell and the ticks [low, high) that it may fill."""
        first, low, high = [], [], []
        edge = quote.bid
        for width in self._widths:
            cell = (edge - 1) // width
            first.append(cell)
            high.append(edge)
            edge = (cell - _CELLS + 1) * width
            low.append(edge)
        edge = quote.ask + 1
        for width in self._widths:
            cell = edge // width
            first.append(cell)
            low.append(edge)
            edge = (cell + _CELLS) * width
            high.append(edge)
        return np.array(first), np.array(low), np.array(high)

    def _top(self, quote: Quote, batch: int, side: int) -> int:
        """Return the random part of a best level's lots."""
        salt = int(self._salts[side])
        renewal = (batch + salt % _TOP_RENEWAL) // _TOP_RENEWAL
        word = (salt + quote.step * _ODD[1] + renewal * _ODD[2]) & _MASK
        word = ((word ^ (word >> 30)) * _ODD[0]) & _MASK
        return 1 + int(self._top_lots * _SIZES[(word ^ (word >> 31)) >> 52])


def _mix(words: _Hashes) -> _Hashes:
    """Return well-scattered hashes (the finaliser of SplitMix64)."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: _Hashes = words ^ (words >> np.uint64(31))
    return mixed
