import unittest
from decimal import Decimal, Inexact
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from exchange_wrapper.errors import InvalidAmount
from exchange_wrapper.numbers import (
    LEDGER,
    ZERO,
    format_amount,
    parse_amount,
    round_down,
    round_up,
)

STEP = Decimal("1E-8")
amounts = st.decimals(
    min_value=-(10**20), max_value=10**20, allow_nan=False, allow_infinity=False, places=18
)


class Parsing(unittest.TestCase):
    def test_plain_decimal_numbers_are_read_exactly(self) -> None:
        cases: list[tuple[str | int | Decimal, Decimal]] = [
            ("35521.123456789012345", Decimal("35521.123456789012345")),
            ("-0", ZERO),
            (Decimal("1e3"), Decimal(1000)),
            (7, Decimal(7)),
            (Decimal("0.10"), Decimal("0.1")),
        ]
        for value, expected in cases:
            with self.subTest(value=value):
                self.assertEqual(parse_amount(value, "size"), expected)

    def test_what_is_not_an_exact_amount_is_refused_with_the_field_named(self) -> None:
        bad: list[object] = [
            0.1, True, None, "", "1,5", "abc", "NaN", "inf", "1" * 22, "0." + "0" * 18 + "1",
            "1e999999", "0" * 65, "1_0", " 100 ", "100\n", "+1", "1e3", ".5", "5.", "١٢", "１",
            "--1", Decimal("NaN"), Decimal("-Infinity"), Decimal("1e999999"),
        ]  # fmt: skip
        for value in bad:
            with self.subTest(value=value):
                with self.assertRaises(InvalidAmount) as caught:
                    parse_amount(cast(str, value), "size")
                self.assertEqual(caught.exception.data, {"field": "size"})

    @given(amounts)
    def test_printing_and_parsing_is_the_identity(self, amount: Decimal) -> None:
        self.assertEqual(parse_amount(format_amount(amount), "x"), amount)


class Printing(unittest.TestCase):
    def test_amounts_have_no_exponent_and_no_trailing_zeros(self) -> None:
        for amount, text in [
            ("1E+3", "1000"), ("1.500", "1.5"), ("-0.0", "0"), ("1E-8", "0.00000001"), ("10", "10"),
        ]:  # fmt: skip
            with self.subTest(amount=amount):
                self.assertEqual(format_amount(Decimal(amount)), text)


class Rounding(unittest.TestCase):
    @given(amounts)
    def test_up_and_down_enclose_the_amount_by_less_than_a_step(self, amount: Decimal) -> None:
        up, down = round_up(amount, STEP), round_down(amount, STEP)
        self.assertLessEqual(down, amount)
        self.assertGreaterEqual(up, amount)
        self.assertLess(amount - down, STEP)
        self.assertLess(up - amount, STEP)

    def test_ledger_arithmetic_raises_where_it_would_have_to_round(self) -> None:
        with self.assertRaises(Inexact):
            LEDGER.divide(Decimal(1), Decimal(3))


if __name__ == "__main__":
    unittest.main()
