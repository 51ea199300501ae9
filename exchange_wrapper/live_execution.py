"""The execution port to a real venue: orders go out by its ``Trading``, its answers come back.

Nothing is concluded from silence. An order whose answer is lost is asked for by its client id; that
the venue does not have it counts only once no request of ours can still arrive there. An order is
finished only when the fills that were told are all that the venue has counted for it.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import aclosing
from decimal import Decimal
from functools import partial
from typing import Any, Final

from exchange_wrapper.errors import InvalidAmount, ProcessingError, Unavailable
from exchange_wrapper.exchange.base_trading import (
    CancelRequested,
    Connected,
    OrderReport,
    Placed,
    Refused,
    Trading,
    VenueChanged,
    VenueDone,
    VenueFill,
    VenueReceived,
)
from exchange_wrapper.execution import (
    Execution,
    Filled,
    Finished,
    Opened,
    ResolvedFound,
    ResolvedNotFound,
    Unanswered,
)
from exchange_wrapper.feed import Backoff
from exchange_wrapper.incidents import IncidentKind
from exchange_wrapper.live_order import LiveOrder, in_venue_terms, nearest_first
from exchange_wrapper.numbers import Lots, format_amount
from exchange_wrapper.orders import Order
from exchange_wrapper.pair import Pair
from exchange_wrapper.terms import DoneReason, Side
from exchange_wrapper.times import SECOND, UtcNs
from exchange_wrapper.util import utc_now

__all__ = ["LiveExecution"]

_log = logging.getLogger(__name__)

_OVERLAP_NS: Final = 60 * SECOND  # of what is caught up with what was heard
_LAG_NS: Final = 5 * SECOND  # a venue may not find for so long what it has just accepted
_REPORTED_S: Final = 10.0  # by then the end of a cancelled order should have been reported
_MANY: Final = 5  # more cancellations than this go out as one request where that is possible
_DONE_KEPT: Final = 10_000

_Work = Callable[[], Coroutine[Any, Any, None]]


class LiveExecution:
    """Carry out the desk's orders at a venue, in the background.

    Parameters
    ----------
    exchange : str
        The name that the venue is loaded under.
    trading : Trading
        Its owner closes it when ``run`` has ended.
    cost : callable
        Returns what taking so many lots of a pair costs now; see ``ExecutionPort.cost``.
    clock, sleep, draw : callable
        The time, waiting in seconds, and numbers in [0, 1) for jitter.

    Attributes
    ----------
    connected : bool
        Whether everything that happens to orders is heard of, and all before is caught up.
    problem : str
        Why it is not connected; empty if it is.
    reconnects : int
        Connections for reports after the first.
    since : UtcNs
        Fills at the venue before are known. Set it to when xWrap last ran.
    on_executions : callable of (sequence of Execution)
    on_connection : callable
        ``connected`` has changed.
    on_external : callable of (kind, external id, sentence)
        An order or fill that xWrap did not make; possibly told again.
    on_unbookable : callable of (Order, sentence)
        The venue reports a fill that can't be expressed in the pair's increments.
    is_booked : callable of (pair, trade id)
        Returns, awaited, whether a trade of the venue is stored as one of ours.
    """

    is_live = True

    def __init__(
        self,
        exchange: str,
        trading: Trading,
        *,
        cost: Callable[[str, Side, Lots], int | None],
        clock: Callable[[], UtcNs] = utc_now,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.connected = False
        self.problem = "connecting"
        self.reconnects = 0
        self.since = UtcNs(clock() - _OVERLAP_NS)
        self.on_executions: Callable[[Sequence[Execution]], None] = _ignore
        self.on_connection: Callable[[], None] = _ignore
        self.on_external: Callable[[IncidentKind, str, str], None] = _ignore
        self.on_unbookable: Callable[[Order, str], None] = _ignore
        self.is_booked: Callable[[str, str], Awaitable[bool]] = _never
        self._exchange = exchange
        self._trading = trading
        self._cost = cost
        self._clock = clock
        self._sleep = sleep
        self._draw = draw
        self._working: dict[int, LiveOrder] = {}
        self._done: dict[int, LiveOrder] = {}  # the latest, oldest first
        self._by_client: dict[str, LiveOrder] = {}
        self._by_venue: dict[str, LiveOrder] = {}
        self._unclaimed: dict[str, list[OrderReport]] = {}
        self._external: dict[str, str] = {}  # open orders of others: their pairs by venue's id
        self._cancels: list[LiveOrder] = []
        self._tasks: asyncio.TaskGroup | None = None
        self._waiting: list[_Work] | None = []  # None once it is stopped

    # The port

    def submit(self, order: Order, now: UtcNs) -> None:
        """Send a new order."""
        working = self._take(order, now)
        self._spawn(partial(self._place, working))

    def resume(self, order: Order, now: UtcNs) -> None:
        """Ask the venue what became of an order while xWrap was down.

        It may have been sent the moment before xWrap ended.
        """
        working = self._take(order, now)
        working.asked = True
        self._spawn(partial(self._resolve, working))

    def cancel(self, order: Order, now: UtcNs) -> None:
        """Cancel an order: at once, or as soon as the venue is known to have it."""
        working = self._working.get(order.id)
        if working is not None and not working.cancelling:
            working.cancelling = True
            if working.venue_id is not None:
                self._queue_cancel(working)

    def cost(self, pair: str, side: Side, lots: Lots) -> int | None:
        """Return Σ ticks × lots of taking so many lots now, None if they are not on offer."""
        return self._cost(pair, side, lots)

    async def balances(self) -> Mapping[str, Decimal]:
        """Return what the venue's accounts hold; see ``LivePort``."""
        try:
            found = await self._trading.balances()
        except ProcessingError as error:
            raise Unavailable(error.message) from error
        return {currency: each.balance for currency, each in found.items()}

    def health(self) -> dict[str, object]:
        """Return the state in JSON-ready form; the skew is how far the venue's clock is ahead."""
        skew_ns = self._trading.clock_skew_ns
        return {
            "connected": self.connected,
            "problem": self.problem,
            "reconnects": self.reconnects,
            "clock_skew_s": None if skew_ns is None else skew_ns / SECOND,
            "rate_budget": self._trading.rate_budget,
            "orders": len(self._working),
            "unanswered": sum(each.venue_id is None for each in self._working.values()),
        }

    # Running

    async def run(self, pairs: Iterable[Pair]) -> None:
        """Follow the venue's reports and carry out what was submitted, until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                waiting, self._waiting = self._waiting or [], []
                for work in waiting:
                    self._spawn(work)
                await self._follow(tuple(pairs))
        finally:
            self._tasks = self._waiting = None

    def _spawn(self, work: _Work) -> None:
        if self._tasks is not None:
            self._tasks.create_task(work())
        elif self._waiting is not None:
            self._waiting.append(work)
        # Once stopped nothing is sent any more: the next start asks the venue.

    async def _follow(self, pairs: Sequence[Pair]) -> None:
        backoff = Backoff(self._draw)
        while True:
            try:
                async with aclosing(self._trading.reports(pairs)) as reports:
                    async for report in reports:
                        if isinstance(report, Connected):
                            await self._catch_up(pairs)
                            backoff.reset()
                        else:
                            self._receive(report)
                problem = f"{self._exchange} ended its reports"
            except (Unavailable, ProcessingError) as error:
                problem = error.message
            if problem != self.problem:
                _log.warning("reports of orders at %s are lost: %s", self._exchange, problem)
            self.problem = problem
            if self.connected:
                self.connected = False
                self.since = UtcNs(self._clock() - _OVERLAP_NS)
                self.on_connection()
            await self._sleep(backoff.next_s())
            self.reconnects += 1

    async def _catch_up(self, pairs: Sequence[Pair]) -> None:
        placed = [
            Placed(each.venue_id, each.order.venue_oid, each.order.request.pair, each.found_at)
            for each in self._working.values()
            if each.venue_id is not None
        ]
        async for report in self._trading.catch_up(pairs, placed, self.since):
            self._receive(report)
        opened = await self._trading.open_orders()
        self._external.clear()
        for state in opened:
            if state.client_id not in self._by_client:
                self._note_external(state.order_id, state.pair, state.side)
        self.connected, self.problem = True, ""
        self.on_connection()

    # What the venue says

    def _receive(self, report: OrderReport) -> None:
        working = self._by_venue.get(report.order_id)
        if isinstance(report, VenueReceived):
            if working is None:
                working = self._by_client.get(report.client_id)
                if working is None:
                    self._note_external(report.order_id, report.pair, report.side)
                else:
                    self._bind(working, report.order_id, report.time)
        elif working is not None:
            self._hear(working, report)
        elif any(each.venue_id is None for each in self._working.values()):
            # It may be of an order of ours whose venue's id the answer has not brought yet.
            self._unclaimed.setdefault(report.order_id, []).append(report)
        else:
            self._disown(report)

    def _hear(self, working: LiveOrder, report: OrderReport) -> None:
        if isinstance(report, VenueFill):
            self._fill(working, report)
        elif isinstance(report, VenueChanged):
            working.resized = True
        elif isinstance(report, VenueDone) and not working.finished:
            filled = working.counted(report)
            if filled is not None and filled == working.filled:
                self._finish(working, report.reason, report.time)
            else:  # some fills were not heard of
                self._spawn(partial(self._settle, working, ended=True))

    def _bind(self, working: LiveOrder, venue_id: str, time: UtcNs) -> None:
        """Take note that the venue has an order, and of its name for it."""
        if working.venue_id is not None or working.finished:
            return
        working.venue_id, working.found_at = venue_id, self._clock()
        self._by_venue[venue_id] = working
        order_id = working.order.id
        self._tell(ResolvedFound(order_id, time) if working.asked else Opened(order_id, time))
        for report in self._unclaimed.pop(venue_id, ()):
            self._hear(working, report)
        if working.cancelling and not working.finished:
            self._queue_cancel(working)
        self._disown_unclaimed()

    def _fill(self, working: LiveOrder, fill: VenueFill) -> None:
        if fill.trade_id in working.trades:
            return
        order = working.order
        try:
            price, size = order.pair.to_ticks(fill.price), order.pair.to_lots(fill.size)
        except InvalidAmount as error:
            self.on_unbookable(order, f"trade {fill.trade_id} of order {order.id}: {error.message}")
            return
        working.trades[fill.trade_id] = size
        self._tell(Filled(order.id, price, size, fill.maker, fill.time, fill.trade_id, fill.fee))

    def _finish(
        self, working: LiveOrder, reason: DoneReason, time: UtcNs, message: str = ""
    ) -> None:
        if working.finished:
            return
        order = working.order
        if working.filled == order.lots:
            reason = DoneReason.FILLED
        elif reason is DoneReason.FILLED:  # of a market buy as much was sent as its funds pay for
            reason, message = DoneReason.CANCELLED, "its funds buy no more"
        self._drop(working)
        self._tell(Finished(order.id, reason, time, message))
        self._disown_unclaimed()

    def _note_external(self, venue_id: str, pair: str, side: Side) -> None:
        self._external[venue_id] = pair
        self.on_external(
            IncidentKind.EXTERNAL_ORDER,
            venue_id,
            f"{self._exchange} has an order to {side} {pair} that xWrap did not make",
        )

    def _disown_unclaimed(self) -> None:
        if self._unclaimed and all(each.venue_id for each in self._working.values()):
            unclaimed, self._unclaimed = self._unclaimed, {}
            for reports in unclaimed.values():
                for report in reports:
                    self._disown(report)

    def _disown(self, report: OrderReport) -> None:
        if isinstance(report, VenueFill):
            self._spawn(partial(self._check_external, report))
        elif isinstance(report, VenueDone):
            self._external.pop(report.order_id, None)

    async def _check_external(self, fill: VenueFill) -> None:
        if not await self.is_booked(fill.pair, fill.trade_id):  # as those from before a restart
            self.on_external(
                IncidentKind.EXTERNAL_FILL,
                f"{fill.pair} {fill.trade_id}",
                f"{self._exchange} reports a fill of an order that xWrap did not make: {fill.side} "
                f"{format_amount(fill.size)} {fill.pair} at {format_amount(fill.price)}",
            )

    # What the venue is asked

    async def _place(self, working: LiveOrder) -> None:
        order = working.order
        if working.cancelling:
            reason = "it was cancelled before it was sent"
            self._finish(working, DoneReason.CANCELLED, self._clock(), reason)
            return
        cost = partial(self._cost, order.request.pair, order.request.side)
        translated = in_venue_terms(order, cost)
        if translated is None:
            reason = "its funds do not buy the smallest size"
            self._finish(working, DoneReason.CANCELLED, self._clock(), reason)
            return
        wanted, working.sent = translated
        try:
            answer = await self._trading.place(wanted)
        except (Unavailable, ProcessingError) as error:
            working.sent_at = self._clock()
            if working.venue_id is None:  # else it was reported before its answer was lost
                working.asked = True
                self._tell(Unanswered(order.id, working.sent_at, error.message))
                await self._resolve(working)
            return
        if isinstance(answer, Refused):
            self._finish(working, DoneReason.REJECTED, self._clock(), answer.reason)
        else:
            self._bind(working, answer.order_id, answer.time)

    async def _resolve(self, working: LiveOrder) -> None:
        """Ask for an order until the venue says whether it has it."""
        gone_at = working.sent_at
        if working.order.exchange_at is None:  # else it had arrived before
            gone_at = UtcNs(gone_at + round(self._trading.request_life_s * SECOND))
        backoff = Backoff(self._draw)
        while working.venue_id is None:
            asked_at = self._clock()
            try:
                state = await self._trading.find(working.order.venue_oid)
            except (Unavailable, ProcessingError) as error:
                _log.warning("order %d can't be asked for: %s", working.order.id, error.message)
            else:
                if state is not None:
                    self._bind(working, state.order_id, state.created_at)
                    await self._settle(working)
                    return
                if working.venue_id is None and asked_at >= gone_at:
                    self._lose(working)
                    return
            await self._sleep(max(backoff.next_s(), Backoff.FIRST_S))

    def _lose(self, working: LiveOrder) -> None:
        """End an order that the venue does not have and that can't arrive there any more."""
        if working.order.exchange_at is not None:  # it was there, and cancelled since
            self._finish(working, DoneReason.CANCELLED, self._clock())
            return
        self._drop(working)
        self._tell(ResolvedNotFound(working.order.id, self._clock()))
        self._disown_unclaimed()

    async def _settle(self, working: LiveOrder, *, ended: bool = False) -> None:
        """Ask for an order's state and fills until they agree, and finish it if it is done.

        With ``ended`` the venue has said that it is, and is asked until it shows that.
        """
        backoff, pair = Backoff(self._draw), working.order.pair
        while not working.finished:
            asked_at = self._clock()
            try:
                state = await self._trading.find(working.order.venue_oid)
                if state is not None:
                    for fill in await self._trading.fills(state.order_id):
                        self._fill(working, fill)
                    counted = working.filled >= pair.to_lots(state.filled_size)
                    if counted and state.done_reason is not None:
                        done_at = state.done_at or self._clock()
                        self._finish(working, state.done_reason, done_at, state.message)
                    if counted and not ended:
                        return
                elif asked_at >= working.found_at + _LAG_NS:
                    self._finish(working, DoneReason.CANCELLED, self._clock())
            except (Unavailable, ProcessingError, InvalidAmount) as error:
                _log.warning("order %d can't be settled: %s", working.order.id, error.message)
            if not working.finished:
                await self._sleep(max(backoff.next_s(), Backoff.FIRST_S))

    # Cancelling

    def _queue_cancel(self, working: LiveOrder) -> None:
        if not self._cancels:
            self._spawn(self._send_cancels)
        self._cancels.append(working)

    async def _send_cancels(self) -> None:
        """Cancel what this turn of the loop has asked for, all of a pair at once where it can."""
        wanted, self._cancels = self._cancels, []
        by_pair: dict[Pair, list[LiveOrder]] = {}
        for working in wanted:
            by_pair.setdefault(working.order.pair, []).append(working)
        apart: list[LiveOrder] = []
        for pair, group in by_pair.items():
            if len(group) > _MANY and self._all_go(pair):
                self._spawn(partial(self._cancel_pair, pair, group))
            else:
                apart += group
        self._spawn_cancels(apart)

    def _all_go(self, pair: Pair) -> bool:
        """Tell whether nothing that is to stay can be open in a pair, of us or of others."""
        name = pair.name()
        return name not in self._external.values() and all(
            each.cancelling for each in self._working.values() if each.order.request.pair == name
        )

    def _spawn_cancels(self, group: Iterable[LiveOrder]) -> None:
        for working in nearest_first(group):  # the venue's rate lets many wait
            self._spawn(partial(self._cancel_one, working))

    async def _cancel_pair(self, pair: Pair, group: list[LiveOrder]) -> None:
        try:
            await self._trading.cancel_all(pair)
        except (Unavailable, ProcessingError) as error:
            _log.warning("the orders in %s are cancelled one by one: %s", pair, error.message)
        else:
            await self._sleep(_REPORTED_S)
        self._spawn_cancels(each for each in group if not each.finished)

    async def _cancel_one(self, working: LiveOrder) -> None:
        backoff = Backoff(self._draw)
        while not working.finished:
            try:
                answer = await self._trading.cancel(working.order.venue_oid)
            except (Unavailable, ProcessingError) as error:
                _log.warning("order %d is not cancelled yet: %s", working.order.id, error.message)
                await self._sleep(max(backoff.next_s(), Backoff.FIRST_S))
                continue
            if isinstance(answer, CancelRequested):
                await self._sleep(_REPORTED_S)
            else:
                await self._settle(working)
                await self._sleep(max(backoff.next_s(), Backoff.FIRST_S))

    # Bookkeeping

    def _take(self, order: Order, now: UtcNs) -> LiveOrder:
        working = LiveOrder(order, now, now)
        self._working[order.id] = self._by_client[order.venue_oid] = working
        return working

    def _drop(self, working: LiveOrder) -> None:
        working.finished = True
        del self._working[working.order.id]
        self._done[working.order.id] = working  # late reports of it are told from others' orders
        if len(self._done) > _DONE_KEPT:
            oldest = self._done.pop(next(iter(self._done)))
            del self._by_client[oldest.order.venue_oid]
            if oldest.venue_id is not None:
                del self._by_venue[oldest.venue_id]

    def _tell(self, execution: Execution) -> None:
        self.on_executions([execution])


def _ignore(*_: object) -> None:
    """Stand in for a callback that nobody assigned."""


async def _never(*_: object) -> bool:
    return False
