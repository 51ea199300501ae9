import itertools
import unittest
from collections.abc import Sequence

import numpy as np

from exchange_wrapper.sandbox.assets import ASSETS, Asset
from exchange_wrapper.sandbox.bars import Bars
from exchange_wrapper.sandbox.market import BATCH, Market, SimulatedTrade
from exchange_wrapper.terms import Side
from exchange_wrapper.times import SECOND, UtcNs, from_iso

BTC, XMR = ASSETS[0], ASSETS[-1]
DAY_S = 86_400
NOON = from_iso("2026-05-17T12:00:07.123Z")


def rebuilt(trades: Sequence[SimulatedTrade], freq_s: int) -> list[tuple[int, ...]]:
    """Return candles the slow way: time, low, high, open, close, volume."""
    groups = itertools.groupby(trades, lambda trade: trade.time // SECOND // freq_s * freq_s)
    rows = []
    for time, group in groups:
        prices, sizes = zip(*((trade.price, trade.size) for trade in group), strict=True)
        rows.append((time, min(prices), max(prices), prices[0], prices[-1], sum(sizes)))
    return rows


def rows(bars: Bars) -> list[tuple[int, ...]]:
    return list(zip(*(column.tolist() for column in bars.columns), strict=True))


def closes(market: Market, asset: Asset, freq_s: int, days: int) -> np.ndarray:
    end = NOON // SECOND // DAY_S * DAY_S
    bars = market.bars(asset, freq_s, end - days * DAY_S, end, NOON)
    assert len(bars) == days * DAY_S // freq_s
    return np.log(bars.close.astype(float))


class OneSeed(unittest.TestCase):
    def test_is_one_market_whoever_asks_and_in_whatever_order(self) -> None:
        one, other = Market(7), Market(7)
        other.trades(XMR, NOON - 30 * DAY_S * SECOND, NOON - 29 * DAY_S * SECOND)
        for asset in ASSETS:
            with self.subTest(asset.product_id):
                later = UtcNs(NOON + 3600 * SECOND)
                self.assertEqual(
                    one.trades(asset, NOON, later),
                    other.trades(asset, NOON - 60 * SECOND, later)[
                        len(other.trades(asset, NOON - 60 * SECOND, NOON)) :
                    ],
                )
                self.assertEqual(one.quote(asset, NOON // BATCH), other.quote(asset, NOON // BATCH))
                self.assertEqual(one.stats(asset, NOON), other.stats(asset, NOON))

    def test_differs_from_another(self) -> None:
        self.assertNotEqual(
            Market(7).quote(BTC, NOON // BATCH), Market(8).quote(BTC, NOON // BATCH)
        )


class Candles(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.market = Market(7)

    def test_equal_a_rebuild_from_the_trades(self) -> None:
        end_s = NOON // SECOND // DAY_S * DAY_S + 21_600
        for asset, freq_s in itertools.product((BTC, XMR), (60, 300, 900, 3600, 21_600)):
            with self.subTest(asset.product_id, freq_s=freq_s):
                start_s = end_s - 43_200  # across midnight
                trades = self.market.trades(asset, start_s * SECOND, end_s * SECOND)
                bars = self.market.bars(asset, freq_s, start_s, end_s, NOON)
                self.assertEqual(rows(bars), rebuilt(trades, freq_s))

    def test_end_with_the_last_trade_and_know_nothing_of_later_ones(self) -> None:
        for asset in ASSETS:
            with self.subTest(asset.product_id):
                start_s = NOON // SECOND // 3600 * 3600
                bars = self.market.bars(asset, 300, start_s - 3600, start_s + 3600, NOON)
                trades = self.market.trades(asset, (start_s - 3600) * SECOND, NOON)
                self.assertEqual(rows(bars), rebuilt(trades, 300))

    def test_do_not_change_once_their_interval_is_over(self) -> None:
        start_s = NOON // SECOND // 300 * 300
        end_s = start_s + 300
        as_soon_as_over = self.market.bars(BTC, 300, start_s, end_s, UtcNs(end_s * SECOND))
        after_a_restart = Market(7).bars(BTC, 300, start_s, end_s, UtcNs(NOON + 10**15))
        self.assertEqual(rows(as_soon_as_over), rows(after_a_restart))
        self.assertEqual(len(as_soon_as_over), 1)

    def test_reach_back_more_than_400_days(self) -> None:
        end_s = NOON // SECOND // 300 * 300
        start_s = end_s - 400 * DAY_S
        for asset in ASSETS:
            with self.subTest(asset.product_id):
                bars = self.market.bars(asset, 300, start_s, start_s + 300 * 300, NOON)
                self.assertEqual(len(bars), 300)

    def test_before_the_market_began_there_are_none(self) -> None:
        self.assertEqual(len(self.market.bars(BTC, 60, 0, DAY_S, NOON)), 0)

    def test_of_a_minute_without_trades_are_not_made(self) -> None:
        bars = self.market.bars(XMR, 60, NOON // SECOND // DAY_S * DAY_S - DAY_S, 2**40, NOON)
        self.assertTrue(np.all(np.diff(bars.time) % 60 == 0))
        self.assertGreater(np.diff(bars.time).max(), 60)


class Prices(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.market = Market(7)

    def test_pass_midnight_without_a_jump(self) -> None:
        midnight = NOON // SECOND // DAY_S * DAY_S * SECOND
        for asset, days in itertools.product(ASSETS, range(3)):
            with self.subTest(asset.product_id, days=days):
                batch = (midnight - days * DAY_S * SECOND) // BATCH
                before, after = (self.market.quote(asset, at) for at in (batch - 1, batch))
                # only the random part of the spread is drawn anew
                spread = before.ask - before.bid + after.ask - after.bid
                self.assertLess(abs(before.bid - after.bid), spread)

    def test_of_trades_are_the_quote_in_force(self) -> None:
        for asset in ASSETS:
            with self.subTest(asset.product_id):
                for trade in self.market.trades(asset, NOON, NOON + 1800 * SECOND):
                    quote = self.market.quote(asset, trade.time // BATCH)
                    best = quote.ask if trade.maker_side is Side.SELL else quote.bid
                    self.assertEqual(trade.price, best)

    def test_move_together_as_configured(self) -> None:
        # Bid-ask bounce and waiting for a trade hide some of it in short intervals.
        for freq_s, days, delta in ((300, 4, 0.15), (3600, 30, 0.1)):
            returns = [np.diff(closes(self.market, asset, freq_s, days)) for asset in ASSETS]
            correlation = np.corrcoef(returns)
            for (i, one), (j, other) in itertools.combinations(enumerate(ASSETS), 2):
                with self.subTest(f"{one.base} {other.base}", freq_s=freq_s):
                    wanted = one.loading * other.loading
                    self.assertAlmostEqual(correlation[i, j], wanted, delta=delta)

    def test_have_the_configured_volatility_at_every_frequency(self) -> None:
        for asset, freq_s, days in ((BTC, 3600, 30), (XMR, 3600, 30), (XMR, DAY_S, 300)):
            with self.subTest(asset.product_id, freq_s=freq_s):
                returns = np.diff(closes(self.market, asset, freq_s, days))
                daily = returns.std() * np.sqrt(DAY_S / freq_s)
                self.assertAlmostEqual(daily / asset.volatility, 1, delta=0.15)

    def test_keep_a_realistic_spread(self) -> None:
        for asset in ASSETS:
            with self.subTest(asset.product_id):
                quotes = [self.market.quote(asset, NOON // BATCH + n * 20) for n in range(500)]
                spreads = [(q.ask - q.bid) / q.bid * 1e4 for q in quotes]
                self.assertGreater(min(spreads), 0)
                self.assertAlmostEqual(np.mean(spreads) / asset.spread_bps, 1, delta=0.5)


class TradeIds(unittest.TestCase):
    def test_count_up_by_one_across_days(self) -> None:
        market = Market(7)
        midnight = NOON // SECOND // DAY_S * DAY_S * SECOND
        trades = market.trades(BTC, midnight - 600 * SECOND, midnight + 600 * SECOND)
        ids = [trade.trade_id for trade in trades]
        self.assertEqual(ids, list(range(ids[0], ids[0] + len(ids))))
        self.assertEqual([t.time for t in trades], sorted(t.time for t in trades))
        self.assertEqual(market.trades_by_id(BTC, ids[0], ids[-1]), trades)
        self.assertEqual(market.last_trade_id(BTC, UtcNs(trades[-1].time + 1)), ids[-1])
