"""What a venue's feed says, in our own terms: typed market-data events.

An adapter makes them from wire messages; live books, the paper engine, candles and strategies
read them. ``time`` is the venue's own time, ``received_at`` ours; they are never mixed.
"""

from datetime import datetime
from typing import cast

import msgspec

from exchange_wrapper.grid import PairGrid
from exchange_wrapper.numbers import Lots, Ticks
from exchange_wrapper.terms import Side
from exchange_wrapper.times import UtcNs, from_datetime

__all__ = ["BookLost", "BookSnapshot", "BookUpdate", "Heartbeat", "MarketEvent", "TradePrint"]


class BookSnapshot(msgspec.Struct, frozen=True, gc=False):
    """The whole book of one pair; all that was known of it before is void."""

    pair: str
    bids: list[tuple[Ticks, Lots]]
    asks: list[tuple[Ticks, Lots]]
    time: UtcNs
    received_at: UtcNs


class BookUpdate(msgspec.Struct, frozen=True, eq=False, gc=False):
    """New absolute sizes of some price levels; 0 lots removes a level.

    Most updates are applied to a book and forgotten. An adapter may therefore leave prices and
    sizes as the venue wrote them, and the time as its parser read it; ``changes`` and ``time``
    are the same either way.

    Attributes
    ----------
    written : list of (Side, Ticks, Lots), or of (Side, str, str) where there is a grid
    written_at : UtcNs or datetime
        The venue's time.
    grid : PairGrid, optional
        Reads the texts.
    """

    pair: str
    written: list[tuple[Side, Ticks, Lots]] | list[tuple[Side, str, str]]
    written_at: UtcNs | datetime
    received_at: UtcNs
    grid: PairGrid | None = None

    @property
    def changes(self) -> list[tuple[Side, Ticks, Lots]]:
        """The levels in ticks and lots.

        Raises
        ------
        DataError
            A price or size is off the pair's increments.
        """
        if self.grid is None:
            return cast(list[tuple[Side, Ticks, Lots]], self.written)
        ticks, lots = self.grid.ticks, self.grid.lots
        texts = cast(list[tuple[Side, str, str]], self.written)
        return [(side, ticks[price], lots(size)) for side, price, size in texts]

    @property
    def time(self) -> UtcNs:
        """The venue's own time."""
        at = self.written_at
        return from_datetime(at) if isinstance(at, datetime) else at

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BookUpdate):
            return NotImplemented
        return (self.pair, self.changes, self.time, self.received_at) == (
            other.pair,
            other.changes,
            other.time,
            other.received_at,
        )


class TradePrint(msgspec.Struct, frozen=True, gc=False):
    """A trade between others at the venue. ``maker_side`` is the side of the resting order."""

    pair: str
    trade_id: str
    price: Ticks
    size: Lots
    maker_side: Side
    time: UtcNs
    received_at: UtcNs


class Heartbeat(msgspec.Struct, frozen=True, gc=False):
    """A sign of life for one pair, without content."""

    pair: str
    time: UtcNs
    received_at: UtcNs


class BookLost(msgspec.Struct, frozen=True, gc=False):
    """The book of ``pair`` can't be trusted until its next snapshot."""

    pair: str
    reason: str
    received_at: UtcNs


MarketEvent = BookSnapshot | BookUpdate | TradePrint | Heartbeat | BookLost
