"""The audit log: every message of a run, one JSON record a line, before it is delivered."""

from pathlib import Path
from typing import Self

import msgspec

from cryptick.hub import Cause
from cryptick.messages import MarketEvent, Message, encode, market_method
from exchange_wrapper.times import UtcNs, to_iso

__all__ = ["AuditLog", "AuditRecord", "EventReference"]


class EventReference(msgspec.Struct, frozen=True):
    """A market event by its name; history has it whole."""

    method: str
    exchange: str
    pair: str
    time: str  # ISO 8601; of a bar when it opened

    @classmethod
    def to(cls, event: MarketEvent) -> "EventReference":
        """Return the reference to an event."""
        return cls(market_method(event), event.exchange, event.pair, to_iso(event.time))


class AuditRecord(msgspec.Struct, frozen=True):
    """One line: the message, when it was delivered, and what was being handled as it was posted.

    ``cause`` is the sequence of a message, a market event, or None for the runner itself.
    """

    sequence: int
    time: str
    cause: int | EventReference | None
    message: Message


class AuditLog:
    """Append audit records to a file, for as long as its ``with`` block lasts.

    Parameters
    ----------
    path : Path
    flush : bool
        Whether each record reaches the operating system at once, so that it survives a kill; a
        backtest can be repeated instead.
    """

    def __init__(self, path: Path, *, flush: bool) -> None:
        self._file = path.open("ab", buffering=0 if flush else 1 << 20)

    def record(self, sequence: int, time: UtcNs, cause: Cause, message: Message) -> None:
        """Append one message."""
        known = cause if cause is None or isinstance(cause, int) else EventReference.to(cause)
        self._file.write(encode(AuditRecord(sequence, to_iso(time), known, message)) + b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
