import unittest
from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from exchange_wrapper.candles import (
    CandleBuilder,
    Candles,
    format_freq,
    infer_instrument,
    on_grid,
    parse_freq,
)
from exchange_wrapper.errors import ApiUsageError, DataError
from exchange_wrapper.market import TradePrint
from exchange_wrapper.numbers import Lots, Ticks
from exchange_wrapper.pair import Pair
from exchange_wrapper.terms import Side
from exchange_wrapper.times import SECOND, UtcNs

FREQ = 300


def amounts(digits: int) -> st.SearchStrategy[str]:
    return st.integers(1, 10**9).map(lambda n: format(Decimal(n).scaleb(-digits), "f"))


@st.composite
def rows(draw: st.DrawFn) -> list[list[Any]]:
    """Candles on some of 40 neighbouring intervals, figures as text of mixed digits."""
    prices, volumes = amounts(draw(st.integers(0, 9))), amounts(draw(st.integers(0, 9)))
    table = []
    for step in sorted(draw(st.sets(st.integers(0, 40), min_size=1))):
        low, first, second, high = sorted(draw(st.tuples(*[prices] * 4)), key=Decimal)
        open, close = draw(st.permutations([first, second]))
        table.append([step * FREQ, open, high, low, close, draw(volumes)])
    return table


def candles_of(*table: list[Any]) -> Candles:
    return Candles.from_rows(FREQ, table, 1)


def flat(*times: int) -> Candles:
    return candles_of(*([time, "2", "3", "1", "2", "1.5"] for time in times))


class Making(unittest.TestCase):
    @given(rows())
    def test_every_digit_survives(self, table: list[list[Any]]) -> None:
        candles = Candles.from_rows(FREQ, table, 7)
        columns = list(zip(*table, strict=True))
        self.assertEqual(candles.time.tolist(), list(columns[0]))
        for position, name in enumerate(("open", "high", "low", "close", "volume"), 1):
            exact = [Decimal(text) for text in columns[position]]
            self.assertEqual(list(map(Decimal, candles.texts(name))), exact)  # type: ignore[arg-type]
            self.assertEqual(candles.decimals(name), exact)  # type: ignore[arg-type]
        texts = zip(
            candles.time.tolist(),
            *(
                candles.texts(name)
                for name in ("open", "high", "low", "close", "volume")  # type: ignore[arg-type]
            ),
            strict=True,
        )
        self.assertEqual(Candles.from_rows(FREQ, list(texts), 7), candles)

    def test_digits_are_the_fewest_that_lose_nothing(self) -> None:
        candles = candles_of([0, "1.50", "2.000", "1.25", "1.5", "10.0"])
        self.assertEqual((candles.price_digits, candles.volume_digits), (2, 0))

    def test_a_row_that_is_no_candle_is_named(self) -> None:
        good = [0, "2", "3", "1", "2", "1"]
        table = {
            "high below close": [300, "2", "2", "1", "3", "1"],
            "low above open": [300, "1", "3", "2", "3", "1"],
            "zero price": [300, "0", "1", "0", "1", "1"],
            "negative volume": [300, "2", "3", "1", "2", "-1"],
            "no number": [300, "2", "x", "1", "2", "1"],
            "absurd volume": [300, "2", "3", "1", "2", "99999999999999999999"],
            "absurd together": [300, "2", "3", "1", "1.00000000000000000001", "1"],
        }
        for reason, bad in table.items():
            with self.subTest(reason), self.assertRaises(DataError) as caught:
                candles_of(good, bad)
            assert caught.exception.data is not None
            if reason != "absurd together":
                self.assertEqual(caught.exception.data["row"], 1)

    def test_times_must_ascend(self) -> None:
        for times in ((300, 0), (0, 0)):
            with self.subTest(times), self.assertRaises(DataError):
                flat(*times)

    def test_columns_can_not_be_changed(self) -> None:
        with self.assertRaises(ValueError):
            flat(0).open[0] = 5

    def test_equality_is_by_value(self) -> None:
        self.assertEqual(flat(0, 300), flat(0, 300))
        self.assertNotEqual(flat(0, 300), flat(0, 600))
        self.assertNotEqual(flat(0), flat(0, 300))
        self.assertNotEqual(flat(0), "candles")


class Looking(unittest.TestCase):
    def test_points_are_in_the_reference_order(self) -> None:
        candles = candles_of([0, "1.5", "3", "1", "2.25", "10.125"])
        self.assertEqual(candles.points(), [[0, 1.0, 3.0, 1.5, 2.25, 10.125, 1]])

    @given(rows())
    def test_points_and_digits_give_the_integers_back(self, table: list[list[Any]]) -> None:
        candles = Candles.from_rows(FREQ, table, 7)
        points = np.array(candles.points())
        prices = np.rint(points[:, 1:5] * 10.0**candles.price_digits).astype(np.int64)
        volume = np.rint(points[:, 5] * 10.0**candles.volume_digits).astype(np.int64)
        np.testing.assert_array_equal(prices[:, 0], candles.low)
        np.testing.assert_array_equal(prices[:, 3], candles.close)
        np.testing.assert_array_equal(volume, candles.volume)

    def test_a_slice_is_half_open(self) -> None:
        candles = flat(0, 300, 600, 900)
        self.assertEqual(candles.slice(300, 900), flat(300, 600))
        self.assertEqual(candles.slice(301), flat(600, 900))
        self.assertEqual(len(candles.slice(end_s=0)), 0)

    def test_gaps_and_coverage_name_what_is_missing_and_there(self) -> None:
        candles = flat(0, 300, 900, 2400)
        self.assertEqual(candles.gaps(), [(600, 900), (1200, 2400)])
        self.assertEqual(candles.coverage(), [(0, 600), (900, 1200), (2400, 2700)])
        self.assertEqual(Candles.empty(FREQ).gaps(), [])
        self.assertEqual(Candles.empty(FREQ).coverage(), [])

    @given(rows())
    def test_gaps_and_coverage_make_up_the_whole(self, table: list[list[Any]]) -> None:
        candles = Candles.from_rows(FREQ, table, 7)
        periods = sorted(candles.gaps() + candles.coverage())
        self.assertEqual(periods[0][0], candles.time[0])
        self.assertTrue(all(a[1] == b[0] for a, b in pairwise(periods)))
        self.assertEqual(sum(b - a for a, b in candles.coverage()), len(candles) * FREQ)


class Joining(unittest.TestCase):
    def test_parts_of_different_digits_join_with_the_most(self) -> None:
        first = candles_of([0, "1.5", "2", "1", "1.5", "3"])
        second = candles_of([300, "1.125", "2", "1", "1.5", "3.25"])
        both = Candles.concat([first, second])
        self.assertEqual((both.price_digits, both.volume_digits), (3, 2))
        self.assertEqual(both.texts("open"), ["1.5", "1.125"])
        with self.assertRaises(DataError):
            Candles.concat([second, first])

    @given(rows(), st.integers(1, 12))
    def test_resampling_equals_grouping_by_hand(self, table: list[list[Any]], factor: int) -> None:
        candles = Candles.from_rows(FREQ, table, 7)
        freq = FREQ * factor
        groups: dict[int, list[list[Any]]] = defaultdict(list)
        for time, *figures in table:
            groups[time // freq * freq].append(list(map(Decimal, figures)))
        joined = candles.resample(freq)
        self.assertEqual(joined.time.tolist(), list(groups))
        for row, group in enumerate(groups.values()):
            opens, highs, lows, closes, volumes = zip(*group, strict=True)
            self.assertEqual(joined.decimals("open")[row], opens[0])
            self.assertEqual(joined.decimals("high")[row], max(highs))
            self.assertEqual(joined.decimals("low")[row], min(lows))
            self.assertEqual(joined.decimals("close")[row], closes[-1])
            self.assertEqual(joined.decimals("volume")[row], sum(volumes))

    def test_days_begin_at_midnight(self) -> None:
        joined = flat(86_100, 86_400, 172_500).resample(86_400)
        self.assertEqual(joined.time.tolist(), [0, 86_400])

    def test_the_newest_part_dates_a_joined_candle(self) -> None:
        candles = replace(flat(0, 300), received_at=np.array([5, 3]))
        self.assertEqual(candles.resample(600).received_at.tolist(), [5])

    def test_only_multiples_can_be_made(self) -> None:
        for freq in (100, 301, 450, 0, -300):
            with self.subTest(freq), self.assertRaises(ApiUsageError):
                flat(0).resample(freq)
        self.assertEqual(len(Candles.empty(FREQ).resample(600)), 0)

    def test_a_volume_that_does_not_fit_is_refused(self) -> None:
        huge = str(2**62)
        candles = candles_of([0, "2", "3", "1", "2", huge], [300, "2", "3", "1", "2", huge])
        with self.assertRaises(DataError):
            candles.resample(600)


class Increments(unittest.TestCase):
    def test_increments_are_the_digits_of_the_data(self) -> None:
        candles = candles_of([0, "1.50", "2.25", "1", "2", "10.1250"])
        instrument = infer_instrument("binance", "BTC_USDT", candles)
        self.assertEqual(instrument.tick_size, Decimal("0.01"))
        self.assertEqual(instrument.lot_size, Decimal("0.001"))
        self.assertEqual((instrument.min_notional, instrument.source), (0, "inferred"))

    def test_digits_that_no_figure_uses_do_not_count(self) -> None:
        candles = candles_of([0, "100", "200", "100", "100", "0"]).with_digits(4, 5)
        instrument = infer_instrument("binance", "BTC_USDT", candles)
        self.assertEqual((instrument.tick_size, instrument.lot_size), (1, 1))

    def test_a_few_finer_volumes_do_not_make_the_lot_finer(self) -> None:
        for finer, lot_size in ((2, "0.01"), (3, "0.001")):
            with self.subTest(finer=finer):
                volumes = ["1.125"] * finer + ["1.25"] * (2000 - finer)
                table = [[FREQ * i, "2", "3", "1", "2", text] for i, text in enumerate(volumes)]
                instrument = infer_instrument("binance", "BTC_USDT", candles_of(*table))
                self.assertEqual(instrument.lot_size, Decimal(lot_size))

    def test_a_grid_holds_all_prices_or_it_does_not(self) -> None:
        candles = candles_of([0, "1.50", "2.25", "1", "2", "10"])
        table = {"0.25": True, "0.01": True, "0.001": True, "0.5": False, "0.1": False, "1": False}
        for tick_size, expected in table.items():
            with self.subTest(tick_size):
                self.assertEqual(on_grid(candles, Decimal(tick_size)), expected)


class Lengths(unittest.TestCase):
    def test_lengths_are_read_and_written(self) -> None:
        for text, freq_s in {"5m": 300, "1h": 3600, "1d": 86_400, "90s": 90, "7d": 604_800}.items():
            with self.subTest(text):
                self.assertEqual(parse_freq(text), freq_s)
                self.assertEqual(format_freq(freq_s), text)
        self.assertEqual(parse_freq("1w"), 604_800)
        self.assertEqual(parse_freq("300"), 300)

    def test_other_words_are_refused(self) -> None:
        for text in ("", "m", "5x", "0m", "-5m", "1.5h", "5 m", "٣m", "99999999d"):
            with self.subTest(text), self.assertRaises(ApiUsageError):
                parse_freq(text)


PAIR = Pair("BTC-USD", "BTC", "USD", Decimal("0.25"), Decimal("0.001"))


def trade(seconds: float, price: int, size: int = 1) -> TradePrint:
    time = UtcNs(int(seconds * SECOND))
    return TradePrint("BTC_USD", "1", Ticks(price), Lots(size), Side.BUY, time, time)


def at(seconds: int) -> UtcNs:
    return UtcNs(seconds * SECOND)


class Building(unittest.TestCase):
    def test_trades_become_a_candle_when_its_interval_is_over(self) -> None:
        builder = CandleBuilder(PAIR, FREQ, at(0))
        for one in (trade(1, 8), trade(2, 12, 5), trade(3, 5), trade(299.999, 9)):
            builder.add(one)
        self.assertEqual(len(builder.close(UtcNs(300 * SECOND - 1))), 0)
        candles = builder.close(at(301))
        expected = Candles.from_rows(FREQ, [[0, "2", "3", "1.25", "2.25", "0.008"]], 301)
        self.assertEqual(candles, expected)
        self.assertEqual(len(builder.close(at(302))), 0)

    def test_an_interval_without_trades_has_no_candle(self) -> None:
        builder = CandleBuilder(PAIR, FREQ, at(0))
        builder.add(trade(10, 8))
        builder.add(trade(910, 8))
        self.assertEqual(builder.close(at(1200)).time.tolist(), [0, 900])

    def test_a_late_trade_is_counted_and_not_applied(self) -> None:
        builder = CandleBuilder(PAIR, FREQ, at(0))
        builder.close(at(300))
        builder.add(trade(299, 8))
        self.assertEqual((builder.late, len(builder.close(at(600)))), (1, 0))

    def test_the_interval_we_came_into_is_left_out(self) -> None:
        builder = CandleBuilder(PAIR, FREQ, at(10))
        builder.add(trade(20, 8))
        builder.add(trade(320, 8))
        self.assertEqual(builder.close(at(600)).time.tolist(), [300])
        self.assertEqual(builder.late, 0)

    def test_trades_out_of_order_open_and_close_by_their_time(self) -> None:
        builder = CandleBuilder(PAIR, FREQ, at(0))
        for one in (trade(5, 8), trade(1, 12), trade(9, 4), trade(7, 16)):
            builder.add(one)
        candles = builder.close(at(300))
        self.assertEqual((candles.texts("open"), candles.texts("close")), (["3"], ["1"]))

    @given(
        st.lists(
            st.tuples(st.integers(0, 1500), st.integers(1, 100), st.integers(1, 50)), min_size=1
        ),
        st.integers(1, 5),
    )
    def test_closing_often_gives_what_closing_once_gives(
        self, trades: list[tuple[int, int, int]], times: int
    ) -> None:
        trades.sort()
        once, often = CandleBuilder(PAIR, FREQ, at(0)), CandleBuilder(PAIR, FREQ, at(0))
        parts = []
        for position, one in enumerate(trades):
            once.add(trade(*one))
            often.add(trade(*one))
            if position % times == 0:
                parts.append(often.close(at(one[0])))
        parts.append(often.close(at(1800)))
        whole = once.close(at(1800))
        joined = Candles.concat(parts)
        self.assertEqual(replace(joined, received_at=whole.received_at), whole)
        self.assertEqual(whole.volume.sum(), sum(size for *_, size in trades))


if __name__ == "__main__":
    unittest.main()
