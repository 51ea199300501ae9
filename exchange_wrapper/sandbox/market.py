"""The simulated market: prices and trades as a pure function of (seed, time).

Whoever asks, and whenever the process was started, the same seed has the same quotes and trades at
the same UTC moment. History therefore joins the live price without a jump, and a candle seen live
is the candle served later.

How it is made. Log prices walk from day to day with correlated normal steps, drawn back slowly to
a long-run level. Each day is filled by a Brownian bridge with one step a second, so that returns
over any period from a second to a day have the right variance and correlation. The step of a
second comes into force at a random moment of it; bid and ask lie around it at a spread that varies
by second. Trades fall at uniformly random times and hit the bid or the ask in force.

What is realistic: levels, volatility and correlation of the assets, returns without memory within
weeks, spreads, tick and lot grids, heavy-tailed trade sizes, minutes without a trade in thin pairs.

What is not: volatility and trade flow are constant (no clusters, no day and night, no news, no
jumps), every day has exactly the same number of trades, trade direction tells nothing about the
next move, trades have no impact on the price, and prices return to their level over months. Do not
fit a strategy to it: what it can earn here is an artefact.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from exchange_wrapper.sandbox.assets import ASSETS, Asset
from exchange_wrapper.sandbox.bars import Bars, bars_of_trades
from exchange_wrapper.terms import Side
from exchange_wrapper.times import MILLISECOND, SECOND, UtcNs

__all__ = ["BATCH", "EPOCH_DAY", "SEED_MAX", "DayStats", "Market", "Quote", "SimulatedTrade"]

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

BATCH: Final = 50 * MILLISECOND
"""The venue's own rhythm, in ns: quotes and books change only at multiples of it."""

DAY_S: Final = 86_400
EPOCH_DAY: Final = 16_801
"""First day of the market, in days since 1970: 2016-01-01."""

SEED_MAX: Final = 2**32 - 1

_DAYS: Final = 50 * 365  # the market ends in 2065
_SLOTS: Final = SECOND // BATCH
_REVERSION: Final = 0.01  # part of the distance to the long-run level that a day takes back
_TRADE_SIZE_SPREAD: Final = 1.4  # standard deviation of the log size
_TIME: Final[FloatArray] = np.arange(1, DAY_S + 1) / DAY_S

_WALK, _COMMON, _FIRST_ASSET = range(3)  # streams of random numbers


class Quote(NamedTuple):
    """Best prices in force at one batch.

    ``bid`` and ``ask`` are ticks. ``bid_due`` and ``ask_due`` are the lots that trades are still
    going to take from either before the quote moves on. ``step`` numbers the quote.
    """

    bid: int
    ask: int
    bid_due: int
    ask_due: int
    step: int


class SimulatedTrade(NamedTuple):
    """One trade: price in ticks, size in lots; ``maker_side`` is the resting order's side."""

    trade_id: int
    time: UtcNs
    price: int
    size: int
    maker_side: Side


class DayStats(NamedTuple):
    """The last 24 hours to the minute, in ticks and lots; ``volume_30d`` spans whole days."""

    open: int
    high: int
    low: int
    last: int
    volume: int
    volume_30d: int


@dataclass(frozen=True, slots=True, eq=False)
class _Day:
    """One UTC day of one asset.

    ``bid`` and ``ask`` have 86,401 steps: 0 is in force from midnight, step s from the batch
    ``moves[s − 1]`` within second s − 1. The trades' columns are ordered by time.
    """

    start: UtcNs
    first_id: int
    bid: IntArray
    ask: IntArray
    moves: npt.NDArray[np.uint8]
    time: IntArray
    price: IntArray
    size: IntArray
    taker_buys: npt.NDArray[np.bool_]

    def index(self, time: int) -> int:
        """Return how many trades were before ``time``."""
        return int(self.time.searchsorted(time))

    def trades(self, first: int, end: int) -> list[SimulatedTrade]:
        """Return the trades of these positions."""
        columns = (self.time, self.price, self.size, self.taker_buys)
        return [
            SimulatedTrade(self.first_id + n, time, price, size, Side.SELL if buys else Side.BUY)
            for n, (time, price, size, buys) in enumerate(
                zip(*(column[first:end].tolist() for column in columns), strict=True), first
            )
        ]

    def bars(self, first: int, end: int) -> Bars:
        """Return one-minute bars of the trades of these positions."""
        cut = slice(first, end)
        return bars_of_trades(self.time[cut] // SECOND, self.price[cut], self.size[cut], 60)


class Market:
    """Prices and trades of all assets for one seed.

    Parameters
    ----------
    seed : int
        From 0 to ``SEED_MAX``.

    Notes
    -----
    Times are nanoseconds since 1970, between 2016 and 2065. What is asked first of a day draws
    that day (2 to 6 ms); days and their minute bars are kept while they are in use.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        walk = self._random(_WALK, 0).standard_normal((_DAYS + 1, 1 + len(ASSETS)))
        self._levels: dict[str, list[float]] = {}
        for stream, asset in enumerate(ASSETS, 1):
            moves = asset.volatility * _mixed(asset, walk[:, 0], walk[:, stream])
            self._levels[asset.base] = list(
                accumulate(
                    moves[1:].tolist(),
                    lambda level, move: (1 - _REVERSION) * level + move,
                    initial=0.0,
                )
            )
        # Live days of every product stay cached while a back-fill walks through history.
        self._day = lru_cache(maxsize=4 * len(ASSETS))(self._make_day)
        self._minutes = lru_cache(maxsize=512)(self._make_minutes)
        self._volume = lru_cache(maxsize=64 * len(ASSETS))(self._make_volume)
        self._common = lru_cache(maxsize=4)(self._make_common)

    def quote(self, asset: Asset, batch: int) -> Quote:
        """Return the best prices in force at ``batch`` (whole ``BATCH`` since 1970)."""
        number, place = divmod(batch, DAY_S * _SLOTS)
        day = self._day(asset, number)
        second, slot = divmod(place, _SLOTS)
        step = second + int(slot >= day.moves[second])
        end = step * _SLOTS + int(day.moves[step]) if step < DAY_S else DAY_S * _SLOTS
        due = slice(day.index(day.start + place * BATCH), day.index(day.start + end * BATCH))
        sizes, buys = day.size[due], day.taker_buys[due]
        return Quote(
            int(day.bid[step]),
            int(day.ask[step]),
            int(sizes[~buys].sum()),
            int(sizes[buys].sum()),
            number * (DAY_S + 1) + step,
        )

    def trades(self, asset: Asset, start: int, end: int) -> list[SimulatedTrade]:
        """Return the trades from ``start`` until before ``end`` (ns since 1970), oldest first."""
        found: list[SimulatedTrade] = []
        for number in range(start // (DAY_S * SECOND), (end - 1) // (DAY_S * SECOND) + 1):
            day = self._day(asset, number)
            found += day.trades(day.index(start), day.index(end))
        return found

    def last_trade_id(self, asset: Asset, now: UtcNs) -> int:
        """Return the id of the last trade before ``now``; ids count up by one from 1."""
        day = self._day(asset, now // (DAY_S * SECOND))
        return day.first_id + day.index(now) - 1

    def trades_by_id(self, asset: Asset, first: int, last: int) -> list[SimulatedTrade]:
        """Return the trades with ids from ``first`` to ``last``, oldest first."""
        found: list[SimulatedTrade] = []
        while first <= last:
            number, place = divmod(first - 1, asset.trades_per_day)
            end = min(asset.trades_per_day, place + last - first + 1)
            found += self._day(asset, EPOCH_DAY + number).trades(place, end)
            first += end - place
        return found

    def bars(self, asset: Asset, freq_s: int, start_s: int, end_s: int, now: UtcNs) -> Bars:
        """Return the bars that open from ``start_s`` until before ``end_s``, oldest first.

        Parameters
        ----------
        freq_s : int
            Length of a bar; a multiple of 60 that divides a day.
        start_s, end_s : int
            Seconds since 1970, multiples of ``freq_s``.
        now : UtcNs
            Trades from ``now`` on have not happened yet.
        """
        first = max(start_s // DAY_S, EPOCH_DAY)
        last = min((end_s - 1) // DAY_S, now // (DAY_S * SECOND))
        days = [self._minutes_until(asset, number, now) for number in range(first, last + 1)]
        return Bars.joined(days).between(start_s, end_s).regrouped(freq_s)

    def stats(self, asset: Asset, now: UtcNs) -> DayStats:
        """Return what happened within the last 24 hours."""
        minute = now // (60 * SECOND) * 60
        bars = self.bars(asset, 60, minute - DAY_S, minute + 60, now)
        today = now // (DAY_S * SECOND)
        volume = sum(self._volume(asset, number) for number in range(today - 29, today))
        day = self._day(asset, today)
        return DayStats(
            int(bars.open[0]),
            int(bars.high.max()),
            int(bars.low.min()),
            int(bars.close[-1]),
            int(bars.volume.sum()),
            volume + int(day.size[: day.index(now)].sum()),
        )

    def _minutes_until(self, asset: Asset, number: int, now: UtcNs) -> Bars:
        if number < now // (DAY_S * SECOND):
            return self._minutes(asset, number)
        day = self._day(asset, number)
        minute = now // (60 * SECOND) * 60
        done = self._minutes(asset, number).between(number * DAY_S, minute)
        return Bars.joined([done, day.bars(day.index(minute * SECOND), day.index(now))])

    def _random(self, stream: int, number: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, stream, number])

    def _make_common(self, number: int) -> FloatArray:
        return _bridge(self._random(_COMMON, number))

    def _make_minutes(self, asset: Asset, number: int) -> Bars:
        return self._day(asset, number).bars(0, asset.trades_per_day)

    def _make_volume(self, asset: Asset, number: int) -> int:
        return int(self._minutes(asset, number).volume.sum())

    def _make_day(self, asset: Asset, number: int) -> _Day:
        random = self._random(_FIRST_ASSET + ASSETS.index(asset), number)
        levels = self._levels[asset.base]
        opening, closing = levels[number - EPOCH_DAY], levels[number - EPOCH_DAY + 1]
        path = np.empty(DAY_S + 1)
        path[0] = opening
        path[1:] = opening + (closing - opening) * _TIME
        path[1:] += asset.volatility * _mixed(asset, self._common(number), _bridge(random))
        mid = np.exp(path + math.log(asset.price)) * 10**asset.price_digits
        half_spread = mid * (asset.spread_bps / 2e4) * (0.6 + 0.8 * random.random(DAY_S + 1))
        bid = np.floor(mid - half_spread).astype(np.int64)
        ask = np.ceil(mid + half_spread).astype(np.int64)
        moves = random.integers(0, _SLOTS, DAY_S, dtype=np.uint8)

        count = asset.trades_per_day
        micros = np.sort(random.integers(0, DAY_S * 1_000_000, count))
        taker_buys = random.integers(0, 2, count, dtype=np.uint8).astype(np.bool_)
        sizes = np.exp(_TRADE_SIZE_SPREAD * random.standard_normal(count))
        lots = np.rint(sizes * (asset.trade_size * 10**asset.size_digits)).astype(np.int64)
        second, rest = np.divmod(micros, 1_000_000)
        step = second + (rest // (BATCH // 1000) >= moves[second])
        start = UtcNs(number * DAY_S * SECOND)
        return _Day(
            start=start,
            first_id=(number - EPOCH_DAY) * count + 1,
            bid=bid,
            ask=ask,
            moves=moves,
            time=start + micros * 1000,
            price=np.where(taker_buys, ask[step], bid[step]),
            size=np.maximum(lots, 1),
            taker_buys=taker_buys,
        )


def _mixed(asset: Asset, common: FloatArray, own: FloatArray) -> FloatArray:
    """Return an asset's normal steps from those of the common factor and its own."""
    return asset.loading * common + math.sqrt(1 - asset.loading**2) * own


def _bridge(random: np.random.Generator) -> FloatArray:
    """Return a Brownian bridge over a day, one value a second, of variance t × (1 − t)."""
    walk = np.cumsum(random.standard_normal(DAY_S)) / math.sqrt(DAY_S)
    bridge: FloatArray = walk - _TIME * walk[-1]
    return bridge
