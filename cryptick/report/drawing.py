"""The columns that a page draws: as many points as a screen can show, and no more."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from cryptick.messages import Fill
from cryptick.metrics import FloatArray, IntArray, drawdowns
from cryptick.report.analysis import exposure_curve, hold_curve
from cryptick.report.result import RunResult
from cryptick.valuation import Market
from exchange_wrapper.candles import Candles, format_freq
from exchange_wrapper.terms import Side
from exchange_wrapper.times import SECOND

__all__ = ["chart_data"]

_POINTS: Final = 2_000
_BARS: Final = 2_000  # of one market alone; many share about three times as many
_BARS_OF_ALL: Final = 6_000
_MARKETS: Final = 20
_DAY_S: Final = 86_400
_FREQS_S: Final = (
    *(1, 5, 15, 60, 300, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200),
    *(_DAY_S * days for days in (1, 2, 4, 7, 14, 28)),
)

Columns = Mapping[str, Any]


def chart_data(result: RunResult) -> Columns:
    """Return what the page's script draws, JSON-ready."""
    markets = result.plan.traded[:_MARKETS]
    bars_max = max(100, min(_BARS, _BARS_OF_ALL // len(markets)))
    return {
        "currency": result.plan.currency,
        "curve": _curve(result),
        "markets": [_market(result, market, bars_max) for market in markets],
    }


def _curve(result: RunResult) -> Columns:
    """Thin the curves: the last value of each stretch, its deepest drawdown, its mean exposure."""
    initial = float(result.initial)
    time = np.append(result.start // SECOND, result.time_s)
    equity = np.append(initial, result.equity)
    hold = hold_curve(result)
    fall = drawdowns(equity)
    exposure = np.append(0.0, exposure_curve(result))
    distinct = np.flatnonzero(np.append(np.diff(time) > 0, True))
    step = -(-len(distinct) // _POINTS)
    picked = distinct[(len(distinct) - 1) % step :: step]
    first = np.append(0, picked[:-1] + 1)
    return {
        "time": time[picked].tolist(),
        "equity": _rounded(equity[picked], 2),
        "hold": None if hold is None else _rounded(np.append(initial, hold)[picked], 2),
        "drawdown": _rounded(-np.maximum.reduceat(fall, first), 5),
        "exposure": _rounded(np.add.reduceat(exposure, first) / (picked - first + 1), 4),
    }


def _market(result: RunResult, market: Market, bars_max: int) -> Columns:
    exchange, pair = market
    candles = result.candles.get(market)
    if candles is None:
        freq_s, digits, bars = _from_prices(result.time_s, result.prices[market], bars_max)
    else:
        digits = candles.price_digits
        freq_s, bars = _from_candles(candles, bars_max)
    fills = [fill for fill in result.fills if (fill.exchange, fill.pair) == market]
    return {
        "name": f"{pair} on {exchange}",
        "freq": format_freq(freq_s),
        "digits": digits,
        "time": bars[0].tolist(),
        **{
            name: _rounded(column, digits)
            for name, column in zip(("open", "high", "low", "close"), bars[1:], strict=True)
        },
        "markers": _markers(fills, bars[0]),
    }


def _freq(base_s: int, time_s: IntArray, bars_max: int) -> int:
    """Return the shortest usual length, a multiple of the base, that makes few enough bars."""
    for freq_s in _FREQS_S:
        bars = np.count_nonzero(np.diff(time_s // freq_s)) + 1
        if freq_s % base_s == 0 and bars <= bars_max:
            return freq_s
    span_s = int(time_s[-1] - time_s[0]) + base_s
    return base_s * (span_s // (base_s * (bars_max - 1)) + 1)


def _from_candles(candles: Candles, bars_max: int) -> tuple[int, list[Any]]:
    freq_s = candles.freq_s
    if len(candles) > bars_max:
        freq_s = _freq(freq_s, candles.time, bars_max)
        candles = candles.resample(freq_s)
    return freq_s, [
        candles.time,
        *(candles.floats(name) for name in ("open", "high", "low", "close")),
    ]


def _from_prices(time_s: IntArray, prices: FloatArray, bars_max: int) -> tuple[int, int, list[Any]]:
    """Make bars of a price that is known now and then; the digits suit its size."""
    known = ~np.isnan(prices)
    time_s, prices = time_s[known], prices[known]
    if not len(prices):
        return 1, 2, [time_s, *[prices] * 4]
    freq_s = _freq(1, time_s, bars_max)
    bucket = time_s // freq_s
    first = np.flatnonzero(np.diff(bucket, prepend=bucket[0] - 1))
    last = np.append(first[1:], len(bucket)) - 1
    top = float(prices.max())
    digits = 2 if top <= 0 else max(2, 5 - int(np.floor(np.log10(top))))
    return (
        freq_s,
        digits,
        [
            bucket[first] * freq_s,
            prices[first],
            np.maximum.reduceat(prices, first),
            np.minimum.reduceat(prices, first),
            prices[last],
        ],
    )


def _markers(fills: Sequence[Fill], time_s: IntArray) -> Columns:
    """Join the fills of each bar and side: where, how many, how much, at which average price."""
    if not fills or not len(time_s):
        return {name: [] for name in ("bar", "buy", "count", "size", "price")}
    when = np.array([fill.time for fill in fills], np.int64) // SECOND
    bar = np.maximum(np.searchsorted(time_s, when, side="right") - 1, 0)
    buys = np.array([fill.side is Side.BUY for fill in fills])
    size = np.array([float(fill.size) for fill in fills])
    notional = size * np.array([float(fill.price) for fill in fills])
    places, place = np.unique(bar * 2 + buys, return_inverse=True)
    sizes = np.bincount(place, size)
    prices = np.bincount(place, notional) / sizes
    return {
        "bar": (places // 2).tolist(),
        "buy": (places % 2).tolist(),
        "count": np.bincount(place).tolist(),
        "size": [float(f"{value:.6g}") for value in sizes.tolist()],
        "price": [float(f"{value:.8g}") for value in prices.tolist()],
    }


def _rounded(values: FloatArray, digits: int) -> list[float]:
    rounded: list[float] = np.round(values, digits).tolist()
    return rounded
