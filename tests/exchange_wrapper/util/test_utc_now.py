import unittest
from unittest.mock import patch

from exchange_wrapper import util
from exchange_wrapper.times import SECOND, from_iso, to_iso


class UtcNow(unittest.TestCase):
    def read(self, *times: int) -> list[int]:
        with patch.object(util, "time_ns", side_effect=times), patch.object(util, "_last", 0):
            return [util.utc_now() for _ in times]

    def test_times_are_whole_microseconds_that_no_text_cuts(self) -> None:
        (now,) = self.read(1_523_003_864_123_456_789)
        self.assertEqual(now, 1_523_003_864_123_456_000)
        self.assertEqual(from_iso(to_iso(now)), now)

    def test_none_comes_twice_and_none_is_earlier_than_the_one_before(self) -> None:
        start = 5 * SECOND
        told = self.read(start, start + 999, start + 1_000, start - 7, start + 9_000)
        self.assertEqual([time - start for time in told], [0, 1_000, 2_000, 3_000, 9_000])

    def test_a_clock_that_is_set_back_is_followed(self) -> None:
        start = 5 * SECOND
        self.assertEqual(self.read(start, start - SECOND, start), [start, start - SECOND, start])


if __name__ == "__main__":
    unittest.main()
