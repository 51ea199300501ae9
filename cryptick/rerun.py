"""Run a finished backtest again and compare: ``python -m cryptick.rerun RUN_ID``."""

import argparse
import csv
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

import msgspec
from rich.console import Console

from cryptick.backtest import (
    Backtest,
    load_history,
    load_recordings,
    load_series,
    plan_backtest,
)
from cryptick.command import CommandParser, carry_out
from cryptick.errors import UsageError
from cryptick.fill_rule import FillModel
from cryptick.manifest import RESULT_FILES, Manifest, describe_run, request_of, results_of
from cryptick.market_data import Recording, Series
from cryptick.past_runs import PastRun
from cryptick.request import RunRequest
from cryptick.run_directory import RunDirectory
from cryptick.valuation import Plan
from exchange_wrapper.history import HistorySource, RemoteHistory, StoreHistory

__all__ = ["Verdict", "main", "rerun"]

_STORE: Final = "store "
_XWRAP: Final = "xWrap at "

_EPILOG: Final = """\
What was run is in the run's run.json; it is run again in a temporary directory, on the same period.

exit status: 0 same orders and trades, 1 different ones, 2 the command can't be run, 3 no such
history, 4 xWrap or the store is not available.
"""


class Verdict(msgspec.Struct, frozen=True):
    """What a second run came to.

    ``same`` is about the orders and trades, byte for byte. ``differences`` are in the order of
    causes: what of code, request and data is not as it was, then the first row that differs.
    """

    run_id: str
    same: bool
    orders: int
    trades: int
    differences: list[str]


def rerun(run: PastRun) -> Verdict:
    """Run a finished backtest again.

    Raises
    ------
    UsageError
        It is not a backtest or has no manifest.
    NoData, Unavailable
        The history is not there any more.
    """
    manifest = _manifest(run)
    request = request_of(manifest)
    differences = [
        f"{name} was changed after the run"
        for name, digest in results_of(run.path).items()
        if digest != run.run.get("results", {}).get(name)
    ]
    with ExitStack() as stack:
        source = _open(manifest.source, stack)
        plan = plan_backtest(request, source, manifest.source)
        data = _data(manifest, request, source, plan)
        history = load_history(request, source, data)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cryptick-rerun-")))
        backtest = Backtest(request, plan, data, RunDirectory(folder), history=history)
        summary = backtest.run(manifest.source)
        differences += _causes(manifest, describe_run(request, manifest.source, data))
        rows = [_first_difference(name, run.path, folder) for name in RESULT_FILES]
    found = [row for row in rows if row is not None]
    return Verdict(run.run_id, not found, summary.orders, summary.trades, differences + found[:1])


def _manifest(run: PastRun) -> Manifest:
    if run.run.get("mode") != "backtest":
        raise UsageError(f"{run.run_id} was a {run.run.get('mode')} run: only backtests run again")
    if "manifest" not in run.run:
        raise UsageError(f"{run.run_id} has no manifest: it is of an older version")
    try:
        return msgspec.convert(run.run["manifest"], Manifest)
    except msgspec.ValidationError as error:
        raise UsageError(f"the manifest of {run.run_id} is damaged: {error}") from None


def _open(place: str, stack: ExitStack) -> HistorySource:
    if place.startswith(_STORE):
        return stack.enter_context(StoreHistory(place.removeprefix(_STORE)))
    return RemoteHistory(place.removeprefix(_XWRAP))


def _data(
    manifest: Manifest, request: RunRequest, source: HistorySource, plan: Plan
) -> list[Series] | list[Recording]:
    """Read the data of the period that the run had: history may have grown since."""
    if request.fills.model is FillModel.BOOK:
        rows = {(row.exchange, row.pair): row.rows for row in manifest.data}
        return load_recordings(request, source, plan, rows)
    period = replace(
        request,
        start_s=min(row.start_s for row in manifest.data),
        end_s=max(row.end_s for row in manifest.data),
        freq_s=manifest.data[0].freq_s,
    )
    return load_series(period, source, plan)


def _causes(then: Manifest, now: Manifest) -> list[str]:
    """Say what of the causes of a result has changed."""
    found = []
    known = {(row.exchange, row.pair): row for row in now.data}
    for row in then.data:
        present, name = known.get((row.exchange, row.pair)), f"{row.pair} on {row.exchange}"
        if present is None:
            found.append(f"data: {name} is not followed any more")
        elif present != row:
            columns = [
                f"{field} was {getattr(row, field)}, is {getattr(present, field)}"
                for field in row.__struct_fields__
                if getattr(row, field) != getattr(present, field)
            ]
            found.append(f"data: of {name} {'; '.join(columns)}")
    if then.strategy.source != now.strategy.source:
        found.append(f"code: the source of {then.strategy.name} has changed")
    if then.code.source != now.code.source:
        found.append(f"code: the packages have changed ({then.code.cryptick}, {now.code.cryptick})")
    elif then.code != now.code:
        found.append("code: Python or a library has another version")
    if then.key != now.key:
        found.append("parameters: the request means something else to this version")
    return found


def _first_difference(name: str, then: Path, now: Path) -> str | None:
    """Name the first row and column of a file that differ, None if all bytes are the same."""
    old, new = then / name, now / name
    if not old.is_file():
        return f"{name} is missing"
    if old.read_bytes() == new.read_bytes():
        return None
    with (
        old.open(encoding="utf-8", newline="") as was,
        new.open(encoding="utf-8", newline="") as is_,
    ):
        rows = zip_longest(csv.DictReader(was), csv.DictReader(is_))
        for number, (before, after) in enumerate(rows, 1):
            if before == after:
                continue
            if before is None or after is None:
                extra, whose = (after, "only now") if before is None else (before, "only then")
                return f"{name}, row {number}: {' '.join(_texts(extra)[:8])} is there {whose}"
            columns = [
                f"{column} was {text or 'empty'}, is {after.get(column) or 'empty'}"
                for column, text in before.items()
                if after.get(column) != text
            ]
            return f"{name}, row {number} at {_texts(before)[0]}: {'; '.join(columns)}"
    return f"{name} differs in its form only"


def _texts(row: Mapping[str | Any, Any]) -> list[str]:
    return [str(text) for text in row.values()]


def main(argv: Sequence[str] | None = None) -> int:
    """Run a backtest again and return the exit status."""
    parser = CommandParser(
        prog="python -m cryptick.rerun",
        description="Run a finished backtest again and compare its orders and trades.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run_id", metavar="RUN_ID", help="such as hodlstrategy_0")
    parser.add_argument(
        "--runs-dir", metavar="PATH", default="var/runs", help="where runs are kept (%(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print the verdict as JSON")
    return carry_out("cryptick.rerun", lambda: _run(parser.parse_args(argv)))


def _run(options: argparse.Namespace) -> int:
    verdict = rerun(PastRun.open(Path(options.runs_dir), options.run_id))
    if options.json:
        sys.stdout.write(json.dumps(msgspec.to_builtins(verdict), indent=2) + "\n")
        return 0 if verdict.same else 1
    console = Console(highlight=False, markup=False, soft_wrap=True)
    counts = f"{verdict.orders:,} orders and {verdict.trades:,} trades"
    console.print(f"{verdict.run_id}: {'identical' if verdict.same else 'different'}, {counts}")
    for difference in verdict.differences:
        console.print(f"  {difference}")
    return 0 if verdict.same else 1


if __name__ == "__main__":
    sys.exit(main())
