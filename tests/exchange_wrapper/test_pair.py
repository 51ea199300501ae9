import unittest
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from exchange_wrapper.errors import ApiUsageError, InvalidAmount
from exchange_wrapper.numbers import LEDGER, Lots, Ticks
from exchange_wrapper.pair import Pair, split_name

BTC_USD = Pair(
    "BTC-USD", "btc", "usd", Decimal("0.01"), Decimal("0.00000001"),
    min_order=Decimal("0.001"), max_order=Decimal(70),
)  # fmt: skip
# Increments that are no power of ten.
ODD = Pair("X", "AAA", "BBB", Decimal("0.25"), Decimal("0.3"))

units = st.integers(0, 10**15)


class Names(unittest.TestCase):
    def test_a_pair_is_named_base_quote_in_upper_case(self) -> None:
        self.assertEqual(BTC_USD.name(), "BTC_USD")
        self.assertEqual(str(BTC_USD), "BTC_USD")
        self.assertEqual(split_name("btc_usd"), ("BTC", "USD"))

    def test_other_forms_of_name_are_refused(self) -> None:
        for name in ["BTC", "BTC-USD", "_USD", "BTC_", "BTC_USD_X", "BTC_€", ""]:
            with self.subTest(name=name), self.assertRaises(ApiUsageError):
                split_name(name)

    def test_increments_must_be_positive(self) -> None:
        with self.assertRaises(InvalidAmount):
            Pair("X", "A", "B", Decimal(0), Decimal(1))


class Conversion(unittest.TestCase):
    @given(units, units)
    def test_ticks_and_lots_convert_both_ways_exactly(self, ticks: int, lots: int) -> None:
        for pair in (BTC_USD, ODD):
            price, size = pair.price(Ticks(ticks)), pair.size(Lots(lots))
            self.assertEqual(pair.to_ticks(price), ticks)
            self.assertEqual(pair.to_lots(size), lots)
            self.assertEqual(pair.notional(ticks * lots), LEDGER.multiply(price, size))

    def test_amounts_that_are_looked_up_are_exact_and_do_not_fill_memory(self) -> None:
        pair = Pair("X", "AAA", "BBB", Decimal("0.25"), Decimal("0.3"))
        for units in range(50_000):
            pair.price(Ticks(units))
        self.assertEqual(pair.prices[Ticks(3)], Decimal("0.75"))
        self.assertEqual(pair.sizes[Lots(3)], Decimal("0.9"))
        self.assertLessEqual(len(pair.prices), 20_000)

    @given(units, st.decimals(0, Decimal("0.999"), places=3))
    def test_floors_are_the_largest_that_fit(self, count: int, part: Decimal) -> None:
        for pair in (BTC_USD, ODD):
            unit = pair.tick_size * pair.lot_size
            self.assertEqual(pair.floor_lots((count + part) * pair.lot_size), count)
            self.assertEqual(pair.floor_notional((count + part) * unit), count)

    def test_what_is_off_the_grid_is_refused_not_rounded(self) -> None:
        with self.assertRaises(InvalidAmount):
            BTC_USD.to_ticks(Decimal("100.001"))
        with self.assertRaises(InvalidAmount):
            BTC_USD.to_lots(Decimal("0.000000001"))
        with self.assertRaises(InvalidAmount):
            BTC_USD.to_lots(Decimal(10) ** 21)  # more lots than 28 digits count

    def test_checks_tell_what_an_order_may_say(self) -> None:
        for price, good in [("100.01", True), ("100.001", False), ("0", False), ("x", False)]:
            with self.subTest(price=price):
                self.assertIs(BTC_USD.check_price(price), good)
        for size, good in [
            ("0.001", True), ("70", True), ("70.00000001", False), ("0.0009", False),
            ("1.000000001", False), ("-1", False), ("x", False),
        ]:  # fmt: skip
            with self.subTest(size=size):
                self.assertIs(BTC_USD.check_size(size), good)

    def test_price_prec_counts_decimals_of_the_tick(self) -> None:
        for tick, digits in [("0.01", 2), ("0.010", 2), ("1", 0), ("10", 0), ("0.25", 2)]:
            with self.subTest(tick=tick):
                pair = Pair("X", "A", "B", Decimal(tick), Decimal(1))
                self.assertEqual(pair.price_prec, digits)


if __name__ == "__main__":
    unittest.main()
