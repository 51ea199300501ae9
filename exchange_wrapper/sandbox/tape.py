"""The trades of one product as published: the simulated ones and those of the venue's traders."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from exchange_wrapper.sandbox.assets import Asset
from exchange_wrapper.sandbox.market import Market, SimulatedTrade
from exchange_wrapper.terms import Side
from exchange_wrapper.times import UtcNs

__all__ = ["Print", "Tape"]


class Print(NamedTuple):
    """A trade in which an order of a profile took part; the other order may be anybody's."""

    trade: SimulatedTrade
    maker_order_id: str | None
    taker_order_id: str | None


class Tape:
    """Numbers all trades of a product upwards by one.

    Only what differs from the simulated market is kept: the prints of profiles, and by how much
    the ids that follow are shifted. Without any the tape is the simulated market.
    """

    def __init__(self, market: Market, asset: Asset) -> None:
        self._market = market
        self._asset = asset
        self._own: dict[int, Print] = {}
        # Shift n is in force from id ids[n − 1] and after time times[n − 1].
        self._ids: list[int] = []
        self._times: list[int] = []
        self._shifts = [0]

    def last_id(self, now: UtcNs) -> int:
        """Return the id of the last trade before ``now``."""
        shift = self._shifts[bisect_left(self._times, now)]
        return self._market.last_trade_id(self._asset, now) + shift

    def by_id(self, first: int, last: int) -> list[Print]:
        """Return the trades with ids from ``first`` to ``last``, oldest first."""
        if not (self._own or self._ids):
            found = self._market.trades_by_id(self._asset, first, last)
            return [Print(trade, None, None) for trade in found]
        return [
            self._own.get(number) or self._simulated(number) for number in range(first, last + 1)
        ]

    def between(self, start: UtcNs, end: UtcNs) -> list[Print]:
        """Return the trades from ``start`` until before ``end``, oldest first."""
        if not (self._own or self._ids):
            return [Print(t, None, None) for t in self._market.trades(self._asset, start, end)]
        return self.by_id(self.last_id(start) + 1, self.last_id(end))

    def add(
        self, now: UtcNs, price: int, size: int, maker_side: Side, orders: tuple[str | None, ...]
    ) -> Print:
        """Print a trade at ``now`` that the simulated market does not know.

        ``orders`` are the ids of maker and taker. Trades must be added in the order of time.
        """
        before = self._market.last_trade_id(self._asset, now) + self._shifts[-1]
        new = Print(SimulatedTrade(before + 1, now, price, size, maker_side), *orders)
        self._keep(now, [new], 1, before + 2)
        return new

    def replace(
        self, trade: SimulatedTrade, parts: Sequence[tuple[int, int, str | None]]
    ) -> list[Print]:
        """Print a simulated trade in parts: (price, size, maker's order id)."""
        first = trade.trade_id + self._shifts[-1]
        new = [
            Print(trade._replace(trade_id=first + n, price=price, size=size), order_id, None)
            for n, (price, size, order_id) in enumerate(parts)
        ]
        self._keep(trade.time, new, len(new) - 1, first + len(new))
        return new

    def _keep(self, now: UtcNs, new: list[Print], shift: int, following: int) -> None:
        self._own |= {entry.trade.trade_id: entry for entry in new}
        if shift:
            self._ids.append(following)
            self._times.append(now)
            self._shifts.append(self._shifts[-1] + shift)

    def _simulated(self, number: int) -> Print:
        shift = self._shifts[bisect_right(self._ids, number)]
        (trade,) = self._market.trades_by_id(self._asset, number - shift, number - shift)
        return Print(trade._replace(trade_id=number), None, None)
