"""Where time series are kept: what a store promises, whatever holds the data.

A store keeps candles, tickers, the history of wallets and recordings of books and trades.
``embedded`` has them in one SQLite file, ``influx`` in InfluxDB; ``open_store`` takes either. Calls
block; asynchronous code runs them in a thread.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self

from exchange_wrapper.candles import Candles, Instrument
from exchange_wrapper.times import UtcNs

if TYPE_CHECKING:
    from exchange_wrapper.storage.recording import Segment

__all__ = [
    "CandleSink",
    "CandleSource",
    "CandleStore",
    "RecordingInfo",
    "RecordingLimits",
    "RecordingSink",
    "RecordingSource",
    "SeriesInfo",
    "Store",
    "TickerPoint",
    "TickerSink",
    "TickerSource",
    "WalletPoint",
    "WalletSink",
    "WalletSource",
    "WriteReport",
    "open_store",
]


class SeriesInfo(NamedTuple):
    """A stored series: from the open of its first to the end of its last candle."""

    exchange: str
    pair: str
    freq_s: int
    start_s: int
    end_s: int
    rows: int


class WriteReport(NamedTuple):
    """What a write found: candles that were new, there already, or there with other figures."""

    new: int
    same: int
    changed: int


class CandleSink(Protocol):
    """Takes candles and increments."""

    def write(
        self,
        exchange: str,
        pair: str,
        candles: Candles,
        *,
        covers: tuple[int, int] | None = None,
    ) -> WriteReport:
        """Store candles, all or none; writing the same again changes nothing.

        A candle with other figures replaces the stored one. One that is unchanged keeps its
        ``received_at``.

        Parameters
        ----------
        exchange, pair : str
        candles : Candles
        covers : (int, int), optional
            The [start_s, end_s) for which these are all candles there are; see ``covered``.
        """
        ...

    def put_instrument(self, instrument: Instrument) -> None:
        """Store a pair's increments in place of those stored before."""
        ...


class CandleSource(Protocol):
    """Gives them back."""

    def read(
        self,
        exchange: str,
        pair: str,
        freq_s: int,
        start_s: int | None = None,
        end_s: int | None = None,
        received_before: int | None = None,
    ) -> Candles:
        """Return the candles that open in [start_s, end_s), perhaps none.

        Parameters
        ----------
        exchange, pair : str
        freq_s : int
            Length of the candles, as stored.
        start_s, end_s : int, optional
            Seconds since 1970 UTC; None is unbounded.
        received_before : int, optional
            Leave out candles stored at or after this time, s.

        Raises
        ------
        NoData
            There is no such series.
        """
        ...

    def series(self) -> list[SeriesInfo]:
        """Return every series, by exchange, pair and length."""
        ...

    def covered(self, exchange: str, pair: str, freq_s: int) -> list[tuple[int, int]]:
        """Return the [start_s, end_s) known to be complete, oldest first.

        A venue publishes no candle for an interval without trades; only this tells such an
        interval from one nobody has asked for.
        """
        ...

    def instruments(self) -> Sequence[Instrument]:
        """Return the increments of every pair, by exchange and pair."""
        ...


class CandleStore(CandleSink, CandleSource, Protocol):
    """Both."""


class TickerPoint(NamedTuple):
    """The best prices of a pair at a time, in quote per base; None where there is none."""

    time: UtcNs
    bid: Decimal | None
    ask: Decimal | None
    last: Decimal | None  # of the latest trade


class TickerSink(Protocol):
    """Takes tickers."""

    def put_tickers(self, exchange: str, pair: str, points: Iterable[TickerPoint]) -> None:
        """Store tickers; one of a time that is stored already replaces it."""
        ...


class TickerSource(Protocol):
    """Gives them back."""

    def tickers(
        self, exchange: str, pair: str, start: UtcNs | None = None, end: UtcNs | None = None
    ) -> list[TickerPoint]:
        """Return the tickers of [start, end), oldest first; None is unbounded."""
        ...


class WalletPoint(NamedTuple):
    """What a wallet held at a time, in its currency and, where that has a price, in USD."""

    time: UtcNs
    set_id: int
    wallet_id: int
    exchange: str
    currency: str
    balance: Decimal
    available: Decimal
    hold: Decimal
    balance_usd: Decimal | None = None
    available_usd: Decimal | None = None
    hold_usd: Decimal | None = None


class WalletSink(Protocol):
    """Takes the history of wallets."""

    def put_wallets(self, points: Iterable[WalletPoint]) -> None:
        """Store what wallets held; one of a wallet and time that is stored already replaces it."""
        ...


class WalletSource(Protocol):
    """Gives it back."""

    def wallet_set_history(
        self, set_id: int, start: UtcNs | None = None, end: UtcNs | None = None
    ) -> list[WalletPoint]:
        """Return what the set's wallets held in [start, end), by time and wallet."""
        ...


@dataclass(frozen=True, slots=True)
class RecordingLimits:
    """How much of a pair's recording is kept; the newest segment always is.

    Attributes
    ----------
    bytes_max : int
        Of all segments together, as stored.
    age_max_s : int
        From the end of a segment to that of the newest, s.
    """

    bytes_max: int = 1 << 30
    age_max_s: int = 7 * 86_400


class RecordingInfo(NamedTuple):
    """What is recorded of a pair.

    ``start`` and ``end`` are when its first and its last event were received; ``bytes`` is its
    size as stored; ``tick_size`` and ``lot_size`` are those of its newest segment.
    """

    exchange: str
    pair: str
    tick_size: Decimal
    lot_size: Decimal
    start: UtcNs
    end: UtcNs
    segments: int
    bytes: int


class RecordingSink(Protocol):
    """Takes recordings of books and trades."""

    def put_segment(self, segment: "Segment", limits: RecordingLimits) -> None:
        """Store a segment and drop the oldest ones of its pair that the limits leave no room for.

        One of the same start replaces the stored one.
        """
        ...


class RecordingSource(Protocol):
    """Gives them back."""

    def recordings(self) -> list[RecordingInfo]:
        """Return what is recorded, by exchange and pair."""
        ...

    def segments(
        self, exchange: str, pair: str, start: UtcNs | None = None, end: UtcNs | None = None
    ) -> "Iterator[Segment]":
        """Yield the segments that have a part in [start, end), oldest first.

        Raises
        ------
        DataError
            What is stored can't be read.
        """
        ...


class Store(
    CandleStore,
    TickerSink,
    TickerSource,
    WalletSink,
    WalletSource,
    RecordingSink,
    RecordingSource,
    Protocol,
):
    """All of them. A context manager that closes at its end."""

    def close(self) -> None:
        """Release what is held open; the object can't be used afterwards."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


def open_store(where: str | Path, *, read_only: bool = False) -> Store:
    """Open a store by its address.

    Parameters
    ----------
    where : str or Path
        ``influxdb://host:port/database``, or the path of a file.
    read_only : bool
        For reading only: what does not exist is not made.

    Raises
    ------
    StorageUnavailable
        There is no such store (read only), or it can't be opened.
    """
    # Here, because either implementation needs this module, and the client is large.
    if "://" in str(where):
        from exchange_wrapper.storage.influx import InfluxStore

        return InfluxStore(str(where), read_only=read_only)
    from exchange_wrapper.storage.embedded import EmbeddedStore

    return EmbeddedStore(where, read_only=read_only)
