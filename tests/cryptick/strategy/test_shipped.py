from decimal import Decimal

from cryptick.strategy.demo import DemoStrategy
from cryptick.strategy.echo import EchoStrategy
from cryptick.strategy.hodl import HodlStrategy
from tests.cryptick.candles import BacktestCase, Row, bars

ROWS: list[Row] = [("100", "106", "99", "104"), ("104", "107", "103", "106")] * 5
SERIES = {("x", "BTC_USD"): bars(ROWS), ("y", "BTC_EUR"): bars(ROWS)}


class Shipped(BacktestCase):
    def test_echo_counts_and_trades_nothing(self) -> None:
        summary = self.backtest(EchoStrategy, SERIES)
        self.assertEqual((summary.orders, summary.final_equity), (0, "1000"))
        self.assertIn("heard 10 bars, 10 quotes", (self.run_path / "run.log").read_text())

    def test_hodl_buys_once(self) -> None:
        summary = self.backtest(HodlStrategy, SERIES)
        self.assertEqual((summary.orders, summary.trades), (1, 1))
        self.assertEqual(summary.final_equity, "1060")  # 10 BTC at 106

    def test_demo_buys_and_sells_in_turn(self) -> None:
        params = DemoStrategy.Params(quotes=2, percent=50)
        summary = self.backtest(DemoStrategy, SERIES, params=params)
        sides = [trade[1] for trade in self.trades()]
        self.assertEqual(sides, ["buy", "sell", "buy", "sell", "buy"])
        self.assertEqual({trade[3] for trade in self.trades()}, {"5"})
        self.assertEqual(Decimal(summary.final_equity), 1000 + 5 * 6)
