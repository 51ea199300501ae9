import math
import unittest
from statistics import NormalDist

import numpy as np

from cryptick.sweeps.measures import Measures, Objective, deflated_sharpe, measure, score

DAY_S = 86_400


def measures(sharpe: float | None, days: int = 250) -> Measures:
    return Measures(0.1, 0.2, sharpe, None, 3, days, 0.0, 3.0)


class Windows(unittest.TestCase):
    def test_figures_of_a_curve_by_hand(self) -> None:
        time_s = np.arange(1, 366, dtype=np.int64) * DAY_S
        equity = np.full(365, 100.0)
        equity[100:] = 80.0
        equity[-1] = 120.0
        found = measure(0, 100.0, time_s, equity, 7)
        self.assertAlmostEqual(found.total_return, 0.2)
        self.assertAlmostEqual(found.max_drawdown, 0.2)
        assert found.calmar is not None
        self.assertAlmostEqual(found.calmar, 1.0)
        self.assertEqual((found.trades, found.days), (7, 365))
        returns = np.zeros(365)
        returns[100], returns[-1] = -0.2, 0.5
        away = (returns - returns.mean()) / returns.std()
        self.assertAlmostEqual(found.skew, float((away**3).mean()))
        self.assertAlmostEqual(found.kurtosis, float((away**4).mean()))

    def test_a_flat_curve_has_no_sharpe_and_no_calmar(self) -> None:
        found = measure(0, 5.0, np.arange(1, 9, dtype=np.int64) * DAY_S, np.full(8, 5.0), 0)
        self.assertEqual([score(found, objective) for objective in Objective], [None, 0.0, None])


class DeflatedSharpe(unittest.TestCase):
    def test_the_example_of_the_paper(self) -> None:
        # Bailey and López de Prado (2014), section "A numerical example": 100 trials whose annual
        # ratios have a variance of 1/2, 1250 daily returns, skew −3, kurtosis 10, best ratio 2.5.
        root = math.sqrt(365)  # the paper's year of 250 days, restated in ours
        best = 2.5 / math.sqrt(250) * root
        spread = math.sqrt(0.5) / math.sqrt(250) * root
        away = [spread * math.sqrt(99 / 100) * sign for sign in (1, -1)] * 49
        tried = [measures(x) for x in away]
        # Two more trials make the sample variance exact: their squares are what is still missing.
        rest = math.sqrt((99 * spread**2 - 98 * spread**2 * 0.99) / 2)
        tried += [measures(rest), measures(-rest)]
        chosen = Measures(0.1, 0.2, best, None, 3, 1250, -3.0, 10.0)
        self.assertAlmostEqual(deflated_sharpe(chosen, tried) or 0, 0.9004, places=3)

    def test_more_trials_leave_less_skill(self) -> None:
        few = [measures(x) for x in (0.5, 1.5)]
        many = few * 50
        a, b = deflated_sharpe(few[1], few), deflated_sharpe(many[1], many)
        assert a is not None and b is not None
        self.assertGreater(a, b)

    def test_equal_trials_leave_the_plain_probability(self) -> None:
        one = measures(math.sqrt(365) * 0.1)
        ratio = 0.1 * math.sqrt(249) / math.sqrt(1 + 0.5 * 0.01)
        self.assertAlmostEqual(deflated_sharpe(one, [one, one]) or 0, NormalDist().cdf(ratio))

    def test_it_can_not_be_told_of_one_trial_or_of_few_days(self) -> None:
        self.assertIsNone(deflated_sharpe(measures(1.0), [measures(1.0)]))
        self.assertIsNone(deflated_sharpe(measures(None), [measures(1.0)] * 3))
        self.assertIsNone(deflated_sharpe(measures(1.0, days=2), [measures(1.0)] * 3))
