"""``backfill``: fetch the candles of exchanges into the store, now."""

import argparse
import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from exchange_wrapper.candle_keeper import CandleKeeper
from exchange_wrapper.candles import format_freq, parse_freq
from exchange_wrapper.cli._series import shown
from exchange_wrapper.config import Config, ExchangeSettings, Settings
from exchange_wrapper.errors import ApiUsageError, Unavailable, UnknownName
from exchange_wrapper.pair import split_name
from exchange_wrapper.service.engine import load_class
from exchange_wrapper.storage import Store, open_store
from exchange_wrapper.util import utc_now

__all__ = ["add_parser", "run"]

_INTERRUPTED = 130  # what a shell calls a program that Ctrl-C ended


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the command to argparse."""
    parser = subparsers.add_parser(
        "backfill",
        help="fetch candles of the configured exchanges into the store",
        description="Fetch the candles of the configured exchanges' pairs, newest first. What is "
        "stored or was asked for before is not fetched again, so an interrupted run goes on "
        "where it ended. It may run beside the service, and while it is stopped.",
    )
    parser.add_argument(
        "--config", type=Path, required=True, metavar="PATH", help="the configuration (JSON)"
    )
    parser.add_argument("--exchange", metavar="NAME", help="only this one of the configuration")
    parser.add_argument(
        "--pair", action="append", metavar="BASE_QUOTE", help="only this one; may be repeated"
    )
    parser.add_argument(
        "--days", type=int, metavar="N", help="how far back (default: the exchange's history_days)"
    )
    parser.add_argument(
        "--freq", default="5m", metavar="LENGTH", help="such as 5m or 1h (default: %(default)s)"
    )
    parser.add_argument(
        "--store",
        metavar="PLACE",
        help="a file or influxdb://host:port/database (default: that of the configuration)",
    )
    parser.add_argument("--json", action="store_true", help="report as JSON")


def run(args: argparse.Namespace) -> int:
    """Fetch and report on standard output; 4 if something is still missing.

    Raises
    ------
    XWrapError
        An argument or the configuration can't be used, or an exchange does not answer.
    """
    config = Config()
    config.load(args.config)
    settings = Settings.from_config(config)
    freq_s = parse_freq(args.freq)
    if args.days is not None and not 0 < args.days <= 36_500:
        raise ApiUsageError("--days must be 1 to 36500", field="days")
    wanted = [each for each in settings.exchanges if args.exchange in (None, each.name)]
    if not wanted:
        names = ", ".join(each.name for each in settings.exchanges)
        raise UnknownName(
            f"exchange {args.exchange!r} is not in {args.config}; there are {names}",
            field="exchange",
        )
    only = frozenset("_".join(split_name(pair)) for pair in args.pair or ())
    place = args.store or settings.timeseries
    try:
        with open_store(place) as store:
            reports = [
                asyncio.run(_fill(store, settings, each, only, args.days, freq_s))
                for each in wanted
            ]
    except KeyboardInterrupt:
        print("xwrap: interrupted; the same command goes on from here", file=sys.stderr)
        return _INTERRUPTED
    if args.json:
        print(json.dumps({"store": shown(place), "exchanges": reports}, indent=2))
    else:
        _print_reports(reports)
    complete = all(pair["complete"] == 1 for each in reports for pair in each["pairs"].values())
    return 0 if complete else Unavailable.exit_code


async def _fill(
    store: Store,
    settings: Settings,
    wanted: ExchangeSettings,
    only: frozenset[str],
    days: int | None,
    freq_s: int,
) -> dict[str, Any]:
    kind = load_class(wanted)
    if freq_s not in kind.capabilities.candle_freqs_s:
        there = ", ".join(format_freq(each) for each in sorted(kind.capabilities.candle_freqs_s))
        raise ApiUsageError(
            f"{wanted.name} has no candles of {format_freq(freq_s)}, but of {there or 'no length'}",
            field="freq",
        )
    exchange = kind(wanted.name, wanted.config, frozenset(settings.currencies))
    try:
        pairs = await exchange.load_pairs()
        if missing := only - set(pairs):
            raise UnknownName(
                f"{wanted.name} has no pair {', '.join(sorted(missing))} of the configured "
                f"currencies; there are {', '.join(sorted(pairs))}",
                field="pair",
            )
        keeper = CandleKeeper(
            store,
            exchange,
            {name: pair for name, pair in pairs.items() if not only or name in only},
            days=days or wanted.history_days,
            freq_s=freq_s,
            clock=utc_now,
        )
        with _bars(keeper, wanted.name) as show:
            await keeper.fill(show)
    finally:
        await exchange.close()
    rows = {(info.exchange, info.pair, info.freq_s): info.rows for info in store.series()}
    return {
        "exchange": wanted.name,
        "freq_s": freq_s,
        "pairs": {
            name: {**state, "rows": rows.get((wanted.name, name, freq_s), 0)}
            for name, state in keeper.progress().items()
        },
    }


@contextmanager
def _bars(keeper: CandleKeeper, exchange: str) -> Iterator[Any]:
    """Show a bar per pair on standard error, if that is a terminal."""
    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        bars = {
            name: progress.add_task(f"{exchange} {name}", total=1.0) for name in keeper.progress()
        }

        def show() -> None:
            for name, state in keeper.progress().items():
                progress.update(bars[name], completed=cast(float, state["complete"]))

        yield show


def _print_reports(reports: list[dict[str, Any]]) -> None:
    for each in reports:
        freq = format_freq(each["freq_s"])
        for name, state in each["pairs"].items():
            problem = f": {state['error']}" if state["error"] else ""
            print(
                f"{each['exchange']} {name} {freq}: {state['rows']:,} candles stored, "
                f"{state['complete']:.1%} of the period asked for{problem}"
            )
