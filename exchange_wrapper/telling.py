"""Which of the desk's changes are told."""

from collections.abc import Sequence

from exchange_wrapper.changes import Change, OrderChanged
from exchange_wrapper.terms import OrderStatus

__all__ = ["worth_telling"]


def worth_telling(changes: Sequence[Change]) -> list[Change]:
    """Leave out the states of orders that tell nothing.

    Of each order remain the first state of each status, and the newest state of all. What lies
    between are fills, which are told as trades, and their sum is in the newest state.
    """
    newest = {change.order.id: change for change in changes if type(change) is OrderChanged}
    status: dict[int, OrderStatus] = {}
    told: list[Change] = []
    for change in changes:
        if type(change) is OrderChanged:
            order = change.order
            if status.get(order.id) is order.status and newest[order.id] is not change:
                continue
            status[order.id] = order.status
        told.append(change)
    return told
