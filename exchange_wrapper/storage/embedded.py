"""Candles in one SQLite file: a row per series and UTC day with its columns packed in a blob.

A day of 5-minute candles is 16 kB of raw integers, so half a year is read with 180 rows and
without a parser.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Final, Self

import numpy as np

from exchange_wrapper.candles import Candles, Instrument, format_freq
from exchange_wrapper.errors import DataError, NoData, StorageUnavailable
from exchange_wrapper.scaling import IntArray
from exchange_wrapper.storage import SeriesInfo, WriteReport

__all__ = ["EmbeddedStore"]

_APPLICATION_ID: Final = 0x63_6E_64_6C  # "cndl": tells our files from other SQLite databases
_SCHEMA_VERSION: Final = 1
_SCHEMA: Final = """
CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    exchange TEXT NOT NULL,
    pair TEXT NOT NULL,
    freq_s INTEGER NOT NULL,
    start_s INTEGER NOT NULL,
    end_s INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    UNIQUE (exchange, pair, freq_s)
);
CREATE TABLE day (
    series_id INTEGER NOT NULL REFERENCES series,
    day INTEGER NOT NULL,
    price_digits INTEGER NOT NULL,
    volume_digits INTEGER NOT NULL,
    columns BLOB NOT NULL,
    PRIMARY KEY (series_id, day)
);
CREATE TABLE covered (
    exchange TEXT NOT NULL,
    pair TEXT NOT NULL,
    freq_s INTEGER NOT NULL,
    start_s INTEGER NOT NULL,
    end_s INTEGER NOT NULL,
    PRIMARY KEY (exchange, pair, freq_s, start_s)
) WITHOUT ROWID;
CREATE TABLE instrument (
    exchange TEXT NOT NULL,
    pair TEXT NOT NULL,
    tick_size TEXT NOT NULL,
    lot_size TEXT NOT NULL,
    min_notional TEXT NOT NULL,
    source TEXT NOT NULL,
    PRIMARY KEY (exchange, pair)
) WITHOUT ROWID;
"""

_Execute = Callable[..., sqlite3.Cursor]

_DAY_S: Final = 86_400
_FIRST_DAY: Final = -(2**40)
_LAST_DAY: Final = 2**40
_COLUMN_COUNT: Final = 7
_LOCK_TIMEOUT_S: Final = 10.0
_PACKED: Final = np.dtype("<i8")


class EmbeddedStore:
    """A candle store in one file, made when it does not exist.

    Any number of processes may read while one writes; further writers wait for their turn. One
    object may be used from several threads: its calls exclude each other. Use it as a context
    manager or call ``close``.

    Parameters
    ----------
    path : str or Path
        The file; its folder is made too.
    read_only : bool
        Open an existing file for reading only.

    Raises
    ------
    StorageUnavailable
        The file is something else, of another version, missing (read only) or can't be opened.
    """

    def __init__(self, path: str | Path, *, read_only: bool = False) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        if read_only and not self.path.exists():
            raise StorageUnavailable(f"there is no candle store at {path}")
        try:
            if not read_only:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                f"{self.path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}",
                uri=True,
                timeout=_LOCK_TIMEOUT_S,
                isolation_level=None,
                check_same_thread=False,
            )
        except (OSError, sqlite3.Error) as error:
            raise StorageUnavailable(f"{path} can't be opened: {error}") from error
        try:
            self._check_kind(read_only)
            if not read_only:
                with self._locked() as execute:
                    execute("PRAGMA journal_mode = WAL")  # readers and the writer don't wait
                    execute("PRAGMA synchronous = NORMAL")
        except BaseException:
            self._connection.close()
            raise

    def _check_kind(self, read_only: bool) -> None:
        kind, version = self._identity()
        if kind == 0 and not read_only:
            self._create()
            kind, version = self._identity()
        if kind != _APPLICATION_ID:
            raise StorageUnavailable(f"{self.path} is another kind of file, not a candle store")
        if version != _SCHEMA_VERSION:
            raise StorageUnavailable(
                f"{self.path} is a candle store of version {version}; this program reads version "
                f"{_SCHEMA_VERSION}"
            )

    def _identity(self) -> tuple[int, int]:
        try:
            (kind,) = self._connection.execute("PRAGMA application_id").fetchone()
            (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        except sqlite3.OperationalError as error:
            raise StorageUnavailable(f"{self.path} can't be opened: {error}") from error
        except sqlite3.DatabaseError:  # not SQLite at all
            return -1, 0
        return kind, version

    def _create(self) -> None:
        with self._transaction() as execute:
            (tables,) = execute("SELECT count(*) FROM sqlite_master").fetchone()
            if tables:  # a database of another program, or another process was quicker
                return
            for statement in _SCHEMA.split(";"):
                execute(statement)
            execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")

    def close(self) -> None:
        """Close the file; the object can't be used afterwards."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(
        self,
        exchange: str,
        pair: str,
        candles: Candles,
        *,
        covers: tuple[int, int] | None = None,
    ) -> WriteReport:
        """Store candles; see ``CandleSink.write``."""
        with self._transaction() as execute:
            report = (
                _Series(execute, exchange, pair, candles.freq_s).merge(candles)
                if len(candles)
                else WriteReport(0, 0, 0)
            )
            if covers is not None:
                _cover(execute, (exchange, pair, candles.freq_s), *covers)
        return report

    def read(
        self,
        exchange: str,
        pair: str,
        freq_s: int,
        start_s: int | None = None,
        end_s: int | None = None,
        received_before: int | None = None,
    ) -> Candles:
        """Return stored candles; see ``CandleSource.read``."""
        with self._transaction("DEFERRED") as execute:
            series = _Series(execute, exchange, pair, freq_s)
            if not series.id:
                raise NoData(
                    f"no {format_freq(freq_s)} candles of {pair} on {exchange} are stored",
                    exchange=exchange,
                    pair=pair,
                    freq_s=freq_s,
                )
            candles = series.load(
                None if start_s is None else start_s // _DAY_S,
                None if end_s is None else -(-end_s // _DAY_S),
            )
        candles = candles.slice(start_s, end_s)
        if received_before is not None:
            candles = candles.take(candles.received_at < received_before)
        return candles

    def series(self) -> list[SeriesInfo]:
        """Return every series, by exchange, pair and length."""
        with self._locked() as execute:
            rows = execute(
                "SELECT exchange, pair, freq_s, start_s, end_s, rows FROM series ORDER BY 1, 2, 3"
            )
            return [SeriesInfo(*row) for row in rows]

    def covered(self, exchange: str, pair: str, freq_s: int) -> list[tuple[int, int]]:
        """Return the periods known to be complete; see ``CandleSource.covered``."""
        with self._locked() as execute:
            return _covered(execute, (exchange, pair, freq_s))

    def put_instrument(self, instrument: Instrument) -> None:
        """Store a pair's increments in place of those stored before."""
        with self._transaction() as execute:
            execute(
                "REPLACE INTO instrument VALUES (?, ?, ?, ?, ?, ?)",
                (
                    instrument.exchange,
                    instrument.pair,
                    format(instrument.tick_size, "f"),
                    format(instrument.lot_size, "f"),
                    format(instrument.min_notional, "f"),
                    instrument.source,
                ),
            )

    def instruments(self) -> list[Instrument]:
        """Return the increments of every pair, by exchange and pair."""
        with self._locked() as execute:
            rows = execute("SELECT * FROM instrument ORDER BY exchange, pair").fetchall()
        return [
            Instrument(exchange, pair, Decimal(tick), Decimal(lot), Decimal(notional), source)
            for exchange, pair, tick, lot, notional, source in rows
        ]

    @contextmanager
    def _locked(self) -> Iterator[_Execute]:
        with self._lock:
            try:
                yield self._connection.execute
            except sqlite3.Error as error:
                raise StorageUnavailable(f"{self.path}: {error}") from error

    @contextmanager
    def _transaction(self, kind: str = "IMMEDIATE") -> Iterator[_Execute]:
        """Hold a transaction: what is read in it is one state, what is written is all or none."""
        with self._locked() as execute:
            execute(f"BEGIN {kind}")
            try:
                yield execute
            except BaseException:
                self._connection.rollback()
                raise
            self._connection.commit()


class _Series:
    """One series inside a transaction."""

    def __init__(self, execute: _Execute, exchange: str, pair: str, freq_s: int) -> None:
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
        days = incoming.time // _DAY_S
        stored = self.load(int(days[0]), int(days[-1]) + 1) if self.id else Candles.empty(1)
        digits = (
            max(stored.price_digits, incoming.price_digits),
            max(stored.volume_digits, incoming.volume_digits),
        )
        stored, incoming = stored.with_digits(*digits), incoming.with_digits(*digits)
        known = np.isin(incoming.time, stored.time, assume_unique=True)
        place = np.searchsorted(stored.time, incoming.time[known])
        unchanged = np.ones(len(place), np.bool_)
        for column in ("open", "high", "low", "close", "volume"):
            unchanged &= getattr(stored, column)[place] == getattr(incoming, column)[known]
        fresh = np.ones(len(incoming), np.bool_)
        fresh[known] = ~unchanged
        report = WriteReport(
            new=int(len(known) - known.sum()),
            same=int(unchanged.sum()),
            changed=int(len(unchanged) - unchanged.sum()),
        )
        if fresh.any():
            kept = np.ones(len(stored), np.bool_)
            kept[place[~unchanged]] = False
            columns = np.concatenate(
                [np.stack(stored.take(kept).columns()), np.stack(incoming.take(fresh).columns())],
                axis=1,
            )
            columns = columns[:, np.argsort(columns[0])]
            self._grow(incoming, report.new)
            self._put_days(np.unique(days[fresh]), columns, digits)
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
        first = np.searchsorted(columns[0], days * _DAY_S).tolist()
        end = np.searchsorted(columns[0], (days + 1) * _DAY_S).tolist()
        for day, a, b in zip(days.tolist(), first, end, strict=True):
            self._execute(
                "REPLACE INTO day VALUES (?, ?, ?, ?, ?)",
                (self.id, day, *digits, packed[:, a:b].tobytes()),
            )


def _covered(execute: _Execute, key: tuple[str, str, int]) -> list[tuple[int, int]]:
    return execute(
        "SELECT start_s, end_s FROM covered WHERE exchange = ? AND pair = ? AND freq_s = ?"
        " ORDER BY start_s",
        key,
    ).fetchall()


def _cover(execute: _Execute, key: tuple[str, str, int], start_s: int, end_s: int) -> None:
    """Add a period, joined with those it touches."""
    touched = [
        (start, end) for start, end in _covered(execute, key) if start <= end_s and end >= start_s
    ]
    for start, _ in touched:
        execute(
            "DELETE FROM covered WHERE exchange = ? AND pair = ? AND freq_s = ? AND start_s = ?",
            (*key, start),
        )
    start_s = min([start_s, *(start for start, _ in touched)])
    end_s = max([end_s, *(end for _, end in touched)])
    execute("INSERT INTO covered VALUES (?, ?, ?, ?, ?)", (*key, start_s, end_s))
