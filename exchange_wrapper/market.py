"""What a venue's feed says, in our own terms: typed market-data events.

An adapter makes them from wire messages; live books, the paper engine, candles and strategies
read them. ``time`` is the venue's own time, ``received_at`` ours; they are never mixed.
"""

import msgspec

from exchange_wrapper.numbers import Lots, Ticks
from exchange_wrapper.terms import Side
from exchange_wrapper.times import UtcNs

__all__ = ["BookLost", "BookSnapshot", "BookUpdate", "Heartbeat", "MarketEvent", "TradePrint"]


class BookSnapshot(msgspec.Struct, frozen=True, gc=False):
    """The whole book of one pair; all that was known of it before is void."""

    pair: str
    bids: list[tuple[Ticks, Lots]]
    asks: list[tuple[Ticks, Lots]]
    time: UtcNs
    received_at: UtcNs


class BookUpdate(msgspec.Struct, frozen=True, gc=False):
    """New absolute sizes of some price levels; 0 lots removes a level."""

    pair: str
    changes: list[tuple[Side, Ticks, Lots]]
    time: UtcNs
    received_at: UtcNs


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
