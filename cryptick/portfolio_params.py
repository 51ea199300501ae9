"""The parameters of a portfolio on the efficient frontier."""

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from croniter import croniter

from cryptick.errors import UsageError
from cryptick.frontier.target import Target, check_bounds, parse_bounds
from cryptick.parameters import Parameters
from cryptick.portfolio_trading import Pace
from cryptick.strategy.base import Funded, param
from exchange_wrapper.candles import parse_freq
from exchange_wrapper.numbers import ZERO

__all__ = ["PortfolioParams"]

_QUOTES: Final = ("USD", "USDT", "USDC", "EUR", "GBP")


@dataclass(frozen=True)
class PortfolioParams(Parameters):
    """Which currencies, how they are estimated, what is wanted and how it is traded."""

    assets: tuple[str, ...] = param(
        (), help="currencies of the mix; empty is all that trade against the quote currency"
    )
    quote: str = param("", help="quote currency; empty is the usual one of those funded")
    target: str = param(
        "",
        help="maximum-sharpe, minimum-variance, return=80%, risk=40% or "
        "weights=BTC:0.4,ETH:0.6; empty waits for the user",
    )
    confirm: bool = param(True, help="trade only what the user has confirmed")
    days: int = param(180, help="history that is looked at", unit="days", ge=1, le=3650)
    days_least: Decimal = param(
        Decimal(1), help="history without which there is no frontier", unit="days", ge=0
    )
    period: str = param("5m", help="length of the periods whose returns are estimated")
    risk_free: Decimal = param(
        Decimal(3), help="risk-free rate", unit="% per half-year", gt=-100, le=100
    )
    shrink: bool = param(False, help="shrink the covariance (Ledoit-Wolf)")
    bounds: tuple[str, ...] = param(
        (), help="least and largest weights such as BTC:10%-40%, for the others 0 to 1"
    )
    cloud: int = param(10_000, help="random portfolios behind the frontier", ge=0, le=50_000)
    resamples: int = param(
        200, help="histories drawn for the confidence band; 0 for none", ge=0, le=5_000
    )
    band: Decimal = param(
        Decimal(1), help="drift of a weight that is left alone", unit="%", ge=0, lt=100
    )
    cash_buffer: Decimal = param(ZERO, help="quote currency kept outside the mix", ge=0)
    slices: int = param(5, help="orders that each trade is cut into", ge=1, le=1_000)
    interval_s: int = param(60, help="time between slices", unit="s", ge=1)
    slippage_max: Decimal = param(
        Decimal("0.5"), help="farthest from the best price to trade", unit="%", ge=0, le=50
    )
    participation: Decimal = param(
        ZERO,
        help="largest share of the volume traded since the last slice; 0 is any",
        unit="%",
        ge=0,
        le=100,
    )
    estimate_at: str = param("0 0 * * 1", help="when to estimate anew (cron, UTC); empty is never")
    rebalance_at: str = param(
        "5 0 * * *", help="when to go back to the target (cron, UTC); empty is never"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        parse_freq(self.period)
        bounds = parse_bounds(self.bounds)
        if self.target:
            check_bounds(Target.parse(self.target).weights, bounds if self.fixed else {})
        for flag, text in (
            ("estimate-at", self.estimate_at),
            ("rebalance-at", self.rebalance_at),
        ):
            if text and not croniter.is_valid(text):
                raise UsageError(f"--{flag} {text!r} is not a cron expression: use '0 8 * * *'")

    @property
    def fixed(self) -> bool:
        """Whether the target names weights."""
        return self.target.startswith("weights=")

    def currency(self, funded: Funded) -> str:
        """Return the quote currency of a run with these balances."""
        if self.quote:
            return self.quote.upper()
        held = {currency for wallets in funded.values() for currency in wallets}
        usual = [currency for currency in _QUOTES if currency in held]
        if usual:
            return usual[0]
        if len(held) == 1:
            return next(iter(held))
        raise UsageError(
            f"which of {', '.join(sorted(held))} pays for the others? Give it as --quote"
        )

    def pace(self) -> Pace:
        """Return how to trade."""
        return Pace(
            self.slices,
            self.interval_s,
            self.slippage_max / 100,
            self.participation / 100 or None,
            self.cash_buffer,
        )

    def check_names(self, currencies: Collection[str]) -> None:
        """Refuse bounds and weights of currencies that are not in the mix.

        Raises
        ------
        UsageError
            The sentence names them.
        """
        named = {"bounds": set(parse_bounds(self.bounds))}
        if self.target:
            named["target"] = set(Target.parse(self.target).weights)
        for flag, found in named.items():
            if unknown := found - set(currencies):
                raise UsageError(
                    f"--{flag} names {', '.join(sorted(unknown))}, which is not in the mix of "
                    f"{', '.join(currencies)}"
                )
