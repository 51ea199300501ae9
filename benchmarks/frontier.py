"""The exact frontier: time for 50 points, and what its background and a plan cost."""

from decimal import Decimal
from time import perf_counter

import numpy as np

from benchmarks.table import Figure
from cryptick.frontier import (
    Moments,
    Portfolio,
    Returns,
    Terms,
    confidence_band,
    efficient_frontier,
    estimate,
    plan_rebalance,
    random_portfolios,
)
from exchange_wrapper.pair import Pair

_BARS = 51_840  # 180 days of 5 minutes
_SIZES = (6, 50, 200, 500)
_REPEATS = {6: 20, 50: 5, 200: 1, 500: 1}


def run() -> list[Figure]:
    figures = [_frontier(count) for count in _SIZES]
    returns = _returns(6, _BARS)
    start = perf_counter()
    moments = estimate(returns)
    figures.append(Figure("moments of 6 × 180 days", _ms(start), "ms"))
    start = perf_counter()
    estimate(returns, shrink=True)
    figures.append(Figure("the same, shrunk", _ms(start), "ms"))
    frontier = efficient_frontier(moments)
    start = perf_counter()
    cloud = random_portfolios(moments, risk_free_rate=0.06, seed=1)
    best = frontier.maximum_sharpe
    note = ""
    if best is not None and best.sharpe is not None:
        note = f"best Sharpe {np.nanmax(cloud.sharpes):.4f}, exact {best.sharpe:.4f}"
    figures.append(Figure("10,000 random portfolios of 6", _ms(start), "ms", note))
    points = frontier.sample(50)
    start = perf_counter()
    confidence_band(returns, points, seed=1)
    figures.append(Figure("band of 50 points, 500 resamples", _ms(start), "ms"))
    figures.append(_plan(50))
    return figures


def _frontier(count: int) -> Figure:
    moments = estimate(_returns(count, 5_000))
    times = []
    for _ in range(_REPEATS[count]):
        start = perf_counter()
        frontier = efficient_frontier(moments)
        frontier.sample(50)
        times.append(_ms(start))
    gap = _largest_gap(moments, frontier.sample(50)[1:-1])
    note = f"{len(frontier.corners)} corners, gap in variance ≤ {gap:.0e}"
    return Figure(f"{count} currencies", float(np.median(times)), "ms", note)


def _largest_gap(moments: Moments, points: tuple[Portfolio, ...]) -> float:
    """Return the largest relative amount by which any portfolio can have less variance.

    For a convex problem no portfolio with the same or more return is better than the linear
    estimate at the point: min over w of gradient' (w − point), a bound that holds for any
    trade-off λ ≥ 0; the one used fits the held currencies best.
    """
    worst = 0.0
    for point in points:
        gradient = moments.covariance @ point.weights
        held = point.weights > 1e-9
        shape = np.column_stack([moments.expected_returns[held], np.ones(held.sum())])
        trade_off = max(0.0, float(np.linalg.lstsq(shape, gradient[held], rcond=None)[0][0]))
        reduced = gradient - trade_off * moments.expected_returns
        gap = 2.0 * (float(reduced @ point.weights) - float(reduced.min()))
        worst = max(worst, gap / point.risk**2)
    return worst


def _returns(count: int, bars: int) -> Returns:
    """Return correlated returns of a seeded market with one common factor."""
    random = np.random.default_rng(count)
    common = random.normal(0.0, 0.002, size=(bars, 1))
    own = random.normal(0.0, 0.002, size=(bars, count)) * random.uniform(0.5, 2.0, count)
    values = common * random.uniform(0.5, 1.5, count) + own + random.normal(2e-6, 4e-6, count)
    return Returns(tuple(f"C{n}" for n in range(count)), values, 300, 0, bars * 300, 0)


def _plan(count: int) -> Figure:
    names = [f"C{number}" for number in range(count)]
    step = Decimal("0.01")
    terms = [
        Terms(
            "x",
            Pair(f"{name}-USD", name, "USD", step, Decimal("0.0001"), min_notional=Decimal(5)),
            Decimal(100 + number),
            Decimal(100 + number) + step,
            Decimal("0.006"),
        )
        for number, name in enumerate(names)
    ]
    holdings = {("x", name): Decimal(10) for name in names[: count // 2]}
    target = {name: Decimal(1) / count for name in names}
    start = perf_counter()
    plan = plan_rebalance(holdings, terms, target, currency="USD")
    note = f"{len(plan.orders)} orders, deviation {plan.deviation:f}"
    return Figure(f"a plan for {count} currencies", _ms(start), "ms", note)


def _ms(start: float) -> float:
    return (perf_counter() - start) * 1e3
