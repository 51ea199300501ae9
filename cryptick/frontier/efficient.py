"""The exact efficient frontier of long-only portfolios, by the critical line algorithm.

Between two neighbouring corner portfolios the weights of the frontier are linear, its return is
linear and its variance quadratic, so everything on it follows in closed form.
"""

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from cvxcla import CLA, CLAError

from cryptick.frontier.moments import RISK_FREE_RATE, Moments
from cryptick.frontier.portfolio import Portfolio, measure
from cryptick.metrics import FloatArray
from exchange_wrapper.errors import ApiUsageError, ProcessingError

__all__ = ["Bounds", "Frontier", "Gap", "bound_arrays", "efficient_frontier", "keep_bounds"]

Bounds = Mapping[str, tuple[float, float]]
"""Least and largest weight by currency, as fractions; a currency left out has (0, 1)."""


# Of the mean variance, added to each where a singular covariance stops the algorithm.
_RIDGE: Final = 1e-10


@dataclass(frozen=True, slots=True)
class Gap:
    """How far a mix lies from the frontier, per year, as fractions ≥ 0.

    Attributes
    ----------
    risk : float
        Its risk less the least risk of any portfolio that returns as much or more.
    expected_return : float
        The highest return of any portfolio of its risk or less, less its own.
    """

    risk: float
    expected_return: float


@dataclass(frozen=True, slots=True, eq=False)
class Frontier:
    """All portfolios for which no other has as much return at less risk.

    Attributes
    ----------
    moments : Moments
    risk_free_rate : float
        Per year, as a fraction.
    corners : tuple of Portfolio
        From the minimum variance to the maximum return, each return higher than the one before.
        The frontier is their neighbours' mixtures.
    singles : tuple of Portfolio
        Each currency alone, whatever the bounds.
    maximum_sharpe : Portfolio or None
        The highest Sharpe ratio of all portfolios. Where a portfolio without risk returns more
        than the risk-free rate the ratio has no limit, and this is that portfolio. None where no
        portfolio returns more than the risk-free rate: the ratio would reward risk then.
    """

    moments: Moments
    risk_free_rate: float
    corners: tuple[Portfolio, ...]
    singles: tuple[Portfolio, ...]
    maximum_sharpe: Portfolio | None

    @property
    def minimum_variance(self) -> Portfolio:
        """The portfolio of the least risk, of those the one with the highest return."""
        return self.corners[0]

    @property
    def maximum_return(self) -> Portfolio:
        """The portfolio of the highest return, of those the one with the least risk."""
        return self.corners[-1]

    def sample(self, count: int = 50) -> tuple[Portfolio, ...]:
        """Return portfolios of the frontier, evenly spaced in return from end to end.

        A frontier of a single portfolio gives that one.

        Raises
        ------
        ApiUsageError
            Fewer than 2 points.
        """
        if count < 2:
            raise ApiUsageError(f"a frontier needs at least 2 points, not {count}", field="points")
        low, high = self.minimum_variance, self.maximum_return
        if low is high:
            return (low,)
        levels = np.linspace(low.expected_return, high.expected_return, count)[1:-1]
        return (low, *(self.at_return(float(level)) for level in levels), high)

    def at_return(self, expected_return: float) -> Portfolio:
        """Return the portfolio of the least risk that returns as much or more, per year.

        Above the highest return there is, this is the portfolio that has it.
        """
        levels = [corner.expected_return for corner in self.corners]
        upper = int(np.searchsorted(levels, expected_return))
        if upper == 0:
            return self.minimum_variance
        if upper == len(levels):
            return self.maximum_return
        share = (expected_return - levels[upper - 1]) / (levels[upper] - levels[upper - 1])
        return self._between(upper - 1, share)

    def at_risk(self, risk: float) -> Portfolio:
        """Return the portfolio of the highest return whose risk per year is not above ``risk``.

        Below the least risk there is, this is the portfolio that has it.
        """
        upper = int(np.searchsorted([corner.risk for corner in self.corners], risk))
        if upper == 0:
            return self.minimum_variance
        if upper == len(self.corners):
            return self.maximum_return
        square, linear, constant = self._variance(upper - 1)
        # The root of square t² + 2 linear t − lack where the variance rises; linear ≥ 0 there.
        lack = risk * risk - constant
        root = math.sqrt(max(0.0, linear * linear + square * lack))
        share = lack / (linear + root) if linear + root > 0.0 else 0.0
        return self._between(upper - 1, min(1.0, max(0.0, share)))

    def gap(self, mix: Portfolio) -> Gap:
        """Return how far a mix of the same moments lies from the frontier."""
        best_risk = self.at_return(mix.expected_return).risk
        best_return = self.at_risk(mix.risk).expected_return
        return Gap(max(0.0, mix.risk - best_risk), max(0.0, best_return - mix.expected_return))

    def _between(self, lower: int, share: float) -> Portfolio:
        first, second = self.corners[lower], self.corners[lower + 1]
        weights = (1.0 - share) * first.weights + share * second.weights
        return measure(weights, self.moments, self.risk_free_rate)

    def _variance(self, lower: int) -> tuple[float, float, float]:
        return _variance(self.corners[lower], self.corners[lower + 1], self.moments.covariance)


def efficient_frontier(
    moments: Moments,
    *,
    risk_free_rate: float = RISK_FREE_RATE,
    bounds: Bounds | None = None,
) -> Frontier:
    """Return the exact efficient frontier of portfolios with weights ≥ 0 that sum to 1.

    Parameters
    ----------
    moments : Moments
        Per year.
    risk_free_rate : float
        Per year, as a fraction; see `cryptick.frontier.moments.annual_rate`.
    bounds : mapping of str to (float, float), optional
        Least and largest weight of currencies.

    Raises
    ------
    ApiUsageError
        Bounds of an unknown currency, outside 0 to 1, crossed, or such that no portfolio sums
        to 1; a risk-free rate that is not finite.
    ProcessingError
        The covariance is so close to singular that the algorithm can't tell portfolios apart.

    References
    ----------
    Markowitz, H. (1956), The optimization of a quadratic function subject to linear constraints,
    Naval Research Logistics Quarterly 3(1-2), 111-133.
    """
    if not math.isfinite(risk_free_rate):
        raise ApiUsageError("the risk-free rate must be a finite fraction", field="risk_free_rate")
    lower, upper = bound_arrays(moments.currencies, bounds)
    corners: list[Portfolio] = []
    # Returns closer than this differ by rounding only.
    step = 1e-12 * float(np.max(np.abs(moments.expected_returns)))
    for weights in _trace(moments, lower, upper):
        corner = measure(keep_bounds(weights, lower, upper), moments, risk_free_rate)
        if not corners or corner.expected_return > corners[-1].expected_return + step:
            corners.append(corner)
    singles = tuple(measure(alone, moments, risk_free_rate) for alone in np.eye(len(lower)))
    best = _maximum_sharpe(corners, moments, risk_free_rate)
    return Frontier(moments, risk_free_rate, tuple(corners), singles, best)


def bound_arrays(
    currencies: tuple[str, ...], bounds: Bounds | None
) -> tuple[FloatArray, FloatArray]:
    """Return least and largest weights, each of shape (n_assets,).

    Raises
    ------
    ApiUsageError
        As in `efficient_frontier`.
    """
    given = bounds or {}
    if unknown := set(given) - set(currencies):
        raise ApiUsageError(
            f"there are bounds of {', '.join(sorted(unknown))}, which is not among "
            f"{', '.join(currencies)}",
            field="bounds",
        )
    for currency, (least, most) in given.items():
        if not 0.0 <= least <= most <= 1.0:
            raise ApiUsageError(
                f"the weight of {currency} can't be between {least} and {most}: bounds are "
                "fractions with 0 ≤ least ≤ most ≤ 1",
                field="bounds",
            )
    pairs = np.array([given.get(currency, (0.0, 1.0)) for currency in currencies])
    lower, upper = pairs[:, 0], pairs[:, 1]
    least, most = float(lower.sum()), float(upper.sum())
    # Bounds entered in decimals may sum to 1 only up to rounding.
    if least > 1.0 + 1e-12 or most < 1.0 - 1e-12:
        found = f"at least {least:g}" if least > 1.0 else f"at most {most:g}"
        raise ApiUsageError(
            f"no portfolio keeps to the bounds: they allow weights that sum to {found}, not 1",
            field="bounds",
        )
    return lower, upper


def keep_bounds(weights: FloatArray, lower: FloatArray, upper: FloatArray) -> FloatArray:
    """Return weights moved into their bounds and to a sum of 1, by the room each has.

    Parameters
    ----------
    weights : ndarray of shape (..., n_assets)
    lower, upper : ndarray of shape (n_assets,)
        As `bound_arrays` gives them.
    """
    inside = np.clip(weights, lower, upper)
    lack = 1.0 - inside.sum(axis=-1, keepdims=True)
    lack[np.abs(lack) < 1e-12] = 0.0  # rounding must not give a share to what has none
    room = np.where(lack > 0.0, upper - inside, inside - lower)
    # There is as much room as lacks, up to rounding; where there is none, nothing lacks.
    total = np.maximum(room.sum(axis=-1, keepdims=True), np.finfo(np.float64).tiny)
    moved: FloatArray = inside + room * np.clip(lack / total, -1.0, 1.0)
    return moved


def _trace(moments: Moments, lower: FloatArray, upper: FloatArray) -> list[FloatArray]:
    """Return the weights of the corners, from the least variance on.

    The algorithm goes wrong over weights that can't change, so it sees only those that can: with
    the fixed weights as a share of the others', which sum to a constant, all of them are the
    linear ``basis @ free`` and their variance is a quadratic form of the free ones.
    """
    free = np.flatnonzero(lower < upper)
    rest = 1.0 - float(np.sum(lower[lower == upper]))
    if not len(free) or rest <= 1e-12:
        return [lower]
    basis = np.repeat(np.where(lower < upper, 0.0, lower / rest)[:, np.newaxis], len(free), axis=1)
    basis[free, np.arange(len(free))] = 1.0
    covariance = basis.T @ moments.covariance @ basis
    covariance = (covariance + covariance.T) / 2.0
    ridge = _RIDGE * float(np.mean(np.diag(covariance)))
    for matrix in (covariance, covariance + ridge * np.eye(len(free))):
        with suppress(CLAError):
            traced = CLA(
                mean=basis.T @ moments.expected_returns,
                covariance=matrix,
                lower_bounds=lower[free],
                upper_bounds=np.minimum(upper[free], rest),
                a=np.ones((1, len(free))),
                b=np.array([rest]),
            )
            return [basis @ point.weights for point in reversed(traced.turning_points)]
    raise ProcessingError(
        f"the covariance of {', '.join(moments.currencies)} is too close to singular for an "
        "exact frontier: shrink it, or leave a currency out",
        field="covariance",
    )


def _variance(
    first: Portfolio, second: Portfolio, covariance: FloatArray
) -> tuple[float, float, float]:
    """Return (a, b, c) of the variance a t² + 2 b t + c of ``first + t (second − first)``."""
    step = second.weights - first.weights
    moved = covariance @ step
    return float(step @ moved), float(first.weights @ moved), first.risk * first.risk


def _maximum_sharpe(
    corners: list[Portfolio], moments: Moments, risk_free_rate: float
) -> Portfolio | None:
    if corners[-1].expected_return <= risk_free_rate:
        return None
    if corners[0].risk == 0.0 and corners[0].expected_return > risk_free_rate:
        return corners[0]
    candidates = list(corners)
    for first, second in pairwise(corners):
        a, b, c = _variance(first, second, moments.covariance)
        gain = second.expected_return - first.expected_return
        excess = first.expected_return - risk_free_rate
        # The derivative of (excess + gain t) / √(a t² + 2 b t + c) has this one zero.
        slope = gain * b - excess * a
        if slope and 0.0 < (share := (excess * b - gain * c) / slope) < 1.0:
            weights = (1.0 - share) * first.weights + share * second.weights
            candidates.append(measure(weights, moments, risk_free_rate))
    return max(candidates, key=lambda each: -math.inf if each.sharpe is None else each.sharpe)
