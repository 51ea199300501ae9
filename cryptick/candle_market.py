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
- Slippage, where there is some, makes the price of who takes that much worse, rounded against the
  trader to the tick.
- A limit order sent later than ``PATH_GRACE_NS`` into a bar waits for the next open: the bar's
  low and high may have been before it.
- Where the next bar is missing the exchange was down: no quote is in force, and what is sent
  waits for the next open.

No price is shown before its time.
"""

from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from math import ceil
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cryptick.display_book import DisplayBook
from cryptick.fill_rule import FillRule
from cryptick.market_data import Series
from cryptick.timeline import Timeline
from exchange_wrapper.candles import Candles, Instrument
from exchange_wrapper.execution import Execution, Finished
from exchange_wrapper.numbers import Lots, Ticks
from exchange_wrapper.orders import Order
from exchange_wrapper.pair import Pair, split_name
from exchange_wrapper.paper_exchange import PaperExchange
from exchange_wrapper.terms import DoneReason, OrderType, Side
from exchange_wrapper.times import SECOND, UtcNs

__all__ = [
    "PATH_GRACE_NS",
    "CandleExchange",
    "CandleMarket",
]

PATH_GRACE_NS: Final = SECOND

IntArray = NDArray[np.int64]


class CandleExchange(PaperExchange):
    """A paper exchange that makes its books from candles and knows when no quote is in force.

    Parameters
    ----------
    rule : FillRule
    timeline : Timeline
        How far the run has come.
    """

    def __init__(self, rule: FillRule, timeline: Timeline) -> None:
        super().__init__(latency_ns=rule.latency_ns)
        self.rule = rule
        self.timeline = timeline
        self.markets: dict[str, CandleMarket] = {}
        self._withdrawn: list[Finished] = []

    def add_series(self, series: Series, number: int) -> "CandleMarket":
        """Add a pair with its candles, which have this number in the timeline."""
        market = CandleMarket(series, self, number)
        self.markets[market.pair.name()] = market
        return market

    def submit(self, order: Order, now: UtcNs) -> None:
        """Send an order, or keep it until the next open."""
        market = self.markets[order.request.pair]
        if market.meets(order, now):
            market.show()
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

    def next_due(self) -> UtcNs | None:
        """Return when ``advance`` has something to do next, or None."""
        return self._withdrawn[0].time if self._withdrawn else super().next_due()

    def advance(self, now: UtcNs) -> list[Execution]:
        """Carry out what is due until ``now``, withdrawals first."""
        withdrawn, self._withdrawn = self._withdrawn, []
        return [*withdrawn, *super().advance(now)]

    def cost(self, pair: str, side: Side, lots: Lots) -> int | None:
        """Return Σ ticks × lots of taking so many lots at the last price."""
        self.markets[pair].show()
        return super().cost(pair, side, lots)


class CandleMarket:
    """One pair as its candles tell of it, one bar after the other.

    Parameters
    ----------
    series : Series
    venue : CandleExchange
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

    def __init__(self, series: Series, venue: CandleExchange, number: int) -> None:
        self.exchange = series.instrument.exchange
        self.candles = series.candles
        self.pair, self.prices = _on_grid(series.instrument, series.candles)
        self.waiting: list[Order] = []
        self._venue = venue
        self._timeline = venue.timeline
        self._number = number
        self._slippage = Fraction(venue.rule.slippage_bps) / 10_000
        self._slips = bool(self._slippage)
        self._book = DisplayBook()
        self._shown: int | None = None  # the timeline's position of which the book shows the price
        self._engine = venue.add_pair(self.pair, self._book)

    @property
    def idle(self) -> bool:
        """Whether no order is open, so that the market's events matter to nobody's money."""
        return self._engine.idle and not self.waiting

    @property
    def is_calm(self) -> bool:
        """Whether all open orders rest, so that only bars that `touches` tells concern them."""
        return self._engine.is_calm and not self.waiting

    @cached_property
    def _lows(self) -> IntArray:
        found: IntArray = np.minimum(self.prices[0], self.prices[2])
        return found

    @cached_property
    def _highs(self) -> IntArray:
        found: IntArray = np.maximum(self.prices[0], self.prices[1])
        return found

    def touches(self, rows: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Tell which bars reach the best limit of the resting orders, and so may fill one."""
        bid, ask = self._engine.best_limit(Side.BUY), self._engine.best_limit(Side.SELL)
        touched = np.zeros(len(rows), np.bool_)
        if bid is not None:
            touched |= self._lows[rows] <= bid
        if ask is not None:
            touched |= self._highs[rows] >= ask
        return touched

    @property
    def price(self) -> Ticks | None:
        """The last price: a bar's open until it closes, then its close; None before the first."""
        row, quoted = self.state()
        return None if row < 0 else Ticks(int(self.prices[0 if quoted else 3, row]))

    def state(self) -> tuple[int, bool]:
        """Return the bar that began last, -1 before the first, and whether it lasts."""
        return self._timeline.state(self._number)

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
        if self._engine.idle:
            return []
        row, _ = self.state()
        low, high = int(self.prices[2, row]), int(self.prices[1, row])
        return self._fall(low, now) + self._rise(high, now)

    def settle(self, now: UtcNs) -> None:
        """Forget what was taken of the book, which is made anew for the next order anyway."""
        self._engine.fresh(now)

    def show(self) -> None:
        """Let the book display the last price, if there is one."""
        position = self._timeline.position
        if position != self._shown:
            price = self.price
            if price is not None:
                self._show(price, price)
            self._shown = position

    def meets(self, order: Order, now: UtcNs) -> bool:
        """Tell whether an order sent now may trade before a further bar opens."""
        row, quoted = self.state()
        if not quoted:
            return self._opens(row + 1, now)
        late = now - int(self.candles.time[row]) * SECOND > PATH_GRACE_NS
        return not (late and order.request.type is OrderType.LIMIT)

    def _opens(self, row: int, now: UtcNs) -> bool:
        times = self.candles.time
        return row < len(times) and int(times[row]) * SECOND == now

    def _show(self, bid: int, ask: int) -> None:
        """Display prices that can be taken, each the worse by the slippage."""
        if self._slips:
            bid, ask = bid - ceil(bid * self._slippage), ask + ceil(ask * self._slippage)
        self._book.show(bid, ask)

    def _fall(self, price: int, now: UtcNs) -> list[Execution]:
        """Go down to a price: it may have hit the best bid, so the ask is a tick above at least."""
        self._book.show(price, price + 1)
        self._shown = None
        return self._engine.fresh(now)

    def _rise(self, price: int, now: UtcNs) -> list[Execution]:
        """Go up to a price: it may have hit the best ask, so the bid is a tick below at least."""
        self._book.show(price - 1, price)
        self._shown = None
        return self._engine.fresh(now)


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
