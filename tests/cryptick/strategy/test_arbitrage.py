from decimal import Decimal
from typing import ClassVar

from cryptick.errors import UsageError
from cryptick.request import Fees
from cryptick.strategy.arbitrage import Arbitrage
from tests.cryptick.candles import BacktestCase, Row, bars

FUNDS = {"x": {"USD": "1000", "BTC": "5"}, "y": {"USD": "1000", "BTC": "5"}}


def flat(*prices: int) -> list[Row | None]:
    return [(str(p), str(p), str(p), str(p)) for p in prices]


class Backtested(BacktestCase):
    fees: ClassVar[Fees] = Fees(maker=Decimal("0.01"), taker=Decimal("0.01"))

    def run_both(self, x: list[Row | None], y: list[Row | None], **params: object) -> Decimal:
        series = {("x", "BTC_USD"): bars(x), ("y", "BTC_USD"): bars(y)}
        given = Arbitrage.Params(**{"size": Decimal(2), **params})  # type: ignore[arg-type]
        summary = self.backtest(Arbitrage, series, FUNDS, given)
        return Decimal(summary.final_equity)

    def sides(self) -> list[tuple[str, str, str]]:
        return sorted((o["exchange"], o["side"], o["filled_size"]) for o in self.orders())

    def test_it_buys_where_it_is_cheap_and_sells_where_it_is_dear(self) -> None:
        equity = self.run_both(flat(100, 100, 110), flat(100, 110, 110), moved_max=Decimal(2))
        self.assertEqual(self.sides(), [("x", "buy", "2"), ("y", "sell", "2")])
        # 2 × (110 − 100) less fees of 2 and 2.2; 10 BTC at 110 at the end.
        self.assertEqual(equity, 2000 + 10 * 110 + 20 - Decimal("4.2"))

    def test_a_difference_that_the_fees_eat_is_left_alone(self) -> None:
        for price, orders in ((101, 0), (102, 0), (103, 2)):
            with self.subTest(price=price):
                self.run_both(flat(100, 100), flat(100, price))
                self.assertEqual(len(self.orders()), orders)

    def test_prices_of_different_moments_are_not_compared(self) -> None:
        self.run_both(flat(100, 120, 140), flat(100, 120, 140))
        self.assertEqual(self.orders(), [])

    def test_no_more_than_allowed_leaves_an_exchange_and_the_way_back_is_free(self) -> None:
        cheap, dear = flat(*[100] * 6, *[120] * 6), flat(*[110] * 6, *[100] * 6)
        self.run_both(cheap, dear, moved_max=Decimal(3))
        sold = [(o["exchange"], o["filled_size"]) for o in self.orders() if o["side"] == "sell"]
        # 3 from y to x, then these and 3 more back.
        self.assertEqual(sold, [("y", "2"), ("y", "1"), ("x", "2"), ("x", "2"), ("x", "2")])

    def test_it_rests_between_trades(self) -> None:
        self.run_both(flat(*[100] * 6), flat(*[110] * 6), size=Decimal("0.1"), cooldown_s=700)
        self.assertEqual(len(self.orders()), 2 * 2)

    def test_it_spends_no_more_than_there_is(self) -> None:
        self.run_both(flat(*[100] * 4), flat(*[110] * 4), size=Decimal(50), moved_max=Decimal(50))
        self.assertEqual(self.sides(), [("x", "buy", "5"), ("y", "sell", "5")])

    def test_it_needs_two_exchanges(self) -> None:
        with self.assertRaisesRegex(UsageError, "on two exchanges"):
            Arbitrage.pairs(Arbitrage.Params(), {"x": frozenset({"USD"})})
