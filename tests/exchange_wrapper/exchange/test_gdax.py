import gzip
import json
import unittest
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs

import httpx
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.server import ServerConnection, serve

from exchange_wrapper.errors import ApiUsageError, DataError, Unavailable
from exchange_wrapper.exchange.base import Exchange, Increment, PairGrid
from exchange_wrapper.exchange.gdax import FeedParser, GDAXExchange
from exchange_wrapper.live_book import BookState, LiveBook
from exchange_wrapper.market import BookLost, BookSnapshot, BookUpdate, Heartbeat, TradePrint
from exchange_wrapper.pair import Pair
from exchange_wrapper.terms import Side
from exchange_wrapper.times import UtcNs, from_iso
from tests.exchange_wrapper.exchange import contract

CAPTURE = (
    Path(__file__).resolve().parents[3] / "../shared/data/cryptofeed/coinbase-exchange-2021-04-17"
)
TIME = "2021-04-17T16:43:37.075687Z"
PAIR = Pair("BTC-USD", "BTC", "USD", Decimal("0.01"), Decimal("0.00000001"))


def product(name: str, **other: object) -> dict[str, object]:
    base, _, quote = name.partition("-")
    return {
        "id": name,
        "base_currency": base.removesuffix("AUCTION"),
        "quote_currency": quote,
        "quote_increment": "0.01",
        "base_increment": "0.00000001",
        "min_market_funds": "1",
        "status": "online",
        "trading_disabled": False,
        "cancel_only": False,
        **other,
    }


PRODUCTS = [
    product("BTC-USD"),
    product("ETH-USD", fx_stablecoin=False, max_slippage_percentage="0.02"),
    product("BTC-EUR"),
    product("BTCAUCTION-USD"),
    product("ETH-BTC", status="delisted"),
    product("USD-BTC", trading_disabled=True),
    product("USD-ETH", cancel_only=True),
]


def message(type: str, name: str, **other: object) -> str:
    return json.dumps({"type": type, "product_id": name, **other})


def session() -> Iterator[str]:
    yield json.dumps({"type": "subscriptions", "channels": []})
    for name in ("BTC-USD", "ETH-USD"):
        own = partial(message, name=name, time=TIME)
        yield own("snapshot", bids=[["100.00", "0.5"]], asks=[["100.02", "1.50000000"]])
        yield own("last_match", trade_id=1, side="buy", size="1", price="99.99")
        yield own("l2update", changes=[["buy", "100.01", "2"], ["buy", "100.00", "0.00000000"]])
        yield own("match", trade_id=2, side="sell", size="0.3", price="100.02")
        yield own("heartbeat", sequence=90, last_trade_id=2)


class StandIn:
    """The venue: REST as a transport, the feed as a real websocket server on loopback."""

    CANDLES_MAX = 300

    def __init__(self, candle_times_s: list[int]) -> None:
        self.candle_times_s = candle_times_s
        self.feed = list(session())
        self.subscriptions: list[dict[str, Any]] = []
        self.windows: list[tuple[int, int]] = []
        self.linger = False  # whether the feed stays open when it has said all

    def rest(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/products":
            return httpx.Response(200, json=PRODUCTS)
        assert request.url.path == "/products/BTC-USD/candles"
        query = parse_qs(request.url.query.decode())
        start, end = (from_iso(query[key][0]) // 10**9 for key in ("start", "end"))
        granularity = int(query["granularity"][0])
        if (end - start) // granularity >= self.CANDLES_MAX:
            return httpx.Response(400, json={"message": "granularity too small"})
        self.windows.append((start, end))
        early = 2 * granularity  # as the venue does, candles from before the start
        rows = [
            f"[{time},0.1,1.30,0.10000000000000000001,1.2,{time}.00000001]"
            for time in reversed(self.candle_times_s)
            if start - early <= time <= end
        ]
        return httpx.Response(200, content=f"[{','.join(rows)}]")

    async def ws(self, socket: ServerConnection) -> None:
        self.subscriptions.append(json.loads(await socket.recv()))
        for text in self.feed:
            await socket.send(text)
        if self.linger:
            await socket.wait_closed()


class GDAXContract(contract.ExchangeContract):
    unreachable: ClassVar = {"ws_url": "ws://127.0.0.1:1"}
    # 700 minutes, of which a few, and later all of several pages, had no trades.
    candle_times_s: ClassVar = [
        60 * minute for minute in (*range(9000, 9700), *range(11_000, 11_010)) if minute % 50
    ]

    async def asyncSetUp(self) -> None:
        self.venue = StandIn(self.candle_times_s)
        server = await serve(self.venue.ws, "127.0.0.1", 0)
        self.addAsyncCleanup(server.wait_closed)
        self.addCleanup(server.close)
        port = server.sockets[0].getsockname()[1]
        self.addresses: dict[str, object] = {
            "ws_url": f"ws://127.0.0.1:{port}",
            "rest_url": "http://rest.invalid",
        }

    def garble_feed(self) -> None:
        self.venue.feed.insert(3, '{"type": "l2update", "prod')

    def adapt(
        self, config: dict[str, object], currencies: frozenset[str], clock: Callable[[], UtcNs]
    ) -> Exchange:
        return GDAXExchange(
            "here",
            self.addresses | config,
            currencies,
            clock=clock,
            transport=httpx.MockTransport(self.venue.rest),
        )

    async def test_it_subscribes_to_the_public_channels_at_once(self) -> None:
        with self.assertRaises(Unavailable):
            await self.listen(self.make(), [])
        self.assertEqual(
            self.venue.subscriptions,
            [
                {
                    "type": "subscribe",
                    "product_ids": ["BTC-USD", "ETH-USD"],
                    "channels": ["level2_batch", "matches", "heartbeat"],
                }
            ],
        )

    async def test_answers_that_are_not_the_protocol_are_named_as_such(self) -> None:
        exchange = GDAXExchange(
            "here",
            {},
            frozenset(),
            transport=httpx.MockTransport(lambda request: httpx.Response(200, content=b"<html>")),
        )
        self.addAsyncCleanup(exchange.close)
        with self.assertRaisesRegex(DataError, "here: products can't be read"):
            await exchange.load_pairs()
        with self.assertRaisesRegex(DataError, "here: candles of BTC_USD can't be read"):
            await exchange.fetch_candles(PAIR, 60, 0, 60)

    async def test_the_rate_budget_is_what_is_left_of_the_venue_s_limit(self) -> None:
        exchange = self.make()
        self.assertEqual(exchange.rate_budget, {"public": 15})
        for _ in range(5):
            await exchange.load_pairs()
        self.assertLess(exchange.rate_budget["public"], 15)

    async def test_an_address_that_is_none_is_an_error_of_the_configuration(self) -> None:
        with self.assertRaisesRegex(ApiUsageError, "ws_url must be text"):
            self.make({"ws_url": 1})
        with self.assertRaisesRegex(ApiUsageError, "http://x isn't a valid URI"):
            await anext(self.make({"ws_url": "http://x"}).connect([PAIR]))

    async def test_candle_requests_never_ask_for_more_than_the_venue_gives(self) -> None:
        exchange = self.make()
        times = self.candle_times_s
        candles = await exchange.fetch_candles(PAIR, 60, times[0], times[-1] + 60)
        self.assertEqual(len(self.venue.windows), 7)
        self.assertEqual(
            candles[0],
            (
                times[0],
                *map(Decimal, ("0.10000000000000000001", "1.30", "0.1", "1.2")),
                Decimal(f"{times[0]}.00000001"),
            ),
        )


class IncrementTest(unittest.TestCase):
    @given(
        st.integers(0, 10**24),
        st.sampled_from(["1", "10", "5", "0.5", "0.01", "0.00000001", "0.25", "2.50"]),
        st.integers(0, 3),
    )
    def test_every_multiple_is_read_exactly(self, units: int, step: str, zeros: int) -> None:
        value = Decimal(units) * Decimal(step)
        text = format(value, "f")
        text += ("" if "." in text else ".") * bool(zeros) + "0" * zeros
        self.assertEqual(Increment(Decimal(step)).units(text), units)

    def test_what_is_off_the_grid_or_no_plain_number_is_refused(self) -> None:
        for step, text in (
            ("0.01", "1.001"),
            ("0.25", "1.30"),
            ("10", "15"),
            ("1", "0.1"),
            ("0.01", ""),
            ("0.01", "."),
            ("0.01", "-1"),
            ("0.01", "+1"),
            ("0.01", " 1"),
            ("0.01", "1e2"),
            ("0.01", "1_0"),
            ("0.01", "NaN"),
            ("0.01", "1.0.0"),
        ):
            with self.subTest(step=step, text=text), self.assertRaises(DataError):
                Increment(Decimal(step)).units(text)


class PairGridTest(unittest.TestCase):
    def test_remembering_prices_does_not_fill_memory(self) -> None:
        ticks = PairGrid(PAIR).ticks
        for price in range(70_000):
            self.assertEqual(ticks[f"{price}.5"], price * 100 + 50)
        self.assertLess(len(ticks), 66_000)


class FeedParserTest(unittest.TestCase):
    def setUp(self) -> None:
        self.parser = FeedParser([PAIR])
        self.time = from_iso(TIME)

    def parse(self, type: str, name: str = "BTC-USD", **fields: object) -> object:
        return self.parser.parse(message(type, name, **fields).encode(), UtcNs(5))

    def test_each_kind_of_message_becomes_its_event(self) -> None:
        for raw, event in (
            (
                {"type": "snapshot", "bids": [["1.00", "0.5"]], "asks": [["1.02", "2"]]},
                BookSnapshot("BTC_USD", [(100, 50_000_000)], [(102, 200_000_000)], self.time, 5),
            ),
            (
                {
                    "type": "l2update",
                    "changes": [["sell", "1.1", "0.00000003"], ["buy", "1", "0.0"]],
                },
                BookUpdate("BTC_USD", [(Side.SELL, 110, 3), (Side.BUY, 100, 0)], self.time, 5),
            ),
            (
                {"type": "match", "trade_id": 7, "side": "sell", "size": "1", "price": "1.01"},
                TradePrint("BTC_USD", "7", 101, 100_000_000, Side.SELL, self.time, 5),
            ),
            ({"type": "heartbeat", "sequence": 1}, Heartbeat("BTC_USD", self.time, 5)),
        ):
            with self.subTest(raw["type"]):
                self.assertEqual(self.parse(**{"time": TIME, **raw}), event)  # type: ignore[arg-type]

    def test_what_is_nothing_to_us_is_ignored(self) -> None:
        for raw in (
            {"type": "subscriptions", "channels": []},
            {"type": "last_match", "trade_id": 7, "side": "sell", "size": "1", "price": "1.01"},
            {"type": "from the future"},
            {"type": "l2update", "name": "ETH-USD", "changes": []},
        ):
            with self.subTest(raw):
                self.assertIsNone(self.parse(**{"time": TIME, **raw}))  # type: ignore[arg-type]

    def test_an_error_of_the_venue_is_raised_with_its_words(self) -> None:
        with self.assertRaisesRegex(Unavailable, "Failed to subscribe level2 needs keys"):
            self.parse("error", message="Failed to subscribe", reason="level2 needs keys")

    def test_what_is_not_the_protocol_is_refused(self) -> None:
        for raw in (
            b"",
            b"hello",
            b"[]",
            b"{}",
            b'{"type": "l2update", "product_id": "BTC-USD"}',
            b'{"type": "l2update", "product_id": "BTC-USD", "changes": [], "time": "yesterday"}',
            b'{"type": "l2update", "product_id": "BTC-USD", "changes": [], "time": "%s"}'
            % TIME.removesuffix("Z").encode(),
            b'{"type": "match", "product_id": "BTC-USD", "trade_id": 7, "side": "held"}',
        ):
            with self.subTest(raw), self.assertRaises(DataError):
                self.parser.parse(raw, UtcNs(5))

    def test_data_off_the_pairs_increments_loses_that_pairs_book(self) -> None:
        for changes, text in (
            ([["buy", "1.001", "1"]], "1.001"),
            ([["buy", "1.00", "1"], ["buy", "1.00", "0.000000001"]], "0.000000001"),
            ([["sell", "1.00", "-1"]], "-1"),
        ):
            with self.subTest(text):
                live = LiveBook(PAIR)
                for event in (
                    self.parse("snapshot", bids=[["0.99", "1"]], asks=[["1.02", "1"]], time=TIME),
                    self.parse("l2update", changes=changes, time=TIME),
                ):
                    live.receive(event)  # type: ignore[arg-type]
                for levels in (live.book.bids, live.book.asks):
                    self.assertNotIn(100, levels)  # found out by reading, so never shown
                live.receive(Heartbeat("BTC_USD", UtcNs(6), UtcNs(6)))
                self.assertIs(live.state, BookState.STALE)
                self.assertIn("BTC-USD", live.reason)
                self.assertIn(text, live.reason)

    def test_other_data_off_the_increments_loses_the_book_at_once(self) -> None:
        for raw in (
            {"type": "snapshot", "bids": [["1.001", "1"]], "asks": []},
            {"type": "match", "trade_id": 7, "side": "sell", "size": "-1", "price": "1.01"},
        ):
            event = self.parse(**{"time": TIME, **raw})  # type: ignore[arg-type]
            assert isinstance(event, BookLost)
            self.assertEqual(event.pair, "BTC_USD")
            self.assertIn("BTC-USD", event.reason)

    def test_times_are_read_to_the_nanosecond(self) -> None:
        for text, ns in (
            ("2021-04-17T16:43:37Z", 0),
            ("2021-04-17T16:43:37.5Z", 500_000_000),
            ("2021-04-17T16:43:37.075687Z", 75_687_000),
            ("2021-04-17T16:43:37.123456789Z", 123_456_789),
        ):
            with self.subTest(text):
                event = self.parse("heartbeat", time=text)
                assert isinstance(event, Heartbeat)
                self.assertEqual(event.time, from_iso("2021-04-17T16:43:37") + ns)
        for text in ("", "yesterday", "2021-04-17T16:43:37", "2021-13-17T16:43:37Z"):
            with self.subTest(text):
                self.assertIsInstance(self.parse("heartbeat", time=text), BookLost)


@unittest.skipUnless(CAPTURE.exists(), f"the recorded session {CAPTURE.name} is not here")
class ReplayTest(unittest.TestCase):
    """A recorded session of 30 s of seven products."""

    def test_every_book_equals_a_rebuild_from_the_same_messages(self) -> None:
        with gzip.open(CAPTURE / "rest.txt.gz", "rt") as lines:
            listed = {p["id"]: p for p in json.loads(next(lines).partition(": ")[2])}
        with gzip.open(CAPTURE / "ws.txt.gz", "rt") as lines:
            received = [
                line.partition(": ")[::2]
                for line in lines
                if line.strip() and " <-> " not in line and " <- " not in line
            ]
        rebuilt = rebuild(json.loads(text) for _, text in received)
        pairs = [
            Pair(
                name,
                *name.split("-"),
                Decimal(listed[name]["quote_increment"]),
                Decimal(listed[name]["base_increment"]),
            )
            for name in rebuilt
        ]
        books = {pair.name(): LiveBook(pair) for pair in pairs}
        parser = FeedParser(pairs)
        trades = 0
        for time, text in received:
            event = parser.parse(text.encode(), UtcNs(int(Decimal(time) * 10**9)))
            if event is None:
                continue
            trades += isinstance(event, TradePrint)
            book = books[event.pair]
            book.receive(event)
            self.assertFalse(book.book.is_crossed())
        self.assertEqual(trades, 88)
        self.assertEqual(len(books), 7)
        for pair in pairs:
            live = books[pair.name()]
            self.assertEqual((live.state, live.gaps, live.resyncs), (BookState.LIVE, 0, 0))
            for side in Side:
                levels = {
                    pair.price(price): pair.size(size) for price, size in live.book.levels(side)
                }
                self.assertEqual(levels, rebuilt[pair.x_id][side])


def rebuild(messages: Iterator[Any]) -> dict[str, dict[str, dict[Decimal, Decimal]]]:
    books: dict[str, dict[str, dict[Decimal, Decimal]]] = {}
    for raw in messages:
        if raw["type"] == "snapshot":
            books[raw["product_id"]] = {
                side: {Decimal(price): Decimal(size) for price, size in raw[key]}
                for side, key in (("buy", "bids"), ("sell", "asks"))
            }
        elif raw["type"] == "l2update":
            for side, price, size in raw["changes"]:
                levels = books[raw["product_id"]][side]
                if Decimal(size):
                    levels[Decimal(price)] = Decimal(size)
                else:
                    del levels[Decimal(price)]
    return books
