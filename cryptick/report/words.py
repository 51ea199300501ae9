"""A summary in words: the names and texts that the terminal and the page share."""

from collections.abc import Callable, Mapping
from decimal import Decimal

from cryptick.metrics import Drawdown
from cryptick.report.analysis import Trip
from cryptick.report.summary import Summary
from exchange_wrapper.pair import split_name
from exchange_wrapper.times import SECOND, UtcNs, to_iso

__all__ = ["amount", "figure_rows", "minute", "percent", "rate", "ratio", "setting_rows", "signed"]

Row = tuple[str, str]


def figure_rows(summary: Summary) -> list[Row]:
    """Return the name and the text of each figure."""
    figures, trips, turnover = summary.figures, summary.round_trips, summary.turnover
    currency, hold = summary.currency, summary.benchmark
    a_year = f"a year ({summary.days_per_year} days)"
    sharpe = f"Sharpe ratio ({summary.days_per_year} days, risk-free {percent(summary.risk_free)})"

    def figure(name: str, form: Callable[[float], str]) -> str:
        value: float | None = getattr(figures, name)
        return figures.undefined[name] if value is None else form(value)

    def of_trips(name: str, form: Callable[[float], str]) -> str:
        value: float | None = getattr(trips, name)
        return trips.undefined[name] if value is None else form(value)

    held = "no price" if hold.total_return is None else signed(hold.total_return)
    turned = "in several currencies" if turnover.times is None else f"{turnover.times:,.2f} ×"
    return [
        ("final equity", f"{amount(summary.final_equity)} {currency}"),
        ("initial equity", f"{amount(summary.initial_equity)} {currency}"),
        ("return", signed(figures.total_return)),
        ("buy and hold", f"{held} ({', '.join(hold.bases)})"),
        (f"return {a_year}", figure("annual_return", signed)),
        (f"volatility {a_year}", figure("volatility", percent)),
        (sharpe, figure("sharpe", ratio)),
        ("Sortino ratio", figure("sortino", ratio)),
        ("Calmar ratio", figure("calmar", ratio)),
        ("max drawdown", _drawdown(figures.drawdown)),
        ("time in the market", percent(summary.exposure.time)),
        ("equity in the market", f"{percent(summary.exposure.equity)} on average"),
        ("traded", _money(turnover.traded, currency)),
        ("traded over equity", turned),
        ("fees paid", _money(summary.fees_paid, currency)),
        ("orders", f"{summary.orders:,}"),
        ("trades", f"{summary.trades:,}"),
        ("round trips", f"{trips.count:,} ({trips.won:,} won, {trips.lost:,} lost)"),
        ("profit of round trips", _money(trips.profit, currency)),
        ("win rate", of_trips("win_rate", percent)),
        ("profit factor", of_trips("profit_factor", ratio)),
        ("best round trip", _trip(trips.best)),
        ("worst round trip", _trip(trips.worst)),
    ]


def setting_rows(summary: Summary) -> list[Row]:
    """Return the name and the text of what the figures rest on."""
    events = ", ".join(f"{number:,} {name}" for name, number in summary.events.items())
    wallets = (f"{amount(row.balance)} {row.currency} on {row.exchange}" for row in summary.wallets)
    fees = (
        f"{rate(row.maker)} maker, {rate(row.taker)} taker on {row.exchange}"
        for row in summary.fees
    )
    params = (f"{name} {value}" for name, value in summary.params.items())
    return [
        ("wallets", "\n".join(wallets)),
        ("parameters", ", ".join(params) or "none"),
        ("period", f"{minute(summary.period_start)} to {minute(summary.period_end)} UTC"),
        ("market", f"{', '.join(summary.pairs)}: {events}"),
        ("fill model", summary.fill_model),
        ("fees", "\n".join(fees)),
        ("source", summary.source),
        ("run directory", summary.directory),
    ]


def amount(text: str) -> str:
    """Return an exact amount with its thousands set apart."""
    return f"{Decimal(text):,}"


def rate(fraction: str) -> str:
    """Return an exact fraction in percent."""
    return f"{(Decimal(fraction) * 100).normalize():f}%"


def percent(fraction: float) -> str:
    """Return a fraction in percent: 0.125 is ``12.50%``."""
    return f"{fraction:,.2%}"


def signed(fraction: float) -> str:
    """Return a gain or a loss in percent, with its sign."""
    return f"{fraction:+,.2%}"


def ratio(value: float) -> str:
    """Return a plain figure."""
    return f"{value:,.2f}"


def minute(time: str) -> str:
    """Return ISO 8601 text to the minute."""
    return time[:16].replace("T", " ")


def _money(amounts: Mapping[str, str], currency: str) -> str:
    texts = (f"{amount(text)} {name}" for name, text in amounts.items())
    return ", ".join(texts) or f"0 {currency}"


def _drawdown(fall: Drawdown | None) -> str:
    if fall is None:
        return "none"
    peak, trough = _day(fall.peak_s), _day(fall.trough_s)
    end = "not recovered" if fall.recovered_s is None else f"recovered {_day(fall.recovered_s)}"
    days = f"{fall.duration_s / 86_400:,.1f} days"
    return f"{signed(-fall.depth)}\n{peak} to {trough}, {end} ({days})"


def _day(time_s: int) -> str:
    return to_iso(UtcNs(time_s * SECOND))[:10]


def _trip(trip: Trip | None) -> str:
    if trip is None:
        return "nothing sold"
    base, quote = split_name(trip.pair)
    profit = f"{amount(trip.profit)} {quote}"
    return f"{signed(trip.fraction)}\n{profit} with {amount(trip.size)} {base}, {minute(trip.time)}"
