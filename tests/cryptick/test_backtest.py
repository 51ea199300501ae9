import gzip
import tempfile
import unittest
from contextlib import redirect_stdout
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext
from io import StringIO
from pathlib import Path

from cryptick.errors import HandlerFailed
from cryptick.messages import Bar, Quote
from cryptick.request import Fees
from cryptick.run import main
from cryptick.strategy.base import Strategy
from cryptick.strategy.demo import DemoStrategy
from cryptick.strategy.hodl import HodlStrategy
from exchange_wrapper.candles import Instrument
from exchange_wrapper.errors import NoData
from exchange_wrapper.storage.embedded import EmbeddedStore
from exchange_wrapper.storage.ohlcv_files import read_ohlcv
from tests.cryptick.candles import START_S, BacktestCase, Row, at, bars

DATA = Path(__file__).resolve().parents[2] / "../shared/data/E0V1E-DCA"
TICK, LOT = Decimal("0.01"), Decimal("0.00001")
CANDLES = DATA / "binance_BTCUSDT_5m_2022-08_2023-09.csv.gz"

ROWS: list[Row] = [
    ("100", "106", "99", "104"),
    ("104", "107", "103", "106"),
    ("106", "111", "105", "109"),
]


class Merging(BacktestCase):
    def test_at_one_time_all_bars_end_before_any_begins(self) -> None:
        heard: list[tuple[str, str, int]] = []

        class Listens(Strategy):
            @classmethod
            def pairs(cls, params: Strategy.Params, funded: object) -> list[tuple[str, str]]:
                return [("x", "A_USD"), ("x", "B_USD")]

            def on_bar(self, bar: Bar) -> None:
                heard.append(("end", bar.pair, self.now()))

            def on_quote(self, quote: Quote) -> None:
                heard.append(("begin", quote.pair, self.now()))

        late = bars(ROWS[:2], START_S + 300)
        self.backtest(Listens, {("x", "A_USD"): bars(ROWS[:2]), ("x", "B_USD"): late})
        self.assertEqual(
            heard,
            [
                ("begin", "A_USD", at(0)),
                ("end", "A_USD", at(1)),
                ("begin", "A_USD", at(1)),
                ("begin", "B_USD", at(1)),
                ("end", "A_USD", at(2)),
                ("end", "B_USD", at(2)),
                ("begin", "B_USD", at(2)),
                ("end", "B_USD", at(3)),
            ],
        )

    def test_timers_fire_between_the_bars_and_after_those_of_their_time(self) -> None:
        heard: list[tuple[str, int]] = []

        class Timed(Strategy):
            def on_start(self) -> None:
                self.every(150, lambda: heard.append(("timer", self.now())))

            def on_quote(self, quote: Quote) -> None:
                heard.append(("begin", quote.time))

        self.backtest(Timed, {("x", "BTC_USD"): bars(ROWS[:2])})
        self.assertEqual(
            heard,
            [
                ("begin", at(0)),
                ("timer", at(0, 150 * 10**9)),
                ("begin", at(1)),
                ("timer", at(1)),
                ("timer", at(1, 150 * 10**9)),
                ("timer", at(2)),
            ],
        )


class Equity(BacktestCase):
    fees = Fees(maker=Decimal("0.001"), taker=Decimal("0.002"))

    def test_two_wallets_are_counted_in_one_currency_exactly(self) -> None:
        summary = self.backtest(
            HodlStrategy,
            {("x", "BTC_USD"): bars(ROWS), ("y", "BTC_USD"): bars(ROWS)},
            {"x": {"USD": "1000"}, "y": {"USD": "500", "BTC": "2"}},
        )
        # 1000 / (100 × 1.002) → 9.98 BTC for 998 + 1.996; 500 → 4.99 BTC for 499 + 0.998.
        self.assertEqual(summary.initial_equity, "1700")
        cash = Decimal(1000) - Decimal("999.996") + Decimal(500) - Decimal("499.998")
        held = Decimal("9.98") + Decimal("4.99") + 2
        self.assertEqual(Decimal(summary.final_equity), cash + held * 109)
        self.assertEqual(summary.fees_paid, {"USD": "2.994"})
        self.assertAlmostEqual(
            summary.figures.total_return, float(summary.final_equity) / 1700 - 1, places=12
        )

    def test_the_curve_follows_every_close(self) -> None:
        self.backtest(HodlStrategy, {("x", "BTC_USD"): bars(ROWS)})
        # 9.98 BTC after the first open and 0.004 USD left.
        lines = (self.run_path / "equity.csv").read_text().splitlines()
        values = [line.split(",")[1] for line in lines[1:]]
        expected = ["1000.00000000", "1037.92400000", "1057.88400000", "1087.82400000"]
        self.assertEqual(values, expected)

    def test_a_wallet_that_is_not_traded_needs_only_a_price(self) -> None:
        summary = self.backtest(
            HodlStrategy,
            {("x", "BTC_USD"): bars(ROWS), ("x", "ETH_USD"): bars(ROWS)},
            {"x": {"USD": "1000", "ETH": "1"}},
        )
        self.assertEqual(summary.initial_equity, "1100")
        self.assertEqual(summary.orders, 1)


class Failing(BacktestCase):
    def test_a_strategy_that_raises_ends_the_run_and_the_event_is_named(self) -> None:
        class Raises(Strategy):
            def on_bar(self, bar: Bar) -> None:
                raise RuntimeError("no")

        with self.assertRaises(HandlerFailed) as caught:
            self.backtest(Raises, {("x", "BTC_USD"): bars(ROWS)})
        self.assertIn("RuntimeError on the bar of x BTC_USD", caught.exception.message)

    def test_what_is_not_there_is_said(self) -> None:
        series = {("x", "BTC_USD"): bars(ROWS)}
        for balances in ({"z": {"USD": "1"}}, {"x": {"EUR": "1"}}, {"x": {"BTC": "1"}}):
            with self.subTest(balances=balances), self.assertRaises(NoData):
                self.backtest(HodlStrategy, series, balances)

    def test_a_strategy_that_looks_ahead_finds_nothing(self) -> None:
        seen: list[bool] = []

        class Looks(Strategy):
            def on_quote(self, quote: Quote) -> None:
                now = self.quote(quote.pair)
                seen.append(now is not None and now.ask == quote.ask)

        self.backtest(Looks, {("x", "BTC_USD"): bars(ROWS)})
        self.assertEqual(seen, [True] * 3)


class Repeatable(BacktestCase):
    def test_the_same_run_twice_writes_the_same_bytes(self) -> None:
        rows = [(str(100 + i % 7), "120", "90", str(100 + i % 5)) for i in range(200)]
        files: list[list[bytes]] = []
        for _ in range(2):
            params = DemoStrategy.Params(quotes=3)
            self.backtest(DemoStrategy, {("x", "BTC_USD"): bars(rows)}, params=params)
            names = ("orders.csv", "trades.csv", "equity.csv", "run.log")
            files.append([(self.run_path / name).read_bytes() for name in names])
        self.assertEqual(*files)
        self.assertGreater(len(files[0][0].splitlines()), 50)


@unittest.skipUnless(CANDLES.is_file(), f"the recorded candles are not at {DATA}")
class RealCandles(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.root = Path(folder.name)
        cls.store = str(cls.root / "candles.db")
        candles = read_ohlcv(CANDLES, "BTC_USDT", 300, 0).candles
        with EmbeddedStore(cls.store) as store:
            store.write("binance", "BTC_USDT", candles)
            store.put_instrument(Instrument("binance", "BTC_USDT", TICK, LOT))

    def run_hodl(self) -> Path:
        runs = self.root / "runs"
        before = set(runs.iterdir()) if runs.exists() else set()
        argv = "HodlStrategy -m backtest --binance-usdt 10000 -s 01-08-2022 -e 27-09-2023 --json"
        with redirect_stdout(StringIO()):
            status = main([*argv.split(), "--store", self.store, "--runs-dir", str(runs)])
        self.assertEqual(status, 0)
        (path,) = set(runs.iterdir()) - before
        return path

    def test_hodl_is_the_hand_calculation_to_the_last_digit_and_the_same_twice(self) -> None:
        with gzip.open(CANDLES, "rt") as file:
            lines = file.read().split()
        first, last = lines[1].split(","), lines[-1].split(",")
        opened, closed = Decimal(first[1]), Decimal(last[4])
        self.assertEqual((opened, closed), (Decimal("23296.36"), Decimal("26177.65")))
        with localcontext() as exact:
            exact.prec = 60
            fee_step, rate = Decimal("1E-8"), Decimal("0.001")
            size = (10_000 / (opened * (1 + rate))).quantize(LOT, ROUND_FLOOR)
            cost = size * opened
            fee = (cost * rate).quantize(fee_step, ROUND_CEILING)
            self.assertLessEqual(cost + fee, 10_000)
            self.assertGreater((size + LOT) * opened * (1 + rate), 10_000)
            equity = 10_000 - cost - fee + size * closed
        runs = [self.run_hodl(), self.run_hodl()]
        summary = (runs[0] / "summary.json").read_text()
        self.assertIn(f'"final_equity": "{equity.normalize():f}"', summary)
        self.assertIn('"bars of 5m": 121739', summary)
        for name in ("orders.csv", "trades.csv"):
            self.assertEqual(*((run / name).read_bytes() for run in runs))


if __name__ == "__main__":
    unittest.main()
