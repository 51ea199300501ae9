import unittest
from decimal import Decimal

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from exchange_wrapper.errors import DataError
from exchange_wrapper.scaling import (
    drop_float_noise,
    format_scaled,
    parse_figures,
    rescale,
    scale_columns,
)

MANTISSAS = st.integers(-(2**63) + 1, 2**63 - 1)


class ReadingFigures(unittest.TestCase):
    def test_plain_figures_are_read_in_lowest_terms(self) -> None:
        figures = parse_figures(["23296.36", "1.50", "0", "100", ".5", "7.", "0.000"])
        self.assertEqual(figures.mantissa.tolist(), [2329636, 15, 0, 100, 5, 7, 0])
        self.assertEqual(figures.decimals.tolist(), [2, 1, 0, 0, 1, 0, 0])
        self.assertTrue(figures.readable.all())

    def test_unusual_figures_are_read_too(self) -> None:
        table = {
            "1.5e-7": (15, 8),
            "1E3": (1000, 0),
            " 12.5 ": (125, 1),
            "-0.25": (-25, 2),
            "+3": (3, 0),
            "0000000000000000000000000000000000001.5": (15, 1),
            "9223372036854775807": (2**63 - 1, 0),
            "0e99": (0, 0),
            "1000000000000000000000e-20": (10, 0),
        }
        for text, expected in table.items():
            with self.subTest(text):
                figures = parse_figures(["1", text])
                self.assertTrue(figures.readable[1])
                self.assertEqual((figures.mantissa[1], figures.decimals[1]), expected)

    def test_what_is_no_number_of_64_bits_is_not_readable(self) -> None:
        for text in (
            "", ".", "abc", "1.2.3", "1,5", "1_000", "nan", "inf", "٣", "--1", "1e", "12e9999",
            "9223372036854775808", "1" * 80, "0x10", "1\x002",
        ):  # fmt: skip
            with self.subTest(text):
                figures = parse_figures(["1", text])
                self.assertEqual(figures.readable.tolist(), [True, False])
                self.assertEqual(figures.mantissa[1], 0)

    def test_no_figures_are_fine(self) -> None:
        self.assertEqual(len(parse_figures([]).mantissa), 0)

    @given(st.lists(st.tuples(MANTISSAS, st.integers(0, 30)), min_size=1, max_size=20))
    def test_any_figure_of_64_bits_survives(self, pairs: list[tuple[int, int]]) -> None:
        texts = [format_scaled(mantissa, digits) for mantissa, digits in pairs]
        figures = parse_figures(texts)
        self.assertTrue(figures.readable.all())
        for row, text in enumerate(texts):
            mantissa, decimals = int(figures.mantissa[row]), int(figures.decimals[row])
            self.assertEqual(format_scaled(mantissa, decimals), text)
            self.assertEqual(Decimal(text), Decimal(mantissa).scaleb(-decimals))


class FloatNoise(unittest.TestCase):
    def test_the_noise_of_binary_floats_is_taken_off(self) -> None:
        noisy = ["0.0027300000000000002", "0.016984990000000002", "0.09946999999999999"]
        figures, count = drop_float_noise(parse_figures(noisy))
        self.assertEqual(count, 3)
        texts = list(map(format_scaled, figures.mantissa.tolist(), figures.decimals.tolist()))
        self.assertEqual(texts, ["0.00273", "0.01698499", "0.09947"])

    def test_other_long_figures_stay_as_they_are(self) -> None:
        texts = ["0.1234567890123456", "123456789012345678", "1000000000000001", "2.5"]
        figures = parse_figures(texts)
        cleaned, count = drop_float_noise(figures)
        self.assertEqual(count, 0)
        np.testing.assert_array_equal(cleaned.mantissa, figures.mantissa)

    @given(st.integers(1, 10**11), st.integers(1, 12), st.integers(1, 50))
    def test_a_multiple_in_floats_becomes_the_exact_one(
        self, mantissa: int, digits: int, factor: int
    ) -> None:
        exact = mantissa * factor
        noisy = repr(mantissa / 10**digits * factor)
        figures, _ = drop_float_noise(parse_figures([noisy]))
        text = format_scaled(int(figures.mantissa[0]), int(figures.decimals[0]))
        self.assertEqual(Decimal(text), Decimal(exact).scaleb(-digits))


class CommonDigits(unittest.TestCase):
    def test_columns_get_the_fewest_digits_that_lose_nothing(self) -> None:
        values, digits, fits = scale_columns([parse_figures(["1.50"]), parse_figures(["0.125"])])
        self.assertEqual((digits, [v.tolist() for v in values]), (3, [[1500], [125]]))
        self.assertTrue(fits.all())

    def test_a_row_that_does_not_fit_is_told(self) -> None:
        values, _, fits = scale_columns([parse_figures(["1000000000", "0.00000000001", "x"])])
        self.assertEqual(fits.tolist(), [False, True, False])
        self.assertEqual(values[0].tolist(), [0, 1, 0])

    def test_more_digits_keep_the_value_or_fail(self) -> None:
        self.assertEqual(rescale(np.array([123, -5]), 2).tolist(), [12300, -500])
        with self.assertRaises(DataError) as caught:
            rescale(np.array([1, 10**18]), 1)
        self.assertEqual(caught.exception.data, {"row": 1})

    def test_scaled_integers_print_as_plain_decimals(self) -> None:
        table = {(0, 2): "0", (150, 2): "1.5", (-5, 3): "-0.005", (12, 0): "12", (1200, 2): "12"}
        for (value, digits), text in table.items():
            with self.subTest(text):
                self.assertEqual(format_scaled(value, digits), text)


if __name__ == "__main__":
    unittest.main()
