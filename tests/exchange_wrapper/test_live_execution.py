import asyncio
import unittest
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

from exchange_wrapper.accounts import Reason
from exchange_wrapper.changes import Change
from exchange_wrapper.control import Control
from exchange_wrapper.desk import Desk
from exchange_wrapper.errors import OrderRejected, Unavailable
from exchange_wrapper.exchange.base_trading import (
    VenueFill,
    VenueOrderState,
    VenueReceived,
)
from exchange_wrapper.execution import Execution
from exchange_wrapper.incidents import IncidentKind
from exchange_wrapper.ledger import Ledger
from exchange_wrapper.limits import LimitsSettings, PreTradeLimits
from exchange_wrapper.live_execution import LiveExecution
from exchange_wrapper.orders import Order, OrderRequest
from exchange_wrapper.terms import DoneReason, OrderStatus, OrderType, Side
from exchange_wrapper.times import SECOND, UtcNs
from tests.exchange_wrapper.live_venue import ASK, FEES, PAIR, START, FakeTrading, Time, settle


class Live(unittest.IsolatedAsyncioTestCase):
    """A wallet set with 1,000 USD and 2 BTC on a live port; the book asks 100 for any size."""

    async def asyncSetUp(self) -> None:
        self.time = Time()
        self.venue = FakeTrading(self.time)
        self.ledger = Ledger()
        self.ledger.open_exchange("live", ["BTC", "USD"])
        for currency, amount in (("USD", 5000), ("BTC", 10)):
            self.ledger.deposit("live", currency, Decimal(amount), START, reason=Reason.OPENING)
        self.desk = Desk(self.ledger)
        limits = PreTradeLimits(LimitsSettings(), lambda currency, exchange: None)
        self.control = Control(self.desk, limits)
        self.asked = ASK
        self.told: list[Execution] = []
        self.external: list[tuple[IncidentKind, str]] = []
        self.ours: set[tuple[str, str]] = set()
        self.history: list[Change] = []
        self.port = await self.start()
        self.set_id = self.ledger.create_set(
            "run",
            [("live", "USD", Decimal(1000)), ("live", "BTC", Decimal(2))],
            START,
        ).id

    async def start(self, resumed: Iterable[Order] = ()) -> LiveExecution:
        port = LiveExecution(
            "live", self.venue, cost=lambda pair, side, lots: self.asked * lots,
            clock=lambda: self.time.now, sleep=self.time.sleep, draw=lambda: 0.9,
        )  # fmt: skip
        port.on_executions = self.receive
        port.on_external = lambda kind, ext_id, text: self.external.append((kind, ext_id))
        port.is_booked = self.is_booked
        self.desk.add_exchange("live", {"BTC_USD": PAIR}, FEES, port)
        for order in resumed:
            self.desk.resume(order, self.time.now, self.time.now)
        self.running = asyncio.create_task(port.run([PAIR]))
        self.addAsyncCleanup(self.stop)
        await settle()
        return port

    async def stop(self) -> None:
        self.running.cancel()
        await asyncio.wait([self.running])
        if not self.running.cancelled():
            self.running.result()

    def receive(self, executions: Sequence[Execution]) -> None:
        self.told += executions
        self.control.receive("live", executions, self.time.now)

    async def is_booked(self, pair: str, trade_id: str) -> bool:
        return (pair, trade_id) in self.ours

    async def order(self, oid: str = "a", **fields: Any) -> Order:
        """Make an order, commit it, and let it be sent."""
        described: dict[str, Any] = {
            "type": OrderType.LIMIT, "side": Side.BUY,
            "size": Decimal("1"), "limit": Decimal(90),
        }  # fmt: skip
        request = OrderRequest(
            run_id="run", client_oid=oid, exchange="live", pair="BTC_USD",
            wallet_set_id=self.set_id, **described | fields,
        )  # fmt: skip
        order = self.desk.make_order(request, self.time.now)
        self.commit()
        await settle()
        return order

    def commit(self) -> None:
        changes = self.desk.take_changes()
        self.history += changes
        self.desk.send(changes, self.time.now)

    def now(self, order: Order) -> Order:
        found = self.desk.find(order.id)
        assert found is not None
        return found

    def outcome(self, order: Order) -> tuple[OrderStatus, DoneReason | None, Decimal]:
        found = self.now(order)
        return found.status, found.done_reason, found.filled_size

    def audit(self) -> None:
        self.assertEqual(self.ledger.audit(), [])
        for wallet in self.ledger.wallets_of(self.set_id):
            held = [o.hold for o in self.desk.orders.values() if o.hold_currency == wallet.currency]
            self.assertEqual(wallet.hold, sum(held))


OPEN, UNKNOWN, DONE = OrderStatus.OPEN, OrderStatus.UNKNOWN, OrderStatus.DONE
FILLED, CANCELLED, REJECTED = DoneReason.FILLED, DoneReason.CANCELLED, DoneReason.REJECTED


class Orders(Live):
    async def test_are_sent_once_committed_and_end_as_the_venue_says(self) -> None:
        order = await self.order()
        self.assertEqual(self.outcome(order), (OPEN, None, 0))
        self.venue.fill(order, 400, "t1", 9_000)
        self.venue.fill(order, 600, "t2", 8_999)
        self.venue.end(order, FILLED)
        await settle()
        self.assertEqual(self.outcome(order), (DONE, FILLED, 1))
        self.assertEqual(self.now(order).fee, Decimal("0.359976"))
        self.audit()

    async def test_only_the_venues_own_refusal_is_a_rejection(self) -> None:
        self.venue.refuses = "Insufficient funds"
        order = await self.order()
        self.assertEqual(self.outcome(order), (DONE, REJECTED, 0))
        self.assertEqual(self.now(order).message, "Insufficient funds")
        self.audit()
        self.venue.refuses = "post only"
        order = await self.order("b", post_only=True)
        self.assertEqual(self.outcome(order), (DONE, REJECTED, 0))
        self.venue.refuses = ""
        order = await self.order("c", post_only=True)
        self.assertEqual([each.post_only for each in self.venue.placed], [True])
        self.assertEqual(self.outcome(order), (OPEN, None, 0))
        self.audit()

    async def test_a_market_buy_can_cost_no_more_than_its_hold(self) -> None:
        for funds, size, limit in (
            (None, "2.000", "101"),  # what the book says with the desk's cushion
            (Decimal("100.6"), "0.990", "101"),
        ):
            with self.subTest(funds=funds):
                order = await self.order(
                    f"m-{funds}", type=OrderType.MARKET, limit=None, size=Decimal(2), funds=funds
                )
                sent = self.venue.placed[-1]
                self.assertEqual((sent.type, sent.size), (OrderType.IOC, Decimal(size)))
                assert sent.size is not None and sent.limit is not None
                self.assertLessEqual(sent.limit, Decimal(limit) + 1)
                worst = sent.size * sent.limit
                self.assertLessEqual(worst + worst * FEES.taker, order.hold)
                lots = int(sent.size / PAIR.lot_size)
                self.venue.fill(order, lots, f"t-{funds}")
                self.venue.end(order, FILLED)
                await settle()
                expected = FILLED if lots == order.lots else CANCELLED
                self.assertEqual(self.outcome(order), (DONE, expected, sent.size))
        order = await self.order("none", type=OrderType.MARKET, limit=None, funds=Decimal("0.01"))
        self.assertEqual(self.outcome(order), (DONE, CANCELLED, 0))
        self.audit()

    async def test_end_only_when_all_their_fills_are_told(self) -> None:
        order = await self.order()
        self.venue.fill(order, 1000, "t1", 9_000, told=False)
        self.venue.end(order, FILLED)
        await settle()
        self.assertEqual(self.outcome(order), (DONE, FILLED, 1))
        self.audit()

    async def test_a_fill_is_booked_once_however_often_it_is_reported(self) -> None:
        order = await self.order()
        self.venue.fill(order, 400, "t1", 9_000)
        await settle()
        self.venue.disconnect()
        await self.time.pass_by(5)
        self.venue.say(self.venue.booked[0])
        await settle()
        self.assertEqual(self.outcome(order), (OPEN, None, Decimal("0.4")))
        self.audit()

    async def test_reports_before_the_answer_are_kept_for_the_order(self) -> None:
        order = await self.order()
        self.venue.loses_answers = True
        second = await self.order("b")
        self.venue.fill(second, 1000, "t1", 9_000)
        self.venue.end(second, FILLED)
        await self.time.pass_by(5)
        self.assertEqual(self.outcome(second), (DONE, FILLED, 1))
        self.assertEqual(self.outcome(order)[0], OPEN)
        self.assertEqual(self.external, [])
        self.audit()


class LostAnswers(Live):
    async def test_accepted_answer_lost_and_no_names_for_60_s_is_found_and_not_doubled(
        self,
    ) -> None:
        self.venue.loses_answers, self.venue.then_unreachable_s = True, 60.0
        order = await self.order()
        self.venue.disconnect()
        await self.time.pass_by(59)
        self.assertEqual(self.outcome(order), (UNKNOWN, None, 0))
        with self.assertRaisesRegex(OrderRejected, "'a'"):
            await self.order("b")
        self.venue.loses_answers = False
        await self.time.pass_by(60)
        self.assertEqual(self.outcome(order), (OPEN, None, 0))
        self.assertEqual(len(self.venue.placed), 1)
        self.assertEqual(self.outcome(await self.order("b"))[0], OPEN)
        self.assertEqual(len(self.venue.placed), 2)
        self.audit()

    async def test_not_found_counts_once_nothing_can_arrive_any_more(self) -> None:
        self.venue.loses_requests = True
        order = await self.order()
        await self.time.pass_by(FakeTrading.request_life_s - 1)
        self.assertEqual(self.outcome(order), (UNKNOWN, None, 0))
        await self.time.pass_by(60)
        self.assertEqual(self.outcome(order), (DONE, CANCELLED, 0))
        self.audit()

    async def test_a_report_may_tell_before_the_answer_to_the_question(self) -> None:
        self.venue.loses_answers, self.venue.then_unreachable_s = True, 60.0
        order = await self.order()
        self.assertEqual(self.outcome(order)[0], UNKNOWN)
        at = self.time.now
        self.venue.say(VenueReceived("v-1", order.venue_oid, "BTC_USD", Side.BUY, at))
        await settle()
        self.assertEqual(self.outcome(order)[0], OPEN)


class Cancelling(Live):
    async def test_is_repeated_while_its_answer_is_lost(self) -> None:
        order = await self.order()
        self.venue.names_resolve_from = UtcNs(self.time.now + 10 * SECOND)
        self.desk.cancel(self.now(order), self.time.now)
        await self.time.pass_by(9)
        self.assertEqual(self.venue.cancelled, [])
        await self.time.pass_by(20)
        self.assertEqual(self.venue.cancelled[0], order.venue_oid)
        self.venue.end(order, CANCELLED)
        await settle()
        self.assertEqual(self.outcome(order), (DONE, CANCELLED, 0))
        self.audit()

    async def test_waits_until_the_order_is_found(self) -> None:
        self.venue.loses_answers, self.venue.then_unreachable_s = True, 5.0
        order = await self.order()
        self.desk.cancel(self.now(order), self.time.now)
        await self.time.pass_by(4)
        self.assertEqual(self.venue.cancelled, [])
        await self.time.pass_by(8)
        self.assertEqual(self.venue.cancelled, [order.venue_oid])

    async def test_of_many_is_one_request_unless_others_orders_would_go_too(self) -> None:
        for others in (False, True):
            with self.subTest(others=others):
                self.venue.cancelled_all.clear()
                self.venue.cancelled.clear()
                orders = [await self.order(f"{n}-{others}", limit=Decimal(1)) for n in range(6)]
                if others:
                    at = self.time.now
                    self.venue.say(VenueReceived("x-1", "", "BTC_USD", Side.BUY, at))
                    await settle()
                self.control.cancel_all(self.time.now)
                await settle()
                self.assertEqual(self.venue.cancelled_all, [] if others else [PAIR])
                self.assertEqual(len(self.venue.cancelled), 6 if others else 0)
                for order in orders:
                    self.venue.end(order, CANCELLED)
                await settle()
                self.assertEqual(self.desk.orders, {})

    async def test_of_many_one_by_one_begins_with_those_that_would_fill_first(self) -> None:
        orders = {
            limit: await self.order(str(limit), side=side, limit=Decimal(limit))
            for side, limits in ((Side.BUY, (70, 85, 80)), (Side.SELL, (120, 110)))
            for limit in limits
        }
        self.control.cancel_all(self.time.now)
        await settle()
        names = {order.venue_oid: limit for limit, order in orders.items()}
        self.assertEqual([names[oid] for oid in self.venue.cancelled], [85, 110, 80, 120, 70])

    async def test_whose_end_is_never_reported_is_asked_for(self) -> None:
        order = await self.order()
        self.venue.fill(order, 400, "t1", 9_000)
        await settle()
        self.desk.cancel(self.now(order), self.time.now)
        await settle()
        self.venue.end(order, CANCELLED, told=False)
        await self.time.pass_by(30)
        self.assertEqual(self.outcome(order), (DONE, CANCELLED, Decimal("0.4")))
        self.audit()


class Restarts(Live):
    async def restart(self, happened: Callable[[], None]) -> None:
        """Kill xWrap, let something happen, and start it on what was stored."""
        self.commit()
        await self.stop()
        happened()
        stored = self.desk
        self.desk = Desk(self.ledger)
        self.control.desk, self.desk.guard = self.desk, self.control
        for order in stored.orders.values():
            self.desk.restore_order(order, stored._trade_ids.get(order.id, ()))
        self.ours = {("BTC_USD", fill.trade_id) for fill in self.venue.booked[:1]}
        self.time.now = UtcNs(self.time.now + SECOND)
        self.venue._news = type(self.venue._news)()
        self.port = await self.start(stored.orders.values())

    async def test_take_over_fills_and_ends_of_meanwhile(self) -> None:
        orders = {name: await self.order(name, size=Decimal("0.4")) for name in "abcd"}
        self.venue.fill(orders["a"], 100, "t1", 9_000)
        await settle()

        def meanwhile() -> None:
            self.venue.fill(orders["a"], 100, "t2", 9_000)
            self.venue.fill(orders["b"], 400, "t3", 9_000)
            self.venue.end(orders["b"], FILLED)
            self.venue.end(orders["c"], CANCELLED)
            self.venue.disconnect()

        await self.restart(meanwhile)
        await self.time.pass_by(10)
        self.assertEqual(self.outcome(orders["a"]), (OPEN, None, Decimal("0.2")))
        self.assertEqual(self.outcome(orders["b"]), (DONE, FILLED, Decimal("0.4")))
        self.assertEqual(self.outcome(orders["c"]), (DONE, CANCELLED, 0))
        self.assertEqual(self.outcome(orders["d"]), (OPEN, None, 0))
        self.assertEqual(self.external, [])
        self.audit()

    async def test_an_order_that_was_never_sent_ends_when_it_can_not_arrive(self) -> None:
        self.venue.loses_requests = True
        order = await self.order()
        await self.restart(lambda: None)
        await self.time.pass_by(20)
        self.assertEqual(self.outcome(order)[0], UNKNOWN)
        await self.time.pass_by(60)
        self.assertEqual(self.outcome(order), (DONE, CANCELLED, 0))
        self.assertEqual(len(self.venue.placed), 0)


class Others(Live):
    async def test_orders_and_fills_are_told_and_never_adopted(self) -> None:
        order, at = await self.order(), self.time.now
        self.venue.say(VenueReceived("x-1", "", "BTC_USD", Side.SELL, at))
        one = Decimal(1)
        fills = [
            VenueFill("x-1", "BTC_USD", name, Side.SELL, one, one, True, one, True, at)
            for name in ("x1", "old")
        ]
        self.ours = {("BTC_USD", "old")}  # booked before a restart
        for fill in fills:
            self.venue.say(fill)
        await settle()
        self.assertEqual(
            self.external,
            [(IncidentKind.EXTERNAL_ORDER, "x-1"), (IncidentKind.EXTERNAL_FILL, "BTC_USD x1")],
        )
        self.assertEqual(list(self.desk.orders), [order.id])

    async def test_orders_that_rest_are_seen_when_connecting(self) -> None:
        self.venue.states["theirs"] = VenueOrderState(
            order_id="x-9", client_id="theirs", pair="BTC_USD", side=Side.BUY,
            status=OrderStatus.OPEN, created_at=START, size=Decimal(1),
        )  # fmt: skip
        self.venue.disconnect()
        await self.time.pass_by(3)
        self.assertEqual(self.external, [(IncidentKind.EXTERNAL_ORDER, "x-9")])

    async def test_a_fill_off_the_grid_is_not_booked_but_said(self) -> None:
        said: list[str] = []
        self.port.on_unbookable = lambda order, text: said.append(text)
        order, at = await self.order(), self.time.now
        price = Decimal("89.999")
        fill = VenueFill("v-1", "BTC_USD", "t", Side.BUY, price, Decimal(1), True, price, True, at)
        self.venue.say(fill)
        await settle()
        self.assertEqual(self.outcome(order), (OPEN, None, 0))
        self.assertIn("89.999", said[0])


class Connection(Live):
    async def test_is_made_anew_and_told(self) -> None:
        changes: list[bool] = []
        self.port.on_connection = lambda: changes.append(self.port.connected)
        self.assertTrue(self.port.connected)
        self.venue.disconnect()
        await settle()
        self.assertEqual(self.port.problem, "the connection was lost")
        await self.time.pass_by(3)
        self.assertEqual((changes, self.venue.connections), ([False, True], 2))

    async def test_health_says_skew_budget_and_what_is_unanswered(self) -> None:
        self.venue.loses_requests = True
        await self.order()
        self.assertEqual(
            self.port.health(),
            {
                "connected": True, "problem": "", "reconnects": 0, "clock_skew_s": 2.0,
                "rate_budget": {"private": 30.0}, "orders": 1, "unanswered": 1,
            },
        )  # fmt: skip

    async def test_balances_include_what_is_on_hold_there(self) -> None:
        self.assertEqual(await self.port.balances(), {"USD": Decimal(7)})
        self.venue.names_resolve_from = UtcNs(self.time.now + SECOND)
        with self.assertRaises(Unavailable):
            await self.port.balances()

    async def test_nothing_is_sent_once_it_has_stopped(self) -> None:
        await self.stop()
        await self.order()
        self.assertEqual(self.venue.placed, [])
