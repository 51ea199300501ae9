import asyncio
import json
import logging
import random
import traceback
import unittest
import uuid
from contextlib import aclosing, suppress
from decimal import Decimal
from unittest import mock

import httpx
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_websocket

from exchange_wrapper.connection import Connection
from exchange_wrapper.credentials import Credentials, Secret
from exchange_wrapper.errors import (
    ApiUsageError,
    DataError,
    ProcessingError,
    Unavailable,
    UnknownOutcome,
    XWrapError,
)
from exchange_wrapper.exchange import gdax_trading
from exchange_wrapper.exchange.base_trading import (
    AlreadyDone,
    Balance,
    CancelRequested,
    Connected,
    NotFound,
    OrderReport,
    Placed,
    Refused,
    Report,
    VenueChanged,
    VenueDone,
    VenueFill,
    VenueOpened,
    VenueOrder,
    VenueReceived,
)
from exchange_wrapper.exchange.gdax_trading import GDAXTrading, ReportParser, Signer
from exchange_wrapper.fees import FeeSchedule
from exchange_wrapper.pair import Pair
from exchange_wrapper.sandbox import DEMO, Faults, Limits, Profile, Simulation, serve
from exchange_wrapper.sandbox.faults import Fault
from exchange_wrapper.sandbox.orders import OrderRequest
from exchange_wrapper.terms import DoneReason, OrderStatus, OrderType, Side
from exchange_wrapper.times import MILLISECOND, SECOND, UtcNs, from_iso
from exchange_wrapper.util.token_bucket import TokenBucket

NOW = from_iso("2026-05-17T12:00:00.010Z")
PAIR = Pair("BTC-USD", "BTC", "USD", Decimal("0.01"), Decimal("0.00000001"))
ETH = Pair("ETH-USD", "ETH", "USD", Decimal("0.01"), Decimal("0.00000001"))
CENT = Decimal("0.01")
TAKER = Decimal("0.006")
MINE = Profile(
    "mine",
    "a-key-of-mine",
    "YSBzZWNyZXQgb2YgbWluZQ==",
    "a-passphrase-of-mine",
    frozenset({"view", "trade"}),
    {"USD": Decimal(1_000_000), "BTC": Decimal(100)},
)
OTHER = Profile(
    "other", "o", "bw==", "o", frozenset({"view", "trade"}),
    {"USD": Decimal(100_000_000), "BTC": Decimal(10_000)},
)  # fmt: skip
VIEWER = Profile("viewer", "v", "dmlldw==", "v", frozenset({"view"}), {})
GOLDEN = Credentials(Secret("KEY"), Secret("c2VjcmV0"), Secret("PASS"))


def keys(profile: Profile) -> Credentials:
    return Credentials(Secret(profile.key), Secret(profile.secret), Secret(profile.passphrase))


def order(price: Decimal | None, size: str | None = "0.01", **others: object) -> VenueOrder:
    fields = {
        "pair": PAIR,
        "side": Side.BUY,
        "type": OrderType.MARKET if price is None else OrderType.LIMIT,
        "client_id": str(uuid.uuid4()),
        "size": None if size is None else Decimal(size),
        "limit": price,
    }
    return VenueOrder(**fields | others)  # type: ignore[arg-type]


class GoldenSignatures(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        self.signer = Signer(GOLDEN, lambda: UtcNs(1_700_000_000 * SECOND + 5))

    async def test_of_a_query_as_it_is_sent(self) -> None:
        seen: list[httpx.Request] = []

        def handle(request: httpx.Request) -> httpx.Response:
            seen.append(request)
            return httpx.Response(200)

        connection = Connection(
            "here", "https://venue.invalid", TokenBucket(10),
            sign=self.signer.headers, transport=httpx.MockTransport(handle),
        )  # fmt: skip
        self.addAsyncCleanup(connection.close)
        await connection.get("/orders", {"status": "open", "product_id": "BTC-USD"})
        headers = seen[0].headers
        self.assertEqual(headers["CB-ACCESS-SIGN"], "TFgxALG2UHYkkRp3xEH9ftolQQ1kluVOv4qO0jZwOVo=")
        self.assertEqual(headers["CB-ACCESS-KEY"], "KEY")
        self.assertEqual(headers["CB-ACCESS-TIMESTAMP"], "1700000000")
        self.assertEqual(headers["CB-ACCESS-PASSPHRASE"], "PASS")

    def test_of_an_order_and_of_a_subscription(self) -> None:
        body = (
            b'{"type":"limit","side":"buy","product_id":"BTC-USD","price":"60000.01",'
            b'"size":"0.01","time_in_force":"GTC"}'
        )
        self.assertEqual(
            self.signer.headers("POST", "/orders", body)["CB-ACCESS-SIGN"],
            "92afXoqbCYm2tQAhFd0Vrrd0rRWE1EUTwGqmBQyimvQ=",
        )
        self.assertEqual(
            self.signer.members()["signature"], "lhmJXK08fk9SI1ZwFXKFRrPtzfbNOwC+D1xMJJ/1KZg="
        )

    def test_need_complete_keys(self) -> None:
        some, none = Secret("c2VjcmV0"), Secret("")
        for credentials in (
            Credentials(none, some, some),
            Credentials(some, none, some),
            Credentials(some, some, none),
            Credentials(some, Secret("not base64!"), some),
            Credentials(some, Secret("ähnlich"), some),
        ):
            with self.subTest(credentials=credentials), self.assertRaises(ApiUsageError):
                Signer(credentials, lambda: NOW)


class Served(unittest.IsolatedAsyncioTestCase):
    """A venue on loopback, whose clock stands still unless it is moved."""

    limits: Limits | None = None

    async def asyncSetUp(self) -> None:
        self.now = NOW
        self.faults = Faults()
        self.simulation = Simulation(7, (MINE, OTHER, VIEWER))
        self.at = await self.enterAsyncContext(
            serve(self.simulation, clock=lambda: self.now, limits=self.limits, faults=self.faults)
        )
        self.trading = self.client(MINE)

    def client(self, profile: Profile, timeout_s: float = 10.0) -> GDAXTrading:
        trading = GDAXTrading(
            "here",
            keys(profile),
            rest_url=self.at.rest_url,
            ws_url=self.at.ws_url,
            clock=lambda: self.now,
            timeout_s=timeout_s,
        )
        self.addAsyncCleanup(trading.close)
        return trading

    def best(self) -> tuple[tuple[Decimal, Decimal], tuple[Decimal, Decimal]]:
        """Return price and size of the best bid and of the best ask."""
        book = self.simulation.book("BTC-USD", self.now)
        (bid, bid_size), (ask, ask_size) = book.bids[0][:2], book.asks[0][:2]
        return (Decimal(bid), Decimal(bid_size)), (Decimal(ask), Decimal(ask_size))

    def low(self) -> Decimal:
        return self.best()[0][0] - 500

    def hit(self, side: Side, price: Decimal, size: Decimal) -> None:
        """Let the other profile trade."""
        wanted = OrderRequest(
            "BTC-USD", side, price=str(price), size=str(size), time_in_force="IOC"
        )
        self.simulation.trading.place(OTHER, wanted, self.now)

    async def place(self, wanted: VenueOrder) -> Placed:
        placed = await self.trading.place(wanted)
        assert isinstance(placed, Placed), placed
        return placed


class Orders(Served):
    async def test_rest_are_listed_and_hold_funds_until_they_are_cancelled(self) -> None:
        low = self.low()
        before = (await self.trading.balances())["USD"]
        self.assertEqual(before, Balance(Decimal(1_000_000), Decimal(1_000_000), Decimal(0)))
        wanted = order(low)
        placed = await self.place(wanted)
        self.assertEqual((placed.client_id, placed.pair), (wanted.client_id, "BTC_USD"))
        self.assertEqual(placed.time, NOW)
        state = await self.trading.find(wanted.client_id)
        assert state is not None
        self.assertEqual(await self.trading.open_orders(), [state])
        self.assertEqual((state.order_id, state.client_id), (placed.order_id, wanted.client_id))
        self.assertEqual((state.status, state.done_reason), (OrderStatus.OPEN, None))
        self.assertEqual((state.limit, state.remaining), (low, Decimal("0.01")))
        hold = low * Decimal("0.01") * (1 + TAKER)
        held = (await self.trading.balances())["USD"]
        self.assertEqual(held, Balance(before.balance, before.balance - hold, hold))
        cancelled = await self.trading.cancel(wanted.client_id)
        self.assertEqual(cancelled, CancelRequested(wanted.client_id))
        self.assertEqual((await self.trading.balances())["USD"], before)
        self.assertIsNone(await self.trading.find(wanted.client_id))
        again = await self.trading.cancel(wanted.client_id)
        self.assertEqual(again, NotFound(wanted.client_id))

    async def test_that_trade_in_part_keep_their_fills_when_cancelled(self) -> None:
        _, (ask, shown) = self.best()
        wanted = order(ask, str(shown + 1))
        placed = await self.place(wanted)
        state = await self.trading.find(wanted.client_id)
        assert state is not None
        self.assertEqual((state.status, state.filled_size), (OrderStatus.OPEN, shown))
        await self.trading.cancel(wanted.client_id)
        state = await self.trading.find(wanted.client_id)
        assert state is not None
        self.assertEqual(
            (state.status, state.done_reason), (OrderStatus.DONE, DoneReason.CANCELLED)
        )
        self.assertEqual((state.remaining, state.done_at), (Decimal(1), NOW))
        (fill,) = await self.trading.fills(placed.order_id)
        self.assertEqual((fill.price, fill.size, fill.side), (ask, shown, Side.BUY))
        self.assertEqual((fill.maker, fill.booked), (False, True))
        self.assertEqual(fill.fee, ask * shown * TAKER)
        self.assertEqual((state.executed_value, state.fee), (ask * shown, fill.fee))
        self.assertEqual(await self.trading.cancel(wanted.client_id), AlreadyDone(wanted.client_id))

    async def test_end_as_their_type_says(self) -> None:
        (bid, _), (ask, shown) = self.best()
        filled, cancelled = DoneReason.FILLED, DoneReason.CANCELLED
        tiny, large = "0.0001", str(shown + 1)
        for wanted, reason in (
            (order(ask, tiny, type=OrderType.IOC), filled),
            (order(ask, tiny, type=OrderType.FOK), filled),
            (order(None, tiny), filled),
            (order(None, tiny, side=Side.SELL), filled),
            (order(None, None, funds=Decimal(100)), filled),
            (order(ask, large, type=OrderType.IOC), cancelled),
            (order(ask, large, type=OrderType.FOK), None),
            (order(bid, tiny, type=OrderType.IOC), None),
        ):
            with self.subTest(type=wanted.type, size=wanted.size, reason=reason):
                await self.place(wanted)
                state = await self.trading.find(wanted.client_id)
                self.assertEqual(state and state.done_reason, reason)
                if state is not None:
                    self.assertGreater(state.filled_size, 0)

    async def test_are_refused_in_the_venues_words(self) -> None:
        _, (ask, _) = self.best()
        low = self.low()
        nowhere = Pair("NO-USD", "NO", "USD", CENT, CENT)
        for wanted, reason in (
            (order(ask, post_only=True), "post only"),
            (order(low, "1000"), "Insufficient funds"),
            (order(None, "1000"), "Insufficient funds"),
            (order(low, "0.000001"), "size is too small. Minimum size is 1 in value"),
            (order(low + Decimal("0.001")), f"price too precise ({low}1)"),
            (order(low, pair=nowhere), "Product not found"),
        ):
            with self.subTest(reason=reason):
                self.assertEqual(
                    await self.trading.place(wanted), Refused(wanted.client_id, reason)
                )
        self.assertEqual(await self.trading.open_orders(), [])

    async def test_a_rejection_can_be_asked_for_later(self) -> None:
        wanted = order(self.best()[1][0], post_only=True)
        await self.trading.place(wanted)
        state = await self.trading.find(wanted.client_id)
        assert state is not None
        self.assertEqual((state.done_reason, state.message), (DoneReason.REJECTED, "post only"))

    async def test_of_ours_never_trade_with_each_other(self) -> None:
        price = self.best()[1][0] - CENT
        resting, arriving = order(price), order(price, side=Side.SELL)
        await self.place(resting)
        await self.place(arriving)
        self.assertIsNone(await self.trading.find(arriving.client_id))
        state = await self.trading.find(resting.client_id)
        assert state is not None
        self.assertEqual((state.status, state.remaining), (OrderStatus.OPEN, Decimal("0.01")))

    async def test_are_taken_once_however_often_they_are_sent(self) -> None:
        wanted = order(self.low())
        await self.place(wanted)
        with self.assertRaisesRegex(UnknownOutcome, "Duplicate client_oid"):
            await self.trading.place(wanted)
        self.assertEqual(len(await self.trading.open_orders()), 1)

    async def test_can_be_cancelled_together(self) -> None:
        low = self.low()
        placed = [await self.place(order(low)) for _ in range(2)]
        self.assertEqual(await self.trading.cancel_all(ETH), ())
        ids = await self.trading.cancel_all(PAIR)
        self.assertEqual(set(ids), {one.order_id for one in placed})
        await self.place(order(low))
        self.assertEqual(len(await self.trading.cancel_all()), 1)
        self.assertEqual(await self.trading.open_orders(), [])

    async def test_and_fills_are_listed_page_by_page(self) -> None:
        venue = self.simulation.trading
        for number in range(205):
            self.now = UtcNs(NOW + number * MILLISECOND)
            venue.place(MINE, OrderRequest("BTC-USD", Side.BUY, "market", size="0.0001"), self.now)
        fills = await self.trading.fills_since(PAIR, NOW)
        self.assertEqual(len(fills), 205)
        self.assertEqual(fills, sorted(fills, key=lambda fill: int(fill.trade_id)))
        late = await self.trading.fills_since(PAIR, UtcNs(NOW + 101 * MILLISECOND))
        self.assertEqual(late, fills[101:])
        self.assertEqual(await self.trading.fills_since(PAIR, UtcNs(NOW + SECOND)), [])
        self.assertEqual(await self.trading.fills_since(ETH, NOW), [])
        self.assertEqual(await self.trading.fills(fills[7].order_id), [fills[7]])
        low = str(self.low())
        for _ in range(101):
            venue.place(MINE, OrderRequest("BTC-USD", Side.BUY, price=low, size="0.001"), self.now)
        found = await self.trading.open_orders()
        self.assertEqual(len({state.order_id for state in found}), 101)
        self.assertEqual(found[0].client_id, "")

    async def test_fees_are_those_of_the_account(self) -> None:
        self.assertEqual(await self.trading.fees(), FeeSchedule(Decimal("0.004"), TAKER))

    async def test_need_keys_that_may_trade(self) -> None:
        wanted = order(self.low())
        self.assertEqual(
            await self.client(VIEWER).place(wanted), Refused(wanted.client_id, "Forbidden")
        )
        stranger = self.client(DEMO)
        with self.assertRaisesRegex(ProcessingError, "refused GET /accounts: 401"):
            await stranger.balances()


class FaultyVenue(Served):
    def arm(self, kind: str, **others: object) -> None:
        self.faults.arm(Fault(kind, **others))  # type: ignore[arg-type]

    async def test_leaves_an_order_unknown_that_is_found_exactly_once(self) -> None:
        self.arm("lose_answer", method="POST")
        wanted = order(self.low())
        with self.assertRaisesRegex(UnknownOutcome, "may have carried out POST /orders"):
            await self.trading.place(wanted)
        state = await self.trading.find(wanted.client_id)
        assert state is not None
        self.assertEqual(state.client_id, wanted.client_id)
        self.assertEqual(await self.trading.open_orders(), [state])

    async def test_leaves_an_order_unknown_that_it_never_took(self) -> None:
        for kind, others in (
            ("drop", {}),
            ("server_error", {"status": 502}),
            ("garbage", {}),
        ):
            with self.subTest(kind):
                self.arm(kind, method="POST", **others)
                wanted = order(self.low())
                with self.assertRaises(UnknownOutcome):
                    await self.trading.place(wanted)
                self.assertEqual(self.faults.armed, [])
                self.assertIsNone(await self.trading.find(wanted.client_id))

    async def test_leaves_an_order_unknown_that_it_is_slow_to_answer(self) -> None:
        self.arm("delay", method="POST", seconds=1)
        hasty = self.client(MINE, timeout_s=0.1)
        with self.assertRaises(UnknownOutcome):
            await hasty.place(order(self.low()))

    async def test_leaves_an_order_unknown_while_it_can_not_be_reached(self) -> None:
        nobody = GDAXTrading("here", keys(MINE), rest_url="http://127.0.0.1:1")
        self.addAsyncCleanup(nobody.close)
        with self.assertRaises(UnknownOutcome):
            await nobody.place(order(self.low()))

    async def test_is_asked_again_after_passing_trouble(self) -> None:
        wanted = order(self.low())
        self.arm("rate_limit", method="POST")
        await self.place(wanted)
        self.arm("server_error", method="GET")
        self.assertIsNotNone(await self.trading.find(wanted.client_id))
        self.arm("drop", method="DELETE")
        self.assertIsInstance(await self.trading.cancel(wanted.client_id), CancelRequested)

    async def test_that_lost_a_cancellations_answer_is_asked_again(self) -> None:
        wanted = order(self.low())
        await self.place(wanted)
        self.arm("lose_answer", method="DELETE")
        self.assertEqual(await self.trading.cancel(wanted.client_id), NotFound(wanted.client_id))

    async def test_that_answers_nonsense_is_named(self) -> None:
        for call in (
            self.trading.balances,
            self.trading.fees,
            self.trading.open_orders,
            self.trading.cancel_all,
            self.trading.measure_clock_skew,
        ):
            with self.subTest(call), self.assertRaisesRegex(DataError, "can't be read"):
                self.arm("garbage")
                await call()

    async def test_tells_by_how_much_its_clock_is_ahead(self) -> None:
        self.assertIsNone(self.trading.clock_skew_ns)
        self.arm("clock_skew", seconds=90)
        with self.assertRaisesRegex(ProcessingError, "401 request timestamp expired"):
            await self.trading.balances()
        with self.assertRaisesRegex(ProcessingError, "401"):
            await self.trading.find(str(uuid.uuid4()))
        # The clocks stand still, so half of what the answer took is the measurement's error.
        skew = await self.trading.measure_clock_skew()
        self.assertAlmostEqual(skew / SECOND, 90, delta=5)
        self.assertEqual(self.trading.clock_skew_ns, skew)
        await self.trading.balances()


class LimitedVenue(Served):
    async def asyncSetUp(self) -> None:
        self.limits = Limits()
        await super().asyncSetUp()

    async def test_is_asked_no_more_than_it_answers(self) -> None:
        budget = self.trading.rate_budget
        self.assertEqual({scope: round(n) for scope, n in budget.items()},
                         {"private": 30, "fills": 20, "public": 5})  # fmt: skip
        await asyncio.gather(*(self.trading.fees() for _ in range(30)))
        self.assertLess(self.trading.rate_budget["private"], 29)
        self.assertEqual(await self.trading.fills_since(PAIR, NOW), [])
        self.assertLess(self.trading.rate_budget["fills"], 20)


class Heard(Served):
    """Hears reports, reconnecting as often as it must, as a service does."""

    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.heard: list[OrderReport] = []
        self.placed: dict[str, Placed] = {}
        self.connections = 0
        self.changed = asyncio.Condition()

    async def listening(self) -> None:
        while True:
            with suppress(Unavailable):
                async with aclosing(self.trading.reports([PAIR])) as reports:
                    async for report in reports:
                        await self.take(report)

    async def take(self, report: Report) -> None:
        if isinstance(report, Connected):
            done = {r.order_id for r in self.heard if isinstance(r, VenueDone)}
            live = [one for key, one in self.placed.items() if key not in done]
            async with aclosing(self.trading.catch_up([PAIR], live, NOW)) as missed:
                async for one in missed:
                    self.heard.append(one)
            self.connections += 1
        else:
            self.heard.append(report)
        async with self.changed:
            self.changed.notify_all()

    async def listen(self) -> None:
        task = asyncio.create_task(self.listening())

        async def stop() -> None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

        self.addAsyncCleanup(stop)
        await self.until_connected(1)

    async def until_connected(self, times: int) -> None:
        async with self.changed, asyncio.timeout(20):
            await self.changed.wait_for(lambda: self.connections >= times)

    async def until_done(self, order_id: str) -> list[OrderReport]:
        def reports() -> list[OrderReport]:
            return [report for report in self.heard if report.order_id == order_id]

        async with self.changed, asyncio.timeout(20):
            await self.changed.wait_for(
                lambda: any(isinstance(report, VenueDone) for report in reports())
            )
        return reports()

    async def place(self, wanted: VenueOrder) -> Placed:
        placed = await super().place(wanted)
        self.placed[placed.order_id] = placed
        return placed


class Reports(Heard):
    async def test_tell_the_life_of_a_taker(self) -> None:
        await self.listen()
        _, (ask, shown) = self.best()
        wanted = order(ask, str(shown + 1))
        placed = await self.place(wanted)
        await self.trading.cancel(wanted.client_id)
        received, fill, opened, done = await self.until_done(placed.order_id)
        name, key = "BTC_USD", placed.order_id
        self.assertEqual(received, VenueReceived(key, wanted.client_id, name, Side.BUY, NOW))
        assert isinstance(fill, VenueFill)
        self.assertEqual((fill.side, fill.maker, fill.booked), (Side.BUY, False, False))
        self.assertEqual((fill.price, fill.size), (ask, shown))
        (booked,) = await self.trading.fills(key)
        self.assertEqual((booked.trade_id, booked.fee), (fill.trade_id, fill.fee))
        self.assertEqual(opened, VenueOpened(key, name, Decimal(1), NOW))
        self.assertEqual(done, VenueDone(key, name, DoneReason.CANCELLED, Decimal(1), NOW))

    async def test_tell_a_maker_its_own_side_and_fee(self) -> None:
        await self.listen()
        for side in Side:
            with self.subTest(side):
                (bid, _), (ask, _) = self.best()
                price = ask - CENT if side is Side.BUY else bid + CENT
                placed = await self.place(order(price, side=side))
                self.hit(side.opposite, price, Decimal("0.01"))
                *_, fill, done = await self.until_done(placed.order_id)
                assert isinstance(fill, VenueFill)
                self.assertEqual((fill.side, fill.maker), (side, True))
                self.assertEqual(fill.fee, price * Decimal("0.01") * Decimal("0.004"))
                assert isinstance(done, VenueDone)
                self.assertEqual((done.reason, done.remaining), (DoneReason.FILLED, 0))

    async def test_tell_that_another_hand_made_an_order_smaller(self) -> None:
        await self.listen()
        price = self.best()[1][0] - CENT
        placed = await self.place(order(price))
        wanted = OrderRequest("BTC-USD", Side.SELL, price=str(price), size="0.004")
        self.simulation.trading.place(MINE, wanted, self.now)  # with the venue's own prevention
        await self.trading.cancel(placed.client_id)
        changed = [r for r in await self.until_done(placed.order_id) if type(r) is VenueChanged]
        self.assertEqual(changed, [VenueChanged(placed.order_id, "BTC_USD", Decimal("0.006"), NOW)])

    async def test_missed_while_there_was_no_connection_are_caught_up(self) -> None:
        price = self.best()[1][0] - CENT
        gone, resting, filled = order(self.low()), order(self.low()), order(price)
        placed = [await self.place(wanted) for wanted in (gone, resting, filled)]
        await self.trading.cancel(gone.client_id)
        self.hit(Side.SELL, price, Decimal("0.01"))
        await self.listen()
        fill = (await self.trading.fills(placed[2].order_id))[0]
        cancelled, none = DoneReason.CANCELLED, Decimal(0)
        self.assertEqual(
            self.heard,
            [
                VenueOpened(placed[1].order_id, "BTC_USD", Decimal("0.01"), NOW),
                fill,
                VenueDone(placed[0].order_id, "BTC_USD", cancelled, None, NOW),
                VenueDone(placed[2].order_id, "BTC_USD", DoneReason.FILLED, none, NOW),
            ],
        )

    async def test_miss_nothing_and_tell_nothing_twice_however_often_they_are_cut(self) -> None:
        for seed in range(3):
            with self.subTest(seed=seed):
                await self.rage(random.Random(seed))

    async def rage(self, rng: random.Random) -> None:
        """Trade, cut and leave out at random; compare what was heard with what happened."""
        self.heard.clear()
        self.placed.clear()
        if not self.connections:
            await self.listen()
        known = await self.fills_at_venue()
        for _ in range(25):
            self.now = UtcNs(self.now + rng.randrange(20) * MILLISECOND)
            (bid, _), (ask, _) = self.best()
            match rng.choice(("place", "place", "take", "hit", "hit", "cancel", "cut", "gap")):
                case "place":
                    side = rng.choice(list(Side))
                    inside = ask - CENT if side is Side.BUY else bid + CENT
                    away = bid - 300 if side is Side.BUY else ask + 300
                    await self.trade(order(rng.choice((inside, away)), side=side))
                case "take":
                    await self.trade(order(ask, "0.5", type=OrderType.IOC))
                case "hit":
                    side = rng.choice(list(Side))
                    price = bid if side is Side.SELL else ask
                    self.hit(side, price, Decimal(rng.choice(("0.004", "0.02"))))
                case "cancel" if self.placed:
                    await self.trading.cancel(rng.choice(list(self.placed.values())).client_id)
                case "cut":
                    self.faults.arm(Fault("feed_disconnect"))
                case "gap":
                    count = rng.randint(1, 3)
                    self.faults.arm(Fault("feed_gap", count=count, channel="user"))
        await self.trading.cancel_all()
        self.faults.clear()
        connections = self.connections
        self.faults.arm(Fault("feed_disconnect"))
        await self.until_connected(connections + 1)
        for order_id in self.placed:
            await self.until_done(order_id)
        fills = [(r.order_id, r.trade_id) for r in self.heard if isinstance(r, VenueFill)]
        self.assertEqual(len(fills), len(set(fills)))
        self.assertEqual(set(fills), await self.fills_at_venue() - known)
        for kind in (VenueReceived, VenueOpened, VenueDone):
            told = [r.order_id for r in self.heard if isinstance(r, kind)]
            self.assertEqual(len(told), len(set(told)), kind)
        done = {r.order_id for r in self.heard if isinstance(r, VenueDone)}
        self.assertGreaterEqual(done, set(self.placed))  # some of unknown outcome were cancelled

    async def trade(self, wanted: VenueOrder) -> None:
        is_lost = len(self.placed) % 4 == 3
        if is_lost:
            self.faults.arm(Fault("lose_answer", method="POST", path="/orders"))
        try:
            await self.place(wanted)
        except UnknownOutcome:
            self.assertTrue(is_lost)
            state = await self.trading.find(wanted.client_id)
            if state is not None:
                self.placed[state.order_id] = Placed(
                    state.order_id, state.client_id, state.pair, state.created_at
                )

    async def fills_at_venue(self) -> set[tuple[str, str]]:
        fills = await self.trading.fills_since(PAIR, NOW)
        return {(fill.order_id, fill.trade_id) for fill in fills}


class BrokenChannel(Served):
    async def first(self, trading: GDAXTrading) -> Report:
        async with aclosing(trading.reports([PAIR])) as reports:
            return await anext(reports)

    async def stand_in(self, *messages: str) -> GDAXTrading:
        """Return a client whose user channel says these and then nothing."""

        async def say(socket: ServerConnection) -> None:
            await socket.recv()
            for message in messages:
                await socket.send(message)
            await socket.wait_closed()

        server = await self.enterAsyncContext(serve_websocket(say, "127.0.0.1", 0))
        port = next(iter(server.sockets)).getsockname()[1]
        trading = GDAXTrading(
            "here", keys(MINE), rest_url=self.at.rest_url, ws_url=f"ws://127.0.0.1:{port}"
        )
        self.addAsyncCleanup(trading.close)
        return trading

    async def test_that_refuses_the_signature_says_so(self) -> None:
        with self.assertRaisesRegex(Unavailable, "Authentication Failed Invalid API Key"):
            await self.first(self.client(DEMO))

    async def test_that_is_not_there_may_be_retried(self) -> None:
        for url, error in (("ws://127.0.0.1:1", Unavailable), ("here", ApiUsageError)):
            with self.subTest(url), self.assertRaises(error):
                trading = GDAXTrading("here", keys(MINE), rest_url=self.at.rest_url, ws_url=url)
                self.addAsyncCleanup(trading.close)
                await self.first(trading)

    async def test_that_falls_silent_is_given_up(self) -> None:
        silent = await self.stand_in()
        with (
            mock.patch.object(gdax_trading, "_SILENCE_MAX_S", 0.05),
            self.assertRaisesRegex(Unavailable, "does not answer"),
        ):
            await self.first(silent)

    async def test_that_confirms_late_is_connected_by_its_first_report(self) -> None:
        done = message("done", order_id="a", reason="filled")
        confirmed = json.dumps({"type": "subscriptions", "channels": []})
        trading = await self.stand_in(done, confirmed, done.replace('"a"', '"b"'))
        async with aclosing(trading.reports([PAIR])) as reports:
            told = [await anext(reports) for _ in range(3)]
        self.assertEqual([type(report) for report in told], [Connected, VenueDone, VenueDone])


def message(kind: str, **others: object) -> str:
    return json.dumps(
        {"type": kind, "product_id": "BTC-USD", "time": "2026-05-17T12:00:00.010Z"} | others
    )


class ReportParserTest(unittest.TestCase):
    def parse(self, raw: str | bytes) -> Report | None:
        return ReportParser().parse(raw, NOW)

    def test_ignores_what_it_does_not_know(self) -> None:
        for raw in (message("heartbeat"), message("activate", side=""), message("x", price=1)):
            with self.subTest(raw):
                self.assertIsNone(self.parse(raw))

    def test_names_what_it_can_not_read(self) -> None:
        match = {"trade_id": 1, "taker_order_id": "a", "side": "sell", "size": "1", "price": "2"}
        for raw in (
            "[]",
            b"\xff",
            message("done", order_id="a", reason="eaten"),
            message("done", order_id="a", reason="filled", time="noon"),
            message("done", order_id="a", reason="filled", remaining_size="NaN"),
            message("open", order_id="a"),
            message("match", **match),
            message("match", taker_fee_rate="0.006", **(match | {"price": "1e999"})),
            message("match", taker_fee_rate="0.006", **(match | {"trade_id": "x"})),
        ):
            with self.subTest(raw), self.assertRaises(DataError):
                self.parse(raw)

    def test_a_change_of_price_alone_leaves_the_size_open(self) -> None:
        changed = self.parse(message("change", order_id="a", reason="modify_order", price="5"))
        self.assertEqual(changed, VenueChanged("a", "BTC_USD", None, NOW))


class AnswersOfOthers(unittest.IsolatedAsyncioTestCase):
    def trading(self, *answers: httpx.Response) -> GDAXTrading:
        left = iter(answers)
        trading = GDAXTrading(
            "here", GOLDEN, transport=httpx.MockTransport(lambda request: next(left))
        )
        self.addAsyncCleanup(trading.close)
        return trading

    async def test_do_not_settle_what_became_of_an_order(self) -> None:
        for answer in (
            httpx.Response(403, content=b"<html>blocked"),
            httpx.Response(302, headers={"Location": "/"}),
            httpx.Response(200, json={"id": "a"}),
            httpx.Response(200, content=b""),
        ):
            with self.subTest(answer), self.assertRaises(UnknownOutcome):
                await self.trading(answer).place(order(Decimal(1)))

    async def test_that_we_ask_too_often_refuse_an_order_in_the_end(self) -> None:
        wanted, busy = order(Decimal(1)), Unavailable("429 Private rate limit exceeded")
        with mock.patch.object(Connection, "request", side_effect=busy):
            self.assertEqual(
                await self.trading().place(wanted), Refused(wanted.client_id, busy.message)
            )

    async def test_do_not_say_that_an_order_is_gone(self) -> None:
        with self.assertRaises(ProcessingError):
            await self.trading(httpx.Response(404, content=b"<html>")).find("a")

    async def test_with_unknown_words_are_not_guessed_at(self) -> None:
        told = {"id": "a", "product_id": "BTC-USD", "side": "buy",
                "created_at": "2026-05-17T12:00:00Z"}  # fmt: skip
        for others in ({"status": "asleep"}, {"status": "done", "done_reason": "eaten"},
                       {"status": "open", "size": "NaN"}):  # fmt: skip
            with self.subTest(others), self.assertRaises(DataError):
                await self.trading(httpx.Response(200, json=told | others)).find("a")


class Secrets(Served):
    async def first(self, trading: GDAXTrading, pair: Pair) -> Report:
        async with aclosing(trading.reports([pair])) as reports:
            return await anext(reports)

    async def test_are_in_no_log_error_or_picture_of_an_object(self) -> None:
        shown: list[str] = []
        chatty = logging.getLogger("httpx")  # a command that ran here before may have muted it
        self.addCleanup(chatty.setLevel, chatty.level)
        chatty.setLevel(logging.DEBUG)
        with self.assertLogs(level=logging.DEBUG) as logs:
            for trading in (self.trading, self.client(DEMO)):
                calls = (
                    trading.place(order(self.low())),
                    trading.balances(),
                    trading.find("a/b"),
                    self.first(trading, PAIR),
                    self.first(trading, Pair("NO-USD", "NO", "USD", CENT, CENT)),
                )
                for call in calls:
                    try:
                        shown.append(repr(await call))
                    except XWrapError as error:
                        shown += traceback.format_exception(error)
                shown += map(repr, (trading, vars(trading), *vars(trading).values()))
                shown += map(repr, vars(vars(trading)["_signer"]).values())
        ours = [r.getMessage() for r in logs.records if r.name != "websockets.server"]
        text = "\n".join(shown + ours)
        self.assertIn("/orders", text)
        for profile in (MINE, DEMO):
            for word in (profile.key, profile.secret, profile.passphrase):
                self.assertNotIn(word, text)
