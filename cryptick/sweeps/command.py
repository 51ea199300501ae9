"""The command line of a sweep: what it says, checked, and all that follows from it."""

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Final

from rich.console import Console

from cryptick.command import CommandParser
from cryptick.errors import UsageError
from cryptick.fill_rule import FillModel
from cryptick.options import (
    Flags,
    MarketOptions,
    add_market_options,
    make_request,
    open_history,
    read_flags,
    split_flags,
)
from cryptick.strategy import find_strategy
from cryptick.sweeps.measures import Objective
from cryptick.sweeps.prepare import Prepared, prepare
from cryptick.sweeps.space import Dimension, Point, Space, parse_grid, parse_range
from cryptick.sweeps.splits import Split, walk_forward, whole_period
from cryptick.sweeps.store import Manifest
from cryptick.sweeps.trial import StrategyCode
from exchange_wrapper.candles import parse_freq
from exchange_wrapper.history import RemoteHistory
from exchange_wrapper.times import SECOND, UtcNs, to_iso

__all__ = ["Sweep", "SweepOptions", "make_parser", "parse_options", "resumed_options", "settle"]

_TRIALS_MAX: Final = 100_000
_SPLITS_MAX: Final = 100
_PROBES: Final = 200  # points of a study that tell which pairs it may want
_OF_THIS_CALL: Final = ("resume", "workers", "scheduler", "sweeps_dir", "json")

_EXAMPLES: Final = """\
Every parameter that is searched has --grid or --range; others are fixed as in cryptick.run. In
each split parameters are chosen in-sample and judged on the later, out-of-sample part.

examples:
  python -m cryptick.sweep SmaCross --gdax-usd 10000 --grid fast=5:50:5 --grid slow=20:200:10
  python -m cryptick.sweep SmaCross --gdax-usd 10000 --range fast=2:100:log --grid slow=100,200 \\
    --random 200 --rolling
  python -m cryptick.sweep ./my_strategy.py:MyStrategy --gdax-usd 1000 --range bars=2:9 --optuna 50
  python -m cryptick.sweep --resume smacross_0 --scheduler tcp://10.0.0.5:8786

exit status: 0 done, 1 every trial failed, 2 the command can't be run, 3 no such history, 4 xWrap,
the store or the workers are not available, 130 stopped: go on with --resume.
"""


@dataclass(frozen=True, kw_only=True)
class SweepOptions(MarketOptions):
    """The options of a sweep that are not of one strategy, as given."""

    strategy: str | None
    grid: list[str]
    range: list[str]
    random: int | None
    optuna: int | None
    seed: int
    splits: int
    rolling: bool
    embargo: str | None
    warm_up: str | None
    no_walk_forward: bool
    objective: str
    resume: str | None
    workers: int | None
    scheduler: str | None
    sweeps_dir: str
    json: bool
    help: bool


@dataclass(frozen=True)
class Sweep:
    """All that is settled before the first trial."""

    space: Space
    points: list[Point]
    prepared: Prepared
    splits: list[Split]
    objective: Objective
    place: str


def settle(
    options: SweepOptions,
    flags: Flags,
    stderr: Console,
    period: tuple[int, int] | None = None,
) -> Sweep:
    """Check everything and read the data.

    Parameters
    ----------
    options : SweepOptions
    flags : Flags
    stderr : Console
        Hears when there is less history than was asked for.
    period : tuple of int, optional
        Of a sweep that goes on, [start_s, end_s): what is stored since does not count.

    Raises
    ------
    XWrapError
        The command can't be run; the message says what to do.
    """
    _check_numbers(options)
    if options.strategy is None:
        raise UsageError("name a strategy, such as SmaCross, or --resume a sweep")
    strategy = find_strategy(options.strategy)
    fixed, balances = read_flags(strategy, flags)
    dimensions: list[Dimension] = [
        *(parse_grid(strategy, text) for text in options.grid),
        *(parse_range(strategy, text) for text in options.range),
    ]
    space = Space(strategy, fixed, dimensions)
    points = _points(space, options)
    objective = Objective(options.objective)
    request = make_request(strategy, {**fixed, **points[0]}, "backtest", balances, options)
    if period is not None:
        request = replace(request, start_s=period[0], end_s=period[1])
    embargo_s, warm_up_s = (
        0 if text is None else parse_freq(text) for text in (options.embargo, options.warm_up)
    )
    candidates = [params for point in points if (params := space.params(point)) is not None]
    with ExitStack() as stack:
        source, place = open_history(options, stack)
        if isinstance(source, RemoteHistory):
            request = replace(request, fees=request.fees.known(source.fees()))
        code = StrategyCode.of(options.strategy)
        prepared = prepare(request, candidates, fixed, code, source, place, warm_up_s)
    if period is None and request.start_s is not None and prepared.period[0] > request.start_s:
        first = to_iso(UtcNs(prepared.period[0] * SECOND))[:10]
        stderr.print(f"cryptick.sweep: the history begins at {first}, later than asked")
    if options.no_walk_forward:
        splits = whole_period(*prepared.period)
    else:
        splits = walk_forward(
            *prepared.period,
            prepared.job.freq_s,
            options.splits,
            rolling=options.rolling,
            embargo_s=embargo_s,
        )
    return Sweep(space, points, prepared, splits, objective, place)


def _points(space: Space, options: SweepOptions) -> list[Point]:
    """Return what is tried; for a study, which makes its own points, a sample of the space."""
    if options.optuna is not None:
        points = space.sample(_PROBES, options.seed)
        space.refused.clear()
        return points
    if options.random is not None:
        return space.sample(options.random, options.seed)
    return space.grid()


def _check_numbers(options: SweepOptions) -> None:
    if options.random is not None and options.optuna is not None:
        raise UsageError("choose one of --random and --optuna")
    if options.workers is not None and options.scheduler is not None:
        raise UsageError("--workers is for this machine; a cluster of --scheduler has its own")
    if options.no_walk_forward and (options.rolling or options.embargo):
        raise UsageError("--rolling and --embargo are for walk-forward splits")
    limits = (
        ("--random", options.random, 1, _TRIALS_MAX),
        ("--optuna", options.optuna, 1, _TRIALS_MAX),
        ("--splits", options.splits, 1, _SPLITS_MAX),
        ("--seed", options.seed, 0, 2**31),
        ("--workers", options.workers, 1, 1_000),
    )
    for flag, value, low, high in limits:
        if value is not None and not low <= value <= high:
            raise UsageError(f"{flag} must be from {low} to {high:,}, not {value}")


def resumed_options(
    parser: CommandParser, manifest: Manifest, given: SweepOptions, flags: Flags
) -> tuple[SweepOptions, Flags]:
    """Return the options that a sweep was begun with, but for those of this call."""
    default, _ = parse_options(parser, [])
    kept = {name: getattr(given, name) for name in _OF_THIS_CALL}
    if flags or given != replace(default, **kept):
        allowed = ", ".join(f"--{name.replace('_', '-')}" for name in _OF_THIS_CALL[1:])
        raise UsageError(f"--resume goes on with what was asked for; only {allowed} can be added")
    options, begun = parse_options(parser, manifest.arguments)
    return replace(options, **kept), begun


def parse_options(parser: CommandParser, arguments: Sequence[str]) -> tuple[SweepOptions, Flags]:
    """Part the options of a sweep from balances and the strategy's parameters."""
    known, flags = split_flags(arguments, parser)
    return SweepOptions(**vars(parser.parse_args(known))), flags


def make_parser() -> CommandParser:
    """Return the parser of the command line."""
    parser = CommandParser(
        prog="python -m cryptick.sweep",
        usage="%(prog)s STRATEGY --EXCHANGE-CURRENCY AMOUNT … --grid NAME=VALUES … [options]",
        description="Search the parameters of a strategy by many backtests.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        add_help=False,
    )
    add = parser.add_argument
    add("strategy", nargs="?", help="its class name, or ./file.py:ClassName")
    add("--grid", action="append", default=[], metavar="NAME=…", help="start:stop:step or a,b,c")
    add(
        "--range",
        action="append",
        default=[],
        metavar="NAME=…",
        help="low:high, low:high:log or low:high:int, for --random and --optuna",
    )
    add("--random", type=int, metavar="N", help="try N random points")
    add("--optuna", type=int, metavar="N", help="try N points per split that a study suggests")
    add("--seed", type=int, default=0, metavar="N", help="of chance (default: %(default)s)")
    add("--objective", choices=list(Objective), default=Objective.SHARPE, help="what is best")
    add("--splits", type=int, default=5, metavar="N", help="walk-forward splits (%(default)s)")
    add("--rolling", action="store_true", help="choose on the last blocks, not on all before")
    add("--embargo", metavar="LENGTH", help="leave out so much before each out-of-sample part: 1d")
    add("--warm-up", metavar="LENGTH", help="begin each run so much earlier, uncounted: 2d")
    add("--no-walk-forward", action="store_true", help="one in-sample run over the whole period")
    add_market_options(parser, [FillModel.NEXT_OPEN, FillModel.BAR_PATH])
    add("--workers", type=int, metavar="N", help="processes (default: one per core)")
    add("--scheduler", metavar="URL", help="run on a Dask cluster, tcp://host:port")
    add("--resume", metavar="ID", help="go on with a sweep that was stopped")
    add("--sweeps-dir", metavar="PATH", default="var/sweeps", help="where they are (%(default)s)")
    add("--json", action="store_true", help="print the summary as JSON and nothing else")
    add("-h", "--help", action="store_true", help="show this, with a strategy its parameters too")
    return parser
