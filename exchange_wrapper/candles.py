"""Candles of one series as columns of scaled integers, how they are made and put together.

A price of 23296.36 is the integer 2329636 with ``price_digits`` 2: exact as a decimal, fast as a
NumPy column. Times are whole seconds since 1970, UTC.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

import numpy as np

from exchange_wrapper.errors import ApiUsageError, DataError
from exchange_wrapper.market import TradePrint
from exchange_wrapper.numbers import LEDGER, ZERO
from exchange_wrapper.pair import Pair
from exchange_wrapper.scaling import (
    BoolArray,
    FloatArray,
    IntArray,
    format_scaled,
    parse_figures,
    rescale,
    scale_columns,
)
from exchange_wrapper.times import SECOND, UtcNs

__all__ = [
    "CandleBuilder",
    "Candles",
    "Instrument",
    "format_freq",
    "infer_instrument",
    "on_grid",
    "parse_freq",
    "well_formed",
]

_PRICES: Final = ("open", "high", "low", "close")
_COLUMNS: Final = ("time", *_PRICES, "volume", "received_at")

PriceOrVolume = Literal["open", "high", "low", "close", "volume"]

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def parse_freq(text: str) -> int:
    """Return the seconds of a candle length such as ``5m``, ``1h``, ``1d`` or ``300``.

    Raises
    ------
    ApiUsageError
        Not a whole number with one of the units s, m, h, d, w.
    """
    count, unit = (text[:-1], text[-1]) if text[-1:] in _UNITS else (text, "s")
    if not (count.isascii() and count.isdigit() and 0 < int(count) <= 10**6):
        raise ApiUsageError(f"{text!r} is not a candle length such as 5m, 1h or 1d", field="freq")
    return int(count) * _UNITS[unit]


def format_freq(freq_s: int) -> str:
    """Return a candle length in its largest whole unit, up to days: 300 is ``5m``."""
    unit = next(unit for unit in "dhms" if freq_s % _UNITS[unit] == 0)
    return f"{freq_s // _UNITS[unit]}{unit}"


def well_formed(
    open: IntArray, high: IntArray, low: IntArray, close: IntArray, volume: IntArray
) -> BoolArray:
    """Tell which rows can be candles: 0 < low ≤ open, close ≤ high and volume ≥ 0."""
    body_low, body_high = np.minimum(open, close), np.maximum(open, close)
    inside: BoolArray = (low > 0) & (low <= body_low) & (body_high <= high) & (volume >= 0)
    return inside


@dataclass(frozen=True, slots=True, eq=False)
class Candles:
    """Candles of one series, oldest first.

    Attributes
    ----------
    freq_s : int
        Length of each candle, s.
    price_digits, volume_digits : int
        Decimals of the scaled integers.
    time : ndarray of int64, shape (n,)
        Open time, s; ascending, no time twice. A missing time is a candle that does not exist.
    open, high, low, close : ndarray of int64, shape (n,)
        Price × 10**price_digits, in quote per base.
    volume : ndarray of int64, shape (n,)
        Volume × 10**volume_digits, in base.
    received_at : ndarray of int64, shape (n,)
        When it was first stored as it is, s.
    """

    freq_s: int
    price_digits: int
    volume_digits: int
    time: IntArray
    open: IntArray
    high: IntArray
    low: IntArray
    close: IntArray
    volume: IntArray
    received_at: IntArray

    def __post_init__(self) -> None:
        for name in _COLUMNS:
            column = np.asarray(getattr(self, name), np.int64).view()
            column.flags.writeable = False
            object.__setattr__(self, name, column)
        assert {column.shape for column in self.columns()} == {(len(self.time),)}
        if np.any(np.diff(self.time) <= 0):
            raise DataError("candles must be in time order, each time once")

    @classmethod
    def empty(cls, freq_s: int) -> "Candles":
        """Return a series without candles."""
        return cls(freq_s, 0, 0, *(np.empty((len(_COLUMNS), 0), np.int64)))

    @classmethod
    def from_rows(
        cls, freq_s: int, rows: Iterable[Sequence[object]], received_at: int
    ) -> "Candles":
        """Make candles of rows ``[time, open, high, low, close, volume]``.

        Parameters
        ----------
        freq_s : int
        rows : iterable of sequences
            Time in s, the others decimal texts, ``Decimal`` or ``int``; oldest first.
        received_at : int
            For all of them, s.

        Raises
        ------
        DataError
            A figure is not a number or too large, the prices of a row contradict each other, or
            the times are out of order; ``data["row"]`` names the row.
        """
        table = list(rows)
        if not table:
            return cls.empty(freq_s)
        time, *texts = zip(*table, strict=True)
        *prices, volume = (parse_figures([str(text) for text in column]) for column in texts)
        price_values, price_digits, prices_fit = scale_columns(prices)
        volume_values, volume_digits, volume_fits = scale_columns([volume])
        figures = [*price_values, *volume_values]
        good = prices_fit & volume_fits & well_formed(*figures)
        if not good.all():
            row = int(np.argmin(good))
            raise DataError(f"row {row} is not a candle: {[str(x) for x in table[row]]}", row=row)
        columns = (np.array(time, np.int64), *figures, np.full(len(table), received_at, np.int64))
        return cls(freq_s, price_digits, volume_digits, *columns)

    @classmethod
    def concat(cls, parts: Sequence["Candles"]) -> "Candles":
        """Join parts of one series that follow each other, with the most digits of any.

        Raises
        ------
        DataError
            The parts overlap, are out of order, or a figure does not fit 64 bits.
        """
        price_digits = max(part.price_digits for part in parts)
        volume_digits = max(part.volume_digits for part in parts)
        scaled = [part.with_digits(price_digits, volume_digits).columns() for part in parts]
        columns = (np.concatenate(column) for column in zip(*scaled, strict=True))
        return cls(parts[0].freq_s, price_digits, volume_digits, *columns)

    def __len__(self) -> int:
        return len(self.time)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Candles):
            return NotImplemented
        return (
            (self.freq_s, self.price_digits, self.volume_digits)
            == (other.freq_s, other.price_digits, other.volume_digits)
            and len(self) == len(other)
            and all(map(np.array_equal, self.columns(), other.columns()))
        )

    __hash__ = None  # type: ignore[assignment]

    def columns(self) -> tuple[IntArray, ...]:
        """Return time, open, high, low, close, volume, received_at."""
        return tuple(getattr(self, name) for name in _COLUMNS)

    def digits(self, column: PriceOrVolume) -> int:
        """Return the number of decimals of a column."""
        return self.volume_digits if column == "volume" else self.price_digits

    def floats(self, column: PriceOrVolume) -> FloatArray:
        """Return a column as floats, for statistics and charts; shape (n,)."""
        values: FloatArray = getattr(self, column) / 10.0 ** self.digits(column)
        return values

    def texts(self, column: PriceOrVolume) -> list[str]:
        """Return a column as exact decimal texts without trailing zeros."""
        digits = self.digits(column)
        return [format_scaled(value, digits) for value in getattr(self, column).tolist()]

    def decimals(self, column: PriceOrVolume) -> list[Decimal]:
        """Return a column as exact decimals."""
        digits = self.digits(column)
        return [Decimal(value).scaleb(-digits) for value in getattr(self, column).tolist()]

    def points(self) -> list[list[int | float]]:
        """Return rows ``[time, low, high, open, close, volume, received_at]`` of JSON numbers."""
        price_columns = (self.floats(column) for column in ("low", "high", "open", "close"))
        columns = (self.time, *price_columns, self.floats("volume"), self.received_at)
        return [list(point) for point in zip(*(c.tolist() for c in columns), strict=True)]

    def with_digits(self, price_digits: int, volume_digits: int) -> "Candles":
        """Return the same candles with more digits.

        Raises
        ------
        DataError
            A figure does not fit 64 bits then.
        """
        more_price, more_volume = (
            price_digits - self.price_digits,
            volume_digits - self.volume_digits,
        )
        if not (more_price or more_volume):
            return self
        prices = (rescale(getattr(self, name), more_price) for name in _PRICES)
        columns = (self.time, *prices, rescale(self.volume, more_volume), self.received_at)
        return Candles(self.freq_s, price_digits, volume_digits, *columns)

    def slice(self, start_s: int | None = None, end_s: int | None = None) -> "Candles":
        """Return the candles that open in [start_s, end_s); None is unbounded. Copies nothing."""
        first = 0 if start_s is None else int(np.searchsorted(self.time, start_s))
        last = len(self) if end_s is None else int(np.searchsorted(self.time, end_s))
        return self._map(lambda column: column[first:last])

    def take(self, rows: BoolArray | IntArray) -> "Candles":
        """Return the rows of a mask or of ascending indices."""
        return self._map(lambda column: column[rows])

    def _map(self, change: Callable[[IntArray], IntArray]) -> "Candles":
        columns = map(change, self.columns())
        return Candles(self.freq_s, self.price_digits, self.volume_digits, *columns)

    def resample(self, freq_s: int) -> "Candles":
        """Return longer candles, aligned to 1970-01-01 UTC and so to midnight.

        A candle is made of those there are; an interval without any stays absent.

        Raises
        ------
        ApiUsageError
            ``freq_s`` is not a multiple of the present one.
        DataError
            A sum of volumes does not fit 64 bits.
        """
        if freq_s <= 0 or freq_s % self.freq_s:
            raise ApiUsageError(
                f"candles of {format_freq(self.freq_s)} can't be joined to {freq_s} s", field="freq"
            )
        if freq_s == self.freq_s:
            return self
        if not len(self):
            return Candles.empty(freq_s)
        bucket = self.time - self.time % freq_s
        first = np.flatnonzero(np.diff(bucket, prepend=bucket[0] - 1))
        last = np.append(first[1:], len(self)) - 1
        if self.volume.sum(dtype=np.float64) >= 2.0**63:
            raise DataError("a sum of volumes does not fit 64 bits")
        return Candles(
            freq_s,
            self.price_digits,
            self.volume_digits,
            bucket[first],
            self.open[first],
            np.maximum.reduceat(self.high, first),
            np.minimum.reduceat(self.low, first),
            self.close[last],
            np.add.reduceat(self.volume, first),
            np.maximum.reduceat(self.received_at, first),
        )

    def gaps(self) -> list[tuple[int, int]]:
        """Return the [start_s, end_s) between the first and the last candle that have none."""
        before = np.flatnonzero(np.diff(self.time) != self.freq_s)
        starts, ends = self.time[before] + self.freq_s, self.time[before + 1]
        return list(zip(starts.tolist(), ends.tolist(), strict=True))

    def coverage(self) -> list[tuple[int, int]]:
        """Return the [start_s, end_s) without a missing candle, oldest first."""
        if not len(self):
            return []
        gaps = self.gaps()
        starts = [int(self.time[0]), *(end for _, end in gaps)]
        ends = [*(start for start, _ in gaps), int(self.time[-1]) + self.freq_s]
        return list(zip(starts, ends, strict=True))


@dataclass(frozen=True, slots=True)
class Instrument:
    """Increments of a pair, and where they are known from.

    Attributes
    ----------
    tick_size, lot_size : Decimal
        Smallest step of price (quote per base) and of size (base).
    min_notional : Decimal
        Smallest ``price × size`` of an order, in quote.
    source : str
        ``venue`` said so, it was ``given`` by the user, or ``inferred`` from data.
    """

    exchange: str
    pair: str
    tick_size: Decimal
    lot_size: Decimal
    min_notional: Decimal = ZERO
    source: Literal["venue", "given", "inferred"] = "venue"


def on_grid(candles: Candles, tick_size: Decimal) -> bool:
    """Tell whether every price is a multiple of the tick size."""
    unit = int(
        np.gcd.reduce([np.gcd.reduce(getattr(candles, name), initial=0) for name in _PRICES])
    )
    return not LEDGER.remainder(Decimal(unit).scaleb(-candles.price_digits), tick_size)


def infer_instrument(exchange: str, pair: str, candles: Candles) -> Instrument:
    """Return the increments that the digits of the data show, powers of ten of at most 1.

    The tick size holds every price. The lot size holds all but one volume in a thousand: venues
    publish a few sums that are finer than any order they take.
    """
    prices = np.concatenate([getattr(candles, name) for name in _PRICES])
    volume = candles.volume
    return Instrument(
        exchange,
        pair,
        Decimal(1).scaleb(-_digits_used(prices, candles.price_digits, 0)),
        Decimal(1).scaleb(-_digits_used(volume, candles.volume_digits, len(volume) // 1000)),
        source="inferred",
    )


def _digits_used(values: IntArray, digits: int, finer_max: int) -> int:
    """Return the fewest digits that hold all values but ``finer_max``."""
    finer = np.zeros(len(values), np.bool_)
    while digits:
        values, rest = np.divmod(values, 10)
        finer |= rest != 0
        if np.count_nonzero(finer) > finer_max:
            break
        digits -= 1
    return digits


class CandleBuilder:
    """Make the candles of one pair from its trades. Never reads a clock.

    Parameters
    ----------
    pair : Pair
    freq_s : int
        Length of a candle, s.
    since : UtcNs
        From when on every trade is seen: the first candle is that of the first whole interval.

    Attributes
    ----------
    late : int
        Trades that came after their interval was closed; they are not applied.
    """

    def __init__(self, pair: Pair, freq_s: int, since: UtcNs) -> None:
        self.pair = pair
        self.freq_s = freq_s
        self.late = 0
        self._freq = freq_s * SECOND
        self._start = self._closed = -(-since // self._freq) * self._freq
        self._bars: dict[int, _Bar] = {}
        self._price_digits, self._tick = _scaled_step(pair.tick_size)
        self._volume_digits, self._lot = _scaled_step(pair.lot_size)

    def add(self, trade: TradePrint) -> None:
        """Apply a trade to the interval of its venue time."""
        start = trade.time - trade.time % self._freq
        if start < self._closed:
            self.late += trade.time >= self._start  # before that we only came too late ourselves
            return
        bar = self._bars.get(start)
        if bar is None:
            self._bars[start] = _Bar(trade)
        else:
            bar.add(trade)

    def close(self, now: UtcNs) -> Candles:
        """Return the candles of the intervals that are over at ``now``, oldest first.

        An interval without trades has none, so the answer can be empty.
        """
        self._closed = max(self._closed, now - now % self._freq)
        over = sorted(start for start in self._bars if start < self._closed)
        bars = [self._bars.pop(start) for start in over]
        prices = [(bar.open, bar.high, bar.low, bar.close) for bar in bars]
        columns = (
            np.array(over, np.int64) // SECOND,
            *(np.array(prices, np.int64).reshape(-1, 4).T * self._tick),
            np.array([bar.volume for bar in bars], np.int64) * self._lot,
            np.full(len(bars), now // SECOND, np.int64),
        )
        return Candles(self.freq_s, self._price_digits, self._volume_digits, *columns)


class _Bar:
    """An open candle, in ticks and lots. Trades may come out of order."""

    __slots__ = ("close", "first", "high", "last", "low", "open", "volume")

    def __init__(self, trade: TradePrint) -> None:
        self.open = self.high = self.low = self.close = trade.price
        self.volume = int(trade.size)
        self.first = self.last = trade.time

    def add(self, trade: TradePrint) -> None:
        if trade.time < self.first:
            self.first, self.open = trade.time, trade.price
        if trade.time >= self.last:
            self.last, self.close = trade.time, trade.price
        self.high = max(self.high, trade.price)
        self.low = min(self.low, trade.price)
        self.volume += trade.size


def _scaled_step(step: Decimal) -> tuple[int, int]:
    """Return (digits, step × 10**digits) of an increment: 0.25 is (2, 25)."""
    digits = max(0, -int(step.normalize().as_tuple().exponent))
    return digits, int(step.scaleb(digits))
