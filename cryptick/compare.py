"""Put finished runs side by side: ``python -m cryptick.compare RUN RUN …``."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cryptick.command import CommandParser, carry_out
from cryptick.errors import UsageError
from cryptick.past_runs import PastRun
from cryptick.report import Summary
from cryptick.report.words import figure_rows, setting_rows

__all__ = ["main"]

_EPILOG = "exit status: 0 done, 2 the command can't be run."


def main(argv: Sequence[str] | None = None) -> int:
    """Compare runs and return the exit status."""
    parser = CommandParser(
        prog="python -m cryptick.compare",
        description="Put the figures of finished runs side by side.",
        epilog=_EPILOG,
    )
    add = parser.add_argument
    add("runs", metavar="RUN", nargs="+", help="two run ids or more, such as hodlstrategy_0")
    add("--runs-dir", metavar="PATH", default="var/runs", help="where runs are kept (%(default)s)")
    add("--json", action="store_true", help="print their summaries as JSON")
    add("--html", metavar="FILE", help="write a page with their equity over each other")
    return carry_out("cryptick.compare", lambda: _run(parser.parse_args(argv)))


def _run(options: argparse.Namespace) -> int:
    names = list(dict.fromkeys(options.runs))
    if len(names) < 2:
        raise UsageError("name two runs or more")
    runs = [PastRun.open(Path(options.runs_dir), name) for name in names]
    summaries = [run.summary() for run in runs]
    if options.html is not None:
        _write_page(Path(options.html), runs, summaries)
    if options.json:
        content = [msgspec.to_builtins(summary) for summary in summaries]
        sys.stdout.write(json.dumps(content, indent=2) + "\n")
        return 0
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for name in names:
        table.add_column(Text(name), justify="right", overflow="fold")
    for row in _rows(summaries):
        table.add_row(*map(Text, row))
    Console(highlight=False).print(table)
    return 0


def _rows(summaries: Sequence[Summary]) -> list[list[str]]:
    """Return rows of a name and a text of each run; of the settings those that differ."""
    named = [
        ("strategy", [summary.strategy for summary in summaries]),
        ("mode", [summary.mode for summary in summaries]),
    ]
    of_all = [[*figure_rows(summary), *setting_rows(summary)] for summary in summaries]
    figures = len(figure_rows(summaries[0]))
    for number, row in enumerate(zip(*of_all, strict=True)):
        texts = [text for _, text in row]
        if number < figures or (len(set(texts)) > 1 and row[0][0] != "run directory"):
            named.append((row[0][0], texts))
    return [[name, *texts] for name, texts in named]


def _write_page(file: Path, runs: Sequence[PastRun], summaries: Sequence[Summary]) -> None:
    from cryptick.report.page import document, section, table  # only who writes a page needs it

    head = [("", ""), *((run.run_id, "number") for run in runs)]
    rows = [
        [(row[0], ""), *((text, "number lines") for text in row[1:])] for row in _rows(summaries)
    ]
    parts = [
        "<header><h1>Runs side by side</h1></header>",
        section(
            "Growth",
            "<p class=legend id=equity-legend></p><div id=equity></div>",
            "Of the equity since the beginning of each run.",
        ),
        section("Figures", table(head, rows)),
    ]
    data = {"runs": [_growth(run) for run in runs]}
    try:
        file.write_text(document("Runs side by side", parts, "compare.js", data), "utf-8")
    except OSError as error:
        raise UsageError(f"{file} can't be written: {error.strerror}") from None


def _growth(run: PastRun) -> dict[str, Any]:
    time, equity = run.curve()
    distinct = np.append(np.diff(time) > 0, True)[: len(time)]
    growth = np.round(equity / equity[0] - 1.0, 6)
    return {
        "name": run.run_id,
        "time": time[distinct].tolist(),
        "growth": growth[distinct].tolist(),
    }


if __name__ == "__main__":
    sys.exit(main())
