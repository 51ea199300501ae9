import sqlite3
import tempfile
import threading
import unittest
import zlib
from pathlib import Path

from exchange_wrapper.candles import Candles
from exchange_wrapper.errors import DataError, StorageUnavailable
from exchange_wrapper.storage import RecordingLimits, WriteReport
from exchange_wrapper.storage.embedded import _CANDLES, EmbeddedStore
from exchange_wrapper.storage.sqlite_file import SqliteFile
from tests.exchange_wrapper.storage.store_contract import DAY, KEY, StoreContract, flat, segment


class EmbeddedCase(unittest.TestCase):
    def folder(self) -> Path:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return Path(folder.name)

    def open(self, path: Path, *, read_only: bool = False) -> EmbeddedStore:
        store = EmbeddedStore(path, read_only=read_only)
        self.addCleanup(store.close)
        return store


class EmbeddedKeepsTheContract(StoreContract, EmbeddedCase):
    def make_store(self) -> EmbeddedStore:
        return self.open(self.folder() / "series.db")


class TheFile(EmbeddedCase):
    def test_candles_are_there_after_closing(self) -> None:
        path = self.folder() / "deep" / "er" / "a series?.db"
        with EmbeddedStore(path) as store:
            store.write(*KEY, flat(0, 300, DAY))
        self.assertEqual(self.open(path).read(*KEY, 300), flat(0, 300, DAY))

    def test_readers_see_whole_writes_while_another_writes(self) -> None:
        path = self.folder() / "series.db"
        writer = self.open(path)
        reader = self.open(path, read_only=True)
        writer.write(*KEY, flat(0))
        self.assertEqual(reader.read(*KEY, 300), flat(0))
        writer.write(*KEY, flat(300, DAY))
        self.assertEqual(reader.read(*KEY, 300), flat(0, 300, DAY))

    def test_a_reader_can_not_write(self) -> None:
        path = self.folder() / "series.db"
        self.open(path)
        with self.assertRaises(StorageUnavailable):
            self.open(path, read_only=True).write(*KEY, flat(0))

    def test_a_write_is_all_or_nothing(self) -> None:
        store = self.open(self.folder() / "series.db")
        huge = Candles.from_rows(300, [[0, "1", "1", "1", "1", str(2**62)]], 1)
        store.write(*KEY, huge)
        precise = Candles.from_rows(300, [[DAY - 300, "1", "1", "1", "1", "0.01"]], 1)
        with self.assertRaises(DataError):  # they don't fit 64 bits with the digits of both
            store.write(*KEY, precise, covers=(0, DAY))
        self.assertEqual(store.read(*KEY, 300), huge)
        self.assertEqual(store.covered(*KEY, 300), [])

    def test_threads_may_share_a_store(self) -> None:
        store = self.open(self.folder() / "series.db")
        reports: list[WriteReport] = []

        def write(first: int) -> None:
            reports.extend(store.write(*KEY, flat(first + i * 1200)) for i in range(20))

        threads = [threading.Thread(target=write, args=(first,)) for first in (0, 300, 600, 900)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(reports, [WriteReport(1, 0, 0)] * 80)
        self.assertEqual(store.read(*KEY, 300).coverage(), [(0, 80 * 300)])

    def test_two_writers_take_turns(self) -> None:
        path = self.folder() / "series.db"
        first, second = self.open(path), self.open(path)
        for step in range(10):
            (first, second)[step % 2].write(*KEY, flat(step * 300))
        self.assertEqual(first.series(), second.series())
        self.assertEqual(len(second.read(*KEY, 300)), 10)

    def test_a_damaged_recording_is_an_error(self) -> None:
        path = self.folder() / "series.db"
        store = self.open(path)
        stored = segment(1, 3)
        store.put_segment(stored, RecordingLimits())
        for content in (b"", b"text", zlib.compress(b"\xc1"), zlib.compress(b"\x91\x02")):
            connection = sqlite3.connect(path)
            with connection:
                connection.execute("UPDATE segment SET content = ?", (content,))
            connection.close()
            with self.subTest(content), self.assertRaises(DataError):
                list(store.segments(stored.exchange, stored.pair))

    def test_damaged_candles_are_an_error(self) -> None:
        path = self.folder() / "series.db"
        store = self.open(path)
        store.write(*KEY, flat(0))
        connection = sqlite3.connect(path)
        with connection:
            connection.execute("UPDATE day SET columns = x'0102'")
        connection.close()
        with self.assertRaises(DataError):
            store.read(*KEY, 300)


class OtherFiles(EmbeddedCase):
    def test_an_older_version_is_brought_up_by_the_first_writer(self) -> None:
        path = self.folder() / "series.db"
        with SqliteFile(path, (_CANDLES,)):
            pass
        with self.assertRaisesRegex(StorageUnavailable, "version 1.*open it once for writing"):
            EmbeddedStore(path, read_only=True)
        with EmbeddedStore(path) as store:
            store.write(*KEY, flat(0))
            self.assertEqual(store.tickers(*KEY), [])
        self.assertEqual(self.open(path, read_only=True).read(*KEY, 300), flat(0))

    def test_what_is_no_candle_store_is_refused_and_left_alone(self) -> None:
        folder = self.folder()
        text = folder / "text.db"
        text.write_text("not a database, but long enough to have a header of its own " * 20)
        other = folder / "other.db"
        connection = sqlite3.connect(other)
        connection.execute("CREATE TABLE orders (id INTEGER)")
        connection.close()
        newer = folder / "newer.db"
        EmbeddedStore(newer).close()
        connection = sqlite3.connect(newer)
        connection.execute("PRAGMA user_version = 99")
        connection.close()
        for path in (text, other, newer, folder):
            before = path.read_bytes() if path.is_file() else b""
            for read_only in (False, True):
                with self.subTest(path.name, read_only=read_only):
                    with self.assertRaises(StorageUnavailable) as caught:
                        EmbeddedStore(path, read_only=read_only)
                    self.assertIn(str(path), str(caught.exception))
                    self.assertEqual(path.read_bytes() if path.is_file() else b"", before)

    def test_reading_does_not_make_a_file(self) -> None:
        path = self.folder() / "series.db"
        with self.assertRaises(StorageUnavailable):
            EmbeddedStore(path, read_only=True)
        self.assertFalse(path.exists())

    def test_a_folder_that_can_not_be_made_is_an_error(self) -> None:
        folder = self.folder()
        (folder / "file").write_text("")
        with self.assertRaises(StorageUnavailable):
            EmbeddedStore(folder / "file" / "series.db")


del StoreContract  # it would run here once more, without a store

if __name__ == "__main__":
    unittest.main()
