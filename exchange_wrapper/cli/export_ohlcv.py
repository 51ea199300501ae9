"""``export_ohlcv``: write stored candles to a file that ``import_ohlcv`` reads back exactly."""

import argparse
import json
from pathlib import Path

from exchange_wrapper.candles import format_freq, parse_freq
from exchange_wrapper.cli._series import (
    add_store,
    exchange_name,
    iso,
    period_words,
    read_time_s,
    store_of,
)
from exchange_wrapper.errors import ApiUsageError
from exchange_wrapper.history import StoreHistory
from exchange_wrapper.pair import split_name
from exchange_wrapper.storage.ohlcv_export import write_ohlcv

__all__ = ["add_parser", "run"]

_TIME_MAX_S = 2**33  # the year 2242


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the command to argparse."""
    parser = subparsers.add_parser(
        "export_ohlcv",
        help="export candles to CSV (plain or gzip) or Parquet",
        description="Export candles to a file, which import_ohlcv reads back to the last digit. "
        "A length that is not stored is made of shorter candles.",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="ends in .csv, .csv.gz or .parquet")
    parser.add_argument("--exchange", required=True, metavar="NAME", help="such as binance")
    parser.add_argument("--pair", required=True, metavar="BASE_QUOTE", help="such as BTC_USDT")
    parser.add_argument("--freq", required=True, metavar="LENGTH", help="such as 5m, 1h or 1d")
    parser.add_argument("--start", metavar="TIME", help="such as 2022-08-01, UTC (default: first)")
    parser.add_argument("--end", metavar="TIME", help="the first time left out (default: none)")
    parser.add_argument(
        "--replace", action="store_true", help="write over a file that exists already"
    )
    parser.add_argument("--json", action="store_true", help="report as JSON")
    add_store(parser)


def run(args: argparse.Namespace) -> int:
    """Export and report on standard output.

    Raises
    ------
    XWrapError
        An argument can't be used, there are no such candles, or the file can't be written.
    """
    exchange, pair = exchange_name(args.exchange), "_".join(split_name(args.pair))
    freq_s = parse_freq(args.freq)
    start_s, end_s = read_time_s(args.start), read_time_s(args.end)
    start_s, end_s = start_s or 0, _TIME_MAX_S if end_s is None else end_s
    if start_s >= end_s:
        raise ApiUsageError("--start must be before --end", field="start")
    with StoreHistory(store_of(args)) as history:
        joined = [
            info
            for info in history.series()
            if (info.exchange, info.pair) == (exchange, pair) and freq_s % info.freq_s == 0
        ]
        if joined and (parts := max(joined, key=lambda info: info.freq_s)).freq_s != freq_s:
            # A candle whose parts begin or end inside it would be half a candle.
            start_s = max(start_s, parts.start_s)
            end_s = min(end_s, parts.end_s) // freq_s * freq_s
        candles = history.candles(exchange, pair, freq_s, start_s, end_s)
    write_ohlcv(args.file, candles, replace=args.replace)
    first_s, last_s = int(candles.time[0]), int(candles.time[-1]) + freq_s
    if args.json:
        report = {
            "file": str(args.file),
            "exchange": exchange,
            "pair": pair,
            "freq_s": freq_s,
            "rows": len(candles),
            "start": iso(first_s),
            "end": iso(last_s),
            "bytes": args.file.stat().st_size,
        }
        print(json.dumps(report, indent=2))
    else:
        print(
            f"{exchange} {pair} {format_freq(freq_s)} → {args.file}: {len(candles):,} rows, "
            f"{period_words(first_s, last_s)} UTC"
        )
    return 0
