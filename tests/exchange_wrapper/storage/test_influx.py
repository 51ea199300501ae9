import itertools
import unittest

from exchange_wrapper.candles import Candles
from exchange_wrapper.errors import ApiUsageError, DataError, StorageUnavailable
from exchange_wrapper.storage import RecordingLimits, Store, open_store
from exchange_wrapper.storage.influx import InfluxStore
from tests.exchange_wrapper.storage.influx_server import InfluxServer
from tests.exchange_wrapper.storage.store_contract import KEY, StoreContract, flat, segment

_server: InfluxServer
_numbers = itertools.count()


def setUpModule() -> None:
    global _server
    _server = InfluxServer()
    unittest.addModuleCleanup(_server.stop)


class InfluxCase(unittest.TestCase):
    def open(self, dsn: str, *, read_only: bool = False) -> Store:
        store = open_store(dsn, read_only=read_only)
        self.addCleanup(store.close)
        return store

    def new_dsn(self) -> str:
        return _server.dsn(f"series_{next(_numbers)}")


class InfluxKeepsTheContract(StoreContract, InfluxCase):
    def make_store(self) -> Store:
        return self.open(self.new_dsn())


class TheDatabase(InfluxCase):
    def test_what_is_written_is_there_for_another_connection(self) -> None:
        dsn = self.new_dsn()
        with open_store(dsn) as store:
            store.write(*KEY, flat(0, 300))
        self.assertEqual(self.open(dsn, read_only=True).read(*KEY, 300), flat(0, 300))

    def test_reading_makes_no_database_and_can_not_write(self) -> None:
        dsn = self.new_dsn()
        with self.assertRaises(StorageUnavailable):
            open_store(dsn, read_only=True)
        with self.assertRaises(StorageUnavailable):  # the first one did not make it
            open_store(dsn, read_only=True)
        self.open(dsn)
        with self.assertRaises(StorageUnavailable):
            self.open(dsn, read_only=True).write(*KEY, flat(0))

    def test_an_address_of_another_form_is_refused(self) -> None:
        for dsn in (f"influxdb://127.0.0.1:{_server.port}", "postgres://host/x", "influxdb://"):
            with self.subTest(dsn), self.assertRaises(ApiUsageError):
                open_store(dsn)

    def test_a_server_that_does_not_answer_is_named_without_its_password(self) -> None:
        with self.assertRaises(StorageUnavailable) as caught:
            open_store("influxdb://user:secret@127.0.0.1:1/x")
        self.assertIn("127.0.0.1:1/x", str(caught.exception))
        self.assertNotIn("secret", str(caught.exception))

    def test_figures_that_do_not_fit_together_are_refused_before_anything_is_written(self) -> None:
        store = self.open(self.new_dsn())
        huge = Candles.from_rows(300, [[0, "1", "1", "1", "1", str(2**62)]], 1)
        store.write(*KEY, huge)
        precise = [[time, "1", "1", "1", "1", "0.01"] for time in (0, 300)]
        with self.assertRaises(DataError):
            store.write(*KEY, Candles.from_rows(300, precise, 1), covers=(0, 600))
        self.assertEqual(store.read(*KEY, 300), huge)
        self.assertEqual(store.covered(*KEY, 300), [])

    def test_names_with_the_signs_of_the_protocol_are_kept_apart(self) -> None:
        store = self.open(self.new_dsn())
        names = ["a b", "a,b=c", "it's", 'say "x"', "back\\slash"]
        for name in names:
            store.write(name, "BTC_USD", flat(0))
        self.assertEqual([one.exchange for one in store.series()], sorted(names))
        for name in names:
            self.assertEqual(len(store.read(name, "BTC_USD", 300)), 1)

    def test_a_segment_of_many_parts_is_put_together(self) -> None:
        store = self.open(self.new_dsn())
        large = segment(1, 30_000, seed=3)
        store.put_segment(large, RecordingLimits())
        self.assertEqual(list(store.segments(large.exchange, large.pair)), [large])
        small = segment(1, 5)
        store.put_segment(small, RecordingLimits())  # parts of the large one are left behind it
        self.assertEqual(list(store.segments(large.exchange, large.pair)), [small])

    def test_a_segment_that_lacks_a_part_is_an_error(self) -> None:
        dsn = self.new_dsn()
        store = self.open(dsn)
        assert isinstance(store, InfluxStore)
        large = segment(1, 30_000, seed=3)
        store.put_segment(large, RecordingLimits())
        store._influx.command("DELETE FROM recording WHERE part = '1'")
        with self.assertRaises(DataError):
            list(store.segments(large.exchange, large.pair))


del StoreContract  # it would run here once more, without a store

if __name__ == "__main__":
    unittest.main()
