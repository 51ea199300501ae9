"""The port between the desk and an exchange: orders go in, executions come out."""

from typing import Protocol

import msgspec

from exchange_wrapper.numbers import Lots, Ticks
from exchange_wrapper.orders import Order
from exchange_wrapper.terms import DoneReason, Side
from exchange_wrapper.times import UtcNs

__all__ = ["Execution", "ExecutionPort", "Filled", "Finished", "Opened"]


class Opened(msgspec.Struct, frozen=True, gc=False):
    """The order arrived at the venue and was accepted."""

    order_id: int
    time: UtcNs


class Filled(msgspec.Struct, frozen=True, gc=False):
    """A part of the order traded; ``ext_id`` is the venue's id of the trade, if it has one."""

    order_id: int
    price: Ticks
    size: Lots
    maker: bool
    time: UtcNs
    ext_id: str = ""


class Finished(msgspec.Struct, frozen=True, gc=False):
    """Nothing more happens to the order."""

    order_id: int
    reason: DoneReason
    time: UtcNs
    message: str = ""


Execution = Opened | Filled | Finished


class ExecutionPort(Protocol):
    """Where orders go: a paper exchange or a real one."""

    def submit(self, order: Order, now: UtcNs) -> None:
        """Send a new order."""

    def cancel(self, order: Order, now: UtcNs) -> None:
        """Send the cancellation of an order that was submitted."""

    def cost(self, pair: str, side: Side, lots: Lots) -> int | None:
        """Return Σ ticks × lots of taking so many lots now, None if they are not on offer."""
