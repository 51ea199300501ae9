"""Figures of merit of a run, computed afterwards from its equity curve.

Floats are right here: these are statistics. The equity at the end is counted exactly elsewhere.
"""

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "ANNUALISED_FROM_DAYS",
    "DAYS_PER_YEAR",
    "Drawdown",
    "Figures",
    "daily_equity",
    "drawdown",
    "drawdowns",
    "figures",
    "monthly_returns",
    "sharpe_ratio",
    "simple_returns",
    "sortino_ratio",
    "steps",
    "volatility",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

DAYS_PER_YEAR: Final = 365  # these markets never close
ANNUALISED_FROM_DAYS: Final = 30  # the power of a shorter period says nothing
_DAY_S: Final = 86_400
_RUIN: Final = 1e-12  # share of the initial equity below which returns mean nothing


@dataclass(frozen=True, slots=True)
class Drawdown:
    """The deepest fall of an equity curve.

    Attributes
    ----------
    depth : float
        As a fraction of the peak: 0.2 is 20 %.
    peak_s, trough_s : int
        When it began and when it was deepest, seconds since 1970 UTC.
    recovered_s : int or None
        When the peak was reached again; None where it was not.
    duration_s : int
        From the peak to the recovery, else to the end.
    """

    depth: float
    peak_s: int
    trough_s: int
    recovered_s: int | None
    duration_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Figures of merit, as fractions and not in percent.

    What can't be computed is None, and ``undefined`` says by its name why.

    Attributes
    ----------
    total_return : float
        Of the whole period.
    annual_return : float or None
        The constant yearly growth that makes the total return, a year of 365 days.
    volatility : float or None
        Annualised sample standard deviation of the daily returns.
    sharpe, sortino : float or None
        See `sharpe_ratio` and `sortino_ratio`.
    calmar : float or None
        Annual return over the deepest drawdown.
    max_drawdown : float
        Depth of ``drawdown``.
    drawdown : Drawdown or None
        None where the equity never fell.
    monthly_returns : dict of str to float
        By UTC month such as ``2022-08``, those at both ends as far as they go.
    days : int
        How many daily returns there are.
    """

    total_return: float
    annual_return: float | None
    volatility: float | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    max_drawdown: float
    drawdown: Drawdown | None
    monthly_returns: dict[str, float]
    days: int
    undefined: dict[str, str]


def figures(
    start_s: int, initial: float, time_s: IntArray, equity: FloatArray, risk_free: float = 0.0
) -> Figures:
    """Return the figures of an equity curve.

    Parameters
    ----------
    start_s : int
        Seconds since 1970, UTC, not after the first point.
    initial : float
        Equity then, > 0.
    time_s : ndarray of int64, shape (n,)
        Seconds since 1970, UTC, ascending.
    equity : ndarray of float64, shape (n,)
        Not negative. What follows a total loss is left out of the daily returns.
    risk_free : float
        Risk-free return a year, as a fraction.
    """
    curve, times = np.append(initial, equity), np.append(start_s, time_s)
    daily = _returns_until_ruin(daily_equity(initial, time_s, equity))
    total = float(curve[-1] / initial - 1.0)
    fall = drawdown(times, curve)
    annual = _annual_return(total, int(times[-1]) - start_s)
    found = {
        "annual_return": annual,
        "volatility": volatility(daily),
        "sharpe": sharpe_ratio(daily, risk_free),
        "sortino": sortino_ratio(daily, risk_free),
        "calmar": None if annual is None or fall is None else annual / fall.depth,
    }
    few = "needs two days" if len(daily) < 2 else None
    short = f"needs {ANNUALISED_FROM_DAYS} days"
    why = {
        "annual_return": short,
        "volatility": few,
        "sharpe": few or "the equity never moved",
        "sortino": few or "no day below the risk-free rate",
        "calmar": "the equity never fell" if fall is None else short,
    }
    return Figures(
        total_return=total,
        max_drawdown=0.0 if fall is None else fall.depth,
        drawdown=fall,
        monthly_returns=monthly_returns(initial, time_s, equity),
        days=len(daily),
        undefined={name: str(why[name]) for name, value in found.items() if value is None},
        **found,
    )


def _annual_return(total: float, period_s: int) -> float | None:
    if period_s < ANNUALISED_FROM_DAYS * _DAY_S:
        return None
    return float((1.0 + total) ** (DAYS_PER_YEAR * _DAY_S / period_s)) - 1.0


def _returns_until_ruin(values: FloatArray) -> FloatArray:
    ruined = np.flatnonzero(values <= values[0] * _RUIN)
    return simple_returns(values[: ruined[0] + 1] if len(ruined) else values)


def drawdown(time_s: IntArray, equity: FloatArray) -> Drawdown | None:
    """Return the deepest fall from a peak, None where there is none.

    Parameters
    ----------
    time_s : ndarray of int64, shape (n,)
        Seconds since 1970, UTC, ascending.
    equity : ndarray of float64, shape (n,)
        From the start of the run on, the first > 0; n ≥ 1.
    """
    falls = drawdowns(equity)
    trough = int(np.argmax(falls))
    if falls[trough] <= 0.0:
        return None
    # Of a peak that was touched several times the fall began at the last.
    before = equity[: trough + 1]
    peak = len(before) - 1 - int(np.argmax(before[::-1]))
    after = np.flatnonzero(equity[trough:] >= equity[peak])
    recovered = int(time_s[trough + after[0]]) if len(after) else None
    peak_s = int(time_s[peak])
    end_s = int(time_s[-1]) if recovered is None else recovered
    return Drawdown(float(falls[trough]), peak_s, int(time_s[trough]), recovered, end_s - peak_s)


def drawdowns(equity: FloatArray) -> FloatArray:
    """Return how far each value is below the highest before it, as a fraction of that."""
    falls: FloatArray = 1.0 - equity / np.maximum.accumulate(equity)
    return falls


def monthly_returns(initial: float, time_s: IntArray, equity: FloatArray) -> dict[str, float]:
    """Return the return of each UTC month that has a value; midnight ends the month before.

    After a total loss there are no more.
    """
    month = (time_s - 1).astype("datetime64[s]").astype("datetime64[M]")
    last = np.append(month[1:] != month[:-1], True)[: len(month)]
    returns = _returns_until_ruin(np.append(initial, equity[last]))
    names = np.datetime_as_string(month[last]).tolist()
    return dict(zip(names, returns.tolist(), strict=False))


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


def volatility(daily_returns: FloatArray) -> float | None:
    """Return the sample standard deviation (n − 1) times √365; None with fewer than two."""
    if len(daily_returns) < 2:
        return None
    return float(np.std(daily_returns, ddof=1)) * math.sqrt(DAYS_PER_YEAR)


def sharpe_ratio(daily_returns: FloatArray, risk_free: float = 0.0) -> float | None:
    """Return the annualised Sharpe ratio.

    The mean of the daily simple returns above the risk-free rate over their sample standard
    deviation (n − 1), times √365. None with fewer than two returns or without variation.

    Parameters
    ----------
    risk_free : float
        Return a year, as a fraction; a day has its 365th part.

    References
    ----------
    Sharpe, W. F. (1994), The Sharpe Ratio, The Journal of Portfolio Management 21(1), 49-58.
    """
    if len(daily_returns) < 2:
        return None
    return _annual_ratio(daily_returns, risk_free, float(np.std(daily_returns, ddof=1)))


def sortino_ratio(daily_returns: FloatArray, risk_free: float = 0.0) -> float | None:
    """Return the annualised Sortino ratio: like Sharpe's, over the downside deviation.

    That is the root of the mean square of what each return is below the risk-free rate, over all
    n returns. None with fewer than two returns or none below the rate.

    References
    ----------
    Sortino, F. A. and Price, L. N. (1994), Performance Measurement in a Downside Risk Framework,
    The Journal of Investing 3(3), 59-64.
    """
    if len(daily_returns) < 2:
        return None
    below = np.minimum(daily_returns - risk_free / DAYS_PER_YEAR, 0.0)
    return _annual_ratio(daily_returns, risk_free, math.sqrt(float(np.mean(below**2))))


def _annual_ratio(daily_returns: FloatArray, risk_free: float, risk: float) -> float | None:
    if risk == 0.0:
        return None
    excess = float(np.mean(daily_returns)) - risk_free / DAYS_PER_YEAR
    return excess / risk * math.sqrt(DAYS_PER_YEAR)


def steps(grid: IntArray, time: IntArray, values: FloatArray) -> FloatArray:
    """Return the value that is valid at each point of a grid, shape (n_grid,).

    Parameters
    ----------
    grid, time : ndarray of int64
        In one unit, ascending. ``values[i]`` is valid from ``time[i]`` on, the first one also
        before that; there is at least one.
    """
    if np.array_equal(grid, time):
        return values
    rows: NDArray[Any] = np.searchsorted(time, grid, side="right") - 1
    valid: FloatArray = values[np.maximum(rows, 0)]
    return valid
