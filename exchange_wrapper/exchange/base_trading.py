"""The port to a real exchange's trading side, in our own terms.

Orders go out under ids that we give them; what becomes of them comes back as reports, by one
connection that may be lost at any time, and by questions that can always be asked again. Amounts
are ``Decimal``: size in base, price in quote per base, fee and funds in quote. Times are the
venue's own unless they are named otherwise.
"""

import uuid
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Iterable, Mapping
from decimal import Decimal
from operator import attrgetter
from typing import ClassVar, Final

import msgspec

from exchange_wrapper.errors import ApiUsageError
from exchange_wrapper.fees import FeeSchedule
from exchange_wrapper.numbers import ZERO
from exchange_wrapper.pair import Pair
from exchange_wrapper.terms import DoneReason, OrderStatus, OrderType, Side
from exchange_wrapper.times import UtcNs

__all__ = [
    "AlreadyDone",
    "Balance",
    "CancelRequested",
    "Connected",
    "NotFound",
    "OrderReport",
    "Placed",
    "Refused",
    "Report",
    "ReportFilter",
    "Trading",
    "VenueChanged",
    "VenueDone",
    "VenueFill",
    "VenueOpened",
    "VenueOrder",
    "VenueOrderState",
    "VenueReceived",
]


class VenueOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order to place.

    Attributes
    ----------
    client_id : str
        A UUID that the caller derives from its own order: the venue takes it once.
    size : Decimal or None
        Amount of base; a market order has either this or ``funds``.
    limit : Decimal or None
        Worst acceptable price; a market order has none.
    funds : Decimal or None
        Amount of quote for which to trade; for a buyer with the fee.
    post_only : bool
        Refuse the order if any of it would trade at once; for orders that may rest.

    Raises
    ------
    ApiUsageError
        The fields do not go together.
    """

    pair: Pair
    side: Side
    type: OrderType
    client_id: str
    size: Decimal | None = None
    limit: Decimal | None = None
    funds: Decimal | None = None
    post_only: bool = False

    def __post_init__(self) -> None:
        try:
            canonical = str(uuid.UUID(self.client_id)) == self.client_id
        except ValueError:
            canonical = False
        if not canonical:
            raise ApiUsageError("client_id must be a UUID in lower case", field="client_id")
        if self.type.has_limit != (self.limit is not None):
            raise ApiUsageError("a market order has no limit, any other one has", field="limit")
        if self.type.has_limit and (self.size is None or self.funds is not None):
            raise ApiUsageError("an order with a limit has a size and no funds", field="size")
        if (self.size is None) == (self.funds is None):
            raise ApiUsageError("a market order has either size or funds", field="size")
        for name in ("size", "limit", "funds"):
            amount = getattr(self, name)
            if amount is not None and not (amount.is_finite() and amount > 0):
                raise ApiUsageError(f"{name} must be above 0", field=name)
        if self.post_only and self.type is not OrderType.LIMIT:
            raise ApiUsageError("only an order that may rest can be post_only", field="post_only")


class Placed(msgspec.Struct, frozen=True):
    """The venue has the order; ``order_id`` is its own name for it, which reports use."""

    order_id: str
    client_id: str
    pair: str
    time: UtcNs


class Refused(msgspec.Struct, frozen=True):
    """The venue does not take the order, for the reason in its own words; nothing trades."""

    client_id: str
    reason: str


class CancelRequested(msgspec.Struct, frozen=True):
    """The venue cancels the order; that it is done is reported."""

    client_id: str


class AlreadyDone(msgspec.Struct, frozen=True):
    """The order was done before."""

    client_id: str


class NotFound(msgspec.Struct, frozen=True):
    """The venue does not know the order: it never arrived, or was cancelled before it traded."""

    client_id: str


class VenueOrderState(msgspec.Struct, frozen=True, kw_only=True):
    """An order as the venue tells it at one moment.

    Attributes
    ----------
    client_id : str
        Empty for an order that was not made through this port.
    done_reason : DoneReason or None
        Why it is done; None while it is not.
    message : str
        The venue's reason of a rejection.
    executed_value : Decimal
        Σ price × size of its fills.
    fee : Decimal
        Charged so far.
    """

    order_id: str
    client_id: str
    pair: str
    side: Side
    status: OrderStatus
    created_at: UtcNs
    done_at: UtcNs | None = None
    done_reason: DoneReason | None = None
    message: str = ""
    size: Decimal | None = None
    limit: Decimal | None = None
    filled_size: Decimal = ZERO
    executed_value: Decimal = ZERO
    fee: Decimal = ZERO

    @property
    def remaining(self) -> Decimal | None:
        """Amount of base not filled; None for an order by funds."""
        return None if self.size is None else self.size - self.filled_size


class Balance(msgspec.Struct, frozen=True):
    """What the venue keeps for us of one currency; ``balance`` = ``available`` + ``hold``."""

    balance: Decimal
    available: Decimal
    hold: Decimal


class Connected(msgspec.Struct, frozen=True, gc=False):
    """All that happens from here on is reported; what happened before has to be caught up."""

    received_at: UtcNs


class VenueReceived(msgspec.Struct, frozen=True, gc=False):
    """The venue accepted an order; ``client_id`` is empty if it is not from here."""

    order_id: str
    client_id: str
    pair: str
    side: Side
    time: UtcNs


class VenueOpened(msgspec.Struct, frozen=True, gc=False):
    """An order rests in the book, with so much of it left."""

    order_id: str
    pair: str
    remaining: Decimal
    time: UtcNs


class VenueFill(msgspec.Struct, frozen=True, gc=False):
    """A part of an order traded.

    Attributes
    ----------
    trade_id : str
        The venue's; unique within its pair.
    side : Side
        The order's own, whether it was resting or not.
    fee : Decimal
        What is charged for it, exactly.
    booked : bool
        Whether the fee is what the venue has booked, or price × size × rate as first reported.
    """

    order_id: str
    pair: str
    trade_id: str
    side: Side
    price: Decimal
    size: Decimal
    maker: bool
    fee: Decimal
    booked: bool
    time: UtcNs


class VenueChanged(msgspec.Struct, frozen=True, gc=False):
    """An order was made smaller; ``remaining`` is what is left of it, None where not told."""

    order_id: str
    pair: str
    remaining: Decimal | None
    time: UtcNs


class VenueDone(msgspec.Struct, frozen=True, gc=False):
    """Nothing more happens to an order; ``remaining`` is what was not filled, None if unknown."""

    order_id: str
    pair: str
    reason: DoneReason
    remaining: Decimal | None
    time: UtcNs


OrderReport = VenueReceived | VenueOpened | VenueFill | VenueChanged | VenueDone
Report = Connected | OrderReport

_STAGES: Final[Mapping[type, int]] = {VenueReceived: 1, VenueOpened: 2, VenueChanged: 2}
_DONE: Final = 3


class ReportFilter:
    """Lets each thing that happened pass once, whichever way it is heard of. Does no I/O.

    It remembers the last ``SIZE_MAX`` fills and orders; a caller that outlives it, such as a
    database, tells fills apart by order, pair and trade id itself.
    """

    SIZE_MAX: Final = 100_000

    def __init__(self) -> None:
        self._stages: dict[str, int] = {}
        self._fills: dict[tuple[str, str, str], None] = {}

    def passes(self, report: OrderReport) -> bool:
        """Return whether the report is news; it is not from then on."""
        if isinstance(report, VenueFill):
            fill = (report.order_id, report.pair, report.trade_id)
            if fill in self._fills:
                return False
            self._fills[fill] = None
            self._forget(self._fills)
            return True
        stage = _STAGES.get(type(report), _DONE)
        known = self._stages.get(report.order_id, 0)
        if known == _DONE or (stage <= known and not isinstance(report, VenueChanged)):
            return False
        self._stages[report.order_id] = max(stage, known)
        self._forget(self._stages)
        return True

    def _forget(self, seen: dict[str, int] | dict[tuple[str, str, str], None]) -> None:
        if len(seen) > self.SIZE_MAX:
            del seen[next(iter(seen))]  # type: ignore[arg-type]


class Trading(ABC):
    """Orders, fills and balances at one exchange.

    A question fails with ``Unavailable`` where asking again may help, with ``ProcessingError``
    where the venue refuses it and with ``DataError`` where the answer can't be read; all of them
    may be repeated. Only ``place`` must not be.
    """

    request_life_s: ClassVar[float]
    """So long after it was signed the venue refuses a request, some seconds of margin included."""

    def __init__(self) -> None:
        self._news = ReportFilter()

    @abstractmethod
    async def place(self, order: VenueOrder) -> Placed | Refused:
        """Send a new order.

        Raises
        ------
        UnknownOutcome
            There was no answer, or none that says whether the venue took the order: ``find`` it
            by its client id. One that is not found may still be on its way for a moment.
        """

    @abstractmethod
    async def cancel(self, client_id: str) -> CancelRequested | AlreadyDone | NotFound:
        """Cancel an order, ahead of all that waits for the rate limit."""

    @abstractmethod
    async def cancel_all(self, pair: Pair | None = None) -> tuple[str, ...]:
        """Cancel all open orders, or those of a pair; return the venue's ids of them."""

    @abstractmethod
    async def find(self, client_id: str) -> VenueOrderState | None:
        """Return an order; None if it never arrived, or was cancelled before any of it traded."""

    @abstractmethod
    async def open_orders(self) -> list[VenueOrderState]:
        """Return all orders that are not done, newest first, whoever made them."""

    @abstractmethod
    async def fills(self, order_id: str) -> list[VenueFill]:
        """Return the fills of an order by the venue's id of it, oldest first, with booked fees."""

    @abstractmethod
    async def fills_since(self, pair: Pair, since: UtcNs) -> list[VenueFill]:
        """Return the fills of a pair from ``since`` on, oldest first, with booked fees."""

    @abstractmethod
    async def balances(self) -> dict[str, Balance]:
        """Return the balances by currency."""

    @abstractmethod
    async def fees(self) -> FeeSchedule:
        """Return the fees that apply now."""

    @abstractmethod
    def reports(self, pairs: Iterable[Pair]) -> AsyncGenerator[Report, None]:
        """Yield what happens to orders in these pairs, from connecting until the connection ends.

        ``Connected`` comes first: what happened before it has to be caught up (``catch_up``)
        before the next report is taken. Reports carry the venue's order ids; ``Placed``,
        ``VenueReceived`` and ``VenueOrderState`` say which order of ours that is.

        Raises
        ------
        Unavailable
            The connection could not be made, was lost or fell silent.
        DataError
            What arrived is not the venue's protocol.
        """

    @abstractmethod
    async def measure_clock_skew(self) -> int:
        """Return by how many nanoseconds the venue's clock is ahead of ours, and heed it."""

    @property
    @abstractmethod
    def clock_skew_ns(self) -> int | None:
        """The skew as last measured, None before."""

    @property
    @abstractmethod
    def rate_budget(self) -> dict[str, float]:
        """Requests that may be sent at once, by the scope that the venue counts them in."""

    @abstractmethod
    async def close(self) -> None:
        """Release what is held open; ``reports`` ends by closing its generator."""

    async def catch_up(
        self, pairs: Iterable[Pair], orders: Iterable[Placed], since: UtcNs
    ) -> AsyncGenerator[OrderReport, None]:
        """Yield what ``reports`` missed, as far as it was not reported before.

        An order that the venue has forgotten was cancelled untraded; nobody knows when, so it is
        done at ``since``.

        Parameters
        ----------
        pairs : iterable of Pair
            Whose fills to ask for.
        orders : iterable of Placed
            Orders that the venue took and that are not reported as done.
        since : UtcNs
            Fills before are known; a time well before the connection was lost does no harm.
        """
        # States before fills: what is done by then has all its fills in what is asked next.
        resting = {state.order_id: state for state in await self.open_orders()}
        opened: list[OrderReport] = []
        done: list[OrderReport] = []
        for order in orders:
            order_id, pair = order.order_id, order.pair
            state = resting.get(order_id) or await self.find(order.client_id)
            if state is None:  # the venue took it and has forgotten it: it was cancelled untraded
                done.append(VenueDone(order_id, pair, DoneReason.CANCELLED, None, since))
            elif state.done_reason is not None:
                time = state.created_at if state.done_at is None else state.done_at
                done.append(VenueDone(order_id, pair, state.done_reason, state.remaining, time))
            elif state.status is OrderStatus.OPEN and state.remaining is not None:
                opened.append(VenueOpened(order_id, pair, state.remaining, state.created_at))
        fills = [fill for pair in pairs for fill in await self.fills_since(pair, since)]
        fills.sort(key=attrgetter("time"))
        for report in (*opened, *fills, *done):
            if self._news.passes(report):
                yield report
