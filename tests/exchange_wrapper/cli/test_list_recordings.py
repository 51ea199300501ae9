from exchange_wrapper.storage import RecordingLimits
from tests.exchange_wrapper.cli.test_series_commands import CommandCase
from tests.exchange_wrapper.storage.store_contract import segment


class ListingRecordings(CommandCase):
    def test_names_period_size_and_increments(self) -> None:
        store = self.store()
        self.assertIn("nothing is recorded", self.run_here("list_recordings")[1])
        for start in (60, 3600):
            store.put_segment(segment(start, 10), RecordingLimits())
        (listed,) = self.report("list_recordings")
        self.assertEqual((listed["exchange"], listed["pair"]), ("gdax", "BTC_USD"))
        self.assertEqual((listed["segments"], listed["tick_size"]), (2, "0.01"))
        self.assertEqual(listed["start"], "1970-01-01T00:01:00.000000Z")
        code, out, _ = self.run_here("list_recordings")
        self.assertEqual(code, 0)
        for words in ("BTC_USD", "1970-01-01 00:01 – 01:00", "0.0001"):
            self.assertIn(words, out)

    def test_without_a_store_is_refused(self) -> None:
        self.refused(4, "no candle store", "list_recordings")
