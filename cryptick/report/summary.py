"""The summary of a run: what ``summary.json`` says."""

from typing import Final

import msgspec

from cryptick.metrics import DAYS_PER_YEAR, Figures, figures
from cryptick.report.analysis import (
    Benchmark,
    Exposure,
    RoundTrips,
    Turnover,
    analyse,
    data_warnings,
)
from cryptick.report.result import RunResult
from cryptick.run_directory import RunDirectory
from exchange_wrapper.numbers import format_amount
from exchange_wrapper.times import SECOND, to_iso

__all__ = ["SCHEMA", "FeeRow", "Summary", "WalletRow", "write_summary"]

SCHEMA: Final = 1
"""Version of the form of ``summary.json``; a field that is only added does not change it."""

_RISK_FREE: Final = 0.0


class FeeRow(msgspec.Struct, frozen=True):
    """The fees of an exchange, as fractions of the notional."""

    exchange: str
    maker: str
    taker: str


class WalletRow(msgspec.Struct, frozen=True):
    """What is in a wallet at the end."""

    exchange: str
    currency: str
    balance: str


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a run.

    Amounts are exact decimal texts, those of equity in ``currency``, fees by their currency.
    Times are ISO 8601. ``risk_free`` is a return a year, as a fraction.
    """

    schema: int
    run_id: str
    strategy: str
    mode: str
    params: dict[str, object]
    source: str
    pairs: list[str]
    events: dict[str, int]
    period_start: str
    period_end: str
    currency: str
    initial_equity: str
    final_equity: str
    days_per_year: int
    risk_free: float
    figures: Figures
    benchmark: Benchmark
    exposure: Exposure
    turnover: Turnover
    round_trips: RoundTrips
    fees_paid: dict[str, str]
    fees: list[FeeRow]
    orders: int
    trades: int
    wallets: list[WalletRow]
    fill_model: str
    warnings: list[str]
    directory: str


def write_summary(result: RunResult, directory: RunDirectory) -> Summary:
    """Put the result of a run together; write ``summary.json`` and ``equity.csv``."""
    request, plan, counts = result.request, result.plan, result.counts
    initial = float(result.initial)
    activity = analyse(result)
    summary = Summary(
        schema=SCHEMA,
        run_id=directory.run_id,
        strategy=request.strategy.__name__,
        mode=request.mode,
        params=request.describe_params(),
        source=result.source,
        pairs=[f"{pair} on {exchange}" for exchange, pair in plan.followed],
        events=dict(result.events),
        period_start=to_iso(result.start),
        period_end=to_iso(result.end),
        currency=plan.currency,
        initial_equity=format_amount(result.initial),
        final_equity=format_amount(result.final),
        days_per_year=DAYS_PER_YEAR,
        risk_free=_RISK_FREE,
        figures=figures(result.start // SECOND, initial, result.time_s, result.equity, _RISK_FREE),
        benchmark=activity.benchmark,
        exposure=activity.exposure,
        turnover=activity.turnover,
        round_trips=activity.round_trips,
        fees_paid={name: format_amount(paid) for name, paid in sorted(counts.fees.items())},
        fees=[
            FeeRow(name, format_amount(schedule.maker), format_amount(schedule.taker))
            for name, schedule in sorted(result.fees.items())
        ],
        orders=counts.orders,
        trades=counts.trades,
        wallets=[
            WalletRow(exchange, currency, format_amount(amount))
            for (exchange, currency), amount in sorted(result.holdings.items())
        ],
        fill_model=result.fill_model,
        warnings=data_warnings(result),
        directory=str(directory.path),
    )
    directory.write_curve(result.start, result.initial, result.time_s, result.equity)
    directory.write_json("summary.json", summary)
    return summary
