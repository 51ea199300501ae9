"""A live execution port to a venue in memory, whose network a test can break, in virtual time."""

from collections.abc import Mapping
from decimal import Decimal

from exchange_wrapper.execution import (
    Execution,
    Filled,
    Finished,
    Opened,
    ResolvedFound,
    ResolvedNotFound,
    Unanswered,
)
from exchange_wrapper.numbers import Lots, Ticks
from exchange_wrapper.orders import Order, OrderRequest
from exchange_wrapper.terms import DoneReason, Side
from exchange_wrapper.times import SECOND, UtcNs

__all__ = ["FakeLivePort"]

_RETRY_NS = SECOND


class FakeLivePort:
    """Follow the rules of a live port: lost answers are unanswered, then asked for by client id.

    Attributes
    ----------
    placed : dict of str to Order
        What the venue has accepted, by client id.
    attempts : int
        How often an order was sent to it.
    """

    is_live = True

    def __init__(self) -> None:
        self.placed: dict[str, Order] = {}
        self.attempts = 0
        self.refuses = False
        self.loses_requests = False
        self.loses_answers = False
        self.names_resolve_from = UtcNs(0)
        self.reported: list[Execution] = []
        self._asking: dict[int, tuple[Order, UtcNs]] = {}

    def submit(self, order: Order, now: UtcNs) -> None:
        self.attempts += 1
        if not self.loses_requests and not self.refuses:
            assert order.venue_oid not in self.placed, "the venue refuses a second one"
            self.placed[order.venue_oid] = order
        if self.loses_answers or self.loses_requests:
            self.reported.append(Unanswered(order.id, now, "the connection was reset"))
            self._asking[order.id] = order, UtcNs(now + _RETRY_NS)
        elif self.refuses:
            reason = DoneReason.REJECTED
            self.reported.append(Finished(order.id, reason, now, "insufficient funds"))
        else:
            self.reported.append(Opened(order.id, now))

    def resume(self, order: Order, now: UtcNs) -> None:
        self._asking[order.id] = order, now

    def cancel(self, order: Order, now: UtcNs) -> None:
        if now >= self.names_resolve_from and self.placed.pop(order.venue_oid, None):
            self.reported.append(Finished(order.id, DoneReason.CANCELLED, now))

    def cost(self, pair: str, side: Side, lots: Lots) -> int | None:
        return 10_000 * lots

    async def balances(self) -> Mapping[str, Decimal]:
        return {}

    def requests(self) -> list[OrderRequest]:
        return [order.request for order in self.placed.values()]

    def fill(
        self, order: Order, price: int, size: int, ext_id: str, fee: str, now: UtcNs
    ) -> Filled:
        return Filled(order.id, Ticks(price), Lots(size), False, now, ext_id, Decimal(fee))

    def advance(self, now: UtcNs) -> list[Execution]:
        """Ask for what is unanswered, once a second, and return what was learnt since."""
        for order_id, (order, due) in tuple(self._asking.items()):
            while due <= now and order_id in self._asking:
                if due < self.names_resolve_from:
                    due = UtcNs(due + _RETRY_NS)
                    self._asking[order_id] = order, due
                    continue
                del self._asking[order_id]
                found = order.venue_oid in self.placed
                kind = ResolvedFound if found else ResolvedNotFound
                self.reported.append(kind(order_id, due))
        reported, self.reported = self.reported, []
        return reported
