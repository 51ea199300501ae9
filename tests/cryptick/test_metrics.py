import math
import unittest
import warnings
from datetime import UTC, datetime

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cryptick.metrics import (
    Drawdown,
    daily_equity,
    drawdown,
    figures,
    monthly_returns,
    sharpe_ratio,
    simple_returns,
    sortino_ratio,
    steps,
    volatility,
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
                found = drawdown(np.arange(len(equity)), np.array(equity))
                self.assertAlmostEqual(0.0 if found is None else found.depth, fall, places=15)

    def test_a_drawdown_lasts_from_the_last_touch_of_its_peak_to_its_recovery(self) -> None:
        times = np.arange(7) * 10
        table = (
            ([5.0, 8.0, 8.0, 4.0, 6.0, 8.0, 9.0], Drawdown(0.5, 20, 30, 50, 30)),
            ([5.0, 8.0, 7.0, 4.0, 6.0, 7.0, 7.0], Drawdown(0.5, 10, 30, None, 50)),
        )
        for equity, expected in table:
            with self.subTest(equity=equity):
                self.assertEqual(drawdown(times, np.array(equity)), expected)

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

    def test_sortino_and_volatility_of_four_days(self) -> None:
        # One of four returns is below 0: downside √(0.0001 / 4) = 0.005, mean 0.005.
        returns = np.array([0.01, -0.01, 0.02, 0.0])
        self.assertAlmostEqual(sortino_ratio(returns) or 0.0, math.sqrt(365), places=12)
        self.assertAlmostEqual(volatility(returns) or 0.0, math.sqrt(365 * 0.0005 / 3), places=12)

    def test_the_risk_free_rate_is_taken_from_each_day(self) -> None:
        # 0.365 a year is 0.001 a day: the mean of 0.005 has 0.004 left, the deviation stays.
        returns = np.array([0.01, -0.01, 0.02, 0.0])
        expected = 0.004 / math.sqrt(0.0005 / 3) * math.sqrt(365)
        self.assertAlmostEqual(sharpe_ratio(returns, 0.365) or 0.0, expected, places=12)

    def test_figures_of_a_curve_begin_with_its_initial_equity(self) -> None:
        # Days end at 110 and 99: returns 10 % and −10 %, mean 0, so the Sharpe ratio is 0.
        found = figures(0, 100.0, np.array([DAY_S, 2 * DAY_S]), np.array([110.0, 99.0]))
        self.assertAlmostEqual(found.total_return, -0.01)
        self.assertAlmostEqual(found.max_drawdown, 0.1)
        self.assertAlmostEqual(found.sharpe or 0.0, 0.0)
        self.assertEqual(
            found.undefined, {"annual_return": "needs 30 days", "calmar": "needs 30 days"}
        )

    def test_a_year_is_365_days(self) -> None:
        # 73 days are a fifth of a year: 1.1⁵ − 1 = 0.61051, and 50 % fall on the way.
        times = np.array([36, 73]) * DAY_S
        found = figures(0, 100.0, times, np.array([50.0, 110.0]))
        self.assertAlmostEqual(found.annual_return or 0.0, 0.61051, places=12)
        self.assertAlmostEqual(found.calmar or 0.0, 0.61051 / 0.5, places=12)

    def test_a_month_begins_after_its_first_midnight(self) -> None:
        moments = ("2022-01-31T12:00", "2022-02-01T00:00", "2022-02-01T00:05", "2022-03-01T00:00")
        times = [
            int(datetime.fromisoformat(one).replace(tzinfo=UTC).timestamp()) for one in moments
        ]
        found = monthly_returns(100.0, np.array(times), np.array([130.0, 110.0, 1.0, 99.0]))
        self.assertEqual(list(found), ["2022-01", "2022-02"])
        np.testing.assert_allclose(list(found.values()), [0.1, -0.1])

    def test_no_values_at_all_leave_the_start(self) -> None:
        empty = np.array([], np.int64), np.array([], np.float64)
        np.testing.assert_array_equal(daily_equity(7.0, *empty), [7.0])

    def test_a_step_is_valid_from_its_time_on_and_the_first_also_before(self) -> None:
        grid, times = np.array([1, 5, 6, 10, 11]), np.array([5, 10])
        np.testing.assert_array_equal(steps(grid, times, np.array([2.0, 3.0])), [2, 2, 2, 3, 3])


class Degenerate(unittest.TestCase):
    def test_what_is_not_defined_is_none_with_its_reason(self) -> None:
        days = np.arange(1, 41) * DAY_S
        flat = np.full(40, 100.0)
        table = (
            ("flat", days, flat, {"sharpe", "sortino", "calmar"}),
            ("one bar", np.array([300]), np.array([101.0]), ALL),
            ("no bar", np.array([], np.int64), np.array([]), ALL),
            ("only up", days, 100.0 + np.arange(1, 41), {"sortino", "calmar"}),
            ("lost at once", days, np.zeros(40), {"volatility", "sharpe", "sortino"}),
            ("lost later", days, np.append(flat[:20], np.zeros(20)), set()),
        )
        for name, times, equity, undefined in table:
            with self.subTest(name), np.errstate(all="raise"):
                found = figures(0, 100.0, times, equity)
                self.assertEqual(set(found.undefined), undefined)
                for figure in ALL:
                    self.assertEqual(getattr(found, figure) is None, figure in undefined)
                assert_finite(self, found)

    @given(st.lists(st.floats(0.0, 1e12), min_size=1, max_size=60), st.integers(1, 3 * DAY_S))
    def test_no_curve_makes_what_json_can_not_say(self, equity: list[float], step_s: int) -> None:
        times = np.arange(1, len(equity) + 1) * step_s
        assert_finite(self, figures(0, 1000.0, times, np.array(equity)))


class Independent(unittest.TestCase):
    def test_empyrical_says_the_same(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its own imports
            import empyrical

        returns = np.random.default_rng(3).normal(0.0005, 0.02, 500)
        equity = 1000.0 * np.cumprod(1.0 + returns)
        found = figures(0, 1000.0, np.arange(1, 501) * DAY_S, equity, risk_free=0.073)
        daily = 0.073 / 365
        table = (
            (found.total_return, empyrical.cum_returns_final(returns)),
            (found.annual_return, empyrical.annual_return(returns, annualization=365)),
            (found.volatility, empyrical.annual_volatility(returns, annualization=365)),
            (found.sharpe, empyrical.sharpe_ratio(returns, daily, annualization=365)),
            (found.sortino, empyrical.sortino_ratio(returns, daily, annualization=365)),
            (found.calmar, empyrical.calmar_ratio(returns, annualization=365)),
            (-found.max_drawdown, empyrical.max_drawdown(returns)),
        )
        for ours, theirs in table:
            with self.subTest(theirs=theirs):
                self.assertAlmostEqual(ours or 0.0, float(theirs), places=10)


ALL = {"annual_return", "volatility", "sharpe", "sortino", "calmar"}


def assert_finite(case: unittest.TestCase, found: object) -> None:
    """Check that every figure is a number: msgspec writes NaN and infinity as null."""
    said, kept = msgspec.json.decode(msgspec.json.encode(found)), msgspec.to_builtins(found)
    case.assertEqual(said, kept)


if __name__ == "__main__":
    unittest.main()
