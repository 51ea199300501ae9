"""Search a strategy's parameters from the command line: ``python -m cryptick.sweep``."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from cryptick import __version__
from cryptick.errors import UsageError
from cryptick.fill_rule import FillModel
from cryptick.options import (
    MarketOptions,
    Parser,
    add_market_options,
    make_request,
    open_history,
    print_parameters,
    print_strategies,
    read_flags,
    split_flags,
)
from cryptick.strategy import find_strategy
from cryptick.sweeps.measures import Objective
from cryptick.sweeps.page import sweep_page
from cryptick.sweeps.prepare import Prepared, prepare
from cryptick.sweeps.results import Results, csv_rows, make_results
from cryptick.sweeps.search import Search, all_at_once, by_optuna
from cryptick.sweeps.space import Choices, Dimension, Point, Space, parse_grid, parse_range
from cryptick.sweeps.splits import Split, walk_forward, whole_period
from cryptick.sweeps.store import Manifest, SweepDirectory, data_hash
from cryptick.sweeps.tables import choices_table, points_table, verdict, warnings
from cryptick.sweeps.trial import Job, StrategyCode
from cryptick.sweeps.workers import LocalWorkers, Workers
from exchange_wrapper.candles import parse_freq
from exchange_wrapper.errors import XWrapError
from exchange_wrapper.history import RemoteHistory
from exchange_wrapper.times import SECOND, UtcNs, to_iso

__all__ = ["main"]

_TRIALS_MAX: Final = 100_000
_SPLITS_MAX: Final = 100
_ROWS_SHOWN: Final = 15
_ROWS_ON_PAGE: Final = 200
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
class _Options(MarketOptions):
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
class _Sweep:
    """All that is settled before the first trial."""

    space: Space
    points: list[Point]
    prepared: Prepared
    splits: list[Split]
    objective: Objective
    place: str


def main(argv: Sequence[str] | None = None) -> int:
    """Run a sweep and return the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    stderr = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
    try:
        return _main(arguments, stderr)
    except XWrapError as error:
        stderr.print(f"cryptick.sweep: {error.message}")
        return error.exit_code
    except KeyboardInterrupt:
        stderr.print("cryptick.sweep: stopped")
        return 130


def _main(arguments: list[str], stderr: Console) -> int:
    parser = _parser()
    options, flags = _parse(parser, arguments)
    if not arguments or options.help:
        parser.print_help()
        if options.strategy is None:
            print("\nstrategies:")
            print_strategies()
        else:
            print_parameters(find_strategy(options.strategy))
        return 0 if arguments else 2
    root = Path(options.sweeps_dir)
    if options.resume is None:
        sweep = _settle(options, flags, stderr)
        code = sweep.prepared.job.code
        directory = SweepDirectory.claim(root, sweep.space.strategy.__name__)
        manifest = _manifest(directory.path.name, arguments, sweep, options)
        directory.files.write_json("sweep.json", manifest)
    else:
        directory, manifest = SweepDirectory.find(root, options.resume)
        options, flags = _resumed(parser, manifest, options, flags)
        sweep = _settle(options, flags, stderr, manifest.period)
        code = sweep.prepared.job.code
        _check_same(manifest, sweep, code)
    with directory:
        try:
            _run(sweep, options, directory, stderr)
        except KeyboardInterrupt:
            stderr.print(f"cryptick.sweep: {_how_to_go_on(directory)}")
            return 130
        except XWrapError as error:
            error.message += f"; {_how_to_go_on(directory)}"
            raise
        results = make_results(directory.done.values(), sweep.splits, sweep.objective)
    _report(sweep, results, directory, manifest, options)
    return 1 if results.failed == results.trials else 0


def _run(sweep: _Sweep, options: _Options, directory: SweepDirectory, stderr: Console) -> None:
    search: Search
    if options.optuna is None:
        search = all_at_once(sweep.points, sweep.splits)
        total = len(sweep.points) * len(sweep.splits)
    else:
        search = by_optuna(sweep.space, sweep.splits, options.optuna, options.seed, sweep.objective)
        total = options.optuna * len(sweep.splits)
    _announce(sweep, options, directory, total, stderr)
    with ExitStack() as stack:
        progress = stack.enter_context(_progress(stderr))
        bar = progress.add_task(directory.path.name, total=total, completed=len(directory.done))
        workers: Workers | None = None
        tasks = next(search)
        while True:
            missing = [task for task in tasks if task.trial not in directory.done]
            if missing:
                workers = workers or _workers(sweep.prepared.job, options, stack)
                for outcome in workers.run(missing):
                    directory.add(outcome)
                    progress.advance(bar)
            try:
                tasks = search.send([directory.done[task.trial] for task in tasks])
            except StopIteration:
                return


def _workers(job: Job, options: _Options, stack: ExitStack) -> Workers:
    if options.scheduler is None:
        return stack.enter_context(LocalWorkers(job, _processes(options)))
    # Imported by who has a cluster only: it takes half a second.
    from cryptick.sweeps.dask_workers import DaskWorkers

    return stack.enter_context(DaskWorkers(job, options.scheduler))


def _processes(options: _Options) -> int:
    return options.workers or os.cpu_count() or 1


def _progress(stderr: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("trials,"),
        TimeElapsedColumn(),
        TextColumn("gone,"),
        TimeRemainingColumn(),
        TextColumn("left"),
        console=stderr,
        transient=True,
        disable=not stderr.is_terminal,
    )


def _announce(
    sweep: _Sweep, options: _Options, directory: SweepDirectory, total: int, stderr: Console
) -> None:
    splits, points = len(sweep.splits), options.optuna or len(sweep.points)
    runs = 1 if options.no_walk_forward else 2
    start, end = (_day(time_s) for time_s in sweep.prepared.period)
    where = options.scheduler or f"{_processes(options)} processes"
    stderr.print(
        f"{directory.path.name}: {points:,} points × {splits} splits = {total:,} trials, "
        f"{total * runs:,} backtests, on {sweep.prepared.bars:,} bars from {start} to {end} "
        f"({sweep.place}), by {where}"
    )
    refused = len(sweep.space.refused)
    if refused:
        example = min(sweep.space.refused)
        stderr.print(
            f"{sweep.space.strategy.__name__} refuses {refused:,} combinations, such as {example}: "
            "they are skipped"
        )
    if directory.done:
        stderr.print(f"{len(directory.done):,} trials were run before")
    if options.no_walk_forward:
        stderr.print("warning: without walk-forward the best is only the best in hindsight")


def _report(
    sweep: _Sweep,
    results: Results,
    directory: SweepDirectory,
    manifest: Manifest,
    options: _Options,
) -> None:
    files, warned = directory.files, warnings(results)
    columns, *rows = csv_rows(results)
    files.write_csv("results.csv", map(str, columns), rows)
    summary = {
        **msgspec.to_builtins(manifest),
        "refused": len(sweep.space.refused),
        "warnings": warned,
        **msgspec.to_builtins(results),
        "directory": str(directory.path),
    }
    files.write_json("summary.json", summary)
    start, end = (_day(time_s) for time_s in sweep.prepared.period)
    title = f"{manifest.strategy}, {manifest.search} from {start} to {end}"
    said = verdict(results)
    tables = [choices_table(results), points_table(results, _ROWS_ON_PAGE)]
    page = directory.path / "sweep.html"
    page.write_text(sweep_page(title, said, warned, results, tables), encoding="utf-8")
    if options.json:
        sys.stdout.write(json.dumps(summary, indent=2) + "\n")
        return
    console = Console(highlight=False, markup=False, soft_wrap=True)
    for heading, names, cells in (choices_table(results), points_table(results, _ROWS_SHOWN)):
        table = Table(title=heading, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
        for name in names:
            table.add_column(name, justify="right")
        for row in cells:
            table.add_row(*row)
        console.print(table, soft_wrap=False)
    for line in (said, *warned):
        console.print(line)
    console.print(f"all results: {directory.path / 'results.csv'}, {page}")


def _settle(
    options: _Options,
    flags: Sequence[tuple[str, str | None]],
    stderr: Console,
    period: tuple[int, int] | None = None,
) -> _Sweep:
    """Check everything and read the data; ``period`` is that of a sweep that goes on."""
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
        first = _day(prepared.period[0])
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
    return _Sweep(space, points, prepared, splits, objective, place)


def _points(space: Space, options: _Options) -> list[Point]:
    """Return what is tried; for a study, which makes its own points, a sample of the space."""
    if options.optuna is not None:
        points = space.sample(_PROBES, options.seed)
        space.refused.clear()
        return points
    if options.random is not None:
        return space.sample(options.random, options.seed)
    return space.grid()


def _check_numbers(options: _Options) -> None:
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


def _manifest(sweep_id: str, arguments: list[str], sweep: _Sweep, options: _Options) -> Manifest:
    search = "grid"
    if options.optuna is not None:
        search = f"{options.optuna:,} trials per split by Optuna"
    elif options.random is not None:
        search = f"{len(sweep.points):,} random points"
    return Manifest(
        sweep_id=sweep_id,
        arguments=arguments,
        strategy=sweep.space.strategy.__name__,
        search=search,
        searched={
            one.flag: ",".join(one.texts) if isinstance(one, Choices) else f"{one.low}:{one.high}"
            for one in sweep.space.dimensions
        },
        fixed=dict(sweep.space.fixed),
        splits=[_described(split) for split in sweep.splits],
        objective=sweep.objective,
        seed=options.seed,
        period=sweep.prepared.period,
        data_hash=data_hash(sweep.prepared.job.series),
        code_hash=sweep.prepared.job.code.digest(),
        versions={"cryptick": __version__, "python": sys.version.split()[0]},
        started_at=datetime.now(UTC).isoformat(),
    )


def _described(split: Split) -> dict[str, str | None]:
    judged = split.out_of_sample
    return {
        "in_sample_start": _iso(split.in_sample.start_s),
        "in_sample_end": _iso(split.in_sample.end_s),
        "out_of_sample_start": None if judged is None else _iso(judged.start_s),
        "out_of_sample_end": None if judged is None else _iso(judged.end_s),
    }


def _check_same(manifest: Manifest, sweep: _Sweep, code: StrategyCode) -> None:
    """Refuse to add results to those of other data or of another strategy."""
    name = manifest.sweep_id
    if data_hash(sweep.prepared.job.series) != manifest.data_hash:
        raise UsageError(f"the candles have changed since {name} began: begin a new sweep")
    if code.digest() != manifest.code_hash:
        raise UsageError(f"the strategy has changed since {name} began: begin a new sweep")


def _resumed(
    parser: Parser, manifest: Manifest, given: _Options, flags: Sequence[tuple[str, str | None]]
) -> tuple[_Options, list[tuple[str, str | None]]]:
    """Return the options that a sweep was begun with, but for those of this call."""
    default, _ = _parse(parser, [])
    kept = {name: getattr(given, name) for name in _OF_THIS_CALL}
    if flags or given != replace(default, **kept):
        allowed = ", ".join(f"--{name.replace('_', '-')}" for name in _OF_THIS_CALL[1:])
        raise UsageError(f"--resume goes on with what was asked for; only {allowed} can be added")
    options, begun = _parse(parser, manifest.arguments)
    return replace(options, **kept), begun


def _how_to_go_on(directory: SweepDirectory) -> str:
    number, name = len(directory.done), directory.path.name
    return f"{number:,} trials are kept, go on with --resume {name}"


def _parse(
    parser: Parser, arguments: Sequence[str]
) -> tuple[_Options, list[tuple[str, str | None]]]:
    known, flags = split_flags(arguments, parser)
    return _Options(**vars(parser.parse_args(known))), flags


def _parser() -> Parser:
    parser = Parser(
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


def _iso(time_s: int) -> str:
    return to_iso(UtcNs(time_s * SECOND))


def _day(time_s: int) -> str:
    return _iso(time_s)[:10]


if __name__ == "__main__":
    sys.exit(main())
