"""``import_ohlcv``: put candle files into the store, and say what is in them."""

import argparse
import json
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO, Final

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from exchange_wrapper.candles import (
    Instrument,
    format_freq,
    infer_instrument,
    on_grid,
    parse_freq,
)
from exchange_wrapper.cli._series import (
    add_store,
    exchange_name,
    gap_json,
    iso,
    ns,
    period_words,
    shown,
    store_of,
)
from exchange_wrapper.errors import ApiUsageError, InvalidAmount, XWrapError
from exchange_wrapper.numbers import format_amount, parse_amount
from exchange_wrapper.pair import split_name
from exchange_wrapper.storage import CandleStore, open_store
from exchange_wrapper.storage.gaps import Gap, find_gaps
from exchange_wrapper.storage.ohlcv_files import UNDERSTOOD, Format, read_ohlcv
from exchange_wrapper.times import to_datetime

__all__ = ["add_parser", "run"]

_SHOWN_MAX: Final = 5  # gaps and skipped rows


@dataclass(frozen=True)
class _FileReport:
    file: str
    rows: int
    new: int
    same: int
    changed: int
    duplicates: int
    rounded: int
    swapped: int
    skipped: tuple[str, ...]


@dataclass(frozen=True)
class _Report:
    store: str
    exchange: str
    pair: str
    freq_s: int
    files: tuple[_FileReport, ...]
    start_s: int
    end_s: int
    gaps: tuple[Gap, ...]
    instrument: Instrument
    seconds: float

    def total(self, name: str) -> int:
        return sum(getattr(file, name) for file in self.files)

    @property
    def rows_per_s(self) -> int:
        return round(self.total("rows") / self.seconds)

    @property
    def next_command(self) -> str:
        """A backtest over the imported period."""
        quote = split_name(self.pair)[1].lower()
        first, last = to_datetime(ns(self.start_s)), to_datetime(ns(self.end_s - 1))
        return (
            f"python -m cryptick.run HodlStrategy -m backtest --{self.exchange}-{quote} 10000 "
            f"-s {first:%d-%m-%Y} -e {last:%d-%m-%Y} --store {shlex.quote(self.store)}"
        )


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the command to argparse."""
    parser = subparsers.add_parser(
        "import_ohlcv",
        help="import candles from CSV (plain or gzip) or Parquet files",
        description="Import candles from files. The same file can be imported again: what is "
        "there already stays as it is. Each file is imported whole or not at all.",
        epilog=f"Understood are {UNDERSTOOD}.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument(
        "--exchange", required=True, metavar="NAME", help="such as binance; need not be loaded"
    )
    parser.add_argument("--pair", required=True, metavar="BASE_QUOTE", help="such as BTC_USDT")
    parser.add_argument("--freq", required=True, metavar="LENGTH", help="such as 5m, 1h or 1d")
    parser.add_argument(
        "--format",
        choices=[format.value for format in Format],
        help="who wrote the files (default: told by their header and content)",
    )
    add_store(parser)
    for name, meaning in (
        ("tick-size", "smallest step of price (default: the venue's, else from the data)"),
        ("lot-size", "smallest step of size (default: the venue's, else from the data)"),
        ("min-notional", "smallest price × size of an order (default: the venue's, else 0)"),
    ):
        parser.add_argument(f"--{name}", metavar="AMOUNT", help=meaning)
    parser.add_argument(
        "--skip-bad", action="store_true", help="leave out rows that can't be candles"
    )
    parser.add_argument("--json", action="store_true", help="report as JSON")


def run(args: argparse.Namespace) -> int:
    """Import the files and report on standard output.

    Raises
    ------
    XWrapError
        An argument or a file can't be used; the files before it are imported and reported.
    """
    exchange = exchange_name(args.exchange)
    pair = "_".join(split_name(args.pair))
    freq_s = parse_freq(args.freq)
    given = {
        name: _positive(value, name)
        for name in ("tick_size", "lot_size", "min_notional")
        if (value := getattr(args, name)) is not None
    }
    place = store_of(args)
    started = time.perf_counter()
    with open_store(place) as store:
        files, period, failure = _import_files(store, exchange, pair, freq_s, args, given)
        if files:
            report = _Report(
                store=shown(place),
                exchange=exchange,
                pair=pair,
                freq_s=freq_s,
                files=tuple(files),
                start_s=period[0],
                end_s=period[1],
                gaps=tuple(find_gaps(store, exchange, pair, freq_s, *period)),
                instrument=_settle_instrument(store, exchange, pair, freq_s, given),
                seconds=time.perf_counter() - started,
            )
            if args.json:
                print(json.dumps(_as_json(report), indent=2))
            else:
                _print_report(report)
                if failure is None:
                    print(f"\nNext: {report.next_command}")
    if failure is not None:
        raise failure
    return 0


def _import_files(
    store: CandleStore,
    exchange: str,
    pair: str,
    freq_s: int,
    args: argparse.Namespace,
    given: Mapping[str, Decimal],
) -> tuple[list[_FileReport], tuple[int, int], XWrapError | None]:
    """Import file by file, up to the first that fails; return its error and the period before."""
    reports: list[_FileReport] = []
    periods: list[tuple[int, int]] = []
    with _progress() as watch:
        for path in args.files:
            try:
                file = read_ohlcv(
                    path,
                    pair,
                    freq_s,
                    int(time.time()),
                    format=args.format and Format(args.format),
                    skip_bad=args.skip_bad,
                    wrap=watch(path),
                )
                tick_size = given.get("tick_size")
                if tick_size is not None and not on_grid(file.candles, tick_size):
                    raise ApiUsageError(
                        f"{path.name} has prices that are not multiples of {tick_size}: "
                        "correct --tick-size",
                        field="tick_size",
                    )
                new, same, changed = store.write(exchange, pair, file.candles)
            except XWrapError as error:
                return reports, _span(periods), error
            reports.append(
                _FileReport(
                    path.name,
                    file.rows,
                    new,
                    same,
                    changed,
                    file.duplicates,
                    file.rounded,
                    file.swapped,
                    file.skipped,
                )
            )
            periods.append((int(file.candles.time[0]), int(file.candles.time[-1]) + freq_s))
    return reports, _span(periods), None


def _span(periods: Sequence[tuple[int, int]]) -> tuple[int, int]:
    starts, ends = zip(*periods, strict=True) if periods else ((0,), (0,))
    return min(starts), max(ends)


def _settle_instrument(
    store: CandleStore, exchange: str, pair: str, freq_s: int, given: Mapping[str, Decimal]
) -> Instrument:
    """Store what was given; else what the data say, unless better is known already."""
    known = next(
        (
            known
            for known in store.instruments()
            if (known.exchange, known.pair) == (exchange, pair)
        ),
        None,
    )
    if known is None or known.source == "inferred":
        known = infer_instrument(exchange, pair, store.read(exchange, pair, freq_s))
    if given:
        known = replace(
            known,
            tick_size=given.get("tick_size", known.tick_size),
            lot_size=given.get("lot_size", known.lot_size),
            min_notional=given.get("min_notional", known.min_notional),
            source="given",
        )
    store.put_instrument(known)
    return known


def _positive(text: str, name: str) -> Decimal:
    amount = parse_amount(text, name)
    if amount <= 0:
        raise InvalidAmount(f"--{name.replace('_', '-')} must be positive, not {text}", field=name)
    return amount


@contextmanager
def _progress() -> Iterator[Callable[[Path], Callable[[BinaryIO], BinaryIO]]]:
    """Show a bar per file on standard error while it is read, if that is a terminal."""
    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:

        def watch(path: Path) -> Callable[[BinaryIO], BinaryIO]:
            def wrap(file: BinaryIO) -> BinaryIO:
                return progress.wrap_file(file, path.stat().st_size, description=escape(path.name))

            return wrap

        yield watch


def _print_report(report: _Report) -> None:
    console = Console(highlight=False, soft_wrap=True)

    def line(label: str, value: str, note: str = "") -> None:
        behind = f"   [dim]{escape(note)}[/]" if note else ""
        console.print(f"  [dim]{label:<10}[/]{value:>14}{behind}")

    count = len(report.files)
    console.print(
        f"{escape(report.files[0].file) if count == 1 else f'{count} files'} → "
        f"[bold]{report.exchange} {report.pair} {format_freq(report.freq_s)}[/] in "
        f"{escape(report.store)}"
    )
    line("rows", f"{report.total('rows'):,}", f"{period_words(report.start_s, report.end_s)} UTC")
    line("new", f"{report.total('new'):,}")
    line("same", f"{report.total('same'):,}", "stored before")
    line("changed", f"{report.total('changed'):,}", "stored before with other figures")
    if duplicates := report.total("duplicates"):
        line("duplicate", f"{duplicates:,}", "twice in the files")
    if rounded := report.total("rounded"):
        line("rounded", f"{rounded:,}", "figures freed from the noise of binary floats")
    if swapped := report.total("swapped"):
        line("swapped", f"{swapped:,}", "rows whose volumes were in each other's column")
    _print_list(
        line,
        "gaps",
        [
            f"{period_words(start_s, end_s)}: {(end_s - start_s) // report.freq_s:,} missing, "
            f"{cause}"
            for start_s, end_s, cause in report.gaps
        ],
    )
    if skipped := [text for file in report.files for text in file.skipped]:
        _print_list(line, "skipped", skipped)
    source = {
        "venue": "as the venue says",
        "given": "as given",
        "inferred": "inferred from the digits",
    }[report.instrument.source]
    line("tick size", format_amount(report.instrument.tick_size), f"{source}; see --tick-size")
    line("lot size", format_amount(report.instrument.lot_size), f"{source}; see --lot-size")
    line("time", f"{report.seconds:.2f} s", f"{report.rows_per_s:,} rows/s")


def _print_list(line: Callable[[str, str, str], None], label: str, items: Sequence[str]) -> None:
    """Print how many there are, the first of them beside it and below."""
    line(label, f"{len(items):,}", items[0] if items else "")
    for item in items[1:_SHOWN_MAX]:
        line("", "", item)
    if len(items) > _SHOWN_MAX:
        line("", "", f"… and {len(items) - _SHOWN_MAX:,} more")


def _as_json(report: _Report) -> dict[str, object]:
    instrument = report.instrument
    return {
        "store": report.store,
        "exchange": report.exchange,
        "pair": report.pair,
        "freq_s": report.freq_s,
        "files": [asdict(file) for file in report.files],
        **{name: report.total(name) for name in ("rows", "new", "same", "changed", "duplicates")},
        "start": iso(report.start_s),
        "end": iso(report.end_s),
        "gaps": [gap_json(gap, report.freq_s) for gap in report.gaps],
        "instrument": {
            "tick_size": format_amount(instrument.tick_size),
            "lot_size": format_amount(instrument.lot_size),
            "min_notional": format_amount(instrument.min_notional),
            "source": instrument.source,
        },
        "seconds": round(report.seconds, 3),
        "rows_per_s": report.rows_per_s,
        "next": report.next_command,
    }
