import unittest

from cryptick.clock import SimulatedClock
from cryptick.messages import Bar, Quote
from cryptick.past_candles import PastCandles
from cryptick.strategy.base import Strategy
from exchange_wrapper.errors import ApiUsageError
from exchange_wrapper.times import SECOND, UtcNs
from tests.cryptick.candles import FREQ_S, START_S, BacktestCase, Row, at, bars

ROWS: list[Row] = [(str(n), str(n), str(n), str(n)) for n in range(1, 41)]


class LookingBack(BacktestCase):
    def test_a_strategy_sees_what_was_before_its_run_and_never_what_comes(self) -> None:
        seen: list[list[float]] = []

        class Looks(Strategy):
            @classmethod
            def history_needed(cls, params: object, funded: object) -> int:
                return 2 * FREQ_S

            def look(self) -> None:
                candles = self.candles("BTC_USD", FREQ_S, 9)
                seen.append(candles.floats("close").tolist())

            def on_start(self) -> None:
                self.look()

            def on_bar(self, bar: Bar) -> None:
                self.look()

            def on_quote(self, quote: Quote) -> None:
                self.look()

        series = {("x", "BTC_USD"): bars(ROWS[:7])}
        self.backtest(Looks, series, start_s=START_S + 5 * FREQ_S)
        start = [4, 5]
        self.assertEqual(seen, [start, start, [*start, 6], [*start, 6], [*start, 6, 7]])
        seen.clear()
        self.backtest(Looks, series)  # nothing was before
        self.assertEqual(seen[:3], [[], [], [1]])


class Past(unittest.TestCase):
    def setUp(self) -> None:
        self.clock = SimulatedClock(UtcNs(at(0)))
        self.past = PastCandles(self.clock, {("x", "BTC_USD"): bars(ROWS)})

    def closes(self, freq_s: int, count: int) -> list[float]:
        return self.past.last("x", "BTC_USD", freq_s, count).floats("close").tolist()

    def test_no_candle_is_seen_before_its_end(self) -> None:
        table = ((at(0), []), (at(1) - 1, []), (at(1), [1]), (at(5, 1), [3, 4, 5]), (at(60), []))
        for now, expected in table:
            with self.subTest(now=now):
                self.clock.time = UtcNs(now)
                self.assertEqual(self.closes(FREQ_S, 3), expected)

    def test_longer_ones_are_joined_when_they_are_over_and_whole(self) -> None:
        table = ((at(11), []), (at(12), [12]), (at(23), [12]), (at(36), [24, 36]))
        for now, expected in table:
            with self.subTest(now=now):
                self.clock.time = UtcNs(now)
                self.assertEqual(self.closes(3600, 2), expected)
        half = PastCandles(self.clock, {("x", "BTC_USD"): bars(ROWS, START_S + 1800)})
        self.assertEqual(half.last("x", "BTC_USD", 3600, 9).floats("close").tolist(), [18, 30])

    def test_newer_ones_are_joined_to_those_there_are_each_once(self) -> None:
        past = PastCandles(self.clock)
        for first in (0, 2, 4):
            past.append("x", "BTC_USD", bars(ROWS[first : first + 4], START_S + first * FREQ_S))
        self.clock.time = UtcNs(at(50))
        closes = past.last("x", "BTC_USD", FREQ_S, 100).floats("close").tolist()
        self.assertEqual(closes, [1, 2, 3, 4, 5, 6, 7, 8])

    def test_a_pair_without_any_has_none(self) -> None:
        self.assertEqual(len(self.past.last("x", "ETH_USD", FREQ_S, 10)), 0)

    def test_a_length_that_does_not_fit_is_refused(self) -> None:
        self.clock.time = UtcNs(at(30) // SECOND * SECOND)
        for freq_s, count in ((420, 5), (0, 5), (300, 0)):
            with self.subTest(freq_s=freq_s, count=count), self.assertRaises(ApiUsageError):
                self.closes(freq_s, count)


if __name__ == "__main__":
    unittest.main()
