"""Run one strategy from the command line: ``python -m cryptick.run``."""

import argparse
import asyncio
import json
import re
import signal
import sys
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final, Literal, NoReturn, cast

import msgspec
from rich.console import Console
from rich.progress import Progress

from cryptick.errors import UsageError
from cryptick.fill_rule import FillModel, FillRule
from cryptick.parameters import range_words
from cryptick.report import Summary, print_summary
from cryptick.request import CANDLE_FEES, Fees, RunRequest, make_params, param_fields
from cryptick.runner import (
    STORE_PATH,
    XWRAP_URL,
    claim,
    connect,
    open_history,
    run_backtest,
    run_on_xwrap,
    xwrap_url,
)
from cryptick.strategy import Strategy, find_strategy, shipped_strategies
from exchange_wrapper.candles import parse_freq
from exchange_wrapper.errors import InvalidAmount, XWrapError
from exchange_wrapper.fees import FeeSchedule
from exchange_wrapper.numbers import parse_amount
from exchange_wrapper.times import MILLISECOND, SECOND

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


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


@dataclass(frozen=True)
class _Options:
    """The options that are not of one strategy."""

    strategy: str
    mode: str
    start: str | None
    end: str | None
    freq: str | None
    store: str | None
    xwrap: str | None
    config: str | None
    fill_model: str | None
    latency: str | None
    slippage_bps: str | None
    maker_fee: str | None
    taker_fee: str | None
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
    known, flags = _split(arguments, parser)
    if not known or {"-h", "--help"} & set(known):
        named = bool(known) and not known[0].startswith("-")
        _print_help(parser, find_strategy(known[0]) if named else None)
        return 0 if known else 2
    if known == ["--list"]:
        _print_strategies()
        return 0
    options = _Options(**vars(parser.parse_args(known)))
    request = _request(options, flags)
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
        source, place = open_history(options.store, options.xwrap, stack)
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


def _paper(request: RunRequest, options: _Options, stderr: Console) -> Summary:
    url = xwrap_url(options.xwrap)
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


def _request(options: _Options, flags: list[tuple[str, str | None]]) -> RunRequest:
    strategy = find_strategy(options.strategy)
    fields = param_fields(strategy)
    params: dict[str, str] = {}
    balances: dict[str, dict[str, Decimal]] = {}
    for flag, value in flags:
        place = re.fullmatch(r"([a-z][\w.]*)-([a-z0-9]+)", flag, re.IGNORECASE)
        if flag not in fields and place is None:
            raise UsageError(
                f"unknown option --{flag}; {strategy.__name__} has --{', --'.join(fields)}"
            )
        if value is None:
            raise UsageError(f"--{flag} needs a value")
        if flag in fields:
            params[flag] = value
            continue
        assert place is not None
        exchange, currency = place[1].lower(), place[2].upper()
        amount = parse_amount(value, f"--{flag}")
        if amount <= 0:
            raise InvalidAmount(f"--{flag} must be more than 0, not {value}")
        if currency in balances.setdefault(exchange, {}):
            raise UsageError(f"--{flag} is given twice")
        balances[exchange][currency] = amount
    if not balances:
        raise UsageError("no balance to trade with: give one such as --gdax-usd 10000")
    mode = cast(Literal["backtest", "paper", "live"], options.mode)  # argparse has checked it
    if mode != "backtest" and (options.start or options.end):
        raise UsageError(f"-s and -e are for a backtest; a {mode} run begins now")
    start_s = None if options.start is None else _time_s(options.start, "-s", end=False)
    end_s = None if options.end is None else _time_s(options.end, "-e", end=True)
    if start_s is not None and end_s is not None and start_s >= end_s:
        raise UsageError(f"the end ({options.end}) must be after the start ({options.start})")
    return RunRequest(
        strategy,
        make_params(strategy, params),
        mode,
        balances,
        start_s,
        end_s,
        None if options.freq is None else parse_freq(options.freq),
        _fees(options),
        _fills(options),
    )


def _fills(options: _Options) -> FillRule:
    given = options.fill_model, options.latency, options.slippage_bps
    if options.mode != "backtest":
        if any(given):
            raise UsageError(
                "--fill-model, --latency and --slippage-bps are for a backtest; elsewhere the "
                "settings of xWrap apply"
            )
        return FillRule()
    rule = FillRule()
    model = rule.model if options.fill_model is None else FillModel(options.fill_model)
    latency_ns, slippage = rule.latency_ns, rule.slippage_bps
    if options.latency is not None:
        matched = re.fullmatch(r"(\d{1,9})(us|ms|s)", options.latency)
        if matched is None:
            raise UsageError(f"--latency {options.latency!r} is not a time such as 5ms or 1s")
        latency_ns = int(matched[1]) * {"us": 1_000, "ms": MILLISECOND, "s": SECOND}[matched[2]]
    if options.slippage_bps is not None:
        slippage = parse_amount(options.slippage_bps, "--slippage-bps")
        if model is FillModel.BOOK:
            raise UsageError("--slippage-bps is for candles; with recorded books their depth tells")
        if not 0 <= slippage < 10_000:
            raise UsageError(f"--slippage-bps must be from 0 to below 10000, not {slippage}")
    return FillRule(model, latency_ns, slippage)


def _fees(options: _Options) -> Fees:
    by_exchange: dict[str, FeeSchedule] = {}
    if options.config is not None:
        try:
            config = msgspec.json.decode(Path(options.config).read_bytes(), type=_Config)
        except OSError as error:
            raise UsageError(f"{options.config} can't be read: {error.strerror}") from None
        except msgspec.DecodeError as error:
            raise UsageError(f"{options.config} is not a settings file: {error}") from None
        for name, exchange in config.exchanges.items():
            if exchange.fees is not None:
                by_exchange[name] = FeeSchedule(exchange.fees.maker, exchange.fees.taker)
    maker, taker = (
        None if text is None else parse_amount(text, flag)
        for text, flag in ((options.maker_fee, "--maker-fee"), (options.taker_fee, "--taker-fee"))
    )
    return Fees(by_exchange, maker, taker)


class _FeeSetting(msgspec.Struct):
    maker: Decimal
    taker: Decimal


class _ExchangeSetting(msgspec.Struct):
    fees: _FeeSetting | None = None


class _Config(msgspec.Struct):
    """As much of xWrap's settings as concerns a backtest."""

    exchanges: dict[str, _ExchangeSetting]


def _time_s(text: str, flag: str, *, end: bool) -> int:
    """Return seconds since 1970; a date alone as an end means the midnight that ends that day."""
    day = re.fullmatch(r"(\d{1,2})-(\d{1,2})-(\d{4})", text)
    try:
        if day is not None:
            moment = datetime(int(day[3]), int(day[2]), int(day[1]), tzinfo=UTC)
        else:
            moment = datetime.fromisoformat(text)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except ValueError:
        raise UsageError(
            f"{flag} {text!r} is not a date such as 01-08-2022 or 2022-08-01T12:00"
        ) from None
    if end and (day is not None or re.fullmatch(r"\d{4}-?\d{2}-?\d{2}", text)):
        moment += timedelta(days=1)
    return int(moment.timestamp())


def _split(
    arguments: list[str], parser: argparse.ArgumentParser
) -> tuple[list[str], list[tuple[str, str | None]]]:
    """Part the options that the parser knows from balances and the strategy's parameters."""
    known: list[str] = []
    flags: list[tuple[str, str | None]] = []
    words = deque(arguments)
    while words:
        word = words.popleft()
        name, equals, value = word.partition("=")
        if not name.startswith("--") or name in parser._option_string_actions:
            known.append(word)
        elif equals or not words or words[0].startswith("--"):
            flags.append((name[2:], value if equals else None))
        else:
            flags.append((name[2:], words.popleft()))
    return known, flags


def _parser() -> _Parser:
    parser = _Parser(
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
    add("-s", "--start", metavar="DATE", help="start of a backtest (default: of the history)")
    add("-e", "--end", metavar="DATE", help="end of a backtest (default: of the history)")
    add("--freq", metavar="LENGTH", help="length of the bars, such as 5m or 1h (default: shortest)")
    add("--store", metavar="PATH", help="read history from this store, without xWrap")
    add(
        "--xwrap",
        metavar="URL",
        help=f"address of xWrap (default: XWRAP_URL or {XWRAP_URL}); a backtest falls back to the "
        f"store of TIMESERIES_DB or {STORE_PATH}",
    )
    add("--config", metavar="FILE", help="settings file with the exchanges' fees, for a backtest")
    default = f"{CANDLE_FEES.maker:f}"
    add("--maker-fee", metavar="FRACTION", help=f"fee of resting orders (default: {default})")
    add("--taker-fee", metavar="FRACTION", help=f"fee of other orders (default: {default})")
    rule = FillRule()
    models = [model.value for model in FillModel]
    add("--fill-model", choices=models, help=f"what orders meet (default: {rule.model})")
    latency_ms = rule.latency_ns // MILLISECOND
    add("--latency", metavar="TIME", help=f"until an order arrives (default: {latency_ms}ms)")
    add(
        "--slippage-bps",
        metavar="BPS",
        help="extra cost of taking at a candle's price, 1 = 0.01 %%",
    )
    add("--runs-dir", metavar="PATH", default="var/runs", help="where runs are kept (%(default)s)")
    add(
        "--for",
        dest="duration",
        metavar="TIME",
        help="end a paper or live run after this long: 2h",
    )
    add("--wait", metavar="TIME", help="wait so long for xWrap to be there (default: not at all)")
    add("--json", action="store_true", help="print the summary as JSON and nothing else")
    add("--list", action="store_true", help="list the strategies that come with Cryptick")
    add("-h", "--help", action="store_true", help="show this, with a strategy its parameters too")
    return parser


def _print_help(parser: argparse.ArgumentParser, strategy: type[Strategy] | None) -> None:
    parser.print_help()
    if strategy is None:
        print("\nstrategies:")
        _print_strategies()
        return
    print(f"\nparameters of {strategy.__name__}: {_first_line(strategy)}")
    for flag, field in param_fields(strategy).items():
        about = field.metadata
        unit, bounds, choices = about["unit"], about["bounds"], about["choices"]
        default = ",".join(field.default) if isinstance(field.default, tuple) else field.default
        notes = [f"default: {default} {unit}".rstrip()]
        if bounds:
            notes.append(range_words(bounds, ""))
        if choices:
            notes.append(f"one of {', '.join(choices)}")
        print(f"  --{flag} VALUE  {about['help']} ({'; '.join(notes)})")


def _print_strategies() -> None:
    for name, shipped in shipped_strategies().items():
        print(f"  {name:<20}{_first_line(shipped)}")


def _first_line(strategy: type[Strategy]) -> str:
    return (strategy.__doc__ or "").partition("\n")[0]


if __name__ == "__main__":
    sys.exit(main())
