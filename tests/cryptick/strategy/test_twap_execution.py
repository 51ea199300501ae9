from decimal import Decimal

from cryptick.errors import UsageError
from cryptick.strategy.twap_execution import TwapExecution
from tests.cryptick.candles import BacktestCase, Row, bars

FLAT: Row = ("100", "101", "99", "100")


class Execution(BacktestCase):
    def run_twap(self, rows: list[Row], funds: str = "1000", **params: object) -> str:
        given = TwapExecution.Params(**{"size": Decimal(6), **params})  # type: ignore[arg-type]
        balances = {"x": {"USD": funds}} if given.side == "buy" else {"x": {"USD": "1", "BTC": "6"}}
        self.backtest(TwapExecution, {("x", "BTC_USD"): bars(rows)}, balances, params=given)
        return (self.run_path / "run.log").read_text()

    def test_it_trades_equal_slices_at_equal_intervals_and_ends_exactly(self) -> None:
        for side in ("buy", "sell"):
            with self.subTest(side=side):
                log = self.run_twap([FLAT] * 20, side=side, minutes=20, slices=4)
                times = [trade[0][:5] for trade in self.trades()]
                self.assertEqual(times, ["00:05", "00:10", "00:15", "00:20"])
                self.assertEqual({trade[1:4] for trade in self.trades()}, {(side, "100", "1.5")})
                self.assertIn(f"{side}: 6 of 6 BTC at 100 on average", log)

    def test_it_never_has_more_than_its_share_of_the_volume(self) -> None:
        # Each bar trades 1 BTC, and half of it may be ours.
        log = self.run_twap([FLAT] * 20, minutes=20, slices=4, participation=Decimal(50))
        sizes = [Decimal(trade[3]) for trade in self.trades()]
        self.assertEqual(sizes, [Decimal("0.5")] * 12)
        self.assertIn("buy: 6 of 6 BTC", log)

    def test_a_limit_waits_for_its_price_and_catches_up(self) -> None:
        dear: Row = ("120", "121", "119", "120")
        rows = [FLAT, FLAT, dear, dear, FLAT, FLAT, FLAT]
        self.run_twap(rows, minutes=20, slices=4, limit=Decimal(110))
        filled = [(trade[0][:5], trade[3]) for trade in self.trades()]
        self.assertEqual(filled, [("00:05", "1.5"), ("00:20", "4.5")])

    def test_it_says_how_far_it_came_when_the_run_ends_before(self) -> None:
        log = self.run_twap([FLAT] * 3, minutes=20, slices=4)
        self.assertIn("buy: 3 of 6 BTC", log)

    def test_it_gives_up_when_the_exchange_keeps_refusing(self) -> None:
        log = self.run_twap([FLAT] * 40, funds="1", minutes=20, slices=4)
        self.assertEqual(len(self.orders()), 10)
        self.assertIn("buy: 0 of 6 BTC; ", log)

    def test_it_trades_one_pair_only(self) -> None:
        with self.assertRaisesRegex(UsageError, "trades one pair, and this would be"):
            TwapExecution.pairs(TwapExecution.Params(), {"x": frozenset({"USD", "EUR"})})
