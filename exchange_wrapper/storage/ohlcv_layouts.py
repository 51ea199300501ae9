"""How others lay out candle files: their columns as text, found by header, content or name.

Figures are never turned into floats on the way.
"""

import csv
import gzip
import io
import textwrap
from collections.abc import Callable, Sequence
from decimal import Decimal
from enum import StrEnum
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

import msgspec
import numpy as np

from exchange_wrapper.candles import well_formed
from exchange_wrapper.errors import ApiUsageError, DataError
from exchange_wrapper.pair import split_name
from exchange_wrapper.scaling import parse_figures, scale_columns

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["OWN_TIME", "UNDERSTOOD", "Format", "Table", "read_table"]

OWN_TIME: Final = "time_s"
"""The name of the time in our own exports, and the sign of them."""

UNDERSTOOD: Final = (
    "our own exports, CSV (plain or gzip), Parquet or Feather with the columns timestamp, open, "
    "high, low, close, volume, Binance's public dumps, CryptoDataDownload, Poloniex chart data, "
    "and JSON rows [time, open, high, low, close, volume] as of freqtrade and ccxt"
)


class Format(StrEnum):
    """Who wrote a file."""

    BINANCE = "binance"
    CCXT = "ccxt"
    CRYPTICK = "cryptick"
    CRYPTODATADOWNLOAD = "cryptodatadownload"
    FREQTRADE = "freqtrade"


class _Kind(StrEnum):
    CSV = "CSV"
    FEATHER = "Feather"
    JSON = "JSON"
    PARQUET = "Parquet"


_KINDS: Final = {
    Format.BINANCE: {_Kind.CSV},
    Format.CCXT: {_Kind.JSON},
    Format.CRYPTICK: {_Kind.CSV, _Kind.PARQUET},
    Format.CRYPTODATADOWNLOAD: {_Kind.CSV},
    Format.FREQTRADE: {_Kind.JSON, _Kind.FEATHER},
}
_TIME_NAMES: Final = (
    "timestamp",
    "unix",
    "open_time",
    "open time",
    "time",
    "datetime",
    "date",
)
_PRICE_NAMES: Final = ("open", "high", "low", "close")
_BINANCE_DUMP_WIDTH: Final = 12
_OHLCV: Final = (0, 1, 2, 3, 4, 5)
_VOLUME_FIRST: Final = (0, 2, 3, 4, 5, 1)  # time, volume, open, high, low, close
_GZIP_MAGIC: Final = b"\x1f\x8b"
_MAGIC: Final = {b"PAR1": _Kind.PARQUET, b"ARRO": _Kind.FEATHER, b"FEA1": _Kind.FEATHER}
_SHOWN_MAX: Final = 120


class Table(NamedTuple):
    """The columns of a file as text, in its own order."""

    time: Sequence[str]
    figures: Sequence[Sequence[str]]  # open, high, low, close, volume in base
    quote_volume: Sequence[str] | None  # where a column that may be mistaken for the base's is it
    lines: Sequence[int]  # where each row is
    unit: str  # what ``lines`` counts
    exact: bool  # our own: no binary float has been on the way


def read_table(
    path: Path,
    pair: str,
    format: Format | None,
    wrap: Callable[[BinaryIO], BinaryIO],
) -> Table:
    """Read the columns of a file.

    Parameters
    ----------
    path : Path
    pair : str
        Its name such as ``BTC_USDT``: in columns such as "Volume BTC", "Volume USD" it tells
        which is the base's.
    format : Format or None
        Who wrote it; None to tell by what it holds.
    wrap : callable
        Gets the open file and returns what to read instead.

    Raises
    ------
    ApiUsageError
        There is no such file, or it is of a kind we don't know or of another than ``format``.
    DataError
        It is damaged.
    """
    try:
        with path.open("rb") as raw:
            magic = raw.peek(4)[:4]
            file = wrap(raw)
            if magic in _MAGIC:
                return _read_columns(file, _MAGIC[magic], path, pair, format)
            if magic.startswith(_GZIP_MAGIC):
                with gzip.open(file) as unpacked:
                    content = unpacked.read()
            else:
                content = file.read()
        if content.lstrip()[:1] == b"[":
            return _read_json(content, path, format)
        return _read_csv(content, path, pair, format)
    except (EOFError, gzip.BadGzipFile, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path.name} can't be read: {error}") from error
    except OSError as error:
        raise ApiUsageError(f"{path} can't be opened: {error.strerror or error}") from error


def _check_kind(kind: _Kind, path: Path, format: Format | None) -> None:
    if format is not None and kind not in _KINDS[format]:
        raise ApiUsageError(
            f"{path.name} is {kind}, but files of {format} are "
            f"{' or '.join(sorted(_KINDS[format]))}: correct --format",
            field="format",
        )


def _read_csv(content: bytes, path: Path, pair: str, format: Format | None) -> Table:
    _check_kind(_Kind.CSV, path, format)
    reader = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
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
    names = _Names([] if headerless else first, path, pair)
    order = None if headerless else names.order(format)
    if not rows:
        raise ApiUsageError(f"{path.name} has a header but no rows")
    for row, line in zip(rows, lines, strict=True):
        if len(row) != len(first):
            raise DataError(f"{path.name}, line {line}: {len(row)} columns instead of {len(first)}")
    order = order or _headerless_order(rows, path, format)
    time, *figures = zip(*map(itemgetter(*order), rows), strict=True)
    quote = names.quote_volume()
    quote_volume = None if quote is None else [row[quote] for row in rows]
    return Table(time, figures, quote_volume, lines, "line", names.are_own)


def _read_json(content: bytes, path: Path, format: Format | None) -> Table:
    _check_kind(_Kind.JSON, path, format)
    try:
        rows = msgspec.json.decode(content, type=list[list[Decimal | None]])
    except msgspec.DecodeError as error:
        raise DataError(f"{path.name} can't be read: {error}") from error
    if not rows:
        raise ApiUsageError(f"{path.name} has no rows")
    for line, row in enumerate(rows, 1):
        if len(row) != len(_OHLCV):
            raise DataError(f"{path.name}, row {line}: {len(row)} values instead of {len(_OHLCV)}")
    time, *figures = (
        ["" if value is None else str(value) for value in column]
        for column in zip(*rows, strict=True)
    )
    return Table(time, figures, None, range(1, len(rows) + 1), "row", False)


class _Names:
    """The names of a file's columns."""

    def __init__(self, header: Sequence[str], path: Path, pair: str) -> None:
        self._header = header
        self._names = [name.strip().lower() for name in header]
        self._path = path
        self._base, self._quote = (currency.lower() for currency in split_name(pair))

    @property
    def are_own(self) -> bool:
        return OWN_TIME in self._names

    def order(self, format: Format | None) -> tuple[int, ...]:
        """Return where time, open, high, low, close and volume are."""
        names = self._names
        is_own = self.are_own if format is None else format is Format.CRYPTICK
        times = (OWN_TIME,) if is_own else _TIME_NAMES
        time = next((name for name in times if name in names), times[0])
        if "weightedaverage" in names:  # Poloniex: its "volume" is the quote's
            volume = "quotevolume"
        elif format is Format.BINANCE or (
            "volume" in names and format is not Format.CRYPTODATADOWNLOAD
        ):
            volume = "volume"
        else:
            volume = f"volume {self._base}"
        wanted = (time, *_PRICE_NAMES, volume)
        missing = [
            "volume" if name is volume else name for name in wanted if names.count(name) != 1
        ]
        if "adj close" in names:  # share prices of Yahoo Finance: the volume is in quote
            missing.append("a volume in base")
        if missing:
            found = textwrap.shorten(", ".join(self._header), _SHOWN_MAX, placeholder=" …")
            raise ApiUsageError(
                f"{self._path.name} has the columns {found}, but not {', '.join(missing)} (once "
                f"each); understood are {UNDERSTOOD}"
            )
        return tuple(map(names.index, wanted))

    def quote_volume(self) -> int | None:
        """Return where the quote's volume is, if it stands beside the base's under such a name."""
        columns = (f"volume {self._base}", f"volume {self._quote}")
        return (
            self._names.index(columns[1])
            if all(self._names.count(name) == 1 for name in columns)
            else None
        )


def _headerless_order(
    rows: Sequence[Sequence[str]], path: Path, format: Format | None
) -> tuple[int, ...]:
    """Tell columns without names by what they hold; only one order may make candles of all rows."""
    width = len(rows[0])
    if format not in (None, Format.BINANCE):
        raise ApiUsageError(
            f"{path.name} has no header, which files of {format} have: correct --format",
            field="format",
        )
    if width == _BINANCE_DUMP_WIDTH or (format is Format.BINANCE and width == len(_OHLCV)):
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


def _read_columns(
    file: BinaryIO, kind: _Kind, path: Path, pair: str, format: Format | None
) -> Table:
    import pyarrow as pa  # here, because it is large and other files don't need it
    import pyarrow.parquet as pq
    from pyarrow import feather

    _check_kind(kind, path, format)
    try:
        table = feather.read_table(file) if kind is _Kind.FEATHER else pq.read_table(file)
        names = _Names(table.column_names, path, pair)
        columns = [table.column(column) for column in names.order(format)]
        time, *figures = map(_column_texts, columns)
    except pa.ArrowException as error:
        raise DataError(f"{path.name} can't be read: {error}") from error
    if not time:
        raise ApiUsageError(f"{path.name} has no rows")
    return Table(time, figures, None, range(1, len(time) + 1), "row", names.are_own)


def _column_texts(column: "pa.ChunkedArray") -> list[str]:
    """Return a column's values as text, floats as the shortest that reads back the same."""
    import pyarrow as pa

    if pa.types.is_temporal(column.type):
        zone = getattr(column.type, "tz", None)
        column = column.cast(pa.timestamp("ns", zone)).cast(pa.int64())
    return ["" if text is None else text for text in column.cast(pa.string()).to_pylist()]
