import unittest
from collections.abc import Callable

import numpy as np

from cryptick.frontier.moments import (
    Moments,
    Returns,
    annual_rate,
    estimate,
    ledoit_wolf_intensity,
    simple_returns,
)
from exchange_wrapper.candles import Candles
from exchange_wrapper.errors import ApiUsageError, NoData

FREQ_S = 300


def candles(*closes: str | None, start: int = 0, freq_s: int = FREQ_S) -> Candles:
    """Return candles of these closes; None is one that is missing."""
    rows = [
        ((start + i) * freq_s, close, close, close, close, "1")
        for i, close in enumerate(closes)
        if close is not None
    ]
    return Candles.from_rows(freq_s, rows, 0)


class SimpleReturns(unittest.TestCase):
    def test_three_bars_are_enough(self) -> None:
        found = simple_returns({"A": candles("100", "110", "99"), "B": candles("1", "1", "1")})
        np.testing.assert_allclose(found.values, [[0.1, 0.0], [-0.1, 0.0]], atol=1e-15)
        self.assertEqual((found.start_s, found.end_s, found.missing), (0, 900, 0))

    def test_no_return_reaches_over_a_missing_bar(self) -> None:
        a = candles("1", "2", "3", None, "5", "6", "7")
        b = candles("1", "1", "1", "1", "1", "1", "1")
        found = simple_returns({"A": a, "B": b})
        np.testing.assert_allclose(found.values[:, 0], [1.0, 0.5, 0.2, 1 / 6])
        self.assertEqual(found.missing, 2)

    def test_only_what_is_common_counts(self) -> None:
        found = simple_returns(
            {"A": candles("1", "2", "3", "4"), "B": candles("1", "1", "1", start=1)}
        )
        np.testing.assert_allclose(found.values[:, 0], [0.5, 1 / 3])
        self.assertEqual(found.start_s, FREQ_S)

    def test_a_longer_period_takes_the_candles_there_are(self) -> None:
        thin = candles("1", None, "2", None, None, "3", "4", "4")
        full = candles(*"12345678")
        found = simple_returns({"A": thin, "B": full}, period_s=600)
        np.testing.assert_allclose(found.values, [[1.0, 1.0], [0.5, 0.5], [1 / 3, 1 / 3]])

    def test_the_longest_length_is_the_default_and_history_is_cut(self) -> None:
        day = candles("1", "2", "3", "4", "5", freq_s=86_400)
        minutes = candles(*["1"] * (5 * 288))
        found = simple_returns({"A": day, "B": minutes}, days=4)
        self.assertEqual((found.period_s, len(found.values), found.start_s), (86_400, 3, 86_400))

    def test_cash_has_neither_return_nor_risk(self) -> None:
        found = estimate(simple_returns({"A": candles("1", "2", "3")}, cash="USD"))
        self.assertEqual(found.currencies, ("A", "USD"))
        self.assertEqual(
            (found.expected_returns[1], found.covariance[1].tolist()), (0.0, [0.0, 0.0])
        )

    def test_bad_input_gets_one_sentence_that_names_the_field(self) -> None:
        good = candles("1", "2", "3")
        table: list[tuple[Callable[[], object], type[Exception], str]] = [
            (lambda: simple_returns({}), ApiUsageError, "currencies"),
            (lambda: simple_returns({}, cash="USD"), ApiUsageError, "currencies"),
            (lambda: simple_returns({"A": good}, cash="A"), ApiUsageError, "currencies"),
            (lambda: simple_returns({"A": good}, days=0), ApiUsageError, "days"),
            (lambda: simple_returns({"A": good}, period_s=400), ApiUsageError, "freq"),
            (lambda: simple_returns({"A": candles()}), NoData, "currencies"),
            (lambda: simple_returns({"A": candles("1", "2")}), NoData, "currencies"),
            (lambda: simple_returns({"A": good, "B": candles("1", start=9)}), NoData, "currencies"),
            (lambda: Moments((), np.array([]), np.empty((0, 0))), ApiUsageError, "currencies"),
            (lambda: Moments(("A",), np.zeros(2), np.eye(2)), ApiUsageError, "covariance"),
            (lambda: Moments(("A",), np.array([np.nan]), np.eye(1)), ApiUsageError, "covariance"),
            (lambda: Moments(("A",), np.zeros(1), -np.eye(1)), ApiUsageError, "covariance"),
            (
                lambda: Moments(("A", "B"), np.zeros(2), np.eye(2) * 3 - 2),
                ApiUsageError,
                "covariance",
            ),
            (
                lambda: Moments(("A", "B"), np.zeros(2), np.triu(np.ones((2, 2)))),
                ApiUsageError,
                "covariance",
            ),
        ]
        for number, (call, error, field) in enumerate(table):
            with self.subTest(number), self.assertRaises(error) as caught:
                call()
            self.assertEqual(getattr(caught.exception, "data", {})["field"], field)


class Estimates(unittest.TestCase):
    def test_figures_per_year_are_those_per_period_times_the_periods_of_365_days(self) -> None:
        values = np.array([[0.1, 0.0], [-0.1, 0.3]])
        found = estimate(Returns(("A", "B"), values, 86_400, 0, 0, 0))
        np.testing.assert_allclose(found.expected_returns, [0.0, 0.15 * 365], atol=1e-12)
        np.testing.assert_allclose(
            found.covariance, np.array([[0.02, -0.03], [-0.03, 0.045]]) * 365
        )

    def test_three_per_cent_per_half_year_are_six_per_year(self) -> None:
        self.assertAlmostEqual(annual_rate(0.03, 182.5), 0.06, places=15)

    def test_shrinkage_is_the_published_formula(self) -> None:
        # Term by term as in the paper: m = ⟨S, I⟩, d² = ‖S − m I‖², b̄² = Σ‖x x' − S‖² / n²,
        # where ‖A‖² = trace(A A') / p.
        x = np.array([[1.0, 2.0, 0.0], [-1.0, 0.5, 1.0], [0.5, -2.0, -0.5], [-0.5, -0.5, -0.5]])
        n, p = x.shape
        s = x.T @ x / n

        def norm2(a: np.ndarray) -> float:
            return float(np.trace(a @ a.T)) / p

        d2 = norm2(s - np.trace(s) / p * np.eye(p))
        b2 = min(d2, sum(norm2(np.outer(row, row) - s) for row in x) / n**2)
        self.assertTrue(0.1 < b2 / d2 < 0.9)
        self.assertAlmostEqual(ledoit_wolf_intensity(x + 7.0), b2 / d2, places=12)

    def test_shrinkage_keeps_total_variance_and_leaves_constants_alone(self) -> None:
        values = np.random.default_rng(1).normal(size=(20, 4)) * [0.01, 0.02, 0.03, 0.0]
        returns = Returns(("A", "B", "C", "USD"), values, 300, 0, 0, 0)
        plain, shrunk = estimate(returns).covariance, estimate(returns, shrink=True).covariance
        self.assertAlmostEqual(np.trace(shrunk) / np.trace(plain), 1.0, places=12)
        self.assertLess(np.linalg.cond(shrunk[:3, :3]), np.linalg.cond(plain[:3, :3]))
        self.assertFalse(shrunk[3].any())

    def test_what_can_not_be_shrunk_stays_as_it_is(self) -> None:
        for values in (np.zeros((3, 2)), np.array([[0.1], [0.2], [0.4]])):
            with self.subTest(values=values):
                names = ("A", "B")[: values.shape[1]]
                returns = Returns(names, values, 300, 0, 0, 0)
                np.testing.assert_allclose(
                    estimate(returns, shrink=True).covariance, estimate(returns).covariance
                )


if __name__ == "__main__":
    unittest.main()
