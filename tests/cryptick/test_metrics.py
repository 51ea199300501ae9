import math
import unittest

import numpy as np

from cryptick.metrics import (
    daily_equity,
    figures,
    max_drawdown,
    sharpe_ratio,
    simple_returns,
    steps,
)

DAY_S = 86_400


class ByHand(unittest.TestCase):
    def test_the_deepest_fall_is_measured_from_the_peak_before_it(self) -> None:
        table = (
            ([100.0, 110.0, 99.0, 120.0, 90.0, 130.0], 0.25),  # 120 → 90
            ([100.0, 100.0], 0.0),
            ([100.0, 110.0, 121.0], 0.0),
            ([100.0], 0.0),
            ([100.0, 50.0, 75.0, 25.0], 0.75),
        )
        for equity, fall in table:
            with self.subTest(equity=equity):
                self.assertAlmostEqual(max_drawdown(np.array(equity)), fall, places=15)

    def test_sharpe_of_four_days(self) -> None:
        # Returns 1 %, −1 %, 2 %, 0 %: mean 0.005; deviations 0.005, −0.015, 0.015, −0.005, so the
        # sample variance is 0.0005 / 3; √365 × 0.005 / √(0.0005 / 3) = √(365 × 0.15).
        sharpe = sharpe_ratio(np.array([0.01, -0.01, 0.02, 0.0]))
        assert sharpe is not None
        self.assertAlmostEqual(sharpe, math.sqrt(365 * 0.15), places=12)

    def test_sharpe_without_variation_or_history_is_not_a_number_anybody_should_see(self) -> None:
        for returns in ([], [0.01], [0.0, 0.0, 0.0]):
            with self.subTest(returns=returns):
                self.assertIsNone(sharpe_ratio(np.array(returns)))

    def test_returns_are_simple(self) -> None:
        np.testing.assert_allclose(simple_returns(np.array([100.0, 110.0, 99.0])), [0.1, -0.1])

    def test_midnight_ends_the_day_before_and_the_last_day_counts_as_it_stands(self) -> None:
        times = np.array([300, DAY_S - 300, DAY_S, DAY_S + 300, 2 * DAY_S, 2 * DAY_S + 600])
        equity = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
        np.testing.assert_array_equal(daily_equity(0.5, times, equity), [0.5, 3.0, 5.0, 6.0])

    def test_figures_of_a_curve_begin_with_its_initial_equity(self) -> None:
        # Days end at 110 and 99: returns 10 % and −10 %, mean 0, so the Sharpe ratio is 0.
        found = figures(100.0, np.array([DAY_S, 2 * DAY_S]), np.array([110.0, 99.0]))
        self.assertAlmostEqual(found.total_return, -0.01)
        self.assertAlmostEqual(found.max_drawdown, 0.1)
        self.assertAlmostEqual(found.sharpe or 0.0, 0.0)

    def test_no_values_at_all_leave_the_start(self) -> None:
        empty = np.array([], np.int64), np.array([], np.float64)
        np.testing.assert_array_equal(daily_equity(7.0, *empty), [7.0])

    def test_a_step_is_valid_from_its_time_on_and_the_first_also_before(self) -> None:
        grid, times = np.array([1, 5, 6, 10, 11]), np.array([5, 10])
        np.testing.assert_array_equal(steps(grid, times, np.array([2.0, 3.0])), [2, 2, 2, 3, 3])


if __name__ == "__main__":
    unittest.main()
