import unittest
from decimal import Decimal

from msgspec.structs import replace

from exchange_wrapper.fees import FeeSchedule
from exchange_wrapper.numbers import Lots, Ticks
from exchange_wrapper.orders import Order, OrderRequest, Trade
from exchange_wrapper.pair import Pair
from exchange_wrapper.terms import DoneReason, OrderStatus, OrderType, Side
from exchange_wrapper.times import SECOND, UtcNs, from_iso

LTC_USD = Pair("LTC-USD", "LTC", "USD", Decimal("0.01"), Decimal("0.00000001"))
FEES = FeeSchedule(Decimal("0.004"), Decimal("0.006"))
REQUEST = OrderRequest(
    "run-1", "8eed73b3", "gdax", "LTC_USD", OrderType.LIMIT, Side.BUY, Decimal(3), Decimal(200), 2
)
ORDER = Order(
    id=30,
    request=REQUEST,
    pair=LTC_USD,
    lots=Lots(300_000_000),
    limit=Ticks(20_000),
    created_at=from_iso("2018-04-07T02:29:58.933222Z"),
    last_updated_at=from_iso("2018-04-07T02:29:58.933222Z"),
    hold=Decimal("603.6"),
    hold_currency="USD",
    fees=FEES,
)
DONE = replace(
    ORDER,
    status=OrderStatus.DONE,
    done_reason=DoneReason.CANCELLED,
    exchange_at=from_iso("2018-04-07T02:29:59.070921Z"),
    done_at=from_iso("2018-04-07T02:29:59.119495Z"),
    filled=Lots(200_000_000),
    filled_notional=100_000_000 * 11_755 + 100_000_000 * 11_756,
    fee=Decimal("1.41066"),
    hold=Decimal(0),
)


class Orders(unittest.TestCase):
    def test_a_new_order_prints_as_on_the_wire(self) -> None:
        self.assertEqual(
            ORDER.to_dict(),
            {
                "id": 30,
                "created_at": "2018-04-07T02:29:58.933222Z",
                "wallet_set_id": 2,
                "exchange": "gdax",
                "client_order_id": "8eed73b3",
                "run_id": "run-1",
                "type": "limit",
                "pair": "LTC_USD",
                "size": "3",
                "side": "buy",
                "limit": "200",
                "cancel_after": 0,
                "funds": None,
                "post_only": False,
                "status": "received",
                "done_reason": None,
                "message": "",
                "done_at": None,
                "exchange_at": None,
                "last_updated_at": "2018-04-07T02:29:58.933222Z",
                "filled_size": "0",
                "avg_price": "0",
                "fee": "0",
                "offline": [],
            },
        )

    def test_a_done_order_prints_what_became_of_it(self) -> None:
        printed = DONE.to_dict()
        for key, value in {
            "status": "done",
            "done_reason": "cancelled",
            "done_at": "2018-04-07T02:29:59.119495Z",
            "exchange_at": "2018-04-07T02:29:59.070921Z",
            "filled_size": "2",
            "avg_price": "117.555",
            "fee": "1.41066",
        }.items():
            with self.subTest(key=key):
                self.assertEqual(printed[key], value)
        self.assertTrue(DONE.is_done)
        self.assertEqual(DONE.remaining_size, 1)

    def test_the_average_price_is_rounded_eight_digits_behind_a_price(self) -> None:
        third = replace(ORDER, filled=Lots(3), filled_notional=20_000 + 20_000 + 20_001)
        self.assertEqual(third.avg_price, Decimal("200.0033333333"))

    def test_a_market_order_prints_limit_zero(self) -> None:
        market = replace(REQUEST, type=OrderType.MARKET, limit=None)
        self.assertEqual(replace(ORDER, request=market, limit=None).to_dict()["limit"], "0")

    def test_only_a_market_buy_has_a_budget_and_its_hold_covers_it_with_fees(self) -> None:
        market = replace(REQUEST, type=OrderType.MARKET, limit=None)
        budget = replace(ORDER, request=market, limit=None).budget
        self.assertEqual(budget, 20_000 * 300_000_000)
        self.assertIsNone(ORDER.budget)
        sell = replace(market, side=Side.SELL)
        self.assertIsNone(replace(ORDER, request=sell, limit=None).budget)

    def test_an_order_expires_so_many_seconds_after_it_was_made(self) -> None:
        self.assertIsNone(ORDER.expires_at)
        brief = replace(ORDER, request=replace(REQUEST, cancel_after_s=60))
        self.assertEqual(brief.expires_at, ORDER.created_at + 60 * SECOND)

    def test_a_trade_prints_with_the_names_of_its_order(self) -> None:
        trade = Trade(
            5, 30, "x-7", Ticks(11_755), Lots(100_000_000), Decimal("0.7053"), False, UtcNs(0)
        )
        self.assertEqual(
            trade.to_dict(DONE),
            {
                "id": 5,
                "order_id": 30,
                "client_order_id": "8eed73b3",
                "run_id": "run-1",
                "wallet_set_id": 2,
                "exchange": "gdax",
                "type": "limit",
                "side": "buy",
                "pair": "LTC_USD",
                "exec_amount": "1",
                "exec_price": "117.55",
                "fee": "0.7053",
                "maker": False,
                "ext_id": "x-7",
                "time": "1970-01-01T00:00:00.000000Z",
            },
        )


if __name__ == "__main__":
    unittest.main()
