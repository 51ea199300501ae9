"""What the backtest benchmark runs: the rules of the peers' scripts, through our strategy API."""

from decimal import Decimal
from typing import Any

from cryptick.book_view import BookView
from cryptick.messages import Bar
from cryptick.strategy.base import Strategy

__all__ = ["BookMid", "DailyRebalance", "SmaCross", "SmaCrossWithBid"]

_FAST, _SLOW = 20, 60
_DAY_BARS = 288
_WEIGHT = 0.15
_SMALLEST = 1e-4


class SmaCross(Strategy):
    """Hold one BTC while the fast average of closes is above the slow one."""

    def on_start(self) -> None:
        """Begin with empty averages."""
        self.closes = [0.0] * _SLOW
        self.count = 0
        self.fast = self.slow = 0.0
        self.long = False

    def on_bar(self, bar: Bar) -> None:
        """Follow the averages as running sums and trade when they have crossed."""
        close, count, closes = bar.close, self.count, self.closes
        place = count % _SLOW
        self.fast += close - closes[(count - _FAST) % _SLOW]
        self.slow += close - closes[place]
        closes[place] = close
        self.count = count + 1
        if count + 1 < _SLOW:
            return
        fast, slow = self.fast / _FAST, self.slow / _SLOW
        if fast > slow:
            if not self.long:
                self.long = True
                self.buy_market(bar.pair, size=Decimal(1))
        elif fast < slow and self.long:
            self.long = False
            self.sell_market(bar.pair, size=Decimal(1))


class SmaCrossWithBid(SmaCross):
    """The same beside a bid that rests far below the market and never fills."""

    def on_bar(self, bar: Bar) -> None:
        """Bid at the first bar."""
        if not self.count:
            self.buy_limit(bar.pair, Decimal(1), Decimal(1))
        super().on_bar(bar)


class DailyRebalance(Strategy):
    """Bring six currencies back to 15 % each, once a day."""

    @classmethod
    def pairs(cls, params: Any, funded: object) -> list[tuple[str, str]]:
        """Return the six pairs."""
        return [("sim", f"{letter * 3}_USDT") for letter in "ABCDEF"]

    def on_start(self) -> None:
        """Begin at the start of a day."""
        self.count = 0
        self.closes: dict[str, float] = {}

    def on_bar(self, bar: Bar) -> None:
        """Note the close, and rebalance after the last bar of a day."""
        self.closes[bar.pair] = bar.close
        self.count += 1
        if self.count % (len(self.traded) * _DAY_BARS):
            return
        held = {pair: float(self.wallet(pair[:3]).balance) for _, pair in self.traded}
        cash = float(self.wallet("USDT").balance)
        equity = cash + sum(size * self.closes[pair] for pair, size in held.items())
        for pair, size in held.items():
            change = _WEIGHT * equity / self.closes[pair] - size
            if abs(change) >= _SMALLEST:
                trade = self.buy_market if change > 0 else self.sell_market
                trade(pair, size=Decimal(f"{abs(change):.5f}"))


class BookMid(Strategy):
    """Look at both best prices after each change of a book, and trade nothing."""

    def on_start(self) -> None:
        """Begin without prices."""
        self.best: tuple[Decimal | None, Decimal | None] = (None, None)

    def on_book(self, book: BookView) -> None:
        """Read the best prices."""
        self.best = book.bid, book.ask
