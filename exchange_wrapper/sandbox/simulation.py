"""The simulated market as a venue: quotes, books and trades in the protocol's words."""

import asyncio
import hashlib
import uuid
from collections.abc import Iterator, Sequence
from typing import ClassVar, Final

from exchange_wrapper.errors import ApiUsageError
from exchange_wrapper.sandbox import protocol
from exchange_wrapper.sandbox.assets import ASSETS, Asset
from exchange_wrapper.sandbox.book_model import BookModel, Depth
from exchange_wrapper.sandbox.keys import DEMO, Keyring, Profile
from exchange_wrapper.sandbox.market import BATCH, EPOCH_DAY, SEED_MAX, Market, SimulatedTrade
from exchange_wrapper.sandbox.protocol import Message, decimal_text, encode
from exchange_wrapper.sandbox.tape import Print
from exchange_wrapper.sandbox.trading import Trading
from exchange_wrapper.sandbox.venue import (
    BookLevels,
    Candle,
    Stream,
    StreamBroken,
    Subscription,
    Venue,
    Wanted,
)
from exchange_wrapper.times import SECOND, UtcNs, to_iso

__all__ = ["Simulation", "SimulationStream"]

_SEQUENCES: Final = 100  # sequence numbers per batch: one for its book, the others for its trades
_FIRST_BATCH: Final = EPOCH_DAY * 86_400 * SECOND // BATCH
_BOOK_CHANNELS: Final = ("level2_batch", "level2")
_BEHIND_MAX: Final = 60 * SECOND // BATCH


class Simulation(Venue):
    """The market of one seed.

    Parameters
    ----------
    seed : int
        From 0 to ``SEED_MAX``; the same seed is the same market, whenever it is started.
    profiles : sequence of Profile
        Who may trade in it; until they do it is the same market for everybody.

    Raises
    ------
    ApiUsageError
        The seed is out of range, or two profiles share a name or a key.

    Notes
    -----
    Books, trades and tickers show what profiles do. Candles and the figures of 24 hours stay those
    of the simulated trades, so that they are the same after a restart, which forgets all orders.
    """

    shared: ClassVar[bool] = True
    trading: Trading

    def __init__(self, seed: int, profiles: Sequence[Profile] = (DEMO,)) -> None:
        if not 0 <= seed <= SEED_MAX:
            raise ApiUsageError(f"the seed must be from 0 to {SEED_MAX}, not {seed}", field="seed")
        self.market = Market(seed)
        self.assets = {asset.product_id: asset for asset in ASSETS}
        self._books = {asset.product_id: BookModel(seed, asset) for asset in ASSETS}
        self.keyring = Keyring(profiles)
        self.trading = Trading(self.market, self._simulated, sequence, profiles)
        super().__init__([_product(asset) for asset in ASSETS], _currencies())

    @property
    def description(self) -> str:
        """Seed and number of products."""
        return f"seed {self.market.seed}, {len(self.products)} products"

    def stream(self, now: UtcNs) -> "SimulationStream":
        """Return the live feed from ``now`` on."""
        return SimulationStream(self, now)

    def depth(self, product_id: str, batch: int) -> Depth:
        """Return the book of a product at a batch, with all orders that are in it by now."""
        traded = self.trading.depth(product_id)
        return self._simulated(product_id, batch) if traded is None else traded

    def book(self, product_id: str, now: UtcNs) -> BookLevels:
        """Return the book at the last batch, or at this moment where profiles trade."""
        self.trading.advance(now)
        batch = now // BATCH
        depth = self.depth(product_id, batch)
        bids, asks = _levels(self.assets[product_id], depth)
        return BookLevels(sequence(batch), to_iso(UtcNs(batch * BATCH)), bids, asks)

    def trades(
        self, product_id: str, limit: int, before: int | None, after: int | None, now: UtcNs
    ) -> list[dict[str, object]]:
        """Return trades before ``now``, newest first."""
        self.trading.advance(now)
        asset, tape = self.assets[product_id], self.trading.tapes[product_id]
        last = tape.last_id(now)
        if after is not None:
            last = min(last, after - 1)
        first = max(1, last - limit + 1, 0 if before is None else before + 1)
        return [
            {"trade_id": trade.trade_id, "side": trade.maker_side} | _terms(asset, trade)
            for trade, _, _ in reversed(tape.by_id(first, last))
        ]

    async def ticker(self, product_id: str, now: UtcNs) -> dict[str, object]:
        """Return best prices, last trade and volume of 24 hours."""
        asset = self.assets[product_id]
        stats = await asyncio.to_thread(self.market.stats, asset, now)
        book = self.book(product_id, now)
        (trade,) = self.trades(product_id, 1, None, None, now)
        del trade["side"]
        return trade | {
            "bid": book.bids[0][0],
            "ask": book.asks[0][0],
            "volume": decimal_text(stats.volume, asset.size_digits),
            "rfq_volume": "0",
        }

    async def stats(self, product_id: str, now: UtcNs) -> dict[str, object]:
        """Return prices and volume of 24 hours, and the volume of 30 days."""
        asset = self.assets[product_id]
        stats = await asyncio.to_thread(self.market.stats, asset, now)
        return {
            "open": decimal_text(stats.open, asset.price_digits),
            "high": decimal_text(stats.high, asset.price_digits),
            "low": decimal_text(stats.low, asset.price_digits),
            "last": decimal_text(stats.last, asset.price_digits),
            "volume": decimal_text(stats.volume, asset.size_digits),
            "volume_30day": decimal_text(stats.volume_30d, asset.size_digits),
        }

    async def candles(
        self, product_id: str, granularity_s: int, span: tuple[int, int] | None, now: UtcNs
    ) -> list[Candle]:
        """Return candles of the trades before ``now``; the newest may be unfinished."""
        return await asyncio.to_thread(
            self._candles, self.assets[product_id], granularity_s, span, now
        )

    async def prepare(self, added: Sequence[Subscription], now: UtcNs) -> None:
        """Draw the days that books, trades and tickers look at."""
        for channel, product_id in added:
            if channel in ("ticker", "ticker_batch"):
                await asyncio.to_thread(self.market.stats, self.assets[product_id], now)
            elif product_id:
                asset = self.assets[product_id]
                await asyncio.to_thread(self.market.quote, asset, now // BATCH)

    def _simulated(self, product_id: str, batch: int) -> Depth:
        quote = self.market.quote(self.assets[product_id], batch)
        return self._books[product_id].depth(quote, batch)

    def _candles(
        self, asset: Asset, granularity_s: int, span: tuple[int, int] | None, now: UtcNs
    ) -> list[Candle]:
        last = now // (granularity_s * SECOND) * granularity_s
        start, end = span or (last - (protocol.CANDLES_MAX - 1) * granularity_s, last)
        bars = self.market.bars(asset, granularity_s, start, end + granularity_s, now)
        price, size = 10**asset.price_digits, 10**asset.size_digits
        units = (price, price, price, price, size)
        columns = [bars.time[::-1].tolist()]
        for column, unit in zip(bars.columns[1:], units, strict=True):
            columns.append((column[::-1] / unit).tolist())
        return list(zip(*columns, strict=True))


class SimulationStream(Stream):
    """The live feed of the simulated market.

    At each batch it tells the trades since the last one, all at prices and sizes of the book
    published then, the ticker after them, and the changes of the book.
    """

    def __init__(self, venue: Simulation, now: UtcNs) -> None:
        super().__init__(venue, now)
        self._simulation = venue
        self._batch = now // BATCH
        self._published: dict[str, Depth] = {}

    def subscribe(self, added: Sequence[Subscription], now: UtcNs) -> list[bytes]:
        """Return snapshots, last trades and tickers as of the batch last published."""
        first: list[bytes] = []
        for channel, product_id in added:
            if channel in _BOOK_CHANNELS:
                first.append(self._snapshot(product_id))
            elif channel == "matches":
                last, number = self._last_trade(product_id)
                first.append(self._match("last_match", product_id, last, number))
            elif channel == "ticker":
                first.append(self._ticker(product_id))
            elif channel == "status":
                first.append(self._simulation.status())
        return first

    def market_due(self, now: UtcNs) -> UtcNs:
        """Return the time of the next batch."""
        return UtcNs((self._batch + 1) * BATCH)

    def market(self, now: UtcNs, wanted: Wanted) -> Iterator[Message]:
        """Yield what profiles hear of their orders, then the batches until ``now``.

        Raises
        ------
        StreamBroken
            The process slept for over a minute.
        """
        last = now // BATCH
        if last - self._batch > _BEHIND_MAX:
            raise StreamBroken
        yield from self._simulation.trading.drain()
        while self._batch < last:
            self._batch += 1
            self._simulation.trading.advance(self._now)
            yield from self._simulation.trading.drain()
            for product_id in self._simulation.product_ids:
                yield from self._trades(product_id, wanted)
                yield from self._update(product_id, wanted)

    def heartbeat(self, product_id: str, now: UtcNs) -> bytes:
        """Return a sign of life that names the last trade published."""
        last = self._simulation.trading.tapes[product_id].last_id(self._now)
        return protocol.heartbeat(product_id, sequence(self._batch), last, now)

    def last_ticker(self, product_id: str) -> bytes:
        """Return the ticker of the batch last published."""
        return self._ticker(product_id)

    @property
    def _now(self) -> UtcNs:
        return UtcNs(self._batch * BATCH)

    def _trades(self, product_id: str, wanted: Wanted) -> Iterator[Message]:
        hears_matches, hears_ticker = wanted("matches", product_id), wanted("ticker", product_id)
        if not (hears_matches or hears_ticker):
            return
        tape = self._simulation.trading.tapes[product_id]
        trades = tape.between(UtcNs(self._now - BATCH), self._now)
        if hears_matches:
            for place, trade in enumerate(trades, 1):
                data = self._match("match", product_id, trade, sequence(self._batch - 1, place))
                yield Message("matches", product_id, data)
        if hears_ticker and trades:
            yield Message("ticker", product_id, self._ticker(product_id))

    def _update(self, product_id: str, wanted: Wanted) -> Iterator[Message]:
        if product_id not in self._published:
            return
        hearing = [channel for channel in _BOOK_CHANNELS if wanted(channel, product_id)]
        if not hearing:
            del self._published[product_id]
            return
        depth = self._simulation.depth(product_id, self._batch)
        changes = self._published[product_id].changes_to(depth)
        self._published[product_id] = depth
        if not changes:
            return
        asset = self._simulation.assets[product_id]
        price_digits, size_digits = asset.price_digits, asset.size_digits
        message = {
            "type": "l2update",
            "product_id": product_id,
            "changes": [
                (side, decimal_text(ticks, price_digits), decimal_text(lots, size_digits))
                for side, ticks, lots in changes
            ],
            "time": to_iso(self._now),
        }
        data = encode(message)
        for channel in hearing:
            yield Message(channel, product_id, data)

    def _snapshot(self, product_id: str) -> bytes:
        depth = self._published.get(product_id)
        if depth is None:
            depth = self._simulation.depth(product_id, self._batch)
            self._published[product_id] = depth
        bids, asks = _levels(self._simulation.assets[product_id], depth)
        return encode(
            {
                "type": "snapshot",
                "product_id": product_id,
                "bids": bids,
                "asks": asks,
                "time": to_iso(self._now),
            }
        )

    def _last_trade(self, product_id: str) -> tuple[Print, int]:
        """Return the last trade published and its sequence number."""
        tape = self._simulation.trading.tapes[product_id]
        last = tape.last_id(self._now)
        (entry,) = tape.by_id(last, last)
        batch = entry.trade.time // BATCH
        return entry, sequence(batch, last - tape.last_id(UtcNs(batch * BATCH)))

    def _match(self, kind: str, product_id: str, entry: Print, number: int) -> bytes:
        trade, maker, taker = entry
        return encode(
            {
                "type": kind,
                "trade_id": trade.trade_id,
                "maker_order_id": maker or _order_id(product_id, trade.trade_id, "maker"),
                "taker_order_id": taker or _order_id(product_id, trade.trade_id, "taker"),
                "side": trade.maker_side,
                "product_id": product_id,
                "sequence": number,
            }
            | _terms(self._simulation.assets[product_id], trade)
        )

    def _ticker(self, product_id: str) -> bytes:
        asset = self._simulation.assets[product_id]
        price_digits, size_digits = asset.price_digits, asset.size_digits
        (trade, _, _), number = self._last_trade(product_id)
        stats = self._simulation.market.stats(asset, self._now)
        depth = self._simulation.depth(product_id, self._batch)
        bid, bid_size = next(iter(depth.bids.items()))
        ask, ask_size = next(iter(depth.asks.items()))
        return encode(
            {
                "type": "ticker",
                "sequence": number,
                "product_id": product_id,
                "price": decimal_text(trade.price, price_digits),
                "open_24h": decimal_text(stats.open, price_digits),
                "volume_24h": decimal_text(stats.volume, size_digits),
                "low_24h": decimal_text(stats.low, price_digits),
                "high_24h": decimal_text(stats.high, price_digits),
                "volume_30d": decimal_text(stats.volume_30d, size_digits),
                "best_bid": decimal_text(bid, price_digits),
                "best_bid_size": decimal_text(bid_size, size_digits),
                "best_ask": decimal_text(ask, price_digits),
                "best_ask_size": decimal_text(ask_size, size_digits),
                "side": trade.maker_side.opposite,
                "time": to_iso(trade.time),
                "trade_id": trade.trade_id,
                "last_size": decimal_text(trade.size, size_digits),
            }
        )


def sequence(batch: int, place: int = 0) -> int:
    """Return the sequence number of the book at a batch, or of the trade at a place after it.

    Should there ever be more trades than numbers, the last ones share theirs.
    """
    return (batch - _FIRST_BATCH) * _SEQUENCES + min(place, _SEQUENCES - 1)


def _product(asset: Asset) -> dict[str, object]:
    return {
        "id": asset.product_id,
        "base_currency": asset.base,
        "quote_currency": asset.quote,
        "quote_increment": decimal_text(1, asset.price_digits),
        "base_increment": decimal_text(1, asset.size_digits),
        "display_name": f"{asset.base}/{asset.quote}",
        "min_market_funds": "1",
        "margin_enabled": False,
        "post_only": False,
        "limit_only": False,
        "cancel_only": False,
        "status": "online",
        "status_message": "",
        "trading_disabled": False,
        "fx_stablecoin": False,
        "max_slippage_percentage": "0.02000000",
        "auction_mode": False,
    }


def _currencies() -> list[dict[str, object]]:
    coins = [protocol.currency(a.base, a.name, a.size_digits, "crypto") for a in ASSETS]
    return [protocol.currency("USD", "United States Dollar", 2, "fiat"), *coins]


def _levels(asset: Asset, depth: Depth) -> tuple[list[list[str]], list[list[str]]]:
    """Return bids and asks as ``[price, size]`` texts."""
    bids, asks = (
        [
            [decimal_text(ticks, asset.price_digits), decimal_text(lots, asset.size_digits)]
            for ticks, lots in side.items()
        ]
        for side in depth
    )
    return bids, asks


def _terms(asset: Asset, trade: SimulatedTrade) -> dict[str, object]:
    return {
        "size": decimal_text(trade.size, asset.size_digits),
        "price": decimal_text(trade.price, asset.price_digits),
        "time": to_iso(trade.time),
    }


def _order_id(product_id: str, trade_id: int, role: str) -> str:
    name = f"{product_id} {trade_id} {role}".encode()
    return str(uuid.UUID(bytes=hashlib.blake2b(name, digest_size=16).digest(), version=4))
