import unittest
from decimal import Decimal

from msgspec.structs import replace

from exchange_wrapper.book import L2Book
from exchange_wrapper.fees import FeeSchedule
from exchange_wrapper.market import TradePrint
from exchange_wrapper.numbers import Lots, Ticks
from exchange_wrapper.orders import Order, OrderRequest
from exchange_wrapper.pair import Pair
from exchange_wrapper.paper_exchange import PaperExchange
from exchange_wrapper.terms import OrderStatus, OrderType
from exchange_wrapper.times import SECOND, UtcNs
from tests.exchange_wrapper.paper_market import BUY, PAIR, SELL, brief

LATENCY = 5


class Ports(unittest.TestCase):
    def setUp(self) -> None:
        self.exchange = PaperExchange(latency_ns=LATENCY)
        self.pairs = [
            PAIR,
            Pair("ETH-USD", "ETH", "USD", Decimal("0.01"), Decimal("0.00000001")),
        ]
        self.books = [L2Book(pair) for pair in self.pairs]
        for pair, book in zip(self.pairs, self.books, strict=True):
            book.replace([(Ticks(99), Lots(5))], [(Ticks(101), Lots(5))])
            self.exchange.add_pair(pair, book)

    def order(self, order_id: int, pair: Pair, type: OrderType, **fields: object) -> Order:
        market = type is OrderType.MARKET
        limit = None if market else Decimal("0.99")
        request = OrderRequest(
            "run", str(order_id), "x", pair.name(), type, BUY, pair.size(Lots(2)), limit,
            cancel_after_s=0 if market else 60,
        )  # fmt: skip
        order = Order(
            id=order_id,
            request=request,
            pair=pair,
            lots=Lots(2),
            limit=None if market else Ticks(99),
            created_at=UtcNs(0),
            last_updated_at=UtcNs(0),
            hold=pair.notional(2 * 101),
            hold_currency="USD",
            fees=FeeSchedule(Decimal(0), Decimal(0)),
        )
        return replace(order, **fields)

    def test_what_is_due_at_several_pairs_happens_in_order_of_time(self) -> None:
        btc, eth = self.pairs
        self.assertIsNone(self.exchange.next_due())
        self.exchange.submit(self.order(1, btc, OrderType.LIMIT), UtcNs(0))
        self.exchange.submit(self.order(2, eth, OrderType.MARKET), UtcNs(1))
        self.exchange.submit(self.order(3, btc, OrderType.MARKET), UtcNs(2))
        self.assertEqual(self.exchange.next_due(), LATENCY)
        executions = self.exchange.advance(UtcNs(100))
        self.assertEqual(
            brief(executions),
            [
                (1, "open"),
                (2, "open"),
                (2, 101, 2, "taker"),
                (2, "filled"),
                (3, "open"),
                (3, 101, 2, "taker"),
                (3, "filled"),
            ],
        )
        self.assertEqual(self.exchange.next_due(), 60 * SECOND)
        self.assertEqual(brief(self.exchange.advance(UtcNs(60 * SECOND))), [(1, "expired")])
        self.assertEqual(self.exchange.advance(UtcNs(90 * SECOND)), [])
        self.assertIsNone(self.exchange.next_due())

    def test_a_market_buy_may_spend_what_its_hold_covers(self) -> None:
        order = self.order(1, PAIR, OrderType.MARKET, hold=PAIR.notional(101))
        self.exchange.submit(order, UtcNs(0))
        self.assertEqual(
            brief(self.exchange.advance(UtcNs(LATENCY))),
            [(1, "open"), (1, 101, 1, "taker"), (1, "cancelled")],
        )

    def test_after_a_restart_open_orders_rest_and_received_ones_are_sent_again(self) -> None:
        resting = self.order(
            1, PAIR, OrderType.LIMIT, status=OrderStatus.OPEN, filled=Lots(1), filled_notional=99
        )
        self.exchange.resume(resting, UtcNs(0))
        self.exchange.resume(self.order(2, PAIR, OrderType.MARKET), UtcNs(0))
        self.assertEqual(self.exchange.advance(UtcNs(0)), [])
        self.assertEqual(
            brief(self.exchange.advance(UtcNs(LATENCY))),
            [(2, "open"), (2, 101, 2, "taker"), (2, "filled")],
        )
        trade = TradePrint("BTC_USD", "1", Ticks(98), Lots(9), BUY, UtcNs(9), UtcNs(9))
        executions = self.exchange.engines["BTC_USD"].traded(trade, UtcNs(9))
        self.assertEqual(brief(executions), [(1, 99, 1, "maker"), (1, "filled")])

    def test_cancelling_and_cost_go_to_the_pair_of_the_order(self) -> None:
        order = self.order(1, self.pairs[1], OrderType.LIMIT)
        self.exchange.submit(order, UtcNs(0))
        self.exchange.cancel(order, UtcNs(1))
        self.assertEqual(brief(self.exchange.advance(UtcNs(99))), [(1, "open"), (1, "cancelled")])
        self.assertEqual(self.exchange.cost("ETH_USD", SELL, Lots(5)), 5 * 99)


if __name__ == "__main__":
    unittest.main()
