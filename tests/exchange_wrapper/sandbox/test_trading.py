import json
import unittest
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from exchange_wrapper.errors import InsufficientFunds, OrderRejected, UnknownName
from exchange_wrapper.sandbox.keys import Profile
from exchange_wrapper.sandbox.market import BATCH
from exchange_wrapper.sandbox.orders import OrderRequest
from exchange_wrapper.sandbox.simulation import Simulation
from exchange_wrapper.sandbox.trading import Trading
from exchange_wrapper.terms import Side
from exchange_wrapper.times import SECOND, UtcNs, from_iso

NOW = from_iso("2026-05-17T12:00:00.010Z")
FUNDS = {"USD": Decimal(1_000_000), "LTC": Decimal(5000)}
PERMISSIONS = frozenset({"view", "trade"})
ANNE = Profile("anne", "a", "", "", PERMISSIONS, FUNDS)
BOB = Profile("bob", "b", "", "", PERMISSIONS, FUNDS)
LTC = "LTC-USD"


def limit(side: str, price: str, size: str, **others: Any) -> OrderRequest:
    return OrderRequest(LTC, Side(side), price=price, size=size, **others)


def market(side: str, **others: Any) -> OrderRequest:
    return OrderRequest(LTC, Side(side), type="market", **others)


class Venue(unittest.TestCase):
    """A venue with two profiles and a clock that only moves when told."""

    # A market's days cost time to draw; Trading keeps all that changes.
    simulation = Simulation(7, (ANNE, BOB))

    def setUp(self) -> None:
        self.simulation = Simulation(7, (ANNE, BOB))
        self.simulation.market = type(self).simulation.market
        self.simulation.trading = Trading(
            self.simulation.market,
            self.simulation._simulated,
            lambda batch: batch,
            (ANNE, BOB),
        )
        self.trading = self.simulation.trading
        self.now = NOW

    def place(self, profile: Profile, request: OrderRequest) -> str:
        return str(self.trading.place(profile, request, self.now)["id"])

    def told(self, profile: Profile, order_id: str) -> dict[str, object]:
        return self.trading.order(profile, order_id).told()

    def news(self, profile: Profile = ANNE) -> list[dict[str, Any]]:
        return [
            json.loads(message.data)
            for message in self.trading.drain()
            if message.profile_id == profile.profile_id
        ]

    def kinds(self, profile: Profile = ANNE) -> list[str]:
        return [message["type"] for message in self.news(profile)]

    def level(self, side: str, place: int = 0) -> tuple[Decimal, Decimal]:
        book = self.simulation.book(LTC, self.now)
        price, size = (book.bids if side == "buy" else book.asks)[place]
        return Decimal(price), Decimal(size)

    def balance(self, profile: Profile, currency: str) -> tuple[Decimal, Decimal]:
        """Return balance and hold."""
        told = self.trading.accounts(profile)[currency].told()
        return Decimal(str(told["balance"])), Decimal(str(told["hold"]))

    def inside(self) -> tuple[str, str]:
        """Return a bid and an ask price within the spread."""
        bid, ask = self.level("buy")[0], self.level("sell")[0]
        assert ask - bid > Decimal("0.02")
        return str(bid + Decimal("0.01")), str(ask - Decimal("0.01"))


class Takers(Venue):
    def test_take_what_the_book_shows_and_everybody_sees_it(self) -> None:
        (ask, shown), (second, _) = self.level("sell"), self.level("sell", 1)
        before = self.simulation.trades(LTC, 1, None, None, self.now)[0]
        order = self.place(ANNE, limit("buy", str(ask), str(shown), time_in_force="IOC"))
        told = self.told(ANNE, order)
        self.assertEqual((told["status"], told["done_reason"]), ("done", "filled"))
        self.assertEqual(self.level("sell")[0], second)
        cost = ask * shown
        usd, hold = self.balance(ANNE, "USD")
        self.assertEqual((usd, hold), (FUNDS["USD"] - cost * Decimal("1.006"), 0))
        self.assertEqual(self.balance(ANNE, "LTC")[0], FUNDS["LTC"] + shown)
        self.now = UtcNs(self.now + 1)
        (after,) = self.simulation.trades(LTC, 1, None, None, self.now)
        self.assertEqual(after["trade_id"], int(str(before["trade_id"])) + 1)
        self.assertEqual((after["side"], Decimal(str(after["price"]))), ("sell", ask))

    def test_find_the_liquidity_back_with_the_next_cells(self) -> None:
        ask, shown = self.level("sell")
        self.place(ANNE, limit("buy", str(ask), str(shown), time_in_force="IOC"))
        later = UtcNs(self.now + 120 * SECOND)
        while self.now < later:
            self.now = UtcNs(self.now + 10 * SECOND)
            self.trading.advance(self.now)
        simulated = self.simulation._simulated(LTC, self.now // BATCH)
        self.assertEqual(self.simulation.depth(LTC, self.now // BATCH).asks, simulated.asks)

    def test_walk_the_levels_and_keep_or_cancel_the_rest(self) -> None:
        (ask, first), (second, shown) = self.level("sell"), self.level("sell", 1)
        size = first + shown + 1
        for tif, status in (("IOC", "done"), ("GTC", "open")):
            with self.subTest(tif):
                self.setUp()
                order = self.place(ANNE, limit("buy", str(second), str(size), time_in_force=tif))
                told = self.told(ANNE, order)
                self.assertEqual(told["status"], status)
                self.assertEqual(Decimal(str(told["filled_size"])), first + shown)
                self.assertEqual(Decimal(str(told["executed_value"])), ask * first + second * shown)
                if tif == "GTC":
                    self.assertEqual(self.level("buy"), (second, 1))
                    self.assertEqual(self.kinds(), ["received", "match", "match", "open"])
                else:
                    self.assertEqual(self.kinds(), ["received", "match", "match", "done"])

    def test_fill_or_kill_does_all_or_nothing(self) -> None:
        ask, shown = self.level("sell")
        whole = self.place(ANNE, limit("buy", str(ask), str(shown), time_in_force="FOK"))
        self.assertEqual(self.told(ANNE, whole)["done_reason"], "filled")
        self.setUp()
        too_much = str(shown + Decimal("0.00000001"))
        killed = self.place(ANNE, limit("buy", str(ask), too_much, time_in_force="FOK"))
        self.assertEqual(self.kinds(), ["received", "done"])
        with self.assertRaises(UnknownName):  # purged, for it never traded
            self.told(ANNE, killed)
        self.assertEqual(self.balance(ANNE, "USD"), (FUNDS["USD"], 0))

    def test_at_market_spend_no_more_than_their_funds(self) -> None:
        order = self.place(ANNE, market("buy", funds="1000.00"))
        told = self.told(ANNE, order)
        self.assertEqual((told["status"], told["done_reason"]), ("done", "filled"))
        spent = Decimal(str(told["executed_value"])) + Decimal(str(told["fill_fees"]))
        self.assertEqual(self.balance(ANNE, "USD")[0], FUNDS["USD"] - spent)
        self.assertTrue(Decimal("999.99") < spent <= 1000, spent)

    def test_at_market_sell_a_size(self) -> None:
        order = self.place(ANNE, market("sell", size="3"))
        told = self.told(ANNE, order)
        self.assertEqual(told["filled_size"], "3.00000000")
        received = Decimal(str(told["executed_value"])) - Decimal(str(told["fill_fees"]))
        self.assertEqual(self.balance(ANNE, "USD")[0], FUNDS["USD"] + received)


class Makers(Venue):
    def test_show_in_the_book_and_hold_their_worst_cost(self) -> None:
        bid, _ = self.inside()
        order = self.place(ANNE, limit("buy", bid, "2"))
        self.assertEqual(self.level("buy"), (Decimal(bid), 2))
        self.assertEqual(self.balance(ANNE, "USD")[1], Decimal(bid) * 2 * Decimal("1.006"))
        self.trading.cancel(ANNE, order, self.now)
        self.assertLess(self.level("buy")[0], Decimal(bid))
        self.assertEqual(self.balance(ANNE, "USD"), (FUNDS["USD"], 0))
        self.assertEqual(self.kinds(), ["received", "open", "done"])

    def test_are_filled_by_the_simulated_market_part_by_part(self) -> None:
        _, ask = self.inside()
        order = self.place(ANNE, limit("sell", ask, "2000"))
        heard: list[dict[str, Any]] = []
        for _ in range(120):
            self.now = UtcNs(self.now + SECOND)
            self.trading.advance(self.now)
            heard += self.news()
        matches = [message for message in heard if message["type"] == "match"]
        self.assertGreater(len(matches), 1)
        self.assertEqual({m["side"] for m in matches}, {"sell"})
        self.assertEqual({m["price"] for m in matches}, {ask})
        self.assertEqual({m["maker_fee_rate"] for m in matches}, {"0.0040"})
        self.assertEqual({m["maker_order_id"] for m in matches}, {order})
        told = self.told(ANNE, order)
        filled = sum(Decimal(m["size"]) for m in matches)
        self.assertEqual(Decimal(str(told["filled_size"])), filled)
        ids = [trade["trade_id"] for trade in self.simulation.trades(LTC, 50, None, None, self.now)]
        self.assertEqual(ids, list(range(int(str(ids[0])), int(str(ids[0])) - 50, -1)))

    def test_wait_behind_the_lots_that_were_there_before_them(self) -> None:
        bid, shown = self.level("buy")
        self.place(ANNE, limit("buy", str(bid), "1"))
        self.place(BOB, market("sell", size=str(shown)))
        self.assertEqual(self.kinds(), ["received", "open"])
        self.place(BOB, market("sell", size="0.5"))
        self.assertEqual(self.kinds(), ["match"])

    def test_go_by_price_then_by_time(self) -> None:
        bid, ask = self.inside()
        self.assertLess(Decimal(bid), Decimal(ask))
        first = self.place(ANNE, limit("buy", bid, "1"))
        second = self.place(ANNE, limit("buy", bid, "1"))
        best = self.place(ANNE, limit("buy", ask, "1"))
        self.news()
        self.place(BOB, limit("sell", bid, "2.5", time_in_force="IOC"))
        makers = [m["maker_order_id"] for m in self.news() if m["type"] == "match"]
        self.assertEqual(makers, [best, first, second])

    def test_two_profiles_trade_at_the_makers_price_and_each_pays_its_fee(self) -> None:
        bid, _ = self.inside()
        self.place(ANNE, limit("buy", bid, "2"))
        taker = self.place(BOB, limit("sell", bid, "2"))
        value = Decimal(bid) * 2
        self.assertEqual(self.balance(ANNE, "USD"), (FUNDS["USD"] - value * Decimal("1.004"), 0))
        self.assertEqual(self.balance(BOB, "USD"), (FUNDS["USD"] + value * Decimal("0.994"), 0))
        self.assertEqual(self.trading.fills(ANNE)[0]["liquidity"], "M")
        self.assertEqual(self.trading.fills(BOB)[0]["liquidity"], "T")
        self.assertEqual(self.trading.fills(BOB)[0]["order_id"], taker)

    def test_expire(self) -> None:
        bid, _ = self.level("buy", 20)
        order = self.place(
            ANNE, limit("buy", str(bid), "1", time_in_force="GTT", cancel_after="min")
        )
        for seconds, status in ((59, "open"), (61, None)):
            self.trading.advance(UtcNs(NOW + seconds * SECOND))
            if status:
                self.assertEqual(self.told(ANNE, order)["status"], status)
        with self.assertRaises(UnknownName):
            self.told(ANNE, order)
        self.assertEqual(self.news()[-1]["reason"], "canceled")

    def test_post_only_is_rejected_where_it_would_take(self) -> None:
        ask, _ = self.level("sell")
        order = self.place(ANNE, limit("buy", str(ask), "1", post_only=True))
        told = self.told(ANNE, order)
        self.assertEqual((told["status"], told["reject_reason"]), ("rejected", "post only"))
        self.assertEqual(self.balance(ANNE, "USD")[1], 0)


class SelfTrade(Venue):
    def test_is_prevented_as_the_taker_asks(self) -> None:
        bid, _ = self.inside()
        cases = (
            # mode, sizes of maker and taker, sizes left of both
            ("dc", "2", "2", None, None),
            ("dc", "3", "2", "1", None),
            ("dc", "2", "3", None, "1"),
            ("co", "2", "2", None, "2"),
            ("cn", "2", "2", "2", None),
            ("cb", "2", "3", None, None),
        )
        for mode, resting, arriving, *left in cases:
            with self.subTest(mode, resting=resting, arriving=arriving):
                self.setUp()
                ids = [
                    self.place(ANNE, limit("buy", bid, resting)),
                    self.place(ANNE, limit("sell", bid, arriving, stp=mode)),
                ]
                open_now = {o.id: o.remaining for o in self.trading.orders(ANNE) if o.live}
                wanted = {
                    id: int(lots) * 10**8
                    for id, lots in zip(ids, left, strict=True)
                    if lots is not None
                }
                self.assertEqual(open_now, wanted)
                self.assertEqual(self.trading.fills(ANNE), [])
                if not wanted:
                    self.assertEqual(self.balance(ANNE, "USD")[1], 0)
                    self.assertEqual(self.balance(ANNE, "LTC")[1], 0)


class Refused(Venue):
    def test_orders_leave_nothing_behind(self) -> None:
        bid, ask = (str(self.level(side)[0]) for side in ("buy", "sell"))
        oid = "5b1b1bd2-9d5b-4f6c-8f2a-3d6d1a0f1c11"
        self.place(ANNE, limit("buy", bid, "1", client_oid=oid))
        held = self.balance(ANNE, "USD")
        cases = (
            (limit("buy", bid, "100000"), InsufficientFunds, "Insufficient funds"),
            (limit("sell", ask, "5001"), InsufficientFunds, "Insufficient funds"),
            (market("buy", funds="1000000"), InsufficientFunds, "Insufficient funds"),
            (market("sell", size="5001"), InsufficientFunds, "Insufficient funds"),
            (limit("buy", bid, "0.001"), OrderRejected, "size is too small"),
            (limit("buy", bid + "1", "1"), OrderRejected, "price too precise"),
            (limit("buy", bid, "1.000000001"), OrderRejected, "size too precise"),
            (limit("buy", "-1", "1"), OrderRejected, "price too small"),
            (limit("buy", "1e999", "1"), OrderRejected, "Invalid price"),
            (limit("buy", bid, "1", client_oid=oid), OrderRejected, "Duplicate client_oid"),
            (OrderRequest("NO-USD", Side.BUY, price="1", size="1"), UnknownName, "Product not"),
        )
        for request, kind, message in cases:
            with self.subTest(message), self.assertRaisesRegex(kind, message):
                self.place(ANNE, request)
            self.assertEqual(self.balance(ANNE, "USD"), held)
        self.assertEqual(len(self.trading.orders(ANNE)), 1)


actions = st.lists(
    st.tuples(
        st.sampled_from((ANNE, BOB)),
        st.sampled_from(("buy", "sell")),
        st.integers(-6, 6),
        st.sampled_from(("0.7", "3", "40.00000001", "2000")),
        st.sampled_from(("GTC", "GTC", "IOC", "FOK", "market", "funds", "cancel", "cancel all")),
        st.sampled_from(("dc", "co", "cn", "cb")),
        st.integers(0, 3 * BATCH),
    ),
    max_size=25,
)


class Money(Venue):
    @settings(max_examples=40, deadline=None)
    @given(actions)
    def test_is_conserved_and_never_overdrawn_and_done_is_done(self, steps: list[Any]) -> None:
        self.setUp()
        done: dict[str, dict[str, object]] = {}
        for profile, side, offset, size, kind, stp, pause in steps:
            self.now = UtcNs(self.now + pause)
            mid = self.level(side)[0]
            try:
                if kind == "cancel":
                    for order in self.trading.orders(profile)[:1]:
                        self.trading.cancel(profile, order.id, self.now)
                elif kind == "cancel all":
                    self.trading.cancel_all(profile, LTC, self.now)
                elif kind == "market":
                    self.place(profile, market(side, size=size, stp=stp))
                elif kind == "funds":
                    self.place(profile, market(side, funds="123.45", stp=stp))
                else:
                    price = str(mid + Decimal(offset) / 100)
                    self.place(profile, limit(side, price, size, time_in_force=kind, stp=stp))
            except OrderRejected:
                pass
            self.check(done)
        book = self.simulation.book(LTC, self.now)
        self.assertLess(Decimal(book.bids[0][0]), Decimal(book.asks[0][0]))

    def check(self, done: dict[str, dict[str, object]]) -> None:
        for profile in (ANNE, BOB):
            orders = {order.id: order for order in self.trading.orders(profile)}
            for order_id, order in orders.items():
                if not order.live:
                    self.assertEqual(done.setdefault(order_id, order.told()), order.told())
            bought = {side: Decimal(0) for side in Side}
            value = {side: Decimal(0) for side in Side}
            fees = Decimal(0)
            for fill in self.trading.fills(profile):
                side = Side(str(fill["side"]))
                bought[side] += Decimal(str(fill["size"]))
                value[side] += Decimal(str(fill["usd_volume"]))
                fees += Decimal(str(fill["fee"]))
            usd, ltc = self.trading.accounts(profile)["USD"], self.trading.accounts(profile)["LTC"]
            self.assertEqual(
                self.balance(profile, "LTC")[0],
                FUNDS["LTC"] + bought[Side.BUY] - bought[Side.SELL],
            )
            self.assertEqual(
                self.balance(profile, "USD")[0],
                FUNDS["USD"] + value[Side.SELL] - value[Side.BUY] - fees,
            )
            live = [order for order in orders.values() if order.live]
            for account, side in ((usd, Side.BUY), (ltc, Side.SELL)):
                self.assertGreaterEqual(account.available, 0)
                self.assertEqual(account.hold, sum(o.hold for o in live if o.side is side))
                self.assertEqual(
                    sum(Decimal(str(entry["amount"])) for entry in account.entries),
                    self.balance(profile, account.currency)[0],
                )


class PublicFeed(Venue):
    def heard(self, simulation: Simulation, seconds: int) -> Iterator[dict[str, Any]]:
        keys = (("level2_batch", LTC), ("level2", LTC), ("matches", LTC))
        stream = simulation.stream(self.now)
        for data in stream.subscribe(keys, self.now):
            yield json.loads(data)
        for now in range(self.now + BATCH, self.now + seconds * SECOND, BATCH):
            self.now = UtcNs(now)
            for message in stream.advance(self.now, lambda *key: key in keys):
                if message.channel in ("level2_batch", "matches"):
                    yield json.loads(message.data)

    def test_prints_what_profiles_trade_and_its_books_stay_whole(self) -> None:
        book: dict[str, dict[Decimal, Decimal]] = {}
        ids, placed, makers = [], 0, set()
        for message in self.heard(self.simulation, 120):
            if message["type"] == "snapshot":
                book = {
                    side: {Decimal(price): Decimal(size) for price, size in message[name]}
                    for side, name in (("buy", "bids"), ("sell", "asks"))
                }
            elif message["type"] == "l2update":
                for side, price, size in message["changes"]:
                    book[side][Decimal(price)] = Decimal(size)
                    if not Decimal(size):
                        del book[side][Decimal(price)]
                self.assertLess(max(book["buy"]), min(book["sell"]))
                placed += 1
                if placed % 40 == 0:
                    self.place(ANNE, limit("buy", str(max(book["buy"])), "30"))
                    self.place(BOB, limit("sell", str(min(book["sell"])), "30"))
                if placed % 90 == 0:
                    self.place(BOB, market("buy", size="200"))
            else:
                ids.append(message["trade_id"])
                makers.add(message["maker_order_id"])
        self.assertEqual(ids[1:], list(range(ids[1], ids[1] + len(ids) - 1)))
        own = {str(fill["order_id"]) for p in (ANNE, BOB) for fill in self.trading.fills(p)}
        self.assertTrue(own & makers)
        listed = self.simulation.book(LTC, self.now)
        rest = {Decimal(price): Decimal(size) for price, size in listed.bids}
        self.assertEqual(book["buy"], rest)

    def test_is_the_same_to_the_byte_whether_or_not_anybody_could_trade(self) -> None:
        with_profiles = list(self.heard(self.simulation, 10))
        self.now = NOW
        self.assertEqual(with_profiles, list(self.heard(Simulation(7, ()), 10)))
