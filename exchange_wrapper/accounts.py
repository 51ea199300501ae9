"""What the ledger keeps: sets of wallets, wallets, and the lines that move their funds."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec

from exchange_wrapper.numbers import LEDGER, ZERO
from exchange_wrapper.times import UtcNs

__all__ = [
    "EXCHANGE_SET",
    "UNALLOCATED_SET",
    "Line",
    "Reason",
    "SetType",
    "Wallet",
    "WalletSet",
    "balances",
]

EXCHANGE_SET: Final = 1
UNALLOCATED_SET: Final = 2


class SetType(StrEnum):
    """The kinds of wallet set."""

    EXCHANGE = "exchange"  # the venues' own books: everything that is there
    UNALLOCATED = "unallocated"  # the part of it that no run has
    LOGICAL = "logical"  # a part of it that one run may use
    SUSPENSE = "suspense"  # what venues report and nobody can explain, above or below zero


class Reason(StrEnum):
    """Why a line was posted."""

    ORDER = "order"  # a hold for an order, or its release
    FILL = "fill"
    FEE = "fee"
    ALLOCATION = "allocation"  # between unallocated funds and a logical set
    VIRTUAL = "virtual"  # funds that enter or leave a paper exchange
    OPENING = "opening"  # what a live exchange held when it was first seen
    DIFFERENCE = "difference"  # between a venue's balance and ours, and its acknowledgement


class WalletSet(msgspec.Struct, frozen=True):
    """A group of wallets; an inactive one is empty and stays so.

    Attributes
    ----------
    frozen : str
        Why its funds don't move except for the orders it has; empty if they do.
    closing : bool
        Whether it is deactivated as soon as its orders are cancelled.
    """

    id: int
    type: SetType
    run_id: str
    description: str
    active: bool
    created: UtcNs
    frozen: str = ""
    closing: bool = False


@dataclass(slots=True, eq=False)
class Wallet:
    """Running balances of one currency at one exchange in one set; only the ledger changes them.

    Attributes
    ----------
    allocation : Decimal
        What was moved here from the unallocated funds, less what was moved back.
    settled : Decimal
        Sum of all settled lines.
    held_debit, held_credit : Decimal
        Holds netted per order: the sum of the negative (≤ 0) and of the positive nets (≥ 0).
    """

    id: int
    set_id: int
    exchange: str
    currency: str
    allocation: Decimal = ZERO
    settled: Decimal = ZERO
    held_debit: Decimal = ZERO
    held_credit: Decimal = ZERO

    @property
    def balance(self) -> Decimal:
        """What is here, a credit on hold included."""
        return LEDGER.add(self.settled, self.held_credit)

    @property
    def available(self) -> Decimal:
        """What is free to spend: a debit on hold is not, nor is a credit on hold."""
        return LEDGER.add(self.settled, self.held_debit)

    @property
    def hold(self) -> Decimal:
        """What is here but not free to spend."""
        return LEDGER.subtract(self.held_credit, self.held_debit)


class Line(msgspec.Struct, frozen=True, gc=False):
    """A movement of one wallet, a fact: never edited or deleted.

    Attributes
    ----------
    movement : Decimal
        Credit > 0, debit < 0, in the wallet's currency.
    on_hold : bool
        Whether it reserves only; a release is a further line of the opposite sign.
    trade_id : int or None
        The trade that it is of, if it is of one.
    settled : Decimal or None
        What was settled in the wallet after it; None for one of before that was stored.
    """

    id: int
    wallet_id: int
    movement: Decimal
    on_hold: bool
    order_id: int | None
    reason: Reason
    date: UtcNs
    trade_id: int | None = None
    settled: Decimal | None = None


def balances(lines: Iterable[Line]) -> tuple[Decimal, Decimal]:
    """Return (balance, available) of the one wallet whose lines these are, in its currency.

    A held debit reduces ``available`` only, a held credit counts in ``balance`` only. Holds are
    netted per order.
    """
    settled = ZERO
    held: dict[int | None, Decimal] = defaultdict(Decimal)
    for line in lines:
        if line.on_hold:
            held[line.order_id] = LEDGER.add(held[line.order_id], line.movement)
        else:
            settled = LEDGER.add(settled, line.movement)
    balance = available = settled
    for net in held.values():
        if net > 0:
            balance = LEDGER.add(balance, net)
        else:
            available = LEDGER.add(available, net)
    return balance, available
