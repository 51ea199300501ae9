"""Chance beside the frontier: random portfolios, and how sure an estimate can be."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from cryptick.frontier.efficient import Bounds, bound_arrays, keep_bounds
from cryptick.frontier.moments import Moments, Returns
from cryptick.frontier.portfolio import Portfolio, portfolio_risk
from cryptick.metrics import DAYS_PER_YEAR, FloatArray
from exchange_wrapper.errors import ApiUsageError

__all__ = ["Band", "Cloud", "confidence_band", "random_portfolios"]

_DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True, eq=False)
class Cloud:
    """Random portfolios, the background of the picture.

    Attributes
    ----------
    weights : ndarray of float64, shape (n_portfolios, n_assets)
    expected_returns, risks : ndarray of float64, shape (n_portfolios,)
        Per year, as fractions.
    sharpes : ndarray of float64, shape (n_portfolios,)
        NaN without risk.
    """

    weights: FloatArray
    expected_returns: FloatArray
    risks: FloatArray
    sharpes: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """Between which figures portfolios lie when the history is drawn again and again.

    Attributes
    ----------
    return_low, return_high, risk_low, risk_high : ndarray of float64, shape (n_portfolios,)
        Quantiles per year, as fractions.
    """

    return_low: FloatArray
    return_high: FloatArray
    risk_low: FloatArray
    risk_high: FloatArray


def random_portfolios(
    moments: Moments,
    *,
    risk_free_rate: float,
    seed: int,
    count: int = 10_000,
    bounds: Bounds | None = None,
) -> Cloud:
    """Return portfolios whose weights are uniform among all that are ≥ 0 and sum to 1.

    With bounds, what lies above the least weights is drawn so, and what exceeds a largest weight
    is spread over the others by the room they have.

    Raises
    ------
    ApiUsageError
        A negative count, or bounds that no portfolio keeps.
    """
    if count < 0:
        raise ApiUsageError(f"{count} random portfolios can't be drawn", field="portfolios")
    lower, upper = bound_arrays(moments.currencies, bounds)
    drawn = np.random.default_rng(seed).dirichlet(np.ones(len(lower)), count)
    weights = keep_bounds(lower + (1.0 - lower.sum()) * drawn, lower, upper)
    expected_returns = weights @ moments.expected_returns
    risks = portfolio_risk(weights, moments.covariance)
    sharpes = np.full(count, np.nan)
    np.divide(expected_returns - risk_free_rate, risks, out=sharpes, where=risks > 0.0)
    return Cloud(weights, expected_returns, risks, sharpes)


def confidence_band(
    returns: Returns,
    portfolios: tuple[Portfolio, ...],
    *,
    seed: int,
    resamples: int = 500,
    level: float = 0.9,
    block_s: int = _DAY_S,
) -> Band:
    """Return where portfolios might as well lie, judged by resampling their history.

    Whole blocks of the history are drawn with replacement, each as likely as any other and the
    end joined to the start, so that what belongs together in time stays together. The weights
    stay as they are: the band is about the figures, not about the choice.

    Parameters
    ----------
    returns : Returns
    portfolios : tuple of Portfolio
        Mixes of the same currencies, such as ``frontier.sample()``.
    seed : int
    resamples : int
        How many histories to draw.
    level : float
        Share of the drawn histories within the band, between 0 and 1.
    block_s : int
        Length of a block, s; at least one period.

    Raises
    ------
    ApiUsageError
        No portfolios or resamples, a level outside 0 to 1, or a block shorter than a period.

    References
    ----------
    Politis, D. N. and Romano, J. P. (1992), A circular block-resampling procedure for stationary
    data, in: Exploring the Limits of Bootstrap, Wiley.
    """
    if not portfolios or resamples < 1:
        raise ApiUsageError("a band needs portfolios and resamples", field="resamples")
    if not 0.0 < level < 1.0:
        raise ApiUsageError(f"a level of {level} is not between 0 and 1", field="level")
    if block_s < returns.period_s:
        raise ApiUsageError(
            f"a block of {block_s} s is shorter than a period of {returns.period_s} s",
            field="block_s",
        )
    history = returns.values @ np.array([each.weights for each in portfolios]).T
    count = len(history)
    length = min(block_s // returns.period_s, count)
    blocks = -(-count // length)
    starts = np.random.default_rng(seed).integers(count, size=(resamples, blocks))
    # Squares around the mean of the history: nothing is lost by subtracting large numbers.
    centre = history.mean(axis=0)
    sums = _block_sums(history - centre, length)
    squares = _block_sums((history - centre) ** 2, length)
    drawn = blocks * length
    mean = np.array([sums[row].sum(axis=0) for row in starts]) / drawn
    square = np.array([squares[row].sum(axis=0) for row in starts]) / drawn
    variance = np.maximum(square - mean**2, 0.0) * (drawn / (drawn - 1))
    per_year = DAYS_PER_YEAR * _DAY_S / returns.period_s
    tail = (1.0 - level) / 2.0
    quantiles = [tail, 1.0 - tail]
    return_low, return_high = np.quantile((centre + mean) * per_year, quantiles, axis=0)
    risk_low, risk_high = np.quantile(np.sqrt(variance * per_year), quantiles, axis=0)
    return Band(return_low, return_high, risk_low, risk_high)


def _block_sums(values: FloatArray, length: int) -> FloatArray:
    """Return the sum of ``length`` rows from each row on, the end joined to the start."""
    total = np.cumsum(np.concatenate([np.zeros((1, values.shape[1])), values, values[:length]]), 0)
    sums: FloatArray = total[length : length + len(values)] - total[: len(values)]
    return sums
