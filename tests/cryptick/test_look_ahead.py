"""A strategy that tries to know what is to come: it can't, in any fill model."""

import unittest
from collections.abc import Iterator
from decimal import Decimal

import msgspec
import numpy as np

from cryptick.candle_replay import CandleReplay
from cryptick.errors import HandlerFailed
from cryptick.fill_rule import FillModel, FillRule
from cryptick.messages import Bar, Fill, Quote
from cryptick.strategy.base import Strategy
from exchange_wrapper.times import SECOND, UtcNs
from tests.cryptick.candles import FREQ_S, BacktestCase, Row, at, bars

PAIR = "BTC_USD"
ROWS: list[Row] = [(str(p), str(p + 8), str(p - 8), str(p + 5)) for p in range(100, 200, 10)]


class LookAhead(BacktestCase):
    """Each way is tried in both candle models; see test_book_replay for recorded books."""

    def run_in_both(self, strategy: type[Strategy]) -> Iterator[FillModel]:
        for model in (FillModel.NEXT_OPEN, FillModel.BAR_PATH):
            with self.subTest(model=model):
                self.fills = FillRule(model)
                self.backtest(strategy, {("x", PAIR): bars(ROWS)})
                yield model

    def test_nothing_handed_out_is_of_later_than_now_or_can_be_changed(self) -> None:
        def check(s: Strategy, bar: Bar) -> None:
            self.assertEqual(bar.time + bar.freq_s * SECOND, s.now())
            with self.assertRaises(AttributeError):
                bar.close = 0.0
            self.assertEqual(bar, msgspec.structs.replace(bar))

        class Looks(Strategy):
            def on_bar(self, bar: Bar) -> None:
                check(self, bar)

        for _ in self.run_in_both(Looks):
            pass

    def test_history_ends_with_the_last_bar_that_has_closed(self) -> None:
        seen: list[tuple[int, int]] = []

        class Peeks(Strategy):
            def on_start(self) -> None:
                self.look()
                self.every(FREQ_S / 2, self.look)

            def on_bar(self, bar: Bar) -> None:
                self.look()
                last = self.market().candles("x", PAIR, FREQ_S, 1)
                assert int(last.time[0]) * SECOND == bar.time

            def on_quote(self, quote: Quote) -> None:
                self.look()

            def look(self) -> None:
                history = self.market().candles("x", PAIR, FREQ_S, 10**9)
                ends = (history.time + FREQ_S) * SECOND
                seen.append((len(history), int(np.max(ends, initial=0)) - self.now()))
                for column in history.columns():
                    assert not column.flags.writeable and (
                        column.base is not None or not len(column)
                    )

            def market(self) -> CandleReplay:
                assert isinstance(self._venues, CandleReplay)
                return self._venues

        for _ in self.run_in_both(Peeks):
            self.assertEqual(seen[0][0], 0)
            self.assertEqual(seen[-1][0], len(ROWS))
            self.assertLessEqual(max(ahead for _, ahead in seen), 0)
            self.assertIn(0, {ahead for _, ahead in seen})
            seen.clear()

    def test_what_is_bought_because_of_a_bar_never_trades_in_it(self) -> None:
        sent: list[tuple[int, Decimal]] = []
        filled: list[Fill] = []

        class Buys(Strategy):
            def on_bar(self, bar: Bar) -> None:
                if not sent:
                    sent.append((self.now(), Decimal(str(bar.close))))
                    self.buy_market(PAIR, size=Decimal(1))
                    # The bar's low and high are known now: no order may still profit from them.
                    self.buy_limit(PAIR, Decimal(1), Decimal(str(bar.low)) + 1)

            def on_fill(self, fill: Fill) -> None:
                filled.append(fill)

        for _ in self.run_in_both(Buys):
            self.assertEqual([(f.price, f.time - sent[0][0]) for f in filled], [(110, 5_000_000)])
            sent.clear()
            filled.clear()

    def test_a_timer_for_the_past_fires_now_and_the_clock_never_goes_back(self) -> None:
        times: list[int] = []

        class Returns(Strategy):
            def on_start(self) -> None:
                self.at(UtcNs(0), lambda: times.append(self.now()))

            def on_bar(self, bar: Bar) -> None:
                times.append(self.now())
                self.at(bar.time, lambda: times.append(self.now()))

        for _ in self.run_in_both(Returns):
            self.assertEqual(times, sorted(times))
            self.assertEqual(len(times), 1 + 2 * len(ROWS))
            self.assertGreaterEqual(times[0], at(0))
            times.clear()

    def test_a_quote_inside_a_bar_says_nothing_but_its_open(self) -> None:
        asked: list[Decimal] = []

        class Asks(Strategy):
            def on_start(self) -> None:
                self.at(UtcNs(at(3, 299 * SECOND)), self.ask)

            def ask(self) -> None:
                quote = self.quote(PAIR)
                assert quote is not None
                asked.extend((quote.bid, quote.ask))

        for _ in self.run_in_both(Asks):
            self.assertEqual(asked, [130, 130])
            asked.clear()

    def test_an_order_is_never_priced_by_a_bar_that_has_not_begun(self) -> None:
        class Early(Strategy):
            def on_start(self) -> None:
                self.buy_market(PAIR, notional=Decimal(100))

        with self.assertRaises(HandlerFailed):
            self.backtest(Early, {("x", PAIR): bars(ROWS)})

    def test_the_same_past_leads_to_the_same_orders_whatever_comes_after(self) -> None:
        class Trades(Strategy):
            def on_bar(self, bar: Bar) -> None:
                if (bar.time // SECOND // FREQ_S) % 2:
                    self.buy_limit(PAIR, Decimal("0.1"), Decimal(str(bar.close)) - 3)
                else:
                    self.buy_market(PAIR, size=Decimal("0.1"))

        cut = 6
        futures = (ROWS[cut:], [("50", "500", "5", "60")] * 4)
        for model in (FillModel.NEXT_OPEN, FillModel.BAR_PATH):
            with self.subTest(model=model):
                self.fills = FillRule(model)
                pasts = []
                for future in futures:
                    series = {("x", PAIR): bars([*ROWS[:cut], *future])}
                    self.backtest(Trades, series, {"x": {"USD": "100000"}})
                    end = f"00:{cut * 5}:00"
                    pasts.append([trade for trade in self.trades() if trade[0] < end])
                self.assertEqual(*pasts)
                self.assertTrue(pasts[0])


if __name__ == "__main__":
    unittest.main()
