"""Candle files as others write them, read without losing a digit.

Where the writer of the file turned figures into floats, the noise of that is taken off and counted.
A row that can't be a candle is refused with its line, or skipped.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np

from exchange_wrapper.candles import Candles, format_freq, well_formed
from exchange_wrapper.errors import ApiUsageError, DataError
from exchange_wrapper.scaling import (
    BoolArray,
    Figures,
    FloatArray,
    IntArray,
    drop_float_noise,
    parse_figures,
    scale_columns,
)
from exchange_wrapper.storage.ohlcv_layouts import UNDERSTOOD, Format, Table, read_table
from exchange_wrapper.times import SECOND, from_datetime, from_iso

__all__ = ["UNDERSTOOD", "Format", "OhlcvFile", "read_ohlcv"]

_12_HOURS: Final = re.compile(r"\d{4}-\d\d-\d\d (0\d|1[0-2])-[AP]M", re.ASCII)
_NEIGHBOURS_MIN: Final = 10
_SLACK: Final = 1.05  # volumes are rounded

# A Unix time is told by its size: 1e11 s is the year 5138, 1e11 ms is 1973.
_UNIX_UNITS: Final = ((10**11, 1), (10**14, 10**3), (10**17, 10**6), (2**63 - 1, 10**9))


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
    swapped : int
        Rows whose volumes in base and in quote stood in each other's column.
    skipped : tuple of str
        What was wrong with each row left out.
    """

    candles: Candles
    rows: int
    duplicates: int
    rounded: int
    swapped: int
    skipped: tuple[str, ...]


def read_ohlcv(
    path: Path,
    pair: str,
    freq_s: int,
    received_at: int,
    *,
    format: Format | None = None,
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
    format : Format, optional
        Who wrote it; it is told by its header and content where this is not given.
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
    return _to_candles(
        read_table(path, pair, format, wrap), path.name, freq_s, received_at, skip_bad
    )


def _to_candles(
    table: Table, name: str, freq_s: int, received_at: int, skip_bad: bool
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
    figures = [parse_figures(texts) for texts in table.figures]
    swapped = np.zeros(len(time), np.bool_)
    if table.quote_volume is not None:
        quote = parse_figures(table.quote_volume)
        swapped = _swapped(figures[1], figures[2], figures[4], quote)
        figures[4] = Figures(*map(np.where, (swapped,) * 3, quote, figures[4]))
    rounded = 0
    if not table.exact:
        cleaned = [drop_float_noise(column) for column in figures]
        figures = [column for column, _ in cleaned]
        rounded = sum(count for _, count in cleaned)
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
        swapped=int(swapped.sum()),
        skipped=tuple(skipped[row] for row in sorted(skipped)),
    )


def _swapped(high: Figures, low: Figures, base: Figures, quote: Figures) -> BoolArray:
    """Tell where quote / base is no price of the candle, but base / quote is."""
    lowest, highest = _float(low), _float(high)
    with np.errstate(all="ignore"):  # a volume may be zero, a figure unreadable
        ratio = _float(quote) / _float(base)
        wrong = (ratio < lowest / _SLACK) | (ratio > highest * _SLACK)
        swapped: BoolArray = (
            wrong & (1 / ratio >= lowest / _SLACK) & (1 / ratio <= highest * _SLACK)
        )
    return swapped


def _float(figures: Figures) -> FloatArray:
    values: FloatArray = figures.mantissa / 10.0**figures.decimals
    return values


def _read_times(texts: Sequence[str]) -> tuple[IntArray, BoolArray]:
    """Return times in s and whether each could be read: Unix in s to ns, ISO 8601, or 12 hours."""
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
        text = texts[row].strip()
        try:
            if _12_HOURS.fullmatch(text):  # CryptoDataDownload: 2019-04-22 11-PM
                moment = datetime.strptime(text, "%Y-%m-%d %I-%p").replace(tzinfo=UTC)
                times[row], readable[row] = from_datetime(moment) // SECOND, True
                continue
            seconds, rest = divmod(from_iso(text), SECOND)
        except (ApiUsageError, ValueError):
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
