"""What was earned by selling what had been bought: round trips, first in, first out."""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Final

from cryptick.messages import Fill
from exchange_wrapper.numbers import LEDGER, ZERO, round_up
from exchange_wrapper.terms import Side
from exchange_wrapper.times import UtcNs

__all__ = ["RoundTrip", "round_trips"]

_FEE_STEP: Final = Decimal("1e-18")  # as fine as any amount; what is left stays with the rest
_DIVISION: Final = Context(prec=60)


@dataclass(slots=True)
class RoundTrip:
    """One selling order and what it sold. Amounts are in the pair's quote, fees included.

    Attributes
    ----------
    time : UtcNs
        Of its last fill.
    cost, proceeds : Decimal
        What its base was bought for, and what it brought.
    """

    exchange: str
    pair: str
    time: UtcNs
    size: Decimal
    cost: Decimal
    proceeds: Decimal

    @property
    def profit(self) -> Decimal:
        """What it earned; negative for a loss."""
        return LEDGER.subtract(self.proceeds, self.cost)


class _Lot:
    __slots__ = ("fee", "price", "size")

    def __init__(self, size: Decimal, price: Decimal, fee: Decimal) -> None:
        self.size = size
        self.price = price
        self.fee = fee


def round_trips(
    fills: Iterable[Fill], held: Mapping[tuple[str, str, str], tuple[Decimal, Decimal]]
) -> list[RoundTrip]:
    """Return the round trips of fills in time order, in the order in which they began to sell.

    Parameters
    ----------
    held : mapping of (exchange, base, quote) to (Decimal, Decimal)
        Base that was there at the start, and the price to count it with. It is sold first. What
        is sold beyond all that is known to be held (it came over another pair) is left out.
    """
    lots: dict[tuple[str, str], deque[_Lot]] = defaultdict(deque)
    for (exchange, base, quote), (size, price) in held.items():
        lots[exchange, f"{base}_{quote}"].append(_Lot(size, price, ZERO))
    trips: dict[str, RoundTrip] = {}
    for fill in fills:
        queue = lots[fill.exchange, fill.pair]
        if fill.side is Side.BUY:
            queue.append(_Lot(fill.size, fill.price, fill.fee))
            continue
        sold, cost = _consume(queue, fill.size)
        if not sold:
            continue
        fee = fill.fee if sold == fill.size else _share(fill.fee, sold, fill.size)
        proceeds = LEDGER.subtract(LEDGER.multiply(fill.price, sold), fee)
        trip = trips.get(fill.client_oid)
        if trip is None:
            trips[fill.client_oid] = RoundTrip(
                fill.exchange, fill.pair, fill.time, sold, cost, proceeds
            )
        else:
            trip.time = fill.time
            trip.size = LEDGER.add(trip.size, sold)
            trip.cost = LEDGER.add(trip.cost, cost)
            trip.proceeds = LEDGER.add(trip.proceeds, proceeds)
    return list(trips.values())


def _consume(queue: deque[_Lot], size: Decimal) -> tuple[Decimal, Decimal]:
    """Take up to ``size`` from the oldest lots; return what was taken and what it had cost."""
    left, cost = size, ZERO
    while left and queue:
        lot = queue[0]
        if lot.size <= left:
            part, fee = lot.size, lot.fee
            queue.popleft()
        else:
            part, fee = left, _share(lot.fee, left, lot.size)
            lot.size = LEDGER.subtract(lot.size, part)
            lot.fee = LEDGER.subtract(lot.fee, fee)
        cost = LEDGER.add(cost, LEDGER.add(LEDGER.multiply(part, lot.price), fee))
        left = LEDGER.subtract(left, part)
    return LEDGER.subtract(size, left), cost


def _share(fee: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    return round_up(_DIVISION.divide(LEDGER.multiply(fee, part), whole), _FEE_STEP)
