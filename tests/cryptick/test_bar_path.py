import unittest
from decimal import Decimal
from typing import ClassVar

from cryptick.fill_rule import FillModel, FillRule
from cryptick.messages import OrderUpdate
from exchange_wrapper.times import SECOND
from tests.cryptick.candles import Row, at
from tests.cryptick.test_exchange_simulator import (
    FLAT,
    PAIR,
    Scripted,
    SimulatorCase,
    buy_limit,
    buy_market,
    sell_limit,
)

RISING: Row = ("100", "110", "90", "105")
FALLING: Row = ("100", "110", "90", "95")
FIRST, SECOND_TURN, CLOSE = "00:01:40.000000", "00:03:20.000000", "00:05:00.000000"


class Path(SimulatorCase):
    fills = FillRule(FillModel.BAR_PATH)

    def test_the_low_comes_first_in_a_rising_bar_and_last_in_a_falling_one(self) -> None:
        table = (
            (RISING, buy_limit("1", "95"), (FIRST, "buy", "95")),
            (RISING, sell_limit("1", "105"), (SECOND_TURN, "sell", "105")),
            (FALLING, buy_limit("1", "95"), (SECOND_TURN, "buy", "95")),
            (FALLING, sell_limit("1", "105"), (FIRST, "sell", "105")),
        )
        for row, order, (time, side, price) in table:
            with self.subTest(row=row, side=side):
                self.play([row, FLAT], at_open={0: order})
                self.assertEqual(self.trades(), [(time, side, price, "1", "maker")])

    def test_a_path_that_turns_at_the_limit_fills_nothing(self) -> None:
        for row in (RISING, FALLING):
            for order in (buy_limit("1", "90"), sell_limit("1", "110")):
                with self.subTest(row=row):
                    self.play([row], at_open={0: order})
                    self.assertEqual(self.trades(), [])

    def test_an_entry_and_its_exit_fill_in_one_bar_only_in_the_order_of_the_path(self) -> None:
        def leave(s: Scripted, order: OrderUpdate) -> None:
            if order.is_done and order.side == "buy":
                s.sell_limit(PAIR, Decimal(1), Decimal(105))

        for row, sold in ((RISING, [SECOND_TURN]), (FALLING, [])):
            with self.subTest(row=row):
                self.play([row], at_open={0: buy_limit("1", "95")}, on_order=leave)
                times = [time for time, side, *_ in self.trades() if side == "sell"]
                self.assertEqual(times, sold)

    def test_what_is_sent_after_a_turn_does_not_meet_it(self) -> None:
        self.play([RISING], at_time={at(0, 101 * SECOND): buy_limit("1", "95")})
        self.assertEqual(self.trades(), [])

    def test_the_way_from_the_last_turn_to_the_close_is_met(self) -> None:
        self.play([RISING], at_time={at(0, 201 * SECOND): buy_limit("1", "108")})
        self.assertEqual(self.trades(), [(CLOSE, "buy", "108", "1", "maker")])

    def test_who_buys_inside_a_bar_pays_the_open_or_the_point_if_that_is_more(self) -> None:
        resting = buy_limit("1", "80")  # the path is only followed where an order is open
        table = ((99, "100"), (101, "100"), (201, "110"))
        for second, price in table:
            with self.subTest(second=second):
                self.play(
                    [RISING, FLAT],
                    at_open={0: resting},
                    at_time={at(0, second * SECOND): buy_market("1")},
                )
                self.assertEqual([trade[2] for trade in self.trades()], [price])

    def test_the_quote_stays_at_the_open_whatever_the_path_does(self) -> None:
        seen: list[Decimal] = []

        def look(s: Scripted) -> None:
            quote = s.quote(PAIR)
            assert quote is not None
            seen.append(quote.ask)

        seconds = (50, 150, 250)
        self.play([RISING], at_time={at(0, second * SECOND): look for second in seconds})
        self.assertEqual(seen, [Decimal(100)] * 3)


class Costs(SimulatorCase):
    rows: ClassVar[list[Row | None]] = [FLAT, FLAT]

    def test_slippage_is_added_against_the_trader_to_the_tick(self) -> None:
        table = (
            ("0", "100", "100"),
            ("10", "100.1", "99.9"),
            ("0.4", "100.01", "99.99"),  # less than a tick costs a whole one
        )
        for bps, bought, sold in table:
            with self.subTest(bps=bps):
                self.fills = FillRule(slippage_bps=Decimal(bps))
                sell = {0: lambda s: s.sell_market(PAIR, size=Decimal(1))}
                self.play(self.rows, at_open={0: buy_market("1")}, at_close=sell)
                self.assertEqual([trade[2] for trade in self.trades()], [bought, sold])

    def test_slippage_never_worsens_an_order_that_rests(self) -> None:
        self.fills = FillRule(slippage_bps=Decimal(10))
        self.play([FLAT, ("90", "91", "89", "90")], at_open={0: buy_limit("1", "95")})
        self.assertEqual(self.trades(), [("00:05:00.000000", "buy", "95", "1", "maker")])

    def test_an_order_arrives_after_the_latency_and_the_report_says_so(self) -> None:
        self.fills = FillRule(latency_ns=2 * SECOND)
        self.play(self.rows, at_open={0: buy_market("1")})
        self.assertEqual([trade[0] for trade in self.trades()], ["00:00:02.000000"])
        self.assertEqual(self.summary.fill_model, "next_open, latency 2000 ms, no slippage")


if __name__ == "__main__":
    unittest.main()
