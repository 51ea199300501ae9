"""Recorded events that are named by their content as they pass: nobody reads them twice for it."""

import hashlib
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

import msgspec

from exchange_wrapper.market import MarketEvent
from exchange_wrapper.times import UtcNs

__all__ = ["HashedEvents"]

_BLOCK: Final = 4_096
_ENCODER: Final = msgspec.msgpack.Encoder()


class HashedEvents:
    """Events to be iterated once, of which count, period and hash are known afterwards.

    Parameters
    ----------
    events : iterable of MarketEvent
    most : int, optional
        So many of them at most.

    Attributes
    ----------
    rows : int
    start, end : UtcNs
        When the first and the last one was received; 0 while there is none.
    """

    def __init__(self, events: Iterable[MarketEvent], most: int | None = None) -> None:
        self.rows = 0
        self.start = self.end = UtcNs(0)
        self._events = islice(events, most)
        self._digest = hashlib.sha256()

    def __iter__(self) -> Iterator[MarketEvent]:
        while block := list(islice(self._events, _BLOCK)):
            # By itself, so that the hash does not depend on how long a block is.
            for event in block:
                self._digest.update(_ENCODER.encode(event))
            if not self.rows:
                self.start = block[0].received_at
            self.rows += len(block)
            self.end = block[-1].received_at
            yield from block

    def digest(self) -> str:
        """Return the SHA-256 of what has passed."""
        return self._digest.hexdigest()
