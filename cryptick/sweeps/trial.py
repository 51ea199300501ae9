"""One trial: parameters on the two parts of one split, run wherever a worker is."""

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Self

import msgspec

from cryptick import __version__
from cryptick.backtest import Backtest
from cryptick.errors import HandlerFailed, UsageError
from cryptick.fill_rule import FillRule
from cryptick.inputs import source_of
from cryptick.market_data import Series
from cryptick.request import Fees, RunRequest, make_params
from cryptick.strategy import Strategy, find_strategy
from cryptick.sweeps.measures import Measures, measure
from cryptick.sweeps.space import Point
from cryptick.sweeps.splits import Split, Window
from cryptick.valuation import make_plan
from exchange_wrapper.errors import NoData, XWrapError

__all__ = ["Job", "Outcome", "Runner", "StrategyCode", "Task", "Trial"]


@dataclass(frozen=True)
class StrategyCode:
    """A strategy that another process, perhaps of another machine, can load.

    Attributes
    ----------
    name : str
        As given: a class name, or ``./file.py:Class``.
    file : bytes or None
        The text of its file; None for one that comes with Cryptick.
    """

    name: str
    file: bytes | None

    @classmethod
    def of(cls, name: str) -> Self:
        """Return the code of a strategy that has just been found by this name."""
        path = cls._path(name)
        return cls(name, path.read_bytes() if path is not None else None)

    def load(self, stack: ExitStack) -> type[Strategy]:
        """Return the class: from the file it was given as if that is the same here, else a copy."""
        path = self._path(self.name)
        if path is None or self.file is None:
            return find_strategy(self.name)
        if path.is_file() and path.read_bytes() == self.file:
            return find_strategy(self.name)
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="cryptick_sweep_"))
        copy = Path(folder) / path.name
        copy.write_bytes(self.file)
        return find_strategy(f"{copy}{self.name[len(str(path)) :]}")

    def digest(self) -> str:
        """Return the SHA-256 of the strategy's source."""
        if self.file is None:
            return source_of(find_strategy(self.name))[1]
        return hashlib.sha256(self.file).hexdigest()

    @staticmethod
    def _path(name: str) -> Path | None:
        path, colon, _ = name.rpartition(":")
        if not colon and not name.endswith(".py"):
            return None
        return Path(path if colon else name)


@dataclass(frozen=True)
class Job:
    """What every worker of a sweep needs once.

    Attributes
    ----------
    key : str
        Tells it from all other jobs.
    listed : mapping of str to sequence of str
        The pairs of each exchange that there is history of.
    series : sequence of Series
        Of all pairs that any trial follows, from before the period on where there was something.
    warm_up_s : int
        A run begins so much before its window, as far as there is data.
    start_s : int
        No run begins before this.
    """

    key: str
    version: str
    code: StrategyCode
    fixed: Mapping[str, str]
    balances: Mapping[str, Mapping[str, Decimal]]
    freq_s: int
    fees: Fees
    fills: FillRule
    listed: Mapping[str, Sequence[str]]
    series: Sequence[Series]
    warm_up_s: int
    start_s: int


Trial = tuple[int, int]
"""A number in the order of the search, and the number of a split."""


@dataclass(frozen=True)
class Task:
    """A point of the space on one split.

    Attributes
    ----------
    judged_only : bool
        Whether it is run out-of-sample only, so that no split can choose it.
    """

    number: int
    split: int
    point: Point
    windows: Split
    judged_only: bool = False

    @property
    def trial(self) -> Trial:
        """What it is called."""
        return self.number, self.split


class Outcome(msgspec.Struct, frozen=True):
    """What came of a task; ``error`` says why there are no measures."""

    number: int
    split: int
    point: dict[str, str]
    in_sample: Measures | None = None
    out_of_sample: Measures | None = None
    error: str | None = None

    @property
    def trial(self) -> Trial:
        """What its task is called."""
        return self.number, self.split


class Runner:
    """Runs the tasks of a job in this process.

    Raises
    ------
    UsageError
        This process has another version of Cryptick than the one that sent the job.
    """

    def __init__(self, job: Job) -> None:
        if job.version != __version__:
            raise UsageError(
                f"a worker has Cryptick {__version__}, the sweep {job.version}: use one version"
            )
        self._job = job
        self._stack = ExitStack()
        self._strategy = job.code.load(self._stack)

    def close(self) -> None:
        """Remove what was unpacked."""
        self._stack.close()

    def run(self, task: Task) -> Outcome:
        """Run a task; a strategy that raises is an outcome too."""
        point = dict(task.point)
        windows = task.windows
        try:
            params = make_params(self._strategy, {**self._job.fixed, **point})
            chosen = None if task.judged_only else self._measure(params, windows.in_sample)
            judged = windows.out_of_sample
            return Outcome(
                task.number,
                task.split,
                point,
                chosen,
                None if judged is None else self._measure(params, judged),
            )
        except HandlerFailed as error:
            words = error.message
        except XWrapError as error:
            words = error.message
        except Exception as error:  # the strategy's own code runs before the hub guards it
            words = f"{type(error).__name__}: {error}"
        return Outcome(task.number, task.split, point, error=words)

    def _measure(self, params: Strategy.Params, window: Window) -> Measures:
        job = self._job
        start_s = max(job.start_s, window.start_s - job.warm_up_s)
        request = RunRequest(
            self._strategy,
            params,
            "backtest",
            job.balances,
            start_s,
            window.end_s,
            job.freq_s,
            job.fees,
            job.fills,
        )
        wanted = self._strategy.pairs(params, request.funded)
        plan = make_plan(wanted, request.funded, job.listed, "the sweep's history", NoData)
        loaded = {one.market: one for one in job.series}
        needed_s = self._strategy.history_needed(params, request.funded)
        data, history = [], {}
        for market in plan.followed:
            if market not in loaded:
                raise NoData(f"no candles of {market[1]} on {market[0]} were loaded for the sweep")
            candles = loaded[market].candles
            inside = candles.slice(start_s, window.end_s)
            if not len(inside):
                raise NoData(f"no candles of {market[1]} on {market[0]} in this part of the period")
            data.append(replace(loaded[market], candles=inside))
            before = candles.slice(start_s - needed_s, start_s)
            if len(before):
                history[market] = before
        backtest = Backtest(request, plan, data, history=history)
        backtest.play()
        initial, time_s, equity = backtest.equity()
        warmed = int(time_s.searchsorted(window.start_s, side="right")) if job.warm_up_s else 0
        if warmed:
            initial = float(equity[warmed - 1])
        counted_s = max(start_s, window.start_s)
        return measure(counted_s, initial, time_s[warmed:], equity[warmed:], backtest.trades)
