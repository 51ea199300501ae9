import unittest
from decimal import Decimal

import msgspec

from exchange_wrapper.accounts import UNALLOCATED_SET
from exchange_wrapper.errors import OrderRejected
from exchange_wrapper.fees import FeeSchedule
from exchange_wrapper.limits import Limits, LimitsSettings, PreTradeLimits
from exchange_wrapper.numbers import Lots, Ticks
from exchange_wrapper.orders import Order, OrderRequest, Trade
from exchange_wrapper.pair import Pair
from exchange_wrapper.terms import OrderType, Side
from exchange_wrapper.times import SECOND, UtcNs

PAIR = Pair("BTC-EUR", "BTC", "EUR", Decimal("0.01"), Decimal("0.001"))
DAY = 86_400 * SECOND
NOON = UtcNs(100 * DAY + DAY // 2)


def request(set_id: int | None = 3, exchange: str = "gdax", side: Side = Side.BUY) -> OrderRequest:
    return OrderRequest(
        "run", "a", exchange, "BTC_EUR", OrderType.LIMIT, side, Decimal(1), Decimal(100), set_id
    )


def order(made: OrderRequest) -> Order:
    return Order(
        id=1, request=made, pair=PAIR, lots=Lots(1000), limit=Ticks(10_000), created_at=NOON,
        last_updated_at=NOON, hold=Decimal(0), hold_currency="EUR",
        fees=FeeSchedule(Decimal(0), Decimal(0)),
    )  # fmt: skip


class ALimit(unittest.TestCase):
    def setUp(self) -> None:
        self.rates: dict[str, Decimal] = {"EUR": Decimal("1.1"), "BTC": Decimal(110)}
        self.open: list[Order] = []

    def limits(self, **values: object) -> PreTradeLimits:
        """The same limits for the exchange ``gdax`` and for each wallet set."""
        return self.made_of(LimitsSettings({"gdax": Limits(**values)}, Limits(**values)))  # type: ignore[arg-type]

    def made_of(self, settings: LimitsSettings) -> PreTradeLimits:
        return PreTradeLimits(settings, lambda currency, exchange: self.rates.get(currency))

    def check(
        self,
        limits: PreTradeLimits,
        asked: OrderRequest | None = None,
        notional: str = "100",
        now: UtcNs = NOON,
    ) -> str:
        """Return the refusal, empty if there is none."""
        try:
            limits.check(asked or request(), "EUR", Decimal(notional), self.open, now)
        except OrderRejected as error:
            return error.message
        return ""

    def test_that_is_not_set_refuses_nothing(self) -> None:
        self.rates.clear()
        self.assertEqual(self.check(self.limits(), notional="1e20"), "")

    def test_of_the_notional_counts_in_usd(self) -> None:
        limits = self.limits(order_notional_usd=Decimal(110))
        self.assertEqual(self.check(limits, notional="100"), "")
        refusal = self.check(limits, notional="100.01")
        for part in ("110.011 USD", "110 USD", "limits.exchanges.gdax.order_notional_usd"):
            self.assertIn(part, refusal)
        self.rates.clear()
        self.assertIn("no price", self.check(limits))

    def test_of_open_orders_counts_the_exchange_and_the_set_apart(self) -> None:
        settings = LimitsSettings({"gdax": Limits(open_orders=3)}, Limits(open_orders=2))
        limits = self.made_of(settings)
        self.open = [order(request(3)), order(request(3, "kraken"))]
        self.assertIn("limits.wallet_set.open_orders", self.check(limits))
        self.assertEqual(self.check(limits, request(4)), "")
        self.open = [order(request(3)), order(request(None)), order(request(4))]
        self.assertIn("gdax has 3 open orders", self.check(limits, request(5)))
        self.assertEqual(self.check(limits, request(5, "kraken")), "")

    def test_of_orders_per_minute_slides(self) -> None:
        limits = self.limits(orders_per_minute=2)
        for second in (0, 30):
            made = UtcNs(NOON + second * SECOND)
            self.assertEqual(self.check(limits, now=made), "")
            limits.made(request(), made)
        for second, refused in ((59, True), (60, False)):
            refusal = self.check(limits, now=UtcNs(NOON + second * SECOND))
            self.assertEqual("orders_per_minute" in refusal, refused)

    def test_of_the_daily_loss_counts_todays_trades_at_present_prices(self) -> None:
        limits = self.limits(daily_loss_usd=Decimal(11))
        bought = order(request(None))
        limits.traded(Trade(1, 1, "", Ticks(10_000), Lots(1000), Decimal(1), False, NOON), bought)
        # Bought 1 BTC for 101 EUR: at 110 USD a loss of 1.1 USD, at 100.1 one of 11.
        for btc, refused in (("110", False), ("100.2", False), ("100.1", True)):
            with self.subTest(btc=btc):
                self.rates["BTC"] = Decimal(btc)
                refusal = self.check(limits, request(None, "kraken"))
                self.assertEqual("has lost 11 USD" in refusal, refused)
        self.assertIn(f"wallet set {UNALLOCATED_SET}", refusal)
        self.assertIn("limits.exchanges.gdax", self.check(limits, request(7)))
        self.assertEqual(self.check(limits, request(7, "kraken")), "")
        self.assertEqual(self.check(limits, request(None), now=UtcNs(NOON + DAY)), "")

    def test_of_the_daily_loss_knows_sales_and_wants_prices(self) -> None:
        limits = self.limits(daily_loss_usd=Decimal(11))
        sold = order(request(side=Side.SELL))
        limits.traded(Trade(1, 1, "", Ticks(9_000), Lots(1000), Decimal(1), False, NOON), sold)
        # Sold 1 BTC, worth 110 USD, for 89 EUR, worth 97.9.
        self.assertIn("12.1 USD", self.check(limits))
        del self.rates["BTC"]
        self.assertIn("no price", self.check(limits))

    def test_that_can_not_be_one_is_refused(self) -> None:
        for values in (
            {"daily_loss_usd": "-1"},
            {"order_notional_usd": "NaN"},
            {"open_orders": -1},
            {"orders_per_day": 5},
        ):
            with self.subTest(values), self.assertRaises(msgspec.ValidationError):
                msgspec.convert({"wallet_set": values}, LimitsSettings, strict=False)


if __name__ == "__main__":
    unittest.main()
