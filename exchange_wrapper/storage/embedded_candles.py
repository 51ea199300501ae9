"""The candles of the embedded store: a row per series and UTC day, its columns packed in a blob.

A day of 5-minute candles is 16 kB of raw integers, so half a year is read with 180 rows and
without a parser.
"""

from itertools import groupby
from operator import itemgetter
from typing import Final

import numpy as np

from exchange_wrapper.candles import Candles
from exchange_wrapper.errors import DataError
from exchange_wrapper.scaling import IntArray
from exchange_wrapper.storage import WriteReport
from exchange_wrapper.storage.merging import compare
from exchange_wrapper.storage.sqlite_file import Execute

__all__ = ["DAY_S", "StoredSeries", "cover", "covered"]

DAY_S: Final = 86_400

_FIRST_DAY: Final = -(2**40)
_LAST_DAY: Final = 2**40
_COLUMN_COUNT: Final = 7
_PACKED: Final = np.dtype("<i8")


class StoredSeries:
    """One series inside a transaction."""

    def __init__(self, execute: Execute, exchange: str, pair: str, freq_s: int) -> None:
        self._execute = execute
        self._key = (exchange, pair, freq_s)
        row = execute(
            "SELECT id FROM series WHERE exchange = ? AND pair = ? AND freq_s = ?", self._key
        ).fetchone()
        self.id: int | None = row and row[0]

    def load(self, first_day: int | None, end_day: int | None) -> Candles:
        """Return the candles of the days in [first_day, end_day)."""
        rows = self._execute(
            "SELECT price_digits, volume_digits, columns FROM day"
            " WHERE series_id = ? AND day >= ? AND day < ? ORDER BY day",
            (
                self.id,
                _FIRST_DAY if first_day is None else first_day,
                _LAST_DAY if end_day is None else end_day,
            ),
        )
        freq_s = self._key[2]
        parts = []
        for digits, days in groupby(rows, itemgetter(0, 1)):
            try:
                blocks = [
                    np.frombuffer(blob, _PACKED).reshape(_COLUMN_COUNT, -1) for *_, blob in days
                ]
            except ValueError as error:
                raise DataError(f"the stored candles of {self._key} are damaged") from error
            parts.append(Candles(freq_s, *digits, *np.concatenate(blocks, axis=1)))
        return Candles.concat(parts) if parts else Candles.empty(freq_s)

    def merge(self, incoming: Candles) -> WriteReport:
        """Store candles, at least one, beside those there are."""
        days = incoming.time // DAY_S
        stored = self.load(int(days[0]), int(days[-1]) + 1) if self.id else Candles.empty(1)
        stored, incoming, report, fresh, kept = compare(stored, incoming)
        if fresh.any():
            columns = np.concatenate(
                [np.stack(stored.take(kept).columns()), np.stack(incoming.take(fresh).columns())],
                axis=1,
            )
            columns = columns[:, np.argsort(columns[0])]
            self._grow(incoming, report.new)
            self._put_days(
                np.unique(days[fresh]), columns, (incoming.price_digits, incoming.volume_digits)
            )
        return report

    def _grow(self, incoming: Candles, new: int) -> None:
        start_s, end_s = int(incoming.time[0]), int(incoming.time[-1]) + incoming.freq_s
        (self.id,) = self._execute(
            "INSERT INTO series (exchange, pair, freq_s, start_s, end_s, rows)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " start_s = min(start_s, excluded.start_s), end_s = max(end_s, excluded.end_s),"
            " rows = rows + excluded.rows RETURNING id",
            (*self._key, start_s, end_s, new),
        ).fetchone()

    def _put_days(self, days: IntArray, columns: IntArray, digits: tuple[int, int]) -> None:
        packed = columns.astype(_PACKED, copy=False)
        first = np.searchsorted(columns[0], days * DAY_S).tolist()
        end = np.searchsorted(columns[0], (days + 1) * DAY_S).tolist()
        for day, a, b in zip(days.tolist(), first, end, strict=True):
            self._execute(
                "REPLACE INTO day VALUES (?, ?, ?, ?, ?)",
                (self.id, day, *digits, packed[:, a:b].tobytes()),
            )


def covered(execute: Execute, key: tuple[str, str, int]) -> list[tuple[int, int]]:
    """Return the periods known to be complete, oldest first."""
    return execute(
        "SELECT start_s, end_s FROM covered WHERE exchange = ? AND pair = ? AND freq_s = ?"
        " ORDER BY start_s",
        key,
    ).fetchall()


def cover(execute: Execute, key: tuple[str, str, int], start_s: int, end_s: int) -> None:
    """Add a period, joined with those it touches."""
    touched = [
        (start, end) for start, end in covered(execute, key) if start <= end_s and end >= start_s
    ]
    for start, _ in touched:
        execute(
            "DELETE FROM covered WHERE exchange = ? AND pair = ? AND freq_s = ? AND start_s = ?",
            (*key, start),
        )
    start_s = min([start_s, *(start for start, _ in touched)])
    end_s = max([end_s, *(end for _, end in touched)])
    execute("INSERT INTO covered VALUES (?, ?, ?, ?, ?)", (*key, start_s, end_s))
