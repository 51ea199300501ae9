"""What a mix of currencies promises: expected return, risk and Sharpe ratio of weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from cryptick.frontier.moments import Moments
from cryptick.metrics import FloatArray
from exchange_wrapper.errors import ApiUsageError

__all__ = ["Portfolio", "exact_weights", "measure", "percent", "portfolio_risk", "sharpe_ratio"]


@dataclass(frozen=True, slots=True, eq=False)
class Portfolio:
    """A mix and what it promises per year.

    Attributes
    ----------
    weights : ndarray of float64, shape (n_assets,)
        Fractions of wealth in the order of the moments' currencies, sum 1; read-only.
    expected_return, risk : float
        Per year, as fractions; the risk is the standard deviation of the return.
    sharpe : float or None
        ``(expected_return − risk_free_rate) / risk``; None without risk.
    """

    weights: FloatArray
    expected_return: float
    risk: float
    sharpe: float | None

    def exact_weights(self, decimals: int = 6) -> tuple[Decimal, ...]:
        """Return the weights as decimals that sum to exactly 1, for orders and the wire."""
        return exact_weights(self.weights, decimals)


def measure(
    weights: FloatArray | Sequence[float], moments: Moments, risk_free_rate: float
) -> Portfolio:
    """Return the expected return, risk and Sharpe ratio of a mix.

    Parameters
    ----------
    weights : sequence of float, length n_assets
        Fractions of wealth, each ≥ 0, sum 1.
    moments : Moments
    risk_free_rate : float
        Per year, as a fraction.

    Raises
    ------
    ApiUsageError
        Not one weight for each currency, a negative one, or a sum that is not 1.
    """
    row = np.array(weights, np.float64)
    if row.shape != (len(moments.currencies),):
        raise ApiUsageError(
            f"{len(moments.currencies)} currencies need as many weights, not {row.size}",
            field="weights",
        )
    # Written so that NaN fails too; the tolerance is that of decimals entered by hand.
    if not (np.all(row >= 0.0) and abs(float(row.sum()) - 1.0) <= 1e-6):
        raise ApiUsageError("weights must each be ≥ 0 and sum to 1", field="weights")
    row.flags.writeable = False
    expected_return = float(row @ moments.expected_returns)
    risk = float(portfolio_risk(row[np.newaxis], moments.covariance)[0])
    return Portfolio(
        row, expected_return, risk, sharpe_ratio(expected_return, risk, risk_free_rate)
    )


def portfolio_risk(weights: FloatArray, covariance: FloatArray) -> FloatArray:
    """Return the risk √(w'Σw) of each portfolio.

    Parameters
    ----------
    weights : ndarray of shape (n_portfolios, n_assets)
    covariance : ndarray of shape (n_assets, n_assets)
        Of simple returns; the risk is of the same period.

    Returns
    -------
    ndarray of shape (n_portfolios,)
        As fractions: 0.05 is 5 %.

    References
    ----------
    Markowitz, H. (1952), Portfolio Selection, The Journal of Finance 7(1), 77-91.
    """
    variance = np.einsum("pi,pi->p", weights @ covariance, weights)
    # A singular covariance has directions without risk, where rounding can fall below zero.
    risk: FloatArray = np.sqrt(np.maximum(variance, 0.0))
    return risk


def sharpe_ratio(expected_return: float, risk: float, risk_free_rate: float) -> float | None:
    """Return the excess return per unit of risk, all of one period; None without risk.

    References
    ----------
    Sharpe, W. F. (1994), The Sharpe Ratio, The Journal of Portfolio Management 21(1), 49-58.
    """
    return (expected_return - risk_free_rate) / risk if risk > 0.0 else None


def exact_weights(weights: FloatArray | Sequence[float], decimals: int = 6) -> tuple[Decimal, ...]:
    """Return weights as decimals ≥ 0 that sum to exactly 1.

    Each is cut to ``decimals`` places; the units left go to those that lost most, the earlier
    one first where several lost the same.

    Parameters
    ----------
    weights : sequence of float
        Each ≥ 0, not all zero; divided by their sum.
    decimals : int
        At most 12: floats carry no more.
    """
    units = 10**decimals
    row = np.asarray(weights, np.float64)
    scaled = row / row.sum() * units
    whole = np.floor(scaled).astype(np.int64)
    most_lost = np.argsort(whole - scaled, kind="stable")
    whole[most_lost[: units - int(whole.sum())]] += 1
    return tuple(Decimal(int(unit)).scaleb(-decimals) for unit in whole)


def percent(fraction: float) -> str:
    """Return a fraction as a person reads it: ``42.10 %``."""
    return f"{100 * fraction:.2f} %"
