import asyncio
import json
import unittest
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

import httpx
from websockets.asyncio.server import serve

from exchange_wrapper.candles import Candles
from exchange_wrapper.credentials import Credentials, Secret
from exchange_wrapper.errors import ApiUsageError, LedgerBreach, Unavailable, UnknownName
from exchange_wrapper.exchange.gdax import GDAXExchange
from exchange_wrapper.execution import Execution, Filled, Finished, Opened
from exchange_wrapper.fees import FeeSchedule
from exchange_wrapper.live_book import BookState
from exchange_wrapper.numbers import ZERO
from exchange_wrapper.orders import Order, OrderRequest
from exchange_wrapper.pair import Pair
from exchange_wrapper.terms import DoneReason, ExchangeStatus, Mode, OrderType, Side
from exchange_wrapper.times import SECOND, UtcNs
from exchange_wrapper.venue import Venue
from tests.exchange_wrapper.exchange.test_gdax import StandIn
from tests.exchange_wrapper.live_venue import FEES as TRADED_FEES
from tests.exchange_wrapper.live_venue import FakeTrading, Time, settle
from tests.exchange_wrapper.test_feed import ETH, ScriptedExchange, Step, beat, forever
from tests.exchange_wrapper.test_live_book import PAIR, lost, snapshot, trade, update

STARTING, READY, DEGRADED, STOPPED = ExchangeStatus
BUY, SELL = Side.BUY, Side.SELL


def limit_order(price: int, lots: int, **request: Any) -> Order:
    return Order(
        id=1,
        request=OrderRequest(
            run_id="run",
            client_oid="oid",
            exchange="here",
            pair="BTC_USD",
            type=OrderType.LIMIT,
            side=BUY,
            size=PAIR.size(lots),  # type: ignore[arg-type]
            limit=PAIR.price(price),  # type: ignore[arg-type]
            **request,
        ),
        pair=PAIR,
        lots=lots,  # type: ignore[arg-type]
        limit=price,  # type: ignore[arg-type]
        created_at=UtcNs(0),
        last_updated_at=UtcNs(0),
        hold=ZERO,
        hold_currency="USD",
        fees=FeeSchedule(maker=ZERO, taker=ZERO),
    )


class VenueCase(unittest.IsolatedAsyncioTestCase):
    """Runs venues on a clock and on waits of the test's own."""

    def setUp(self) -> None:
        self.now = 0
        self.waits: asyncio.Queue[tuple[float, asyncio.Future[None]]] = asyncio.Queue()
        self.statuses: list[ExchangeStatus] = []
        self.executions: list[Execution] = []
        self.tickers: list[tuple[str, int | None, int | None, int]] = []
        self.candles: list[tuple[str, Candles]] = []

    async def sleep(self, seconds: float) -> None:
        if seconds:
            waiting = asyncio.get_running_loop().create_future()
            self.waits.put_nowait((seconds, waiting))
            await waiting

    def venue(self, *scripts: Iterable[Step], pairs: Iterable[Pair] = (PAIR,)) -> Venue:
        self.exchange = ScriptedExchange(*scripts, pairs=pairs)
        venue = Venue(
            self.exchange,
            latency_ns=5,
            clock=lambda: UtcNs(self.now),
            sleep=self.sleep,
            draw=lambda: 0.0,
        )
        venue.on_status = lambda venue, old, new: self.statuses.append(new)
        venue.on_executions = self.note_executions
        venue.on_ticker = lambda venue, pair, bid, ask, time: self.tickers.append(
            (pair.name(), bid, ask, time)
        )
        venue.on_candle = lambda venue, pair, candles: self.candles.append((pair.name(), candles))
        return venue

    def note_executions(self, venue: Venue, executions: Sequence[Execution]) -> None:
        self.executions += executions

    async def play(self, *scripts: Iterable[Step], pairs: Iterable[Pair] = (PAIR,)) -> Venue:
        """Run a venue until the last script has been played."""
        done = asyncio.Event()

        def end() -> None:
            done.set()

        venue = self.venue(*scripts[:-1], [*scripts[-1], end, forever], pairs=pairs)
        await venue.start()
        async with asyncio.timeout(5):
            await done.wait()
        await venue.stop()
        return venue


class StatusTest(VenueCase):
    async def test_it_is_ready_while_every_book_is_live(self) -> None:
        eth = snapshot({100: 1}, {101: 1})
        eth = type(eth)("ETH_USD", eth.bids, eth.asks, eth.time, eth.received_at)
        venue = await self.play(
            [snapshot({100: 1}, {101: 1}), eth, lost(), Unavailable("closed")],
            [snapshot({100: 1}, {101: 1}), eth],
            pairs=(PAIR, ETH),
        )
        self.assertEqual(self.statuses, [READY, DEGRADED, READY, STOPPED])
        self.assertTrue(self.exchange.closed)
        self.assertEqual({book.resyncs for book in venue.books.values()}, {1})

    async def test_it_stays_starting_until_the_last_book_is_live(self) -> None:
        venue = await self.play([snapshot({100: 1}, {101: 1})], pairs=(PAIR, ETH))
        self.assertEqual(self.statuses, [STOPPED])
        self.assertIs(venue.books["ETH_USD"].state, BookState.SYNCING)

    async def test_a_crossed_book_leads_to_a_new_connection(self) -> None:
        venue = await self.play(
            [snapshot({100: 1}, {101: 1}), update((BUY, 105, 1)), forever],
            [snapshot({100: 1}, {101: 1})],
        )
        self.assertEqual(self.statuses, [READY, DEGRADED, READY, STOPPED])
        self.assertEqual(venue.health()["gaps"], 1)
        self.assertEqual(venue.health()["reconnects"], 1)

    async def test_loading_is_retried_while_the_venue_is_unreachable(self) -> None:
        venue, loaded = self.venue([]), asyncio.Event()
        problems = []

        async def load_pairs() -> dict[str, Pair]:
            problems.append(venue.health()["problem"])
            if len(problems) < 3:
                raise Unavailable(f"no route {len(problems)}")
            return {"BTC_USD": PAIR}

        self.exchange.load_pairs = load_pairs  # type: ignore[method-assign]
        venue.on_loaded = lambda venue: loaded.set()
        await venue.start()
        async with asyncio.timeout(5):
            await loaded.wait()
        self.assertIs(venue.status, STARTING)
        await venue.stop()
        self.assertEqual(
            problems,
            ["loading pairs"] + [f"pairs can't be loaded: no route {n}" for n in (1, 2)],
        )

    async def test_pairs_books_and_engines_are_there_when_it_has_loaded(self) -> None:
        venue = self.venue([])
        seen: list[set[str]] = []
        loaded = asyncio.Event()

        def on_loaded(venue: Venue) -> None:
            seen.extend((set(venue.pairs), set(venue.books), set(venue.execution.engines)))
            loaded.set()

        venue.on_loaded = on_loaded
        await venue.start()
        await loaded.wait()
        await venue.stop()
        self.assertEqual(seen, [{"BTC_USD"}] * 3)

    async def test_a_wrong_configuration_stops_it_with_a_reason(self) -> None:
        venue = self.venue()
        self.exchange.refusals = [UnknownName("here does not list BTC_NONE")]
        with self.assertLogs("exchange_wrapper.venue"), self.assertRaises(UnknownName):
            await venue.run()
        self.assertEqual(self.statuses, [STOPPED])
        self.assertIn("BTC_NONE", str(venue.health()["problem"]))
        self.assertTrue(self.exchange.closed)

    async def test_an_error_in_a_callback_stops_it_loudly(self) -> None:
        venue = self.venue([snapshot({100: 1}, {101: 1}), forever])

        def fail(*_: object) -> None:
            raise LedgerBreach("the ledger does not add up")

        venue.on_ticker = fail
        with self.assertLogs("exchange_wrapper.venue"), self.assertRaises(ExceptionGroup) as raised:
            await venue.run()
        self.assertIsInstance(raised.exception.exceptions[0], LedgerBreach)
        self.assertIn("does not add up", str(venue.health()["problem"]))
        self.assertIs(venue.status, STOPPED)

    async def test_stopping_raises_what_it_had_failed_with(self) -> None:
        venue = self.venue()
        self.exchange.refusals = [UnknownName("nothing")]
        stopped = asyncio.Event()
        venue.on_status = lambda *_: stopped.set()
        with self.assertLogs("exchange_wrapper.venue"):
            await venue.start()
            await stopped.wait()
        with self.assertRaises(UnknownName):
            await venue.stop()

    async def test_health_can_be_sent_as_json(self) -> None:
        venue = await self.play([snapshot({100: 1}, {101: 1}), beat(2)])
        self.now = 3 * SECOND + 2
        health = json.loads(json.dumps(venue.health()))
        self.assertEqual(health["last_message_age_s"], 3)
        self.assertEqual(health["pairs"]["BTC_USD"]["state"], "live")

    async def test_an_adapter_without_a_trading_side_says_that_it_can_not_be_live(
        self,
    ) -> None:
        credentials = Credentials(Secret("k"), Secret("s"), Secret(""))
        with self.assertRaisesRegex(ApiUsageError, "here can't be traded live yet"):
            ScriptedExchange().trading(credentials)

    async def test_a_live_one_is_ready_only_while_it_hears_what_becomes_of_orders(self) -> None:
        time = Time()
        trading = FakeTrading(time)
        exchange = ScriptedExchange([snapshot({100: 1}, {101: 1}), forever])
        venue = Venue(
            exchange, trading=trading, clock=lambda: time.now, sleep=time.sleep, draw=lambda: 0.9
        )
        venue.on_status = lambda venue, old, new: self.statuses.append(new)
        await venue.start()
        await settle()
        self.assertEqual((venue.mode, venue.fees), (Mode.LIVE, TRADED_FEES))
        self.assertIs(venue.execution, venue.live)
        trading.disconnect()
        await settle()
        self.assertEqual(venue.health()["problem"], "the connection was lost")
        await time.pass_by(3)
        self.assertEqual(self.statuses, [READY, DEGRADED, READY])
        await venue.stop()
        self.assertTrue(trading.closed)


class TradingTest(VenueCase):
    def submitting(self, order: Order, at: int) -> Callable[[], None]:
        return lambda: self.running.execution.submit(order, UtcNs(at))

    def venue(self, *scripts: Iterable[Step], pairs: Iterable[Pair] = (PAIR,)) -> Venue:
        self.running = super().venue(*scripts, pairs=pairs)
        return self.running

    async def test_what_is_due_before_an_event_meets_the_book_as_it_was(self) -> None:
        await self.play(
            [
                snapshot({100: 1}, {101: 7}, at=10),
                self.submitting(limit_order(101, 2), at=10),
                update((SELL, 101, 0), at=15),
            ]
        )
        self.assertEqual(
            self.executions,
            [
                Opened(1, UtcNs(15)),
                Filled(1, 101, 2, False, UtcNs(15)),  # type: ignore[arg-type]
                Finished(1, DoneReason.FILLED, UtcNs(15)),
            ],
        )

    async def test_what_is_due_can_be_carried_out_although_no_event_has_come(self) -> None:
        await self.play(
            [
                snapshot({100: 1}, {101: 7}, at=10),
                self.submitting(limit_order(100, 2), at=10),
                lambda: self.running.catch_up(UtcNs(14)),
                lambda: self.assertEqual(self.executions, []),
                lambda: self.running.catch_up(UtcNs(15)),
                lambda: self.assertEqual(self.executions, [Opened(1, UtcNs(15))]),
            ]
        )

    async def test_what_is_due_after_an_event_meets_the_book_as_it_then_is(self) -> None:
        await self.play(
            [
                snapshot({100: 1}, {101: 7}, at=10),
                self.submitting(limit_order(101, 2), at=10),
                update((SELL, 101, 0), at=14),
                beat(15),
            ]
        )
        self.assertEqual(self.executions, [Opened(1, UtcNs(15))])

    async def test_an_order_arrives_and_expires_without_any_event(self) -> None:
        venue = self.venue([snapshot({100: 1}, {101: 7}, at=10), forever])
        got = asyncio.Event()

        def note(venue: Venue, executions: Sequence[Execution]) -> None:
            self.executions += executions
            got.set()

        venue.on_executions = note
        venue.on_status = lambda *_: got.set()
        await venue.start()
        async with asyncio.timeout(5):
            await got.wait()
            for moment, act in (
                (20, self.submitting(limit_order(99, 2, cancel_after_s=1), at=15)),
                (SECOND, lambda: None),
            ):
                got.clear()
                self.now = moment
                act()
                venue.execution.on_sent()
                await got.wait()
        await venue.stop()
        self.assertEqual(
            self.executions,
            [Opened(1, UtcNs(20)), Finished(1, DoneReason.EXPIRED, UtcNs(SECOND))],
        )

    async def test_events_of_the_market_fill_resting_orders(self) -> None:
        await self.play(
            [
                snapshot({100: 1}, {103: 7}, at=10),
                self.submitting(limit_order(101, 2), at=10),
                beat(20),
                update((SELL, 101, 5), at=30),
            ]
        )
        self.assertIn(Filled(1, 101, 2, True, UtcNs(30)), self.executions)  # type: ignore[arg-type]


class PublishTest(VenueCase):
    async def test_the_ticker_speaks_only_when_the_best_prices_change(self) -> None:
        await self.play(
            [
                snapshot({100: 1}, {101: 1}, at=1),
                update((BUY, 100, 9), (BUY, 50, 1), at=2),
                beat(3),
                trade(101, 1, at=4),
                update((SELL, 101, 0), at=5),
                update((SELL, 102, 1), at=6),
                lost(at=7),
            ]
        )
        self.assertEqual(
            self.tickers,
            [
                ("BTC_USD", 100, 101, 1),
                ("BTC_USD", 100, None, 5),
                ("BTC_USD", 100, 102, 6),
                ("BTC_USD", None, None, 7),
            ],
        )

    async def test_trades_are_passed_on_and_become_candles_of_whole_intervals(self) -> None:
        start = 300 * SECOND
        self.now = start - 10 * SECOND
        trades = [
            trade(110, 1, at=start - 5 * SECOND),  # its interval had begun before we listened
            trade(100, 1, at=start),
            trade(104, 2, at=start + 299 * SECOND),
            trade(102, 1, at=start + 300 * SECOND),
        ]
        seen = []
        told = asyncio.Event()
        venue = self.venue([snapshot({99: 1}, {105: 1}, at=self.now), *trades, told.set, forever])
        venue.on_trade = lambda venue, trade: seen.append(trade)
        await venue.start()
        async with asyncio.timeout(5):
            await told.wait()
            for expected_s in (12, 300):
                seconds, waiting = await self.waits.get()
                self.assertEqual(seconds, expected_s)
                self.now += int(seconds * SECOND)
                waiting.set_result(None)
            await self.waits.get()
        await venue.stop()
        self.assertEqual(seen, trades)
        ((name, candles),) = self.candles
        self.assertEqual(name, "BTC_USD")
        self.assertEqual(candles.time.tolist(), [300])
        self.assertEqual(candles.texts("close"), ["1.04"])
        self.assertEqual(candles.texts("volume"), ["0.00000003"])


class WireTest(VenueCase):
    async def test_a_venue_runs_on_a_real_connection(self) -> None:
        stand_in = StandIn([])
        stand_in.linger = True
        async with serve(stand_in.ws, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            exchange = GDAXExchange(
                "here",
                {"ws_url": f"ws://127.0.0.1:{port}", "rest_url": "http://rest.invalid"},
                frozenset({"BTC", "ETH", "USD"}),
                transport=httpx.MockTransport(stand_in.rest),
            )
            venue = Venue(exchange)
            statuses = asyncio.Queue[ExchangeStatus]()
            venue.on_status = lambda venue, old, new: statuses.put_nowait(new)
            await venue.start()
            async with asyncio.timeout(5):
                self.assertIs(await statuses.get(), READY)
            await venue.stop()
            self.assertIs(await statuses.get(), STOPPED)
        self.assertEqual(venue.pairs["BTC_USD"].tick_size, Decimal("0.01"))
        self.assertEqual(venue.books["BTC_USD"].gaps, 0)
