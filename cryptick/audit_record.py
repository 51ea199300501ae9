"""The form of the audit log's records."""

import msgspec

from cryptick.messages import MarketEvent, Message, market_method
from exchange_wrapper.times import to_iso

__all__ = ["AuditRecord", "EventReference"]


class EventReference(msgspec.Struct, frozen=True, gc=False):
    """A market event by its name; history has it whole."""

    method: str
    exchange: str
    pair: str
    time: str  # ISO 8601; of a bar when it opened

    @classmethod
    def to(cls, event: MarketEvent) -> "EventReference":
        """Return the reference to an event."""
        return cls(market_method(event), event.exchange, event.pair, to_iso(event.time))


class AuditRecord(msgspec.Struct, frozen=True, gc=False):
    """One line: the message, when it was delivered, and what was being handled as it was posted.

    ``cause`` is the sequence of a message, a market event, or None for the runner itself.
    """

    sequence: int
    time: str
    cause: int | EventReference | None
    message: Message
