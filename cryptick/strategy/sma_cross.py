"""Follow the trend: in while a fast moving average is above a slow one, out otherwise."""

from dataclasses import dataclass
from decimal import Decimal

from cryptick.errors import UsageError
from cryptick.messages import Bar, OrderUpdate
from cryptick.strategy.base import Strategy, param
from exchange_wrapper.pair import Pair

__all__ = ["SmaCross"]


class SmaCross(Strategy):
    """Hold the base while the average of the last few closes is above that of many."""

    @dataclass(frozen=True)
    class Params(Strategy.Params):
        """Lengths of the averages, and how much to stake."""

        fast: int = param(20, help="length of the fast average", unit="bars", ge=1)
        slow: int = param(60, help="length of the slow average", unit="bars", ge=2)
        percent: int = param(
            100, help="share of the available balance to spend", unit="%", ge=1, le=100
        )
        size: Decimal = param(
            Decimal(0), help="amount of base to buy instead of a share; 0 is none", ge=0
        )

        def __post_init__(self) -> None:
            """Check that the fast average is the shorter one."""
            super().__post_init__()
            if self.fast >= self.slow:
                raise UsageError(f"--fast must be less than --slow {self.slow}, not {self.fast}")

    params: Params

    def on_start(self) -> None:
        """Begin with no closes, out of the market."""
        self.averages = {
            (exchange, pair): _Averages(
                self.pair(pair, exchange), self.params.fast, self.params.slow
            )
            for exchange, pair in self.traded
        }
        self.is_long = dict.fromkeys(self.traded, False)

    def on_bar(self, bar: Bar) -> None:
        """Trade when the averages have crossed."""
        if self.averages[bar.exchange, bar.pair].crossed(bar.close):
            self.follow(bar.exchange, bar.pair)

    def on_order(self, order: OrderUpdate) -> None:
        """Catch up with a cross that came while an order was on its way."""
        if order.is_done:
            self.follow(order.exchange, order.pair)

    def follow(self, exchange: str, pair: str) -> None:
        """Be in or out of the market as the averages say, one order at a time."""
        market = exchange, pair
        is_above = self.averages[market].is_above
        if is_above == self.is_long[market] or any(
            (one.exchange, one.pair) == market for one in self.open_orders.values()
        ):
            return
        self.is_long[market] = is_above
        base, quote = pair.split("_")
        held = self.wallet(base, exchange).available
        if is_above and self.params.size:
            self.buy_market(pair, size=self.params.size, exchange=exchange)
        elif is_above:
            spend = self.wallet(quote, exchange).available * self.params.percent / 100
            self.buy_market(pair, notional=spend, exchange=exchange)
        elif held >= self.pair(pair, exchange).lot_size:
            self.sell_market(pair, size=min(self.params.size or held, held), exchange=exchange)


class _Averages:
    """Two moving averages of one pair. They count in whole ticks, so that no sum ever drifts."""

    __slots__ = (
        "_closes", "_fast", "_fast_sum", "_missing", "_next", "_per_price", "_slow", "_slow_sum",
        "is_above",
    )  # fmt: skip

    def __init__(self, pair: Pair, fast: int, slow: int) -> None:
        self._fast = fast
        self._slow = slow
        self._per_price = float(Decimal(1) / pair.tick_size)
        self._closes = [0] * slow  # a ring: the oldest one is the next to be replaced
        self._next = self._fast_sum = self._slow_sum = 0
        self._missing = slow
        self.is_above = False

    def crossed(self, close: float) -> bool:
        """Take a close in; tell whether the fast average came above the slow one, or below it."""
        ticks = round(close * self._per_price)
        closes, index = self._closes, self._next
        self._fast_sum += ticks - closes[index - self._fast]
        self._slow_sum += ticks - closes[index]
        closes[index] = ticks
        index += 1
        self._next = index if index < self._slow else 0
        if self._missing:
            self._missing -= 1
            if self._missing:
                return False
        fast, slow = self._fast_sum * self._slow, self._slow_sum * self._fast
        if fast == slow or (fast > slow) is self.is_above:
            return False
        self.is_above = fast > slow
        return True
