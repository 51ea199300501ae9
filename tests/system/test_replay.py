"""A recorded session through the whole way: sandbox → socket → adapter → live books."""

import asyncio
import gzip
import json
import math
import unittest
from collections.abc import AsyncGenerator, Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from exchange_wrapper.exchange.base import TakeUpdate
from exchange_wrapper.exchange.gdax import GDAXExchange
from exchange_wrapper.market import Heartbeat, MarketEvent, TradePrint
from exchange_wrapper.pair import Pair
from exchange_wrapper.sandbox.capture import read_capture
from exchange_wrapper.sandbox.replay import Replay
from exchange_wrapper.sandbox.server import serve
from exchange_wrapper.terms import ExchangeStatus, Side
from exchange_wrapper.venue import Venue
from tests.system.processes import DATA

CAPTURE = DATA / "cryptofeed/coinbase-exchange-2021-04-17"
CURRENCIES = frozenset({"BAND", "NU", "SKL", "CRV", "DASH", "BTC", "GBP", "EUR", "USD"})

Levels = dict[Decimal, Decimal]


class Rebuild:
    """The recording's books and trades, from its plain text and by other means than ours."""

    def __init__(self, capture: Path) -> None:
        self.books: dict[str, tuple[Levels, Levels]] = {}
        self.trades = self.messages = 0
        for message in self._received(capture):
            pair = message.get("product_id", "").replace("-", "_")
            if message["type"] == "snapshot":
                bids, asks = (
                    {Decimal(price): Decimal(size) for price, size in message[side]}
                    for side in ("bids", "asks")
                )
                self.books[pair] = bids, asks
            elif message["type"] == "l2update":
                for side, price, size in message["changes"]:
                    levels = self.books[pair][side == "sell"]
                    levels[Decimal(price)] = Decimal(size)
                    if not Decimal(size):
                        del levels[Decimal(price)]
            elif message["type"] == "match":
                self.trades += 1
            else:
                continue
            self.messages += 1

    @staticmethod
    def _received(capture: Path) -> Iterator[dict[str, Any]]:
        with gzip.open(capture / "ws.txt.gz", "rt") as lines:
            for line in lines:
                time, _, text = line.partition(": ")
                if text and "<" not in time:
                    yield json.loads(text)


class CountingExchange(GDAXExchange):
    """Says when so many messages about books and trades have come and been dealt with."""

    expected = seen = 0
    played: asyncio.Event

    async def connect(self, pairs: Iterable[Pair]) -> AsyncGenerator[MarketEvent, None]:
        self.takers = {name: self._counted(take) for name, take in self.takers.items()}
        async for event in super().connect(pairs):
            yield event
            self._count(type(event) is not Heartbeat)

    def _counted(self, take: TakeUpdate) -> TakeUpdate:
        def counted(*update: Any) -> bool:
            taken = take(*update)
            self._count(taken)
            return taken

        return counted

    def _count(self, dealt_with: bool) -> None:
        self.seen += dealt_with
        if self.seen == self.expected:
            self.played.set()


def levels_of(venue: Venue, name: str, side: Side) -> Levels:
    """Return one side of a live book as prices and sizes."""
    live = venue.books[name]
    ticks = live.book.bids if side is Side.BUY else live.book.asks
    return {live.pair.price(price): live.pair.size(size) for price, size in ticks.items()}


@unittest.skipUnless(CAPTURE.exists(), "the recorded session is not here")
class RecordedSession(unittest.IsolatedAsyncioTestCase):
    async def test_every_book_ends_as_an_independent_rebuild_at_any_speed(self) -> None:
        rebuild = Rebuild(CAPTURE)
        for speed in (30, math.inf):
            with self.subTest(speed=speed):
                trades: list[TradePrint] = []
                states: list[ExchangeStatus] = []
                async with serve(Replay(read_capture(CAPTURE), speed)) as at:
                    config = {"rest_url": at.rest_url, "ws_url": at.ws_url}
                    exchange = CountingExchange("gdax", config, CURRENCIES)
                    exchange.expected, exchange.played = rebuild.messages, asyncio.Event()
                    venue = Venue(exchange)
                    venue.on_trade = lambda _, trade, heard=trades: heard.append(trade)
                    venue.on_status = lambda _, __, new, heard=states: heard.append(new)
                    await venue.start()
                    async with asyncio.timeout(60):
                        await exchange.played.wait()
                    await venue.stop()

                self.assertEqual(len(trades), rebuild.trades)
                self.assertEqual(set(venue.books), set(rebuild.books))
                for name, (bids, asks) in rebuild.books.items():
                    self.assertEqual(levels_of(venue, name, Side.BUY), bids, name)
                    self.assertEqual(levels_of(venue, name, Side.SELL), asks, name)
                    self.assertEqual((venue.books[name].gaps, venue.books[name].resyncs), (0, 0))
                # A crossed book would have been stale: the venue became ready once and stayed so.
                self.assertEqual(states, [ExchangeStatus.READY, ExchangeStatus.STOPPED])
