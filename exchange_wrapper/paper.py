"""The paper engine: what would have become of our orders at a venue whose market we can see.

A central limit order book as the trader sees it. Orders arrive after a latency, take what the
book offers less what we already took of it, and what rests keeps a position in the venue's queue.
The engine reads no clock and does no I/O. Its caller keeps the book and must, for each event,

1. call ``advance(now)``, so that what was due before the event meets the book as it was,
2. apply the event to the book, and
3. report it with ``level_changed``, ``replaced`` or ``traded``.

Each of them returns executions in the order in which they happen.

Assumptions, where a book of levels leaves room for doubt (each against the trader):

- *Liquidity is taken once.* What our orders took of a level is remembered as its debt and is not
  offered again. A decrease of the level pays the debt first: somebody real took it too. An
  increase is new liquidity. All orders at a venue share the debts.
- *Queue.* An order rests behind all that the level displays. Prints at its price shorten the
  queue by their size; a decrease that no earlier print explains is a cancellation somewhere in
  the level and shortens it in proportion, rounded down.
- *Fills of a resting order* are at its own limit, as maker: when a print at its price exceeds the
  queue, when a print on its side is at a worse price (the market went through), or when the
  opposite side is displayed at its limit or better. The volume of a print, and a displayed lot,
  fill one of our orders only: the best limit first, then the earlier one.
- *Our orders* are not displayed and never trade with each other.
"""

from collections.abc import Iterator, Mapping
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Final, Protocol

from exchange_wrapper.book import Ladder
from exchange_wrapper.execution import Execution, Filled, Finished, Opened
from exchange_wrapper.market import TradePrint
from exchange_wrapper.matching import match_limit_order, match_market_order
from exchange_wrapper.numbers import Lots, Ticks
from exchange_wrapper.terms import DoneReason, OrderType, Side
from exchange_wrapper.times import MILLISECOND, UtcNs

__all__ = [
    "Book",
    "PaperEngine",
    "PaperOrder",
]


class Book(Protocol):
    """What is bid and asked, as `L2Book` tells it."""

    @property
    def best_bid(self) -> Ticks | None:
        """The highest bid."""

    @property
    def best_ask(self) -> Ticks | None:
        """The lowest ask."""

    @property
    def bids(self) -> Mapping[Ticks, Lots]:
        """Sizes of the bids by price."""

    @property
    def asks(self) -> Mapping[Ticks, Lots]:
        """Sizes of the asks by price."""

    def levels(self, side: Side) -> Iterator[tuple[Ticks, Lots]]:
        """Yield (price, size) of one side, best first."""


class PaperOrder:
    """An order as the engine needs it.

    Attributes
    ----------
    size : Lots
        What is still to be filled.
    limit : Ticks or None
        None for a market order.
    budget : int or None
        Σ ticks × lots that a market buy must not exceed.
    expires_at : UtcNs or None
        When what still rests is cancelled.
    post_only : bool
        Whether it is rejected where it would take.
    """

    __slots__ = ("budget", "expires_at", "limit", "order_id", "post_only", "side", "size", "type")

    def __init__(
        self,
        order_id: int,
        side: Side,
        type: OrderType,
        size: Lots,
        limit: Ticks | None = None,
        budget: int | None = None,
        expires_at: UtcNs | None = None,
        post_only: bool = False,
    ) -> None:
        self.order_id: Final = order_id
        self.side: Final = side
        self.type: Final = type
        self.size: Final = size
        self.limit: Final = limit
        self.budget: Final = budget
        self.expires_at: Final = expires_at
        self.post_only: Final = post_only


class _Working:
    """An order on its way or resting.

    Attributes
    ----------
    resumed : bool
        The venue had it before: it rests as it did.
    ahead : int
        Lots of others before it in the venue's queue.
    unplaced : bool
        It came to rest while the book was stale.
    """

    __slots__ = ("ahead", "order", "remaining", "resting", "resumed", "unplaced")

    def __init__(self, order: PaperOrder, resumed: bool) -> None:
        self.order = order
        self.remaining = order.size
        self.resumed = resumed
        self.resting = False
        self.ahead = 0
        self.unplaced = False


class _Queue:
    """Our orders at one price, first come first, and the prints its level has yet to show."""

    __slots__ = ("orders", "printed")

    def __init__(self) -> None:
        self.orders: dict[int, _Working] = {}
        self.printed = 0


_OPPOSITE: Final = {side: side.opposite for side in Side}  # the property costs more

_ARRIVE: Final = 0
_CANCEL: Final = 1
_EXPIRE: Final = 2


class PaperEngine:
    """Virtual orders of one pair against its real book.

    Parameters
    ----------
    book : Book
        Kept by the caller. It may be locked or crossed: the engine takes it as it is.
    latency_ns : int
        Time from sending to arrival, of orders and cancellations alike.

    Attributes
    ----------
    idle : bool
        There are no orders and no debts: market events need not be reported.
    """

    def __init__(self, book: Book, *, latency_ns: int = 5 * MILLISECOND) -> None:
        self.book = book
        self.latency_ns = latency_ns
        self.stale = False
        self.idle = True  # asked with every message of the market, so kept and not worked out
        self._orders: dict[int, _Working] = {}
        self._resting = 0  # so many of them
        self._own = {side: Ladder[_Queue](side) for side in Side}
        self._debts: dict[Side, dict[Ticks, int]] = {side: {} for side in Side}
        # (due, sequence, action, order id): what is due at the same time happens in call order.
        self._due: list[tuple[UtcNs, int, int, int]] = []
        self._sequence = count()

    # Orders

    def submit(self, order: PaperOrder, now: UtcNs) -> None:
        """Send an order; it arrives at ``now`` plus the latency."""
        self._orders[order.order_id] = _Working(order, resumed=False)
        self.idle = False
        self._schedule(UtcNs(now + self.latency_ns), _ARRIVE, order.order_id)

    def resume(self, order: PaperOrder, now: UtcNs) -> None:
        """Take back a resting order after a restart, behind what the book displays at ``now``."""
        self._orders[order.order_id] = _Working(order, resumed=True)
        self.idle = False
        self._schedule(now, _ARRIVE, order.order_id)

    def cancel(self, order_id: int, now: UtcNs) -> None:
        """Send a cancellation; it arrives at ``now`` plus the latency, perhaps too late."""
        if order_id in self._orders:
            self._schedule(UtcNs(now + self.latency_ns), _CANCEL, order_id)

    def next_due(self) -> UtcNs | None:
        """Return when ``advance`` has something to do next, or None."""
        return self._due[0][0] if self._due else None

    def advance(self, now: UtcNs) -> list[Execution]:
        """Carry out arrivals, cancellations and expiries due until ``now``, at their due times."""
        due = self._due
        executions: list[Execution] = []
        while due and due[0][0] <= now:
            time, _, action, order_id = heappop(due)
            working = self._orders.get(order_id)
            if working is None:
                continue  # done in the meantime
            if action == _ARRIVE:
                self._arrive(working, time, executions)
            else:
                reason = DoneReason.CANCELLED if action == _CANCEL else DoneReason.EXPIRED
                self._finish(working, reason, time, executions)
            self._settle()
        return executions

    @property
    def is_calm(self) -> bool:
        """Whether all orders rest and no debts are left: only the market can change anything."""
        return self._resting == len(self._orders) and not any(self._debts.values())

    def best_limit(self, side: Side) -> Ticks | None:
        """Return the best limit of our resting orders of a side, None if none rests."""
        return self._own[side].best

    # Market events

    def level_changed(
        self, side: Side, price: Ticks, old: Lots, new: Lots, now: UtcNs
    ) -> list[Execution]:
        """Follow one level of the book from ``old`` to ``new`` lots, 0 for no level.

        Of several changes in one message, each is reported once; whether the book shows the later
        ones already makes no difference.
        """
        assert not self._due or self._due[0][0] >= now, "advance before the book changes"
        executions: list[Execution] = []
        debts = self._debts[side]
        if debts and price in debts:
            _pay(debts, price, old, new)
        queue = self._own[side].levels.get(price)
        if queue is not None:
            _shorten(queue, old, new)
        if new > old:
            self._cross(side, price, new, now, executions)
        self._settle()
        return executions

    def replaced(
        self, old_bids: Mapping[Ticks, Lots], old_asks: Mapping[Ticks, Lots], now: UtcNs
    ) -> list[Execution]:
        """Follow the book from what it was to a new snapshot, level by level, and be live again.

        Parameters
        ----------
        old_bids, old_asks : mapping of Ticks to Lots
            The book before the snapshot, as ``L2Book.bids`` and ``asks`` were.
        """
        for side, old in ((Side.BUY, old_bids), (Side.SELL, old_asks)):
            new = self._displayed(side)
            debts = self._debts[side]
            for price in tuple(debts):
                _pay(debts, price, old.get(price, 0), new.get(price, 0))
            for price, queue in self._own[side].levels.items():
                _shorten(queue, old.get(price, 0), new.get(price, 0))
        return self._relive(now)

    def fresh(self, now: UtcNs) -> list[Execution]:
        """Take the book as liquidity that has nothing to do with what it displayed before.

        All debts are void, and resting orders queue behind what is displayed at most. For a book
        that is made up at each step, from candles say, where nobody could have paid the debts.
        """
        for debts in self._debts.values():
            debts.clear()
        if not self._resting:  # mostly: nobody meets the book
            self.stale = False
            self.idle = not self._orders
            return []
        for side, own in self._own.items():
            for price, queue in own.levels.items():
                displayed = self._displayed(side).get(price, 0)
                _shorten(queue, displayed, displayed)
        return self._relive(now)

    def traded(self, trade: TradePrint, now: UtcNs) -> list[Execution]:
        """Follow a trade between others; its volume fills each lot of ours at most once."""
        assert not self._due or self._due[0][0] >= now, "advance before the print"
        executions: list[Execution] = []
        side, price = trade.maker_side, trade.price
        own = self._own[side]
        if self.stale or not own.reaches(price):
            return executions
        beyond = Ticks(price - own.sign)
        volume = self._fill_resting(side, beyond, trade.size, now, executions)
        queue = own.levels.get(price)
        if queue is not None:
            queue.printed += trade.size
            self._fill_queue(queue, volume, now, executions)
        self._settle()
        return executions

    def set_stale(self, stale: bool) -> None:
        """Say whether the book can be trusted; against a stale one nothing matches.

        An order that arrives then is rejected unless it is a limit order that can rest; that one
        gets its place in the queue from the next snapshot. ``replaced`` ends it too.
        """
        self.stale = stale

    def cost(self, side: Side, size: Lots) -> int | None:
        """Return Σ ticks × lots of taking ``size`` now, or None if the book does not offer it."""
        if self.stale:
            return None
        ticks_lots = 0
        for price, offered in self._offered(_OPPOSITE[side]):
            taken = min(size, offered)
            ticks_lots += price * taken
            size = Lots(size - taken)
            if not size:
                break
        return None if size else ticks_lots

    # Arrival

    def _settle(self) -> None:
        self.idle = not self._orders and not any(self._debts.values())

    def _arrive(self, working: _Working, time: UtcNs, executions: list[Execution]) -> None:
        order = working.order
        if order.expires_at is not None and order.expires_at <= time:
            self._finish(working, DoneReason.EXPIRED, time, executions)
            return
        if working.resumed:
            self._rest(working)
            if not self.stale:
                self._cross_all(order.side, time, executions)
            return
        if self.stale and (order.type is not OrderType.LIMIT or self._marketable(order)):
            self._finish(working, DoneReason.REJECTED, time, executions, "the order book is stale")
            return
        if order.post_only and not self.stale and self._would_take(order):
            message = "it is post_only and would trade at once"
            self._finish(working, DoneReason.REJECTED, time, executions, message)
            return
        executions.append(Opened(order.order_id, time))
        if not self.stale:
            self._take(working, time, executions)
        if not working.remaining:
            self._finish(working, DoneReason.FILLED, time, executions)
        elif order.type is OrderType.LIMIT:
            self._rest(working)
        else:
            message = self._why_not_filled(order)
            self._finish(working, DoneReason.CANCELLED, time, executions, message)

    def _why_not_filled(self, order: PaperOrder) -> str:
        offered = any(size > 0 for _, size in self._offered(_OPPOSITE[order.side]))
        if order.limit is not None:
            return "the rest was not offered at its limit"
        return "its funds buy no more" if offered else "the book offers no more"

    def _would_take(self, order: PaperOrder) -> bool:
        assert order.limit is not None
        offered = self._offered(_OPPOSITE[order.side])
        return bool(match_limit_order(offered, order.side, Lots(1), order.limit))

    def _take(self, working: _Working, time: UtcNs, executions: list[Execution]) -> None:
        order = working.order
        offered = self._offered(_OPPOSITE[order.side])
        if order.limit is None:
            matches = match_market_order(offered, order.side, order.size, order.budget)
        else:
            matches = match_limit_order(offered, order.side, order.size, order.limit)
            if order.type is OrderType.FOK and sum(size for _, size in matches) < order.size:
                return
        debts = self._debts[_OPPOSITE[order.side]]
        for price, size in matches:
            debts[price] = debts.get(price, 0) + size
            working.remaining = Lots(working.remaining - size)
            executions.append(Filled(order.order_id, price, size, False, time))

    def _marketable(self, order: PaperOrder) -> bool:
        best = self.book.best_ask if order.side is Side.BUY else self.book.best_bid
        if best is None or order.limit is None:
            return False
        return best <= order.limit if order.side is Side.BUY else best >= order.limit

    def _rest(self, working: _Working) -> None:
        order = working.order
        assert order.limit is not None
        working.ahead = self._displayed(order.side).get(order.limit, 0)
        working.unplaced = self.stale
        working.resting = True
        self._resting += 1
        own = self._own[order.side]
        queue = own.levels.get(order.limit)
        if queue is None:
            queue = _Queue()
            own.add(order.limit, queue)
        queue.orders[order.order_id] = working
        if order.expires_at is not None:
            self._schedule(order.expires_at, _EXPIRE, order.order_id)

    def _finish(
        self,
        working: _Working,
        reason: DoneReason,
        time: UtcNs,
        executions: list[Execution],
        message: str = "",
    ) -> None:
        order = working.order
        del self._orders[order.order_id]
        if working.resting:
            self._resting -= 1
            assert order.limit is not None
            own = self._own[order.side]
            queue = own.levels[order.limit]
            del queue.orders[order.order_id]
            if not queue.orders:
                own.remove(order.limit)
        executions.append(Finished(order.order_id, reason, time, message))

    def _schedule(self, due: UtcNs, action: int, order_id: int) -> None:
        heap = self._due
        heappush(heap, (due, next(self._sequence), action, order_id))
        if len(heap) > 4 * len(self._orders) + 64:  # mostly expiries of orders done long ago
            heap[:] = [entry for entry in heap if entry[3] in self._orders]
            heapify(heap)

    # Matching of resting orders

    def _displayed(self, side: Side) -> Mapping[Ticks, Lots]:
        return self.book.bids if side is Side.BUY else self.book.asks

    def _offered(self, side: Side) -> Iterator[tuple[Ticks, Lots]]:
        """Yield what one side of the book offers us, best first: its sizes less our debts."""
        debts, levels = self._debts[side], self.book.levels(side)
        return _less(debts, levels) if debts else levels

    def _relive(self, now: UtcNs) -> list[Execution]:
        assert not self._due or self._due[0][0] >= now, "advance before the book changes"
        self.stale = False
        executions: list[Execution] = []
        for side, own in self._own.items():
            for price, queue in own.levels.items():
                for working in queue.orders.values():
                    if working.unplaced:
                        working.ahead = self._displayed(side).get(price, 0)
                        working.unplaced = False
            self._cross_all(side, now, executions)
        self._settle()
        return executions

    def _cross_all(self, side: Side, now: UtcNs, executions: list[Execution]) -> None:
        """Fill our resting orders of ``side`` from all levels that reach their limits."""
        if self._own[side].levels:
            for price, size in self.book.levels(_OPPOSITE[side]):
                if not self._own[side].reaches(price):
                    break
                self._cross(_OPPOSITE[side], price, size, now, executions)

    def _cross(
        self, side: Side, price: Ticks, size: Lots, now: UtcNs, executions: list[Execution]
    ) -> None:
        """Fill our resting orders against a level of ``side``, the opposite one."""
        own = self._own[_OPPOSITE[side]]
        if self.stale or not own.levels or not own.reaches(price):
            return
        debts = self._debts[side]
        offered = Lots(size - debts.get(price, 0))
        left = self._fill_resting(_OPPOSITE[side], price, offered, now, executions)
        if left < offered:
            debts[price] = size - left

    def _fill_resting(
        self, side: Side, price: Ticks, volume: Lots, now: UtcNs, executions: list[Execution]
    ) -> Lots:
        """Fill our orders whose limit is ``price`` or better; return what is left of the volume."""
        own = self._own[side]
        while volume and own.reaches(price):
            best = own.best
            assert best is not None
            working = next(iter(own.levels[best].orders.values()))
            volume = self._fill_maker(working, volume, now, executions)
        return volume

    def _fill_queue(
        self, queue: _Queue, volume: Lots, now: UtcNs, executions: list[Execution]
    ) -> None:
        """Let a print at their own price pass the queue ahead of our orders, then fill them."""
        passed = 0  # lots of others that the print took
        for working in tuple(queue.orders.values()):
            waiting = max(0, working.ahead - passed)
            if waiting < volume:
                passed += waiting
                volume = Lots(volume - waiting)
                waiting = 0
            else:
                passed += volume
                waiting -= volume
                volume = Lots(0)
            working.ahead = waiting
            if volume:
                volume = self._fill_maker(working, volume, now, executions)

    def _fill_maker(
        self, working: _Working, volume: Lots, now: UtcNs, executions: list[Execution]
    ) -> Lots:
        limit = working.order.limit
        assert limit is not None
        size = min(working.remaining, volume)
        working.remaining = Lots(working.remaining - size)
        executions.append(Filled(working.order.order_id, limit, size, True, now))
        if not working.remaining:
            self._finish(working, DoneReason.FILLED, now, executions)
        return Lots(volume - size)


def _less(
    debts: Mapping[Ticks, int], levels: Iterator[tuple[Ticks, Lots]]
) -> Iterator[tuple[Ticks, Lots]]:
    for price, size in levels:
        yield price, Lots(size - debts.get(price, 0))


def _pay(debts: dict[Ticks, int], price: Ticks, old: int, new: int) -> None:
    """Pay the debt of a level by its decrease; what is left never exceeds the level."""
    debt = min(debts[price] - max(0, old - new), new)
    if debt > 0:
        debts[price] = debt
    else:
        del debts[price]


def _shorten(queue: _Queue, old: int, new: int) -> None:
    """Move our orders up as their level goes from ``old`` to ``new`` lots."""
    traded = min(queue.printed, max(0, old - new))
    queue.printed = min(queue.printed - traded, new)  # what is yet to go is still displayed
    standing = old - traded
    cancelled = max(0, standing - new)
    for working in queue.orders.values():
        if cancelled:
            working.ahead -= working.ahead * cancelled // standing
        working.ahead = min(working.ahead, new)
