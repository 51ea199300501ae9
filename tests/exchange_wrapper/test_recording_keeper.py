import tempfile
import unittest
from decimal import Decimal
from pathlib import Path

from exchange_wrapper import recording_keeper
from exchange_wrapper.errors import StorageUnavailable
from exchange_wrapper.grid import PairGrid
from exchange_wrapper.market import (
    BookLost,
    BookSnapshot,
    BookUpdate,
    Heartbeat,
    MarketEvent,
    TradePrint,
)
from exchange_wrapper.numbers import Lots, Ticks
from exchange_wrapper.pair import Pair
from exchange_wrapper.recording_keeper import RecordingKeeper
from exchange_wrapper.storage import RecordingLimits
from exchange_wrapper.storage.embedded import EmbeddedStore
from exchange_wrapper.storage.recording import Segment, replay
from exchange_wrapper.terms import Side
from exchange_wrapper.times import SECOND, UtcNs

PAIR = Pair("BTC-USD", "BTC", "USD", Decimal("0.01"), Decimal("0.001"))
PAIRS = {"BTC_USD": PAIR, "ETH_USD": Pair("ETH-USD", "ETH", "USD", *[Decimal("0.01")] * 2)}


def book(time_s: int, pair: str = "BTC_USD") -> BookSnapshot:
    at = UtcNs(time_s * SECOND)
    return BookSnapshot(pair, [(Ticks(5), Lots(1))], [(Ticks(9), Lots(1))], at, at)


def update(time_s: int, lots: int, pair: str = "BTC_USD") -> BookUpdate:
    at = UtcNs(time_s * SECOND)
    return BookUpdate(pair, [(Side.BUY, Ticks(4), Lots(lots))], at, at)


class FailingStore(EmbeddedStore):
    """A store that takes nothing while it is full."""

    is_full = False

    def put_segment(self, segment: Segment, limits: RecordingLimits) -> None:
        if self.is_full:
            raise StorageUnavailable("the disk is full")
        super().put_segment(segment, limits)


class Recording(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        folder = self.enterContext(tempfile.TemporaryDirectory())
        self.store = self.enterContext(FailingStore(Path(folder) / "series.db"))
        self.keeper = RecordingKeeper(self.store)
        self.addAsyncCleanup(self.keeper.close)

    def add(self, chosen: bool | tuple[str, ...] = True) -> list[str]:
        return self.keeper.add("gdax", PAIRS, chosen, RecordingLimits())

    def hear(self, *events: MarketEvent) -> None:
        listener = self.keeper.listener("gdax")
        assert listener is not None
        for event in events:
            listener(None, event)

    def recorded(self) -> list[MarketEvent]:
        return list(replay(self.store, "gdax", PAIR))

    async def test_everything_until_now_is_there_after_a_flush(self) -> None:
        self.add()
        feed: list[MarketEvent] = [book(1)]
        for number in range(30):  # of minutes: segments end and begin within
            feed.append(update(2 + 20 * number, number))
            self.hear(*feed[-2:] if number == 0 else feed[-1:])
            await self.keeper.flush()
            self.assertEqual(self.recorded(), feed)
        self.assertGreater(len(list(self.store.segments("gdax", "BTC_USD"))), 5)

    async def test_only_chosen_pairs_are_recorded_and_unknown_ones_named(self) -> None:
        self.assertEqual(self.add(("BTC_USD", "LTC_USD")), ["LTC_USD"])
        trade = TradePrint("BTC_USD", "1", Ticks(5), Lots(2), Side.BUY, UtcNs(3), UtcNs(4))
        self.hear(Heartbeat("BTC_USD", UtcNs(1), UtcNs(2)), trade, book(5, "ETH_USD"))
        await self.keeper.flush()
        self.assertEqual(self.recorded(), [trade])
        self.assertEqual([info.pair for info in self.store.recordings()], ["BTC_USD"])

    async def test_nobody_listens_where_nothing_is_recorded(self) -> None:
        self.add(False)
        self.assertIsNone(self.keeper.listener("gdax"))
        self.add(("LTC_USD",))
        self.assertIsNone(self.keeper.listener("gdax"))
        await self.keeper.flush()

    async def test_an_update_off_the_increments_loses_the_book(self) -> None:
        self.add()
        texts = [(Side.BUY, "1.005", "1")]
        self.hear(
            book(1), BookUpdate("BTC_USD", texts, UtcNs(2), UtcNs(2 * SECOND), PairGrid(PAIR))
        )
        await self.keeper.flush()
        lost = self.recorded()[1]
        assert isinstance(lost, BookLost)
        self.assertIn("1.005", lost.reason)

    async def test_what_a_failing_store_did_not_take_is_stored_later(self) -> None:
        self.add()
        feed = [book(1), *(update(2 + 50 * number, number) for number in range(6))]
        self.store.is_full = True
        with self.assertLogs("xwrap.recording", "WARNING"):
            for event in feed:
                self.hear(event)
                await self.keeper.flush()
        self.store.is_full = False
        await self.keeper.flush()
        self.assertEqual(self.recorded(), feed)

    async def test_what_has_to_be_given_up_is_an_interruption(self) -> None:
        self.add()
        self.hear(book(1))
        await self.keeper.flush()
        self.store.is_full = True
        with self.assertLogs("xwrap.recording", "ERROR"):
            for number in range(recording_keeper._WAITING_MAX + 3):
                self.hear(update(100 + 100 * number, number + 1))
                await self.keeper.flush()
        self.store.is_full = False
        await self.keeper.flush()
        kinds = [type(event) for event in self.recorded()]
        self.assertEqual(kinds[:3], [BookSnapshot, BookLost, BookSnapshot])
        self.assertLess(len(kinds), 10)
        current = self.recorded()[2]
        assert isinstance(current, BookSnapshot)
        self.assertEqual(len(current.bids), 2)

    async def test_closing_stores_the_rest(self) -> None:
        keeper = RecordingKeeper(self.store)
        keeper.add("gdax", PAIRS, True, RecordingLimits())
        listener = keeper.listener("gdax")
        assert listener is not None
        listener(None, book(1))
        await keeper.close()
        self.assertEqual(self.recorded(), [book(1)])
