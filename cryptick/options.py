"""Options that the commands which run strategies share: market, fees, balances, parameters."""

import argparse
import re
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

import msgspec

from cryptick import runner
from cryptick.errors import UsageError
from cryptick.fill_rule import FillModel, FillRule
from cryptick.parameters import range_words
from cryptick.request import CANDLE_FEES, Fees, RunRequest, make_params, param_fields
from cryptick.strategy import Strategy, shipped_strategies
from exchange_wrapper.candles import parse_freq
from exchange_wrapper.errors import InvalidAmount
from exchange_wrapper.fees import FeeSchedule
from exchange_wrapper.history import HistorySource
from exchange_wrapper.numbers import parse_amount
from exchange_wrapper.times import MILLISECOND, SECOND

__all__ = [
    "Balances",
    "Flags",
    "MarketOptions",
    "add_market_options",
    "make_request",
    "open_history",
    "print_parameters",
    "print_strategies",
    "read_flags",
    "split_flags",
    "xwrap_url",
]


Balances = Mapping[str, Mapping[str, Decimal]]
"""Amounts by exchange and currency, each > 0."""

Flags = Sequence[tuple[str, str | None]]
"""Options that are not the parser's own, by name without dashes, None where no value follows."""


@dataclass(frozen=True, kw_only=True)
class MarketOptions:
    """Texts as given, of the period, the history, the fees and the fills; None where not given."""

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


def add_market_options(parser: argparse.ArgumentParser, models: Sequence[FillModel]) -> None:
    """Add the options of `MarketOptions`; ``models`` are the fill models that can be chosen."""
    add = parser.add_argument
    add("-s", "--start", metavar="DATE", help="start of a backtest (default: of the history)")
    add("-e", "--end", metavar="DATE", help="end of a backtest (default: of the history)")
    add("--freq", metavar="LENGTH", help="length of the bars, such as 5m or 1h (default: shortest)")
    add("--store", metavar="PATH", help="read history from this store, without xWrap")
    add(
        "--xwrap",
        metavar="URL",
        help=f"address of xWrap (default: XWRAP_URL or {runner.XWRAP_URL}); a backtest falls back "
        f"to the store of TIMESERIES_DB or {runner.STORE_PATH}",
    )
    add("--config", metavar="FILE", help="settings file with the exchanges' fees, for a backtest")
    default = f"{CANDLE_FEES.maker:f}"
    add("--maker-fee", metavar="FRACTION", help=f"fee of resting orders (default: {default})")
    add("--taker-fee", metavar="FRACTION", help=f"fee of other orders (default: {default})")
    rule = FillRule()
    names = [model.value for model in models]
    add("--fill-model", choices=names, help=f"what orders meet (default: {rule.model})")
    latency_ms = rule.latency_ns // MILLISECOND
    add("--latency", metavar="TIME", help=f"until an order arrives (default: {latency_ms}ms)")
    add(
        "--slippage-bps",
        metavar="BPS",
        help="extra cost of taking at a candle's price, 1 = 0.01 %%",
    )


def split_flags(
    arguments: Sequence[str], parser: argparse.ArgumentParser
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


def read_flags(strategy: type[Strategy], flags: Flags) -> tuple[dict[str, str], Balances]:
    """Part flags into a strategy's parameters, as texts by flag, and the balances.

    Raises
    ------
    UsageError
        An option that nobody knows, without a value or given twice, or no balance at all.
    InvalidAmount
        A balance that is no amount above 0.
    """
    fields = param_fields(strategy)
    params: dict[str, str] = {}
    balances: dict[str, dict[str, Decimal]] = {}
    for flag, value in flags:
        place = re.fullmatch(r"([a-z][\w.]*)-([a-z0-9]+)", flag, re.IGNORECASE)
        if flag not in fields and place is None:
            raise UsageError(
                f"unknown option --{flag}; {strategy.__name__} has --{', --'.join(fields)}"
            )
        if flag not in fields and (meant := _parameter_like(flag, fields)):
            raise UsageError(f"--{flag} reads like a balance; did you mean --{meant}?")
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
    return params, balances


def _parameter_like(flag: str, known: Iterable[str]) -> str | None:
    """Return the parameter that an option of two words may have been meant for."""
    names = set(known)
    currency = flag.rpartition("-")[2].lower()
    if currency in names:  # no currency is called like a parameter
        return currency
    near = get_close_matches(flag.lower(), names, n=1, cutoff=0.8)
    return near[0] if near else None


def make_request(
    strategy: type[Strategy],
    params: Mapping[str, str],
    mode: Literal["backtest", "paper", "live"],
    balances: Balances,
    options: MarketOptions,
) -> RunRequest:
    """Return what is to be run.

    Raises
    ------
    ApiUsageError
        A text that can't be read, or an option that the mode has no use for.
    """
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
        _fills(mode, options),
    )


def open_history(options: MarketOptions, stack: ExitStack) -> tuple[HistorySource, str]:
    """Return where candles come from: as told, else a running xWrap, else the default store.

    Raises
    ------
    Unavailable
        There is none of them.
    """
    return runner.open_history(options.store, options.xwrap, stack)


def xwrap_url(options: MarketOptions) -> str:
    """Return the address of xWrap: as told, else of ``XWRAP_URL``, else the usual one."""
    return runner.xwrap_url(options.xwrap)


def _fills(mode: str, options: MarketOptions) -> FillRule:
    given = options.fill_model, options.latency, options.slippage_bps
    if mode != "backtest":
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


def _fees(options: MarketOptions) -> Fees:
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


def print_parameters(strategy: type[Strategy]) -> None:
    """Print the parameters of a strategy with their defaults, units and ranges."""
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


def print_strategies() -> None:
    """Print the strategies that come with Cryptick."""
    for name, shipped in shipped_strategies().items():
        print(f"  {name:<20}{_first_line(shipped)}")


def _first_line(strategy: type[Strategy]) -> str:
    return (strategy.__doc__ or "").partition("\n")[0]
