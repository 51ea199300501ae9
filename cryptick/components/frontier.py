"""The efficient frontier as a component: portfolios by their risk and return, and a target."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from cryptick.components.cells import Cell
from cryptick.components.format import Column
from cryptick.components.outputs import Output
from exchange_wrapper.errors import ApiUsageError
from exchange_wrapper.times import UtcNs

__all__ = ["CURRENCIES_MAX", "FrontierChart", "PortfolioSet", "frontier_columns"]

CURRENCIES_MAX: Final = 100
"""The covariance stands in the format file, whose size this bounds."""

PortfolioSet = Literal[
    "cloud", "frontier", "asset", "minimum_variance", "maximum_sharpe", "current", "target"
]
"""What a row of the data belongs to. ``current`` rows are the path, the last is where it is now."""

FloatArray = NDArray[np.float64]


def frontier_columns(currencies: Sequence[str]) -> tuple[Column, ...]:
    """Return the columns of a frontier: what a row is, its figures, and a weight per currency."""
    return (
        Column("set", "text"),
        Column("time", "time"),
        Column("risk"),
        Column("return"),
        Column("sharpe"),
        *(Column(f"weight_{currency}") for currency in currencies),
    )


class FrontierChart(Output):
    """Portfolios of some currencies, their estimates, the path walked and the target.

    Risk is the standard deviation of the return, and both are fractions per ``period``. They are
    computed here from the weights and the estimates that the page gets too, so that the page finds
    the same for any mix.
    """

    _estimates: tuple[FloatArray, FloatArray, float] | None = None

    def replace(
        self,
        *,
        time: UtcNs,
        expected_returns: FloatArray,
        covariance: FloatArray,
        risk_free: float,
        frontier: FloatArray,
        minimum_variance: FloatArray,
        maximum_sharpe: FloatArray | None,
        cloud: FloatArray | None = None,
        current: FloatArray | None = None,
    ) -> None:
        """Show new estimates and their portfolios; the path begins anew.

        Parameters
        ----------
        time : UtcNs
            Of the estimates.
        expected_returns : ndarray of shape (n_currencies,)
            Mean simple return per period, as a fraction.
        covariance : ndarray of shape (n_currencies, n_currencies)
            Of simple returns per period.
        risk_free : float
            Return without risk per period, as a fraction.
        frontier : ndarray of shape (n_points, n_currencies)
            Weights of the exact frontier; a post names a point by its row.
        minimum_variance, maximum_sharpe : ndarray of shape (n_currencies,)
            Weights; the latter None where nothing returns more than the risk-free rate.
        cloud : ndarray of shape (n_portfolios, n_currencies), optional
            Weights of the portfolios behind the frontier.
        current : ndarray of shape (n_currencies,), optional
            Weights that are held now.

        Raises
        ------
        ApiUsageError
            An array has another shape or a number that is not finite.
        """
        currencies: Any = self.format.options["currencies"]
        n = len(currencies)
        means = self._array("expected_returns", expected_returns, (n,))
        matrix = self._array("covariance", covariance, (n, n))
        nothing = np.empty((0, n))
        sets: list[tuple[PortfolioSet, FloatArray]] = [
            ("cloud", nothing if cloud is None else cloud),
            ("frontier", frontier),
            ("asset", np.eye(n)),
            ("minimum_variance", np.atleast_2d(minimum_variance)),
            (
                "maximum_sharpe",
                nothing if maximum_sharpe is None else np.atleast_2d(maximum_sharpe),
            ),
            ("current", nothing if current is None else np.atleast_2d(current)),
        ]
        for name, weights in sets:
            self._array(name, weights, (len(weights), n))
        estimates = means, matrix, float(risk_free)
        options = self.format.options | {
            "expected_returns": means.tolist(),
            "covariance": matrix.tolist(),
            "risk_free": estimates[2],
            "points": len(frontier),
        }
        rows = (row for name, w in sets for row in _rows(name, time, w, estimates))
        self._replace(rows, options)
        self._estimates = estimates

    def move(self, time: UtcNs, weights: Mapping[str, Cell] | FloatArray) -> None:
        """Add the weights that are held now to the path."""
        self._add("current", time, weights)

    def aim(self, time: UtcNs, weights: Mapping[str, Cell] | FloatArray) -> None:
        """Show the weights that the strategy works towards; the newest target counts."""
        self._add("target", time, weights)

    def _add(
        self, name: PortfolioSet, time: UtcNs, weights: Mapping[str, Cell] | FloatArray
    ) -> None:
        if self._estimates is None:
            raise ApiUsageError(f"{self.id}: replace must give the estimates first")
        currencies: Any = self.format.options["currencies"]
        if isinstance(weights, Mapping):
            given: Mapping[str, Any] = weights
            if unknown := given.keys() - set(currencies):
                raise ApiUsageError(f"{self.id} has no currency {min(unknown)}")
            weights = np.array([float(given.get(currency, 0)) for currency in currencies])
        checked = self._array(name, np.atleast_2d(weights), (1, len(currencies)))
        for row in _rows(name, time, checked, self._estimates):
            self._append(row)

    def _array(self, name: str, array: FloatArray, shape: tuple[int, ...]) -> FloatArray:
        checked = np.asarray(array, dtype=np.float64)
        if checked.shape != shape or not np.isfinite(checked).all():
            raise ApiUsageError(
                f"{self.id}: {name} must be finite numbers of shape {shape}, not {checked.shape}"
            )
        return checked


def _rows(
    name: PortfolioSet,
    time: UtcNs,
    weights: FloatArray,
    estimates: tuple[FloatArray, FloatArray, float],
) -> Iterator[list[Cell]]:
    means, covariance, risk_free = estimates
    returns = weights @ means
    variance = np.einsum("pi,ij,pj->p", weights, covariance, weights)
    risks = np.sqrt(np.maximum(variance, 0))  # rounding may leave a riskless mix just below
    figures = zip(risks.tolist(), returns.tolist(), weights.tolist(), strict=True)
    for risk, mean, row in figures:
        sharpe = (mean - risk_free) / risk if risk else None
        yield [name, time, risk, mean, sharpe, *row]
