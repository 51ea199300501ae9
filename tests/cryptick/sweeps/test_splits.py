import unittest

from hypothesis import assume, given
from hypothesis import strategies as st

from cryptick.errors import UsageError
from cryptick.sweeps.splits import Split, Window, walk_forward, whole_period

START_S = 1_659_312_000


class WalkForward(unittest.TestCase):
    @given(
        st.integers(2, 3_000),
        st.integers(1, 12),
        st.sampled_from([60, 300, 86_400]),
        st.booleans(),
        st.integers(0, 40),
    )
    def test_nothing_overlaps_and_every_later_bar_is_judged_once(
        self, bars: int, count: int, freq_s: int, rolling: bool, embargo_bars: int
    ) -> None:
        end_s, embargo_s = START_S + bars * freq_s, embargo_bars * freq_s
        try:
            splits = walk_forward(
                START_S, end_s, freq_s, count, rolling=rolling, embargo_s=embargo_s
            )
        except UsageError:
            assume(False)
        judged = [split.out_of_sample for split in splits]
        self.assertEqual(len(judged), count)
        for split, following in zip(splits, [*judged[1:], Window(end_s, end_s)], strict=True):
            assert split.out_of_sample is not None and following is not None
            chosen, part = split.in_sample, split.out_of_sample
            self.assertEqual(part.end_s, following.start_s)
            self.assertLess(part.start_s, part.end_s)
            self.assertEqual(part.start_s - chosen.end_s, embargo_s)
            self.assertGreaterEqual(chosen.start_s, START_S)
            self.assertLess(chosen.start_s, chosen.end_s)
            for edge_s in (chosen.start_s, chosen.end_s, part.start_s, part.end_s):
                self.assertEqual((edge_s - START_S) % freq_s, 0)
            if not rolling:
                self.assertEqual(chosen.start_s, START_S)

    def test_seven_days_in_five_splits(self) -> None:
        day_s = 86_400
        splits = walk_forward(0, 7 * day_s, 3600, 5, rolling=True, embargo_s=3600)
        self.assertEqual(
            splits[:2],
            [
                Split(Window(0, 2 * day_s - 3600), Window(2 * day_s, 3 * day_s)),
                Split(Window(day_s, 3 * day_s - 3600), Window(3 * day_s, 4 * day_s)),
            ],
        )

    def test_a_period_that_is_too_short_is_refused(self) -> None:
        for bars, embargo_s in ((3, 0), (13, 0), (100, 30 * 60)):
            with self.subTest(bars=bars), self.assertRaisesRegex(UsageError, "too few"):
                walk_forward(0, bars * 60, 60, 5, rolling=False, embargo_s=embargo_s)

    def test_without_walk_forward_there_is_nothing_to_judge_on(self) -> None:
        self.assertEqual(whole_period(1, 9), [Split(Window(1, 9), None)])
