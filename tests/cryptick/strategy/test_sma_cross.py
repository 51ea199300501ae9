import random
from decimal import Decimal

from cryptick.errors import UsageError
from cryptick.strategy.sma_cross import SmaCross, _Averages
from tests.cryptick.candles import BacktestCase, Row, bars
from tests.cryptick.strategy.test_base import PAIR


def flat(closes: list[str]) -> list[Row | None]:
    return [(price, price, price, price) for price in closes]


class Averaging(BacktestCase):
    def test_it_crosses_where_averages_made_anew_each_time_do(self) -> None:
        chance = random.Random(7)
        closes = [round(100 + chance.gauss(0, 1), 2) for _ in range(3000)]
        averages, is_above = _Averages(PAIR, 5, 13), False
        for index, close in enumerate(closes):
            ticks = [round(price * 100) for price in closes[: index + 1]]
            fast, slow = sum(ticks[-5:]) * 13, sum(ticks[-13:]) * 5
            expected = len(ticks) >= 13 and fast != slow and (fast > slow) is not is_above
            self.assertEqual(averages.crossed(close), expected, index)
            is_above = is_above ^ expected

    def test_a_market_that_stands_still_never_crosses(self) -> None:
        averages = _Averages(PAIR, 3, 7)
        self.assertFalse(any(averages.crossed(0.1) for _ in range(1000)))

    def test_the_fast_average_must_be_the_shorter_one(self) -> None:
        with self.assertRaisesRegex(UsageError, "--fast must be less than --slow 10, not 10"):
            SmaCross.Params(fast=10, slow=10)


class Trading(BacktestCase):
    closes = ["100"] * 4 + ["110", "120", "130"] + ["90", "80", "70"] + ["75", "95", "120", "130"]

    def test_it_is_in_above_and_out_below_at_the_next_open(self) -> None:
        params = SmaCross.Params(fast=2, slow=4)
        self.backtest(SmaCross, {("x", "BTC_USD"): bars(flat(self.closes))}, params=params)
        expected = [("buy", "120"), ("sell", "80"), ("buy", "120")]
        self.assertEqual([trade[1:3] for trade in self.trades()], expected)
        cash = Decimal(1000) / 120 // Decimal("0.0001") * Decimal("0.0001")
        self.assertEqual(self.trades()[0][3], str(cash.normalize()))

    def test_a_share_or_an_amount_can_be_staked(self) -> None:
        closes = ["100"] * 5 + ["100.1", "100.2"] + ["99.9", "99.8", "99.7"]
        series = {("x", "BTC_USD"): bars(flat(closes))}
        for params, size in (
            (SmaCross.Params(fast=2, slow=4, percent=10), "0.998"),  # 100 / 100.2
            (SmaCross.Params(fast=2, slow=4, size=Decimal("0.5")), "0.5"),
        ):
            with self.subTest(params=params):
                self.backtest(SmaCross, series, params=params)
                self.assertEqual([trade[3] for trade in self.trades()][:2], [size, size])

    def test_two_pairs_do_not_mix(self) -> None:
        rising = flat([str(100 + n) for n in range(14)])
        series = {("x", "BTC_USD"): bars(flat(self.closes)), ("x", "BTC_EUR"): bars(rising)}
        params, funds = SmaCross.Params(fast=2, slow=4), {"x": {"USD": "1000", "EUR": "1000"}}
        series[("x", "EUR_USD")] = bars(flat(["1"] * 14))
        self.backtest(SmaCross, series, funds, params=params)
        pairs = [order["pair"] for order in self.orders()]
        self.assertEqual((pairs.count("BTC_EUR"), pairs.count("BTC_USD")), (1, 3))
