import unittest
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cryptick.frontier.planned_order import Holdings, PlannedOrder, Terms, execute, slice_orders
from cryptick.frontier.rebalance import RebalancePlan, plan_rebalance
from exchange_wrapper.errors import ApiUsageError, InsufficientFunds, InvalidAmount, XWrapError
from exchange_wrapper.numbers import LEDGER, Lots
from exchange_wrapper.pair import Pair
from exchange_wrapper.terms import Side

D = Decimal


def terms(
    name: str,
    bid: str,
    ask: str,
    exchange: str = "x",
    fee: str = "0",
    lot: str = "0.01",
    **limits: Decimal,
) -> Terms:
    pair = Pair(f"{name}-USD", name, "USD", D("0.01"), D(lot), **limits)
    return Terms(exchange, pair, D(bid), D(ask), D(fee))


def texts(orders: tuple[PlannedOrder, ...]) -> list[str]:
    return [f"{o.exchange} {o.side} {o.size.normalize():f} {o.pair}" for o in orders]


def held(**amounts: str) -> dict[tuple[str, str], Decimal]:
    return {("x", name): D(amount) for name, amount in amounts.items()}


def plan(
    holdings: Holdings, offers: list[Terms], target: dict[str, str], **more: Any
) -> RebalancePlan:
    weights = {name: D(weight) for name, weight in target.items()}
    return plan_rebalance(holdings, offers, weights, currency="USD", **more)


class ByHand(unittest.TestCase):
    def test_cash_becomes_a_mix(self) -> None:
        offers = [terms("BTC", "100", "100"), terms("ETH", "10", "10")]
        made = plan(held(USD="1000"), offers, {"BTC": "0.6", "ETH": "0.3", "USD": "0.1"})
        self.assertEqual(texts(made.orders), ["x buy 6 BTC_USD", "x buy 30 ETH_USD"])
        self.assertEqual((made.fees, made.turnover, made.deviation), (0, 900, 0))
        self.assertEqual(made.weights_before, {"BTC": 0, "ETH": 0, "USD": 1})
        self.assertEqual(made.weights_after, made.weights_target)

    def test_only_what_is_allowed_is_traded_with_the_money_there_is(self) -> None:
        offers = [terms("BTC", "100", "100"), terms("ETH", "10", "10")]
        target = {"BTC": "0.5", "ETH": "0.5"}
        holdings = held(BTC="8", ETH="10", USD="100")
        both = plan(holdings, offers, target)
        self.assertEqual(texts(both.orders), ["x sell 3 BTC_USD", "x buy 40 ETH_USD"])
        bought = plan(holdings, offers, target, only={("ETH", Side.BUY), ("BTC", Side.BUY)})
        self.assertEqual(texts(bought.orders), ["x buy 10 ETH_USD"])
        self.assertEqual(plan(holdings, offers, target, only=()).orders, ())

    def test_the_mix_is_of_what_is_left_after_spread_and_fees(self) -> None:
        # Mid 100, ask 101, fee 1 %: 102.01 buy what counts 100. With x spent on BTC, half of
        # 1000 − 2.01 x / 102.01 is 100 x / 102.01: x = 505.0…, so 4.95 BTC to the lot.
        made = plan(
            held(USD="1000"), [terms("BTC", "99", "101", fee="0.01")], {"BTC": "0.5", "USD": "0.5"}
        )
        self.assertEqual(texts(made.orders), ["x buy 4.95 BTC_USD"])
        self.assertEqual(made.fees, D("4.9995"))
        self.assertEqual(made.equity_after, 1000 - D("4.9995") - D("4.95"))
        self.assertLess(made.deviation, D("0.001"))

    def test_sales_come_first_and_pay_for_purchases(self) -> None:
        offers = [terms("ETH", "10", "10", fee="0.001"), terms("BTC", "100", "100", fee="0.001")]
        made = plan(held(BTC="10"), offers, {"BTC": "0", "ETH": "1"})
        self.assertEqual(texts(made.orders), ["x sell 10 BTC_USD", "x buy 99.8 ETH_USD"])
        self.assertEqual(execute(held(BTC="10"), made.orders)["x", "USD"], D("0.002"))

    def test_what_is_within_the_band_rests(self) -> None:
        offers = [terms("BTC", "100", "100"), terms("ETH", "10", "10")]
        holdings = held(BTC="5.1", ETH="29", USD="200")
        target = {"BTC": "0.5", "ETH": "0.4", "USD": "0.1"}
        made = plan(holdings, offers, target, band=D("0.02"))
        self.assertEqual(texts(made.orders), ["x buy 11 ETH_USD"])
        self.assertEqual(plan(holdings, offers, target, band=D("0.2")).orders, ())

    def test_an_order_too_small_for_the_exchange_is_left_out(self) -> None:
        for limits in ({"min_order": D("0.6")}, {"min_notional": D("60")}):
            with self.subTest(limits):
                offers = [terms("BTC", "100", "100", **limits)]
                for weight, orders in (("0.5", []), ("0.6", ["x buy 0.6 BTC_USD"])):
                    target = {"BTC": weight, "USD": str(1 - D(weight))}
                    self.assertEqual(texts(plan(held(USD="100"), offers, target).orders), orders)

    def test_an_order_too_large_for_the_exchange_is_cut(self) -> None:
        offers = [terms("BTC", "100", "100", max_order=D("4"))]
        made = plan(held(USD="1000"), offers, {"BTC": "1"})
        self.assertEqual([o.size for o in made.orders], [D("3.33"), D("3.33"), D("3.34")])

    def test_a_buffer_stays_in_cash(self) -> None:
        made = plan(
            held(USD="1000"), [terms("BTC", "100", "100")], {"BTC": "1"}, cash_buffer=D("250")
        )
        self.assertEqual(texts(made.orders), ["x buy 7.5 BTC_USD"])

    def test_money_stays_on_its_exchange(self) -> None:
        offers = [
            terms("BTC", "100", "100"),
            terms("BTC", "99", "99", "y"),
            terms("ETH", "10", "10", "y"),
        ]
        holdings = {("x", "BTC"): D(5), ("y", "BTC"): D(5)}
        with self.subTest("sold where the proceeds can buy what lacks"):
            made = plan(holdings, offers, {"BTC": "0.6", "ETH": "0.4"})
            self.assertEqual(texts(made.orders), ["y sell 4.02 BTC_USD", "y buy 39.79 ETH_USD"])
        with self.subTest("one exchange after the other where one can't do it all"):
            made = plan({("x", "USD"): D(300), ("y", "USD"): D(198)}, offers[:2], {"BTC": "1"})
            self.assertEqual(texts(made.orders), ["x buy 3 BTC_USD", "y buy 2 BTC_USD"])
        with self.subTest("the better price where either can"):
            rich = {("x", "USD"): D(900), ("y", "USD"): D(600)}
            made = plan(rich, offers[:2], {"BTC": "0.2", "USD": "0.8"})
            self.assertEqual([o.exchange for o in made.orders], ["y"])

    def test_a_new_target_in_mid_flight_starts_from_what_is_held(self) -> None:
        offers = [terms("BTC", "100", "100"), terms("ETH", "10", "10")]
        first = plan(held(USD="1000"), offers, {"BTC": "1", "ETH": "0"}, slices=4)
        half_way = execute(
            held(USD="1000"), [o for part in slice_orders(first.orders, 4)[:2] for o in part]
        )
        self.assertEqual(half_way["x", "BTC"], 5)
        second = plan(half_way, offers, {"BTC": "0.2", "ETH": "0.8"})
        self.assertEqual(texts(second.orders), ["x sell 3 BTC_USD", "x buy 80 ETH_USD"])

    def test_slices_keep_to_the_minimum_sales_early_and_purchases_late(self) -> None:
        offer = terms("BTC", "100", "100", min_notional=D("30"))
        for side, sizes in (
            (Side.SELL, ["0.34", "", "0.33", "", "0.33", ""]),
            (Side.BUY, ["", "0.33", "", "0.33", "", "0.34"]),
        ):
            with self.subTest(side):
                parts = slice_orders([PlannedOrder(offer, side, Lots(100))], 6)
                self.assertEqual([" ".join(str(o.size) for o in part) for part in parts], sizes)


class BadInput(unittest.TestCase):
    def test_each_gets_one_sentence_that_names_the_field(self) -> None:
        offers = [terms("BTC", "100", "101")]
        cash, btc = held(USD="1000"), {"BTC": "1"}
        table: list[tuple[str, Holdings, dict[str, str], dict[str, Any]]] = [
            ("target", cash, {"BTC": "0.9"}, {}),
            ("target", cash, {"BTC": "1.5", "USD": "-0.5"}, {}),
            ("target", cash, {}, {}),
            ("target", held(BTC="1"), {"USD": "1"}, {}),
            ("holdings", {}, btc, {}),
            ("holdings", held(USD="-1"), btc, {}),
            ("pairs", cash, {"ETH": "1"}, {}),
            ("pairs", held(ETH="1"), {"ETH": "0", "USD": "1"}, {}),
            ("band", cash, btc, {"band": D("-0.1")}),
            ("cash_buffer", cash, btc, {"cash_buffer": D(-1)}),
            ("slices", cash, btc, {"slices": 0}),
        ]
        for field, holdings, target, more in table:
            with self.subTest(field, target=target), self.assertRaises(ApiUsageError) as caught:
                plan(holdings, offers, target, **more)
            self.assertEqual((caught.exception.data or {})["field"], field)

    def test_prices_must_be_positive_not_crossed_and_on_the_grid(self) -> None:
        for bid, ask, error in (
            ("0", "1", ApiUsageError),
            ("2", "1", ApiUsageError),
            ("1", "1.001", InvalidAmount),
        ):
            with self.subTest(bid=bid, ask=ask), self.assertRaises(error):
                terms("BTC", bid, ask)

    def test_slices_and_execution_refuse_what_can_not_be(self) -> None:
        offer = terms("BTC", "100", "100")
        with self.assertRaises(ApiUsageError):
            slice_orders([], 0)
        with self.assertRaises(InsufficientFunds):
            execute({}, [PlannedOrder(offer, Side.BUY, Lots(1))])


EXCHANGES, COINS = ("x", "y"), ("BTC", "ETH", "XRP")


@st.composite
def offers_of(draw: st.DrawFn, exchange: str, coin: str) -> Terms:
    bid = draw(st.integers(1, 2_000_000))
    spread = draw(st.integers(0, max(1, bid // 50)))
    pair = Pair(
        f"{coin}-USD",
        coin,
        "USD",
        D("0.01"),
        draw(st.sampled_from([D("0.00000001"), D("0.001"), D("0.25"), D(1)])),
        min_order=draw(st.sampled_from([D(0), D("0.5")])),
        max_order=draw(st.sampled_from([None, D(200_000)])),
        min_notional=draw(st.sampled_from([D(0), D(10)])),
    )
    fee = draw(st.sampled_from([D(0), D("0.001"), D("0.0137")]))
    return Terms(exchange, pair, D(bid).scaleb(-2), D(bid + spread).scaleb(-2), fee)


@st.composite
def tasks(
    draw: st.DrawFn,
) -> tuple[dict[tuple[str, str], Decimal], list[Terms], dict[str, Decimal]]:
    places = draw(
        st.lists(
            st.sampled_from([(e, c) for e in EXCHANGES for c in COINS]), min_size=1, unique=True
        )
    )
    offers = [draw(offers_of(*place)) for place in places]
    amounts = st.integers(0, 10**14).map(lambda units: D(units).scaleb(-10))
    holdings = {place: draw(amounts) for place in [*places, ("x", "USD"), ("y", "USD")]}
    coins = sorted({coin for _, coin in places})
    parts = [draw(st.integers(0, 100)) for _ in coins]
    parts.append(draw(st.integers(0 if any(parts) else 1, 100)))
    weights = {
        name: D(part * 10_000 // sum(parts)) / 10_000
        for name, part in zip([*coins, "USD"], parts, strict=True)
    }
    weights["USD"] += 1 - sum(weights.values())
    return holdings, offers, weights


class Properties(unittest.TestCase):
    @settings(max_examples=100, deadline=None)
    @given(
        tasks(),
        st.sampled_from([D(0), D("0.01"), D("0.1")]),
        st.sampled_from([D(0), D(100)]),
        st.integers(1, 9),
    )
    def test_a_plan_is_affordable_exact_final_and_can_be_sliced(
        self,
        task: tuple[dict[tuple[str, str], Decimal], list[Terms], dict[str, Decimal]],
        band: Decimal,
        buffer: Decimal,
        slices: int,
    ) -> None:
        holdings, offers, target = task
        try:
            made = plan_rebalance(
                holdings,
                offers,
                target,
                currency="USD",
                band=band,
                cash_buffer=buffer,
                slices=slices,
            )
        except XWrapError:
            self.assertFalse(any(holdings.values()))
            return
        after = execute(holdings, made.orders)  # raises when anything would go below zero
        # Money adds up: what is missing is the fees and what was paid beyond the middle.
        lost = made.fees
        for order in made.orders:
            self.assertTrue(order.terms.tradable(order.side, order.lots))
            half = abs(LEDGER.subtract(order.price, order.terms.mid))
            lost = LEDGER.add(lost, LEDGER.multiply(half, order.size))
        self.assertEqual(LEDGER.subtract(made.equity_before, made.equity_after), lost)
        sides = [order.side for order in made.orders]
        self.assertEqual(sides, sorted(sides, key=lambda side: side is Side.BUY))
        # Planning again finds nothing but what was kept for the fees of pieces.
        again = plan_rebalance(
            after, offers, target, currency="USD", band=band, cash_buffer=buffer, slices=slices
        )
        pieces = slices * len(made.orders) if made.fees else 0
        if pieces > len({(order.exchange, order.pair) for order in made.orders}):
            self.assertLessEqual(again.turnover, D(pieces).scaleb(-8))
        else:
            self.assertEqual(texts(again.orders), [])
        # Slices are the plan, affordable at each point, and each is large enough.
        held = dict(holdings)
        sizes: dict[tuple[str, str], Decimal] = {}
        for part in slice_orders(made.orders, slices):
            held = execute(held, sorted(part, key=lambda order: order.side is Side.BUY))
            for order in part:
                self.assertTrue(order.terms.tradable(order.side, order.lots))
                place = order.exchange, order.pair
                sizes[place] = sizes.get(place, D(0)) + order.size
        for place in sizes:
            whole = sum(o.size for o in made.orders if (o.exchange, o.pair) == place)
            self.assertEqual(sizes[place], whole)
        for coin in COINS:
            for exchange in EXCHANGES:
                self.assertEqual(held.get((exchange, coin)), after.get((exchange, coin)))

    @settings(max_examples=50, deadline=None)
    @given(tasks())
    def test_on_one_exchange_only_lots_and_minima_explain_a_deviation(
        self, task: tuple[dict[tuple[str, str], Decimal], list[Terms], dict[str, Decimal]]
    ) -> None:
        holdings, offers, target = task
        offers = [offer for offer in offers if offer.exchange == "x"]
        coins = {offer.pair.base for offer in offers}
        holdings = {place: amount for place, amount in holdings.items() if place[0] == "x"}
        target = {name: weight for name, weight in target.items() if name in coins}
        target["USD"] = 1 - sum(target.values())
        if not any(holdings.values()):
            return
        made = plan_rebalance(holdings, offers, target, currency="USD")
        steps = {
            offer.pair.base: max(offer.pair.min_order * offer.ask, offer.pair.min_notional)
            + 2 * offer.pair.lot_size * offer.ask
            + D("1E-8")  # a fee is rounded up to that, which may be more than dust is worth
            for offer in offers
        }
        # What one coin can't sell another can't buy; fees and spread on that come on top.
        explained = D("1.1") * sum(steps.values()) / made.equity_after + D("1E-7")
        self.assertLessEqual(made.deviation, explained)


if __name__ == "__main__":
    unittest.main()
