"""Candle files as others write them (CSV, plain or gzip, and Parquet), read without losing a digit.

Figures are never turned into floats on the way; where the writer of the file did that, the noise of
it is taken off and counted. A row that can't be a candle is refused with its line, or skipped.
"""

import csv
import gzip
import io
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple, cast

import numpy as np

from exchange_wrapper.candles import Candles, format_freq, well_formed
from exchange_wrapper.errors import ApiUsageError, DataError
from exchange_wrapper.pair import split_name
from exchange_wrapper.scaling import (
    BoolArray,
    IntArray,
    drop_float_noise,
    parse_figures,
    scale_columns,
)
from exchange_wrapper.times import SECOND, from_iso

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["UNDERSTOOD", "OhlcvFile", "read_ohlcv"]

UNDERSTOOD: Final = (
    "CSV (plain or gzip) or Parquet with the columns timestamp, open, high, low, close, volume, "
    "Binance's public dumps, CryptoDataDownload and Poloniex chart data"
)

_TIME_NAMES: Final = ("timestamp", "unix", "open_time", "open time", "time", "datetime", "date")
_PRICE_NAMES: Final = ("open", "high", "low", "close")
_BINANCE_DUMP_WIDTH: Final = 12
_OHLCV: Final = (0, 1, 2, 3, 4, 5)
_VOLUME_FIRST: Final = (0, 2, 3, 4, 5, 1)  # time, volume, open, high, low, close
_GZIP_MAGIC: Final = b"\x1f\x8b"
_PARQUET_MAGIC: Final = b"PAR1"
_NEIGHBOURS_MIN: Final = 10
_SHOWN_MAX: Final = 120

# A Unix time is told by its size: 1e11 s is the year 5138, 1e11 ms is 1973.
_UNIX_UNITS: Final = ((10**11, 1), (10**14, 10**3), (10**17, 10**6), (2**63 - 1, 10**9))


class _Table(NamedTuple):
    """The six columns of a file as text, in its own order, and the line of each row."""

    time: Sequence[str]
    figures: Sequence[Sequence[str]]  # open, high, low, close, volume
    lines: Sequence[int]
    unit: str  # what ``lines`` counts


@dataclass(frozen=True, slots=True)
class OhlcvFile:
    """A file that was read.

    Attributes
    ----------
    candles : Candles
    rows : int
        Rows of data in the file.
    duplicates : int
        Rows that said the same as another one.
    rounded : int
        Figures freed from the noise of binary floats.
    skipped : tuple of str
        What was wrong with each row left out.
    """

    candles: Candles
    rows: int
    duplicates: int
    rounded: int
    skipped: tuple[str, ...]


def read_ohlcv(
    path: Path,
    pair: str,
    freq_s: int,
    received_at: int,
    *,
    skip_bad: bool = False,
    wrap: Callable[[BinaryIO], BinaryIO] = lambda file: file,
) -> OhlcvFile:
    """Read a candle file of any kind we know.

    Parameters
    ----------
    path : Path
    pair : str
        Its name such as ``BTC_USDT``: in columns such as "Volume BTC", "Volume USD" it tells
        which is the base's.
    freq_s : int
        Length of the candles, s.
    received_at : int
        For all of them, s.
    skip_bad : bool
        Leave out rows that can't be candles instead of refusing the file.
    wrap : callable
        Gets the open file and returns what to read instead, to watch the progress.

    Raises
    ------
    ApiUsageError
        There is no such file, it is of a kind we don't know, or of another candle length.
    DataError
        A row can't be a candle.
    """
    try:
        with path.open("rb") as raw:
            magic = raw.peek(4)[:4]
            file = wrap(raw)
            if magic == _PARQUET_MAGIC:
                table = _read_parquet(file, path, pair)
            elif magic.startswith(_GZIP_MAGIC):
                with gzip.open(file) as unpacked:
                    table = _read_csv(unpacked, path, pair)
            else:
                table = _read_csv(file, path, pair)
    except (EOFError, gzip.BadGzipFile, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path.name} can't be read: {error}") from error
    except OSError as error:
        raise ApiUsageError(f"{path} can't be opened: {error.strerror or error}") from error
    return _to_candles(table, path.name, freq_s, received_at, skip_bad)


def _read_csv(file: BinaryIO | gzip.GzipFile, path: Path, pair: str) -> _Table:
    with io.TextIOWrapper(cast(BinaryIO, file), encoding="utf-8-sig", newline="") as text:
        reader = csv.reader(text)
        first = next(reader, [])
        while first and first[0].startswith("http"):  # CryptoDataDownload opens with its address
            first = next(reader, [])
        if not first:
            raise ApiUsageError(f"{path.name} is empty")
        headerless = first[0].replace(".", "", 1).isdigit()
        rows = [first] if headerless else []
        lines = [reader.line_num] if headerless else []
        for row in reader:
            if row:
                rows.append(row)
                lines.append(reader.line_num)
    order = None if headerless else _header_order(first, path, pair)
    if not rows:
        raise ApiUsageError(f"{path.name} has a header but no rows")
    for row, line in zip(rows, lines, strict=True):
        if len(row) != len(first):
            raise DataError(f"{path.name}, line {line}: {len(row)} columns instead of {len(first)}")
    order = order or _headerless_order(rows, path)
    time, *figures = zip(*map(itemgetter(*order), rows), strict=True)
    return _Table(time, figures, lines, "line")


def _header_order(header: Sequence[str], path: Path, pair: str) -> tuple[int, ...]:
    """Return where time, open, high, low, close and volume are."""
    names = [name.strip().lower() for name in header]
    time = next((name for name in _TIME_NAMES if name in names), "timestamp")
    if "weightedaverage" in names:  # Poloniex: its "volume" is the quote's
        volume = "quotevolume"
    elif "volume" in names:
        volume = "volume"
    else:
        volume = f"volume {split_name(pair)[0].lower()}"
    wanted = (time, *_PRICE_NAMES, volume)
    missing = [name.split()[0] for name in wanted if names.count(name) != 1]
    if "adj close" in names:  # share prices of Yahoo Finance: the volume is in quote
        missing.append("a volume in base")
    if missing:
        found = textwrap.shorten(", ".join(header), _SHOWN_MAX, placeholder=" …")
        raise ApiUsageError(
            f"{path.name} has the columns {found}, but not {', '.join(missing)} (once each); "
            f"understood are {UNDERSTOOD}"
        )
    return tuple(map(names.index, wanted))


def _headerless_order(rows: Sequence[Sequence[str]], path: Path) -> tuple[int, ...]:
    """Tell columns without names by what they hold; only one order may make candles of all rows."""
    width = len(rows[0])
    if width == _BINANCE_DUMP_WIDTH:
        return _OHLCV
    fitting = []
    if width == len(_OHLCV):
        figures = [parse_figures(column) for column in zip(*rows, strict=True)]
        for order in (_OHLCV, _VOLUME_FIRST):
            values, _, fits = scale_columns([figures[column] for column in order[1:]])
            if np.all(fits & well_formed(*values)):
                fitting.append(order)
    if len(fitting) != 1:
        raise ApiUsageError(
            f"{path.name} has no header and its {width} columns can't be told apart; "
            f"understood are {UNDERSTOOD}"
        )
    return fitting[0]


def _read_parquet(file: BinaryIO, path: Path, pair: str) -> _Table:
    import pyarrow as pa  # here, because it is large and other files don't need it
    import pyarrow.parquet as pq

    try:
        parquet = pq.ParquetFile(file)
        names = parquet.schema_arrow.names
        order = _header_order(names, path, pair)
        table = parquet.read([names[column] for column in order])
        time, *figures = (_column_texts(table[names[column]]) for column in order)
    except pa.ArrowException as error:
        raise DataError(f"{path.name} can't be read: {error}") from error
    if not time:
        raise ApiUsageError(f"{path.name} has no rows")
    return _Table(time, figures, range(1, len(time) + 1), "row")


def _column_texts(column: "pa.ChunkedArray") -> list[str]:
    """Return a column's values as text, floats as the shortest that reads back the same."""
    import pyarrow as pa

    if pa.types.is_temporal(column.type):
        zone = getattr(column.type, "tz", None)
        column = column.cast(pa.timestamp("ns", zone)).cast(pa.int64())
    return ["" if text is None else text for text in column.cast(pa.string()).to_pylist()]


def _to_candles(
    table: _Table, name: str, freq_s: int, received_at: int, skip_bad: bool
) -> OhlcvFile:
    skipped: dict[int, str] = {}

    def refuse(bad: BoolArray, reason: Callable[[int], str]) -> None:
        for row in np.flatnonzero(bad).tolist():
            if row not in skipped:
                where = f"{name}, {table.unit} {table.lines[row]}"
                skipped[row] = f"{where}: {reason(row)}"
                if not skip_bad:
                    raise DataError(
                        f"{skipped[row]} (--skip-bad leaves such rows out)", row=table.lines[row]
                    )

    time, time_readable = _read_times(table.time)
    refuse(~time_readable, lambda row: f"{table.time[row]!r} is not a time (Unix or ISO 8601)")
    refuse(
        time % freq_s != 0,
        lambda row: f"{table.time[row]} does not start a candle of {format_freq(freq_s)}",
    )
    figures = []
    rounded = 0
    for texts in table.figures:
        column, count = drop_float_noise(parse_figures(texts))
        figures.append(column)
        rounded += count
    refuse(
        ~np.all([column.readable for column in figures], axis=0),
        lambda row: (
            ", ".join(
                repr(texts[row])
                for texts, column in zip(table.figures, figures, strict=True)
                if not column.readable[row]
            )
            + " is not a number that fits 64 bits"
        ),
    )
    prices, price_digits, prices_fit = scale_columns(figures[:4])
    volumes, volume_digits, volumes_fit = scale_columns(figures[4:])
    values = [*prices, *volumes]
    refuse(
        ~(prices_fit & volumes_fit),
        lambda row: (
            f"{', '.join(texts[row] for texts in table.figures)} does not fit 64 bits with the "
            f"{price_digits} and {volume_digits} decimals of this file's prices and volumes"
        ),
    )
    refuse(
        ~well_formed(*values),
        lambda row: "open {}, high {}, low {}, close {}, volume {} contradict each other".format(
            *(texts[row] for texts in table.figures)
        ),
    )
    order = np.argsort(time, kind="stable")
    order = order[~np.isin(order, list(skipped))] if skipped else order
    again = order[1:][np.diff(time[order]) == 0]
    if len(again):
        before = order[:-1][np.diff(time[order]) == 0]
        differs = np.zeros(len(time), np.bool_)
        for value in values:
            differs[again] |= value[again] != value[before]
        refuse(differs, lambda row: f"time {table.time[row]} comes twice with different figures")
        order = order[~np.isin(order, again)]
    if not len(order):
        raise DataError(f"{name} has no row that can be a candle; the first: {skipped[0]}")
    received = np.full(len(order), received_at, np.int64)
    columns = (*(column[order] for column in (time, *values)), received)
    candles = Candles(freq_s, price_digits, volume_digits, *columns)
    _check_freq(candles, name)
    return OhlcvFile(
        candles,
        rows=len(time),
        duplicates=len(time) - len(candles) - len(skipped),
        rounded=rounded,
        skipped=tuple(skipped[row] for row in sorted(skipped)),
    )


def _read_times(texts: Sequence[str]) -> tuple[IntArray, BoolArray]:
    """Return times in s and whether each could be read: a Unix time in s to ns, or ISO 8601."""
    figures = parse_figures(texts)
    readable = figures.readable & (figures.decimals == 0) & (figures.mantissa >= 0)
    times = np.zeros(len(texts), np.int64)
    lowest = 0
    for highest, per_second in _UNIX_UNITS:
        inside = readable & (lowest <= figures.mantissa) & (figures.mantissa < highest)
        whole = figures.mantissa % per_second == 0
        times[inside] = figures.mantissa[inside] // per_second
        readable &= whole | ~inside
        lowest = highest
    for row in np.flatnonzero(~figures.readable).tolist():
        try:
            seconds, rest = divmod(from_iso(texts[row].strip()), SECOND)
        except ApiUsageError:
            continue
        times[row], readable[row] = seconds, rest == 0
    return times, readable


def _check_freq(candles: Candles, name: str) -> None:
    """Refuse candles of another length, which would be all gaps."""
    if len(candles) < _NEIGHBOURS_MIN:
        return
    step_s = int(np.diff(candles.time).min())
    if step_s != candles.freq_s:
        raise ApiUsageError(
            f"{name} has candles of {format_freq(step_s)}, not of {format_freq(candles.freq_s)}: "
            f"correct --freq",
            field="freq",
        )
