"""All time series in InfluxDB 1.x.

Nothing is a float. Candles are scaled integers with their numbers of digits beside them, amounts of
wallets and tickers are decimal text; where InfluxDB has no value for "none", it is empty text.

==============  ============================  ====================================================
measurement     tags                          fields
==============  ============================  ====================================================
``candle``      exchange, pair, freq_s        open, high, low, close, volume, received_at,
                                              price_digits, volume_digits: integers
``covered``     exchange, pair, freq_s        end_s; the point's time is the start
``instrument``  exchange, pair                tick_size, lot_size, min_notional, source; time 0
``ticker``      exchange, pair                bid, ask, last
``wallet``      set_id, wallet_id, exchange,  balance, available, hold, balance_usd,
                currency                      available_usd, hold_usd
``recording``   exchange, pair, part          content, in base64; part 0 also end_ns, size, parts
==============  ============================  ====================================================
"""

import base64
from collections.abc import Iterable, Iterator
from decimal import Decimal
from operator import itemgetter
from typing import Final, Self

import numpy as np

from exchange_wrapper.candles import Candles, Instrument, format_freq
from exchange_wrapper.errors import DataError, NoData
from exchange_wrapper.storage import (
    RecordingInfo,
    RecordingLimits,
    SeriesInfo,
    TickerPoint,
    WalletPoint,
    WriteReport,
)
from exchange_wrapper.storage.influx_http import Connection, rows_of, tags, where
from exchange_wrapper.storage.merging import compare
from exchange_wrapper.storage.recording import Segment, decode, encode, first_kept
from exchange_wrapper.times import SECOND, UtcNs

__all__ = ["InfluxStore"]

_FIGURES: Final = ("open", "high", "low", "close", "volume", "received_at")
_CANDLE_TAGS: Final = "exchange, pair, freq_s"
_WALLET_FIELDS: Final = WalletPoint._fields[5:]
_TIME_MIN: Final = -(2**63) + 2  # what InfluxDB can keep, ns
_TIME_MAX: Final = 2**63 - 2
_PART_SIZE: Final = 60_000  # characters; a text field holds less than 64 KiB
_PARTS_AT_ONCE: Final = 200  # 12 MB; the server takes 25 MB


class InfluxStore:
    """A store in a database of InfluxDB 1.x, made when it does not exist.

    One object may be used from several threads; no other program may write candles of the same
    series at the same time. InfluxDB has no transactions: where the connection breaks in the midst
    of a write, what was sent stays, and writing the same again completes it. Use it as a context
    manager or call ``close``.

    Parameters
    ----------
    dsn : str
        ``influxdb://[user:password@]host:port/database``.
    read_only : bool

    Raises
    ------
    ApiUsageError
        The address is of another form.
    StorageUnavailable
        The server does not answer, or has no such database (read only).
    """

    def __init__(self, dsn: str, *, read_only: bool = False) -> None:
        self._influx = Connection(dsn, read_only=read_only)

    def close(self) -> None:
        """Close the connection."""
        self._influx.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

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
        key = _candle_key(exchange, pair, candles.freq_s)
        report = WriteReport(0, 0, 0)
        with self._influx.lock:
            if len(candles):
                end_s = int(candles.time[-1]) + 1
                stored = self._load(key, candles.freq_s, int(candles.time[0]), end_s)
                _, incoming, report, fresh, _ = compare(stored, candles)
                self._influx.write(_candle_lines(key, incoming.take(fresh)), "s")
            if covers is not None:
                self._cover(key, *covers)
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
        key = _candle_key(exchange, pair, freq_s)
        candles = self._load(key, freq_s, start_s, end_s)
        if not len(candles):
            (first,) = self._influx.query(f"SELECT first(close) FROM candle WHERE {where(key)}")
            if not first:
                raise NoData(
                    f"no {format_freq(freq_s)} candles of {pair} on {exchange} are stored",
                    exchange=exchange,
                    pair=pair,
                    freq_s=freq_s,
                )
        if received_before is not None:
            candles = candles.take(candles.received_at < received_before)
        return candles

    def series(self) -> list[SeriesInfo]:
        """Return every series, by exchange, pair and length."""
        answers = self._influx.query(
            *(
                f"SELECT {what}(close) FROM candle GROUP BY {_CANDLE_TAGS}"
                for what in ("first", "last", "count")
            ),
            precision="s",
        )
        found = []
        for first, last, count in zip(*answers, strict=True):
            exchange, pair, freq = (first.tags[name] for name in _CANDLE_TAGS.split(", "))
            freq_s = int(freq)
            start_s, end_s = first.values[0][0], last.values[0][0] + freq_s
            found.append(SeriesInfo(exchange, pair, freq_s, start_s, end_s, count.values[0][1]))
        return sorted(found)

    def covered(self, exchange: str, pair: str, freq_s: int) -> list[tuple[int, int]]:
        """Return the periods known to be complete; see ``CandleSource.covered``."""
        return self._covered(_candle_key(exchange, pair, freq_s))

    def put_instrument(self, instrument: Instrument) -> None:
        """Store a pair's increments in place of those stored before."""
        key = tags({"exchange": instrument.exchange, "pair": instrument.pair})
        fields = (
            f'tick_size="{instrument.tick_size:f}",lot_size="{instrument.lot_size:f}",'
            f'min_notional="{instrument.min_notional:f}",source="{instrument.source}"'
        )
        self._influx.write([f"instrument{key} {fields} 0"])

    def instruments(self) -> list[Instrument]:
        """Return the increments of every pair, by exchange and pair."""
        (found,) = self._influx.query(
            "SELECT tick_size, lot_size, min_notional, source FROM instrument"
            " GROUP BY exchange, pair"
        )
        instruments = []
        for one in found:
            ((_, tick_size, lot_size, min_notional, source),) = one.values
            instruments.append(
                Instrument(
                    one.tags["exchange"],
                    one.tags["pair"],
                    Decimal(tick_size),
                    Decimal(lot_size),
                    Decimal(min_notional),
                    source,
                )
            )
        return sorted(instruments, key=lambda one: (one.exchange, one.pair))

    def _load(
        self, key: dict[str, object], freq_s: int, start_s: int | None, end_s: int | None
    ) -> Candles:
        start, end = (None if s is None else UtcNs(s * SECOND) for s in (start_s, end_s))
        (found,) = self._influx.query(
            f"SELECT price_digits, volume_digits, {', '.join(_FIGURES)} FROM candle"
            f" WHERE {where(key)}{_period(start, end)}",
            precision="s",
        )
        if not found:
            return Candles.empty(freq_s)
        table = np.array(found[0].values, np.int64).T
        steps = np.flatnonzero(np.any(np.diff(table[1:3]), axis=0)) + 1
        return Candles.concat(
            [
                Candles(freq_s, int(part[1, 0]), int(part[2, 0]), part[0], *part[3:])
                for part in np.split(table, steps, axis=1)
            ]
        )

    def _covered(self, key: dict[str, object]) -> list[tuple[int, int]]:
        (found,) = self._influx.query(
            f"SELECT end_s FROM covered WHERE {where(key)}", precision="s"
        )
        periods: list[tuple[int, int]] = []
        for start_s, end_s in rows_of(found):
            if periods and start_s <= periods[-1][1]:  # left by a write that broke off
                periods[-1] = (periods[-1][0], max(periods[-1][1], end_s))
            else:
                periods.append((start_s, end_s))
        return periods

    def _cover(self, key: dict[str, object], start_s: int, end_s: int) -> None:
        """Add a period, joined with those it touches."""
        touched = [one for one in self._covered(key) if one[0] <= end_s and one[1] >= start_s]
        start_s = min([start_s, *(start for start, _ in touched)])
        end_s = max([end_s, *(end for _, end in touched)])
        self._influx.write([f"covered{tags(key)} end_s={end_s}i {start_s}"], "s")
        if touched:
            self._influx.command(
                f"DELETE FROM covered WHERE {where(key)}"
                f"{_period(UtcNs(start_s * SECOND + 1), UtcNs(end_s * SECOND))}"
            )

    # Tickers and wallets

    def put_tickers(self, exchange: str, pair: str, points: Iterable[TickerPoint]) -> None:
        """Store tickers; see ``TickerSink.put_tickers``."""
        key = tags({"exchange": exchange, "pair": pair})
        names = TickerPoint._fields[1:]
        self._influx.write(
            f"ticker{key} {_amounts(names, prices)} {time}" for time, *prices in points
        )

    def tickers(
        self, exchange: str, pair: str, start: UtcNs | None = None, end: UtcNs | None = None
    ) -> list[TickerPoint]:
        """Return tickers; see ``TickerSource.tickers``."""
        (found,) = self._influx.query(
            "SELECT bid, ask, last FROM ticker"
            f" WHERE {where({'exchange': exchange, 'pair': pair})}{_period(start, end)}"
        )
        return [
            TickerPoint(UtcNs(time), *map(_decimal, prices)) for time, *prices in rows_of(found)
        ]

    def put_wallets(self, points: Iterable[WalletPoint]) -> None:
        """Store what wallets held; see ``WalletSink.put_wallets``."""
        names = WalletPoint._fields[1:5]
        self._influx.write(
            f"wallet{tags(dict(zip(names, point[1:5], strict=True)))} "
            f"{_amounts(_WALLET_FIELDS, point[5:])} {point.time}"
            for point in points
        )

    def wallet_set_history(
        self, set_id: int, start: UtcNs | None = None, end: UtcNs | None = None
    ) -> list[WalletPoint]:
        """Return what a set's wallets held; see ``WalletSource.wallet_set_history``."""
        (found,) = self._influx.query(
            f"SELECT {', '.join(_WALLET_FIELDS)} FROM wallet"
            f" WHERE {where({'set_id': set_id})}{_period(start, end)}"
            " GROUP BY wallet_id, exchange, currency"
        )
        points = [
            WalletPoint(
                time,
                set_id,
                int(one.tags["wallet_id"]),
                one.tags["exchange"],
                one.tags["currency"],
                *map(Decimal, amounts[:3]),
                *map(_decimal, amounts[3:]),
            )
            for one in found
            for time, *amounts in one.values
        ]
        return sorted(points, key=itemgetter(0, 2))

    # Recordings

    def put_segment(self, segment: Segment, limits: RecordingLimits) -> None:
        """Store a segment of a recording; see ``RecordingSink.put_segment``."""
        content = encode(segment)
        text = base64.b64encode(content).decode()
        parts = [text[at : at + _PART_SIZE] for at in range(0, len(text), _PART_SIZE)]
        key: dict[str, object] = {"exchange": segment.exchange, "pair": segment.pair}
        lines = [
            f'recording{tags(key)},part={number} content="{part}" {segment.start}'
            for number, part in enumerate(parts)
        ]
        head = f"end_ns={segment.end}i,size={len(content)}i,parts={len(parts)}i"
        # Part 0 comes last: a segment is there as soon as all of it is.
        lines.append(f"recording{tags(key)},part=0 {head} {segment.start}")
        with self._influx.lock:
            self._influx.write(lines, batch=_PARTS_AT_ONCE)
            first = first_kept([row[:3] for row in self._heads(key)], limits)
            self._influx.command(
                f"DELETE FROM recording WHERE {where(key)}{_period(None, UtcNs(first))}"
            )

    def recordings(self) -> list[RecordingInfo]:
        """Return what is recorded; see ``RecordingSource.recordings``."""
        (found,) = self._influx.query(
            "SELECT end_ns, size FROM recording WHERE part = '0' GROUP BY exchange, pair"
        )
        infos = []
        for one in found:
            starts, ends, sizes = zip(*one.values, strict=True)
            exchange, pair = one.tags["exchange"], one.tags["pair"]
            for newest in self.segments(exchange, pair, UtcNs(max(ends))):
                period, steps = (min(starts), max(ends)), (newest.tick_size, newest.lot_size)
                size = len(starts), sum(sizes)
                infos.append(RecordingInfo(exchange, pair, *steps, *period, *size))
        return sorted(infos)

    def segments(
        self, exchange: str, pair: str, start: UtcNs | None = None, end: UtcNs | None = None
    ) -> Iterator[Segment]:
        """Yield the segments of a recording; see ``RecordingSource.segments``."""
        key: dict[str, object] = {"exchange": exchange, "pair": pair}
        for first, last, _, count in self._heads(key):
            if (start is not None and last < start) or (end is not None and first >= end):
                continue
            (found,) = self._influx.query(
                f"SELECT content FROM recording WHERE {where(key)} AND time = {first} GROUP BY part"
            )
            if not found:  # it was rotated away meanwhile
                continue
            parts = {int(one.tags["part"]): one.values[0][1] for one in found}
            try:
                text = "".join(parts[number] for number in range(count))
                content = base64.b64decode(text, validate=True)
            except (KeyError, ValueError) as error:
                raise DataError(f"the recording of {pair} on {exchange} is damaged") from error
            yield decode(exchange, pair, content)

    def _heads(self, key: dict[str, object]) -> list[tuple[int, int, int, int]]:
        """Return start, end, size and number of parts of each segment, oldest first."""
        (found,) = self._influx.query(
            f"SELECT end_ns, size, parts FROM recording WHERE {where(key)} AND part = '0'"
        )
        return [tuple(row) for row in rows_of(found)]


def _candle_key(exchange: str, pair: str, freq_s: int) -> dict[str, object]:
    return {"exchange": exchange, "pair": pair, "freq_s": freq_s}


def _candle_lines(key: dict[str, object], candles: Candles) -> Iterator[str]:
    head = (
        f"candle{tags(key)} "
        f"price_digits={candles.price_digits}i,volume_digits={candles.volume_digits}i"
    )
    for time, o, h, low, c, v, r in zip(*(x.tolist() for x in candles.columns()), strict=True):
        yield (
            f"{head},open={o}i,high={h}i,low={low}i,close={c}i,volume={v}i,received_at={r}i {time}"
        )


def _period(start: UtcNs | None, end: UtcNs | None) -> str:
    first = _TIME_MIN if start is None else max(start, _TIME_MIN)
    last = _TIME_MAX if end is None else min(end, _TIME_MAX)
    return f" AND time >= {first} AND time < {last}"


def _amounts(names: Iterable[str], amounts: Iterable[Decimal | None]) -> str:
    # A field that is left out would keep the value of the point that this one replaces.
    return ",".join(
        f'{name}=""' if amount is None else f'{name}="{amount:f}"'
        for name, amount in zip(names, amounts, strict=True)
    )


def _decimal(text: str) -> Decimal | None:
    return Decimal(text) if text else None
