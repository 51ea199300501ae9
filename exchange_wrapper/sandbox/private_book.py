"""The book of one product with the orders of profiles in it.

The simulated book is given anew at every batch. What profiles have taken from one of its levels
stays taken until the model changes that level, which is when new liquidity arrives there. Orders
of profiles stand behind the simulated lots that were at their price before them.
"""

from bisect import insort
from collections.abc import Iterator

from exchange_wrapper.sandbox.book_model import Depth
from exchange_wrapper.sandbox.orders import Order
from exchange_wrapper.terms import Side

__all__ = ["PrivateBook"]


class PrivateBook:
    """Levels and resting orders, in ticks and lots."""

    def __init__(self, depth: Depth) -> None:
        self._levels = {Side.BUY: depth.bids, Side.SELL: depth.asks}
        self._taken: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}
        self.resting: dict[Side, list[Order]] = {Side.BUY: [], Side.SELL: []}

    @property
    def idle(self) -> bool:
        """Whether it is just the simulated book."""
        return not any(self.resting.values()) and not any(self._taken.values())

    def renew(self, depth: Depth) -> None:
        """Take the next simulated book."""
        for side, levels in ((Side.BUY, depth.bids), (Side.SELL, depth.asks)):
            old = self._levels[side]
            self._levels[side] = levels
            self._taken[side] = {
                price: lots
                for price, lots in self._taken[side].items()
                if levels.get(price) == old[price]
            }
            for order in self.resting[side]:
                order.ahead = min(order.ahead, self.simulated(side, _price(order)))

    def simulated(self, side: Side, price: int) -> int:
        """Return the simulated lots left at a price."""
        return self._levels[side].get(price, 0) - self._taken[side].get(price, 0)

    def take(self, side: Side, price: int, lots: int) -> None:
        """Take simulated lots, those first in the queue first."""
        taken = self._taken[side]
        taken[price] = taken.get(price, 0) + lots
        for order in self.resting[side]:
            if order.price == price:
                order.ahead = max(0, order.ahead - lots)

    def rest(self, order: Order) -> None:
        """Put an order behind all that stands at its price."""
        order.ahead = self.simulated(order.side, _price(order))
        insort(self.resting[order.side], order, key=_priority)

    def remove(self, order: Order) -> None:
        """Take a resting order out."""
        self.resting[order.side].remove(order)

    def queue(self, side: Side, limit: int | None) -> Iterator[tuple[int, Order | None, int]]:
        """Yield (price, order or None for simulated lots, lots) in the order of trading.

        The book may be changed meanwhile only by trading what has been yielded.

        Parameters
        ----------
        side : Side
            The resting side.
        limit : int or None
            The last price that counts, in ticks.
        """
        waiting: dict[int, list[tuple[Order, int, int]]] = {}
        for order in self.resting[side]:
            entry = order, order.ahead, order.remaining
            waiting.setdefault(_price(order), []).append(entry)
        prices = {*waiting, *self._levels[side]}
        for price in sorted(prices, reverse=side is Side.BUY):
            if limit is not None and (price < limit if side is Side.BUY else price > limit):
                return
            lots, passed = self.simulated(side, price), 0
            for order, ahead, remaining in waiting.get(price, ()):
                if ahead > passed:
                    yield price, None, ahead - passed
                    passed = ahead
                yield price, order, remaining
            if lots > passed:
                yield price, None, lots - passed

    def depth(self) -> Depth:
        """Return the book as everybody sees it."""
        return Depth(self._seen(Side.BUY), self._seen(Side.SELL))

    def _seen(self, side: Side) -> dict[int, int]:
        seen = dict(self._levels[side])
        for price, lots in self._taken[side].items():
            seen[price] -= lots
        for order in self.resting[side]:
            seen[_price(order)] = seen.get(_price(order), 0) + order.remaining
        ordered = sorted(seen.items(), reverse=side is Side.BUY)
        return {price: lots for price, lots in ordered if lots}


def _price(order: Order) -> int:
    assert order.price is not None  # market orders never rest
    return order.price


def _priority(order: Order) -> tuple[int, int]:
    price = _price(order)
    return (-price if order.side is Side.BUY else price), order.number
