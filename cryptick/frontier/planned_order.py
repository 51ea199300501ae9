"""An order of a plan: what it trades on which terms, and what that does to holdings."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from exchange_wrapper.errors import ApiUsageError, InsufficientFunds
from exchange_wrapper.fees import round_fee
from exchange_wrapper.numbers import LEDGER, ZERO, Lots, format_amount
from exchange_wrapper.pair import Pair
from exchange_wrapper.terms import Side

__all__ = ["Holdings", "Place", "PlannedOrder", "Terms", "execute", "slice_orders"]

Place = tuple[str, str]
"""An exchange and a currency held there."""

Holdings = Mapping[Place, Decimal]
"""What is free to be traded, by place."""

_HALF = Decimal("0.5")


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a pair can be traded at once.

    Attributes
    ----------
    exchange : str
    pair : Pair
    bid, ask : Decimal
        What a sale brings and what a purchase costs, in quote per base.
    fee : Decimal
        The taker's fee as a fraction of the notional.

    Raises
    ------
    ApiUsageError
        Prices that are not positive, crossed or off the tick grid.
    """

    exchange: str
    pair: Pair
    bid: Decimal
    ask: Decimal
    fee: Decimal

    def __post_init__(self) -> None:
        if not ZERO < self.bid <= self.ask:
            raise ApiUsageError(
                f"{self.pair} on {self.exchange} can't be traded at bid {self.bid} and ask "
                f"{self.ask}: wait for a sound book",
                field="prices",
            )
        self.pair.to_ticks(self.bid)
        self.pair.to_ticks(self.ask)

    @property
    def mid(self) -> Decimal:
        """What a unit of base counts in weights, exactly."""
        return LEDGER.multiply(LEDGER.add(self.bid, self.ask), _HALF)

    def price(self, side: Side) -> Decimal:
        """Return the price of a trade at once."""
        return self.ask if side is Side.BUY else self.bid

    def tradable(self, side: Side, lots: int) -> bool:
        """Tell whether an order of so many lots is large enough, and brings more than its fee."""
        order = PlannedOrder(self, side, Lots(lots))
        return (
            order.size >= self.pair.min_order
            and order.notional >= self.pair.min_notional
            and order.notional > order.fee
        )


@dataclass(frozen=True, slots=True)
class PlannedOrder:
    """One order of a plan, with its cost at the prices of its terms."""

    terms: Terms
    side: Side
    lots: Lots

    @property
    def exchange(self) -> str:
        """Where it is placed."""
        return self.terms.exchange

    @property
    def pair(self) -> str:
        """``BASE_QUOTE``."""
        return self.terms.pair.name()

    @property
    def price(self) -> Decimal:
        """Ask of a purchase, bid of a sale, in quote per base."""
        return self.terms.price(self.side)

    @property
    def size(self) -> Decimal:
        """In base."""
        return self.terms.pair.size(self.lots)

    @property
    def notional(self) -> Decimal:
        """Price × size, in quote."""
        return LEDGER.multiply(self.price, self.size)

    @property
    def fee(self) -> Decimal:
        """Estimate in quote, rounded up."""
        return round_fee(LEDGER.multiply(self.notional, self.terms.fee))

    def movements(self) -> tuple[Decimal, Decimal]:
        """Return what base and quote change by, the fee included."""
        if self.side is Side.BUY:
            paid = LEDGER.add(self.notional, self.fee)
            return self.size, paid.copy_negate()
        return self.size.copy_negate(), LEDGER.subtract(self.notional, self.fee)


def execute(holdings: Holdings, orders: Iterable[PlannedOrder]) -> dict[Place, Decimal]:
    """Return the holdings after orders that fill one after the other at their prices.

    Raises
    ------
    InsufficientFunds
        An order needs more than is held when its turn comes.
    """
    held = dict(holdings)
    for order in orders:
        pair = order.terms.pair
        for currency, movement in zip((pair.base, pair.quote), order.movements(), strict=True):
            place = (order.exchange, currency)
            held[place] = LEDGER.add(held.get(place, ZERO), movement)
            if held[place] < 0:
                raise InsufficientFunds(
                    f"{order.side} {format_amount(order.size)} {order.pair} on {order.exchange} "
                    f"needs {format_amount(-held[place])} {currency} more than is held"
                )
    return held


def slice_orders(
    orders: Iterable[PlannedOrder], count: int
) -> tuple[tuple[PlannedOrder, ...], ...]:
    """Split orders over ``count`` points of time, so as not to move the market.

    The sizes of an order's slices differ by at most a lot and sum to its size exactly. Where the
    exchange's minimum allows fewer slices than ``count`` they are spread evenly. Sales come as
    early and purchases as late as an even spread allows, so the funds of the whole suffice at
    each point.

    Parameters
    ----------
    orders : iterable of PlannedOrder
        Sales before purchases, as a plan has them; made with at least ``count`` slices in mind.
    count : int

    Returns
    -------
    tuple of tuple of PlannedOrder
        ``count`` groups in time order, some of which can be empty.

    Raises
    ------
    ApiUsageError
        ``count`` is below 1.
    """
    if count < 1:
        raise ApiUsageError(f"a plan can't be cut into {count} slices", field="slices")
    groups: list[list[PlannedOrder]] = [[] for _ in range(count)]
    for order in orders:
        pieces = _pieces(order, count)
        done = 0
        for number in range(1, pieces + 1):
            if order.side is Side.SELL:
                upto, point = -(-order.lots * number // pieces), (number - 1) * count // pieces
            else:
                upto, point = order.lots * number // pieces, -(-number * count // pieces) - 1
            groups[point].append(PlannedOrder(order.terms, order.side, Lots(upto - done)))
            done = upto
    return tuple(map(tuple, groups))


def _pieces(order: PlannedOrder, most: int) -> int:
    """Return into how many orders that are large enough it can be split, at least one."""
    smallest = max(1, order.lots // most)
    while smallest < order.lots and not order.terms.tradable(order.side, smallest):
        # Sizes and notionals are proportional to lots: the least that is enough, by bisection.
        low, high = smallest + 1, int(order.lots)
        while low < high:
            middle = (low + high) // 2
            if order.terms.tradable(order.side, middle):
                high = middle
            else:
                low = middle + 1
        smallest = low
    return max(1, min(most, order.lots // smallest))
