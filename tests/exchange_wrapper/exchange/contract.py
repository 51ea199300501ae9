"""What every adapter must do. An adapter's test inherits this and brings a stand-in venue."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import aclosing
from decimal import Decimal
from typing import ClassVar
from unittest import IsolatedAsyncioTestCase

from exchange_wrapper.errors import ApiUsageError, DataError, Unavailable, UnknownName
from exchange_wrapper.exchange.base import Exchange
from exchange_wrapper.live_book import BookState, LiveBook
from exchange_wrapper.market import BookLost, BookSnapshot, BookUpdate, MarketEvent, TradePrint
from exchange_wrapper.times import UtcNs

__all__ = ["ExchangeContract"]

CURRENCIES = frozenset({"BTC", "ETH", "USD"})


class ExchangeContract(IsolatedAsyncioTestCase, ABC):
    """The promises of ``Exchange``, called "here".

    The stand-in venue lists BTC_USD and ETH_USD as tradable, and pairs of other currencies. Its
    feed sends at least one snapshot, update and trade of both and then closes the connection.
    """

    unreachable: ClassVar[dict[str, object]]
    """Configuration that makes the adapter talk to nobody."""
    candle_times_s: ClassVar[list[int]]
    """Open times of all of BTC_USD's candles of the shortest kind; more than one page."""

    @abstractmethod
    def adapt(
        self, config: dict[str, object], currencies: frozenset[str], clock: Callable[[], UtcNs]
    ) -> Exchange:
        """Return an adapter that talks to the stand-in, unless ``config`` says otherwise."""

    @abstractmethod
    def garble_feed(self) -> None:
        """Make the stand-in's feed send nonsense."""

    def make(
        self, config: dict[str, object] | None = None, currencies: frozenset[str] = CURRENCIES
    ) -> Exchange:
        exchange = self.adapt(config or {}, currencies, self.tick)
        self.addAsyncCleanup(exchange.close)
        return exchange

    def setUp(self) -> None:
        self.ticked = 0

    def tick(self) -> UtcNs:
        self.ticked += 1
        return UtcNs(self.ticked)

    async def listen(self, exchange: Exchange, into: list[MarketEvent]) -> None:
        pairs = await exchange.load_pairs()
        async with aclosing(exchange.connect(pairs.values())) as events:
            async for event in events:
                into.append(event)

    async def test_only_pairs_of_configured_currencies_are_loaded(self) -> None:
        pairs = await self.make().load_pairs()
        self.assertEqual(set(pairs), {"BTC_USD", "ETH_USD"})
        for name, pair in pairs.items():
            self.assertEqual(pair.name(), name)
            self.assertGreater(pair.min_order, 0)
        self.assertEqual(
            set(await self.make(currencies=frozenset({"BTC", "USD"})).load_pairs()), {"BTC_USD"}
        )

    async def test_the_configuration_can_name_the_pairs(self) -> None:
        self.assertEqual(set(await self.make({"pairs": ["eth_usd"]}).load_pairs()), {"ETH_USD"})
        with self.assertRaisesRegex(UnknownName, "here does not list BTC_NONE"):
            await self.make({"pairs": ["BTC_NONE"]}).load_pairs()

    async def test_without_any_pair_loading_fails(self) -> None:
        with self.assertRaisesRegex(UnknownName, "no tradable pair of the currencies NONE"):
            await self.make(currencies=frozenset({"NONE"})).load_pairs()

    async def test_settings_that_cannot_be_used_are_refused(self) -> None:
        for config in (
            {"pairs": "BTC_USD"},
            {"pairs": [1]},
            {"pairs": ["BTC-USD"]},
            {"fees": {"maker": "0.1"}},
            {"fees": {"maker": "0.1", "taker": 0.1}},
            {"fees": {"maker": "0.1", "taker": "1"}},
        ):
            with self.subTest(config), self.assertRaises(ApiUsageError):
                self.make(config)

    async def test_fees_are_the_worst_tier_unless_configured(self) -> None:
        self.assertGreaterEqual(self.make().fees.worst, Decimal("0.001"))
        fees = self.make({"fees": {"maker": "0.001", "taker": "0.002"}}).fees
        self.assertEqual((fees.maker, fees.taker), (Decimal("0.001"), Decimal("0.002")))

    async def test_the_feed_keeps_live_books_until_the_connection_is_lost(self) -> None:
        exchange, events = self.make(), list[MarketEvent]()
        with self.assertRaises(Unavailable):
            await self.listen(exchange, events)
        pairs = await exchange.load_pairs()
        books = {name: LiveBook(pair) for name, pair in pairs.items()}
        synced: set[str] = set()
        for event in events:
            self.assertNotIsInstance(event, BookLost)
            if isinstance(event, BookSnapshot):
                synced.add(event.pair)
            elif isinstance(event, BookUpdate):
                self.assertIn(event.pair, synced)
            books[event.pair].receive(event)
        self.assertEqual(
            {type(e) for e in events} & {TradePrint, BookUpdate}, {TradePrint, BookUpdate}
        )
        for book in books.values():
            self.assertEqual((book.state, book.gaps), (BookState.LIVE, 0))
        received = [event.received_at for event in events]
        self.assertEqual(received, sorted(received))
        self.assertLessEqual(received[-1], self.ticked)

    async def test_an_unreachable_venue_may_be_retried(self) -> None:
        exchange = self.make()
        pairs = await exchange.load_pairs()
        nobody = self.make(self.unreachable)
        with self.assertRaises(Unavailable):
            async with aclosing(nobody.connect(pairs.values())) as events:
                await anext(events)

    async def test_nonsense_on_the_feed_is_named_as_such(self) -> None:
        self.garble_feed()
        with self.assertRaises(DataError):
            await self.listen(self.make(), [])

    async def test_candles_come_whole_exact_and_oldest_first(self) -> None:
        exchange, times = self.make(), self.candle_times_s
        if not exchange.capabilities.candle_freqs_s:
            self.skipTest("keeps no candles")
        freq_s = min(exchange.capabilities.candle_freqs_s)
        pair = (await exchange.load_pairs())["BTC_USD"]
        for name, start_s, end_s in (
            ("all", times[0], times[-1] + freq_s),
            ("end is excluded", times[0], times[-1]),
            ("start off the grid", times[0] + 1, times[-1] + freq_s),
            ("before there were any", times[0] - 10 * freq_s, times[0]),
            ("nothing asked", times[0], times[0]),
        ):
            with self.subTest(name):
                candles = await exchange.fetch_candles(pair, freq_s, start_s, end_s)
                self.assertEqual(
                    [candle[0] for candle in candles], [t for t in times if start_s <= t < end_s]
                )
                for _, opened, high, low, closed, volume in candles:
                    self.assertLessEqual(low, min(opened, closed))
                    self.assertGreaterEqual(high, max(opened, closed))
                    self.assertIsInstance(volume, Decimal)

    async def test_candles_of_a_length_that_is_not_kept_are_refused(self) -> None:
        exchange = self.make()
        pair = (await exchange.load_pairs())["BTC_USD"]
        with self.assertRaisesRegex(ApiUsageError, "no candles of 7 s"):
            await exchange.fetch_candles(pair, 7, 0, 70)
