"""Figures of merit of a run, computed afterwards from its equity curve.

Floats are right here: these are statistics. The equity at the end is counted exactly elsewhere.
"""

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "DAYS_PER_YEAR",
    "Figures",
    "daily_equity",
    "figures",
    "max_drawdown",
    "sharpe_ratio",
    "simple_returns",
    "steps",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

DAYS_PER_YEAR: Final = 365  # these markets never close
_DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of merit, as fractions and not in percent.

    Attributes
    ----------
    total_return : float
        Of the whole period.
    max_drawdown : float
        See `max_drawdown`.
    sharpe : float or None
        See `sharpe_ratio`.
    """

    total_return: float
    max_drawdown: float
    sharpe: float | None


def figures(initial: float, time_s: IntArray, equity: FloatArray) -> Figures:
    """Return the figures of an equity curve.

    Parameters
    ----------
    initial : float
        Equity before the first point, > 0.
    time_s : ndarray of int64, shape (n,)
        Seconds since 1970, UTC, ascending.
    equity : ndarray of float64, shape (n,)
    """
    curve = np.concatenate([[initial], equity])
    return Figures(
        float(curve[-1] / initial - 1.0),
        max_drawdown(curve),
        sharpe_ratio(simple_returns(daily_equity(initial, time_s, equity))),
    )


def daily_equity(initial: float, time_s: IntArray, equity: FloatArray) -> FloatArray:
    """Return the equity at the start and then at the end of each UTC day that has a value.

    Parameters
    ----------
    initial : float
        Equity before the first value.
    time_s : ndarray of int64, shape (n,)
        Seconds since 1970, UTC, ascending. Midnight belongs to the day that ends with it.
    equity : ndarray of float64, shape (n,)

    Returns
    -------
    ndarray of float64, shape (n_days + 1,)
        The last day counts as it stands, even when it is not over.
    """
    day = (time_s - 1) // _DAY_S
    last_of_day = np.append(day[1:] != day[:-1], True)[: len(day)]
    return np.concatenate([[initial], equity[last_of_day]])


def simple_returns(values: FloatArray) -> FloatArray:
    """Return ``values[i + 1] / values[i] − 1``, shape (n − 1,), per period of the values."""
    returns: FloatArray = values[1:] / values[:-1] - 1.0
    return returns


def max_drawdown(equity: FloatArray) -> float:
    """Return the deepest fall from a peak, as a fraction of that peak: 0.2 is 20 %.

    Parameters
    ----------
    equity : ndarray of float64, shape (n,)
        Positive, in time order, from the start of the run on; n ≥ 1.
    """
    peak = np.maximum.accumulate(equity)
    return float(np.max(1.0 - equity / peak))


def sharpe_ratio(daily_returns: FloatArray) -> float | None:
    """Return the annualised Sharpe ratio with a risk-free rate of 0.

    The mean of the daily simple returns over their sample standard deviation (n − 1), times
    √365. None with fewer than two returns or without variation.

    References
    ----------
    Sharpe, W. F. (1994), The Sharpe Ratio, The Journal of Portfolio Management 21(1), 49-58.
    """
    if len(daily_returns) < 2:
        return None
    risk = float(np.std(daily_returns, ddof=1))
    if risk == 0.0:
        return None
    return float(np.mean(daily_returns)) / risk * math.sqrt(DAYS_PER_YEAR)


def steps(grid: IntArray, time: IntArray, values: FloatArray) -> FloatArray:
    """Return the value that is valid at each point of a grid, shape (n_grid,).

    Parameters
    ----------
    grid, time : ndarray of int64
        In one unit, ascending. ``values[i]`` is valid from ``time[i]`` on, the first one also
        before that; there is at least one.
    """
    rows: NDArray[Any] = np.searchsorted(time, grid, side="right") - 1
    valid: FloatArray = values[np.maximum(rows, 0)]
    return valid
