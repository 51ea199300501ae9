"""The fill model ``bar_path``: inside a bar the price follows a path that strategies can meet.

A bar that closes at its open or above goes open → low → high → close, any other one open → high →
low → close. The first extreme is reached after a third of the bar, the second after two thirds.

- A limit order that rests fills as maker, at its limit, when the path goes strictly through the
  limit, at the time of the point it goes to; a path that turns at the limit fills nothing.
- What is sent meanwhile meets the rest of the path, so an entry and its exit may fill in one bar.
  Who takes then pays the open or the point that the path has reached, whichever is worse.
- Neither the points nor the direction can be asked for: `quote` stays at the open until the close,
  and only own fills tell of the path.

Against the trader: no fill at a touch, no queue is jumped, and no stop order is known, so none is
triggered by the path; a strategy's own stop comes at the next quote or bar.
"""

from cryptick.candle_market import CandleExchange, CandleMarket
from cryptick.market_data import Series
from exchange_wrapper.execution import Execution
from exchange_wrapper.orders import Order
from exchange_wrapper.times import SECOND, UtcNs

__all__ = ["PathExchange", "PathMarket"]


class PathExchange(CandleExchange):
    """A paper exchange whose prices follow a path inside each bar."""

    def add_series(self, series: Series, number: int) -> CandleMarket:
        """Add a pair with its candles, which have this number in the timeline."""
        market = PathMarket(series, self, number)
        self.markets[market.pair.name()] = market
        return market

    def submit(self, order: Order, now: UtcNs) -> None:
        """Send an order, or keep it until the next open."""
        self._path(order.request.pair).begin(now)
        super().submit(order, now)

    def next_due(self) -> UtcNs | None:
        """Return when ``advance`` has something to do next: an arrival, or the turn of a path."""
        own = super().next_due()
        dues = [due for name in self.markets if (due := self._path(name).next_turn()) is not None]
        return min(dues if own is None else [own, *dues], default=None)

    def advance(self, now: UtcNs) -> list[Execution]:
        """Carry out what is due until ``now``: what arrives at the time of a turn comes first."""
        executions = super().advance(now)
        for name in self.markets:
            executions += self._path(name).turn(now)
        return executions

    def _path(self, pair: str) -> "PathMarket":
        market = self.markets[pair]
        assert isinstance(market, PathMarket)
        return market


class PathMarket(CandleMarket):
    """One pair whose price follows a path inside each bar."""

    def __init__(self, series: Series, venue: CandleExchange, number: int) -> None:
        super().__init__(series, venue, number)
        self._reached = UtcNs(0)  # until when orders have met the path

    @property
    def is_calm(self) -> bool:
        """Never: the path turns within each bar."""
        return False

    def begin(self, now: UtcNs) -> None:
        """Note that an order comes now: what the path did before does not concern it."""
        if self.idle:
            self._reached = now

    def next_turn(self) -> UtcNs | None:
        """Return when the path turns next in the present bar, None while no order is open."""
        row, quoted = self.state()
        if not quoted or self.idle:
            return None
        return next((turn for turn in self._turns(row) if turn > self._reached), None)

    def turn(self, now: UtcNs) -> list[Execution]:
        """Let what rests meet the turn that is due, if one is."""
        due = self.next_turn()
        if due is None or due > now:
            return []
        row, _ = self.state()
        self._reached = due
        low_first = self._rising(row) == (due == self._turns(row)[0])
        executions = (
            self._fall(int(self.prices[2, row]), due)
            if low_first
            else self._rise(int(self.prices[1, row]), due)
        )
        self.show()
        return executions

    def open(self, now: UtcNs) -> list[Execution]:
        """Begin the next bar."""
        self._reached = now
        return super().open(now)

    def close(self, now: UtcNs) -> list[Execution]:
        """End the bar: what rests meets the way from the last turn to the close."""
        row, _ = self.state()
        _, high, low, close = self.prices[:, row].tolist()
        if self._rising(row):
            return self._fall(close, now) if close < high else []
        return self._rise(close, now) if close > low else []

    def show(self) -> None:
        """Let the book display the open and the point that the path has reached, as a spread."""
        row, quoted = self.state()
        passed = sum(turn <= self._reached for turn in self._turns(row)) if quoted else 0
        if not passed:
            super().show()
            return
        opened, high, low, _ = self.prices[:, row].tolist()
        point = low if self._rising(row) == (passed == 1) else high
        self._show(min(opened, point), max(opened, point))

    def meets(self, order: Order, now: UtcNs) -> bool:
        """Tell whether an order sent now may trade before a further bar opens."""
        row, quoted = self.state()
        return quoted or self._opens(row + 1, now)

    def _rising(self, row: int) -> bool:
        """Tell whether a bar closes at its open or above, so that its low comes first."""
        return bool(self.prices[3, row] >= self.prices[0, row])

    def _turns(self, row: int) -> tuple[UtcNs, UtcNs]:
        opened_at, length = int(self.candles.time[row]) * SECOND, self.candles.freq_s * SECOND
        return UtcNs(opened_at + length // 3), UtcNs(opened_at + 2 * length // 3)
