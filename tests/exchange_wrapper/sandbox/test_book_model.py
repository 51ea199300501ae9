import unittest

from exchange_wrapper.sandbox.assets import ASSETS
from exchange_wrapper.sandbox.book_model import BookModel, Depth
from exchange_wrapper.sandbox.market import BATCH, Market
from exchange_wrapper.terms import Side
from exchange_wrapper.times import from_iso

START = from_iso("2026-05-17T12:00:00Z") // BATCH
BATCHES = 1000


class Books(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.market = Market(7)
        cls.models = {asset: BookModel(7, asset) for asset in ASSETS}

    def depth(self, asset, batch: int) -> Depth:
        return self.models[asset].depth(self.market.quote(asset, batch), batch)

    def test_are_never_crossed_and_always_deep(self) -> None:
        for asset in ASSETS:
            with self.subTest(asset.product_id):
                for batch in range(START, START + BATCHES):
                    bids, asks = self.depth(asset, batch)
                    self.assertLess(max(bids), min(asks))
                    self.assertGreaterEqual(min(len(bids), len(asks)), 100)
                    self.assertGreater(min(*bids.values(), *asks.values(), *bids), 0)

    def test_list_their_levels_best_first(self) -> None:
        for asset in ASSETS:
            with self.subTest(asset.product_id):
                bids, asks = self.depth(asset, START)
                self.assertEqual(list(bids), sorted(bids, reverse=True))
                self.assertEqual(list(asks), sorted(asks))

    def test_change_a_little_every_batch_and_never_cross_on_the_way(self) -> None:
        for asset in ASSETS:
            with self.subTest(asset.product_id):
                depth = self.depth(asset, START)
                levels = {"buy": dict(depth.bids), "sell": dict(depth.asks)}
                changed = 0
                for batch in range(START + 1, START + BATCHES):
                    after = self.depth(asset, batch)
                    for side, ticks, lots in depth.changes_to(after):
                        changed += 1
                        if lots:
                            levels[side][ticks] = lots
                        else:
                            del levels[side][ticks]
                        self.assertLess(max(levels["buy"]), min(levels["sell"]))
                    self.assertEqual(levels, {"buy": after.bids, "sell": after.asks})
                    depth = after
                self.assertTrue(2 < changed / BATCHES < 10, changed)

    def test_offer_every_trade_in_full_and_shrink_by_it(self) -> None:
        for asset in ASSETS:
            with self.subTest(asset.product_id):
                trades = self.market.trades(asset, START * BATCH, (START + 10_000) * BATCH)
                self.assertGreater(len(trades), 3)
                for batch in {trade.time // BATCH for trade in trades}:
                    bids, asks = self.depth(asset, batch)
                    for trade in self.market.trades(asset, batch * BATCH, (batch + 1) * BATCH):
                        offered = asks if trade.maker_side is Side.SELL else bids
                        offered[trade.price] -= trade.size
                        self.assertGreater(offered[trade.price], 0)

    def test_grow_deeper_away_from_the_best_price(self) -> None:
        for asset in ASSETS:
            with self.subTest(asset.product_id):
                sizes = list(self.depth(asset, START).bids.values())
                near, far = sizes[:40], sizes[-40:]
                self.assertGreater(sum(far), 2 * sum(near))

    def test_of_different_seeds_differ(self) -> None:
        quote = self.market.quote(ASSETS[0], START)
        self.assertNotEqual(
            BookModel(7, ASSETS[0]).depth(quote, START), BookModel(8, ASSETS[0]).depth(quote, START)
        )
