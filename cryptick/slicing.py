"""Large orders in slices over time, so that they move the market little."""

from collections.abc import Callable
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING, Final

from cryptick.messages import Bar, OrderUpdate
from exchange_wrapper.errors import ApiUsageError
from exchange_wrapper.numbers import ZERO, Lots
from exchange_wrapper.terms import DoneReason, OrderType, Side

if TYPE_CHECKING:
    from cryptick.strategy.base import Strategy

__all__ = ["Slicer", "Twap"]

_REFUSALS_MAX: Final = 10
"""Orders refused in a row, after which nothing more is tried."""


class Slicer:
    """The arithmetic: how much of a total is due after so many of its slices.

    Parameters
    ----------
    total : Lots
    slices : int
        Equal parts, to a lot; what was not filled of one is due again in the next, and after the
        last one until nothing remains.

    Attributes
    ----------
    filled : Lots
        What has been traded.
    """

    def __init__(self, total: Lots, slices: int) -> None:
        if total <= 0 or slices <= 0:
            raise ApiUsageError("what is sliced needs at least one lot and one slice")
        self.total = total
        self.slices = slices
        self.filled = Lots(0)

    @property
    def remaining(self) -> Lots:
        """What has not been traded yet."""
        return Lots(self.total - self.filled)

    def due(self, number: int, *, least: int = 1, cap: int | None = None) -> Lots:
        """Return how many lots to order as slice ``number``, from 1 on, when no order is open.

        Parameters
        ----------
        least : int
            The smallest order, lots. Less is left for the next slice, and no slice leaves a rest
            that is smaller, as long as the total itself is not.
        cap : int, optional
            The largest order, lots.
        """
        remaining = self.remaining
        target = self.total * min(number, self.slices) // self.slices
        size = max(0, target - self.filled)
        if 0 < remaining - size < least:
            size = remaining
        if cap is not None and size > cap:
            size = cap if remaining - cap >= least else min(cap, remaining - least)
        return Lots(size if size >= least or 0 < size == remaining else 0)


class Twap:
    """Trade an amount of one pair in equal slices at equal intervals, the first after one interval.

    It orders through its strategy, which passes on what it hears: each `OrderUpdate` to `on_order`
    and, where ``participation`` is set, each `Bar` to `on_bar`.

    Parameters
    ----------
    strategy : Strategy
    exchange, pair : str
    side : Side
    size : Decimal
        In base, cut to whole lots.
    slices : int
    interval_s : float
    limit : Decimal, optional
        Worst price; a slice that finds no such price is caught up later.
    participation : Decimal, optional
        The largest fraction of what was traded since the last slice that a slice may have.
    on_done : callable, optional
        Called once, when all is filled or nothing more is tried.

    Attributes
    ----------
    notional : Decimal
        Σ price × size of what was traded, in quote, by the average prices of its orders.
    refusal : str
        Why the last order was refused; empty after one that was not.
    """

    def __init__(
        self,
        strategy: "Strategy",
        exchange: str,
        pair: str,
        side: Side,
        size: Decimal,
        *,
        slices: int,
        interval_s: float,
        limit: Decimal | None = None,
        participation: Decimal | None = None,
        on_done: Callable[[], None] | None = None,
    ) -> None:
        self._strategy = strategy
        self._market = exchange, pair
        self._pair = strategy.pair(pair, exchange)
        self._side = side
        self._limit = limit
        self._participation = participation
        self._on_done = on_done
        self._slicer = Slicer(self._pair.floor_lots(size), slices)
        self._interval_s = interval_s
        self._number = self._refusals = 0
        self._volume = ZERO
        self._order: str | None = None
        self.notional = ZERO
        self.refusal = ""
        self.is_done = False
        self._trigger = strategy.every(interval_s, self._next)

    @property
    def filled(self) -> Decimal:
        """What has been traded, in base."""
        return self._pair.size(self._slicer.filled)

    @property
    def remaining(self) -> Decimal:
        """What has not been traded yet, in base."""
        return self._pair.size(self._slicer.remaining)

    def pause(self) -> None:
        """Order no more slices until `resume`; one that is open goes on."""
        self._trigger.cancel()

    def resume(self) -> None:
        """Go on, with the next slice after one interval."""
        self._trigger.cancel()
        if not self.is_done:
            self._trigger = self._strategy.every(self._interval_s, self._next)

    def cancel(self) -> None:
        """Order nothing more and take back what is open; ``on_done`` is not called."""
        self.pause()
        self.is_done = True
        if self._order is not None:
            self._strategy.cancel(self._order)

    def on_bar(self, bar: Bar) -> None:
        """Hear how much the market traded."""
        if (bar.exchange, bar.pair) == self._market:
            self._volume += Decimal(str(bar.volume))

    def on_order(self, order: OrderUpdate) -> None:
        """Hear of an order; those of others are ignored."""
        if order.client_oid != self._order or not order.is_done:
            return
        self._order = None
        slicer, lots = self._slicer, self._pair.to_lots(order.filled_size)
        slicer.filled = Lots(slicer.filled + lots)
        self.notional += order.avg_price * order.filled_size
        is_refused = order.done_reason is DoneReason.REJECTED
        self._refusals = self._refusals + 1 if is_refused else 0
        self.refusal = order.message if is_refused else ""
        if not self.is_done and (not slicer.remaining or self._refusals == _REFUSALS_MAX):
            self.pause()
            self.is_done = True
            if self._on_done is not None:
                self._on_done()

    def _next(self) -> None:
        self._number += 1
        if self._order is not None:
            return
        cap = None
        if self._participation is not None:
            cap = self._pair.floor_lots(self._volume * self._participation)
            self._volume = ZERO
        lots = self._slicer.due(self._number, least=self._least(), cap=cap)
        if not lots:
            return
        exchange, pair = self._market
        size, strategy, buys = self._pair.size(lots), self._strategy, self._side is Side.BUY
        if self._limit is None:
            send_market = strategy.buy_market if buys else strategy.sell_market
            self._order = send_market(pair, size=size, exchange=exchange)
        else:
            send_limit = strategy.buy_limit if buys else strategy.sell_limit
            self._order = send_limit(pair, size, self._limit, type=OrderType.IOC, exchange=exchange)

    def _least(self) -> int:
        """Return the smallest order that the exchange takes now, in lots."""
        pair, price = self._pair, self._limit
        if price is None:
            quote = self._strategy.quote(self._market[1], self._market[0])
            price = None if quote is None else min(quote.bid, quote.ask)
        least = pair.min_order
        if price:
            least = max(least, pair.min_notional / price)
        lots = (least / pair.lot_size).to_integral_value(ROUND_CEILING)
        return max(1, int(lots))
