import unittest
from collections.abc import Callable
from decimal import Decimal

from msgspec.structs import replace

from exchange_wrapper.accounts import EXCHANGE_SET, UNALLOCATED_SET, Reason, SetType
from exchange_wrapper.book import L2Book
from exchange_wrapper.changes import Change, IncidentHappened, LinePosted, OrderChanged
from exchange_wrapper.control import FLATTEN_RUN, Control
from exchange_wrapper.desk import Desk
from exchange_wrapper.errors import (
    ApiUsageError,
    InsufficientFunds,
    OrderRejected,
    UnknownName,
)
from exchange_wrapper.execution import Filled, Finished, Opened, Unanswered
from exchange_wrapper.fees import FeeSchedule
from exchange_wrapper.incidents import Incident, IncidentKind
from exchange_wrapper.kill_switch import KillLevel
from exchange_wrapper.ledger import Ledger
from exchange_wrapper.limits import LimitsSettings, PreTradeLimits
from exchange_wrapper.numbers import Lots, Ticks
from exchange_wrapper.orders import Order, OrderRequest
from exchange_wrapper.pair import Pair
from exchange_wrapper.paper_exchange import PaperExchange
from exchange_wrapper.terms import DoneReason, OrderStatus, OrderType, Side
from exchange_wrapper.times import SECOND, UtcNs
from tests.exchange_wrapper.live_port import FakeLivePort

PAIR = Pair(
    "BTC-USD", "BTC", "USD", Decimal("0.01"), Decimal("0.001"), min_order=Decimal("0.002")
)  # fmt: skip
FEES = FeeSchedule(Decimal("0.004"), Decimal("0.006"))
NOW = UtcNs(1_000)


class Controlled(unittest.TestCase):
    """Two wallet sets with 1,000 USD and 2 BTC each; ``paper`` bids 99 and asks 101."""

    def setUp(self) -> None:
        self.ledger = Ledger()
        self.paper = PaperExchange(latency_ns=0)
        self.live = FakeLivePort()
        self.book = L2Book(PAIR)
        self.paper.add_pair(PAIR, self.book)
        self.book.replace([(Ticks(9_900), Lots(5_000))], [(Ticks(10_100), Lots(5_000))])
        self.desk = Desk(self.ledger)
        for name, port in (("paper", self.paper), ("live", self.live)):
            self.desk.add_exchange(name, {"BTC_USD": PAIR}, FEES, port)
            self.ledger.deposit(name, "USD", Decimal(5000), NOW)
            self.ledger.deposit(name, "BTC", Decimal(10), NOW)
        self.one, self.two = (self.new_set(run_id) for run_id in ("one", "two"))
        self.control = self.new_control()
        self.now = NOW
        self.take()

    def new_control(self, *incidents: Incident) -> Control:
        limits = PreTradeLimits(LimitsSettings(), lambda currency, exchange: None)
        return Control(self.desk, limits, incidents)

    def new_set(self, run_id: str) -> int:
        return self.ledger.create_set(
            run_id,
            [
                (exchange, currency, amount)
                for exchange in ("paper", "live")
                for currency, amount in (("USD", Decimal(1000)), ("BTC", Decimal(2)))
            ],
            NOW,
        ).id

    def order(
        self, oid: str, set_id: int | None = None, exchange: str = "paper", **fields: object
    ) -> Order:
        request = OrderRequest(
            "run", oid, exchange, "BTC_USD", OrderType.LIMIT, Side.BUY, Decimal(1), Decimal(90),
            set_id,
        )  # fmt: skip
        return self.desk.make_order(replace(request, **fields), self.now)

    def arrive(self, seconds: int = 0) -> list[Change]:
        """Let everything committed so far and time take their course."""
        self.now = UtcNs(self.now + seconds * SECOND)
        changes = self.take()
        self.desk.send(changes, self.now)
        for name, executions in (
            ("paper", self.paper.advance(self.now)), ("live", self.live.advance(self.now))
        ):  # fmt: skip
            self.control.receive(name, executions, self.now)
        self.control.enforce(self.now)
        self.assertEqual(self.ledger.audit(), [])
        return changes

    def take(self) -> list[Change]:
        return self.desk.take_changes()

    def incidents(self) -> list[Incident]:
        return [each.incident for each in self.take() if isinstance(each, IncidentHappened)]

    def is_refused(self, make: Callable[[], object], *words: str) -> None:
        with self.assertRaises(OrderRejected) as caught:
            make()
        for word in words:
            self.assertIn(word, caught.exception.message)

    def open_oids(self) -> set[str]:
        return {order.request.client_oid for order in self.desk.orders.values()}


class ABreach(Controlled):
    def test_freezes_its_wallet_set_and_cancels_its_orders_and_nothing_else(self) -> None:
        bad, _, other = (
            self.order("a", self.one),
            self.order("b", self.one),
            self.order("c", self.two),
        )
        self.arrive()
        too_much = Filled(bad.id, Ticks(9_000), Lots(1_001), True, NOW)
        fine = Filled(other.id, Ticks(9_000), Lots(400), True, NOW)
        self.control.receive("paper", [too_much, fine], self.now)
        (incident,) = self.incidents()
        self.assertEqual((incident.kind, incident.subject), (IncidentKind.BREACH, str(self.one)))
        self.arrive()
        self.assertEqual(self.open_oids(), {"c"})
        self.assertEqual(self.desk.orders[other.id].filled, 400)
        self.assertIn("1000", self.ledger.sets[self.one].frozen)
        self.is_refused(lambda: self.order("d", self.one), f"wallet set {self.one} is frozen")
        self.order("d", self.two)
        for move in (
            lambda: self.ledger.allocate(self.one, "paper", "USD", Decimal(-1), NOW),
            lambda: self.control.deactivate(self.one, NOW, force=True),
        ):
            with self.assertRaisesRegex(ApiUsageError, "frozen"):
                move()

    def test_is_over_when_somebody_says_so_and_the_funds_add_up(self) -> None:
        self.control.freeze(self.one, "for a test", NOW)
        self.control.freeze(self.one, "again", NOW)
        self.assertEqual(len(self.incidents()), 1)
        wallet = self.ledger.wallet(self.one, "paper", "USD")
        wallet.settled += 1
        with self.assertRaisesRegex(ApiUsageError, "stays frozen"):
            self.control.unfreeze(self.one, "me", "looks fine", NOW)
        wallet.settled -= 1
        self.control.unfreeze(self.one, "me", "looks fine", NOW)
        (incident,) = self.incidents()
        self.assertEqual((incident.kind, incident.by), (IncidentKind.UNFROZEN, "me"))
        self.order("a", self.one)

    def test_that_an_audit_finds_freezes_the_sets_with_such_funds(self) -> None:
        self.assertEqual(self.control.audit(NOW), {})
        wallet = self.ledger.wallet(self.two, "paper", "BTC")
        wallet.held_debit = Decimal(-1)
        self.assertEqual(set(self.control.audit(NOW)), {self.two})
        wallet.held_debit = Decimal(0)
        self.ledger.wallet(EXCHANGE_SET, "paper", "USD").settled += 1
        self.assertEqual(set(self.control.audit(NOW)), {UNALLOCATED_SET, self.one, self.two})

    def test_in_the_middle_of_a_fill_books_nothing_of_it(self) -> None:
        for side, fee in ((Side.BUY, "911"), (Side.SELL, "1091")):
            with self.subTest(side):
                self.setUp()
                limit = Decimal(90) if side is Side.BUY else Decimal(110)
                order = self.order("a", self.one, "live", side=side, limit=limit)
                self.arrive()
                wallets = self.ledger.wallets_of(self.one) + self.ledger.wallets_of(EXCHANGE_SET)
                before = [(each.settled, each.held_debit) for each in wallets]
                fill = self.live.fill(order, 9_000, 1_000, "t-1", fee, self.now)
                self.control.receive("live", [fill], self.now)
                self.assertEqual([(each.settled, each.held_debit) for each in wallets], before)
                self.assertTrue(self.ledger.sets[self.one].frozen)
                self.assertEqual(self.desk.orders[order.id].filled, 0)
                self.assertEqual(self.ledger.audit(), [])

    def test_of_an_unknown_order_is_recorded_as_external_once(self) -> None:
        for report, kind in (
            (Filled(99, Ticks(1), Lots(1), True, NOW, "t-1"), IncidentKind.EXTERNAL_FILL),
            (Opened(99, NOW), IncidentKind.EXTERNAL_ORDER),
        ):
            with self.subTest(kind):
                self.control.receive("live", [report, report], NOW)
                (incident,) = self.incidents()
                self.assertEqual((incident.kind, incident.exchange), (kind, "live"))
                self.control = self.new_control(incident)
                self.control.receive("live", [report], NOW)
                self.assertEqual(self.incidents(), [])

    def test_by_a_late_fill_of_a_done_order_freezes_and_a_repeated_one_does_not(self) -> None:
        order = self.order("a", self.one, "live")
        self.arrive()
        fill = self.live.fill(order, 9_000, 1_000, "t-1", "0.5", self.now)
        end = Finished(order.id, DoneReason.FILLED, self.now)
        self.control.receive("live", [fill, fill, end, fill, end], self.now)
        self.assertFalse(self.ledger.sets[self.one].frozen)
        self.control.receive("live", [replace(fill, ext_id="t-2")], self.now)
        self.assertTrue(self.ledger.sets[self.one].frozen)


class Differences(Controlled):
    def reported(self, **changes: str) -> dict[str, Decimal]:
        balances = {"USD": Decimal(5000), "BTC": Decimal(10)}
        return balances | {currency: Decimal(amount) for currency, amount in changes.items()}

    def test_the_first_balances_are_an_opening_deposit_and_no_difference(self) -> None:
        self.desk.add_exchange("new", {"BTC_USD": PAIR}, FEES, self.live)
        self.take()
        self.assertFalse(self.control.has_opened("new"))
        self.control.open_balances("new", {"USD": Decimal("7.5"), "XMR": Decimal(1)}, NOW)
        changes = self.take()
        lines = [each.line for each in changes if isinstance(each, LinePosted)]
        self.assertEqual(
            {(line.movement, line.reason) for line in lines}, {(Decimal("7.5"), Reason.OPENING)}
        )
        self.assertEqual(self.ledger.wallet(None, "new", "USD").available, Decimal("7.5"))
        incidents = [each.incident for each in changes if isinstance(each, IncidentHappened)]
        self.assertEqual({each.subject for each in incidents}, {"BTC", "USD"})
        self.assertEqual(self.ledger.audit(), [])

        again = self.new_control(*incidents)
        self.assertTrue(again.has_opened("new"))
        again.open_balances("new", {"USD": Decimal(9)}, NOW)
        self.assertEqual(self.take(), [])
        self.assertFalse(again.reconcile("new", {"USD": Decimal(9)}, NOW))
        self.assertEqual(self.ledger.in_suspense("new", "USD"), Decimal("1.5"))

    def test_are_booked_in_suspense_and_block_orders_until_acknowledged(self) -> None:
        self.assertTrue(self.control.reconcile("live", self.reported(), NOW))
        self.assertEqual(self.take(), [])
        for reported, amount in (("5000.5", "0.5"), ("4990", "-10.5")):
            with self.subTest(reported):
                self.assertFalse(self.control.reconcile("live", self.reported(USD=reported), NOW))
                self.assertEqual(self.ledger.audit(), [])
                (incident,) = self.incidents()
                self.assertEqual(
                    (incident.kind, incident.exchange, incident.subject),
                    (IncidentKind.DIFFERENCE, "live", "USD"),
                )
                self.is_refused(lambda: self.order("a", self.one, "live"), "USD", "acknowledge")
                self.order(f"elsewhere {amount}", self.one, "paper")
                before = self.ledger.wallet(None, "live", "USD").settled
                moved = self.control.acknowledge("live", "USD", "me", "a deposit", NOW)
                self.assertEqual(moved, Decimal(amount))
                after = self.ledger.wallet(None, "live", "USD").settled
                self.assertEqual(after - before, moved)
                self.assertEqual([each.by for each in self.incidents()], ["me"])
                self.assertTrue(self.control.reconcile("live", self.reported(USD=reported), NOW))
                self.assertEqual(self.ledger.audit(), [])
        self.order("a", self.one, "live")
        sets = [each for each in self.ledger.sets.values() if each.type is SetType.SUSPENSE]
        self.assertEqual(len(sets), 1)

    def test_that_are_gone_again_block_nothing(self) -> None:
        for usd in ("4000", "5000"):
            self.control.reconcile("live", self.reported(USD=usd), NOW)
        self.order("a", self.one, "live")
        self.assertEqual(self.control.acknowledge("live", "USD", "me", "", NOW), 0)

    def test_that_nobody_can_pay_for_stay(self) -> None:
        self.control.reconcile("live", self.reported(USD="500"), NOW)
        with self.assertRaises(InsufficientFunds):
            self.control.acknowledge("live", "USD", "me", "", NOW)
        self.assertEqual(self.ledger.in_suspense("live", "USD"), -4500)

    def test_that_a_fill_on_its_way_may_explain_count_when_seen_twice(self) -> None:
        self.order("a", self.one, "live")
        self.arrive()
        early = self.reported(USD="4909.5", BTC="11")
        self.assertTrue(self.control.reconcile("live", early, NOW))
        self.assertTrue(self.control.reconcile("live", self.reported(USD="4900"), NOW))
        self.assertFalse(self.control.reconcile("live", self.reported(USD="4900"), NOW))
        self.assertEqual(self.ledger.in_suspense("live", "USD"), -100)


class Outcomes(Controlled):
    def test_accepted_answer_lost_name_resolution_failing_for_60_s_makes_one_order(self) -> None:
        self.live.loses_answers = True
        self.live.names_resolve_from = UtcNs(self.now + 60 * SECOND)
        order = self.order("a", self.one, "live")
        self.assertEqual(self.live.attempts, 0)  # nothing is sent before it is committed
        self.arrive()
        held = self.ledger.wallet(self.one, "live", "USD").hold
        self.assertEqual(held, Decimal("90.54"))
        for second in range(60):
            with self.subTest(second=second):
                self.assertEqual(self.desk.orders[order.id].status, OrderStatus.UNKNOWN)
                self.is_refused(lambda: self.order("b", self.one, "live"), "what became of")
                self.assertEqual(self.order("a", self.one, "live").id, order.id)
            self.arrive(1)
        self.arrive(1)
        self.assertEqual(self.desk.orders[order.id].status, OrderStatus.OPEN)
        self.assertEqual((self.live.attempts, list(self.live.placed)), (1, [order.venue_oid]))
        self.assertEqual(self.ledger.wallet(self.one, "live", "USD").hold, held)
        fill = self.live.fill(order, 9_000, 1_000, "t-1", "0.36", self.now)
        self.control.receive(
            "live", [fill, Finished(order.id, DoneReason.FILLED, self.now)], self.now
        )
        usd, btc = (self.ledger.wallet(self.one, "live", code) for code in ("USD", "BTC"))
        self.assertEqual((usd.settled, usd.hold, btc.settled), (Decimal("909.64"), 0, 3))
        self.live.loses_answers = False
        self.order("b", self.one, "live")

    def test_only_the_venues_refusal_is_a_rejection(self) -> None:
        for name, setting, status, reason in (
            ("refused", "refuses", OrderStatus.DONE, DoneReason.REJECTED),
            ("request lost", "loses_requests", OrderStatus.DONE, DoneReason.CANCELLED),
            ("answer lost", "loses_answers", OrderStatus.OPEN, None),
        ):
            with self.subTest(name):
                self.setUp()
                setattr(self.live, setting, True)
                self.order("a", self.one, "live")
                self.arrive()
                self.arrive(2)
                order = self.desk.by_run("run", "a")
                assert order is not None
                self.assertEqual((order.status, order.done_reason), (status, reason))
                held = self.ledger.wallet(self.one, "live", "USD").hold
                self.assertEqual(held > 0, status is OrderStatus.OPEN)

    def test_an_unknown_order_blocks_its_own_wallet_set_only(self) -> None:
        self.live.loses_answers = True
        self.order("a", self.one, "live")
        self.arrive()
        self.is_refused(lambda: self.order("b", self.one, "paper"), "wallet set")
        self.order("c", self.two, "paper")

    def test_a_cancellation_of_an_unknown_order_is_carried_out_once_it_is_found(self) -> None:
        self.live.loses_answers = True
        self.live.names_resolve_from = UtcNs(self.now + 10 * SECOND)
        self.order("a", self.one, "live")
        self.arrive()
        order = self.desk.cancel_order("live", "a", self.now)
        self.assertEqual(order.status, OrderStatus.UNKNOWN)
        self.arrive(11)
        self.arrive()
        order = self.desk.cancel_order("live", "a", self.now)
        self.assertEqual(order.done_reason, DoneReason.CANCELLED)
        self.assertEqual(self.live.placed, {})

    def test_a_cancellation_before_the_commit_sends_nothing(self) -> None:
        self.order("a", self.one, "live")
        order = self.desk.cancel_order("live", "a", self.now)
        self.arrive()
        self.assertEqual((order.done_reason, self.live.attempts), (DoneReason.CANCELLED, 0))

    def test_a_fill_resolves_an_unknown_order(self) -> None:
        self.live.loses_answers = True
        order = self.order("a", self.one, "live")
        self.arrive()
        fill = self.live.fill(order, 9_000, 400, "t-1", "0.1", self.now)
        self.control.receive("live", [fill], self.now)
        self.assertEqual(self.desk.orders[order.id].status, OrderStatus.OPEN)
        self.assertEqual(self.desk.unknown, {})
        late = Unanswered(order.id, self.now)
        self.control.receive("live", [late], self.now)
        self.assertEqual(self.desk.orders[order.id].status, OrderStatus.OPEN)

    def test_an_order_that_a_restart_may_have_kept_from_its_venue_is_asked_for(self) -> None:
        for sent in (True, False):
            with self.subTest(sent=sent):
                self.setUp()
                order = self.order("a", self.one, "live")
                if sent:
                    self.live.placed[order.venue_oid] = order
                self.take()
                restarted = Desk(self.ledger)
                restarted.add_exchange("live", {"BTC_USD": PAIR}, FEES, self.live)
                restarted.restore_order(order)
                self.desk, self.control = restarted, Control(restarted, self.control._limits)
                later = UtcNs(self.now + 10)
                self.desk.resume(order, self.now, later)
                unknown = self.desk.unknown[order.id]
                self.assertEqual(unknown.offline, ((self.now, later),))
                self.is_refused(lambda: self.order("b", self.one, "live"), "what became of")
                self.control.receive("live", self.live.advance(later), later)
                self.assertEqual(order.id in self.desk.orders, sent)
                self.assertEqual(self.desk.unknown, {})
                self.assertEqual(self.ledger.audit(), [])

    def test_the_venues_fee_is_what_is_paid(self) -> None:
        for fee, left in (("0.1", "909.9"), ("5", "905"), ("-0.01", "910.01")):
            with self.subTest(fee=fee):
                self.setUp()
                order = self.order("a", self.one, "live")
                self.arrive()
                half = str(Decimal(fee) / 2)
                fills = [
                    self.live.fill(order, 9_000, 500, f"t-{n}", half, self.now) for n in (1, 2)
                ]
                end = Finished(order.id, DoneReason.FILLED, self.now)
                self.control.receive("live", [*fills, end], self.now)
                usd = self.ledger.wallet(self.one, "live", "USD")
                self.assertEqual((usd.settled, usd.hold), (Decimal(left), 0))
                self.assertEqual(self.ledger.audit(), [])
                done = self.desk.by_run("run", "a")
                assert done is not None
                self.assertEqual(done.fee, Decimal(fee))

    def test_the_venues_name_of_an_order_follows_from_the_run_and_its_own_name(self) -> None:
        order = self.order("a", self.one, "live")
        again = replace(order, id=99, created_at=UtcNs(5))
        self.assertEqual(order.venue_oid, again.venue_oid)
        for run_id, oid in (("ru", "na"), ("run", "b")):
            other = replace(order, request=replace(order.request, run_id=run_id, client_oid=oid))
            self.assertNotEqual(order.venue_oid, other.venue_oid)

    def test_what_rests_too_long_at_a_venue_is_cancelled_as_expired(self) -> None:
        self.order("a", self.one, "live", cancel_after_s=5)
        self.arrive()
        self.arrive(4)
        self.assertEqual(self.open_oids(), {"a"})
        self.arrive(1)
        self.arrive()
        order = self.desk.by_run("run", "a")
        assert order is not None
        self.assertEqual(order.done_reason, DoneReason.EXPIRED)


class Cancelling(Controlled):
    def test_all_orders_of_a_run_an_exchange_or_a_set(self) -> None:
        for chosen, left in (
            ({"run_id": "x"}, {"a", "b"}),
            ({"exchange": "live"}, {"a", "c"}),
            ({"wallet_set_id": self.one}, {"b", "c"}),
            ({"wallet_set_id": self.one, "exchange": "live"}, {"a", "b", "c"}),
            ({}, set()),
        ):
            with self.subTest(chosen):
                self.setUp()
                self.order("a", self.one)
                self.order("b", self.two, "live")
                self.order("c", self.two, run_id="x")
                self.arrive()
                asked = self.control.cancel_all(self.now, **chosen)  # type: ignore[arg-type]
                self.assertEqual(len(asked), 3 - len(left))
                self.arrive()
                self.assertEqual(self.open_oids(), left)

    def test_a_set_is_deactivated_with_force_once_its_orders_are_cancelled(self) -> None:
        self.order("a", self.one)
        self.order("b", self.one, "live")
        self.arrive()
        with self.assertRaisesRegex(ApiUsageError, "2 open orders"):
            self.control.deactivate(self.one, self.now)
        closing = self.control.deactivate(self.one, self.now, force=True)
        self.assertEqual((closing.active, closing.closing), (True, True))
        self.is_refused(lambda: self.order("c", self.one), "being deactivated")
        self.arrive()
        closed = self.ledger.sets[self.one]
        self.assertEqual((closed.active, closed.closing), (False, False))
        self.assertEqual(self.ledger.wallet(None, "paper", "USD").settled, 4000)
        self.assertFalse(self.control.deactivate(self.two, self.now, force=True).active)

    def test_a_deactivation_with_force_goes_on_after_a_restart(self) -> None:
        self.order("a", self.one)
        self.arrive()
        self.ledger.mark_closing(self.one)
        self.control = self.new_control()
        self.arrive()
        self.arrive()
        self.assertFalse(self.ledger.sets[self.one].active)


class Killing(Controlled):
    def test_each_level_does_what_those_before_it_do(self) -> None:
        for level, orders, btc in (
            (KillLevel.STOP, {"a"}, 2),
            (KillLevel.CANCEL, set(), 2),
            (KillLevel.FLATTEN, set(), 0),
        ):
            with self.subTest(level):
                self.setUp()
                self.order("a", self.one)
                self.arrive()
                self.control.kill(level, None, self.now)
                for _ in range(3):
                    self.arrive()
                at_paper = self.open_oids() - {o.client_oid for o in self.live.requests()}
                self.assertEqual(at_paper, orders)
                self.is_refused(lambda: self.order("b", self.one), "everything", level)
                self.assertEqual(self.ledger.wallet(self.one, "paper", "BTC").settled, btc)
                self.assertEqual(self.ledger.wallet(None, "paper", "BTC").settled, 6)
                self.control.kill(KillLevel.OFF, None, self.now)
                self.order("b", self.one)

    def test_a_scope_concerns_itself_only(self) -> None:
        for scope, free in (
            ("paper", [("live", self.one), ("live", None)]),
            (str(self.one), [("paper", self.two), ("live", None)]),
            (str(UNALLOCATED_SET), [("paper", self.one)]),
        ):
            with self.subTest(scope):
                self.setUp()
                self.order("a", self.one)
                self.order("b", None)
                self.arrive()
                answer = self.control.kill(KillLevel.CANCEL, scope, self.now)
                self.assertEqual((answer["scope"], answer["level"]), (scope, "cancel"))
                for exchange, set_id in free:
                    self.order(f"{exchange} {set_id}", set_id, exchange)
        with self.assertRaises(UnknownName):
            self.control.kill(KillLevel.STOP, "nowhere", self.now)

    def test_an_exchange_that_is_not_reached_yet_after_a_restart_can_be_stopped(self) -> None:
        self.desk = Desk(self.ledger)
        self.control = self.new_control()
        self.control.kill(KillLevel.CANCEL, "paper", self.now)
        self.desk.add_exchange("paper", {"BTC_USD": PAIR}, FEES, self.paper)
        self.is_refused(lambda: self.order("a", self.one), "kill switch")

    def test_is_the_same_twice_and_only_released_by_off(self) -> None:
        self.control.kill(KillLevel.CANCEL, None, self.now, by="me")
        self.control.kill(KillLevel.CANCEL, None, self.now)
        answer = self.control.kill(KillLevel.STOP, None, self.now)
        self.assertEqual(answer["level"], "cancel")
        (incident,) = self.incidents()
        self.assertEqual((incident.subject, incident.text, incident.by), ("", "cancel", "me"))
        self.control = self.new_control(incident)
        self.is_refused(lambda: self.order("a", self.one), "kill switch")
        self.assertEqual(self.control.state()["kill_switch"], [{"scope": None, "level": "cancel"}])

    def test_flattening_sells_what_the_book_takes_and_the_rest_later(self) -> None:
        self.book.replace([(Ticks(9_900), Lots(1_200))], [])
        self.control.kill(KillLevel.FLATTEN, str(self.one), self.now)
        sold = [each.order for each in self.arrive() if isinstance(each, OrderChanged)]
        self.assertEqual({order.request.run_id for order in sold}, {FLATTEN_RUN})
        paper = self.paper.engines["BTC_USD"]
        for _ in range(4):
            old_bids, old_asks = self.book.bids, self.book.asks
            self.book.replace([(Ticks(9_900), Lots(5_000))], [])
            self.control.receive("paper", paper.replaced(old_bids, old_asks, self.now), self.now)
            self.arrive(1)
        self.assertEqual(self.ledger.wallet(self.one, "paper", "BTC").settled, 0)
        self.assertEqual(self.ledger.wallet(self.two, "paper", "BTC").settled, 2)

    def test_two_hundred_orders_are_cancelled_by_one_command(self) -> None:
        for number in range(200):
            self.order(str(number), self.one, "live", size=Decimal("0.002"))
        self.arrive()
        answer = self.control.kill(KillLevel.CANCEL, "live", self.now)
        self.assertEqual(answer["cancelling"], 200)
        self.arrive()
        self.assertEqual((self.desk.orders, self.live.placed), ({}, {}))


if __name__ == "__main__":
    unittest.main()
