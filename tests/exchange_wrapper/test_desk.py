import unittest
from collections import defaultdict
from decimal import ROUND_CEILING, Context, Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from exchange_wrapper.accounts import EXCHANGE_SET, Line
from exchange_wrapper.book import L2Book
from exchange_wrapper.changes import Change, LinePosted, OrderChanged, TradeMade
from exchange_wrapper.desk import Desk
from exchange_wrapper.errors import (
    ApiUsageError,
    InsufficientFunds,
    InvalidAmount,
    LedgerBreach,
    OrderRejected,
    UnknownName,
    XWrapError,
)
from exchange_wrapper.execution import Execution, Filled, Finished, Opened
from exchange_wrapper.fees import FeeSchedule
from exchange_wrapper.ledger import Ledger
from exchange_wrapper.market import TradePrint
from exchange_wrapper.numbers import Lots, Ticks
from exchange_wrapper.orders import Order, OrderRequest, Trade
from exchange_wrapper.pair import Pair
from exchange_wrapper.paper_exchange import PaperExchange
from exchange_wrapper.terms import DoneReason, OrderStatus, OrderType, Side
from exchange_wrapper.times import UtcNs
from tests.exchange_wrapper.paper_market import BUY, SELL, Tally

PAIR = Pair(
    "BTC-USD", "BTC", "USD", Decimal("0.01"), Decimal("0.001"), min_order=Decimal("0.002"),
    max_order=Decimal(50), min_notional=Decimal("0.003"),
)  # fmt: skip
FEES = FeeSchedule(Decimal("0.0041"), Decimal("0.00613"))
NOW = UtcNs(1_000)
LATENCY = 5
FEE_STEP = Decimal("1E-8")
EXACT = Context(prec=60)


def fee(notional: str, rate: str) -> Decimal:
    return (Decimal(notional) * Decimal(rate)).quantize(FEE_STEP, ROUND_CEILING)


class Trading(unittest.TestCase):
    """A desk over a paper exchange, a set with 1,000 USD and 2 BTC, and a quote of 99 to 101."""

    def setUp(self) -> None:
        self.ledger = Ledger()
        self.exchange = PaperExchange(latency_ns=LATENCY)
        self.book = L2Book(PAIR)
        self.engine = self.exchange.add_pair(PAIR, self.book)
        self.desk = Desk(self.ledger)
        self.desk.add_exchange("gdax", {"BTC_USD": PAIR}, FEES, self.exchange)
        self.ledger.deposit("gdax", "USD", Decimal(5000), NOW)
        self.ledger.deposit("gdax", "BTC", Decimal(10), NOW)
        self.set_id = self.ledger.create_set(
            "run", [("gdax", "USD", Decimal(1000)), ("gdax", "BTC", Decimal(2))], NOW
        ).id
        # In USD: 1 BTC bid at 99 and asked at 101, 20 more asked at 103.
        self.book.replace(
            [(Ticks(9_900), Lots(1_000))],
            [(Ticks(10_100), Lots(1_000)), (Ticks(10_300), Lots(20_000))],
        )
        self.lines: list[Line] = []
        self.now = NOW
        self.take()

    def request(self, client_oid: str = "a", **fields: object) -> OrderRequest:
        request = OrderRequest(
            "run", client_oid, "gdax", "BTC_USD", OrderType.LIMIT, BUY, Decimal(2), Decimal(101),
            self.set_id,
        )  # fmt: skip
        return replace(request, **fields)

    def market(self, client_oid: str = "a", **fields: object) -> OrderRequest:
        return self.request(client_oid, type=OrderType.MARKET, limit=None, **fields)

    def make(self, request: OrderRequest) -> Order:
        return self.desk.make_order(request, self.now)

    def arrive(self) -> None:
        self.now = UtcNs(self.now + LATENCY)
        self.desk.execute("gdax", self.exchange.advance(self.now))

    def level(self, side: Side, price: int, size: int) -> None:
        old = self.book.set_level(side, Ticks(price), Lots(size))
        events = self.engine.level_changed(side, Ticks(price), old, Lots(size), self.now)
        self.desk.execute("gdax", events)

    def take(self) -> list[Change]:
        changes = self.desk.take_changes()
        self.lines += [change.line for change in changes if isinstance(change, LinePosted)]
        return changes

    def funds(self, currency: str, set_id: int | None = None) -> tuple[Decimal, Decimal]:
        wallet = self.ledger.wallet(set_id or self.set_id, "gdax", currency)
        return wallet.balance, wallet.available

    def order(self, client_oid: str = "a") -> Order:
        order = self.desk.by_client("gdax", client_oid)
        assert order is not None
        return order


class Holding(Trading):
    def test_an_order_holds_what_it_can_cost_at_most(self) -> None:
        cases: list[tuple[OrderRequest, Decimal | str, str]] = [
            (self.request(), Decimal("202") + fee("202", "0.00613"), "USD"),
            (self.request(limit=Decimal("0.01"), size=Decimal("0.333")), "0.00335042", "USD"),
            (self.request(side=SELL), "2", "BTC"),
            (self.market(side=SELL, size=Decimal("0.5")), "0.5", "BTC"),
            # 101 + 103, and 1 % for what the book may do until the order arrives.
            (self.market(), Decimal("206.04") + fee("206.04", "0.00613"), "USD"),
        ]
        for request, hold, currency in cases:
            with self.subTest(request=request):
                self.setUp()
                order = self.make(request)
                self.assertEqual((order.hold, order.hold_currency), (Decimal(hold), currency))
                balance, available = self.funds(currency)
                self.assertEqual(balance - available, Decimal(hold))
                self.assertEqual(order.status, OrderStatus.RECEIVED)
                self.assertEqual(order.created_at, self.now)

    def test_a_market_buy_of_all_there_is_goes_without_a_cushion(self) -> None:
        cost = Decimal(101 + 103)
        needed = cost + fee(str(cost), "0.00613")
        for funds, enough in [(needed, True), (needed - FEE_STEP, False)]:
            with self.subTest(funds=funds):
                self.setUp()
                self.ledger.allocate(self.set_id, "gdax", "USD", funds - 1000, NOW)
                if not enough:
                    with self.assertRaises(InsufficientFunds):
                        self.make(self.market())
                    continue
                self.assertEqual(self.make(self.market()).hold, needed)
                self.arrive()
                self.assertEqual(self.order().done_reason, DoneReason.FILLED)
                self.assertEqual(self.funds("USD"), (0, 0))

    def test_a_market_buy_never_spends_more_than_its_hold(self) -> None:
        order = self.make(self.market())
        self.book.replace([], [(Ticks(15_000), Lots(20_000))])
        self.arrive()
        done = self.order()
        self.assertEqual(done.done_reason, DoneReason.CANCELLED)
        # 1.373 BTC at 150 with fee, of a hold of 207.30303: one lot more is too much.
        self.assertEqual(done.filled_size, Decimal("1.373"))
        spent = Decimal("205.95") + fee("205.95", "0.00613")
        self.assertLessEqual(spent, order.hold)
        self.assertEqual(self.funds("USD"), (1000 - spent, 1000 - spent))

    def test_a_market_buy_bounded_by_funds_buys_what_they_pay_for(self) -> None:
        # 2 BTC would cost 204 with the second level: 150 buy one at 101 and part of one at 103.
        order = self.make(self.market(funds=Decimal(150)))
        self.assertEqual(order.hold, Decimal(150))
        self.arrive()
        done = self.order()
        self.assertEqual((done.done_reason, done.filled_size), ("cancelled", Decimal("1.466")))
        self.assertEqual(done.message, "its funds buy no more")
        balance, available = self.funds("USD")
        self.assertEqual(balance, available)
        self.assertLess(Decimal(850) - balance, Decimal(0))
        self.assertLess(balance - 850, Decimal("0.104"))  # less than one lot more

    def test_only_a_market_buy_can_be_bounded_by_funds(self) -> None:
        for request in (
            self.request(funds=Decimal(10)),
            self.market(side=SELL, funds=Decimal(10)),
            self.market(funds=Decimal(0)),
        ):
            with self.subTest(request=request), self.assertRaises(ApiUsageError):
                self.make(request)
        with self.assertRaises(InsufficientFunds):
            self.make(self.market(funds=Decimal(1001)))

    def test_an_order_without_a_set_uses_unallocated_funds(self) -> None:
        self.make(self.request(wallet_set_id=None))
        balance, available = self.funds("USD", 2)
        self.assertEqual(balance - available, Decimal("203.23826"))

    def test_a_set_without_the_other_currency_gets_an_empty_wallet_for_it(self) -> None:
        only_usd = self.ledger.create_set("run", [("gdax", "USD", Decimal(500))], NOW).id
        self.make(self.request(wallet_set_id=only_usd, size=Decimal(1)))
        self.assertEqual(self.funds("BTC", only_usd), (0, 0))
        self.arrive()
        self.assertEqual(self.funds("BTC", only_usd), (1, 1))


class Filling(Trading):
    def test_a_taker_fill_moves_funds_and_charges_the_taker_fee(self) -> None:
        self.make(self.request(size=Decimal(1)))
        self.arrive()
        spent = Decimal(101) + fee("101", "0.00613")
        self.assertEqual(self.funds("USD"), (1000 - spent, 1000 - spent))
        self.assertEqual(self.funds("BTC"), (3, 3))
        self.assertEqual(self.funds("USD", EXCHANGE_SET), (5000 - spent, 5000 - spent))
        self.assertEqual(self.funds("BTC", EXCHANGE_SET), (11, 11))
        done = self.order()
        self.assertEqual((done.status, done.done_reason), (OrderStatus.DONE, DoneReason.FILLED))
        self.assertEqual((done.avg_price, done.hold), (101, 0))
        self.assertEqual(done.exchange_at, NOW + LATENCY)
        self.assertEqual(done.done_at, NOW + LATENCY)

    def test_a_maker_fill_charges_the_maker_fee(self) -> None:
        self.make(self.request(side=SELL, size=Decimal(1), limit=Decimal(110)))
        self.arrive()
        self.assertEqual(self.order().status, OrderStatus.OPEN)
        self.level(BUY, 11_000, 400)
        self.assertEqual(self.order().remaining_size, Decimal("0.6"))
        self.assertEqual(self.funds("BTC"), (Decimal("1.6"), 1))
        earned = 44 - fee("44", "0.0041")
        self.assertEqual(self.funds("USD"), (1000 + earned, 1000 + earned))

    def test_a_better_price_than_the_limit_frees_its_part_of_the_hold_at_once(self) -> None:
        self.make(self.request(limit=Decimal(102)))
        self.arrive()
        order = self.order()
        self.assertEqual((order.status, order.filled_size), (OrderStatus.OPEN, 1))
        # What rests is 1 BTC at 102.
        self.assertEqual(order.hold, 102 + fee("102", "0.00613"))
        balance, available = self.funds("USD")
        self.assertEqual(balance - available, order.hold)

    def test_the_fee_of_many_fills_is_the_fee_of_one_rounded_once(self) -> None:
        self.make(self.request(limit=Decimal("99.99"), size=Decimal("0.1")))
        self.arrive()
        for size in (13, 29, 31, 7, 20):
            self.level(SELL, 9_999, size)
            self.level(SELL, 9_999, 0)
        done = self.order()
        self.assertEqual(done.done_reason, DoneReason.FILLED)
        self.assertEqual(done.fee, fee("9.999", "0.0041"))

    def test_a_tiny_sale_never_costs_more_than_it_brings_in(self) -> None:
        tiny = Pair("X", "DOGE", "BTC", Decimal("1E-8"), Decimal("0.01"))
        self.exchange.add_pair(tiny, book := L2Book(tiny))
        pairs = {"BTC_USD": PAIR, "DOGE_BTC": tiny}
        self.desk.add_exchange("gdax", pairs, FEES, self.exchange)
        self.ledger.deposit("gdax", "DOGE", Decimal(1), NOW)
        created = self.ledger.create_set("run", [("gdax", "DOGE", Decimal(1))], NOW)
        book.replace([(Ticks(1), Lots(10))], [])
        self.make(
            self.market(pair="DOGE_BTC", side=SELL, size=Decimal("0.01"), wallet_set_id=created.id)
        )
        self.arrive()
        self.assertEqual(self.order().done_reason, DoneReason.FILLED)
        self.assertEqual(self.funds("BTC", created.id), (0, 0))
        self.assertEqual(self.ledger.audit(), [])

    def test_what_an_order_no_longer_needs_is_released_to_the_last_digit(self) -> None:
        for request, reason in [
            (self.market(), DoneReason.FILLED),
            (self.request(type=OrderType.IOC), DoneReason.CANCELLED),
            (self.request(type=OrderType.FOK), DoneReason.CANCELLED),
            (self.request(side=SELL, type=OrderType.IOC, limit=Decimal(90)), DoneReason.CANCELLED),
            (self.request(cancel_after_s=1, limit=Decimal(90)), DoneReason.EXPIRED),
        ]:
            with self.subTest(request=request):
                self.setUp()
                self.make(request)
                self.arrive()
                self.desk.execute("gdax", self.exchange.advance(UtcNs(2_000_000_000)))
                self.assertEqual(self.order().done_reason, reason)
                for currency in ("USD", "BTC"):
                    balance, available = self.funds(currency)
                    self.assertEqual(balance, available)
                self.take()
                self.assertEqual(self.ledger.audit(), [])

    def test_a_stale_book_rejects_a_market_order_that_arrives_then(self) -> None:
        self.make(self.market())
        self.engine.set_stale(True)
        self.arrive()
        done = self.order()
        self.assertEqual(done.done_reason, DoneReason.REJECTED)
        self.assertEqual(done.message, "the order book is stale")
        self.assertIsNone(done.exchange_at)
        self.assertEqual(self.funds("USD"), (1000, 1000))


class Changes(Trading):
    def test_changes_come_in_the_order_of_their_causes(self) -> None:
        self.make(self.request(limit=Decimal(103), size=Decimal("1.5")))
        self.arrive()
        told: list[object] = []
        for change in self.take():
            if isinstance(change, LinePosted):
                line = change.line
                where = "exchange" if change.wallet.set_id == EXCHANGE_SET else "run"
                told.append((line.reason.value, where, change.wallet.currency, line.on_hold))
            elif isinstance(change, OrderChanged):
                told.append((change.order.status.value, change.order.filled))
            elif isinstance(change, TradeMade):
                told.append((change.trade.id, change.trade.size, change.order.filled))
        fill = [
            ("order", "run", "USD", True),
            ("fill", "run", "USD", False),
            ("fill", "exchange", "USD", False),
            ("fill", "run", "BTC", False),
            ("fill", "exchange", "BTC", False),
            ("fee", "run", "USD", False),
            ("fee", "exchange", "USD", False),
        ]
        self.assertEqual(
            told,
            [
                ("order", "run", "USD", True),
                ("received", 0),
                ("open", 0),
                *fill,
                (1, 1000, 1000),
                ("open", 1000),
                *fill,
                (2, 500, 1500),
                ("open", 1500),
                ("done", 1500),
            ],
        )
        self.assertEqual(self.take(), [])

    def test_a_refused_order_changes_nothing(self) -> None:
        for request, error in [
            (self.request(exchange="kraken"), UnknownName),
            (self.request(pair="ETH_USD"), UnknownName),
            (self.request(wallet_set_id=99), UnknownName),
            (self.request(wallet_set_id=EXCHANGE_SET), ApiUsageError),
            (self.request(""), ApiUsageError),
            (self.request(cancel_after_s=-1), ApiUsageError),
            (self.request(limit=None), ApiUsageError),
            (self.request(type=OrderType.MARKET), ApiUsageError),
            (self.request(limit=Decimal(0)), InvalidAmount),
            (self.request(limit=Decimal("100.001")), InvalidAmount),
            (self.request(size=Decimal(0)), InvalidAmount),
            (self.request(size=Decimal(-1)), InvalidAmount),
            (self.request(size=Decimal("1.0001")), InvalidAmount),
            (self.request(size=Decimal("0.001")), OrderRejected),
            (self.request(size=Decimal("50.001")), OrderRejected),
            (self.request(size=Decimal("0.2"), limit=Decimal("0.01")), OrderRejected),
            (self.market(size=Decimal("21.001")), OrderRejected),
            (self.market(side=SELL, size=Decimal("1.001")), OrderRejected),
            (self.request(size=Decimal(10)), InsufficientFunds),
            (self.request(side=SELL, size=Decimal("2.001")), InsufficientFunds),
            (self.market(size=Decimal(10)), InsufficientFunds),
        ]:
            with self.subTest(request=request):
                with self.assertRaises(error):
                    self.make(request)
                self.assertEqual(self.take(), [])
                self.assertIsNone(self.exchange.next_due())
        self.assertEqual(self.make(self.request()).id, 1)

    def test_amounts_beyond_exact_arithmetic_are_refused(self) -> None:
        fine = Decimal("1E-18")
        pair = Pair("X", "AAA", "BBB", fine, fine)
        self.exchange.add_pair(pair, L2Book(pair))
        fees = FeeSchedule(Decimal("0.00123456"), Decimal("0.0023456789"))
        self.desk.add_exchange("x", {"AAA_BBB": pair}, fees, self.exchange)
        wide = Decimal("9876543210.123456789012345678")
        with self.assertRaises(InvalidAmount):
            self.make(
                self.request(
                    exchange="x", pair="AAA_BBB", wallet_set_id=None, size=wide, limit=wide
                )
            )

    def test_a_stale_book_gives_no_price_to_a_market_order(self) -> None:
        self.engine.set_stale(True)
        with self.assertRaises(OrderRejected):
            self.make(self.market())


class Naming(Trading):
    def test_the_same_request_again_is_answered_with_the_first_order(self) -> None:
        first = self.make(self.request())
        self.take()
        self.assertIs(self.make(self.request()), first)
        self.assertEqual(self.take(), [])
        self.arrive()
        self.assertEqual(self.make(self.request(size=Decimal("2.000"))), self.order())
        self.desk.cancel_order("gdax", "a", self.now)
        self.arrive()
        self.assertTrue(self.make(self.request()).is_done)

    def test_a_name_that_was_used_for_another_order_is_refused(self) -> None:
        self.make(self.request())
        with self.assertRaises(ApiUsageError):
            self.make(self.request(size=Decimal(1)))

    def test_open_orders_of_two_runs_at_an_exchange_can_not_share_a_name(self) -> None:
        self.make(self.market(size=Decimal(1)))
        with self.assertRaises(ApiUsageError):
            self.make(self.request(run_id="other"))
        self.arrive()
        second = self.make(self.request(run_id="other"))
        self.assertEqual(self.desk.by_client("gdax", "a"), second)
        self.assertNotEqual(self.desk.by_run("run", "a"), second)

    def test_orders_done_long_ago_are_asked_for_elsewhere(self) -> None:
        old = self.make(self.request("old"))
        asked: list[tuple[str, str]] = []

        def find_done(run_id: str, client_oid: str) -> Order | None:
            asked.append((run_id, client_oid))
            return old if client_oid == "old" else None

        desk = Desk(self.ledger, find_done=find_done, last_order_id=7, last_trade_id=9)
        desk.add_exchange("gdax", {"BTC_USD": PAIR}, FEES, self.exchange)
        self.assertIs(desk.make_order(self.request("old"), self.now), old)
        self.assertEqual(desk.make_order(self.request("new"), self.now).id, 8)
        self.assertEqual(asked, [("run", "old"), ("run", "new")])

    def test_a_cancellation_takes_its_time_and_comes_to_nothing_for_a_done_order(self) -> None:
        self.make(self.request())
        self.arrive()
        self.assertEqual(self.desk.cancel_order("gdax", "a", self.now).status, OrderStatus.OPEN)
        self.arrive()
        done = self.order()
        self.assertEqual((done.done_reason, done.filled_size), (DoneReason.CANCELLED, 1))
        self.assertIs(self.desk.cancel_order("gdax", "a", self.now), done)
        self.assertIsNone(self.exchange.next_due())
        for exchange, client_oid in [("gdax", "b"), ("kraken", "a")]:
            with self.assertRaises(UnknownName):
                self.desk.cancel_order(exchange, client_oid, self.now)

    def test_memory_of_done_orders_is_bounded(self) -> None:
        request = self.request(type=OrderType.FOK, limit=Decimal(50))
        for number in range(10_002):
            self.make(replace(request, client_oid=str(number)))
            self.arrive()
            if number == 0:
                namesake = self.make(self.request("0", run_id="other", limit=Decimal(50)))
        self.take()
        self.assertIsNone(self.desk.by_run("run", "0"))
        self.assertEqual(self.order("0").id, namesake.id)
        self.assertIsNone(self.desk.by_run("run", "1"))
        self.assertIsNone(self.desk.by_client("gdax", "1"))
        self.assertIsNotNone(self.desk.by_run("run", "2"))


class Breaches(Trading):
    def test_a_report_that_does_not_fit_its_order_is_a_breach_and_books_nothing(self) -> None:
        self.make(self.request())
        self.make(self.market("m"))
        reports: list[tuple[str, Execution]] = [
            ("gdax", Opened(99, NOW)),
            ("kraken", Opened(1, NOW)),
            ("gdax", Filled(1, Ticks(10_100), Lots(2_001), False, NOW)),
            ("gdax", Filled(1, Ticks(10_100), Lots(0), False, NOW)),
            ("gdax", Filled(1, Ticks(10_101), Lots(2_000), False, NOW)),
            ("gdax", Filled(2, Ticks(10_500), Lots(2_000), False, NOW)),
            ("gdax", Finished(1, DoneReason.FILLED, NOW)),
        ]
        for exchange, report in reports:
            with self.subTest(report=report):
                self.take()
                with self.assertRaises(LedgerBreach):
                    self.desk.execute(exchange, [report])
                self.assertEqual(self.take(), [])

    def test_a_done_order_never_changes(self) -> None:
        self.make(self.request())
        self.desk.execute("gdax", [Finished(1, DoneReason.CANCELLED, NOW)])
        reports: list[Execution] = [Opened(1, NOW), Finished(1, DoneReason.EXPIRED, NOW)]
        for report in reports:
            with self.assertRaises(LedgerBreach):
                self.desk.execute("gdax", [report])


class Restarting(Trading):
    def test_open_orders_and_their_holds_survive_a_restart(self) -> None:
        self.make(self.request(limit=Decimal(102)))
        self.arrive()
        self.make(self.request("b", side=SELL, limit=Decimal(120)))
        self.take()
        before = {currency: self.funds(currency) for currency in ("USD", "BTC")}

        ledger = Ledger()
        holds = [
            (self.ledger.wallet(self.set_id, "gdax", order.hold_currency).id, order.id, -order.hold)
            for order in self.desk.orders.values()
        ]
        ledger.restore(self.ledger.sets.values(), self.ledger.wallets.values(), holds, 1000)
        self.assertEqual(ledger.audit(), [])
        exchange = PaperExchange(latency_ns=LATENCY)
        engine = exchange.add_pair(PAIR, L2Book(PAIR))
        desk = Desk(ledger, last_trade_id=1)
        desk.add_exchange("gdax", {"BTC_USD": PAIR}, FEES, exchange)
        for order in self.desk.orders.values():
            desk.restore_order(order)
            exchange.resume(order, self.now)
        self.assertEqual(desk.take_changes(), [])
        self.assertEqual(desk.orders, self.desk.orders)
        self.assertEqual(desk.by_run("run", "a"), self.order())
        wallets = {c: ledger.wallet(self.set_id, "gdax", c) for c in ("USD", "BTC")}
        self.assertEqual({c: (w.balance, w.available) for c, w in wallets.items()}, before)

        self.now = UtcNs(self.now + LATENCY)
        desk.execute("gdax", exchange.advance(self.now))
        trade = TradePrint("BTC_USD", "", Ticks(10_199), Lots(1_000), BUY, self.now, self.now)
        desk.execute("gdax", engine.traded(trade, self.now))
        changes = desk.take_changes()
        trades = [change.trade for change in changes if isinstance(change, TradeMade)]
        self.assertEqual([(trade.id, trade.order_id, trade.maker) for trade in trades], [(2, 1, 1)])
        done = desk.by_client("gdax", "a")
        assert done is not None
        self.assertEqual(done.done_reason, DoneReason.FILLED)
        self.assertEqual(desk.make_order(self.request("c", size=Decimal(1)), self.now).id, 3)
        self.assertEqual(ledger.audit(), [])


sides = st.sampled_from(Side)
prices = st.integers(9_997, 10_003).map(Ticks)
sizes = st.integers(1, 3_000).map(Lots)


class Invariants(RuleBasedStateMachine):
    """Random trading of two sets against a random market, checked by separate bookkeeping."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger()
        self.exchange = PaperExchange(latency_ns=LATENCY)
        self.book = L2Book(PAIR)
        self.engine = self.exchange.add_pair(PAIR, self.book)
        self.desk = Desk(self.ledger)
        self.desk.add_exchange("gdax", {"BTC_USD": PAIR}, FEES, self.exchange)
        self.ledger.deposit("gdax", "USD", Decimal(700), NOW)
        self.ledger.deposit("gdax", "BTC", Decimal(8), NOW)
        self.sets = [
            self.ledger.create_set("one", [("gdax", "USD", Decimal("333.33"))], NOW).id,
            self.ledger.create_set("two", [("gdax", "BTC", Decimal("3.5"))], NOW).id,
            None,
        ]
        self.now = NOW
        self.tally = Tally()
        self.lines: list[Line] = []
        self.trades: dict[int, list[Trade]] = defaultdict(list)
        self.latest: dict[int, Order] = {}
        self.take()

    # What happens

    @rule(side=sides, price=prices, size=st.one_of(st.just(Lots(0)), sizes))
    def change_a_level(self, side: Side, price: Ticks, size: Lots) -> None:
        self.advance()
        self.tally.show(side, price, size)
        old = self.book.set_level(side, price, size)
        self.execute(self.engine.level_changed(side, price, old, size, self.now))

    @rule(side=sides, price=prices, size=sizes)
    def print_a_trade(self, side: Side, price: Ticks, size: Lots) -> None:
        self.advance()
        trade = TradePrint("BTC_USD", "", price, size, side, self.now, self.now)
        self.execute(self.engine.traded(trade, self.now), trade)

    @initialize(bid=prices, size=sizes)
    def begin_with_a_book(self, bid: Ticks, size: Lots) -> None:
        self.send_a_snapshot(bid, size, 1)

    @rule(bid=prices, size=sizes, spread=st.integers(1, 2))
    def send_a_snapshot(self, bid: Ticks, size: Lots, spread: int) -> None:
        self.advance()
        bids = {Ticks(bid - step): size for step in range(3)}
        asks = {Ticks(bid + spread + step): size for step in range(3)}
        for side, levels in ((BUY, bids), (SELL, asks)):
            for price in {**self.tally.shown[side], **levels}:
                self.tally.show(side, price, levels.get(price, 0))
        old_bids, old_asks = self.book.bids, self.book.asks
        self.book.replace(bids.items(), asks.items())
        self.execute(self.engine.replaced(old_bids, old_asks, self.now))

    @precondition(lambda self: not self.engine.stale)
    @rule()
    def lose_the_book(self) -> None:
        self.advance()
        self.engine.set_stale(True)

    @rule(
        type=st.sampled_from(OrderType),
        side=sides,
        size=sizes,
        price=prices,
        owner=st.integers(0, 2),
        cancel_after_s=st.sampled_from([0, 0, 1]),
        post_only=st.booleans(),
    )
    def make_an_order(
        self,
        type: OrderType,
        side: Side,
        size: Lots,
        price: Ticks,
        owner: int,
        cancel_after_s: int,
        post_only: bool,
    ) -> None:
        limit = None if type is OrderType.MARKET else PAIR.price(price)
        request = OrderRequest(
            "run", str(len(self.latest)), "gdax", "BTC_USD", type, side, PAIR.size(size), limit,
            self.sets[owner], cancel_after_s, None, post_only,
        )  # fmt: skip
        try:
            order = self.desk.make_order(request, self.now)
        except XWrapError:
            return
        worst = Ticks(price if limit is not None else 10**9 if side is BUY else 1)
        self.tally.open[order.id] = side, worst, size
        self.take()

    @rule(number=st.integers(0, 20))
    def cancel_an_order(self, number: int) -> None:
        if str(number) in (order.request.client_oid for order in self.latest.values()):
            self.desk.cancel_order("gdax", str(number), self.now)

    @rule(elapsed=st.sampled_from([LATENCY, 300_000_000]))
    def let_time_pass(self, elapsed: int) -> None:
        self.advance(elapsed)

    # How it is followed

    def advance(self, elapsed: int = 2) -> None:
        self.now = UtcNs(self.now + elapsed)
        self.execute(self.exchange.advance(self.now))

    def execute(self, events: list[Execution], trade: TradePrint | None = None) -> None:
        for event in events:
            if isinstance(event, Filled):
                self.tally.book(event, trade)
            elif isinstance(event, Finished):
                self.tally.open.pop(event.order_id)
        if trade is not None:
            volume = sum(event.size for event in events if isinstance(event, Filled))
            assert volume <= trade.size
        self.desk.execute("gdax", events)
        self.take()

    def take(self) -> None:
        for change in self.desk.take_changes():
            if isinstance(change, LinePosted):
                self.lines.append(change.line)
            elif isinstance(change, TradeMade):
                self.trades[change.trade.order_id].append(change.trade)
            elif isinstance(change, OrderChanged):
                before = self.latest.get(change.order.id)
                assert before is None or not before.is_done
                self.latest[change.order.id] = change.order

    # What always holds

    @invariant()
    def the_books_balance(self) -> None:
        assert self.ledger.audit(self.lines) == []

    @invariant()
    def each_line_tells_its_trade_and_what_was_settled_after_it(self) -> None:
        settled: dict[int, Decimal] = defaultdict(Decimal)
        moved: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
        for line in self.lines:
            if not line.on_hold:
                settled[line.wallet_id] += line.movement
            assert line.settled == settled[line.wallet_id]
            wallet = self.ledger.wallets[line.wallet_id]
            if line.trade_id is not None and not line.on_hold and wallet.set_id != EXCHANGE_SET:
                moved[line.trade_id, wallet.currency] += line.movement
        for order_id, trades in self.trades.items():
            sign = 1 if self.latest[order_id].request.side is BUY else -1
            for trade in trades:
                notional = PAIR.notional(trade.price * trade.size)
                assert moved.pop((trade.id, "BTC")) == sign * PAIR.size(trade.size)
                assert moved.pop((trade.id, "USD")) == -sign * notional - trade.fee
        assert not moved

    @invariant()
    def the_exchange_has_what_was_paid_in_and_traded(self) -> None:
        usd, btc = Decimal(700), Decimal(8)
        for order_id, trades in self.trades.items():
            sign = 1 if self.latest[order_id].request.side is BUY else -1
            for trade in trades:
                usd -= sign * PAIR.notional(trade.price * trade.size) + trade.fee
                btc += sign * PAIR.size(trade.size)
        assert self.ledger.wallet(EXCHANGE_SET, "gdax", "USD").settled == usd
        assert self.ledger.wallet(EXCHANGE_SET, "gdax", "BTC").settled == btc

    @invariant()
    def holds_are_what_open_orders_need(self) -> None:
        needs: dict[tuple[int | None, str], Decimal] = defaultdict(Decimal)
        for order in self.latest.values():
            if not order.is_done:
                place = order.request.wallet_set_id, order.hold_currency
                needs[place] += self.need(order)
        for set_id in self.sets:
            for currency in ("USD", "BTC"):
                wallet = self.ledger.find_wallet(set_id, "gdax", currency)
                held = 0 if wallet is None else -wallet.held_debit
                assert held == needs[set_id, currency]

    def need(self, order: Order) -> Decimal:
        trades = self.trades[order.id]
        open_lots = order.lots - sum(trade.size for trade in trades)
        if order.request.side is SELL:
            return PAIR.size(Lots(open_lots))
        if order.limit is None:
            return order.hold  # on its way: its needs are known when it arrives
        exact = Decimal(0)
        for trade in trades:
            rate = FEES.maker if trade.maker else FEES.taker
            exact += PAIR.notional(trade.price * trade.size) * rate
        notional = PAIR.notional(order.limit * open_lots)
        most = (exact + notional * FEES.taker).quantize(FEE_STEP, ROUND_CEILING, EXACT)
        return notional + most - sum((trade.fee for trade in trades), Decimal(0))

    @invariant()
    def orders_are_the_sum_of_their_trades(self) -> None:
        assert set(self.desk.orders) == {
            order_id for order_id, order in self.latest.items() if not order.is_done
        }
        for order_id, order in self.latest.items():
            trades = self.trades[order_id]
            assert order.filled == sum(trade.size for trade in trades) <= order.lots
            assert order.filled_notional == sum(trade.price * trade.size for trade in trades)
            assert order.fee == sum((trade.fee for trade in trades), Decimal(0))
            assert (order.done_reason is DoneReason.FILLED) == (order.filled == order.lots)
            assert order.hold == 0 or not order.is_done

    @invariant()
    def a_post_only_order_never_takes(self) -> None:
        for order_id, order in self.latest.items():
            if order.request.post_only:
                assert all(trade.maker for trade in self.trades[order_id])
                assert not (order.done_reason is DoneReason.REJECTED and order.filled)

    @invariant()
    def nothing_within_reach_of_a_resting_order_is_left(self) -> None:
        if not self.engine.stale:
            for order_id, (side, limit, _) in self.tally.open.items():
                if self.latest[order_id].status is OrderStatus.OPEN:
                    assert self.tally.within(side, limit) == []


class InvariantsHold(Invariants.TestCase):  # type: ignore[misc, valid-type]
    settings = settings(max_examples=40, stateful_step_count=40)


if __name__ == "__main__":
    unittest.main()
