"""All time series in one SQLite file: no server, and as quick as raw columns can be read."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final

from exchange_wrapper.candles import Candles, Instrument, format_freq
from exchange_wrapper.errors import NoData
from exchange_wrapper.storage import (
    RecordingInfo,
    RecordingLimits,
    SeriesInfo,
    TickerPoint,
    WalletPoint,
    WriteReport,
)
from exchange_wrapper.storage.embedded_candles import DAY_S, StoredSeries, cover, covered
from exchange_wrapper.storage.recording import Segment, decode, encode, first_kept
from exchange_wrapper.storage.sqlite_file import SqliteFile
from exchange_wrapper.times import UtcNs

__all__ = ["EmbeddedStore"]

_CANDLES: Final = """
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
) WITHOUT ROWID
"""
_POINTS_AND_SEGMENTS: Final = """
CREATE TABLE ticker (
    exchange TEXT NOT NULL,
    pair TEXT NOT NULL,
    time INTEGER NOT NULL,
    bid TEXT,
    ask TEXT,
    last TEXT,
    PRIMARY KEY (exchange, pair, time)
) WITHOUT ROWID;
CREATE TABLE wallet (
    time INTEGER NOT NULL,
    set_id INTEGER NOT NULL,
    wallet_id INTEGER NOT NULL,
    exchange TEXT NOT NULL,
    currency TEXT NOT NULL,
    balance TEXT NOT NULL,
    available TEXT NOT NULL,
    hold TEXT NOT NULL,
    balance_usd TEXT,
    available_usd TEXT,
    hold_usd TEXT,
    PRIMARY KEY (set_id, time, wallet_id)
) WITHOUT ROWID;
CREATE TABLE segment (
    exchange TEXT NOT NULL,
    pair TEXT NOT NULL,
    start INTEGER NOT NULL,
    end INTEGER NOT NULL,
    size INTEGER NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (exchange, pair, start)
)
"""

_TIME_MIN: Final = -(2**63)
_TIME_MAX: Final = 2**63 - 1


class EmbeddedStore(SqliteFile):
    """A store in one file, made when it does not exist; see ``SqliteFile``.

    Parameters
    ----------
    path : str or Path
    read_only : bool
    """

    def __init__(self, path: str | Path, *, read_only: bool = False) -> None:
        super().__init__(path, (_CANDLES, _POINTS_AND_SEGMENTS), read_only=read_only)

    # Candles

    def write(
        self,
        exchange: str,
        pair: str,
        candles: Candles,
        *,
        covers: tuple[int, int] | None = None,
    ) -> WriteReport:
        """Store candles; see ``CandleSink.write``."""
        with self.transaction() as execute:
            report = (
                StoredSeries(execute, exchange, pair, candles.freq_s).merge(candles)
                if len(candles)
                else WriteReport(0, 0, 0)
            )
            if covers is not None:
                cover(execute, (exchange, pair, candles.freq_s), *covers)
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
        with self.transaction("DEFERRED") as execute:
            series = StoredSeries(execute, exchange, pair, freq_s)
            if not series.id:
                raise NoData(
                    f"no {format_freq(freq_s)} candles of {pair} on {exchange} are stored",
                    exchange=exchange,
                    pair=pair,
                    freq_s=freq_s,
                )
            candles = series.load(
                None if start_s is None else start_s // DAY_S,
                None if end_s is None else -(-end_s // DAY_S),
            )
        candles = candles.slice(start_s, end_s)
        if received_before is not None:
            candles = candles.take(candles.received_at < received_before)
        return candles

    def series(self) -> list[SeriesInfo]:
        """Return every series, by exchange, pair and length."""
        with self.locked() as execute:
            rows = execute(
                "SELECT exchange, pair, freq_s, start_s, end_s, rows FROM series ORDER BY 1, 2, 3"
            )
            return [SeriesInfo(*row) for row in rows]

    def covered(self, exchange: str, pair: str, freq_s: int) -> list[tuple[int, int]]:
        """Return the periods known to be complete; see ``CandleSource.covered``."""
        with self.locked() as execute:
            return covered(execute, (exchange, pair, freq_s))

    def put_instrument(self, instrument: Instrument) -> None:
        """Store a pair's increments in place of those stored before."""
        with self.transaction() as execute:
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
        with self.locked() as execute:
            rows = execute("SELECT * FROM instrument ORDER BY exchange, pair").fetchall()
        return [
            Instrument(exchange, pair, Decimal(tick), Decimal(lot), Decimal(notional), source)
            for exchange, pair, tick, lot, notional, source in rows
        ]

    # Tickers and wallets

    def put_tickers(self, exchange: str, pair: str, points: Iterable[TickerPoint]) -> None:
        """Store tickers; see ``TickerSink.put_tickers``."""
        with self.transaction() as execute:
            for time, *prices in points:
                execute(
                    "REPLACE INTO ticker VALUES (?, ?, ?, ?, ?, ?)",
                    (exchange, pair, time, *map(_text, prices)),
                )

    def tickers(
        self, exchange: str, pair: str, start: UtcNs | None = None, end: UtcNs | None = None
    ) -> list[TickerPoint]:
        """Return tickers; see ``TickerSource.tickers``."""
        with self.locked() as execute:
            rows = execute(
                "SELECT time, bid, ask, last FROM ticker WHERE exchange = ? AND pair = ?"
                " AND time >= ? AND time < ? ORDER BY time",
                (exchange, pair, *_bounds(start, end)),
            ).fetchall()
        return [TickerPoint(UtcNs(time), *map(_decimal, prices)) for time, *prices in rows]

    def put_wallets(self, points: Iterable[WalletPoint]) -> None:
        """Store what wallets held; see ``WalletSink.put_wallets``."""
        with self.transaction() as execute:
            for point in points:
                execute(
                    "REPLACE INTO wallet VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (*point[:5], *map(_text, point[5:])),
                )

    def wallet_set_history(
        self, set_id: int, start: UtcNs | None = None, end: UtcNs | None = None
    ) -> list[WalletPoint]:
        """Return what a set's wallets held; see ``WalletSource.wallet_set_history``."""
        with self.locked() as execute:
            rows = execute(
                "SELECT * FROM wallet WHERE set_id = ? AND time >= ? AND time < ?"
                " ORDER BY time, wallet_id",
                (set_id, *_bounds(start, end)),
            ).fetchall()
        return [
            WalletPoint(*row[:5], *map(Decimal, row[5:8]), *map(_decimal, row[8:])) for row in rows
        ]

    # Recordings

    def put_segment(self, segment: Segment, limits: RecordingLimits) -> None:
        """Store a segment of a recording; see ``RecordingSink.put_segment``."""
        content = encode(segment)
        key = (segment.exchange, segment.pair)
        with self.transaction() as execute:
            execute(
                "REPLACE INTO segment VALUES (?, ?, ?, ?, ?, ?)",
                (*key, segment.start, segment.end, len(content), content),
            )
            stored = execute(
                "SELECT start, end, size FROM segment WHERE exchange = ? AND pair = ?"
                " ORDER BY start",
                key,
            ).fetchall()
            execute(
                "DELETE FROM segment WHERE exchange = ? AND pair = ? AND start < ?",
                (*key, first_kept(stored, limits)),
            )

    def recordings(self) -> list[RecordingInfo]:
        """Return what is recorded; see ``RecordingSource.recordings``."""
        with self.transaction("DEFERRED") as execute:
            found = execute(
                "SELECT exchange, pair, min(start), max(end), count(*), sum(size),"
                " (SELECT content FROM segment AS newest WHERE newest.exchange = segment.exchange"
                "  AND newest.pair = segment.pair ORDER BY newest.start DESC LIMIT 1)"
                " FROM segment GROUP BY 1, 2 ORDER BY 1, 2"
            ).fetchall()
        infos = []
        for exchange, pair, *figures, content in found:
            newest = decode(exchange, pair, content)
            infos.append(RecordingInfo(exchange, pair, newest.tick_size, newest.lot_size, *figures))
        return infos

    def segments(
        self, exchange: str, pair: str, start: UtcNs | None = None, end: UtcNs | None = None
    ) -> Iterator[Segment]:
        """Yield the segments of a recording; see ``RecordingSource.segments``."""
        first, last = _bounds(start, end)
        with self.locked() as execute:
            starts = execute(
                "SELECT start FROM segment WHERE exchange = ? AND pair = ? AND end >= ?"
                " AND start < ? ORDER BY start",
                (exchange, pair, first, last),
            ).fetchall()
        for (segment_start,) in starts:  # one at a time: a day of books is much to hold
            with self.locked() as execute:
                row = execute(
                    "SELECT content FROM segment WHERE exchange = ? AND pair = ? AND start = ?",
                    (exchange, pair, segment_start),
                ).fetchone()
            if row is not None:  # else it was rotated away meanwhile
                yield decode(exchange, pair, row[0])


def _bounds(start: UtcNs | None, end: UtcNs | None) -> tuple[int, int]:
    return _TIME_MIN if start is None else start, _TIME_MAX if end is None else end


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else format(amount, "f")


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
