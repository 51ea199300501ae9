"""Expected returns and covariance of currencies, from their candles.

Floats are right here: these are statistics. Returns are simple, ``p[t + 1] / p[t] − 1``, because
the simple return of a portfolio is the weighted mean of those of its assets. Everything annual is
arithmetic: the mean and the covariance per period, times the periods in 365 days.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from cryptick.metrics import DAYS_PER_YEAR, FloatArray
from exchange_wrapper.candles import Candles, format_freq
from exchange_wrapper.errors import ApiUsageError, DataError, NoData

__all__ = [
    "HISTORY_DAYS",
    "RISK_FREE_RATE",
    "Moments",
    "Returns",
    "annual_rate",
    "estimate",
    "ledoit_wolf_intensity",
    "simple_returns",
]

HISTORY_DAYS: Final = 180

RISK_FREE_RATE: Final = 0.06
"""Per year: 3 % per half-year."""

_DAY_S: Final = 86_400
_YEAR_S: Final = DAYS_PER_YEAR * _DAY_S


@dataclass(frozen=True, slots=True, eq=False)
class Returns:
    """Simple returns of several currencies over the same periods.

    Attributes
    ----------
    currencies : tuple of str
    values : ndarray of float64, shape (n_returns, n_assets)
        Per period, as fractions: 0.01 is 1 %. Oldest first, read-only.
    period_s : int
        Length of a period, s.
    start_s, end_s : int
        Open time of the first candle used and close time of the last one, s.
    missing : int
        Periods in between that have no return, because some currency has no candle there.
    """

    currencies: tuple[str, ...]
    values: FloatArray
    period_s: int
    start_s: int
    end_s: int
    missing: int

    def __post_init__(self) -> None:
        _freeze(self, "values")


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """What is expected of each currency, and how they move together.

    Attributes
    ----------
    currencies : tuple of str
    expected_returns : ndarray of float64, shape (n_assets,)
        Per year, as fractions; read-only.
    covariance : ndarray of float64, shape (n_assets, n_assets)
        Of simple returns, per year; symmetric, positive semidefinite, read-only.

    Raises
    ------
    ApiUsageError
        No currency or one of them twice, shapes that do not match, figures that are not finite,
        or a covariance that is not symmetric or gives some mix a negative variance.
    """

    currencies: tuple[str, ...]
    expected_returns: FloatArray
    covariance: FloatArray

    def __post_init__(self) -> None:
        _check_names(self.currencies)
        _freeze(self, "expected_returns")
        _freeze(self, "covariance")
        count = len(self.currencies)
        if self.expected_returns.shape != (count,) or self.covariance.shape != (count, count):
            raise ApiUsageError(
                f"{count} currencies need {count} expected returns and a covariance of "
                f"{count} × {count}",
                field="covariance",
            )
        if not (np.isfinite(self.expected_returns).all() and np.isfinite(self.covariance).all()):
            raise ApiUsageError(
                "expected returns and covariance must be finite", field="covariance"
            )
        symmetric = np.allclose(self.covariance, self.covariance.T, rtol=1e-12, atol=0.0)
        if not symmetric or np.any(np.diag(self.covariance) < 0.0):
            raise ApiUsageError(
                "the covariance must be symmetric with variances ≥ 0", field="covariance"
            )
        spectrum = np.linalg.eigvalsh(self.covariance)
        if spectrum[0] < -1e-9 * abs(spectrum[-1]):
            raise ApiUsageError(
                "the covariance is not positive semidefinite: some mix would have a negative "
                "variance",
                field="covariance",
            )


def annual_rate(rate: float, days: float) -> float:
    """Return a rate per ``days`` as one per year, arithmetically like all annual figures here."""
    return rate * DAYS_PER_YEAR / days


def simple_returns(
    series: Mapping[str, Candles],
    *,
    period_s: int | None = None,
    days: int = HISTORY_DAYS,
    cash: str | None = None,
) -> Returns:
    """Return the simple returns of several currencies over their common periods.

    Only times at which every currency has a candle count, and only returns between two that are
    exactly one period apart: no price is made up, and none is carried over a gap. Where thin
    markets leave few such times, a longer period helps: its candles are made of those there are.

    Parameters
    ----------
    series : mapping of str to Candles
        Closed candles by currency, all priced in one quote; their closes are used.
    period_s : int, optional
        Length of a period, s; a multiple of every series' own. The default is the longest of
        those.
    days : int
        How far back from the last common candle, at most.
    cash : str, optional
        The quote currency, if it is part of the mix: without return or risk.

    Raises
    ------
    ApiUsageError
        No currency, one of them twice, ``days`` below 1, or candles that can't be joined to the
        period.
    NoData
        A currency has no candles, or fewer than two returns are common to all.
    DataError
        A price that is not positive.
    """
    names = (*series, *([] if cash is None else [cash]))
    _check_names(names)
    if days < 1:
        raise ApiUsageError(f"a history of {days} days is none; give at least 1", field="days")
    for name, candles in series.items():
        if not len(candles):
            raise NoData(f"there are no candles of {name}", field="currencies", currency=name)
    if not series:
        raise ApiUsageError(f"a mix of {cash} alone has no frontier", field="currencies")
    period = period_s or max(candles.freq_s for candles in series.values())
    joined = {name: candles.resample(period) for name, candles in series.items()}
    times = _common_times([candles.time for candles in joined.values()], days * _DAY_S - period)
    follows = np.diff(times) == period
    if np.count_nonzero(follows) < 2:
        raise NoData(
            f"{', '.join(series)} have {np.count_nonzero(follows)} common returns of "
            f"{format_freq(period)}, and a risk needs at least 2: import more history, choose a "
            "longer period or leave a currency out",
            field="currencies",
        )
    values = np.zeros((np.count_nonzero(follows), len(names)))
    for column, (name, candles) in enumerate(joined.items()):
        price = candles.floats("close")[np.searchsorted(candles.time, times)]
        if np.any(price <= 0.0):
            raise DataError(f"{name} has a price that is not positive", currency=name)
        values[:, column] = (price[1:] / price[:-1] - 1.0)[follows]
    start_s, end_s = int(times[0]), int(times[-1]) + period
    missing = (end_s - start_s) // period - 1 - len(values)
    return Returns(names, values, period, start_s, end_s, missing)


def estimate(returns: Returns, *, shrink: bool = False) -> Moments:
    """Return the annual mean and sample covariance (n − 1) of returns.

    Parameters
    ----------
    returns : Returns
    shrink : bool
        Draw the covariance towards independent currencies of equal variance, by the intensity of
        `ledoit_wolf_intensity`. A currency without variation keeps its zero.
    """
    per_year = _YEAR_S / returns.period_s
    covariance: FloatArray = np.atleast_2d(np.cov(returns.values, rowvar=False))
    if shrink:
        moving = np.flatnonzero(np.diag(covariance))
        if len(moving):
            intensity = ledoit_wolf_intensity(returns.values[:, moving])
            block = np.ix_(moving, moving)
            target = np.eye(len(moving)) * np.mean(np.diag(covariance)[moving])
            covariance[block] = intensity * target + (1.0 - intensity) * covariance[block]
    return Moments(
        returns.currencies, returns.values.mean(axis=0) * per_year, covariance * per_year
    )


def ledoit_wolf_intensity(values: FloatArray) -> float:
    """Return how far to shrink a sample covariance towards mean variance × identity, in [0, 1].

    Parameters
    ----------
    values : ndarray of shape (n_observations, n_assets)
        Independent observations.

    References
    ----------
    Ledoit, O. and Wolf, M. (2004), A well-conditioned estimator for large-dimensional covariance
    matrices, Journal of Multivariate Analysis 88(2), 365-411, section 3.2: b² / d².
    """
    count, assets = values.shape
    centred = values - values.mean(axis=0)
    sample = centred.T @ centred / count
    size = float(np.sum(sample**2))
    distance = size - float(np.trace(sample)) ** 2 / assets
    if distance <= 1e-14 * size:  # the sample is the target: what rounding leaves is no distance
        return 0.0
    # Σ‖x x' − S‖² = Σ‖x‖⁴ − n ‖S‖², so that no n × n_assets × n_assets array is needed.
    fourth = float(np.mean(np.sum(centred**2, axis=1) ** 2))
    return float(min(1.0, max(0.0, (fourth - size) / count / distance)))


def _common_times(times: list[np.ndarray], span_s: int) -> np.ndarray:
    common = times[0]
    for other in times[1:]:
        common = np.intersect1d(common, other, assume_unique=True)
    return common[common >= common[-1] - span_s] if len(common) else common


def _check_names(names: tuple[str, ...]) -> None:
    if not names:
        raise ApiUsageError("a portfolio needs at least one currency", field="currencies")
    if len(set(names)) != len(names):
        raise ApiUsageError(f"a currency is named twice: {', '.join(names)}", field="currencies")


def _freeze(holder: Returns | Moments, name: str) -> None:
    column = np.array(getattr(holder, name), np.float64)
    column.flags.writeable = False
    object.__setattr__(holder, name, column)
