"""One order at a real venue: what was sent of it, and what the venue has told. Does no I/O."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Final

from exchange_wrapper.errors import InvalidAmount
from exchange_wrapper.exchange.base_trading import VenueDone, VenueOrder
from exchange_wrapper.numbers import Lots, Ticks
from exchange_wrapper.orders import Order
from exchange_wrapper.terms import DoneReason, OrderType, Side
from exchange_wrapper.times import UtcNs

__all__ = ["Cost", "LiveOrder", "in_venue_terms", "nearest_first"]

Cost = Callable[[Lots], int | None]
"""Returns Σ ticks × lots of taking so many lots now, None if they are not on offer."""

_RISE: Final = 101, 100  # of the price until a market buy arrives that has to be made smaller


@dataclass(slots=True, eq=False)
class LiveOrder:
    """An order at the venue, or on its way there.

    Attributes
    ----------
    sent_at : UtcNs
        When it was sent at the latest.
    found_at : UtcNs
        Since when the venue is known to have it, if it is.
    venue_id : str or None
        The venue's own name for it, once that is known.
    sent : Lots or None
        How much was sent; None before, and after a restart.
    asked : bool
        Whether the desk has it as unknown.
    resized : bool
        Whether the venue has made it smaller.
    trades : dict of str to Lots
        Its fills as far as they were told, by the venue's id.
    """

    order: Order
    sent_at: UtcNs
    found_at: UtcNs
    venue_id: str | None = None
    sent: Lots | None = None
    asked: bool = False
    cancelling: bool = False
    resized: bool = False
    finished: bool = False
    trades: dict[str, Lots] = field(default_factory=dict)

    @property
    def filled(self) -> int:
        """Lots of the fills that were told."""
        return sum(self.trades.values())

    def counted(self, done: VenueDone) -> Lots | None:
        """Return how much the venue has filled by the end, None if its report does not say."""
        if self.sent is None or self.resized:
            return None
        if done.remaining is None:
            # Of a limit order every report says it: this one was forgotten, hence never traded.
            forgotten = done.reason is DoneReason.CANCELLED and self.order.limit is not None
            return Lots(0) if forgotten else None
        try:
            return Lots(self.sent - self.order.pair.to_lots(done.remaining))
        except InvalidAmount:
            return None


def in_venue_terms(order: Order, cost: Cost) -> tuple[VenueOrder, Lots] | None:
    """Return what is sent of an order and how much that is; None if its funds pay for nothing.

    A market buy goes out with a limit, so that it can cost no more than is on hold for it,
    whatever the book does on the way, and buy no more than was asked for. Where the hold does not
    pay for all of it now, as much is sent as it pays for should the price rise by 1 %.
    """
    pair, kind, lots, limit = order.pair, order.request.type, order.lots, order.limit
    budget = order.budget
    if budget is not None:
        present = cost(lots)
        if present is not None and present > budget:
            lots = _affordable(lots, budget, cost)
        limit = Ticks(budget // lots) if lots else Ticks(0)
        if not limit:
            return None
        kind = OrderType.IOC
    wanted = VenueOrder(
        pair=pair,
        side=order.request.side,
        type=kind,
        client_id=order.venue_oid,
        size=pair.size(lots),
        limit=None if limit is None else pair.price(limit),
        post_only=order.request.post_only,
    )
    return wanted, lots


def nearest_first(orders: Iterable[LiveOrder]) -> list[LiveOrder]:
    """Return orders as the market would reach them: of each pair and side in turn the best."""
    queues: dict[tuple[str, Side], list[LiveOrder]] = {}
    for each in orders:
        request = each.order.request
        queues.setdefault((request.pair, request.side), []).append(each)
    for (_, side), queue in queues.items():
        queue.sort(key=lambda each: each.order.limit or 0, reverse=side is Side.BUY)
    turns = zip_longest(*queues.values())
    return [each for turn in turns for each in turn if each is not None]


def _affordable(most: Lots, budget: int, cost: Cost) -> Lots:
    low, high = 0, int(most)
    over, under = _RISE
    while low < high:
        lots = (low + high + 1) // 2
        present = cost(Lots(lots))
        if present is not None and present * over <= budget * under:
            low = lots
        else:
            high = lots - 1
    return Lots(low)
