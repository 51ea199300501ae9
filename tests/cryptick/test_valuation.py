import unittest
from decimal import Decimal

import numpy as np

from cryptick.errors import UsageError
from cryptick.messages import Fill
from cryptick.valuation import equity_curve, make_plan
from exchange_wrapper.errors import NoData, UnknownName
from exchange_wrapper.terms import Side
from exchange_wrapper.times import UtcNs

LISTED = {"x": ["BTC_USD", "ETH_USD", "ETH_BTC"], "y": ["BTC_EUR"]}


def plan(wanted: list[tuple[str, str]], funded: dict[str, set[str]]):
    names = {exchange: frozenset(currencies) for exchange, currencies in funded.items()}
    return make_plan(wanted, names, LISTED, "here", NoData)


class Plans(unittest.TestCase):
    def test_only_listed_pairs_are_traded(self) -> None:
        found = plan([("x", "BTC_USD"), ("x", "LTC_USD")], {"x": {"USD"}})
        self.assertEqual((found.traded, found.currency), ([("x", "BTC_USD")], "USD"))
        self.assertEqual(found.followed, [("x", "BTC_USD")])

    def test_a_star_stands_for_all_pairs_of_a_quote_currency(self) -> None:
        listed = {"x": {"ETH_USD", "BTC_USD", "ETH_BTC"}}
        found = make_plan([("x", "*_USD")], {"x": frozenset({"USD"})}, listed, "here", NoData)
        self.assertEqual(found.traded, [("x", "BTC_USD"), ("x", "ETH_USD")])
        with self.assertRaisesRegex(NoData, r"\*_EUR on x would be traded"):
            make_plan([("x", "*_EUR")], {"x": frozenset({"BTC"})}, listed, "here", NoData)

    def test_a_pair_is_followed_where_only_its_price_is_needed(self) -> None:
        found = plan([("x", "BTC_USD")], {"x": {"USD", "ETH"}})
        self.assertEqual(found.followed, [("x", "BTC_USD"), ("x", "ETH_USD")])

    def test_the_currency_is_one_that_counts_all_wallets(self) -> None:
        found = plan([("x", "ETH_BTC"), ("x", "BTC_USD")], {"x": {"BTC", "USD"}})
        self.assertEqual(found.currency, "USD")  # nothing turns USD into BTC

    def test_what_is_missing_is_named(self) -> None:
        table = (
            ([("z", "BTC_USD")], {"z": {"USD"}}, "no exchange 'z'; it has x, y"),
            ([("x", "BTC_GBP")], {"x": {"GBP"}}, "no pair of GBP on x; it has BTC_USD"),
            ([("x", "LTC_USD")], {"x": {"USD"}}, "LTC_USD on x would be traded"),
            ([], {"x": {"USD"}}, "nothing would be traded"),
        )
        for wanted, funded, hint in table:
            with self.subTest(hint=hint), self.assertRaisesRegex(NoData, hint):
                plan(wanted, funded)
        with self.assertRaises(UnknownName):
            make_plan([], {"z": frozenset({"USD"})}, LISTED, "xWrap", UnknownName)

    def test_wallets_that_nothing_joins_are_refused(self) -> None:
        with self.assertRaisesRegex(UsageError, "BTC, EUR, USD"):
            plan([("x", "BTC_USD"), ("y", "BTC_EUR")], {"x": {"USD"}, "y": {"EUR"}})


class Equity(unittest.TestCase):
    def setUp(self) -> None:
        self.plan = plan([("x", "BTC_USD")], {"x": {"USD"}})

    def test_it_is_exact(self) -> None:
        holdings = {("x", "USD"): Decimal("0.1"), ("x", "BTC"): Decimal("0.3")}
        equity = self.plan.equity(holdings, lambda *_: Decimal("0.123456789012345678"))
        self.assertEqual(equity, Decimal("0.1370370367037037034"))

    def test_an_empty_wallet_needs_no_price_and_another_one_does(self) -> None:
        holdings = {("x", "USD"): Decimal(1), ("x", "BTC"): Decimal(0)}
        self.assertEqual(self.plan.equity(holdings, lambda *_: None), 1)
        with self.assertRaisesRegex(UsageError, "no price to count BTC"):
            self.plan.equity({("x", "BTC"): Decimal(1)}, lambda *_: None)

    def test_the_curve_by_hand(self) -> None:
        def fill(side: Side, price: int, size: int, time: int) -> Fill:
            amounts = Decimal(price), Decimal(size), Decimal(1)
            return Fill("a", "x", "BTC_USD", side, *amounts, False, UtcNs(time))

        fills = [fill(Side.BUY, 10, 4, 15), fill(Side.SELL, 20, 3, 30)]
        curve = equity_curve(
            self.plan,
            {("x", "USD"): Decimal(100)},
            fills,
            np.array([10, 20, 30]),
            {("x", "BTC_USD"): np.array([10.0, 12.0, 20.0])},
        )
        # 100; then 59 in cash and 4 × 12; then 59 + 60 − 1 in cash and 1 × 20.
        np.testing.assert_array_equal(curve, [100.0, 107.0, 138.0])


if __name__ == "__main__":
    unittest.main()
