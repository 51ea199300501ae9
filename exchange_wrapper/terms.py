"""The field's fixed words, spelt as on the wire."""

from enum import StrEnum

__all__ = ["DoneReason", "ExchangeStatus", "Mode", "OrderStatus", "OrderType", "Side"]


class Side(StrEnum):
    """The side of an order; in a book, ``BUY`` is the bids and ``SELL`` the asks."""

    BUY = "buy"
    SELL = "sell"

    @property
    def opposite(self) -> "Side":
        """The side this one trades against."""
        return Side.SELL if self is Side.BUY else Side.BUY


class OrderType(StrEnum):
    """What becomes of the part of an order that does not trade at once."""

    LIMIT = "limit"  # rests in the book until it trades, is cancelled or expires
    IOC = "limit-immediate-cancel"  # is cancelled
    FOK = "limit-fill-kill"  # all of the order is cancelled
    MARKET = "market"  # is cancelled; there is no limit

    @property
    def has_limit(self) -> bool:
        """Whether an order of this type must name a limit price."""
        return self is not OrderType.MARKET


class OrderStatus(StrEnum):
    """How far an order has come; it only ever moves down this list."""

    RECEIVED = "received"  # committed here, on its way to the venue
    UNKNOWN = "unknown"  # sent, and the venue's answer was lost: it may be there or not
    OPEN = "open"  # at the venue
    DONE = "done"  # final: never changes again


class DoneReason(StrEnum):
    """Why an order is done."""

    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"  # its cancel_after passed
    REJECTED = "rejected"


class Mode(StrEnum):
    """Whether an exchange's orders are simulated against its live book or sent to it."""

    PAPER = "paper"
    LIVE = "live"


class ExchangeStatus(StrEnum):
    """State of a loaded exchange; calls against one that is not ready fail and say so."""

    STARTING = "starting"
    READY = "ready"
    DEGRADED = "degraded"  # connected before, but now stale, in a gap or rate-limited
    STOPPED = "stopped"
