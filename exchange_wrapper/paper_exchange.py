"""The execution port of a paper exchange: the paper engines of all its pairs."""

from collections.abc import Callable

from exchange_wrapper.execution import Execution
from exchange_wrapper.numbers import Lots
from exchange_wrapper.orders import Order
from exchange_wrapper.pair import Pair
from exchange_wrapper.paper import Book, PaperEngine, PaperOrder
from exchange_wrapper.terms import OrderStatus, Side
from exchange_wrapper.times import MILLISECOND, UtcNs

__all__ = ["PaperExchange"]


class PaperExchange:
    """One engine per pair, behind one latency.

    Parameters
    ----------
    latency_ns : int
        Time from sending to arrival, of orders and cancellations alike.

    Attributes
    ----------
    on_sent : callable or None
        Called whenever something was sent, so that ``next_due`` may be earlier than before;
        whoever waits for it assigns it.
    """

    is_live = False

    def __init__(self, *, latency_ns: int = 5 * MILLISECOND) -> None:
        self.engines: dict[str, PaperEngine] = {}
        self.on_sent: Callable[[], None] | None = None
        self._latency_ns = latency_ns
        self._waiting: dict[str, PaperEngine] = {}  # those with something due

    def add_pair(self, pair: Pair, book: Book) -> PaperEngine:
        """Trade a pair against this book."""
        engine = PaperEngine(book, latency_ns=self._latency_ns)
        self.engines[pair.name()] = engine
        return engine

    def submit(self, order: Order, now: UtcNs) -> None:
        """Send an order to its pair's engine."""
        engine = self._wake(order)
        engine.submit(_paper_order(order), now)

    def resume(self, order: Order, now: UtcNs) -> None:
        """Take an order that is not done back after a restart.

        One that had not arrived is sent again; one that was resting rests again, behind what the
        book then displays.
        """
        engine = self._wake(order)
        if order.status is OrderStatus.RECEIVED:
            engine.submit(_paper_order(order), now)
        else:
            engine.resume(_paper_order(order), now)

    def cancel(self, order: Order, now: UtcNs) -> None:
        """Send the cancellation of an order."""
        self._wake(order).cancel(order.id, now)

    def next_due(self) -> UtcNs | None:
        """Return when ``advance`` has something to do next, or None."""
        first: UtcNs | None = None
        for engine in self._waiting.values():
            due = engine.next_due()
            if due is not None and (first is None or due < first):
                first = due
        return first

    def advance(self, now: UtcNs) -> list[Execution]:
        """Carry out what is due until ``now`` at all pairs, in order of time.

        To be called before each market event is applied to its book.
        """
        if not self._waiting:
            return []
        executions: list[Execution] = []
        for name, engine in tuple(self._waiting.items()):
            executions += engine.advance(now)
            if engine.next_due() is None:
                del self._waiting[name]
        if len(self.engines) > 1:
            executions.sort(key=lambda execution: execution.time)
        return executions

    def cost(self, pair: str, side: Side, lots: Lots) -> int | None:
        """Return Σ ticks × lots of taking so many lots now.

        None where the book is stale or does not offer that much.
        """
        return self.engines[pair].cost(side, lots)

    def _wake(self, order: Order) -> PaperEngine:
        name = order.request.pair
        engine = self.engines[name]
        self._waiting[name] = engine
        if self.on_sent is not None:
            self.on_sent()
        return engine


def _paper_order(order: Order) -> PaperOrder:
    request = order.request
    return PaperOrder(
        order.id,
        request.side,
        request.type,
        order.remaining,
        order.limit,
        order.budget,
        order.expires_at,
        request.post_only,
    )
