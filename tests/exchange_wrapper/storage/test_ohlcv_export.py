import tempfile
import unittest
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from exchange_wrapper.candles import Candles
from exchange_wrapper.errors import ApiUsageError, StorageUnavailable
from exchange_wrapper.storage.ohlcv_export import write_ohlcv
from exchange_wrapper.storage.ohlcv_files import read_ohlcv

ENDS = (".csv", ".csv.gz", ".parquet")
CANDLES = Candles.from_rows(
    300,
    [
        [0, "0.0027300000000000002", "0.5", "0.001", "0.5", "133.59594109000001"],
        [600, "0.5", "0.75", "0.25", "0.5", "0"],
    ],
    9,
)


@st.composite
def series(draw: st.DrawFn) -> Candles:
    steps = draw(st.lists(st.integers(0, 10**6), min_size=1, max_size=8, unique=True))
    digits = draw(st.integers(0, 18)), draw(st.integers(0, 18))
    rows = []
    for step in sorted(steps):
        low, *body, high = sorted(draw(st.tuples(*[st.integers(1, 2**63 - 1)] * 4)))
        rows.append((step * 300, *body, high, low, draw(st.integers(0, 2**63 - 1))))
    time, open_, close, high, low, volume = map(list, zip(*rows, strict=True))
    return Candles(300, *digits, time, open_, high, low, close, volume, [9] * len(rows))  # type: ignore[arg-type]


class Exports(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def read(self, path: Path) -> Candles:
        return read_ohlcv(path, "BTC_USDT", 300, 9).candles

    def test_read_back_to_the_last_digit(self) -> None:
        for end in ENDS:
            with self.subTest(end):
                path = self.folder / f"candles{end}"
                write_ohlcv(path, CANDLES)
                self.assertEqual(self.read(path), CANDLES)

    @settings(max_examples=20, deadline=None)
    @given(series())
    def test_of_any_candles_read_back_the_same(self, candles: Candles) -> None:
        for end in ENDS:
            path = self.folder / f"any{end}"
            write_ohlcv(path, candles, replace=True)
            read = self.read(path)
            self.assertEqual(read.with_digits(candles.price_digits, candles.volume_digits), candles)

    def test_of_the_same_candles_are_the_same_bytes(self) -> None:
        for end in ENDS:
            with self.subTest(end):
                paths = [self.folder / f"{name}{end}" for name in "ab"]
                for path in paths:
                    write_ohlcv(path, CANDLES)
                self.assertEqual(*(path.read_bytes() for path in paths))

    def test_do_not_replace_a_file_unasked(self) -> None:
        path = self.folder / "candles.csv"
        path.write_text("mine")
        with self.assertRaisesRegex(ApiUsageError, "--replace"):
            write_ohlcv(path, CANDLES)
        self.assertEqual(path.read_text(), "mine")
        write_ohlcv(path, CANDLES, replace=True)
        self.assertEqual(self.read(path), CANDLES)

    def test_that_can_not_be_written_leave_nothing(self) -> None:
        with self.assertRaises(ApiUsageError):
            write_ohlcv(self.folder / "candles.txt", CANDLES)
        with self.assertRaises(StorageUnavailable):
            write_ohlcv(self.folder / "missing" / "candles.csv", CANDLES)
        (self.folder / "folder.csv").mkdir()
        with self.assertRaises(StorageUnavailable):
            write_ohlcv(self.folder / "folder.csv", CANDLES, replace=True)
        self.assertEqual([path.name for path in self.folder.iterdir()], ["folder.csv"])


if __name__ == "__main__":
    unittest.main()
