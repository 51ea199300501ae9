"""``list_ohlcv``: what candles are stored, and which are missing."""

import argparse
import json
from collections import Counter
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from exchange_wrapper.candles import Instrument, format_freq
from exchange_wrapper.cli._series import add_store, gap_json, iso, period_words, shown, store_of
from exchange_wrapper.numbers import format_amount
from exchange_wrapper.storage import SeriesInfo, Store, open_store
from exchange_wrapper.storage.gaps import Gap, find_gaps

__all__ = ["add_parser", "run"]


@dataclass(frozen=True)
class _Row:
    series: SeriesInfo
    gaps: list[Gap]
    instrument: Instrument | None

    def missing(self) -> Counter[str]:
        """Return how many candles are missing, by cause."""
        counts: Counter[str] = Counter()
        for gap in self.gaps:
            counts[gap.cause.value] += (gap.end_s - gap.start_s) // self.series.freq_s
        return counts

    def as_json(self) -> dict[str, object]:
        known = self.instrument
        return {
            "exchange": self.series.exchange,
            "pair": self.series.pair,
            "freq": format_freq(self.series.freq_s),
            "freq_s": self.series.freq_s,
            "start": iso(self.series.start_s),
            "end": iso(self.series.end_s),
            "rows": self.series.rows,
            "missing": dict(self.missing()),
            "gaps": [gap_json(gap, self.series.freq_s) for gap in self.gaps],
            "instrument": known
            and {
                "tick_size": format_amount(known.tick_size),
                "lot_size": format_amount(known.lot_size),
                "min_notional": format_amount(known.min_notional),
                "source": known.source,
            },
        }


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the command to argparse."""
    parser = subparsers.add_parser(
        "list_ohlcv",
        help="list the stored candles, what is missing of them and why",
        description="List the stored candles. Missing ones are counted by cause: the venue was "
        "silent (asked, but it has none), they were not fetched, or imported files lack them.",
    )
    parser.add_argument("--exchange", metavar="NAME", help="only this one")
    parser.add_argument("--pair", metavar="BASE_QUOTE", help="only this one")
    parser.add_argument("--json", action="store_true", help="list as JSON, each gap by itself")
    add_store(parser)


def run(args: argparse.Namespace) -> int:
    """List on standard output.

    Raises
    ------
    XWrapError
        There is no store, or it can't be read.
    """
    place = store_of(args)
    with open_store(place, read_only=True) as store:
        rows = _rows(store, args.exchange, args.pair)
    if args.json:
        print(json.dumps([row.as_json() for row in rows], indent=2))
    elif rows:
        # Wide enough not to cut a table that is read by another program.
        console = Console() if Console().is_terminal else Console(width=160)
        console.print(_table(rows))
    else:
        print(f"no such candles are stored in {shown(place)}; see import_ohlcv and backfill")
    return 0


def _rows(store: Store, exchange: str | None, pair: str | None) -> list[_Row]:
    known = {(each.exchange, each.pair): each for each in store.instruments()}
    return [
        _Row(info, find_gaps(store, *info[:3]), known.get((info.exchange, info.pair)))
        for info in store.series()
        if exchange in (None, info.exchange) and pair in (None, info.pair)
    ]


def _table(rows: list[_Row]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("exchange", "pair", "freq", "period (UTC)"):
        table.add_column(name)
    for name in ("rows", "gaps"):
        table.add_column(name, justify="right")
    table.add_column("missing candles")
    for name in ("tick size", "lot size"):
        table.add_column(name, justify="right")
    for row in rows:
        info, instrument = row.series, row.instrument
        table.add_row(
            info.exchange,
            info.pair,
            format_freq(info.freq_s),
            period_words(info.start_s, info.end_s),
            f"{info.rows:,}",
            f"{len(row.gaps):,}",
            ", ".join(f"{count:,} {cause}" for cause, count in row.missing().items()),
            format_amount(instrument.tick_size) if instrument else "",
            format_amount(instrument.lot_size) if instrument else "",
        )
    return table
