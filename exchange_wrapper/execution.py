"""The port between the desk and an exchange: orders go in, executions come out.

What a live port reports follows from what it knows. ``Finished`` with ``REJECTED`` is the venue's
own refusal and nothing else. Where the answer to an order is lost, it reports ``Unanswered`` and
asks for the order by ``Order.venue_oid`` until the venue answers: ``ResolvedFound``, or
``ResolvedNotFound`` once nothing of it can arrive any more. Fills come before the ``Finished``
that they lead to. A cancellation whose answer is lost is the port's to repeat.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Protocol

import msgspec

from exchange_wrapper.numbers import Lots, Ticks
from exchange_wrapper.orders import Order
from exchange_wrapper.terms import DoneReason, Side
from exchange_wrapper.times import UtcNs

__all__ = [
    "Execution",
    "ExecutionPort",
    "Filled",
    "Finished",
    "LivePort",
    "Opened",
    "ResolvedFound",
    "ResolvedNotFound",
    "Unanswered",
]


class Opened(msgspec.Struct, frozen=True, gc=False):
    """The order arrived at the venue and was accepted."""

    order_id: int
    time: UtcNs


class Filled(msgspec.Struct, frozen=True, gc=False):
    """A part of the order traded.

    Attributes
    ----------
    ext_id : str
        The venue's id of the trade, if it has one; a second report of it is ignored.
    fee : Decimal or None
        What the venue has charged for it, in quote; None where it is computed here.
    """

    order_id: int
    price: Ticks
    size: Lots
    maker: bool
    time: UtcNs
    ext_id: str = ""
    fee: Decimal | None = None


class Finished(msgspec.Struct, frozen=True, gc=False):
    """Nothing more happens to the order."""

    order_id: int
    reason: DoneReason
    time: UtcNs
    message: str = ""


class Unanswered(msgspec.Struct, frozen=True, gc=False):
    """The order was sent and the venue's answer was lost: a time-out, a reset, a 5xx."""

    order_id: int
    time: UtcNs
    message: str = ""


class ResolvedFound(msgspec.Struct, frozen=True, gc=False):
    """The venue knows the order by its client id; fills and an end are reported beside this."""

    order_id: int
    time: UtcNs


class ResolvedNotFound(msgspec.Struct, frozen=True, gc=False):
    """The venue has never had the order, and nothing of it can still arrive."""

    order_id: int
    time: UtcNs


Execution = Opened | Filled | Finished | Unanswered | ResolvedFound | ResolvedNotFound


class ExecutionPort(Protocol):
    """Where orders go: a paper exchange or a real one.

    Attributes
    ----------
    is_live : bool
        Whether orders really go to a venue: then they are submitted only once they are committed.
    """

    is_live: bool

    def submit(self, order: Order, now: UtcNs) -> None:
        """Send a new order."""

    def resume(self, order: Order, now: UtcNs) -> None:
        """Carry on with an order after a restart: rest it again, or ask the venue for it."""

    def cancel(self, order: Order, now: UtcNs) -> None:
        """Send the cancellation of an order that was submitted."""

    def cost(self, pair: str, side: Side, lots: Lots) -> int | None:
        """Return Σ ticks × lots of taking so many lots now, None if they are not on offer."""


class LivePort(ExecutionPort, Protocol):
    """An execution port to a real venue."""

    async def balances(self) -> Mapping[str, Decimal]:
        """Return what the venue's accounts hold by currency, funds on hold there included.

        Raises
        ------
        Unavailable
            The venue does not say now.
        """
