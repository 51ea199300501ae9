"""What a venue charges for a trade, and what an order may therefore cost at most.

Fees are charged in quote. An order's fee is rounded up *cumulatively*: after each fill the trader
has paid the exact fee of all fills so far, rounded up once. However an order is sliced, it never
pays more than one rounding step above the exact fee, and never more than was held for it.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from exchange_wrapper.errors import InvalidAmount
from exchange_wrapper.numbers import LEDGER, ZERO, round_up
from exchange_wrapper.pair import Pair

__all__ = ["FEE_STEP", "FeeSchedule", "affordable", "cost_with_fee", "round_fee"]

FEE_STEP: Final = Decimal("1E-8")
"""Smallest step of a fee, in quote."""

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

    def __reduce__(self) -> tuple[object, ...]:
        # A frozen class, once compiled, can't be copied field by field.
        return FeeSchedule, (self.maker, self.taker)

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
    most = pair.floor_notional(funds, LEDGER.add(_ONE, rate))
    notional = pair.notional(most)
    fee = round_fee(LEDGER.multiply(notional, rate))
    if LEDGER.add(notional, fee) <= funds:
        return most
    # Rounding the fee up took it over. Either the rest is paid with the same fee, or it is as much
    # as the next smaller fee is charged for: of anything between, the fee would be this one.
    same = pair.floor_notional(max(ZERO, LEDGER.subtract(funds, fee)))
    smaller = pair.floor_notional(LEDGER.subtract(fee, FEE_STEP), rate)
    return max(same, smaller)
