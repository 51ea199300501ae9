import unittest
from decimal import Decimal
from typing import ClassVar

from cryptick.clock import SimulatedClock
from cryptick.errors import UsageError
from cryptick.hub import Hub
from cryptick.messages import ORDER_UPDATE, OrderUpdate, Quote, payload
from cryptick.request import Fees
from cryptick.strategy.arbitrage import Arbitrage
from cryptick.strategy.base import START, Balance, RunContext
from exchange_wrapper.terms import DoneReason, OrderStatus
from exchange_wrapper.times import SECOND, UtcNs
from tests.cryptick.candles import BacktestCase, Row, bars
from tests.cryptick.strategy.test_base import FakeExchange

FUNDS = {"x": {"USD": "1000", "BTC": "5"}, "y": {"USD": "1000", "BTC": "5"}}


def flat(*prices: int) -> list[Row | None]:
    return [(str(p), str(p), str(p), str(p)) for p in prices]


class TwoVenues(FakeExchange):
    """A bid of 110 on ``y`` against an ask of 100 on ``x``; the test says what fills."""

    def wallet(self, exchange: str, currency: str) -> Balance:
        return Balance(Decimal(5000), Decimal(5000))

    def quote(self, exchange: str, pair: str) -> Quote:
        bid = Decimal(99 if exchange == "x" else 110)
        return Quote(exchange, pair, bid, bid + 1, UtcNs(0))

    def done(self, number: int, filled: str) -> None:
        intent = payload(self.calls[number])
        self.hub.notify(
            ORDER_UPDATE,
            OrderUpdate(
                intent.client_oid,
                intent.exchange,
                intent.pair,
                intent.type,
                intent.side,
                intent.size,
                intent.limit,
                OrderStatus.DONE,
                DoneReason.CANCELLED,
                "",
                Decimal(filled),
                Decimal(100),
                UtcNs(0),
            ),
        )


class Legs(unittest.TestCase):
    def setUp(self) -> None:
        self.clock = SimulatedClock(UtcNs(0))
        hub = Hub(self.clock)
        self.venues = TwoVenues(hub)
        funded = dict.fromkeys("xy", frozenset({"USD", "BTC"}))
        params = Arbitrage.Params(size=Decimal(2))
        traded = [("x", "BTC_USD"), ("y", "BTC_USD")]
        self.strategy = Arbitrage(RunContext(hub, self.venues, params, funded, traded, "key"))
        hub.notify(START)
        self.look()

    def look(self) -> None:
        """Let a quote come and all that is due now happen."""
        self.strategy.on_quote(self.venues.quote("y", "BTC_USD"))
        while self.clock.next_due <= self.clock.time:
            self.clock.fire()

    def sent(self) -> list[tuple[str, str, str, Decimal]]:
        intents = [payload(call) for call in self.venues.calls]
        return [(i.exchange, i.side.value, i.type.value, i.size) for i in intents]

    def test_both_legs_are_sent_for_the_prices_seen_at_once_or_not_at_all(self) -> None:
        self.assertEqual([payload(call).limit for call in self.venues.calls], [100, 110])
        at_once = "limit-immediate-cancel"
        expected = [("x", "buy", at_once, 1), ("y", "sell", at_once, 1)]
        self.assertEqual(self.sent(), expected)  # no more than 1 may leave an exchange
        self.look()
        self.assertEqual(len(self.sent()), 2)

    def test_what_one_leg_traded_more_is_traded_back_where_it_was(self) -> None:
        for filled, expected in (
            (("1", "0.25"), ("x", "sell", "market", Decimal("0.75"))),
            (("0", "0.5"), ("y", "buy", "market", Decimal("0.5"))),
        ):
            with self.subTest(filled=filled):
                self.setUp()
                self.venues.done(0, filled[0])
                self.assertEqual(len(self.sent()), 2)
                self.venues.done(1, filled[1])
                self.assertEqual(self.sent()[2:], [expected])
                self.venues.done(2, str(expected[3]))
                (market,) = self.strategy.markets.values()
                self.assertEqual(market.rest, 0)

    def test_after_a_rest_the_next_chance_is_taken(self) -> None:
        self.venues.done(0, "0.5")
        self.venues.done(1, "0.5")
        self.look()
        self.assertEqual(len(self.sent()), 2)
        self.clock.fire()
        self.assertEqual(self.clock.now(), 5 * SECOND)
        self.look()
        self.assertEqual([size for *_, size in self.sent()[2:]], [Decimal("0.5")] * 2)

    def test_what_can_not_be_traded_back_is_made_up_for_later(self) -> None:
        self.venues.done(0, "0.5")
        self.venues.done(1, "0.25")
        self.venues.done(2, "0")  # refused
        (market,) = self.strategy.markets.values()
        self.assertEqual(market.rest, Decimal("0.25"))
        self.clock.fire()
        self.look()
        self.venues.done(3, "0.25")
        self.venues.done(4, "0.25")
        self.assertEqual(self.sent()[5:], [("x", "sell", "market", Decimal("0.25"))])
        self.venues.done(5, "0.25")
        self.assertEqual(market.rest, 0)


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
