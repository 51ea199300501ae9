"""A strategy that uses what there is: each type of order, cancellations, timers, all it can see."""

from dataclasses import dataclass
from decimal import Decimal

from cryptick.messages import Fill, MarketTrade, OrderUpdate, Quote
from cryptick.strategy.base import Strategy, param
from exchange_wrapper.terms import OrderType, Side
from exchange_wrapper.times import UtcNs

APART = Decimal("0.05")
TYPES = tuple(OrderType)


class Restless(Strategy):
    """Trades all the time, every which way, and looks at all it can see."""

    @dataclass(frozen=True)
    class Params(Strategy.Params):
        """How much at most."""

        most: Decimal = param(Decimal(2), help="largest order")

    def on_start(self) -> None:
        self.every(0.01, self.look)

    def on_quote(self, quote: Quote) -> None:
        draw, side = self.random, self.random.choice(tuple(Side))
        size = draw.randint(1, 10) * self.params.most / 10
        kind = draw.choice((*TYPES, OrderType.LIMIT, OrderType.LIMIT))
        if kind is OrderType.MARKET:
            send = self.buy_market if side is Side.BUY else self.sell_market
            send(quote.pair, size=size)
        else:
            limit = draw.choice((quote.bid, quote.ask, quote.bid - APART, quote.ask + APART))
            make = self.buy_limit if side is Side.BUY else self.sell_limit
            post_only = kind is OrderType.LIMIT and draw.random() < 0.3
            make(
                quote.pair,
                size,
                limit,
                type=kind,
                cancel_after_s=draw.choice((0, 0, 1)),
                post_only=post_only,
            )
        if self.open_orders and draw.random() < 0.4:
            self.cancel(draw.choice(list(self.open_orders)))

    def on_trade(self, trade: MarketTrade) -> None:
        self.log(f"{self.now()}: {trade.size} at {trade.price}")

    def on_order(self, order: OrderUpdate) -> None:
        self.at(UtcNs(self.now() + 1_000_000), lambda: self.log(f"{order.status} {self.now()}"))

    def on_fill(self, fill: Fill) -> None:
        self.log(f"{self.wallet('USD')}, {self.wallet('BTC')}")

    def look(self) -> None:
        self.log(f"{self.now()}: {self.quote('BTC_USD')}, {len(self.open_orders)} open")
