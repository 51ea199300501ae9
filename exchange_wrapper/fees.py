"""What a venue charges for a trade, and what an order may therefore cost at most.

Fees are charged in quote. An order's fee is rounded up *cumulatively*: after each fill the trader
has paid the exact fee of all fills so far, rounded up once. However an order is sliced, it never
pays more than one rounding step above the exact fee, and never more than was held for it.
"""

from bisect import bisect_right
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Context, Decimal, DivisionByZero, InvalidOperation
from typing import Final

from exchange_wrapper.errors import InvalidAmount
from exchange_wrapper.numbers import LEDGER, ZERO, round_up
from exchange_wrapper.pair import Pair

__all__ = ["FEE_STEP", "FeeSchedule", "affordable", "cost_with_fee", "round_fee"]

FEE_STEP: Final = Decimal("1E-8")
"""Smallest step of a fee, in quote."""

_FLOOR: Final = Context(prec=60, rounding=ROUND_FLOOR, traps=[InvalidOperation, DivisionByZero])
_ONE: Final = Decimal(1)


@dataclass(frozen=True, slots=True)
class FeeSchedule:
    """Fees of a venue as fractions of the notional: ``Decimal("0.006")`` is 0.6 %.

    A negative maker fee is a rebate.

    Raises
    ------
    InvalidAmount
        A fee of 100 % or more, or a negative taker fee.
    """

    maker: Decimal
    taker: Decimal

    def __post_init__(self) -> None:
        if not (-_ONE < self.maker < _ONE and ZERO <= self.taker < _ONE):
            raise InvalidAmount("fees are fractions below 1, such as 0.006 for 0.6 %", field="fees")

    @property
    def worst(self) -> Decimal:
        """The higher of the two: what must be held before it is known which one applies."""
        return max(self.maker, self.taker)


def round_fee(exact: Decimal) -> Decimal:
    """Return a fee rounded up to ``FEE_STEP``, against the trader."""
    return round_up(exact, FEE_STEP)


def cost_with_fee(notional: Decimal, rate: Decimal) -> Decimal:
    """Return the most that buying for ``notional`` costs at a fee of ``rate``, in quote."""
    return LEDGER.add(notional, round_fee(LEDGER.multiply(notional, rate)))


def affordable(funds: Decimal, rate: Decimal, pair: Pair) -> int:
    """Return the largest Σ ticks × lots that ``funds`` pay for, fee included.

    Parameters
    ----------
    funds : Decimal
        Amount of quote, ≥ 0.
    rate : Decimal
        Fee as a fraction of the notional.
    """

    def cost(ticks_lots: int) -> Decimal:
        return cost_with_fee(pair.notional(ticks_lots), rate)

    gross = LEDGER.add(_ONE, rate)
    high = pair.floor_notional(_FLOOR.divide(funds, gross))
    if cost(high) <= funds:
        return high
    # Rounding the fee up took it over; one whole step less is certainly enough.
    below = max(ZERO, _FLOOR.divide(LEDGER.subtract(funds, FEE_STEP), gross))
    low = pair.floor_notional(below)
    return low + bisect_right(range(low, high), funds, key=cost) - 1
