"""Who hears of what: notifications for everybody, market data for those who asked for it."""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Container, Hashable, Mapping
from typing import Any, Final, Literal, Protocol

import msgspec

from exchange_wrapper.rpc import notification
from exchange_wrapper.times import SECOND, UtcNs
from exchange_wrapper.util import utc_now
from serving.wire import decode

__all__ = ["Channel", "Listener", "Notifications", "Transport", "may_hear"]

Channel = Literal["book", "ticker", "trades", "candles"]

_METHODS: Final[Mapping[Channel, str]] = {
    "book": "book",
    "ticker": "ticker",
    "trades": "trades",
    "candles": "candle",
}
_Topic = tuple[Channel, str, str]

_WALLET_SET: Final = {"order": "wallet_set_id", "trade": "wallet_set_id", "wallet_set": "id"}
_OPEN: Final = frozenset({"exchstatus", "echo_ret"})
_KEPT_MAX: Final = 10_000
_KEPT_BYTES_MAX: Final = 8 << 20
_NOTHING_STORED_NS_MAX: Final = 120 * SECOND  # two heartbeats


class Transport(Protocol):
    """What carries messages to clients without ever waiting for one."""

    def send_to(
        self,
        connection_id: int,
        message: bytes,
        replaces: Hashable = None,
        newest: Callable[[], bytes] | None = None,
    ) -> None:
        """Send to one client; a waiting message with the same ``replaces`` is dropped.

        If it has to wait, what ``newest`` returns is sent instead when it is due.
        """

    def send_to_all(self, message: bytes, but: Container[int] = ()) -> int:
        """Send to every client, some excepted, and return how many it went to."""


Listener = Callable[[str, Mapping[str, Any]], None]
PageSender = Callable[
    [int, str, Mapping[str, Any], Hashable, Callable[[], Mapping[str, Any]] | None], None
]


def may_hear(limited_to: int | None, method: str, params: Mapping[str, Any]) -> bool:
    """Tell whether a notification is for somebody who is limited to a wallet set, if to any."""
    if limited_to is None or method in _OPEN:
        return True
    member = _WALLET_SET.get(method)
    return member is not None and params[member] == limited_to


class Notifications:
    """Number, address, send and remember notifications.

    Each carries ``seq``: the microseconds since 1970 at which it was sent, or one more than the one
    before it if that is later. So the numbers grow without end, through restarts too
    (``go_on_after``), and a number tells when it was given away even to a service that has
    forgotten it.

    The newest notifications for everybody are remembered, so that a client that was away can ask
    for them.

    Attributes
    ----------
    last_seq : int
        The newest number.
    kept_since : int
        All notifications for everybody with greater numbers are remembered.
    sent : Counter
        How many of each method there were.
    """

    def __init__(self, clock: Callable[[], UtcNs] = utc_now) -> None:
        self._clock = clock
        self._transport: Transport | None = None
        self._send_to_page: PageSender | None = None
        self._listeners: list[Listener] = []
        self._subscribers: dict[_Topic, set[int]] = defaultdict(set)
        self._limits: dict[int, int] = {}
        self._kept: deque[tuple[int, bytes]] = deque()
        self._kept_bytes = 0
        self.last_seq = self.kept_since = clock() // 1000
        self.sent: Counter[str] = Counter()

    def now(self) -> UtcNs:
        """Return the time as the numbers tell it: that of the newest where the clock is behind."""
        return max(self._clock(), UtcNs(self.last_seq * 1000))

    def go_on_after(self, time: UtcNs) -> None:
        """Give no number twice although the clock was set back behind what is stored of ``time``.

        To be called before anything is published.
        """
        if self._clock() <= time:
            self.last_seq = self.kept_since = (time + _NOTHING_STORED_NS_MAX) // 1000

    def attach(self, transport: Transport) -> None:
        """Send by this transport from now on."""
        self._transport = transport

    def attach_pages(self, send: PageSender) -> None:
        """Send market data for connections with negative ids, as an event and its data, by this."""
        self._send_to_page = send

    def add_listener(self, listener: Listener) -> None:
        """Have ``listener(method, params)`` called with every notification for everybody."""
        self._listeners.append(listener)

    def publish(self, method: str, params: Mapping[str, Any]) -> int:
        """Send to every client and return how many there are."""
        message = notification(method, params, self._next(method))
        self._keep(message)
        for listener in self._listeners:
            listener(method, params)
        if self._transport is None:
            return 0
        others = [one for one, limit in self._limits.items() if not may_hear(limit, method, params)]
        return self._transport.send_to_all(message, others)

    def limit(self, connection_id: int, wallet_set_id: int) -> None:
        """Tell a client of no other wallet set than this."""
        self._limits[connection_id] = wallet_set_id

    def since(self, seq: int, limited_to: int | None = None) -> list[msgspec.Raw]:
        """Return the remembered notifications for everybody after number ``seq``, as JSON.

        With ``limited_to`` those that somebody may hear who is limited to that wallet set.
        """
        newer = []
        for number, message in reversed(self._kept):
            if number <= seq:
                break
            if limited_to is not None:
                read = decode(message)
                if not may_hear(limited_to, read["method"], read["params"]):
                    continue
            newer.append(msgspec.Raw(message))
        newer.reverse()
        return newer

    def subscribe(self, connection_id: int, channel: Channel, exchange: str, pair: str) -> None:
        """Send a pair's market data of one kind to a client from now on."""
        self._subscribers[channel, exchange, pair].add(connection_id)

    def unsubscribe(self, connection_id: int, channel: Channel, exchange: str, pair: str) -> None:
        """Stop that; nothing happens if it was not asked for."""
        topic = (channel, exchange, pair)
        if topic in self._subscribers:
            self._subscribers[topic].discard(connection_id)
            if not self._subscribers[topic]:
                del self._subscribers[topic]

    def forget(self, connection_id: int) -> None:
        """Drop all subscriptions of a client that has gone."""
        self._limits.pop(connection_id, None)
        for channel, exchange, pair in list(self._subscribers):
            self.unsubscribe(connection_id, channel, exchange, pair)

    def is_wanted(self, channel: Channel, exchange: str, pair: str) -> bool:
        """Tell whether anybody subscribed to this, so that nobody else's data is put together."""
        return (channel, exchange, pair) in self._subscribers

    def publish_market(
        self,
        channel: Channel,
        exchange: str,
        pair: str,
        params: Mapping[str, Any],
        *,
        newest: Callable[[], Mapping[str, Any]] | None = None,
        only: int | None = None,
    ) -> None:
        """Send market data to its subscribers; of a ticker a slow one gets only the newest.

        Parameters
        ----------
        newest : callable, optional
            For data that builds on what was sent before: makes what a slow reader gets instead,
            at the time when it gets it.
        only : int, optional
            Send to this connection instead of to all subscribers.
        """
        topic = (channel, exchange, pair)
        if self._transport is None or topic not in self._subscribers:
            return
        method = _METHODS[channel]
        seq = self._next(method)
        message = notification(method, params, seq)
        replaces = topic if newest is not None or channel == "ticker" else None
        later = None if newest is None else lambda: notification(method, newest(), seq)
        for connection_id in self._subscribers[topic] if only is None else (only,):
            if connection_id < 0 and self._send_to_page is not None:
                self._send_to_page(connection_id, method, params, replaces, newest)
            else:
                self._transport.send_to(connection_id, message, replaces, later)

    def _next(self, method: str) -> int:
        self.sent[method] += 1
        self.last_seq = max(self.last_seq + 1, self._clock() // 1000)
        return self.last_seq

    def _keep(self, message: bytes) -> None:
        self._kept.append((self.last_seq, message))
        self._kept_bytes += len(message)
        while len(self._kept) > _KEPT_MAX or self._kept_bytes > _KEPT_BYTES_MAX:
            self.kept_since, oldest = self._kept.popleft()
            self._kept_bytes -= len(oldest)
