"""What a backtest replays of one pair: its candles, or what was recorded of its book and trades."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol, runtime_checkable

from exchange_wrapper.candles import Candles, Instrument
from exchange_wrapper.market import MarketEvent
from exchange_wrapper.pair import Pair
from exchange_wrapper.times import SECOND, UtcNs

__all__ = ["RecordedSource", "Recording", "Series"]


@dataclass(frozen=True)
class Series:
    """An instrument and its candles, at least one."""

    instrument: Instrument
    candles: Candles

    @property
    def market(self) -> tuple[str, str]:
        """Exchange and pair."""
        return self.instrument.exchange, self.instrument.pair

    @property
    def freq_s(self) -> int:
        """Length of the bars."""
        return self.candles.freq_s

    @property
    def start(self) -> UtcNs:
        """When the first bar opens."""
        return UtcNs(int(self.candles.time[0]) * SECOND)


@dataclass(frozen=True)
class Recording:
    """What was received of one pair.

    Attributes
    ----------
    exchange : str
    pair : Pair
        With the increments of the events.
    start : UtcNs
        When the first event was received, or earlier.
    freq_s : int
        Length of the bars that are made of its trades.
    events : iterable of MarketEvent
        In the order in which they were received; read once.
    """

    exchange: str
    pair: Pair
    start: UtcNs
    freq_s: int
    events: Iterable[MarketEvent]

    @property
    def market(self) -> tuple[str, str]:
        """Exchange and pair."""
        return self.exchange, self.pair.name()


class _RecordedPair(Protocol):
    @property
    def exchange(self) -> str: ...

    @property
    def pair(self) -> str: ...

    @property
    def tick_size(self) -> Decimal: ...

    @property
    def lot_size(self) -> Decimal: ...


@runtime_checkable
class RecordedSource(Protocol):
    """A history that has recordings."""

    def recordings(self) -> Sequence[_RecordedPair]:
        """Return of which pairs books and trades are recorded."""
        ...

    def recorded_events(
        self, exchange: str, pair: str, start: UtcNs | None = None, end: UtcNs | None = None
    ) -> Iterable[MarketEvent]:
        """Return what was received of a pair in [start, end), at least one event."""
        ...
