"""GDAX, today's Coinbase Exchange.

Sources: https://docs.cdp.coinbase.com/exchange/websocket-feed/channels (feed) and
https://docs.cdp.coinbase.com/exchange/reference (REST). Not to be confused with Coinbase
Advanced Trade, which has other hosts and other messages.
"""

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Final, cast, get_args

import httpx
import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidURI, WebSocketException

from exchange_wrapper.connection import Connection
from exchange_wrapper.credentials import Credentials
from exchange_wrapper.errors import (
    ApiUsageError,
    DataError,
    Unavailable,
)
from exchange_wrapper.exchange.base import Candle, Capabilities, Exchange, PairGrid, TakeUpdate
from exchange_wrapper.exchange.base_trading import Trading
from exchange_wrapper.fees import FeeSchedule
from exchange_wrapper.market import (
    BookLost,
    BookSnapshot,
    BookUpdate,
    Heartbeat,
    MarketEvent,
    TradePrint,
)
from exchange_wrapper.numbers import ZERO
from exchange_wrapper.pair import Pair
from exchange_wrapper.terms import Side
from exchange_wrapper.times import UtcNs, from_iso
from exchange_wrapper.util import utc_now
from exchange_wrapper.util.token_bucket import TokenBucket

__all__ = ["CLOSE_TIMEOUT_S", "REST_URL", "WS_URL", "FeedParser", "GDAXExchange"]

REST_URL: Final = "https://api.exchange.coinbase.com"
WS_URL: Final = "wss://ws-feed.exchange.coinbase.com"
_CHANNELS: Final = ("level2_batch", "matches", "heartbeat")  # plain level2 needs keys
_MESSAGE_SIZE_MAX: Final = 64 * 1024 * 1024  # a liquid pair's snapshot is megabytes
_CANDLES_MAX: Final = 300  # a wider request is refused, not cut
CLOSE_TIMEOUT_S: Final = 0.25  # books stay live until a silent connection is given up
_NS: Final[tuple[int, ...]] = tuple(
    10 ** (9 - decimals) for decimals in range(10)
)  # of the last decimal


class _Product(msgspec.Struct):
    id: str
    quote_increment: Decimal
    base_increment: Decimal
    status: str
    min_market_funds: Decimal = ZERO
    trading_disabled: bool = False
    cancel_only: bool = False

    @property
    def tradable(self) -> bool:
        return self.status == "online" and not (self.trading_disabled or self.cancel_only)


# Wire candles: time, low, high, open, close, volume.
_WireCandle = tuple[int, Decimal, Decimal, Decimal, Decimal, Decimal]


class _Message(msgspec.Struct, tag_field="type", gc=False):
    pass


class _L2Update(_Message, tag="l2update"):
    """New absolute sizes of levels, size 0 removes.

    ``{"type": "l2update", "product_id": "BTC-USD", "time": "2021-04-17T16:43:37.075687Z",
    "changes": [["sell", "60000.02", "0.1"], ["buy", "60000.01", "0.00000000"]]}``
    """

    product_id: str
    changes: list[tuple[Side, str, str]]
    time: str  # read only where somebody asks for an event


class _Snapshot(_Message, tag="snapshot"):
    product_id: str
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]
    time: str = ""  # missing in captures of 2021


class _Match(_Message, tag="match"):
    product_id: str
    trade_id: int
    price: str
    size: str
    side: Side
    time: str


class _Heartbeat(_Message, tag="heartbeat"):
    product_id: str
    time: str


class _Error(_Message, tag="error"):
    message: str = ""
    reason: str = ""


class _Typed(msgspec.Struct):
    type: str


_KnownMessage = _L2Update | _Match | _Heartbeat | _Snapshot | _Error
_KNOWN_TYPES: Final = frozenset(cls.__struct_config__.tag for cls in get_args(_KnownMessage))


class FeedParser:
    """Read the websocket messages of one connection. Does no I/O.

    Parameters
    ----------
    pairs : iterable of Pair
        Messages about other products are ignored.
    takers : mapping of str to TakeUpdate
        By pair name: who is offered updates before they become events.
    """

    def __init__(
        self, pairs: Iterable[Pair], takers: Mapping[str, TakeUpdate] = MappingProxyType({})
    ) -> None:
        self._grids = {pair.x_id: PairGrid(pair) for pair in pairs}
        self._offers = {
            x_id: (takers.get(grid.name, _take_nothing), grid) for x_id, grid in self._grids.items()
        }
        self._decode_update = msgspec.json.Decoder(_L2Update).decode
        self._decode = msgspec.json.Decoder(_KnownMessage).decode
        self._time = cast(Callable[[str], UtcNs], _TimeReader().read)
        self._readers: dict[type, Callable[..., MarketEvent]] = {
            _Match: self._match,
            _Heartbeat: self._heartbeat,
            _Snapshot: self._snapshot,
        }

    def parse(self, raw: bytes | str, received_at: UtcNs) -> MarketEvent | None:
        """Return what a message says, or None if that is nothing to us or was taken.

        Raises
        ------
        Unavailable
            The exchange reports an error; it closes the connection next.
        DataError
            Not a message of this protocol.
        """
        try:
            update = self._decode_update(raw)
        except msgspec.DecodeError:
            return self._parse_other(raw, received_at)
        # Nearly every message comes here; its texts are left to the book.
        try:
            take, own = self._offers[update.product_id]
        except KeyError:
            return None
        if take(update.changes, own, received_at):
            return None
        return BookUpdate(own.name, update.changes, _written_at(update.time), received_at, own)

    def _parse_other(self, raw: bytes | str, received_at: UtcNs) -> MarketEvent | None:
        try:
            message = self._decode(raw)
        except msgspec.DecodeError as error:
            if _is_of_unknown_type(raw):
                return None  # by the protocol's rule; last_match, an old trade, is one of them
            raise DataError(f"the feed sent what can't be read: {error}") from None
        if type(message) is _Error:
            raise Unavailable(f"the feed reports: {message.message} {message.reason}".rstrip())
        grid = self._grids.get(message.product_id)
        if grid is None:
            return None
        try:
            return self._readers[type(message)](message, grid, received_at)
        except DataError as error:
            return BookLost(grid.name, f"{grid.pair.x_id}: {error.message}", received_at)

    def _snapshot(self, message: _Snapshot, grid: PairGrid, received_at: UtcNs) -> BookSnapshot:
        """Read the whole book: ``{"type": "snapshot", "bids": [["60000.01", "0.5"]], …}``."""
        ticks, lots = grid.ticks, grid.lots
        return BookSnapshot(
            grid.name,
            [(ticks[price], lots(size)) for price, size in message.bids],
            [(ticks[price], lots(size)) for price, size in message.asks],
            self._time(message.time) if message.time else received_at,
            received_at,
        )

    def _match(self, message: _Match, grid: PairGrid, received_at: UtcNs) -> TradePrint:
        """Read a trade; ``side`` is the side of the order that was resting.

        ``{"type": "match", "trade_id": 280232, "side": "sell", "size": "985",
        "price": "0.00001305", "product_id": "SKL-BTC", "time": "…"}``
        """
        return TradePrint(
            grid.name,
            str(message.trade_id),
            grid.ticks[message.price],
            grid.lots(message.size),
            message.side,
            self._time(message.time),
            received_at,
        )

    def _heartbeat(self, message: _Heartbeat, grid: PairGrid, received_at: UtcNs) -> Heartbeat:
        return Heartbeat(grid.name, self._time(message.time), received_at)


def _written_at(text: str) -> datetime:
    with suppress(ValueError):
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None:
            return at
    raise DataError(f"the feed sent what can't be read: {text!r} is not a time")


def _take_nothing(*_: object) -> bool:
    return False


class _TimeReader:
    """Reads ISO times, most of which are in the same second as the one before."""

    def __init__(self) -> None:
        self._second = ""
        self._start = 0

    def read(self, text: str) -> int:
        """Read ``2021-04-17T16:43:37.075687Z``, with up to 9 decimals or none, as UtcNs."""
        second, fraction = text[:19], text[20:-1]
        if second != self._second:
            try:
                self._start = from_iso(second)
            except ApiUsageError as error:
                raise DataError(error.message) from None
            self._second = second
        decimals = len(fraction)
        if fraction.isdecimal() and decimals <= 9 and text[-1] == "Z":
            return self._start + int(fraction) * _NS[decimals]
        if text[19:] == "Z":
            return self._start
        raise DataError(f"{text!r} is not a time in UTC")


def _is_of_unknown_type(raw: bytes | str) -> bool:
    try:
        return msgspec.json.decode(raw, type=_Typed).type not in _KNOWN_TYPES
    except msgspec.DecodeError:
        return False


class GDAXExchange(Exchange):
    """Coinbase Exchange's public market data.

    Settings: ``rest_url`` and ``ws_url`` take the place of production's addresses.
    """

    capabilities = Capabilities(
        candle_freqs_s=frozenset((60, 300, 900, 3600, 21600, 86400)),
    )
    silence_max_s = 5.0  # heartbeats come once a second
    default_fees = FeeSchedule(maker=Decimal("0.004"), taker=Decimal("0.006"))

    def __init__(
        self,
        name: str,
        config: Mapping[str, object],
        currencies: frozenset[str],
        *,
        clock: Callable[[], UtcNs] = utc_now,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(name, config, currencies, clock=clock)
        self._ws_url = self._setting("ws_url", WS_URL)
        self._requests = TokenBucket(10, burst=15)
        self._rest = Connection(
            name,
            self._setting("rest_url", REST_URL),
            self._requests,
            transport=transport,
        )

    @property
    def rate_budget(self) -> dict[str, float]:
        """All of market data is one scope, ``public``; see the base class."""
        return {"public": self._requests.remaining}

    async def load_pairs(self) -> dict[str, Pair]:
        """Read ``GET /products``; see the base class."""
        body = await self._rest.get("/products")
        try:
            products = msgspec.json.decode(body, type=list[_Product])
        except msgspec.DecodeError as error:
            raise DataError(f"{self.name}: products can't be read: {error}") from None
        listed: set[str] = set()
        pairs: dict[str, Pair] = {}
        for product in products:
            # Auction twins such as BTCAUCTION-USD name BTC as their base_currency: the id is right.
            base, _, quote = product.id.partition("-")
            name = f"{base}_{quote}"
            listed.add(name)
            if product.tradable and self._wants(name, base, quote):
                pairs[name] = Pair(
                    x_id=product.id,
                    base=base,
                    quote=quote,
                    tick_size=product.quote_increment,
                    lot_size=product.base_increment,
                    min_order=product.base_increment,
                    min_notional=product.min_market_funds,
                )
        return self._checked(pairs, listed)

    async def connect(self, pairs: Iterable[Pair]) -> AsyncGenerator[MarketEvent, None]:
        """Subscribe to the public channels on one websocket; see the base class."""
        pairs = tuple(pairs)
        parser = FeedParser(pairs, self.takers)
        subscription = {
            "type": "subscribe",
            "product_ids": [pair.x_id for pair in pairs],
            "channels": _CHANNELS,
        }
        try:
            async with connect(
                self._ws_url,
                compression=None,
                max_size=_MESSAGE_SIZE_MAX,
                close_timeout=CLOSE_TIMEOUT_S,
            ) as socket:
                await socket.send(msgspec.json.encode(subscription), text=True)
                while True:
                    raw = await socket.recv(decode=False)
                    event = parser.parse(raw, self._clock())
                    if event is not None:
                        yield event
        except InvalidURI as error:
            raise ApiUsageError(f"exchange {self.name}: {error}", field="ws_url") from None
        except ConnectionClosed as error:
            raise Unavailable(f"{self.name} closed its feed: {error}") from None
        except (WebSocketException, OSError) as error:
            raise Unavailable(f"{self.name}'s feed can't be reached: {error}") from None

    async def fetch_candles(
        self, pair: Pair, freq_s: int, start_s: int, end_s: int
    ) -> list[Candle]:
        """Read ``GET /products/{id}/candles`` page by page; see the base class."""
        if freq_s not in self.capabilities.candle_freqs_s:
            raise ApiUsageError(
                f"{self.name} has no candles of {freq_s} s, only of "
                f"{', '.join(map(str, sorted(self.capabilities.candle_freqs_s)))} s",
                field="freq",
            )
        start_s += -start_s % freq_s
        candles: dict[int, Candle] = {}
        for page_s in range(start_s, end_s, _CANDLES_MAX * freq_s):
            last_s = min(page_s + (_CANDLES_MAX - 1) * freq_s, end_s - 1)
            for time, low, high, opened, closed, volume in await self._candle_page(
                pair, freq_s, page_s, last_s
            ):
                if start_s <= time < end_s:  # an answer may go back behind its start
                    candles[time] = (time, opened, high, low, closed, volume)
        return [candles[time] for time in sorted(candles)]

    async def _candle_page(
        self, pair: Pair, freq_s: int, first_s: int, last_s: int
    ) -> list[_WireCandle]:
        body = await self._rest.get(
            f"/products/{pair.x_id}/candles",
            {"granularity": freq_s, "start": _iso_s(first_s), "end": _iso_s(last_s)},
        )
        try:
            return msgspec.json.decode(body, type=list[_WireCandle])
        except msgspec.DecodeError as error:
            raise DataError(f"{self.name}: candles of {pair} can't be read: {error}") from None

    def trading(self, credentials: Credentials) -> Trading:
        """Return its private side, at the same addresses; see the base class."""
        from exchange_wrapper.exchange.gdax_trading import GDAXTrading  # which needs this module

        return GDAXTrading(
            self.name,
            credentials,
            rest_url=self._setting("rest_url", REST_URL),
            ws_url=self._ws_url,
            clock=self._clock,
        )

    async def close(self) -> None:
        """Close the REST connection; a feed is closed by closing its generator."""
        await self._rest.close()


def _iso_s(time_s: int) -> str:
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
