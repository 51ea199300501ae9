"""A strategy that only listens."""

from collections import Counter

from cryptick.messages import Bar, MarketTrade, Quote
from cryptick.strategy.base import Strategy

__all__ = ["EchoStrategy"]


class EchoStrategy(Strategy):
    """Count what the market says and tell it at the end; trade nothing."""

    def on_start(self) -> None:
        """Name what is listened to."""
        self.heard: Counter[str] = Counter()
        self.log(f"listening to {', '.join(' '.join(names) for names in self.traded)}")

    def on_bar(self, bar: Bar) -> None:
        """Count a bar."""
        self.heard["bars"] += 1

    def on_quote(self, quote: Quote) -> None:
        """Count a quote and tell the first."""
        if not self.heard["quotes"]:
            self.log(f"first quote of {quote.pair}: bid {quote.bid}, ask {quote.ask}")
        self.heard["quotes"] += 1

    def on_trade(self, trade: MarketTrade) -> None:
        """Count a trade."""
        self.heard["trades"] += 1

    def on_stop(self) -> None:
        """Tell the counts."""
        counts = ", ".join(f"{count:,} {kind}" for kind, count in sorted(self.heard.items()))
        self.log(f"heard {counts or 'nothing'}")
