import unittest
from decimal import Decimal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from cryptick.messages import Fill
from cryptick.round_trips import round_trips
from exchange_wrapper.terms import Side
from exchange_wrapper.times import UtcNs

D = Decimal


def fill(side: str, price: str, size: str, fee: str = "0", oid: str = "", time: int = 0) -> Fill:
    name = oid or f"{side} {price} {size} {time}"
    money = D(price), D(size), D(fee)
    return Fill(name, "x", "BTC_USD", Side(side), *money, False, UtcNs(time))


class ByHand(unittest.TestCase):
    def test_what_was_bought_first_is_sold_first_with_its_share_of_the_fee(self) -> None:
        (trip,) = round_trips(
            [
                fill("buy", "100", "2", "1"),
                fill("buy", "110", "2", "2"),
                fill("sell", "120", "3", "3"),
            ],
            {},
        )
        # Cost 2 × 100 + 1 + 1 × 110 + half of the fee of 2; proceeds 3 × 120 − 3.
        self.assertEqual((trip.size, trip.cost, trip.proceeds), (D(3), D(312), D(357)))
        self.assertEqual(trip.profit, D(45))

    def test_the_fills_of_one_order_are_one_round_trip(self) -> None:
        fills = [
            fill("buy", "100", "2"),
            fill("sell", "110", "1", oid="a", time=1),
            fill("sell", "90", "1", oid="a", time=2),
        ]
        (trip,) = round_trips(fills, {})
        self.assertEqual((trip.profit, trip.time), (D(0), 2))

    def test_what_was_held_before_counts_with_the_first_price(self) -> None:
        held = {("x", "BTC", "USD"): (D(1), D(80))}
        (trip,) = round_trips([fill("sell", "100", "1", "2")], held)
        self.assertEqual(trip.profit, D(18))

    def test_what_nobody_knows_the_cost_of_is_left_out_with_its_share_of_the_fee(self) -> None:
        fills = [fill("sell", "100", "1"), fill("buy", "50", "1"), fill("sell", "60", "4", "8")]
        (trip,) = round_trips(fills, {})
        self.assertEqual((trip.size, trip.proceeds, trip.cost), (D(1), D(58), D(50)))

    def test_pairs_do_not_mix(self) -> None:
        self.assertEqual(
            round_trips(
                [
                    fill("buy", "1", "1"),
                    msgspec.structs.replace(fill("sell", "1", "1"), pair="ETH_USD"),
                ],
                {},
            ),
            [],
        )


class Always(unittest.TestCase):
    amounts = st.decimals(min_value="0.001", max_value="1000", places=3)

    @given(st.lists(st.tuples(st.booleans(), amounts, amounts, amounts), max_size=30))
    def test_when_all_is_sold_the_profits_are_what_the_money_says(
        self, orders: list[tuple[bool, Decimal, Decimal, Decimal]]
    ) -> None:
        fills, held, money = [], D(0), D(0)
        for number, (buys, price, size, fee) in enumerate([*orders, (False, D(1), D(0), D(0))]):
            last = number == len(orders)
            traded = held if last else size if buys else min(size, held)
            if not traded:
                continue
            side = "buy" if buys else "sell"
            fills.append(fill(side, str(price), str(traded), str(fee), time=number))
            sign = -1 if buys else 1
            held -= sign * traded
            money += sign * price * traded - fee
        self.assertEqual(sum(trip.profit for trip in round_trips(fills, {})), money)


if __name__ == "__main__":
    unittest.main()
