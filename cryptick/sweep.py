"""Search a strategy's parameters from the command line: ``python -m cryptick.sweep``."""

import json
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
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
from cryptick.command import carry_out
from cryptick.errors import UsageError
from cryptick.options import (
    print_parameters,
    print_strategies,
)
from cryptick.strategy import find_strategy
from cryptick.sweeps.command import (
    Sweep,
    SweepOptions,
    make_parser,
    parse_options,
    resumed_options,
    settle,
)
from cryptick.sweeps.page import sweep_page
from cryptick.sweeps.results import Results, csv_rows, make_results
from cryptick.sweeps.search import Search, all_at_once, by_optuna
from cryptick.sweeps.space import Choices
from cryptick.sweeps.splits import Split
from cryptick.sweeps.store import Manifest, SweepDirectory, data_hash
from cryptick.sweeps.tables import choices_table, points_table, verdict, warnings
from cryptick.sweeps.trial import Job, StrategyCode
from cryptick.sweeps.workers import LocalWorkers, Workers
from exchange_wrapper.errors import XWrapError
from exchange_wrapper.times import SECOND, UtcNs, to_iso

__all__ = ["main"]

_ROWS_SHOWN: Final = 15
_ROWS_ON_PAGE: Final = 200


def main(argv: Sequence[str] | None = None) -> int:
    """Run a sweep and return the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    stderr = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
    return carry_out("cryptick.sweep", lambda: _main(arguments, stderr))


def _main(arguments: list[str], stderr: Console) -> int:
    parser = make_parser()
    options, flags = parse_options(parser, arguments)
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
        sweep = settle(options, flags, stderr)
        code = sweep.prepared.job.code
        directory = SweepDirectory.claim(root, sweep.space.strategy.__name__)
        manifest = _manifest(directory.path.name, arguments, sweep, options)
        directory.files.write_json("sweep.json", manifest)
    else:
        directory, manifest = SweepDirectory.find(root, options.resume)
        options, flags = resumed_options(parser, manifest, options, flags)
        sweep = settle(options, flags, stderr, manifest.period)
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


def _run(sweep: Sweep, options: SweepOptions, directory: SweepDirectory, stderr: Console) -> None:
    search: Search
    if options.optuna is None:
        search = all_at_once(sweep.points, sweep.splits)
    else:
        search = by_optuna(sweep.space, sweep.splits, options.optuna, options.seed, sweep.objective)
    total = _total(sweep, options)
    _announce(sweep, options, directory, total, stderr)
    with ExitStack() as stack:
        progress = stack.enter_context(_progress(stderr))
        bar = progress.add_task(directory.path.name, total=total, completed=len(directory.done))
        workers: Workers | None = None
        tasks = next(search)
        while True:
            missing = [task for task in tasks if task.trial not in directory.done]
            if missing:
                progress.update(bar, total=max(total, len(directory.done) + len(missing)))
                workers = workers or _workers(sweep.prepared.job, options, stack)
                for outcome in workers.run(missing):
                    directory.add(outcome)
                    progress.advance(bar)
            try:
                tasks = search.send([directory.done[task.trial] for task in tasks])
            except StopIteration:
                return


def _workers(job: Job, options: SweepOptions, stack: ExitStack) -> Workers:
    if options.scheduler is None:
        return stack.enter_context(LocalWorkers(job, _processes(options)))
    # Imported by who has a cluster only: it takes half a second.
    from cryptick.sweeps.dask_workers import DaskWorkers

    return stack.enter_context(DaskWorkers(job, options.scheduler))


def _processes(options: SweepOptions) -> int:
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
    sweep: Sweep, options: SweepOptions, directory: SweepDirectory, total: int, stderr: Console
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
    sweep: Sweep,
    results: Results,
    directory: SweepDirectory,
    manifest: Manifest,
    options: SweepOptions,
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


def _manifest(sweep_id: str, arguments: list[str], sweep: Sweep, options: SweepOptions) -> Manifest:
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
        data_hash=data_hash(sweep.prepared.job),
        code_hash=sweep.prepared.job.code.digest(),
        versions={"cryptick": __version__, "python": sys.version.split()[0]},
        started_at=datetime.now(UTC).isoformat(),
        trials=_total(sweep, options),
    )


def _total(sweep: Sweep, options: SweepOptions) -> int:
    return (options.optuna or len(sweep.points)) * len(sweep.splits)


def _described(split: Split) -> dict[str, str | None]:
    judged = split.out_of_sample
    return {
        "in_sample_start": _iso(split.in_sample.start_s),
        "in_sample_end": _iso(split.in_sample.end_s),
        "out_of_sample_start": None if judged is None else _iso(judged.start_s),
        "out_of_sample_end": None if judged is None else _iso(judged.end_s),
    }


def _check_same(manifest: Manifest, sweep: Sweep, code: StrategyCode) -> None:
    """Refuse to add results to those of other data or of another strategy."""
    name = manifest.sweep_id
    if data_hash(sweep.prepared.job) != manifest.data_hash:
        raise UsageError(f"the candles or fees have changed since {name} began: begin a new sweep")
    if code.digest() != manifest.code_hash:
        raise UsageError(f"the strategy has changed since {name} began: begin a new sweep")


def _how_to_go_on(directory: SweepDirectory) -> str:
    number, name = len(directory.done), directory.path.name
    return f"{number:,} trials are kept, go on with --resume {name}"


def _iso(time_s: int) -> str:
    return to_iso(UtcNs(time_s * SECOND))


def _day(time_s: int) -> str:
    return _iso(time_s)[:10]


if __name__ == "__main__":
    sys.exit(main())
