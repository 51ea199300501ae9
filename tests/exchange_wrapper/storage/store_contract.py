"""What every candle store must do; a store's own test inherits ``StoreContract``."""

import unittest
from decimal import Decimal
from typing import Any

import numpy as np

from exchange_wrapper.candles import Candles, Instrument
from exchange_wrapper.errors import NoData
from exchange_wrapper.storage import CandleStore, SeriesInfo, WriteReport

DAY = 86_400
KEY = ("binance", "BTC_USDT")


def candle(time: int, close: str = "2", volume: str = "1.5") -> list[Any]:
    return [time, "2", "3", "1", close, volume]


def flat(*times: int, received_at: int = 1, freq_s: int = 300) -> Candles:
    return Candles.from_rows(freq_s, [candle(time) for time in times], received_at)


class StoreContract(unittest.TestCase):
    def make_store(self) -> CandleStore:
        """Return an empty store that is closed when the test ends."""
        raise unittest.SkipTest("has no store of its own")

    def setUp(self) -> None:
        self.store = self.make_store()

    def test_what_is_written_is_read(self) -> None:
        candles = Candles.from_rows(
            300, [candle(0, "2.25"), candle(300, "1.001", "7"), candle(DAY), candle(9 * DAY)], 5
        )
        self.assertEqual(self.store.write(*KEY, candles), WriteReport(4, 0, 0))
        self.assertEqual(self.store.read(*KEY, 300), candles)

    def test_a_part_is_half_open(self) -> None:
        times = [0, 300, DAY - 300, DAY, DAY + 300, 3 * DAY]
        self.store.write(*KEY, flat(*times))
        for start, end in ((None, None), (300, DAY), (301, DAY + 1), (DAY, None), (None, DAY)):
            with self.subTest(start=start, end=end):
                expected = [
                    time
                    for time in times
                    if (start is None or start <= time) and (end is None or time < end)
                ]
                self.assertEqual(self.store.read(*KEY, 300, start, end).time.tolist(), expected)

    def test_a_period_without_candles_is_empty_but_a_series_without_is_an_error(self) -> None:
        self.store.write(*KEY, flat(0))
        self.assertEqual(len(self.store.read(*KEY, 300, DAY)), 0)
        for key in (("binance", "BTC_USDT", 60), ("binance", "X_Y", 300), ("x", "BTC_USDT", 300)):
            with self.subTest(key), self.assertRaises(NoData):
                self.store.read(*key)

    def test_writing_again_changes_nothing(self) -> None:
        self.store.write(*KEY, flat(0, 300, received_at=1))
        report = self.store.write(*KEY, flat(0, 300, received_at=9))
        self.assertEqual(report, WriteReport(0, 2, 0))
        self.assertEqual(self.store.read(*KEY, 300), flat(0, 300, received_at=1))

    def test_new_same_and_changed_candles_are_told_apart(self) -> None:
        self.store.write(*KEY, Candles.from_rows(300, [candle(0), candle(300), candle(900)], 1))
        mixed = [candle(0), candle(300, "2.125"), candle(600), candle(1200)]
        report = self.store.write(*KEY, Candles.from_rows(300, mixed, 9))
        self.assertEqual(report, WriteReport(new=2, same=1, changed=1))
        read = self.store.read(*KEY, 300)
        self.assertEqual(read.time.tolist(), [0, 300, 600, 900, 1200])
        self.assertEqual(read.texts("close"), ["2", "2.125", "2", "2", "2"])
        self.assertEqual(read.received_at.tolist(), [1, 9, 9, 1, 9])

    def test_days_of_different_digits_are_read_with_the_most(self) -> None:
        self.store.write(*KEY, Candles.from_rows(300, [candle(0, "2.25", "1")], 1))
        self.store.write(*KEY, Candles.from_rows(300, [candle(DAY, "1.1", "0.0625")], 1))
        self.store.write(*KEY, Candles.from_rows(300, [candle(2 * DAY, "3", "5")], 1))
        read = self.store.read(*KEY, 300)
        self.assertEqual((read.price_digits, read.volume_digits), (2, 4))
        self.assertEqual(read.texts("close"), ["2.25", "1.1", "3"])
        self.assertEqual(read.texts("volume"), ["1", "0.0625", "5"])
        self.assertEqual(self.store.read(*KEY, 300, 2 * DAY).price_digits, 0)

    def test_the_same_figures_with_more_digits_are_the_same(self) -> None:
        self.store.write(*KEY, flat(0, 300))
        report = self.store.write(*KEY, flat(0, 300).with_digits(5, 6))
        self.assertEqual(report, WriteReport(0, 2, 0))

    def test_candles_received_later_can_be_left_out(self) -> None:
        self.store.write(*KEY, flat(0, received_at=10))
        self.store.write(*KEY, flat(300, received_at=20))
        self.assertEqual(self.store.read(*KEY, 300, received_before=20).time.tolist(), [0])
        self.assertEqual(len(self.store.read(*KEY, 300, received_before=10)), 0)

    def test_series_are_listed_with_period_and_rows(self) -> None:
        self.assertEqual(self.store.series(), [])
        self.store.write(*KEY, flat(300, 600))
        self.store.write(*KEY, flat(0, 300, DAY))
        self.store.write(*KEY, flat(0, DAY, freq_s=DAY))
        self.store.write("aax", "ETH_USD", flat(0))
        self.assertEqual(
            self.store.series(),
            [
                SeriesInfo("aax", "ETH_USD", 300, 0, 300, 1),
                SeriesInfo(*KEY, 300, 0, DAY + 300, 4),
                SeriesInfo(*KEY, DAY, 0, 2 * DAY, 2),
            ],
        )

    def test_writing_no_candles_makes_no_series(self) -> None:
        report = self.store.write(*KEY, Candles.empty(300))
        self.assertEqual((report, self.store.series()), (WriteReport(0, 0, 0), []))

    def test_covered_periods_join_where_they_touch(self) -> None:
        steps = [
            ((600, 900), [(600, 900)]),
            ((0, 300), [(0, 300), (600, 900)]),
            ((900, 1200), [(0, 300), (600, 1200)]),
            ((100, 200), [(0, 300), (600, 1200)]),
            ((300, 700), [(0, 1200)]),
            ((1500, 1800), [(0, 1200), (1500, 1800)]),
            ((0, 3000), [(0, 3000)]),
        ]
        self.assertEqual(self.store.covered(*KEY, 300), [])
        for covers, expected in steps:
            with self.subTest(covers):
                self.store.write(*KEY, Candles.empty(300), covers=covers)
                self.assertEqual(self.store.covered(*KEY, 300), expected)
        self.assertEqual(self.store.covered(*KEY, 60), [])

    def test_instruments_are_exact_and_the_last_one_counts(self) -> None:
        first = Instrument(*KEY, Decimal("0.01"), Decimal("1E-8"), source="inferred")
        second = Instrument(*KEY, Decimal("0.25"), Decimal(100), Decimal("10.50"), "given")
        other = Instrument("aax", "ETH_USD", Decimal("0.1"), Decimal("0.001"))
        for instrument in (first, second, other):
            self.store.put_instrument(instrument)
        self.assertEqual(list(self.store.instruments()), [other, second])

    def test_random_writes_end_as_one_dictionary_would(self) -> None:
        random = np.random.default_rng(7)
        expected: dict[int, tuple[str, str]] = {}
        for _ in range(30):
            steps = np.unique(random.integers(0, 900, random.integers(1, 60)))
            rows = []
            for step in steps.tolist():
                close = format(Decimal(int(random.integers(100, 300))).scaleb(-2), "f")
                volume = format(Decimal(int(random.integers(0, 4))).scaleb(-1), "f")
                rows.append(candle(step * 300, close, volume))
                expected[step * 300] = (close, volume)
            self.store.write(*KEY, Candles.from_rows(300, rows, 1))
        read = self.store.read(*KEY, 300)
        self.assertEqual(read.time.tolist(), sorted(expected))
        figures = zip(read.decimals("close"), read.decimals("volume"), strict=True)
        for time, found in zip(read.time.tolist(), figures, strict=True):
            self.assertEqual(found, tuple(map(Decimal, expected[time])))
        (info,) = self.store.series()
        self.assertEqual(info.rows, len(expected))
