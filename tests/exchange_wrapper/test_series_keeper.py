import tempfile
import unittest
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from exchange_wrapper.accounts import EXCHANGE_SET, UNALLOCATED_SET
from exchange_wrapper.errors import StorageUnavailable
from exchange_wrapper.ledger import Ledger
from exchange_wrapper.live_book import LiveBook
from exchange_wrapper.logical_wallet import LogicalWalletManager
from exchange_wrapper.market import BookSnapshot
from exchange_wrapper.numbers import Lots, Ticks
from exchange_wrapper.pair import Pair
from exchange_wrapper.pricing import Pricing
from exchange_wrapper.series_keeper import SeriesKeeper
from exchange_wrapper.storage import TickerPoint
from exchange_wrapper.storage.embedded import EmbeddedStore
from exchange_wrapper.times import SECOND, UtcNs

PAIR = Pair("BTC-USD", "BTC", "USD", Decimal("0.01"), Decimal("0.001"))


class Keeping(unittest.IsolatedAsyncioTestCase):
    """A ledger with one set of 1 BTC at one exchange that bids 99.5 USD for it."""

    def setUp(self) -> None:
        folder = self.enterContext(tempfile.TemporaryDirectory())
        self.store = self.enterContext(EmbeddedStore(Path(folder) / "series.db"))
        book = LiveBook(PAIR)
        bids, asks = [(Ticks(9_950), Lots(1))], [(Ticks(9_960), Lots(1))]
        book.receive(BookSnapshot("BTC_USD", bids, asks, UtcNs(0), UtcNs(0)))
        markets = {"gdax": SimpleNamespace(books={"BTC_USD": book})}
        self.now = 5 * SECOND
        self.ledger = Ledger()
        self.ledger.open_exchange("gdax", {"BTC", "USD"})
        self.ledger.deposit("gdax", "BTC", Decimal(2), UtcNs(0))
        self.set_id = self.ledger.create_set("run", [("gdax", "BTC", Decimal(1))], UtcNs(0)).id
        manager = LogicalWalletManager(self.ledger, Pricing(markets), self.clock)
        self.keeper = SeriesKeeper(self.store, markets, lambda: manager, clock=self.clock)

    def clock(self) -> UtcNs:
        return UtcNs(self.now)

    def history(self) -> list[tuple[int, Any]]:
        return [
            (time, [(w["currency"], w["balance"], w["present_value"]["balance_usd"]) for w in ws])
            for time, ws in self.keeper.read(self.set_id)
        ]

    async def test_a_set_that_changed_is_kept_once_and_exactly(self) -> None:
        self.keeper.touch(self.set_id)
        await self.keeper.keep(everything=False)
        self.now += SECOND
        await self.keeper.keep(everything=False)
        movement = Decimal("0.123456789012345678")
        self.ledger.allocate(self.set_id, "gdax", "BTC", movement, UtcNs(0))
        self.keeper.touch(self.set_id)
        await self.keeper.keep(everything=False)
        self.assertEqual(
            self.history(),
            [
                (5, [("BTC", "1", "99.5")]),
                (6, [("BTC", "1.123456789012345678", "111.7839505")]),
            ],
        )
        self.assertEqual(self.store.tickers("gdax", "BTC_USD"), [])

    async def test_everything_is_all_active_sets_and_the_prices(self) -> None:
        self.keeper.traded("gdax", "BTC_USD", Ticks(9_955))
        await self.keeper.keep(everything=True)
        self.assertEqual([time for time, _ in self.history()], [5])
        prices = map(Decimal, ("99.5", "99.6", "99.55"))
        self.assertEqual(
            self.store.tickers("gdax", "BTC_USD"), [TickerPoint(UtcNs(self.now), *prices)]
        )
        ((_, funds),) = self.keeper.read(EXCHANGE_SET)  # of which the set has a part
        self.assertEqual([each["balance"] for each in funds if each["currency"] == "BTC"], ["2"])
        self.assertEqual(list(self.keeper.read(UNALLOCATED_SET)), [])

    async def test_what_a_failing_store_did_not_take_is_kept_later(self) -> None:
        works, self.store.put_wallets = self.store.put_wallets, refuse  # type: ignore[method-assign]
        self.keeper.touch(self.set_id)
        with self.assertLogs("xwrap.series", "WARNING"):
            await self.keeper.keep(everything=False)
        self.store.put_wallets = works  # type: ignore[method-assign]
        await self.keeper.keep(everything=False)
        self.assertEqual(len(self.history()), 1)


def refuse(_: object) -> None:
    raise StorageUnavailable("the disk is full")
