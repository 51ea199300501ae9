"""History for backtests: candles, increments and recordings, from a store or a running xWrap.

Both give the same and fail with the same words. Candles of a length that is not stored are
made of the longest stored ones that divide it.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from difflib import get_close_matches
from itertools import chain
from pathlib import Path
from typing import Any, Final, Protocol, Self

import numpy as np

from exchange_wrapper.candles import Candles, Instrument, format_freq
from exchange_wrapper.client import XWrapClient
from exchange_wrapper.errors import DataError, NoData, UnknownName
from exchange_wrapper.fees import FeeSchedule
from exchange_wrapper.recordings import info_from_wire, segment_from_wire
from exchange_wrapper.storage import RecordingInfo, SeriesInfo, open_store
from exchange_wrapper.storage.recording import Recorded, Segment, join
from exchange_wrapper.times import SECOND, UtcNs, to_datetime, to_iso

__all__ = [
    "HistorySource",
    "Recorded",
    "RecordingInfo",
    "RemoteHistory",
    "SeriesInfo",
    "StoreHistory",
]

_DAY_S: Final = 86_400
_PERIODS_SHOWN_MAX: Final = 5
_EXACT_MAX: Final = 10**15  # a JSON number, a double, keeps any 15 digits

Period = tuple[int, int]
"""[start_s, end_s)."""


class HistorySource(Protocol):
    """What a backtest asks for."""

    def instruments(self) -> Sequence[Instrument]:
        """Return the known increments, by exchange and pair."""
        ...

    def series(self) -> Sequence[SeriesInfo]:
        """Return the stored series, by exchange, pair and length."""
        ...

    def candles(self, exchange: str, pair: str, freq_s: int, start_s: int, end_s: int) -> Candles:
        """Return the candles that open in [start_s, end_s): at least one, perhaps with gaps.

        Raises
        ------
        UnknownName
            Nothing is stored of the exchange or the pair.
        NoData
            The period has none, or none of a length that ``freq_s`` is a multiple of.
        """
        ...

    def recordings(self) -> Sequence[RecordingInfo]:
        """Return of which pairs books and trades are recorded, by exchange and pair."""
        ...

    def recorded_events(
        self, exchange: str, pair: str, start: UtcNs | None = None, end: UtcNs | None = None
    ) -> Iterator[Recorded]:
        """Return what was received of a pair's book and trades in [start, end), in its order.

        It begins with the segment that ``start`` lies in, after the book of then where that was
        known; ``recordings`` tells the increments. None is unbounded.

        Raises
        ------
        UnknownName
            The exchange or the pair is not recorded.
        NoData
            Nothing of the period is recorded.
        DataError
            The recording can't be read, or its increments change.
        """
        ...


class _History(ABC):
    """Finds the right series and words what is missing."""

    @abstractmethod
    def series(self) -> Sequence[SeriesInfo]: ...

    @abstractmethod
    def _read(self, series: SeriesInfo, start_s: int, end_s: int) -> Candles:
        """Return the candles of a series in [start_s, end_s), perhaps none."""

    @abstractmethod
    def _periods(self, series: SeriesInfo) -> list[Period]:
        """Return the periods for which a series has candles, gaps of less than a day aside."""

    @abstractmethod
    def recordings(self) -> Sequence[RecordingInfo]: ...

    @abstractmethod
    def _segments(
        self, exchange: str, pair: str, start: UtcNs | None, end: UtcNs | None
    ) -> Iterator[Segment]:
        """Yield the segments that have a part in [start, end), perhaps none."""

    def recorded_events(
        self, exchange: str, pair: str, start: UtcNs | None = None, end: UtcNs | None = None
    ) -> Iterator[Recorded]:
        """Return what was received in [start, end); see ``HistorySource.recorded_events``."""
        segments = self._segments(exchange, pair, start, end)
        first = next(segments, None)
        if first is not None:
            return join(chain((first,), segments), end)
        stored = self.recordings()
        of_exchange = [one for one in stored if one.exchange == exchange]
        if not of_exchange:
            raise _unrecorded("exchange", exchange, {one.exchange for one in stored}, "")
        for one in of_exchange:
            if one.pair == pair:
                raise NoData(
                    f"nothing of {pair} on {exchange} is recorded for this period; there is "
                    f"{to_iso(one.start)} to {to_iso(one.end)}",
                    exchange=exchange,
                    pair=pair,
                )
        raise _unrecorded("pair", pair, {one.pair for one in of_exchange}, f" on {exchange}")

    def candles(self, exchange: str, pair: str, freq_s: int, start_s: int, end_s: int) -> Candles:
        """Return the candles that open in [start_s, end_s); see ``HistorySource.candles``."""
        series = self._find(exchange, pair, freq_s)
        # A joined candle that opens before its first part would be made of half of its parts.
        first_s = start_s + -start_s % freq_s
        candles = self._read(series, first_s, end_s).resample(freq_s)
        if not len(candles):
            raise NoData(
                f"no {format_freq(freq_s)} candles of {pair} on {exchange} for "
                f"{_words((start_s, end_s))}; there are {_list(self._periods(series))}",
                exchange=exchange,
                pair=pair,
                freq_s=freq_s,
            )
        return candles

    def _find(self, exchange: str, pair: str, freq_s: int) -> SeriesInfo:
        stored = self.series()
        of_exchange = [one for one in stored if one.exchange == exchange]
        if not of_exchange:
            raise _unknown("exchange", exchange, {one.exchange for one in stored}, "")
        of_pair = [one for one in of_exchange if one.pair == pair]
        if not of_pair:
            raise _unknown("pair", pair, {one.pair for one in of_exchange}, f" on {exchange}")
        fitting = [one for one in of_pair if freq_s % one.freq_s == 0]
        if not fitting:
            lengths = ", ".join(format_freq(one.freq_s) for one in of_pair)
            raise NoData(
                f"no candles of {format_freq(freq_s)} can be made of {pair} on {exchange}; "
                f"there are those of {lengths}",
                exchange=exchange,
                pair=pair,
                freq_s=freq_s,
            )
        return max(fitting, key=lambda one: one.freq_s)


class StoreHistory(_History):
    """History out of a store, which another process may be writing.

    Parameters
    ----------
    path : str or Path
        A file, or ``influxdb://host:port/database``.

    Raises
    ------
    StorageUnavailable
        There is no candle store.
    """

    def __init__(self, path: str | Path) -> None:
        self._store = open_store(path, read_only=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def instruments(self) -> Sequence[Instrument]:
        """Return the known increments, by exchange and pair."""
        return self._store.instruments()

    def series(self) -> Sequence[SeriesInfo]:
        """Return the stored series, by exchange, pair and length."""
        return self._store.series()

    def recordings(self) -> Sequence[RecordingInfo]:
        """Return what is recorded; of a running xWrap that is some seconds behind."""
        return self._store.recordings()

    def _segments(
        self, exchange: str, pair: str, start: UtcNs | None, end: UtcNs | None
    ) -> Iterator[Segment]:
        return iter(self._store.segments(exchange, pair, start, end))

    def _read(self, series: SeriesInfo, start_s: int, end_s: int) -> Candles:
        return self._store.read(series.exchange, series.pair, series.freq_s, start_s, end_s)

    def _periods(self, series: SeriesInfo) -> list[Period]:
        stored = self._store.read(series.exchange, series.pair, series.freq_s)
        return _joined(stored.coverage())


class RemoteHistory(_History):
    """History out of a running xWrap; each call makes its own connection.

    It blocks, so it is not for code inside an event loop.

    Parameters
    ----------
    url : str
        Address of JSON-RPC, such as ``ws://127.0.0.1:4200``.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def instruments(self) -> Sequence[Instrument]:
        """Return the known increments, by exchange and pair."""
        found = {
            (one["exchange"], one["pair"]): Instrument(
                one["exchange"],
                one["pair"],
                Decimal(one["tick_size"]),
                Decimal(one["lot_size"]),
                Decimal(one["min_notional"]),
                one["source"],
            )
            for one in self._list()
            if one["tick_size"] is not None
        }
        return list(found.values())

    def series(self) -> Sequence[SeriesInfo]:
        """Return the stored series, by exchange, pair and length."""
        return [SeriesInfo(*(one[name] for name in SeriesInfo._fields)) for one in self._list()]

    def fees(self) -> dict[str, FeeSchedule]:
        """Return what the loaded exchanges charge, by name."""

        async def ask() -> list[dict[str, Any]]:
            async with await XWrapClient.connect(self._url) as client:
                return await client.get_exchanges()

        return {
            one["exchange"]: FeeSchedule(
                *(Decimal(one["fees"][kind]) for kind in ("maker", "taker"))
            )
            for one in asyncio.run(ask())
        }

    def recordings(self) -> Sequence[RecordingInfo]:
        """Return what is recorded, up to now."""

        async def ask() -> list[dict[str, Any]]:
            async with await XWrapClient.connect(self._url) as client:
                return await client.list_recordings()

        return [info_from_wire(one) for one in asyncio.run(ask())]

    def _segments(
        self, exchange: str, pair: str, start: UtcNs | None, end: UtcNs | None
    ) -> Iterator[Segment]:
        page: str | None = None

        async def ask() -> dict[str, Any]:
            async with await XWrapClient.connect(self._url) as client:
                return await client.get_recording(
                    exchange,
                    pair,
                    start=None if start is None else start // SECOND,
                    end=None if end is None else -(-end // SECOND),
                    page=page,
                )

        while True:
            answer = asyncio.run(ask())
            for one in answer["segments"]:
                segment = segment_from_wire(exchange, pair, one)
                if (start is None or segment.end >= start) and (end is None or segment.start < end):
                    yield segment
            page = answer["next"]
            if page is None:
                return

    def _list(self) -> list[dict[str, Any]]:
        async def ask() -> list[dict[str, Any]]:
            async with await XWrapClient.connect(self._url) as client:
                return await client.list_ohlcv()

        return asyncio.run(ask())

    def _read(self, series: SeriesInfo, start_s: int, end_s: int) -> Candles:
        async def ask() -> list[Candles]:
            parts = []
            following: int | None = start_s
            async with await XWrapClient.connect(self._url) as client:
                while following is not None:
                    page = await client.get_ohlcv(
                        series.exchange,
                        series.pair,
                        start=following,
                        end=end_s,
                        freq=format_freq(series.freq_s),
                    )
                    parts.append(_from_page(series.freq_s, page))
                    following = page["next"]
            return parts

        return Candles.concat(asyncio.run(ask()))

    def _periods(self, series: SeriesInfo) -> list[Period]:
        return [(series.start_s, series.end_s)]


def _from_page(freq_s: int, page: Mapping[str, Any]) -> Candles:
    points = page["points"]
    rows = [
        (time, open, high, low, close, volume) for time, low, high, open, close, volume, _ in points
    ]
    candles = Candles.from_rows(freq_s, rows, 0)
    if not len(candles):
        return candles
    digits = page["price_digits"], page["volume_digits"]
    if candles.price_digits <= digits[0] and candles.volume_digits <= digits[1]:
        candles = candles.with_digits(*digits)
        if max(int(candles.high.max()), int(candles.volume.max())) < _EXACT_MAX:
            received_at = np.array([point[6] for point in points], np.int64)
            return replace(candles, received_at=received_at)
    raise DataError("candles of more than 15 digits can't be sent exactly; use the store's file")


def _unknown(kind: str, name: str, known: Iterable[str], where: str) -> UnknownName:
    names = sorted(known)
    if not names:
        return UnknownName("no candles are stored; see import_ohlcv --help", field=kind)
    nearest = get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(nearest)}" if nearest else f"there are {', '.join(names)}"
    return UnknownName(f"no candles of {kind} {name!r}{where} are stored; {hint}", field=kind)


def _unrecorded(kind: str, name: str, known: set[str], where: str) -> UnknownName:
    hint = f"recorded are {', '.join(sorted(known))}" if known else 'see "record" in the settings'
    return UnknownName(f"{kind} {name!r}{where} is not recorded; {hint}", field=kind)


def _joined(periods: Iterable[Period]) -> list[Period]:
    joined: list[Period] = []
    for start_s, end_s in periods:
        if joined and start_s - joined[-1][1] < _DAY_S:
            joined[-1] = (joined[-1][0], end_s)
        else:
            joined.append((start_s, end_s))
    return joined


def _list(periods: Sequence[Period]) -> str:
    """Name the newest few periods, oldest first."""
    hidden = len(periods) - _PERIODS_SHOWN_MAX
    earlier = [f"{hidden} earlier ones"] if hidden > 0 else []
    return ", ".join(earlier + [_words(period) for period in periods[-_PERIODS_SHOWN_MAX:]])


def _words(period: Period) -> str:
    start, end = (to_datetime(UtcNs(time_s * SECOND)) for time_s in period)
    return f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}"
