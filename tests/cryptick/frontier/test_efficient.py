import gzip
import math
import unittest
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import clarabel
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from cryptick.frontier.efficient import Bounds, bound_arrays, efficient_frontier
from cryptick.frontier.moments import Moments, Returns, estimate, simple_returns
from cryptick.frontier.portfolio import Portfolio, exact_weights, measure
from cryptick.frontier.random_portfolios import confidence_band, random_portfolios
from cryptick.metrics import FloatArray
from exchange_wrapper.candles import Candles
from exchange_wrapper.errors import ApiUsageError

DATA = Path(__file__).resolve().parents[3] / "../shared/data/E0V1E-DCA"


def moments(
    expected: Sequence[float], covariance: FloatArray | Sequence[Sequence[float]]
) -> Moments:
    names = tuple(f"C{number}" for number in range(len(expected)))
    return Moments(names, np.array(expected, np.float64), np.array(covariance, np.float64))


class ByHand(unittest.TestCase):
    def test_two_independent_currencies(self) -> None:
        # Least variance at w ∝ 1/σ²: 0.8, 0.2; best Sharpe at w ∝ (μ − r)/σ²: 1, 0.625.
        found = efficient_frontier(
            moments([0.05, 0.15], np.diag([0.01, 0.04])), risk_free_rate=0.01
        )
        np.testing.assert_allclose(found.minimum_variance.weights, [0.8, 0.2], atol=1e-14)
        self.assertAlmostEqual(found.minimum_variance.risk, math.sqrt(0.008), places=15)
        assert found.maximum_sharpe is not None
        best = np.array([0.04 / 0.01, 0.14 / 0.04])
        np.testing.assert_allclose(found.maximum_sharpe.weights, best / best.sum(), atol=1e-14)
        self.assertEqual([single.expected_return for single in found.singles], [0.05, 0.15])

    def test_degenerate_inputs_have_their_right_answers(self) -> None:
        table: list[tuple[str, Moments, list[float], list[float]]] = [
            ("one", moments([0.1], [[0.04]]), [1], [1]),
            ("equal returns", moments([0.1, 0.1], np.diag([1, 3])), [0.75, 0.25], [0.75, 0.25]),
            (
                "tie at the top",
                moments([0, 0.1, 0.1], np.diag([1, 1, 1])),
                [1 / 3] * 3,
                [0, 0.5, 0.5],
            ),
            ("constant price", moments([0, 0.1, 0.2], np.diag([0, 1, 2])), [1, 0, 0], [0, 0, 1]),
            ("all constant", moments([0, 0.1], np.zeros((2, 2))), [0, 1], [0, 1]),
            ("all negative", moments([-0.1, -0.2], np.diag([1, 1])), [0.5, 0.5], [1, 0]),
            ("a perfect hedge", moments([0.1, 0.3], [[1, -1], [-1, 1]]), [0.5, 0.5], [0, 1]),
        ]
        for name, given_moments, least, most in table:
            with self.subTest(name):
                found = efficient_frontier(given_moments)
                np.testing.assert_allclose(found.minimum_variance.weights, least, atol=1e-12)
                np.testing.assert_allclose(found.maximum_return.weights, most, atol=1e-12)

    def test_the_same_currency_twice_counts_as_one(self) -> None:
        found = efficient_frontier(moments([0.1, 0.1, 0.05], [[1, 1, 0], [1, 1, 0], [0, 0, 1]]))
        first, second, other = found.minimum_variance.weights
        np.testing.assert_allclose([first + second, other], [0.5, 0.5], atol=1e-12)

    def test_a_singular_covariance_that_stops_the_algorithm_still_has_a_frontier(self) -> None:
        random = np.random.default_rng(2320)
        count = int(random.integers(1, 9))
        shape = int(random.integers(2, 41)), count
        values = random.normal(size=shape) * random.uniform(0.01, 0.1, count)
        least = random.uniform(0, 1 / count, count)
        most = np.minimum(1, least + random.uniform(1 / count, 1, count))
        names = tuple(f"C{number}" for number in range(count))
        found = estimate(Returns(names, values, 86_400, 0, 0, 0))
        bounds = dict(zip(names, zip(least.tolist(), most.tolist(), strict=True), strict=True))
        frontier = efficient_frontier(found, bounds=bounds)
        cloud = random_portfolios(found, risk_free_rate=0.0, seed=1, count=2000, bounds=bounds)
        for risk, level in zip(cloud.risks, cloud.expected_returns, strict=True):
            self.assertLessEqual(frontier.at_return(float(level)).risk, risk + 1e-9)

    def test_fixed_weights_leave_the_rest_to_the_others(self) -> None:
        covariance = np.array([[0.04, 0.01, 0.0], [0.01, 0.09, 0.0], [0.0, 0.0, 0.0]])
        made = Moments(("A", "B", "CASH"), np.array([0.1, 0.2, 0.0]), covariance)
        free = efficient_frontier(
            Moments(("A", "B"), made.expected_returns[:2], covariance[:2, :2])
        )
        for fixed in (0.0, 0.25, 1.0):
            with self.subTest(fixed=fixed):
                found = efficient_frontier(made, bounds={"CASH": (fixed, fixed)})
                least = found.minimum_variance.weights
                self.assertAlmostEqual(least[2], fixed)
                # Cash has no risk, so that the others keep the proportions of their own frontier.
                np.testing.assert_allclose(
                    least[:2], (1 - fixed) * free.minimum_variance.weights, atol=1e-12
                )
        bound = efficient_frontier(made, bounds={"A": (0.5, 0.5)})
        shares = np.linspace(0.0, 0.5, 1_001)
        mixes = np.column_stack([np.full(1_001, 0.5), shares, 0.5 - shares])
        risks = np.sqrt(np.einsum("pi,ij,pj->p", mixes, covariance, mixes))
        self.assertLessEqual(bound.minimum_variance.risk, risks.min() + 1e-12)
        for risk, mean in zip(risks, mixes @ made.expected_returns, strict=True):
            self.assertLessEqual(bound.at_return(float(mean)).risk, risk + 1e-12)

    def test_best_sharpe_where_there_is_no_best(self) -> None:
        with self.subTest("nothing returns more than the risk-free rate"):
            poor = moments([-0.1, 0.05], np.diag([1, 1]))
            self.assertIsNone(efficient_frontier(poor, risk_free_rate=0.05).maximum_sharpe)
        with self.subTest("a riskless portfolio returns more"):
            rich = efficient_frontier(moments([0.1, 0.3], np.diag([0, 1])), risk_free_rate=0.05)
            self.assertIs(rich.maximum_sharpe, rich.minimum_variance)
            self.assertIsNone(rich.minimum_variance.sharpe)

    def test_samples_are_evenly_spaced_from_end_to_end(self) -> None:
        found = efficient_frontier(moments([0.1, 0.2, 0.3], np.diag([1, 2, 5])))
        levels = [each.expected_return for each in found.sample(50)]
        self.assertEqual(len(levels), 50)
        np.testing.assert_allclose(np.diff(levels), (levels[-1] - levels[0]) / 49, rtol=1e-9)
        single = efficient_frontier(moments([0.1], [[1]]))
        self.assertEqual(single.sample(), (single.minimum_variance,))

    def test_beyond_its_ends_the_frontier_answers_with_them(self) -> None:
        found = efficient_frontier(moments([0.1, 0.2], np.diag([1, 2])))
        low, high = found.minimum_variance, found.maximum_return
        self.assertEqual((found.at_risk(0.0), found.at_risk(9.0)), (low, high))
        self.assertEqual((found.at_return(-1.0), found.at_return(9.0)), (low, high))

    def test_what_is_not_held_has_a_weight_of_exactly_zero(self) -> None:
        found = efficient_frontier(moments([0.3, 0.2, 0.1], [[1, 0, 2], [0, 1.1, 2], [2, 2, 9]]))
        self.assertEqual({float(point.weights[2]) for point in found.sample(7)}, {0.0})

    def test_how_far_a_mix_lies_from_the_frontier(self) -> None:
        found = efficient_frontier(moments([0.1, 0.2], np.diag([1, 1])))
        gap = found.gap(found.singles[0])  # as risky as the other, which returns twice as much
        self.assertAlmostEqual(gap.expected_return, 0.1)
        self.assertAlmostEqual(gap.risk, 1 - math.sqrt(0.5))
        self.assertEqual(found.gap(found.maximum_return).expected_return, 0.0)

    def test_weights_for_orders_sum_to_exactly_one(self) -> None:
        self.assertEqual(
            exact_weights([1 / 3] * 3, 2), (Decimal("0.34"), Decimal("0.33"), Decimal("0.33"))
        )
        self.assertEqual(exact_weights([0.0, 1.0]), (Decimal(0), Decimal(1)))


class BadInput(unittest.TestCase):
    def test_bounds_and_rates_that_can_not_be(self) -> None:
        two = moments([0.1, 0.2], np.eye(2))
        table: list[tuple[Bounds, str]] = [
            ({"C9": (0, 1)}, "not among"),
            ({"C0": (0.6, 0.4)}, "least ≤ most"),
            ({"C0": (-0.1, 1)}, "least ≤ most"),
            ({"C0": (0, math.nan)}, "least ≤ most"),
            ({"C0": (0, 0.3), "C1": (0, 0.3)}, "at most 0.6"),
            ({"C0": (0.7, 1), "C1": (0.7, 1)}, "at least 1.4"),
        ]
        for bounds, text in table:
            with self.subTest(bounds), self.assertRaisesRegex(ApiUsageError, text) as caught:
                efficient_frontier(two, bounds=bounds)
            self.assertEqual((caught.exception.data or {})["field"], "bounds")
        with self.assertRaises(ApiUsageError):
            efficient_frontier(two, risk_free_rate=math.inf)
        with self.assertRaises(ApiUsageError):
            efficient_frontier(two).sample(1)

    def test_weights_that_are_none(self) -> None:
        for weights in ([1.0], [0.5, 0.4], [1.5, -0.5], [math.nan, 1.0]):
            with self.subTest(weights=weights), self.assertRaises(ApiUsageError):
                measure(weights, moments([0.1, 0.2], np.eye(2)), 0.0)


@st.composite
def problems(draw: st.DrawFn) -> tuple[Moments, Bounds]:
    count = draw(st.integers(1, 8))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    # As few observations as 2 make the covariance singular.
    history = random.normal(size=(draw(st.integers(2, 40)), count)) * random.uniform(
        0.01, 0.1, count
    )
    names = tuple(f"C{number}" for number in range(count))
    found = estimate(Returns(names, history, 86_400, 0, 0, 0))
    if draw(st.booleans()):
        return found, {}
    least = random.uniform(0, 1 / count, count)
    most = np.minimum(1.0, least + random.uniform(1 / count, 1, count))
    return found, {
        name: (float(a), float(b)) for name, a, b in zip(names, least, most, strict=True)
    }


class Properties(unittest.TestCase):
    @settings(max_examples=60, deadline=None)
    @given(problems())
    def test_the_frontier_keeps_its_bounds_is_convex_and_has_nothing_above_it(
        self, problem: tuple[Moments, Bounds]
    ) -> None:
        given_moments, bounds = problem
        found = efficient_frontier(given_moments, bounds=bounds)
        lower, upper = bound_arrays(given_moments.currencies, bounds)
        points = found.sample(20)
        for point in points:
            self.assertAlmostEqual(point.weights.sum(), 1.0, delta=1e-12)
            self.assertTrue(np.all(point.weights >= lower - 1e-12))
            self.assertTrue(np.all(point.weights <= upper + 1e-12))
            self.assertEqual(sum(point.exact_weights()), 1)
            self.assertAlmostEqual(
                found.at_risk(point.risk).expected_return, point.expected_return, delta=2e-6
            )
        scale = float(np.max(np.diag(given_moments.covariance)))
        variance = np.array([point.risk**2 for point in points])
        self.assertTrue(np.all(np.diff(variance) >= -1e-10 * scale))
        self.assertTrue(np.all(np.diff(variance, 2) >= -1e-10 * scale))
        cloud = random_portfolios(
            given_moments, risk_free_rate=0.06, seed=1, count=300, bounds=bounds
        )
        np.testing.assert_allclose(cloud.weights.sum(axis=1), 1.0, atol=1e-12)
        self.assertTrue(np.all((cloud.weights >= lower - 1e-12) & (cloud.weights <= upper + 1e-12)))
        for risk, level in zip(cloud.risks[:100], cloud.expected_returns[:100], strict=True):
            self.assertLessEqual(found.at_return(float(level)).risk ** 2, risk**2 + 1e-10 * scale)
        if found.maximum_sharpe is not None and found.maximum_sharpe.sharpe is not None:
            self.assertGreaterEqual(
                found.maximum_sharpe.sharpe * (1 + 1e-9), np.nanmax(cloud.sharpes)
            )

    @settings(max_examples=30, deadline=None)
    @given(problems(), st.sampled_from([1e-6, 1e-2, 1e3]))
    def test_the_unit_of_time_does_not_change_the_portfolios(
        self, problem: tuple[Moments, Bounds], scale: float
    ) -> None:
        plain, bounds = problem
        scaled = Moments(plain.currencies, plain.expected_returns * scale, plain.covariance * scale)
        first = efficient_frontier(plain, bounds=bounds).sample(9)
        second = efficient_frontier(scaled, bounds=bounds).sample(9)
        for one, other in zip(first, second, strict=True):
            self.assertAlmostEqual(
                one.risk, other.risk / math.sqrt(scale), delta=1e-7 * (1 + one.risk)
            )


class Chance(unittest.TestCase):
    def test_a_seed_repeats_the_cloud_and_the_band(self) -> None:
        values = np.random.default_rng(3).normal(0.001, 0.01, size=(400, 3))
        returns = Returns(("A", "B", "C"), values, 3600, 0, 0, 0)
        found = estimate(returns)
        clouds = [random_portfolios(found, risk_free_rate=0.06, seed=s, count=9) for s in (1, 1, 2)]
        np.testing.assert_array_equal(clouds[0].weights, clouds[1].weights)
        self.assertFalse(np.array_equal(clouds[0].weights, clouds[2].weights))
        points = efficient_frontier(found).sample(5)
        bands = [confidence_band(returns, points, seed=s, resamples=200) for s in (1, 1, 2)]
        np.testing.assert_array_equal(bands[0].risk_low, bands[1].risk_low)
        for number, point in enumerate(points):
            self.assertLess(bands[0].return_low[number], point.expected_return)
            self.assertLess(point.expected_return, bands[0].return_high[number])
            self.assertLess(bands[0].risk_low[number], bands[0].risk_high[number])

    def test_a_band_of_independent_returns_has_the_width_that_theory_gives(self) -> None:
        values = np.random.default_rng(4).normal(0.0, 0.01, size=(5000, 1))
        returns = Returns(("A",), values, 86_400, 0, 0, 0)
        alone = measure([1.0], estimate(returns), 0.0)
        band = confidence_band(returns, (alone,), seed=5, resamples=2000, level=0.9)
        width = (band.return_high[0] - band.return_low[0]) / 365
        self.assertAlmostEqual(width / (2 * 1.645 * 0.01 / math.sqrt(5000)), 1.0, delta=0.1)

    def test_bad_input(self) -> None:
        returns = Returns(("A",), np.array([[0.1], [0.2]]), 3600, 0, 0, 0)
        alone: tuple[Portfolio, ...] = (measure([1.0], estimate(returns), 0.0),)
        with self.assertRaises(ApiUsageError):
            random_portfolios(estimate(returns), risk_free_rate=0.0, seed=1, count=-1)
        with self.assertRaises(ApiUsageError):
            confidence_band(returns, (), seed=1)
        with self.assertRaises(ApiUsageError):
            confidence_band(returns, alone, seed=1, level=1.0)
        with self.assertRaises(ApiUsageError):
            confidence_band(returns, alone, seed=1, block_s=60)


@unittest.skipUnless(DATA.exists(), f"no recorded candles in {DATA}")
class OnRecordedCandles(unittest.TestCase):
    found: Moments

    @classmethod
    def setUpClass(cls) -> None:
        series = {
            path.name.split("_")[1].removesuffix("USDT"): _read(path)
            for path in sorted(DATA.iterdir())
        }
        cls.found = estimate(simple_returns(series))

    def test_every_sampled_point_is_the_optimum_of_exact_arithmetic(self) -> None:
        frontier = efficient_frontier(self.found)
        gaps = []
        for point in frontier.sample(25):
            best = _exact_variance(self.found, point)
            exact_weights = [Fraction(float(w)) for w in point.weights]
            gaps.append(abs(float(_variance(self.found, exact_weights) / best - 1)))
        self.assertLess(max(gaps), 1e-9)

    def test_an_independent_optimiser_agrees(self) -> None:
        frontier = efficient_frontier(self.found)
        for point in frontier.sample(9):
            theirs = _solve(self.found, point.expected_return)
            self.assertAlmostEqual(point.risk**2 / theirs, 1.0, delta=1e-7)
            self.assertLessEqual(point.risk**2, theirs * (1 + 1e-9))


def _read(path: Path) -> Candles:
    with gzip.open(path, "rt") as lines:
        rows = [line.rstrip().split(",") for line in lines][-12 * 24 * 185 :]
    return Candles.from_rows(300, [[int(row[0]) // 1000, *row[1:]] for row in rows], 0)


def _solve(found: Moments, level: float) -> float:
    """Return the least variance at a return or more, by an interior-point method."""
    count = len(found.currencies)
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-13
    rows = np.vstack([np.ones(count), -found.expected_returns, -np.eye(count)])
    solved = clarabel.DefaultSolver(
        sparse.csc_matrix(np.triu(2 * found.covariance)),
        np.zeros(count),
        sparse.csc_matrix(rows),
        np.concatenate([[1.0, -level], np.zeros(count)]),
        [clarabel.ZeroConeT(1), clarabel.NonnegativeConeT(1 + count)],
        settings,
    ).solve()
    return float(solved.obj_val)


def _variance(found: Moments, weights: list[Fraction]) -> Fraction:
    covariance = [[Fraction(float(x)) for x in row] for row in found.covariance]
    return sum(
        (a * b * covariance[i][j] for i, a in enumerate(weights) for j, b in enumerate(weights)),
        Fraction(0),
    )


def _exact_variance(found: Moments, point: Portfolio) -> Fraction:
    """Return the least variance at the point's return in exact arithmetic, proven optimal.

    The optimality conditions are solved on the currencies the point holds:
    Σw = λ μ + ν with Σw = 1 and μ'w = r, and then checked for all: w ≥ 0, λ ≥ 0, and for each
    currency that is not held (Σw)ᵢ ≥ λ μᵢ + ν. They are sufficient, for the problem is convex.
    """
    mean = [Fraction(float(x)) for x in found.expected_returns]
    covariance = [[Fraction(float(x)) for x in row] for row in found.covariance]
    held = [i for i, weight in enumerate(point.weights) if weight > 1e-12]
    if len(held) == 1:
        return covariance[held[0]][held[0]]  # the one of the highest return: no other has it
    level = sum(
        (Fraction(float(w)) * m for w, m in zip(point.weights, mean, strict=True)), Fraction(0)
    )
    system = [
        [*(covariance[i][j] for j in held), -mean[i], Fraction(-1), Fraction(0)] for i in held
    ]
    system.append([*(Fraction(1) for _ in held), Fraction(0), Fraction(0), Fraction(1)])
    system.append([*(mean[j] for j in held), Fraction(0), Fraction(0), level])
    *weights, trade_off, shift = _eliminate(system)
    full = [Fraction(0)] * len(mean)
    for i, weight in zip(held, weights, strict=True):
        full[i] = weight
    # The end of least variance has λ = 0; its return in floats is that of its rounded weights.
    assert all(w >= 0 for w in full) and trade_off > -Fraction(1, 10**12)
    for i, row in enumerate(covariance):
        slope = sum((c * w for c, w in zip(row, full, strict=True)), Fraction(0))
        assert i in held or slope >= trade_off * mean[i] + shift
    return _variance(found, full)


def _eliminate(system: list[list[Fraction]]) -> list[Fraction]:
    size = len(system)
    for column in range(size):
        pivot = next(row for row in range(column, size) if system[row][column])
        system[column], system[pivot] = system[pivot], system[column]
        scale = system[column][column]
        system[column] = [x / scale for x in system[column]]
        for row in range(size):
            if row != column and (factor := system[row][column]):
                system[row] = [
                    x - factor * y for x, y in zip(system[row], system[column], strict=True)
                ]
    return [row[-1] for row in system]


if __name__ == "__main__":
    unittest.main()
