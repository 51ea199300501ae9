"""From what was asked for to what every worker needs: the candles of all points, read once."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cryptick import __version__
from cryptick.backtest import load_history, load_series, plan_backtest
from cryptick.errors import UsageError
from cryptick.market_data import Series
from cryptick.request import RunRequest
from cryptick.strategy import Strategy
from cryptick.sweeps.trial import Job, StrategyCode
from cryptick.valuation import Market, Plan
from exchange_wrapper.candles import Candles
from exchange_wrapper.history import HistorySource

__all__ = ["Prepared", "prepare"]


@dataclass(frozen=True)
class Prepared:
    """What is run, and on which bars.

    Attributes
    ----------
    period : tuple of int
        The time in which every pair has bars, [start_s, end_s).
    bars : int
        Of all pairs together in it.
    """

    job: Job
    period: tuple[int, int]
    bars: int


def prepare(
    request: RunRequest,
    candidates: Sequence[Strategy.Params],
    fixed: dict[str, str],
    code: StrategyCode,
    source: HistorySource,
    place: str,
    warm_up_s: int,
) -> Prepared:
    """Read what the backtests of all candidates need.

    Parameters
    ----------
    request : RunRequest
        Of one of the candidates.
    candidates : sequence of Strategy.Params
        At least one; of a search that makes its points as it goes, a sample.
    warm_up_s : int
        How much before its window each run begins.

    Raises
    ------
    NoData, UsageError
        A candidate can't be run: see `plan_backtest` and `load_series`.
    """
    strategy, funded = request.strategy, request.funded
    plans: dict[tuple[Market, ...], Plan] = {}
    longest, needed_s = candidates[0], 0
    for params in candidates:
        wanted = tuple(strategy.pairs(params, funded))
        if wanted not in plans:
            plans[wanted] = plan_backtest(replace(request, params=params), source, place)
        if strategy.history_needed(params, funded) > needed_s:
            longest, needed_s = params, strategy.history_needed(params, funded)
    union = _union(list(plans.values()))
    series = load_series(request, source, union)
    start_s = max(int(one.candles.time[0]) for one in series)
    end_s = min(int(one.candles.time[-1]) + one.freq_s for one in series)
    if start_s >= end_s:
        raise UsageError("the pairs have no time in common: choose a period with -s and -e")
    # Read once more as one who goes on with the sweep will: increments may be inferred from bars.
    freq_s = series[0].freq_s
    request = replace(request, params=longest, start_s=start_s, end_s=end_s, freq_s=freq_s)
    series = load_series(request, source, union)
    earlier = load_history(request, source, series)
    listed: dict[str, set[str]] = {}
    for info in source.series():
        listed.setdefault(info.exchange, set()).add(info.pair)
    joined = [_with_earlier(one, earlier.get(one.market)) for one in series]
    job = Job(
        uuid.uuid4().hex,
        __version__,
        code,
        fixed,
        request.balances,
        freq_s,
        request.fees,
        request.fills,
        {exchange: sorted(pairs) for exchange, pairs in listed.items()},
        joined,
        warm_up_s,
        start_s,
    )
    return Prepared(job, (start_s, end_s), sum(len(one.candles) for one in series))


def _union(plans: Sequence[Plan]) -> Plan:
    """Return a plan that follows the markets of all; none is ever run by it."""
    traded = dict.fromkeys(market for plan in plans for market in plan.followed)
    return Plan(plans[0].currency, list(traded), {})


def _with_earlier(series: Series, earlier: Candles | None) -> Series:
    if earlier is None:
        return series
    return replace(series, candles=Candles.concat([earlier, series.candles]))
