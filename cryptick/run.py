"""Run one strategy from the command line: ``python -m cryptick.run``."""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from traceback import format_exception
from typing import Final, Literal

import msgspec
from rich.console import Console
from rich.progress import Progress

from cryptick import __version__
from cryptick.audit import AuditLog
from cryptick.backtest import (
    Backtest,
    load_history,
    load_recordings,
    load_series,
    plan_backtest,
)
from cryptick.book_replay import Recording
from cryptick.candle_market import Series
from cryptick.errors import HandlerFailed, UsageError
from cryptick.fill_rule import FillModel
from cryptick.manifest import describe_run, results_of
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
    xwrap_url,
)
from cryptick.paper import PaperRun
from cryptick.report import Summary, print_summary, write_report
from cryptick.report.analysis import late_starts
from cryptick.request import RunRequest
from cryptick.run_directory import RunDirectory
from cryptick.strategy import Strategy, find_strategy
from exchange_wrapper.candles import parse_freq
from exchange_wrapper.client import XWrapClient
from exchange_wrapper.errors import Unavailable, XWrapError
from exchange_wrapper.history import RemoteHistory

__all__ = ["main"]

_RECONNECT_POLL_S: Final = 0.25

_EXAMPLES: Final = """\
Balances are given as --EXCHANGE-CURRENCY AMOUNT, as many as there are. In a backtest the exchange
is any that candles are stored of; on paper it is one that xWrap has loaded.

Dates are DD-MM-YYYY or ISO 8601, in UTC. A backtest is on the bars that open from the start on and
before the end; an end that is a date alone includes that whole day.

examples:
  python -m cryptick.run HodlStrategy -m backtest --binance-usdt 10000 -s 01-08-2022 -e 27-09-2023
  python -m cryptick.run HodlStrategy -m paper --gdax-usd 10000 --base ETH
  python -m cryptick.run ./my_strategy.py:MyStrategy -m backtest --gdax-usd 1000 --freq 1h

A file to begin with is written by python -m cryptick.new MyStrategy.

exit status: 0 done, 1 the run failed, 2 the command can't be run, 3 no such history, 4 xWrap or the
store is not available.
"""


@dataclass(frozen=True, kw_only=True)
class _Options(MarketOptions):
    """The options that are not of one strategy."""

    strategy: str
    mode: str
    runs_dir: str
    duration: str | None
    wait: str | None
    json: bool
    list: bool
    help: bool


def main(argv: Sequence[str] | None = None) -> int:
    """Run a strategy and return the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    stderr = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
    try:
        return _run(arguments, stderr)
    except XWrapError as error:
        stderr.print(f"cryptick.run: {error.message}")
        return error.exit_code
    except KeyboardInterrupt:
        stderr.print("cryptick.run: stopped")
        return 130


def _run(arguments: list[str], stderr: Console) -> int:
    parser = _parser()
    known, flags = split_flags(arguments, parser)
    if not known or {"-h", "--help"} & set(known):
        named = bool(known) and not known[0].startswith("-")
        _print_help(parser, find_strategy(known[0]) if named else None)
        return 0 if known else 2
    if known == ["--list"]:
        print_strategies()
        return 0
    options = _Options(**vars(parser.parse_args(known)))
    if options.mode == "live":
        raise UsageError("live mode is not available yet; -m paper trades on live prices")
    strategy = find_strategy(options.strategy)
    params, balances = read_flags(strategy, flags)
    mode: Literal["backtest", "paper"] = "backtest" if options.mode == "backtest" else "paper"
    request = make_request(strategy, params, mode, balances, options)
    summary = (
        _backtest(request, options, stderr)
        if request.mode == "backtest"
        else _paper(request, options, stderr)
    )
    if options.json:
        sys.stdout.write(json.dumps(msgspec.to_builtins(summary), indent=2) + "\n")
    else:
        print_summary(summary, Console(highlight=False))
    return 0


def _backtest(request: RunRequest, options: _Options, stderr: Console) -> Summary:
    with ExitStack() as stack:
        source, place = open_history(options, stack)
        if isinstance(source, RemoteHistory):
            request = replace(request, fees=request.fees.known(source.fees()))
        plan = plan_backtest(request, source, place)
        data: Sequence[Series] | Sequence[Recording]
        if request.fills.model is FillModel.BOOK:
            data = load_recordings(request, source, plan)
        else:
            data = series = load_series(request, source, plan)
            _warn_of_late_starts(request, series, stderr)
        directory = _claim(request, options)
        audit = stack.enter_context(AuditLog(directory.path / "messages.jsonl", flush=False))
        history = load_history(request, source, data)
        backtest = Backtest(request, plan, data, directory, audit, history)
        manifest = describe_run(request, place, data)
        directory.update(state="running", source=place, manifest=manifest)
        progress = stack.enter_context(
            Progress(console=stderr, transient=True, disable=not stderr.is_terminal)
        )
        task = progress.add_task(f"{request.strategy.__name__}", total=None)
        with _Outcome(directory):
            summary = backtest.run(
                place, lambda done, total: progress.update(task, completed=done, total=total)
            )
            write_report(backtest.result, summary, directory)
            return summary


def _paper(request: RunRequest, options: _Options, stderr: Console) -> Summary:
    url = xwrap_url(options)
    console = stderr if options.json else Console(highlight=False, soft_wrap=True, markup=False)

    def say(line: str) -> None:
        console.print(f"{datetime.now(UTC):%H:%M:%S} {line}")

    duration_s = None if options.duration is None else parse_freq(options.duration)
    wait_s = 0 if options.wait is None else parse_freq(options.wait)

    async def run() -> Summary:
        name = f"cryptick {request.strategy.__name__}"
        async with await _connect(url, name, wait_s) as client:
            paper = await PaperRun.prepare(request, client)
            stop, loop = asyncio.Event(), asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, stop.set)
            if duration_s is not None:
                loop.call_later(duration_s, stop.set)
            directory = _claim(request, options)
            directory.update(state="running", source=url, manifest=describe_run(request, url))
            with (
                AuditLog(directory.path / "messages.jsonl", flush=True) as audit,
                _Outcome(directory),
            ):
                return await paper.run(directory, audit, stop, say)

    return asyncio.run(run())


def _warn_of_late_starts(request: RunRequest, series: Sequence[Series], stderr: Console) -> None:
    candles = ((s.instrument.exchange, s.instrument.pair, s.candles) for s in series)
    for warning in late_starts(request.start_s, candles):
        stderr.print(f"cryptick.run: {warning}")


async def _connect(url: str, name: str, wait_s: int) -> XWrapClient:
    """Connect to xWrap, trying again for ``wait_s`` seconds while it can't be reached."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_s
    while True:
        try:
            return await XWrapClient.connect(url, name=name)
        except Unavailable:
            if loop.time() >= deadline:
                raise
            await asyncio.sleep(_RECONNECT_POLL_S)


class _Outcome:
    """Write into ``run.json`` how a run ended, and where a strategy failed into ``run.log``."""

    def __init__(self, directory: RunDirectory) -> None:
        self._directory = directory

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        ended_at = datetime.now(UTC).isoformat()
        if error is None:
            results = results_of(self._directory.path)
            self._directory.update(state="stopped", ended_at=ended_at, results=results)
            return
        message = str(error) or type(error).__name__
        self._directory.update(state="failed", ended_at=ended_at, error=message)
        if isinstance(error, HandlerFailed) and error.__cause__ is not None:
            log = self._directory.path / "run.log"
            with log.open("a", encoding="utf-8") as file:
                file.writelines(format_exception(error.__cause__))
            error.message += f"; see {log}"


def _claim(request: RunRequest, options: _Options) -> RunDirectory:
    directory = RunDirectory.claim(Path(options.runs_dir), request.strategy.__name__)
    directory.update(
        run_id=directory.run_id,
        **request.describe(),
        versions={"cryptick": __version__, "python": sys.version.split()[0]},
        state="starting",
        started_at=datetime.now(UTC).isoformat(),
    )
    return directory


def _parser() -> Parser:
    parser = Parser(
        prog="python -m cryptick.run",
        usage="%(prog)s STRATEGY -m MODE --EXCHANGE-CURRENCY AMOUNT … [options]",
        description="Run one strategy in the console, in a backtest or on paper.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        add_help=False,
    )
    add = parser.add_argument
    add("strategy", help="its class name, or ./file.py:ClassName")
    add("-m", "--mode", required=True, choices=("backtest", "paper", "live"))
    add_market_options(parser, list(FillModel))
    add("--runs-dir", metavar="PATH", default="var/runs", help="where runs are kept (%(default)s)")
    add("--for", dest="duration", metavar="TIME", help="end a paper run after this long: 60s, 2h")
    add("--wait", metavar="TIME", help="wait so long for xWrap to be there (default: not at all)")
    add("--json", action="store_true", help="print the summary as JSON and nothing else")
    add("--list", action="store_true", help="list the strategies that come with Cryptick")
    add("-h", "--help", action="store_true", help="show this, with a strategy its parameters too")
    return parser


def _print_help(parser: Parser, strategy: type[Strategy] | None) -> None:
    parser.print_help()
    if strategy is None:
        print("\nstrategies:")
        print_strategies()
    else:
        print_parameters(strategy)


if __name__ == "__main__":
    sys.exit(main())
