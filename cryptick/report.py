"""What a run came to: the summary, and its table on the terminal."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec
from rich.console import Console
from rich.table import Table

from cryptick.metrics import DAYS_PER_YEAR, Figures
from cryptick.request import RunRequest
from cryptick.run_directory import RunDirectory, RunRecorder
from cryptick.valuation import Plan
from exchange_wrapper.fees import FeeSchedule
from exchange_wrapper.numbers import format_amount
from exchange_wrapper.times import UtcNs, to_iso

__all__ = ["FeeRow", "Summary", "WalletRow", "print_summary", "write_summary"]


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
    Times are ISO 8601.
    """

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
    figures: Figures
    fees_paid: dict[str, str]
    fees: list[FeeRow]
    orders: int
    trades: int
    wallets: list[WalletRow]
    fill_model: str
    directory: str


def write_summary(
    request: RunRequest,
    plan: Plan,
    directory: RunDirectory,
    recorder: RunRecorder,
    *,
    source: str,
    events: dict[str, int],
    period: tuple[UtcNs, UtcNs],
    equity: tuple[Decimal, Decimal],
    figures: Figures,
    holdings: Mapping[tuple[str, str], Decimal],
    fees: Mapping[str, FeeSchedule],
    fill_model: str,
) -> Summary:
    """Put the result of a run together and write it to ``summary.json``.

    Parameters
    ----------
    events : dict of str to int
        How many of what the market said.
    period, equity : tuple
        At the start and at the end.
    holdings : mapping of (exchange, currency) to Decimal
        At the end.
    """
    counts = recorder.counts
    summary = Summary(
        run_id=directory.run_id,
        strategy=request.strategy.__name__,
        mode=request.mode,
        params=request.describe_params(),
        source=source,
        pairs=[f"{pair} on {exchange}" for exchange, pair in plan.followed],
        events=events,
        period_start=to_iso(period[0]),
        period_end=to_iso(period[1]),
        currency=plan.currency,
        initial_equity=format_amount(equity[0]),
        final_equity=format_amount(equity[1]),
        figures=figures,
        fees_paid={name: format_amount(paid) for name, paid in sorted(counts.fees.items())},
        fees=[
            FeeRow(name, format_amount(schedule.maker), format_amount(schedule.taker))
            for name, schedule in sorted(fees.items())
        ],
        orders=counts.orders,
        trades=counts.trades,
        wallets=[
            WalletRow(exchange, currency, format_amount(amount))
            for (exchange, currency), amount in sorted(holdings.items())
        ],
        fill_model=fill_model,
        directory=str(directory.path),
    )
    directory.write_json("summary.json", summary)
    return summary


def print_summary(summary: Summary, console: Console) -> None:
    """Print the summary as a table."""
    figures, currency = summary.figures, summary.currency
    sharpe = "too few days" if figures.sharpe is None else f"{figures.sharpe:.2f}"
    wallets = (f"{row.balance} {row.currency} on {row.exchange}" for row in summary.wallets)
    fees = (
        f"{_percent(row.maker)} maker, {_percent(row.taker)} taker on {row.exchange}"
        for row in summary.fees
    )
    paid = (f"{_money(amount)} {name}" for name, amount in summary.fees_paid.items())
    events = (f"{number:,} {name}" for name, number in summary.events.items())
    start, end = (
        time[:16].replace("T", " ") for time in (summary.period_start, summary.period_end)
    )
    rows = (
        ("final equity", f"{_money(summary.final_equity)} {currency}"),
        ("initial equity", f"{_money(summary.initial_equity)} {currency}"),
        ("return", f"{figures.total_return:+.2%}"),
        ("max drawdown", f"{figures.max_drawdown:.2%}"),
        (f"Sharpe ratio ({DAYS_PER_YEAR} days, risk-free 0)", sharpe),
        ("fees paid", ", ".join(paid) or f"0 {currency}"),
        ("orders", f"{summary.orders:,}"),
        ("trades", f"{summary.trades:,}"),
        ("wallets", "\n".join(wallets)),
        ("period", f"{start} to {end} UTC"),
        ("market", f"{', '.join(summary.pairs)}: {', '.join(events)}"),
        ("fill model", summary.fill_model),
        ("fees", "\n".join(fees)),
        ("source", summary.source),
        ("run directory", summary.directory),
    )
    table = Table(title=f"{summary.strategy}, {summary.mode}", show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _money(amount: str) -> str:
    """Return an exact amount with its thousands set apart."""
    return f"{Decimal(amount):,}"


def _percent(fraction: str) -> str:
    return f"{(Decimal(fraction) * 100).normalize():f} %"
