import unittest
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from exchange_wrapper.errors import ApiUsageError
from exchange_wrapper.times import SECOND, UtcNs, from_datetime, from_iso, to_datetime, to_iso

microseconds = st.integers(0, 4_000_000_000_000_000)


class Times(unittest.TestCase):
    @given(microseconds)
    def test_text_and_datetime_keep_microseconds(self, us: int) -> None:
        time = UtcNs(us * 1000)
        self.assertEqual(from_iso(to_iso(time)), time)
        self.assertEqual(from_datetime(to_datetime(time)), time)

    def test_known_times_read_and_print(self) -> None:
        time = from_iso("2018-04-07T02:29:58.933222Z")
        self.assertEqual(time, 1_523_068_198_933_222_000)
        self.assertEqual(to_iso(UtcNs(time + 999)), "2018-04-07T02:29:58.933222Z")
        self.assertEqual(to_iso(UtcNs(0)), "1970-01-01T00:00:00.000000Z")

    def test_an_offset_counts_and_its_absence_means_utc(self) -> None:
        hour = 3600 * SECOND
        self.assertEqual(from_iso("1970-01-01T01:00:00+01:00"), 0)
        self.assertEqual(from_iso("1970-01-01T01:00:00"), hour)
        east = datetime(1970, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))
        self.assertEqual(from_datetime(east), 0)
        self.assertEqual(to_datetime(UtcNs(hour)), datetime(1970, 1, 1, 1, tzinfo=UTC))

    def test_what_is_not_a_time_is_an_api_usage_error(self) -> None:
        for text in [
            "",
            "yesterday",
            "2018-13-01",
            "12:00",
            "0001-01-01T00:00:00+23:59",
            "9999-12-31",
        ]:
            with self.subTest(text=text), self.assertRaises(ApiUsageError) as caught:
                from_iso(text, "since")
            self.assertEqual(caught.exception.data, {"field": "since"})


if __name__ == "__main__":
    unittest.main()
