"""Where candles are kept: what a store promises, whatever holds the data.

``embedded`` keeps them in one SQLite file. Calls block; asynchronous code runs them in a thread.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from exchange_wrapper.candles import Candles, Instrument

__all__ = ["CandleSink", "CandleSource", "CandleStore", "SeriesInfo", "WriteReport"]


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
