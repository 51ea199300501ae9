import asyncio
import importlib
import unittest
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx

from exchange_wrapper.sandbox import Simulation, serve
from exchange_wrapper.times import UtcNs, from_iso

NOW = from_iso("2026-05-17T12:03:20.500Z")


class SimulatedVenue(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.simulation = Simulation(7)
        at = await self.enterAsyncContext(serve(self.simulation, clock=lambda: UtcNs(NOW)))
        self.client = await self.enterAsyncContext(httpx.AsyncClient(base_url=at.rest_url))

    async def get(self, path: str, **query: object) -> Any:
        answer = await self.client.get(path, params=query)
        self.assertEqual(answer.status_code, 200, answer.text)
        return answer.json()

    async def test_lists_products_and_currencies(self) -> None:
        products = await self.get("/products")
        self.assertEqual(
            [product["id"] for product in products],
            ["BTC-USD", "ETH-USD", "LTC-USD", "BCH-USD", "ZEC-USD", "XMR-USD"],
        )
        self.assertEqual(await self.get("/products/BTC-USD"), products[0])
        self.assertEqual(products[0]["quote_increment"], "0.01")
        self.assertEqual(products[0]["base_increment"], "0.00000001")
        codes = {currency["id"] for currency in await self.get("/currencies")}
        self.assertEqual(codes, {"USD", "BTC", "ETH", "LTC", "BCH", "ZEC", "XMR"})

    async def test_tells_its_time(self) -> None:
        self.assertEqual(
            await self.get("/time"),
            {"iso": "2026-05-17T12:03:20.500000Z", "epoch": NOW / 1e9},
        )

    async def test_serves_the_book_to_the_level_asked(self) -> None:
        full = await self.get("/products/BTC-USD/book", level=2)
        best = await self.get("/products/BTC-USD/book")
        self.assertGreaterEqual(min(len(full["bids"]), len(full["asks"])), 100)
        self.assertEqual(best["bids"], full["bids"][:1])
        self.assertEqual(best["asks"], full["asks"][:1])
        self.assertEqual(best["sequence"], full["sequence"])
        self.assertEqual([type(field) for field in best["bids"][0]], [str, str, int])

    async def test_pages_through_trades_by_its_cursors(self) -> None:
        first = await self.client.get("/products/BTC-USD/trades", params={"limit": 5})
        newest = first.json()
        older = await self.get("/products/BTC-USD/trades", limit=5, after=first.headers["CB-AFTER"])
        ids = [trade["trade_id"] for trade in newest + older]
        self.assertEqual(ids, list(range(ids[0], ids[0] - 10, -1)))
        self.assertEqual(first.headers["CB-BEFORE"], str(ids[0]))
        self.assertEqual(await self.get("/products/BTC-USD/trades", before=ids[0]), [])
        newer = await self.get("/products/BTC-USD/trades", before=ids[4])
        self.assertEqual(newer, newest[:4])
        self.assertEqual(len(await self.get("/products/BTC-USD/trades")), 100)
        self.assertEqual(len(await self.get("/products/BTC-USD/trades", limit=9999)), 1000)

    async def test_ticker_and_stats_agree_with_book_trades_and_candles(self) -> None:
        ticker = await self.get("/products/ETH-USD/ticker")
        stats = await self.get("/products/ETH-USD/stats")
        (trade,) = await self.get("/products/ETH-USD/trades", limit=1)
        book = await self.get("/products/ETH-USD/book")
        candles = await self.get("/products/ETH-USD/candles", granularity=300)
        self.assertEqual(ticker["price"], trade["price"])
        self.assertEqual(stats["last"], trade["price"])
        self.assertEqual(candles[0][4], float(trade["price"]))
        self.assertEqual([ticker["bid"], ticker["ask"]], [book["bids"][0][0], book["asks"][0][0]])
        self.assertEqual(ticker["volume"], stats["volume"])
        day = [candle for candle in candles if candle[0] > NOW / 1e9 - 86_400]
        self.assertLessEqual(max(candle[2] for candle in day), float(stats["high"]))
        self.assertAlmostEqual(
            sum(c[5] for c in day) / float(Decimal(stats["volume"])), 1, delta=0.01
        )

    async def test_serves_the_300_candles_asked_newest_first(self) -> None:
        last_s = NOW // 10**9 // 300 * 300 - 86_400
        first_s = last_s - 299 * 300
        for form in (str, lambda s: datetime.fromtimestamp(s, UTC).isoformat()):
            candles = await self.get(
                "/products/BTC-USD/candles", granularity=300, start=form(first_s), end=form(last_s)
            )
            self.assertEqual([c[0] for c in candles], list(range(last_s, first_s - 1, -300)))
        for _, low, high, opening, close, volume in candles:
            self.assertTrue(low <= min(opening, close) and max(opening, close) <= high)
            self.assertGreater(volume, 0)

    async def test_ignores_one_end_of_an_interval_without_the_other(self) -> None:
        everything = await self.get("/products/BTC-USD/candles", granularity=60)
        for one in ({"start": "2020-01-01T00:00:00Z"}, {"end": "2020-01-01T00:00:00Z"}):
            with self.subTest(one):
                path = "/products/BTC-USD/candles"
                self.assertEqual(await self.get(path, granularity=60, **one), everything)

    async def test_refuses_as_the_venue_does(self) -> None:
        window = {"start": "2026-05-01T00:00:00Z", "end": "2026-05-02T01:00:00Z"}
        cases = (
            ("/products/NO-USD", {}, 404, "NotFound"),
            ("/products/NO-USD/candles", {}, 404, "NotFound"),
            ("/nowhere", {}, 404, "NotFound"),
            ("/products/BTC-USD/book", {"level": "4"}, 400, "Invalid level"),
            ("/products/BTC-USD/trades", {"limit": "-1"}, 400, "Invalid limit"),
            ("/products/BTC-USD/candles", {"granularity": "61"}, 400, "Unsupported granularity"),
            ("/products/BTC-USD/candles", window | {"start": "noon"}, 400, "Invalid start"),
            (
                "/products/BTC-USD/candles",
                window | {"granularity": "300"},
                400,
                "granularity too small for the requested time range. "
                "Count of aggregations requested exceeds 300",
            ),
        )
        for path, query, code, message in cases:
            with self.subTest(path, **query):
                answer = await self.client.get(path, params=query)
                self.assertEqual((answer.status_code, answer.json()), (code, {"message": message}))


class PinnedClient(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        try:
            self.ccxt = importlib.import_module("ccxt")
        except ImportError:
            self.skipTest("ccxt is not installed")

    async def test_of_ccxt_reads_markets_candles_book_trades_and_ticker(self) -> None:
        async with serve(Simulation(7), clock=lambda: UtcNs(NOW)) as at:
            urls = {"public": at.rest_url, "private": at.rest_url}
            client = self.ccxt.coinbaseexchange({"urls": {"api": urls}, "enableRateLimit": False})
            self.addCleanup(client.session.close)
            markets = await asyncio.to_thread(client.load_markets)
            self.assertEqual(len(markets), 6)
            self.assertEqual(markets["BTC/USD"]["precision"], {"amount": 1e-8, "price": 0.01})
            since = NOW // 10**6 // 300_000 * 300_000 - 86_400_000 * 400
            candles = await asyncio.to_thread(client.fetch_ohlcv, "BTC/USD", "5m", since)
            self.assertEqual([row[0] for row in candles], [since + 300_000 * n for n in range(300)])
            book = await asyncio.to_thread(client.fetch_order_book, "ETH/USD")
            self.assertGreaterEqual(min(len(book["bids"]), len(book["asks"])), 100)
            self.assertLess(book["bids"][0][0], book["asks"][0][0])
            trades = await asyncio.to_thread(client.fetch_trades, "XMR/USD", None, 7)
            self.assertEqual(len(trades), 7)
            ticker = await asyncio.to_thread(client.fetch_ticker, "ETH/USD")
            self.assertEqual(
                (ticker["bid"], ticker["ask"]), (book["bids"][0][0], book["asks"][0][0])
            )
            with self.assertRaises(self.ccxt.BadSymbol):
                await asyncio.to_thread(client.fetch_trades, "DOGE/USD")
