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

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

from exchange_wrapper.book import L2Book
from exchange_wrapper.candles import Candles, Instrument
from exchange_wrapper.numbers import Lots, Ticks
from exchange_wrapper.orders import Order
from exchange_wrapper.pair import Pair, split_name
from exchange_wrapper.paper import Execution, Finished, PaperExchange
from exchange_wrapper.terms import DoneReason, OrderType
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

    def add_series(self, series: Series) -> "CandleMarket":
        """Add a pair with its candles."""
        market = CandleMarket(series, self)
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

    Attributes
    ----------
    pair : Pair
        Its tick is the instrument's, or finer where the prices of the candles are.
    prices : ndarray of int64, shape (4, n)
        Open, high, low and close of each bar, in ticks.
    waiting : list of Order
        Orders that are kept until the next open.
    """

    def __init__(self, series: Series, venue: CandleExchange) -> None:
        self.exchange = series.instrument.exchange
        self.candles = series.candles
        self.pair, self.prices = _on_grid(series.instrument, series.candles)
        self.waiting: list[Order] = []
        self._venue = venue
        self._book = L2Book(self.pair)
        self._engine = venue.add_pair(self.pair, self._book)
        self._row = -1
        self._quoted = False  # whether a quote is in force
        self._opened_at = UtcNs(0)

    @property
    def price(self) -> Ticks | None:
        """The last price: a bar's open until it closes, then its close; None before the first."""
        if self._row < 0:
            return None
        return Ticks(int(self.prices[0 if self._quoted else 3, self._row]))

    def open(self, now: UtcNs) -> list[Execution]:
        """Begin the next bar."""
        self._row += 1
        self._quoted, self._opened_at = True, now
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
        self._quoted = False
        executions: list[Execution] = []
        if not self._engine.idle:
            _, high, low, _ = self.prices[:, self._row].tolist()
            # A trade at the low may have hit the best bid, so the ask is a tick above it at least;
            # at the high likewise.
            for bid, ask in ((low, low + 1), (high - 1, high)):
                self._display(bid, ask)
                executions += self._engine.fresh(now)
        return executions

    def show(self) -> None:
        """Let the book display the last price, if there is one."""
        price = self.price
        if price is not None:
            self._display(price, price)

    def meets(self, order: Order, now: UtcNs) -> bool:
        """Tell whether an order sent now may trade before a further bar opens."""
        if not self._quoted:
            following = self._row + 1
            times = self.candles.time
            return following < len(times) and int(times[following]) * SECOND == now
        late = now - self._opened_at > PATH_GRACE_NS
        return not (late and order.request.type is OrderType.LIMIT)

    def _display(self, bid: int, ask: int) -> None:
        bids = [(Ticks(bid), _DEPTH)] if bid > 0 else []
        self._book.replace(bids, [(Ticks(ask), _DEPTH)])


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
