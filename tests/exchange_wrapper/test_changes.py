import unittest

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from exchange_wrapper.changes import Change, HeartBeat, OrderChanged, TradeMade
from exchange_wrapper.numbers import ZERO, Lots, Ticks
from exchange_wrapper.orders import Order, Trade
from exchange_wrapper.telling import worth_telling
from exchange_wrapper.terms import OrderStatus
from exchange_wrapper.times import UtcNs
from tests.exchange_wrapper.test_orders import ORDER

STATUSES = list(OrderStatus)


def state(order_id: int, status: OrderStatus, filled: int) -> Order:
    return replace(ORDER, id=order_id, status=status, filled=Lots(filled))


def trade(order: Order) -> TradeMade:
    return TradeMade(Trade(1, order.id, "", Ticks(1), Lots(1), ZERO, False, UtcNs(0)), order)


@st.composite
def histories(draw: st.DrawFn) -> list[Change]:
    """Return changes of two orders whose statuses only move forward."""
    reached, changes = {1: 0, 2: 0}, list[Change]()
    steps = st.tuples(st.sampled_from((1, 2)), st.integers(0, 1), st.booleans())
    for number, (order_id, step, trades) in enumerate(draw(st.lists(steps, max_size=20))):
        reached[order_id] = min(reached[order_id] + step, len(STATUSES) - 1)
        order = state(order_id, STATUSES[reached[order_id]], number)
        changes += [trade(order)] * trades + [OrderChanged(order)]
    return changes


class WhatIsToldOfOrders(unittest.TestCase):
    def test_is_each_trade_each_status_and_the_newest_state(self) -> None:
        new, opened = state(1, OrderStatus.RECEIVED, 0), state(1, OrderStatus.OPEN, 0)
        part, more = state(1, OrderStatus.OPEN, 1), state(1, OrderStatus.OPEN, 2)
        done = state(1, OrderStatus.DONE, 2)
        first, second = trade(part), trade(more)
        head = [OrderChanged(new), OrderChanged(opened), first]
        for name, changes, left_out in (
            ("filled", [*head, OrderChanged(part), OrderChanged(done)], [part]),
            ("still open", [*head, OrderChanged(part)], []),
            (
                "filled twice",
                [*head, OrderChanged(part), second, OrderChanged(more), OrderChanged(done)],
                [part, more],
            ),
            ("twice and open", [*head, OrderChanged(part), second, OrderChanged(more)], [part]),
            ("nothing of orders", [HeartBeat(UtcNs(0))], []),
        ):
            with self.subTest(name):
                expected = [
                    each
                    for each in changes
                    if not (isinstance(each, OrderChanged) and each.order in left_out)
                ]
                self.assertEqual(worth_telling(changes), expected)

    @given(histories())
    def test_leaves_out_no_status_no_trade_and_no_last_word(self, changes: list[Change]) -> None:
        told = worth_telling(changes)
        self.assertEqual([each for each in changes if each in told], told)  # in order
        self.assertEqual(
            [each for each in told if isinstance(each, TradeMade)],
            [each for each in changes if isinstance(each, TradeMade)],
        )
        for order_id in (1, 2):
            all_states, seen = (
                [
                    each.order
                    for each in some
                    if isinstance(each, OrderChanged) and each.order.id == order_id
                ]
                for some in (changes, told)
            )
            self.assertEqual(
                dict.fromkeys(order.status for order in seen),
                dict.fromkeys(order.status for order in all_states),
            )
            self.assertEqual(seen[-1:], all_states[-1:])
