"""Who hears of what: notifications for everybody, market data for those who asked for it."""

import itertools
from collections import defaultdict
from collections.abc import Hashable, Mapping
from typing import Any, Final, Literal, Protocol

from exchange_wrapper.rpc import notification

__all__ = ["Channel", "Notifications", "Transport"]

Channel = Literal["ticker", "trades", "candles"]

_METHODS: Final[Mapping[Channel, str]] = {
    "ticker": "ticker",
    "trades": "trades",
    "candles": "candle",
}
_Topic = tuple[Channel, str, str]


class Transport(Protocol):
    """What carries messages to clients without ever waiting for one."""

    def send_to(self, connection_id: int, message: bytes, replaces: Hashable = None) -> None:
        """Send to one client; a waiting message with the same ``replaces`` is dropped."""

    def send_to_all(self, message: bytes) -> int:
        """Send to every client and return how many there are."""


class Notifications:
    """Number, address and send notifications.

    Each carries ``seq``, one more than the one before it in this service, whoever got that one. A
    client that gets all of them sees it grow; it tells new from old after a reconnect, together
    with ``started_at`` of ``get_status``.
    """

    def __init__(self) -> None:
        self._transport: Transport | None = None
        self._seq = itertools.count(1)
        self._subscribers: dict[_Topic, set[int]] = defaultdict(set)

    def attach(self, transport: Transport) -> None:
        """Send by this transport from now on; before, nobody hears anything."""
        self._transport = transport

    def publish(self, method: str, params: Mapping[str, Any]) -> int:
        """Send to every client and return how many there are."""
        if self._transport is None:
            return 0
        return self._transport.send_to_all(notification(method, params, next(self._seq)))

    def subscribe(self, connection_id: int, channel: Channel, exchange: str, pair: str) -> None:
        """Send a pair's market data of one kind to a client from now on."""
        self._subscribers[channel, exchange, pair].add(connection_id)

    def unsubscribe(self, connection_id: int, channel: Channel, exchange: str, pair: str) -> None:
        """Stop that; nothing happens if it was not asked for."""
        topic = (channel, exchange, pair)
        self._subscribers[topic].discard(connection_id)
        if not self._subscribers[topic]:
            del self._subscribers[topic]

    def forget(self, connection_id: int) -> None:
        """Drop all subscriptions of a client that has gone."""
        for channel, exchange, pair in list(self._subscribers):
            self.unsubscribe(connection_id, channel, exchange, pair)

    def is_wanted(self, channel: Channel, exchange: str, pair: str) -> bool:
        """Tell whether anybody subscribed to this, so that nobody else's data is put together."""
        return (channel, exchange, pair) in self._subscribers

    def publish_market(
        self, channel: Channel, exchange: str, pair: str, params: Mapping[str, Any]
    ) -> None:
        """Send market data to its subscribers; of a ticker a slow one gets only the newest."""
        topic = (channel, exchange, pair)
        if self._transport is None or topic not in self._subscribers:
            return
        message = notification(_METHODS[channel], params, next(self._seq))
        for connection_id in self._subscribers[topic]:
            self._transport.send_to(connection_id, message, topic if channel == "ticker" else None)
