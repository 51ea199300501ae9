import asyncio
import logging
import tempfile
import unittest
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from exchange_wrapper.candle_keeper import CandleKeeper
from exchange_wrapper.candles import Candles, Instrument
from exchange_wrapper.errors import StorageUnavailable, Unavailable
from exchange_wrapper.pair import Pair
from exchange_wrapper.storage.embedded import EmbeddedStore
from exchange_wrapper.times import SECOND, UtcNs

FREQ = 300
PAGE_S = 300 * FREQ
DAY = 86_400
NOW = 400 * DAY
BTC = Pair("BTC-USD", "BTC", "USD", Decimal("0.01"), Decimal("1E-8"), min_notional=Decimal(1))
ETH = Pair("ETH-USD", "ETH", "USD", Decimal("0.01"), Decimal("1E-8"))


def row(time: int, close: str = "2") -> list[object]:
    return [time, "2", "3", "1", close, "1.5"]


class FakeVenue:
    """Has a candle for every interval but those in ``silent``."""

    name = "gdax"

    def __init__(self) -> None:
        self.asked: list[tuple[str, int, int]] = []
        self.silent: set[int] = set()
        self.bad: set[int] = set()
        self.failures: list[str] = []

    async def fetch_candles(
        self, pair: Pair, freq_s: int, start_s: int, end_s: int
    ) -> Sequence[Sequence[object]]:
        assert freq_s == FREQ
        assert 0 < end_s - start_s <= PAGE_S
        self.asked.append((pair.name(), start_s, end_s))
        if pair.name() in self.failures:
            self.failures.remove(pair.name())
            raise Unavailable("no answer")
        times = (time for time in range(start_s, end_s, FREQ) if time not in self.silent)
        return [row(time, "9" if time in self.bad else "2") for time in times]


class KeeperCase(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        logging.disable()
        self.addCleanup(logging.disable, logging.NOTSET)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.store = EmbeddedStore(Path(folder.name) / "series.db")
        self.addCleanup(self.store.close)
        self.venue = FakeVenue()
        self.now_s = NOW
        self.slept: list[float] = []

    def keeper(self, *pairs: Pair, days: int = 3) -> CandleKeeper:
        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)

        return CandleKeeper(
            self.store,
            self.venue,
            {pair.name(): pair for pair in pairs or (BTC,)},
            days=days,
            freq_s=FREQ,
            clock=lambda: UtcNs(self.now_s * SECOND),
            sleep=sleep,
        )

    def coverage(self, pair: str = "BTC_USD") -> list[tuple[int, int]]:
        return self.store.read("gdax", pair, FREQ).coverage()


class Filling(KeeperCase):
    async def test_the_wanted_days_are_fetched_newest_first(self) -> None:
        keeper = self.keeper()
        self.assertTrue(await keeper.fill())
        end = NOW - FREQ  # the last interval may not be published yet
        self.assertEqual(self.coverage(), [(end - 3 * DAY, end)])
        self.assertEqual(
            self.venue.asked,
            [
                ("BTC_USD", end - PAGE_S, end),
                ("BTC_USD", end - 2 * PAGE_S, end - PAGE_S),
                ("BTC_USD", end - 3 * DAY, end - 2 * PAGE_S),
            ],
        )

    async def test_pairs_take_turns(self) -> None:
        await self.keeper(BTC, ETH, days=2).fill()
        asked = [pair for pair, *_ in self.venue.asked]
        self.assertEqual(asked, ["BTC_USD", "ETH_USD"] * 2)

    async def test_a_restart_does_not_fetch_again_what_is_there(self) -> None:
        self.venue.silent = {NOW - 10 * FREQ, NOW - 700 * FREQ}
        await self.keeper().fill()
        asked = len(self.venue.asked)
        await self.keeper().fill()
        self.assertEqual(len(self.venue.asked), asked)

    async def test_a_restart_goes_on_where_it_ended(self) -> None:
        await self.keeper(days=1).fill()
        self.venue.asked.clear()
        self.now_s += DAY
        await self.keeper(days=3).fill()
        end = NOW - FREQ
        self.assertEqual(
            self.venue.asked,
            [("BTC_USD", end, end + DAY), ("BTC_USD", end - 2 * DAY, end - DAY)],
        )

    async def test_imported_candles_are_not_fetched_again(self) -> None:
        times = range(NOW - DAY, NOW - FREQ, FREQ)
        self.store.write("gdax", "BTC_USD", Candles.from_rows(FREQ, list(map(row, times)), 1))
        await self.keeper(days=1).fill()
        self.assertEqual(self.venue.asked, [("BTC_USD", NOW - FREQ - DAY, NOW - DAY)])

    async def test_many_small_holes_cost_one_call(self) -> None:
        times = range(NOW - 200 * FREQ, NOW - FREQ, 2 * FREQ)
        self.store.write("gdax", "BTC_USD", Candles.from_rows(FREQ, list(map(row, times)), 1))
        await self.keeper(days=1).fill()
        self.assertEqual(len(self.venue.asked), 1)

    async def test_a_failed_pair_does_not_hold_up_the_other(self) -> None:
        self.venue.failures = ["BTC_USD"]
        keeper = self.keeper(BTC, ETH)
        self.assertFalse(await keeper.fill())
        self.assertEqual(len(self.coverage("ETH_USD")), 1)
        progress = keeper.progress()
        self.assertEqual(progress["BTC_USD"]["error"], "no answer")
        self.assertEqual(progress["BTC_USD"]["complete"], 0)
        self.assertEqual(progress["ETH_USD"], {"complete": 1, "missing_s": 0, "error": ""})
        self.assertTrue(await keeper.fill())
        self.assertEqual(keeper.progress()["BTC_USD"]["error"], "")

    async def test_a_row_that_is_no_candle_is_left_out(self) -> None:
        self.venue.bad = {NOW - 5 * FREQ, NOW - 9 * FREQ}
        self.assertTrue(await self.keeper(days=1).fill())
        missing = [start for start, _ in self.store.read("gdax", "BTC_USD", FREQ).gaps()]
        self.assertEqual(set(missing), self.venue.bad)


class Keeping(KeeperCase):
    async def test_a_closed_candle_is_stored(self) -> None:
        keeper = self.keeper()
        await keeper.fill()
        self.venue.asked.clear()
        await keeper.keep("BTC_USD", Candles.from_rows(FREQ, [row(NOW - FREQ)], NOW))
        self.assertEqual(self.coverage(), [(NOW - FREQ - 3 * DAY, NOW)])
        self.now_s += FREQ
        self.assertTrue(await keeper.fill())
        self.assertEqual(self.venue.asked, [])

    async def test_no_candles_are_fine(self) -> None:
        await self.keeper().keep("BTC_USD", Candles.empty(FREQ))
        self.assertEqual(self.store.series(), [])


class Running(KeeperCase):
    async def asyncSetUp(self) -> None:
        self.ran = asyncio.timeout(20)
        await self.ran.__aenter__()
        self.addAsyncCleanup(self.ran.__aexit__, None, None, None)

    def start(self, keeper: CandleKeeper) -> None:
        task = asyncio.create_task(keeper.run())

        async def stop() -> None:
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task

        self.addAsyncCleanup(stop)

    async def until_covered(self, start_s: int, end_s: int) -> None:
        while self.store.covered("gdax", "BTC_USD", FREQ) != [(start_s, end_s)]:  # noqa: ASYNC110
            await asyncio.sleep(0)

    async def test_failures_are_tried_again_after_ever_longer_waits(self) -> None:
        self.venue.failures = ["BTC_USD"] * 3
        self.start(self.keeper())
        await self.until_covered(NOW - FREQ - 3 * DAY, NOW - FREQ)
        self.assertEqual(self.slept, sorted(self.slept))
        self.assertEqual(len(self.slept), 3)
        self.assertEqual(
            self.store.instruments(),
            [Instrument("gdax", "BTC_USD", BTC.tick_size, BTC.lot_size, Decimal(1), "venue")],
        )

    async def test_a_hole_before_a_new_candle_is_fetched(self) -> None:
        keeper = self.keeper()
        self.start(keeper)
        await self.until_covered(NOW - FREQ - 3 * DAY, NOW - FREQ)
        self.now_s += 2 * FREQ
        await keeper.keep("BTC_USD", Candles.from_rows(FREQ, [row(NOW + FREQ)], self.now_s))
        await self.until_covered(NOW - FREQ - 3 * DAY, NOW + 2 * FREQ)
        self.assertEqual(self.coverage(), [(NOW - FREQ - 3 * DAY, NOW + 2 * FREQ)])

    async def test_a_refill_fetches_what_was_missed(self) -> None:
        keeper = self.keeper()
        self.start(keeper)
        await self.until_covered(NOW - FREQ - 3 * DAY, NOW - FREQ)
        self.now_s += DAY
        keeper.refill()
        await self.until_covered(NOW - FREQ - 3 * DAY, NOW + DAY - FREQ)

    async def test_a_candle_that_could_not_be_stored_is_fetched(self) -> None:
        class FailingOnce(EmbeddedStore):
            failures = 1

            def write(self, *args, **options):  # type: ignore[no-untyped-def]
                if self.failures:
                    self.failures -= 1
                    raise StorageUnavailable("the disk is full")
                return super().write(*args, **options)

        store = FailingOnce(self.store.path)
        self.addCleanup(store.close)
        await self.keeper().fill()
        self.store = store
        keeper = self.keeper()
        self.now_s += 2 * FREQ
        await keeper.keep("BTC_USD", Candles.from_rows(FREQ, [row(NOW - FREQ)], NOW))
        self.start(keeper)
        await self.until_covered(NOW - FREQ - 3 * DAY, NOW + FREQ)


if __name__ == "__main__":
    unittest.main()
