"""A strategy to read first: it buys a little and sells it again."""

from dataclasses import dataclass
from decimal import Decimal

from cryptick.messages import Fill, Quote
from cryptick.strategy.base import Strategy, param
from exchange_wrapper.terms import Side

__all__ = ["DemoStrategy"]


class DemoStrategy(Strategy):
    """Every so many quotes buy for a small share of the balance, or sell what was bought."""

    @dataclass(frozen=True)
    class Params(Strategy.Params):
        """How often and how much."""

        quotes: int = param(30, help="quotes of a pair between two orders", ge=1)
        percent: int = param(
            1, help="share of the available balance to spend", unit="%", ge=1, le=100
        )

    params: Params

    def on_start(self) -> None:
        """Start with no quotes heard and nothing bought."""
        self.heard = dict.fromkeys(self.traded, 0)
        self.bought = dict.fromkeys(self.traded, Decimal(0))

    def on_quote(self, quote: Quote) -> None:
        """Trade on the first quote and on every ``quotes``-th after it."""
        market = quote.exchange, quote.pair
        self.heard[market] += 1
        if self.heard[market] % self.params.quotes != 1 and self.params.quotes > 1:
            return
        if self.bought[market]:
            self.sell_market(quote.pair, size=self.bought[market], exchange=quote.exchange)
        else:
            currency = quote.pair.partition("_")[2]
            spend = self.wallet(currency, quote.exchange).available * self.params.percent / 100
            self.buy_market(quote.pair, notional=spend, exchange=quote.exchange)

    def on_fill(self, fill: Fill) -> None:
        """Keep count of what was bought."""
        signed = fill.size if fill.side is Side.BUY else -fill.size
        self.bought[fill.exchange, fill.pair] += signed
