"""Books as notifications: a snapshot first, then what has changed, gathered over a short time."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from exchange_wrapper.live_book import LiveBook
from exchange_wrapper.market import BookUpdate, MarketEvent, TradePrint
from exchange_wrapper.notifications import Notifications
from exchange_wrapper.numbers import Ticks, format_amount
from exchange_wrapper.terms import Side
from exchange_wrapper.times import UtcNs, to_iso

__all__ = ["BookChannel"]

_GATHER_S: Final = 0.05

Json = dict[str, Any]


class BookChannel:
    """Follow one pair's book for its subscribers.

    A notification is ``{"exchange", "pair", "type", "state", "sequence", "time", "bids", "asks"}``
    with levels ``[price, size]`` as decimal text. A ``snapshot`` has all levels, best first; an
    ``update`` those that changed, with size 0 where a level is gone, and a ``sequence`` one higher
    than what it builds on. A reader that is too slow for updates gets snapshots instead.
    """

    def __init__(
        self,
        exchange: str,
        live: LiveBook,
        notifications: Notifications,
        clock: Callable[[], UtcNs],
    ) -> None:
        self._exchange = exchange
        self._live = live
        self._pair = live.pair.name()
        self._notifications = notifications
        self._clock = clock
        self._sequence = 0
        self._changed: dict[Side, dict[Ticks, None]] = {Side.BUY: {}, Side.SELL: {}}
        self._is_replaced = False
        self._timer: asyncio.TimerHandle | None = None

    def welcome(self, connection_id: int) -> None:
        """Send a new subscriber the book as it is."""
        self._publish(self._snapshot(), only=connection_id)

    def receive(self, event: MarketEvent) -> None:
        """Note what an event, which the book has already, changed."""
        if type(event) is TradePrint:
            return
        if type(event) is BookUpdate:
            for side, price, _ in event.changes:
                self._changed[side][price] = None
        else:
            self._is_replaced = True
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_GATHER_S, self.flush)

    def close(self) -> None:
        """Send nothing more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def flush(self) -> None:
        """Send what has gathered."""
        self.close()
        self._sequence += 1
        book = self._live.book
        # An update that crossed the book emptied it: that too is a new book.
        if self._is_replaced or self._live.reason:
            message = self._snapshot()
        else:
            message = self._message(
                "update",
                [self._level(price, book.bids.get(price, 0)) for price in self._changed[Side.BUY]],
                [self._level(price, book.asks.get(price, 0)) for price in self._changed[Side.SELL]],
            )
        self._is_replaced = False
        self._changed = {Side.BUY: {}, Side.SELL: {}}
        self._publish(message)

    def _publish(self, message: Json, only: int | None = None) -> None:
        self._notifications.publish_market(
            "book", self._exchange, self._pair, message, newest=self._snapshot, only=only
        )

    def _snapshot(self) -> Json:
        book = self._live.book
        return self._message(
            "snapshot",
            [self._level(price, book.bids[price]) for price in sorted(book.bids, reverse=True)],
            [self._level(price, book.asks[price]) for price in sorted(book.asks)],
        )

    def _level(self, price: Ticks, size: Any) -> list[str]:
        pair = self._live.pair
        return [format_amount(pair.price(price)), format_amount(pair.size(size))]

    def _message(self, type: str, bids: list[list[str]], asks: list[list[str]]) -> Json:
        return {
            "exchange": self._exchange,
            "pair": self._pair,
            "type": type,
            "state": self._live.state.value,
            "sequence": self._sequence,
            "time": to_iso(self._clock()),
            "bids": bids,
            "asks": asks,
        }
