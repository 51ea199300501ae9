"""What a run was worth: figures of a window, the objective, and the luck of the best of many."""

import math
from collections.abc import Sequence
from enum import StrEnum
from statistics import NormalDist, variance
from typing import Final

import msgspec
import numpy as np

from cryptick.metrics import (
    DAYS_PER_YEAR,
    FloatArray,
    IntArray,
    daily_equity,
    figures,
    simple_returns,
)

__all__ = ["Measures", "Objective", "deflated_sharpe", "measure", "score"]

_EULER: Final = 0.5772156649015329  # of Euler and Mascheroni


class Objective(StrEnum):
    """What is best: the higher the better."""

    SHARPE = "sharpe"
    RETURN = "return"
    CALMAR = "calmar"


class Measures(msgspec.Struct, frozen=True):
    """Figures of a run in a window, fractions and not percent.

    Attributes
    ----------
    sharpe : float or None
        Annualised, risk-free 0; None where no two days differ.
    calmar : float or None
        Annual return over the maximum drawdown; None without a drawdown or in less than 30 days.
    days : int
        Number of daily returns.
    skew, kurtosis : float
        Of the daily returns; a normal distribution has 0 and 3.
    """

    total_return: float
    max_drawdown: float
    sharpe: float | None
    calmar: float | None
    trades: int
    days: int
    skew: float
    kurtosis: float


def measure(
    start_s: int, initial: float, time_s: IntArray, equity: FloatArray, trades: int
) -> Measures:
    """Return the figures of an equity curve; see ``metrics.figures`` for its form."""
    plain = figures(start_s, initial, time_s, equity)
    returns = simple_returns(daily_equity(initial, time_s, equity))
    skew, kurtosis = _shape(returns)
    return Measures(
        plain.total_return,
        plain.max_drawdown,
        plain.sharpe,
        plain.calmar,
        trades,
        len(returns),
        skew,
        kurtosis,
    )


def score(measures: Measures | None, objective: Objective) -> float | None:
    """Return a run's objective, None where there is none."""
    if measures is None:
        return None
    value = {
        Objective.SHARPE: measures.sharpe,
        Objective.RETURN: measures.total_return,
        Objective.CALMAR: measures.calmar,
    }[objective]
    return value if value is not None and math.isfinite(value) else None


def deflated_sharpe(chosen: Measures, tried: Sequence[Measures]) -> float | None:
    """Return how likely the chosen run's Sharpe ratio is above what the luckiest of many shows.

    The trials count as independent, which neighbours in a grid are not: the truth is better. None
    where it can't be told, as with a single trial.

    Parameters
    ----------
    chosen : Measures
    tried : sequence of Measures
        Of all trials in the same window, the chosen one among them.

    Returns
    -------
    float or None
        In [0, 1]. Below 0.95 the choice is commonly taken for luck.

    References
    ----------
    Bailey, D. H. and López de Prado, M. (2014), The Deflated Sharpe Ratio, The Journal of
    Portfolio Management 40(5), 94-107.
    """
    per_day = math.sqrt(DAYS_PER_YEAR)
    ratios = [one.sharpe / per_day for one in tried if one.sharpe is not None]
    if chosen.sharpe is None or len(ratios) < 2 or chosen.days < 3:
        return None
    ratio, count, normal = chosen.sharpe / per_day, len(ratios), NormalDist()
    expected_max = math.sqrt(variance(ratios)) * (
        (1 - _EULER) * normal.inv_cdf(1 - 1 / count)
        + _EULER * normal.inv_cdf(1 - 1 / (count * math.e))
    )
    spread = 1 - chosen.skew * ratio + (chosen.kurtosis - 1) / 4 * ratio**2
    if spread <= 0:
        return None
    return normal.cdf((ratio - expected_max) * math.sqrt(chosen.days - 1) / math.sqrt(spread))


def _shape(returns: FloatArray) -> tuple[float, float]:
    """Return skew and kurtosis, those of a normal distribution without variation."""
    if len(returns) < 2 or not np.std(returns):
        return 0.0, 3.0
    away = (returns - np.mean(returns)) / np.std(returns)
    return float(np.mean(away**3)), float(np.mean(away**4))
