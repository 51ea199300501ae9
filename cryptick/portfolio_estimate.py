"""What the history says of a portfolio: its frontier, how sure it is, and chance beside it."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from cryptick.frontier import (
    Band,
    Cloud,
    Frontier,
    Portfolio,
    Returns,
    annual_rate,
    confidence_band,
    efficient_frontier,
    estimate,
    random_portfolios,
    simple_returns,
)
from cryptick.frontier.portfolio import percent
from cryptick.frontier.target import parse_bounds
from cryptick.portfolio_params import PortfolioParams
from exchange_wrapper.candles import Candles, format_freq
from exchange_wrapper.errors import NoData

__all__ = ["Estimated", "estimate_portfolio"]

_DAY_S: Final = 86_400
_HALF_YEAR_DAYS: Final = 182.5
_POINTS: Final = 50


@dataclass(frozen=True, slots=True)
class Estimated:
    """A frontier, what it was estimated from, and what is shown beside it.

    Attributes
    ----------
    returns : Returns
    frontier : Frontier
        The quote currency is the last one and has no weight, unless bounds give it some.
    points : tuple of Portfolio
        Of the frontier, from end to end.
    cloud : Cloud or None
    band : Band or None
        Of the points.
    """

    returns: Returns
    frontier: Frontier
    points: tuple[Portfolio, ...]
    cloud: Cloud | None
    band: Band | None

    def words(self) -> str:
        """Return it in one sentence."""
        returns, least = self.returns, self.frontier.minimum_variance
        best = self.frontier.maximum_sharpe
        sharpe = "no mix returns more than the risk-free rate"
        if best is not None:
            ratio = "without limit" if best.sharpe is None else f"{best.sharpe:.2f}"
            sharpe = (
                f"best Sharpe ratio {ratio} at risk {percent(best.risk)}, "
                f"return {percent(best.expected_return)}"
            )
        days = (returns.end_s - returns.start_s) / _DAY_S
        missing = f", {returns.missing:,} missing" if returns.missing else ""
        return (
            f"frontier of {', '.join(returns.currencies[:-1])} from {days:.1f} days of "
            f"{format_freq(returns.period_s)} ({len(returns.values):,} returns{missing}), per "
            f"year: least risk {percent(least.risk)} with return "
            f"{percent(least.expected_return)}, {sharpe}"
        )


def estimate_portfolio(
    params: PortfolioParams,
    history: Iterable[tuple[str, Candles]],
    currency: str,
    seed: int,
) -> Estimated:
    """Return what candles say of a portfolio.

    Parameters
    ----------
    params : PortfolioParams
    history : iterable of (str, Candles)
        Candles by currency; of several for one the longest are taken.
    currency : str
        Quote currency: part of the mix, without return or risk.
    seed : int
        Of the cloud and the band.

    Raises
    ------
    XWrapError
        The history is too short or faulty, or the bounds can't be kept.
    """
    series: dict[str, Candles] = {}
    for name, candles in history:
        if name not in series or len(candles) > len(series[name]):
            series[name] = candles
    returns = simple_returns(series, days=params.days, cash=currency)
    span = Decimal(returns.end_s - returns.start_s) / _DAY_S
    if span < params.days_least:
        raise NoData(
            f"the common history of {', '.join(series)} is shorter than the "
            f"{params.days_least:f} days that are needed"
        )
    bounds = {currency: (0.0, 0.0)} | parse_bounds(params.bounds)
    rate = annual_rate(float(params.risk_free) / 100, _HALF_YEAR_DAYS)
    moments = estimate(returns, shrink=params.shrink)
    frontier = efficient_frontier(moments, risk_free_rate=rate, bounds=bounds)
    points = frontier.sample(_POINTS)
    cloud = band = None
    if params.cloud:
        cloud = random_portfolios(
            moments, risk_free_rate=rate, seed=seed, count=params.cloud, bounds=bounds
        )
    if params.resamples:
        block_s = max(_DAY_S, returns.period_s)
        band = confidence_band(
            returns, points, seed=seed, resamples=params.resamples, block_s=block_s
        )
    return Estimated(returns, frontier, points, cloud, band)
