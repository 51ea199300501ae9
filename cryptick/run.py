"""Run one strategy from the command line: ``python -m cryptick.run``."""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal, cast

import msgspec
from rich.console import Console
from rich.progress import Progress

from cryptick.command import CommandParser, carry_out
from cryptick.fill_rule import FillModel
from cryptick.options import (
    MarketOptions,
    add_market_options,
    make_request,
    open_history,
    print_parameters,
    print_strategies,
    read_flags,
    split_flags,
    xwrap_url,
)
from cryptick.report import Summary, print_summary
from cryptick.request import RunRequest
from cryptick.runner import claim, connect, run_backtest, run_on_xwrap
from cryptick.strategy import Strategy, find_strategy
from exchange_wrapper.candles import parse_freq

__all__ = ["main"]

_EXAMPLES: Final = """\
Balances are given as --EXCHANGE-CURRENCY AMOUNT, as many as there are. In a backtest the exchange
is any that candles are stored of; on paper and live it is one that xWrap has loaded in that mode.
Live trades real money.

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
    return carry_out("cryptick.run", lambda: _run(arguments, stderr))


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
    strategy = find_strategy(options.strategy)
    params, balances = read_flags(strategy, flags)
    mode = cast(Literal["backtest", "paper", "live"], options.mode)  # argparse has checked it
    request = make_request(strategy, params, mode, balances, options)
    summary = (
        _backtest(request, options, stderr)
        if request.mode == "backtest"
        else _on_xwrap(request, options, stderr)
    )
    if options.json:
        sys.stdout.write(json.dumps(msgspec.to_builtins(summary), indent=2) + "\n")
    else:
        print_summary(summary, Console(highlight=False))
    return 0


def _backtest(request: RunRequest, options: _Options, stderr: Console) -> Summary:
    with ExitStack() as stack:
        source, place = open_history(options, stack)
        progress = stack.enter_context(
            Progress(console=stderr, transient=True, disable=not stderr.is_terminal)
        )
        task = progress.add_task(f"{request.strategy.__name__}", total=None)
        return run_backtest(
            request,
            source,
            place,
            lambda: claim(request, Path(options.runs_dir)),
            warn=lambda words: stderr.print(f"cryptick.run: {words}"),
            progress=lambda done, total: progress.update(task, completed=done, total=total),
        )


def _on_xwrap(request: RunRequest, options: _Options, stderr: Console) -> Summary:
    url = xwrap_url(options)
    console = stderr if options.json else Console(highlight=False, soft_wrap=True, markup=False)

    def say(line: str) -> None:
        console.print(f"{datetime.now(UTC):%H:%M:%S} {line}")

    duration_s = None if options.duration is None else parse_freq(options.duration)
    wait_s = 0 if options.wait is None else parse_freq(options.wait)

    async def run() -> Summary:
        name = f"cryptick {request.strategy.__name__}"
        async with await connect(url, name, wait_s) as client:
            stop, loop = asyncio.Event(), asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, stop.set)
            if duration_s is not None:
                loop.call_later(duration_s, stop.set)
            return await run_on_xwrap(
                request, client, lambda: claim(request, Path(options.runs_dir)), stop, say
            )

    return asyncio.run(run())


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="python -m cryptick.run",
        usage="%(prog)s STRATEGY -m MODE --EXCHANGE-CURRENCY AMOUNT … [options]",
        description="Run one strategy in the console: in a backtest, on paper or live.",
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
    add(
        "--for", dest="duration", metavar="TIME", help="end a paper or live run after this long: 2h"
    )
    add("--wait", metavar="TIME", help="wait so long for xWrap to be there (default: not at all)")
    add("--json", action="store_true", help="print the summary as JSON and nothing else")
    add("--list", action="store_true", help="list the strategies that come with Cryptick")
    add("-h", "--help", action="store_true", help="show this, with a strategy its parameters too")
    return parser


def _print_help(parser: CommandParser, strategy: type[Strategy] | None) -> None:
    parser.print_help()
    if strategy is None:
        print("\nstrategies:")
        print_strategies()
    else:
        print_parameters(strategy)


if __name__ == "__main__":
    sys.exit(main())
