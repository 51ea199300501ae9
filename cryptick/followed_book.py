"""A pair's book, kept from xWrap's notifications: a snapshot, then numbered changes."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Literal

from cryptick.book_view import BookView
from exchange_wrapper.book import L2Book
from exchange_wrapper.numbers import Lots, Ticks
from exchange_wrapper.pair import Pair
from exchange_wrapper.terms import Side
from exchange_wrapper.times import UtcNs, from_iso

__all__ = ["FollowedBook"]


class FollowedBook:
    """Apply the ``book`` notifications of one pair.

    Attributes
    ----------
    view : BookView
        The book for a strategy to read; empty while it is lost.
    """

    def __init__(self, exchange: str, pair: Pair) -> None:
        self._pair = pair
        self._book = L2Book(pair)
        self._sequence: int | None = None
        self.view = BookView(exchange, pair, self._book, UtcNs(0))

    def receive(self, message: Mapping[str, Any]) -> Literal["changed", "ignored", "lost"]:
        """Apply one notification.

        It is ``ignored`` when the book has it already or waits for a snapshot, and ``lost``, once,
        when one before it is missing: then the book is empty until a snapshot comes.
        """
        sequence = message["sequence"]
        if message["type"] == "snapshot":
            self._book.replace(self._levels(message["bids"]), self._levels(message["asks"]))
        elif self._sequence is None or sequence <= self._sequence:
            return "ignored"
        elif sequence > self._sequence + 1:
            self.lose()
            return "lost"
        else:
            for side, name in ((Side.BUY, "bids"), (Side.SELL, "asks")):
                for price, size in self._levels(message[name]):
                    self._book.set_level(side, price, size)
        self._sequence = sequence
        self.view.time = from_iso(message["time"])
        return "changed"

    def lose(self) -> None:
        """Be empty until the next snapshot."""
        self._sequence = None
        self._book.replace((), ())

    def _levels(self, levels: Iterable[tuple[str, str]]) -> list[tuple[Ticks, Lots]]:
        pair = self._pair
        return [
            (pair.to_ticks(Decimal(price)), pair.to_lots(Decimal(size))) for price, size in levels
        ]
