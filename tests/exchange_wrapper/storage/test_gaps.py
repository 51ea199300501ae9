import tempfile
import unittest
from pathlib import Path

from exchange_wrapper.candles import Candles
from exchange_wrapper.storage.embedded import EmbeddedStore
from exchange_wrapper.storage.gaps import Gap, GapCause, find_gaps, subtract
from tests.exchange_wrapper.storage.store_contract import KEY, flat


class Gaps(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.store = EmbeddedStore(Path(folder.name) / "series.db")
        self.addCleanup(self.store.close)

    def test_of_files_alone_have_no_known_cause(self) -> None:
        self.store.write(*KEY, flat(0, 300, 1200))
        self.assertEqual(find_gaps(self.store, *KEY, 300), [Gap(600, 1200, GapCause.UNKNOWN)])

    def test_the_venue_was_silent_where_it_was_asked(self) -> None:
        self.store.write(*KEY, flat(0, 3000))
        self.store.write(*KEY, Candles.empty(300), covers=(0, 900))
        self.store.write(*KEY, Candles.empty(300), covers=(1500, 1800))
        self.assertEqual(
            find_gaps(self.store, *KEY, 300),
            [
                Gap(300, 900, GapCause.SILENT),
                Gap(900, 1500, GapCause.NOT_FETCHED),
                Gap(1500, 1800, GapCause.SILENT),
                Gap(1800, 3000, GapCause.NOT_FETCHED),
            ],
        )

    def test_are_looked_for_in_a_part(self) -> None:
        self.store.write(*KEY, flat(0, 600, 1200, 1800))
        gaps = find_gaps(self.store, *KEY, 300, 600, 1500)
        self.assertEqual([gap[:2] for gap in gaps], [(900, 1200)])


class WhatIsLeftOfAPeriod(unittest.TestCase):
    def test_is_in_none_of_those_present(self) -> None:
        table = [
            ([], [(10, 20)]),
            ([(0, 30)], []),
            ([(12, 14), (13, 16)], [(10, 12), (16, 20)]),
            ([(18, 25), (0, 11)], [(11, 18)]),
            ([(20, 30), (0, 10)], [(10, 20)]),
        ]
        for present, expected in table:
            with self.subTest(present):
                self.assertEqual(subtract((10, 20), present), expected)


if __name__ == "__main__":
    unittest.main()
