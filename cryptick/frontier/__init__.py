"""The efficient frontier and the way to it: statistics in floats, orders in exact decimals.

Nothing here does I/O, reads a clock or draws unseeded random numbers.
"""

from cryptick.frontier.efficient import Bounds, Frontier, Gap, efficient_frontier
from cryptick.frontier.moments import (
    HISTORY_DAYS,
    RISK_FREE_RATE,
    Moments,
    Returns,
    annual_rate,
    estimate,
    simple_returns,
)
from cryptick.frontier.planned_order import (
    Holdings,
    Place,
    PlannedOrder,
    Terms,
    execute,
    slice_orders,
)
from cryptick.frontier.portfolio import Portfolio, exact_weights, measure
from cryptick.frontier.random_portfolios import Band, Cloud, confidence_band, random_portfolios
from cryptick.frontier.rebalance import RebalancePlan, plan_rebalance

__all__ = [
    "HISTORY_DAYS",
    "RISK_FREE_RATE",
    "Band",
    "Bounds",
    "Cloud",
    "Frontier",
    "Gap",
    "Holdings",
    "Moments",
    "Place",
    "PlannedOrder",
    "Portfolio",
    "RebalancePlan",
    "Returns",
    "Terms",
    "annual_rate",
    "confidence_band",
    "efficient_frontier",
    "estimate",
    "exact_weights",
    "execute",
    "measure",
    "plan_rebalance",
    "random_portfolios",
    "simple_returns",
    "slice_orders",
]
