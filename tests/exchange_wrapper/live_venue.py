"""A venue's trading side in memory, whose network a test can break, in virtual time."""

import asyncio
import heapq
import itertools
from collections.abc import AsyncGenerator, Iterable
from decimal import Decimal
from typing import Any

from exchange_wrapper.errors import Unavailable, UnknownOutcome
from exchange_wrapper.exchange.base_trading import (
    AlreadyDone,
    Balance,
    CancelRequested,
    Connected,
    NotFound,
    OrderReport,
    Placed,
    Refused,
    Report,
    Trading,
    VenueDone,
    VenueFill,
    VenueOrder,
    VenueOrderState,
)
from exchange_wrapper.fees import FeeSchedule
from exchange_wrapper.numbers import Lots
from exchange_wrapper.orders import Order
from exchange_wrapper.pair import Pair
from exchange_wrapper.terms import DoneReason, OrderStatus
from exchange_wrapper.times import SECOND, UtcNs

PAIR = Pair("BTC-USD", "BTC", "USD", Decimal("0.01"), Decimal("0.001"))
FEES = FeeSchedule(Decimal("0.004"), Decimal("0.006"))
ASK = 10_000  # ticks
START = UtcNs(1_000_000 * SECOND)


class Time:
    """A clock that only waiting moves; who waits for it runs when its time has come."""

    def __init__(self) -> None:
        self.now = START
        self._numbers = itertools.count()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []

    async def sleep(self, seconds: float) -> None:
        waiting = asyncio.get_running_loop().create_future()
        due = self.now + round(seconds * SECOND)
        heapq.heappush(self._waiting, (due, next(self._numbers), waiting))
        await waiting

    async def pass_by(self, seconds: float) -> None:
        """Let so much time go by, and everything happen that happens until then."""
        end = UtcNs(self.now + round(seconds * SECOND))
        await settle()
        while self._waiting and self._waiting[0][0] <= end:
            due, _, waiting = heapq.heappop(self._waiting)
            self.now = UtcNs(max(self.now, due))
            if not waiting.done():
                waiting.set_result(None)
            await settle()
        self.now = end


async def settle() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


class FakeTrading(Trading):
    """A venue in memory whose network a test can break."""

    request_life_s = 35.0

    def __init__(self, time: Time) -> None:
        super().__init__()
        self.time = time
        self.states: dict[str, VenueOrderState] = {}  # by client id; forgotten ones are gone
        self.booked: list[VenueFill] = []
        self.placed: list[VenueOrder] = []
        self.cancelled: list[str] = []
        self.cancelled_all: list[Pair | None] = []
        self.refuses = ""
        self.loses_requests = False
        self.loses_answers = False
        self.then_unreachable_s = 0.0  # after an answer was lost
        self.names_resolve_from = UtcNs(0)
        self.connections = 0
        self.closed = False
        self._reports: asyncio.Queue[OrderReport | None] = asyncio.Queue()

    def say(self, report: OrderReport) -> None:
        self._reports.put_nowait(report)

    def disconnect(self) -> None:
        """End the connection; what was said and not heard is lost."""
        while not self._reports.empty():
            self._reports.get_nowait()
        self._reports.put_nowait(None)

    def state_of(self, order: Order) -> VenueOrderState:
        return self.states[order.venue_oid]

    def fill(
        self, order: Order, lots: int, trade_id: str, price: int = ASK, *, told: bool = True
    ) -> None:
        state = self.state_of(order)
        size = PAIR.size(Lots(lots))
        at = PAIR.price(price)  # type: ignore[arg-type]
        fill = VenueFill(
            state.order_id, "BTC_USD", trade_id, state.side, at, size, True,
            at * size * FEES.maker, True, self.time.now,
        )  # fmt: skip
        self.booked.append(fill)
        self.change(order, filled_size=state.filled_size + size)
        if told:
            self.say(fill)

    def end(self, order: Order, reason: DoneReason, *, told: bool = True) -> None:
        state = self.state_of(order)
        self.change(order, status=OrderStatus.DONE, done_reason=reason, done_at=self.time.now)
        if not state.filled_size:
            del self.states[order.venue_oid]
        if told:
            self.say(VenueDone(state.order_id, "BTC_USD", reason, state.remaining, self.time.now))

    def change(self, order: Order, **fields: Any) -> None:
        state = self.state_of(order)
        kept = {name: getattr(state, name) for name in state.__struct_fields__}
        self.states[order.venue_oid] = VenueOrderState(**kept | fields)

    def _reach(self) -> None:
        if self.time.now < self.names_resolve_from:
            raise Unavailable("the venue's name can't be resolved")

    async def place(self, order: VenueOrder) -> Placed | Refused:
        self._reach()
        if self.refuses:
            return Refused(order.client_id, self.refuses)
        if not self.loses_requests:
            assert order.client_id not in self.states, "the venue refuses a second one"
            self.placed.append(order)
            self.states[order.client_id] = VenueOrderState(
                order_id=f"v-{len(self.placed)}", client_id=order.client_id, pair="BTC_USD",
                side=order.side, status=OrderStatus.OPEN, created_at=self.time.now,
                size=order.size, limit=order.limit,
            )  # fmt: skip
        if self.loses_requests or self.loses_answers:
            silent_ns = round(self.then_unreachable_s * SECOND)
            self.names_resolve_from = UtcNs(self.time.now + silent_ns)
            raise UnknownOutcome("the connection was reset")
        return Placed(f"v-{len(self.placed)}", order.client_id, "BTC_USD", self.time.now)

    async def cancel(self, client_id: str) -> CancelRequested | AlreadyDone | NotFound:
        self._reach()
        self.cancelled.append(client_id)
        state = self.states.get(client_id)
        if state is None:
            return NotFound(client_id)
        return CancelRequested(client_id) if state.done_reason is None else AlreadyDone(client_id)

    async def cancel_all(self, pair: Pair | None = None) -> tuple[str, ...]:
        self._reach()
        self.cancelled_all.append(pair)
        return ()

    async def find(self, client_id: str) -> VenueOrderState | None:
        self._reach()
        return self.states.get(client_id)

    async def open_orders(self) -> list[VenueOrderState]:
        self._reach()
        return [state for state in self.states.values() if state.done_reason is None]

    async def fills(self, order_id: str) -> list[VenueFill]:
        self._reach()
        return [fill for fill in self.booked if fill.order_id == order_id]

    async def fills_since(self, pair: Pair, since: UtcNs) -> list[VenueFill]:
        self._reach()
        return [fill for fill in self.booked if fill.time >= since]

    async def balances(self) -> dict[str, Balance]:
        self._reach()
        return {"USD": Balance(Decimal(7), Decimal(5), Decimal(2))}

    async def fees(self) -> FeeSchedule:
        return FEES

    async def reports(self, pairs: Iterable[Pair]) -> AsyncGenerator[Report, None]:
        self._reach()
        self.connections += 1
        yield Connected(self.time.now)
        while (report := await self._reports.get()) is not None:
            if self._news.passes(report):
                yield report
        raise Unavailable("the connection was lost")

    async def measure_clock_skew(self) -> int:
        return 0

    @property
    def clock_skew_ns(self) -> int | None:
        return 2 * SECOND

    @property
    def rate_budget(self) -> dict[str, float]:
        return {"private": 30.0}

    async def close(self) -> None:
        self.closed = True
