"""What runs have come to, read from their files: figures, curves, and sums over many runs."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from cryptick.control import ENDED
from cryptick.metrics import Figures, FloatArray, IntArray, figures
from cryptick.server.records import TablePage
from cryptick.server.store import Fields, RunStore
from exchange_wrapper.errors import DataError, NoData
from exchange_wrapper.numbers import LEDGER, ZERO, format_amount
from exchange_wrapper.times import SECOND, UtcNs, to_iso

__all__ = [
    "Curve",
    "EquityOfAll",
    "RunMetrics",
    "RunResults",
    "RunRow",
    "StrategyRow",
    "thinned",
]

_EQUITY: Final = "equity.csv"
_SPARKLINE_POINTS: Final = 50
_CURVES_KEPT: Final = 2_000


class Curve(msgspec.Struct, frozen=True):
    """Equity over time: seconds since 1970 UTC, ascending, and an amount for each."""

    time_s: IntArray
    equity: FloatArray


class RunRow(msgspec.Struct, frozen=True, kw_only=True):
    """A run in a list.

    Attributes
    ----------
    total_return : float or None
        As a fraction; None while the equity is not known.
    sharpe, max_drawdown : float or None
        Of its daily returns, and as a fraction; None where they can't be said.
    period : (int, int) or None
        First and last time at which its equity is known, seconds since 1970 UTC.
    fees_paid : dict of str to str
        By currency, so far.
    progress : float or None
        Share of a backtest that is done.
    detail : str or None
        What keeps it from going on as usual, such as xWrap being away.
    error : str or None
        Why it failed.
    sparkline : list of float
        The equity in up to 50 points, evenly spread; the last is the newest.
    """

    run_id: str
    strategy: str
    label: str
    mode: str
    state: str
    running: bool
    started_at: str | None
    ended_at: str | None
    started_by: str | None
    wallet_set_id: int | None
    currency: str | None
    initial_equity: str | None
    equity: str | None
    total_return: float | None
    sharpe: float | None
    max_drawdown: float | None
    period: tuple[int, int] | None
    fees_paid: dict[str, str]
    orders: int
    trades: int
    progress: float | None
    detail: str | None
    error: str | None
    sparkline: list[float]


class RunMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a run so far; ``figures`` is None while its equity is not known."""

    run_id: str
    state: str
    start: str | None
    end: str | None
    currency: str | None
    initial_equity: str | None
    equity: str | None
    fees_paid: dict[str, str]
    orders: int
    trades: int
    figures: Figures | None


class StrategyRow(msgspec.Struct, frozen=True, kw_only=True):
    """What all runs of a strategy in a mode, counted in one currency, have come to.

    Attributes
    ----------
    runs, running, failed : int
        How many; ``runs`` are all.
    initial_equity, equity : str
        Sums over the runs.
    total_return : float or None
        Of the sums.
    best, worst : float or None
        Total return of single runs.
    sharpe : float or None
        Mean over the runs that have one.
    max_drawdown : float or None
        The deepest of a single run.
    """

    strategy: str
    mode: str
    currency: str
    runs: int
    running: int
    failed: int
    initial_equity: str
    equity: str
    total_return: float | None
    best: float | None
    worst: float | None
    sharpe: float | None
    max_drawdown: float | None
    fees_paid: dict[str, str]
    orders: int
    trades: int


class EquityOfAll(msgspec.Struct, frozen=True):
    """All runs of a mode and currency together.

    Attributes
    ----------
    time : list of int
        Seconds since 1970 UTC.
    runs : list of int
        How many went on then.
    equity : list of float
        What these had.
    profit : list of float
        What all runs until then have won, those that had ended as well.
    """

    mode: str
    currency: str
    time: list[int]
    runs: list[int]
    equity: list[float]
    profit: list[float]


class RunResults:
    """The results of the runs of a store, read anew where their files have changed."""

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._curves: dict[str, tuple[tuple[int, int], Curve]] = {}

    def row(self, run_id: str, fields: Fields) -> RunRow:
        """Return a run as a list shows it."""
        curve = self.curve(run_id)
        points = thinned(len(curve.time_s), _SPARKLINE_POINTS)
        known = self._figures(run_id, fields, curve)
        return RunRow(
            run_id=run_id,
            strategy=str(fields.get("strategy", "")),
            label=fields.get("label", ""),
            mode=fields["mode"],
            state=fields["state"],
            running=fields["running"],
            started_at=fields.get("started_at"),
            ended_at=fields.get("ended_at"),
            started_by=fields.get("started_by"),
            wallet_set_id=fields.get("wallet_set_id"),
            currency=fields.get("currency"),
            initial_equity=fields.get("initial_equity"),
            equity=fields.get("equity"),
            total_return=_total_return(fields),
            sharpe=None if known is None else known.sharpe,
            max_drawdown=None if known is None else known.max_drawdown,
            period=_period(curve),
            fees_paid=fields.get("fees_paid") or {},
            orders=fields.get("orders") or 0,
            trades=fields.get("trades") or 0,
            progress=fields.get("progress") if fields["running"] else None,
            detail=fields.get("detail") if fields["running"] else None,
            error=fields.get("error"),
            sparkline=np.round(curve.equity[points], 4).tolist(),
        )

    def metrics(self, run_id: str) -> RunMetrics:
        """Return the figures of a run, whether it goes on or not."""
        fields = self._store.fields(run_id)
        curve = self.curve(run_id)
        start, end = (
            (to_iso(UtcNs(int(time) * SECOND)) for time in curve.time_s[[0, -1]])
            if len(curve.time_s)
            else (None, None)
        )
        return RunMetrics(
            run_id=run_id,
            state=fields["state"],
            start=start,
            end=end,
            currency=fields.get("currency"),
            initial_equity=fields.get("initial_equity"),
            equity=fields.get("equity"),
            fees_paid=fields.get("fees_paid") or {},
            orders=fields.get("orders") or 0,
            trades=fields.get("trades") or 0,
            figures=self._figures(run_id, fields, curve),
        )

    def equity_page(self, run_id: str, points: int) -> TablePage:
        """Return a run's equity in up to so many points, evenly spread, the last among them."""
        curve = self.curve(run_id)
        picked = thinned(len(curve.time_s), points)
        pairs = zip(curve.time_s[picked].tolist(), curve.equity[picked].tolist(), strict=True)
        rows = [[to_iso(UtcNs(time * SECOND)), f"{value:.8f}"] for time, value in pairs]
        return TablePage(["time", "equity"], 0, len(curve.time_s), rows)

    def by_strategy(self, runs: Mapping[str, Fields]) -> list[StrategyRow]:
        """Return what the runs of each strategy, mode and currency have come to, by name."""
        groups: dict[tuple[str, str, str], dict[str, Fields]] = defaultdict(dict)
        for run_id, fields in runs.items():
            if _is_counted(fields):
                groups[fields["strategy"], fields["mode"], fields["currency"]][run_id] = fields
        return [self._strategy_row(key, group) for key, group in sorted(groups.items())]

    def equity_of_all(self, runs: Mapping[str, Fields], points: int) -> list[EquityOfAll]:
        """Return the sums over the runs of each mode and currency, in up to so many points."""
        groups: dict[tuple[str, str], list[tuple[Curve, float, bool]]] = defaultdict(list)
        for run_id, fields in runs.items():
            curve = self.curve(run_id)
            if _is_counted(fields) and len(curve.time_s):
                initial = float(fields["initial_equity"])
                group = groups[fields["mode"], fields["currency"]]
                group.append((curve, initial, fields["running"]))
        return [_sum(*key, group, points) for key, group in sorted(groups.items())]

    def curve(self, run_id: str) -> Curve:
        """Return a run's equity over time, as far as it is known.

        Raises
        ------
        DataError
            Its file is damaged.
        """
        path = self._store.path(run_id) / _EQUITY
        try:
            about = path.stat()
        except FileNotFoundError:
            return Curve(np.empty(0, np.int64), np.empty(0))
        version = about.st_mtime_ns, about.st_size
        kept = self._curves.pop(run_id, None)
        if kept is None or kept[0] != version:
            kept = version, _read_curve(path)
        self._curves[run_id] = kept
        if len(self._curves) > _CURVES_KEPT:
            self._curves.pop(next(iter(self._curves)), None)  # perhaps another thread was first
        return kept[1]

    def _figures(self, run_id: str, fields: Fields, curve: Curve) -> Figures | None:
        if fields["state"] in ENDED:
            try:  # the curve of one that has ended is thinned, its figures are of all points
                return msgspec.convert(self._store.summary(run_id)["figures"], Figures)
            except (NoData, KeyError, msgspec.ValidationError):
                pass
        if not len(curve.time_s):
            return None
        initial = float(fields.get("initial_equity") or curve.equity[0])
        if initial <= 0.0:
            return None
        return figures(int(curve.time_s[0]), initial, curve.time_s, curve.equity)

    def _strategy_row(self, key: tuple[str, str, str], group: Mapping[str, Fields]) -> StrategyRow:
        initial, equity = (
            sum((Decimal(fields[name]) for fields in group.values()), ZERO)
            for name in ("initial_equity", "equity")
        )
        fees: dict[str, Decimal] = {}
        for fields in group.values():
            for currency, paid in (fields.get("fees_paid") or {}).items():
                fees[currency] = LEDGER.add(fees.get(currency, ZERO), Decimal(paid))
        returns = [one for one in map(_total_return, group.values()) if one is not None]
        known = [
            found
            for run_id, fields in group.items()
            if (found := self._figures(run_id, fields, self.curve(run_id))) is not None
        ]
        sharpes = [one.sharpe for one in known if one.sharpe is not None]
        return StrategyRow(
            strategy=key[0],
            mode=key[1],
            currency=key[2],
            runs=len(group),
            running=sum(fields["running"] for fields in group.values()),
            failed=sum(fields["state"] == "failed" for fields in group.values()),
            initial_equity=format_amount(initial),
            equity=format_amount(equity),
            total_return=float((equity - initial) / initial) if initial else None,
            best=max(returns, default=None),
            worst=min(returns, default=None),
            sharpe=float(np.mean(sharpes)) if sharpes else None,
            max_drawdown=max((one.max_drawdown for one in known), default=None),
            fees_paid={name: format_amount(paid) for name, paid in sorted(fees.items())},
            orders=sum(fields.get("orders") or 0 for fields in group.values()),
            trades=sum(fields.get("trades") or 0 for fields in group.values()),
        )


def thinned(count: int, points: int) -> IntArray:
    """Return up to ``points`` indices of ``count``, evenly spread, first and last among them."""
    if count <= points:
        return np.arange(count, dtype=np.int64)
    if points == 1:
        return np.array([count - 1], np.int64)
    spread: IntArray = np.linspace(0, count - 1, points).round().astype(np.int64)
    return spread


def _sum(
    mode: str, currency: str, group: Iterable[tuple[Curve, float, bool]], points: int
) -> EquityOfAll:
    curves = list(group)
    times = np.unique(np.concatenate([curve.time_s for curve, _, _ in curves]))
    times = times[thinned(len(times), points)]
    runs, equity, profit = np.zeros(len(times), np.int64), np.zeros(len(times)), 0.0 * times
    for curve, initial, running in curves:
        at = np.searchsorted(curve.time_s, times, side="right") - 1
        begun = at >= 0
        value = curve.equity[np.maximum(at, 0)]
        # One that has ended gave its funds back right after its last point.
        goes_on = begun & (running | (times <= curve.time_s[-1]))
        runs += goes_on
        equity += np.where(goes_on, value, 0.0)
        profit += np.where(begun, value - initial, 0.0)
    return EquityOfAll(
        mode,
        currency,
        times.tolist(),
        runs.tolist(),
        np.round(equity, 8).tolist(),
        np.round(profit, 8).tolist(),
    )


def _is_counted(fields: Fields) -> bool:
    return None not in (
        fields.get("initial_equity"),
        fields.get("equity"),
        fields.get("currency"),
    )


def _total_return(fields: Fields) -> float | None:
    if not _is_counted(fields):
        return None
    initial, equity = Decimal(fields["initial_equity"]), Decimal(fields["equity"])
    return float((equity - initial) / initial) if initial else None


def _period(curve: Curve) -> tuple[int, int] | None:
    return (int(curve.time_s[0]), int(curve.time_s[-1])) if len(curve.time_s) else None


def _read_curve(path: Path) -> Curve:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            # A line that is still being written has no second cell, or only a part of it.
            rows = [line.rstrip("\n").split(",") for line in file if line.endswith("\n")][1:]
        # They are in UTC: as far as the second numpy reads them twenty times as fast as we do.
        time = np.array([row[0][:19] for row in rows], "datetime64[s]").astype(np.int64)
        return Curve(time, np.array([float(row[1]) for row in rows], np.float64))
    except (IndexError, ValueError) as error:
        raise DataError(f"{path.name} of {path.parent.name} can't be read: {error}") from None
