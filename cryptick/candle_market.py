"""Books made of candles, for the paper engine: the fill model ``next_open``.

What a candle can't tell is decided once, here, and against the trader:

- At a bar's open the book bids and asks the open price, without limit of size, and that is the
  *quote in force* until the bar closes. A market, IOC or FOK order arrives after the latency and
  trades at the quote then in force: what is sent at a bar's close or open trades at the open of
  the bar that begins there. A market buy holds what it costs when it is sent and the desk's
  cushion, as on paper, and never spends more.
- A limit order that rests when a bar begins fills as maker at its limit when the bar trades
  strictly through the limit, or when a later bar opens at or through it. When in the bar, nobody
  knows: the lows are taken before the highs and the fills become known at the bar's close, so
  that nothing sent because of them meets the same bar.
- A limit order sent later than ``PATH_GRACE_NS`` into a bar waits for the next open: the bar's
  low and high may have been before it.
- Where the next bar is missing the exchange was down: no quote is in force, and what is sent
  waits for the next open.

No price is shown before its time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cryptick.timeline import Timeline
from exchange_wrapper.book import L2Book
from exchange_wrapper.candles import Candles, Instrument
from exchange_wrapper.numbers import Lots, Ticks
from exchange_wrapper.orders import Order
from exchange_wrapper.pair import Pair, split_name
from exchange_wrapper.paper import Execution, Finished, PaperExchange
from exchange_wrapper.terms import DoneReason, OrderType, Side
from exchange_wrapper.times import MILLISECOND, SECOND, UtcNs

__all__ = [
    "FILL_MODEL",
    "LATENCY_NS",
    "PATH_GRACE_NS",
    "CandleExchange",
    "CandleMarket",
    "Series",
]

FILL_MODEL: Final = "next_open"
LATENCY_NS: Final = 5 * MILLISECOND
PATH_GRACE_NS: Final = SECOND

_DEPTH: Final = Lots(10**18)  # more than anybody can want

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Series:
    """An instrument and its candles, at least one."""

    instrument: Instrument
    candles: Candles


class CandleExchange(PaperExchange):
    """A paper exchange that makes its books from candles and knows when no quote is in force."""

    def __init__(self, *, latency_ns: int = LATENCY_NS) -> None:
        super().__init__(latency_ns=latency_ns)
        self.markets: dict[str, CandleMarket] = {}
        self._withdrawn: list[Execution] = []

    def add_series(self, series: Series, timeline: Timeline, number: int) -> "CandleMarket":
        """Add a pair with its candles, which have this number in the timeline."""
        market = CandleMarket(series, self, timeline, number)
        self.markets[market.pair.name()] = market
        return market

    def submit(self, order: Order, now: UtcNs) -> None:
        """Send an order, or keep it until the next open."""
        market = self.markets[order.request.pair]
        if market.meets(order, now):
            super().submit(order, now)
        else:
            market.waiting.append(order)

    def release(self, order: Order, now: UtcNs) -> None:
        """Send an order that was kept."""
        super().submit(order, now)

    def cancel(self, order: Order, now: UtcNs) -> None:
        """Send a cancellation; an order that is still kept is withdrawn at once."""
        waiting = self.markets[order.request.pair].waiting
        if order in waiting:
            waiting.remove(order)
            self._withdrawn.append(Finished(order.id, DoneReason.CANCELLED, now))
        else:
            super().cancel(order, now)

    def take_withdrawn(self) -> list[Execution]:
        """Return the ends of the orders that were withdrawn since the last call."""
        withdrawn, self._withdrawn = self._withdrawn, []
        return withdrawn


class CandleMarket:
    """One pair as its candles tell of it, one bar after the other.

    Parameters
    ----------
    series : Series
    venue : CandleExchange
    timeline : Timeline
        How far the run has come.
    number : int
        Of its series in the timeline.

    Attributes
    ----------
    pair : Pair
        Its tick is the instrument's, or finer where the prices of the candles are.
    prices : ndarray of int64, shape (4, n)
        Open, high, low and close of each bar, in ticks.
    waiting : list of Order
        Orders that are kept until the next open.
    """

    def __init__(
        self, series: Series, venue: CandleExchange, timeline: Timeline, number: int
    ) -> None:
        self.exchange = series.instrument.exchange
        self.candles = series.candles
        self.pair, self.prices = _on_grid(series.instrument, series.candles)
        self.waiting: list[Order] = []
        self._venue = venue
        self._timeline = timeline
        self._number = number
        self._book = _Display(self.pair)
        self._engine = venue.add_pair(self.pair, self._book)

    @property
    def idle(self) -> bool:
        """Whether no order is open, so that the market's events matter to nobody's money."""
        return self._engine.idle and not self.waiting

    @property
    def price(self) -> Ticks | None:
        """The last price: a bar's open until it closes, then its close; None before the first."""
        row, quoted = self._timeline.state(self._number)
        return None if row < 0 else Ticks(int(self.prices[0 if quoted else 3, row]))

    def open(self, now: UtcNs) -> list[Execution]:
        """Begin the next bar."""
        executions: list[Execution] = []
        if not self._engine.idle:
            self.show()
            executions = self._engine.fresh(now)
        if self.waiting:
            self.show()
            for order in self.waiting:
                self._venue.release(order, now)
            self.waiting.clear()
        return executions

    def close(self, now: UtcNs) -> list[Execution]:
        """End the bar: what rests meets its low, then its high."""
        executions: list[Execution] = []
        if not self._engine.idle:
            row, _ = self._timeline.state(self._number)
            low, high = int(self.prices[2, row]), int(self.prices[1, row])
            # A trade at the low may have hit the best bid, so the ask is a tick above it at least;
            # at the high likewise.
            for bid, ask in ((low, low + 1), (high - 1, high)):
                self._book.show(bid, ask)
                executions += self._engine.fresh(now)
        return executions

    def show(self) -> None:
        """Let the book display the last price, if there is one."""
        price = self.price
        if price is not None:
            self._book.show(price, price)

    def meets(self, order: Order, now: UtcNs) -> bool:
        """Tell whether an order sent now may trade before a further bar opens."""
        row, quoted = self._timeline.state(self._number)
        times = self.candles.time
        if not quoted:
            return row + 1 < len(times) and int(times[row + 1]) * SECOND == now
        late = now - int(times[row]) * SECOND > PATH_GRACE_NS
        return not (late and order.request.type is OrderType.LIMIT)


class _Display(L2Book):
    """A book that shows one bid and one ask, each without limit of size."""

    __slots__ = ("_shown",)

    def __init__(self, pair: Pair) -> None:
        super().__init__(pair)
        self._shown: dict[Side, dict[Ticks, Lots]] = {Side.BUY: {}, Side.SELL: {}}

    def show(self, bid: int, ask: int) -> None:
        """Replace what is shown; a bid of 0 is none."""
        self.best_bid, self.best_ask = Ticks(bid) if bid > 0 else None, Ticks(ask)
        self._shown = {
            Side.BUY: {Ticks(bid): _DEPTH} if bid > 0 else {},
            Side.SELL: {Ticks(ask): _DEPTH},
        }

    @property
    def bids(self) -> dict[Ticks, Lots]:
        """The one bid."""
        return self._shown[Side.BUY]

    @property
    def asks(self) -> dict[Ticks, Lots]:
        """The one ask."""
        return self._shown[Side.SELL]

    def levels(self, side: Side) -> Iterator[tuple[Ticks, Lots]]:
        """Yield the level of a side."""
        return iter(self._shown[side].items())


def _on_grid(instrument: Instrument, candles: Candles) -> tuple[Pair, IntArray]:
    """Return the pair and the candles' prices in its ticks.

    Prices from a time when the venue's tick was finer make it that fine again.
    """
    prices = np.stack([candles.open, candles.high, candles.low, candles.close])
    unit = Decimal(1).scaleb(-candles.price_digits)
    tick = instrument.tick_size
    if tick >= unit:
        units, rest = divmod(tick, unit)
        if rest or np.any(prices % int(units)):
            tick = unit
        else:
            prices = prices // int(units)
    elif unit % tick:
        tick = unit
    else:
        prices = prices * int(unit / tick)
    base, quote = split_name(instrument.pair)
    lot = instrument.lot_size
    pair = Pair(
        instrument.pair, base, quote, tick, lot, min_order=lot, min_notional=instrument.min_notional
    )
    return pair, prices
