"""What a run did in its market: exposure, turnover, round trips, and holding instead."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

import msgspec
import numpy as np

from cryptick.metrics import DAYS_PER_YEAR, FloatArray, drawdowns
from cryptick.report.result import RunResult
from cryptick.round_trips import RoundTrip, round_trips
from exchange_wrapper.candles import Candles, format_freq
from exchange_wrapper.numbers import LEDGER, ZERO, format_amount
from exchange_wrapper.pair import split_name
from exchange_wrapper.terms import Side
from exchange_wrapper.times import SECOND, UtcNs, to_iso

__all__ = [
    "Activity",
    "Benchmark",
    "Exposure",
    "RoundTrips",
    "Trip",
    "Turnover",
    "analyse",
    "data_warnings",
    "exposure_curve",
    "hold_curve",
    "late_starts",
]

_DUST: Final = 1e-6  # share of the equity that a rest too small to sell may be


class Benchmark(msgspec.Struct, frozen=True):
    """Holding the traded currencies instead, in equal parts, from the first price on, fee-free.

    Each figure is a fraction; None where no traded pair had a price.
    """

    bases: list[str]
    total_return: float | None
    max_drawdown: float | None


class Exposure(msgspec.Struct, frozen=True):
    """Shares of the time with more than dust in the market, and of the equity there on average."""

    time: float
    equity: float


class Turnover(msgspec.Struct, frozen=True):
    """What was traded, both sides counted.

    ``traded`` has exact amounts by quote. ``times`` is how often that is the average equity,
    ``times_a_year`` the same at this pace; None where that can't be said.
    """

    traded: dict[str, str]
    times: float | None
    times_a_year: float | None


class Trip(msgspec.Struct, frozen=True):
    """A round trip: ``profit`` in quote after fees, ``fraction`` of its cost."""

    time: str
    exchange: str
    pair: str
    size: str
    profit: str
    fraction: float


class RoundTrips(msgspec.Struct, frozen=True):
    """Selling orders and what they sold, first in, first out.

    ``profit`` is by quote. ``profit_factor`` is gains over losses; it and others are None where
    ``undefined`` says why. ``best`` and ``worst`` are by fraction.
    """

    count: int
    won: int
    lost: int
    profit: dict[str, str]
    win_rate: float | None
    profit_factor: float | None
    best: Trip | None
    worst: Trip | None
    undefined: dict[str, str]


class Activity(msgspec.Struct, frozen=True):
    """All of it."""

    benchmark: Benchmark
    exposure: Exposure
    turnover: Turnover
    round_trips: RoundTrips


def analyse(result: RunResult) -> Activity:
    """Return what a run did in its market."""
    hold = hold_curve(result)
    bases = sorted({split_name(pair)[0] for _, pair in result.plan.traded})
    benchmark = Benchmark(bases, None, None)
    if hold is not None:
        worth = np.append(float(result.initial), hold)
        benchmark = Benchmark(
            bases, float(worth[-1] / worth[0] - 1.0), float(drawdowns(worth).max())
        )
    return Activity(benchmark, _exposure(result), _turnover(result), _round_trips(result))


def hold_curve(result: RunResult) -> FloatArray | None:
    """Return what the equity would be, had it been held in the traded currencies; shape (n,)."""
    places = {(exchange, split_name(pair)[0]) for exchange, pair in result.plan.traded}
    ratios = []
    for place in sorted(places):
        market = result.plan.prices[place]
        if market is None:
            ratios.append(np.ones(len(result.time_s)))
            continue
        prices, first = result.prices[market], result.first_price(*market)
        if first is None or not first > 0:
            continue
        ratios.append(np.where(np.isnan(prices), 1.0, prices / float(first)))
    if not ratios:
        return None
    curve: FloatArray = float(result.initial) * np.mean(ratios, axis=0)
    return curve


def exposure_curve(result: RunResult) -> FloatArray:
    """Return the share of the equity that is not in the counted currency, shape (n,)."""
    counted, balances = result.plan.currency, result.request.wallets()
    start = sum(float(amount) for (_, name), amount in balances.items() if name == counted)
    moved = [0.0] * len(result.fills)
    times = np.array([fill.time for fill in result.fills], np.int64)
    points = np.searchsorted(result.time_s * SECOND, times)
    names = {pair: split_name(pair) for _, pair in result.plan.followed}
    for number, fill in enumerate(result.fills):
        base, quote = names[fill.pair]
        sign = 1.0 if fill.side is Side.BUY else -1.0
        if quote == counted:
            moved[number] = -(sign * float(fill.price) * float(fill.size) + float(fill.fee))
        elif base == counted:
            moved[number] = sign * float(fill.size)
    cash = start + np.cumsum(np.bincount(points, moved, len(result.time_s) + 1)[:-1])
    with np.errstate(divide="ignore", invalid="ignore"):
        share = 1.0 - cash / result.equity
    curve: FloatArray = np.where(result.equity > 0.0, np.clip(share, 0.0, 1.0), 0.0)
    return curve


def _exposure(result: RunResult) -> Exposure:
    share = exposure_curve(result)
    span = np.diff(result.time_s * float(SECOND), prepend=float(result.start))
    total = float(span.sum())
    if total <= 0.0:
        return Exposure(0.0, 0.0)
    return Exposure(float(span[share > _DUST].sum()) / total, float((span * share).sum()) / total)


def _turnover(result: RunResult) -> Turnover:
    traded: dict[str, Decimal] = {}
    quotes = {pair: split_name(pair)[1] for _, pair in result.plan.followed}
    for fill in result.fills:
        quote = quotes[fill.pair]
        notional = LEDGER.multiply(fill.price, fill.size)
        traded[quote] = LEDGER.add(traded.get(quote, ZERO), notional)
    amounts = {quote: format_amount(amount) for quote, amount in sorted(traded.items())}
    mean = float(np.mean(np.append(float(result.initial), result.equity)))
    if mean <= 0.0 or traded.keys() - {result.plan.currency}:
        return Turnover(amounts, None, None)
    times = float(traded.get(result.plan.currency, ZERO)) / mean
    days = (result.end - result.start) / SECOND / 86_400
    return Turnover(amounts, times, times / days * DAYS_PER_YEAR if days >= 1.0 else None)


def _round_trips(result: RunResult) -> RoundTrips:
    trips = round_trips(result.fills, _held_at_start(result))
    profits = [trip.profit for trip in trips]
    totals: dict[str, Decimal] = {}
    quotes = {pair: split_name(pair)[1] for _, pair in result.plan.followed}
    for trip, profit in zip(trips, profits, strict=True):
        quote = quotes[trip.pair]
        totals[quote] = LEDGER.add(totals.get(quote, ZERO), profit)
    gains = LEDGER.create_decimal(sum(profit for profit in profits if profit > 0))
    losses = LEDGER.create_decimal(-sum(profit for profit in profits if profit < 0))
    undefined = {}
    factor: float | None = None
    if not trips:
        undefined = dict.fromkeys(("win_rate", "profit_factor", "best", "worst"), "nothing sold")
    elif len(totals) > 1:
        undefined["profit_factor"] = "profits in several currencies"
    elif not losses:
        undefined["profit_factor"] = "no losses"
    else:
        factor = float(gains) / float(losses)
    won = sum(profit > 0 for profit in profits)
    ranked = sorted(trips, key=_fraction)
    return RoundTrips(
        len(trips),
        won,
        sum(profit < 0 for profit in profits),
        {quote: format_amount(total) for quote, total in sorted(totals.items())},
        won / len(trips) if trips else None,
        factor,
        _described(ranked[-1]) if ranked else None,
        _described(ranked[0]) if ranked else None,
        undefined,
    )


def _held_at_start(result: RunResult) -> dict[tuple[str, str, str], tuple[Decimal, Decimal]]:
    held = {}
    balances = result.request.wallets()
    for exchange, pair in result.plan.followed:
        base, quote = split_name(pair)
        amount, price = balances.get((exchange, base)), result.first_price(exchange, pair)
        if amount and price is not None:
            held[exchange, base, quote] = (amount, price)
    return held


def _described(trip: RoundTrip) -> Trip:
    return Trip(
        to_iso(trip.time),
        trip.exchange,
        trip.pair,
        format_amount(trip.size),
        format_amount(trip.profit),
        _fraction(trip),
    )


def _fraction(trip: RoundTrip) -> float:
    return float(trip.profit) / float(trip.cost) if trip.cost else 0.0


def late_starts(start_s: int | None, candles: Iterable[tuple[str, str, Candles]]) -> list[str]:
    """Say which of (exchange, pair, candles) begin later than asked."""
    return [
        f"the history of {pair} on {exchange} begins at {_minute(int(one.time[0]))} UTC, later "
        "than asked"
        for exchange, pair, one in candles
        if start_s is not None and int(one.time[0]) >= start_s + one.freq_s
    ]


def data_warnings(result: RunResult) -> list[str]:
    """Say what of the market's data is not as a reader would expect."""
    candles = [(*market, one) for market, one in result.candles.items()]
    warnings = late_starts(result.request.start_s, candles)
    end_s = result.end // SECOND
    for exchange, pair, one in candles:
        gaps = one.gaps()
        missing = sum(end - start for start, end in gaps) // one.freq_s
        if missing:
            first = _minute(gaps[0][0])
            warnings.append(
                f"{missing:,} bars of {format_freq(one.freq_s)} of {pair} on {exchange} are "
                f"missing in {len(gaps):,} {'gap' if len(gaps) == 1 else 'gaps'}, first at {first} "
                "UTC"
            )
        last_s = int(one.time[-1]) + one.freq_s
        if last_s < end_s:
            warnings.append(
                f"the history of {pair} on {exchange} ends at {_minute(last_s)} UTC, before the "
                "others"
            )
    return warnings


def _minute(time_s: int) -> str:
    return to_iso(UtcNs(time_s * SECOND))[:16].replace("T", " ")
