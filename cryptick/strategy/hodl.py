"""Buy once and hold."""

from cryptick.messages import Quote
from cryptick.strategy.base import Strategy

__all__ = ["HodlStrategy"]


class HodlStrategy(Strategy):
    """Spend each funded currency on the base at the first price, then hold."""

    def on_start(self) -> None:
        """Remember that nothing is bought yet."""
        self.bought: set[tuple[str, str]] = set()

    def on_quote(self, quote: Quote) -> None:
        """Buy with all that is available, once per pair."""
        if (quote.exchange, quote.pair) in self.bought:
            return
        self.bought.add((quote.exchange, quote.pair))
        currency = quote.pair.partition("_")[2]
        funds = self.wallet(currency, quote.exchange).available
        self.buy_market(quote.pair, notional=funds, exchange=quote.exchange)
