import unittest
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from cryptick.book_view import BookView
from cryptick.clock import SimulatedClock
from cryptick.errors import HandlerFailed
from cryptick.hub import Hub
from cryptick.messages import (
    BOOK,
    CANCEL,
    FILL,
    ORDER,
    ORDER_UPDATE,
    QUOTE,
    Call,
    Fill,
    OrderIntent,
    OrderUpdate,
    Quote,
    payload,
)
from cryptick.strategy.base import START, STOP, Balance, RunContext, Strategy
from exchange_wrapper.candles import Candles
from exchange_wrapper.errors import InsufficientFunds
from exchange_wrapper.fees import FeeSchedule, cost_with_fee
from exchange_wrapper.pair import Pair
from exchange_wrapper.terms import DoneReason, OrderStatus, OrderType, Side
from exchange_wrapper.times import UtcNs

PAIR = Pair("BTC-USD", "BTC", "USD", Decimal("0.01"), Decimal("0.0001"))


class FakeExchange:
    """Venues of one pair and the hub's provider ``exchange``; keeps the calls it gets."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.calls: list[Call] = []
        self.ask: Decimal | None = Decimal("333.33")
        hub.on(ORDER, self.calls.append)
        hub.on(CANCEL, self.calls.append)

    def wallet(self, exchange: str, currency: str) -> Balance:
        return Balance(Decimal(1000), Decimal(900) if currency == "USD" else Decimal(0))

    def quote(self, exchange: str, pair: str) -> Quote | None:
        if self.ask is None:
            return None
        return Quote(exchange, pair, self.ask - 1, self.ask, UtcNs(0))

    def pair(self, exchange: str, pair: str) -> Pair:
        return PAIR

    def fees(self, exchange: str) -> FeeSchedule:
        return FeeSchedule(Decimal("0.001"), Decimal("0.003"))

    def candles(self, exchange: str, pair: str, freq_s: int, count: int) -> Candles:
        return Candles.empty(freq_s)

    def last(self) -> OrderIntent:
        return payload(self.calls[-1])

    def update(self, status: OrderStatus, reason: DoneReason | None = None) -> None:
        intent = self.last()
        fields: dict[str, Any] = {
            **msgspec.structs.asdict(intent),
            "status": status,
            "done_reason": reason,
            "message": "",
            "filled_size": Decimal(0),
            "avg_price": Decimal(0),
            "time": 0,
        }
        del fields["cancel_after_s"], fields["funds"], fields["post_only"]
        self.hub.notify(ORDER_UPDATE, OrderUpdate(**fields))


class Hears(Strategy):
    def on_start(self) -> None:
        self.heard: list[object] = []

    def on_order(self, order: OrderUpdate) -> None:
        self.heard.append((order.status, order.done_reason, order.message))


class StrategyCase(unittest.TestCase):
    funded = {"x": frozenset({"USD"})}  # noqa: RUF012 - never changed

    def setUp(self) -> None:
        self.clock = SimulatedClock(UtcNs(0))
        self.hub = Hub(self.clock)
        self.exchange = FakeExchange(self.hub)

    def make(self, kind: type[Strategy] = Hears, key: str = "key") -> Any:
        traded = [("x", "BTC_USD")]
        strategy = kind(
            RunContext(self.hub, self.exchange, kind.Params(), self.funded, traded, key)
        )
        self.hub.notify(START)
        return strategy


class Sizes(StrategyCase):
    def test_a_notional_buys_the_most_lots_it_can_pay_for_with_the_fee(self) -> None:
        strategy = self.make()
        for funds in ("1000", "900", "33.4", "0.04", "334.3299", "334.32999"):
            with self.subTest(funds=funds):
                strategy.buy_market("BTC_USD", notional=Decimal(funds))
                size, rate = self.exchange.last().size, Decimal("0.003")
                price = Decimal("333.33")
                self.assertLessEqual(cost_with_fee(size * price, rate), Decimal(funds))
                more = (size + PAIR.lot_size) * price
                self.assertGreater(cost_with_fee(more, rate), Decimal(funds))
                self.assertEqual(self.exchange.last().funds, Decimal(funds))

    def test_a_notional_is_sold_at_the_bid(self) -> None:
        self.make().sell_market("BTC_USD", notional=Decimal(100))
        self.assertEqual(self.exchange.last().size, Decimal("0.3009"))  # 100 / 332.33

    def test_sizes_are_cut_to_whole_lots(self) -> None:
        strategy = self.make()
        for order in (strategy.buy_market, strategy.sell_market):
            order("BTC_USD", size=Decimal("1.23459"))
            self.assertEqual(self.exchange.last().size, Decimal("1.2345"))
        for order in (strategy.buy_limit, strategy.sell_limit):
            order("BTC_USD", Decimal("1.23459"), Decimal(300), cancel_after_s=5)
            intent = self.exchange.last()
            self.assertEqual((intent.size, intent.limit), (Decimal("1.2345"), Decimal(300)))
            self.assertEqual((intent.type, intent.cancel_after_s), (OrderType.LIMIT, 5))

    def test_a_notional_without_a_price_or_with_a_size_is_a_mistake_that_is_named(self) -> None:
        strategy = self.make()
        with self.assertRaisesRegex(Exception, "either size or notional"):
            strategy.buy_market("BTC_USD", size=Decimal(1), notional=Decimal(1))
        self.exchange.ask = None
        with self.assertRaisesRegex(Exception, "no price yet"):
            strategy.buy_market("BTC_USD", notional=Decimal(1))


class Orders(StrategyCase):
    def test_their_names_follow_from_the_key_of_the_run(self) -> None:
        names = []
        for key in ("one", "one", "two"):
            strategy = self.make(key=key)
            names.append([strategy.buy_market("BTC_USD", size=Decimal(1)) for _ in range(2)])
        self.assertEqual(names[0], names[1])
        self.assertEqual(len({*names[0], *names[2]}), 4)
        key = uuid.uuid5(uuid.NAMESPACE_OID, "one")
        self.assertEqual(names[0], [str(uuid.uuid5(key, count)) for count in ("1", "2")])

    def test_an_order_is_open_until_it_is_done(self) -> None:
        strategy = self.make()
        name = strategy.buy_market("BTC_USD", size=Decimal(1))
        self.exchange.update(OrderStatus.OPEN)
        self.assertEqual(list(strategy.open_orders), [name])
        self.exchange.update(OrderStatus.DONE, DoneReason.FILLED)
        self.assertEqual(strategy.open_orders, {})

    def test_a_refused_order_is_heard_of_like_any_other(self) -> None:
        strategy = self.make()
        strategy.buy_market("BTC_USD", size=Decimal(1))
        self.hub.fail(self.exchange.calls[-1], InsufficientFunds("too little"))
        self.assertEqual(strategy.heard, [(OrderStatus.DONE, DoneReason.REJECTED, "too little")])
        self.assertEqual(strategy.open_orders, {})

    def test_only_an_open_order_is_cancelled(self) -> None:
        strategy = self.make()
        name = strategy.buy_limit("BTC_USD", Decimal(1), Decimal(300))
        strategy.cancel("never made")
        self.assertEqual(len(self.exchange.calls), 1)
        strategy.cancel(name)
        self.assertEqual(self.exchange.calls[-1].method, CANCEL)
        self.hub.fail(self.exchange.calls[-1], InsufficientFunds("gone"))  # is only logged

    def test_the_exchange_must_be_named_where_there_are_two(self) -> None:
        self.funded = {"x": frozenset({"USD"}), "y": frozenset({"USD"})}
        strategy = self.make()
        with self.assertRaisesRegex(Exception, "name the exchange"):
            strategy.wallet("USD")
        self.assertEqual(strategy.wallet("usd", "y").available, 900)


class Callbacks(StrategyCase):
    def test_only_what_is_overridden_is_subscribed(self) -> None:
        self.make()
        self.assertEqual(self.hub.market_handlers(QUOTE, "x", "BTC_USD"), ())

        class Listens(Hears):
            def on_quote(self, quote: Quote) -> None:
                self.heard.append(quote.ask)

            def on_fill(self, fill: Fill) -> None:
                self.heard.append(fill.size)

            def on_stop(self) -> None:
                self.heard.append("stop")

        strategy = self.make(Listens)
        quote = self.exchange.quote("x", "BTC_USD")
        assert quote is not None
        self.hub.publish(self.hub.market_handlers(QUOTE, "x", "BTC_USD"), quote)
        one = Decimal(1)
        fill = Fill("a", "x", "BTC_USD", Side.BUY, one, one, one, False, UtcNs(0))
        self.hub.notify(FILL, fill)
        self.hub.notify(STOP)
        self.assertEqual(strategy.heard, [Decimal("333.33"), Decimal(1), "stop"])

    def test_a_trigger_of_its_own_comes_through_the_hub(self) -> None:
        strategy = self.make()
        strategy.at(UtcNs(5), lambda: strategy.heard.append(strategy.now()))
        strategy.every(1, lambda: 1 / 0)
        self.clock.fire()
        self.assertEqual(strategy.heard, [5])
        with self.assertRaises(HandlerFailed):
            self.clock.fire()

    def test_a_book_is_heard_only_by_who_overrides_on_book(self) -> None:
        class Watches(Strategy):
            def on_book(self, book: BookView) -> None:
                pass

        self.make()
        self.assertEqual(self.hub.market_handlers(BOOK, "x", "BTC_USD"), ())
        strategy = self.make(Watches)
        self.assertEqual(self.hub.market_handlers(BOOK, "x", "BTC_USD"), (strategy.on_book,))

    def test_what_the_user_posts_to_a_component_is_heard(self) -> None:
        class Components:
            def listen(self, listener: Callable[[object], None]) -> None:
                self.listener = listener

        class Asks(Hears):
            def on_input(self, post: object) -> None:
                self.heard.append(post)

        components = Components()
        context = RunContext(
            self.hub, self.exchange, Asks.Params(), self.funded, (), "key", components
        )
        strategy = Asks(context)
        self.hub.notify(START)
        components.listener("moved")
        self.assertEqual(strategy.heard, ["moved"])
        self.assertIs(strategy.components, components)

    def test_its_chance_follows_from_the_run(self) -> None:
        rolls = [self.make(key=key).random.random() for key in ("one", "one", "two")]
        self.assertEqual(rolls[0], rolls[1])
        self.assertNotEqual(rolls[0], rolls[2])

    def test_it_knows_its_pair_fees_and_candles(self) -> None:
        strategy = self.make()
        self.assertEqual(strategy.pair("BTC_USD").tick_size, Decimal("0.01"))
        self.assertEqual(strategy.fees().taker, Decimal("0.003"))
        self.assertEqual(strategy.candles("BTC_USD", 300, 5).freq_s, 300)

    def test_the_pairs_are_the_base_against_each_other_funded_currency(self) -> None:
        funded = {"x": frozenset({"USD", "BTC", "EUR"}), "a": frozenset({"USD"})}
        self.assertEqual(
            Strategy.pairs(Strategy.Params("btc"), funded),
            [("a", "BTC_USD"), ("x", "BTC_EUR"), ("x", "BTC_USD")],
        )


if __name__ == "__main__":
    unittest.main()
