"""A recorded market as a venue: every connection hears the recording from its beginning."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Final

from exchange_wrapper.errors import ApiUsageError
from exchange_wrapper.sandbox import protocol
from exchange_wrapper.sandbox.capture import Capture, RecordedMessage, WireMessage
from exchange_wrapper.sandbox.protocol import Message
from exchange_wrapper.sandbox.venue import BookLevels, Candle, Stream, Subscription, Venue, Wanted
from exchange_wrapper.times import UtcNs

__all__ = ["Replay", "ReplayStream"]

_DAY_S: Final = 86_400


class Replay(Venue):
    """A recording.

    REST answers tell the furthest point that any connection has been played to; before the first
    one, the moment at which every product has its snapshot.

    Parameters
    ----------
    capture : Capture
        What was recorded.
    speed : float
        How many times faster than it was recorded; infinity for as fast as a reader takes it.

    Raises
    ------
    ApiUsageError
        The speed is not positive.
    """

    shared: ClassVar[bool] = False

    def __init__(self, capture: Capture, speed: float = 1.0) -> None:
        if not speed > 0:
            raise ApiUsageError(f"the speed must be positive, not {speed:g}", field="speed")
        super().__init__(capture.products, _currencies(capture.products))
        self.messages = capture.messages
        self.speed = speed
        self._name = capture.name
        self._played = 0
        self._states = {product_id: _State() for product_id in self.product_ids}
        missing = set(self.product_ids)
        for position, entry in enumerate(capture.messages, 1):
            if entry.wire.type == "snapshot":
                missing.discard(entry.wire.product_id)
            if not missing:
                self.played_to(position)
                break

    @property
    def description(self) -> str:
        """Name of the recording, speed and number of products."""
        speed = "full speed" if math.isinf(self.speed) else f"{self.speed:g}× its speed"
        return f"{self._name} at {speed}, {len(self.products)} products"

    def stream(self, now: UtcNs) -> "ReplayStream":
        """Return the recording from its beginning."""
        return ReplayStream(self, now)

    def played_to(self, position: int) -> None:
        """Take note that the messages before ``position`` have been played."""
        for entry in self.messages[self._played : position]:
            if entry.wire.product_id in self._states:
                self._states[entry.wire.product_id].apply(entry.wire)
        self._played = max(self._played, position)

    def book(self, product_id: str, now: UtcNs) -> BookLevels:
        """Return the book at the point reached."""
        state = self._states[product_id]
        bids = sorted(state.bids.items(), key=lambda level: Decimal(level[0]), reverse=True)
        asks = sorted(state.asks.items(), key=lambda level: Decimal(level[0]))
        return BookLevels(
            state.sequence, state.time, [[*level] for level in bids], [[*level] for level in asks]
        )

    def trades(
        self, product_id: str, limit: int, before: int | None, after: int | None, now: UtcNs
    ) -> list[dict[str, object]]:
        """Return the recorded trades up to the point reached, newest first."""
        found = [
            _trade(wire)
            for wire in reversed(self._states[product_id].trades)
            if (before is None or wire.trade_id > before)
            and (after is None or wire.trade_id < after)
        ]
        return found[:limit]

    async def ticker(self, product_id: str, now: UtcNs) -> dict[str, object]:
        """Return best prices and last trade; the volume of the last recorded ticker."""
        state = self._states[product_id]
        book = self.book(product_id, now)
        answer: dict[str, object] = {
            "bid": book.bids[0][0] if book.bids else None,
            "ask": book.asks[0][0] if book.asks else None,
            "volume": state.ticker.volume_24h if state.ticker else "0",
            "rfq_volume": "0",
        }
        if state.trades:
            last = _trade(state.trades[-1])
            del last["side"]
            answer |= last
        return answer

    async def stats(self, product_id: str, now: UtcNs) -> dict[str, object]:
        """Return the figures of the last recorded ticker; none before the first."""
        ticker = self._states[product_id].ticker
        if ticker is None:
            return {}
        return {
            "open": ticker.open_24h,
            "high": ticker.high_24h,
            "low": ticker.low_24h,
            "last": ticker.price,
            "volume": ticker.volume_24h,
            "volume_30day": ticker.volume_30d,
        }

    async def candles(
        self, product_id: str, granularity_s: int, span: tuple[int, int] | None, now: UtcNs
    ) -> list[Candle]:
        """Return candles of the recorded trades up to the point reached."""
        groups: dict[int, list[WireMessage]] = defaultdict(list)
        for wire in self._states[product_id].trades:
            time_s = int(datetime.fromisoformat(wire.time).timestamp())
            groups[time_s // granularity_s * granularity_s].append(wire)
        opens = sorted(groups, reverse=True)
        if span is not None:
            opens = [time for time in opens if span[0] <= time <= span[1]]
        return [_candle(time, groups[time]) for time in opens[: protocol.CANDLES_MAX]]

    async def prepare(self, added: Sequence[Subscription], now: UtcNs) -> None:
        """Nothing takes long here."""


class _State:
    """What one product has come to at some point of the recording."""

    def __init__(self) -> None:
        self.bids: dict[str, str] = {}
        self.asks: dict[str, str] = {}
        self.trades: list[WireMessage] = []
        self.ticker: WireMessage | None = None
        self.sequence = 0
        self.time = ""

    def apply(self, wire: WireMessage) -> None:
        self.time = wire.time or self.time
        self.sequence = max(self.sequence, wire.sequence)
        if wire.type == "snapshot":
            self.bids, self.asks = dict(wire.bids), dict(wire.asks)
        elif wire.type == "l2update":
            for side, price, size in wire.changes:
                levels = self.bids if side == "buy" else self.asks
                if size.strip("0."):
                    levels[price] = size
                else:
                    levels.pop(price, None)
        elif wire.type == "ticker":
            self.ticker = wire
        elif not self.trades or wire.trade_id > self.trades[-1].trade_id:
            self.trades.append(wire)  # a reconnect of the recorder repeats the last match


class ReplayStream(Stream):
    """The recording as one connection hears it.

    A subscription made while it plays first hears what it has missed, so that its books are whole.
    """

    def __init__(self, venue: Replay, now: UtcNs) -> None:
        super().__init__(venue, now)
        self._replay = venue
        self._started = now
        self._position = 0
        self._missed: list[RecordedMessage] = []
        self._last: dict[str, WireMessage] = {}
        self._tickers: dict[str, bytes] = {}

    def subscribe(self, added: Sequence[Subscription], now: UtcNs) -> list[bytes]:
        """Keep what the new subscriptions have missed for the next turn; a status comes at once."""
        new = set(added)
        self._missed += [
            entry
            for entry in self._replay.messages[: self._position]
            if (entry.channel, entry.wire.product_id) in new
        ]
        return [self._replay.status()] if ("status", "") in new else []

    def market_due(self, now: UtcNs) -> UtcNs | None:
        """Return when the next recorded message is due; None behind the last."""
        if self._missed:
            return now
        if self._position == len(self._replay.messages):
            return None
        return self._due(self._replay.messages[self._position])

    def market(self, now: UtcNs, wanted: Wanted) -> Iterator[Message]:
        """Yield the recorded messages due until ``now``, in their order."""
        messages = self._replay.messages
        while True:
            if self._missed:  # also when it was asked for while a message was on its way
                missed, self._missed = self._missed, []
                yield from _heard(missed, wanted)
                continue
            if self._position == len(messages) or self._due(messages[self._position]) > now:
                return
            entry = messages[self._position]
            self._position += 1
            self._replay.played_to(self._position)
            if entry.channel == "matches":
                self._last[entry.wire.product_id] = entry.wire
            elif entry.channel == "ticker":
                self._tickers[entry.wire.product_id] = entry.data
            yield from _heard((entry,), wanted)

    def heartbeat(self, product_id: str, now: UtcNs) -> bytes:
        """Return a sign of life that names the last trade played."""
        last = self._last.get(product_id)
        number, trade_id = (last.sequence, last.trade_id) if last else (0, 0)
        return protocol.heartbeat(product_id, number, trade_id, now)

    def last_ticker(self, product_id: str) -> bytes | None:
        """Return the last ticker played."""
        return self._tickers.get(product_id)

    def _due(self, entry: RecordedMessage) -> UtcNs:
        since = entry.time - self._replay.messages[0].time
        return UtcNs(self._started + int(since / self._replay.speed))


def _heard(entries: Iterable[RecordedMessage], wanted: Wanted) -> Iterator[Message]:
    for entry in entries:
        if wanted(entry.channel, entry.wire.product_id):
            yield Message(entry.channel, entry.wire.product_id, entry.data)


def _currencies(products: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    codes = dict.fromkeys(
        str(product[key]) for product in products for key in ("base_currency", "quote_currency")
    )
    return [protocol.currency(code, code, 8, "crypto") for code in codes]


def _trade(wire: WireMessage) -> dict[str, object]:
    return {
        "trade_id": wire.trade_id,
        "side": wire.side,
        "size": wire.size,
        "price": wire.price,
        "time": wire.time,
    }


def _candle(time: int, trades: Sequence[WireMessage]) -> Candle:
    prices = [float(wire.price) for wire in trades]
    volume = float(sum(Decimal(wire.size) for wire in trades))
    return time, min(prices), max(prices), prices[0], prices[-1], volume
