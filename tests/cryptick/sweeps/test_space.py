import unittest
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from cryptick.errors import UsageError
from cryptick.strategy.sma_cross import SmaCross
from cryptick.sweeps.space import Choices, Dimension, Interval, Space, parse_grid, parse_range


def space(*dimensions: Dimension, **fixed: str) -> Space:
    return Space(SmaCross, fixed, dimensions)


class Grids(unittest.TestCase):
    def test_the_stop_is_included_when_a_step_meets_it(self) -> None:
        table = (
            ("fast=5:20:5", ("5", "10", "15", "20")),
            ("fast=5:19:5", ("5", "10", "15")),
            ("--fast=7:7:1", ("7",)),
            ("fast=3, 5,5", ("3", "5")),
            ("size=0.1:0.3:0.1", ("0.1", "0.2", "0.3")),
            ("size=1.50,1.5", ("1.5",)),
            ("base=BTC,ETH", ("BTC", "ETH")),
        )
        for text, expected in table:
            with self.subTest(text=text):
                self.assertEqual(parse_grid(SmaCross, text).texts, expected)

    def test_what_can_not_be_tried_is_refused_with_its_reason(self) -> None:
        table = (
            ("fast", "not of the form"),
            ("fast=", "not of the form"),
            ("fast=1:2", "not of the form"),
            ("fast=1:5:0", "step above 0"),
            ("fast=5:1:1", "must go up"),
            ("fast=1:5:0.5", "whole number"),
            ("fast=0:5:1", "at least 1"),
            ("fast=x", "whole number"),
            ("fast=1:nan:1", "not a number"),
            ("fast=1:99999999:1", "more than"),
            ("quick=1", "no parameter"),
            ("fast=,", "no values"),
        )
        for text, words in table:
            with self.subTest(text=text), self.assertRaisesRegex(UsageError, words):
                parse_grid(SmaCross, text)

    @given(st.integers(1, 50), st.integers(0, 60), st.integers(1, 9))
    def test_steps_stay_inside_and_are_even(self, start: int, length: int, step: int) -> None:
        texts = parse_grid(SmaCross, f"fast={start}:{start + length}:{step}").texts
        self.assertEqual([int(t) for t in texts], list(range(start, start + length + 1, step)))

    def test_combinations_that_the_strategy_refuses_are_skipped_and_counted(self) -> None:
        one = space(Choices("fast", ("10", "20")), Choices("slow", ("15", "20", "30")))
        self.assertEqual(
            one.grid(),
            [
                {"fast": "10", "slow": "15"},
                {"fast": "10", "slow": "20"},
                {"fast": "10", "slow": "30"},
                {"fast": "20", "slow": "30"},
            ],
        )
        self.assertEqual(one.refused, {"fast=20 slow=15", "fast=20 slow=20"})

    def test_a_space_without_a_valid_point_a_dimension_or_with_one_twice_is_refused(self) -> None:
        fast = Choices("fast", ("50", "60"))
        with self.assertRaisesRegex(UsageError, "every combination"):
            space(fast, slow="50").grid()
        with self.assertRaisesRegex(UsageError, "nothing to search"):
            space()
        with self.assertRaisesRegex(UsageError, "given twice"):
            space(fast, fast="3")
        with self.assertRaisesRegex(UsageError, "at most 100"):
            space(fast, percent="300")


class Ranges(unittest.TestCase):
    def test_what_is_no_range_is_refused_with_its_reason(self) -> None:
        table = (
            ("fast=1", "not of the form"),
            ("fast=1:9:lin", "not of the form"),
            ("fast=9:1", "must go up"),
            ("size=0:1:log", "above 0"),
            ("size=0.5:2:int", "whole"),
            ("fast=0:9", "at least 1"),
            ("percent=1:101", "at most 100"),
            ("base=1:2", "--grid"),
        )
        for text, words in table:
            with self.subTest(text=text), self.assertRaisesRegex(UsageError, words):
                parse_range(SmaCross, text)

    def test_a_range_without_a_search_has_no_steps(self) -> None:
        with self.assertRaisesRegex(UsageError, "no steps"):
            space(parse_range(SmaCross, "fast=2:9")).grid()

    @given(st.integers(0, 2**31), st.sampled_from(["", ":log", ":int", ":log:int"]))
    def test_random_points_are_inside_valid_different_and_repeatable(
        self, seed: int, marks: str
    ) -> None:
        dimensions = (
            parse_range(SmaCross, f"size=1:50{marks}"),
            parse_range(SmaCross, "fast=2:60"),
            Choices("slow", ("20", "40")),
        )
        points = space(*dimensions).sample(20, seed)
        self.assertEqual(points, space(*dimensions).sample(20, seed))
        self.assertEqual(len({tuple(point.items()) for point in points}), 20)
        for point in points:
            self.assertLess(int(point["fast"]), int(point["slow"]))
            self.assertTrue(1 <= Decimal(point["size"]) <= 50)
            if "int" in marks:
                self.assertEqual(Decimal(point["size"]) % 1, 0)

    def test_a_small_space_gives_all_it_has(self) -> None:
        one = space(Interval("fast", Decimal(2), Decimal(4), log=False, whole=True))
        self.assertEqual(sorted(p["fast"] for p in one.sample(50, 1)), ["2", "3", "4"])
