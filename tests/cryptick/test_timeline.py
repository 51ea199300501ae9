import unittest

from hypothesis import given
from hypothesis import strategies as st

from cryptick.timeline import Timeline
from exchange_wrapper.candles import Candles

series_of_bars = st.lists(
    st.sets(st.integers(0, 12), min_size=1).map(sorted), min_size=1, max_size=3
)


def candles(opens: list[int]) -> Candles:
    return Candles.from_rows(60, [(60 * i, "1", "1", "1", "1", "1") for i in opens], 0)


class TimelineTests(unittest.TestCase):
    @given(series_of_bars)
    def test_the_state_of_each_series_is_what_its_last_event_left(
        self, opens: list[list[int]]
    ) -> None:
        timeline = Timeline([candles(one) for one in opens])
        count = len(opens)
        states = [(-1, False)] * count
        self.assertEqual([timeline.state(i) for i in range(count)], states)
        for position, (code, row) in enumerate(
            zip(timeline.code.tolist(), timeline.row.tolist(), strict=True)
        ):
            timeline.position = position
            states[code % count] = row, code >= count
            self.assertEqual([timeline.state(i) for i in range(count)], states)

    @given(series_of_bars)
    def test_events_are_in_order_and_at_one_time_ends_come_first(
        self, opens: list[list[int]]
    ) -> None:
        timeline = Timeline([candles(one) for one in opens])
        keys = list(zip(timeline.time.tolist(), timeline.code.tolist(), strict=True))
        self.assertEqual(keys, sorted(keys))
        self.assertEqual(len(keys), 2 * sum(map(len, opens)))
        ends = sorted({60 * i + 60 for one in opens for i in one})
        self.assertEqual(timeline.closes().tolist(), ends)


if __name__ == "__main__":
    unittest.main()
