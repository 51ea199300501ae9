import random
import unittest
from collections.abc import Callable
from decimal import Decimal
from typing import ClassVar
from unittest import mock

from cryptick.candle_market import CandleMarket
from cryptick.messages import Bar, OrderUpdate, Quote
from cryptick.strategy.base import Strategy
from exchange_wrapper.candles import Candles
from exchange_wrapper.terms import OrderType
from exchange_wrapper.times import SECOND, UtcNs
from tests.cryptick.candles import BacktestCase, Row, at, bars

PAIR = "BTC_USD"
FLAT: Row = ("100", "100", "100", "100")


class Scripted(Strategy):
    """Does one thing per time, and keeps what it hears."""

    at_open: ClassVar[dict[int, Callable[["Scripted"], object]]] = {}
    at_close: ClassVar[dict[int, Callable[["Scripted"], object]]] = {}
    at_time: ClassVar[dict[int, Callable[["Scripted"], object]]] = {}
    heard: ClassVar[list[object]]

    def on_start(self) -> None:
        type(self).heard = []
        for time, action in self.at_time.items():
            self.at(UtcNs(time), lambda action=action: action(self))

    def on_quote(self, quote: Quote) -> None:
        self.heard.append(("quote", quote.bid, self.now()))
        self.at_open.get(self._bar(), lambda _: None)(self)

    def on_bar(self, bar: Bar) -> None:
        self.heard.append(("bar", bar.close, self.now()))
        self.at_close.get(self._bar() - 1, lambda _: None)(self)

    def on_order(self, order: OrderUpdate) -> None:
        self.heard.append((order.status.value, order.done_reason, order.message))

    def _bar(self) -> int:
        return (self.now() - at(0)) // (300 * SECOND)


class SimulatorCase(BacktestCase):
    def play(self, rows: list[Row | None], **script: object) -> None:
        """Run a script on bars of one pair, with 1000 USD and 10 BTC."""
        strategy = type("Script", (Scripted,), script)
        series: dict[tuple[str, str], Candles] = {("x", PAIR): bars(rows)}
        self.summary = self.backtest(strategy, series, {"x": {"USD": "1000", "BTC": "10"}})
        self.heard = strategy.heard


def buy_market(size: str) -> Callable[[Scripted], object]:
    return lambda s: s.buy_market(PAIR, size=Decimal(size))


def buy_limit(size: str, limit: str, **more: object) -> Callable[[Scripted], object]:
    return lambda s: s.buy_limit(PAIR, Decimal(size), Decimal(limit), **more)


def sell_limit(size: str, limit: str, **more: object) -> Callable[[Scripted], object]:
    return lambda s: s.sell_limit(PAIR, Decimal(size), Decimal(limit), **more)


def cancel(s: Scripted) -> None:
    for client_oid in list(s.open_orders):
        s.cancel(client_oid)


class MarketOrders(SimulatorCase):
    rows: ClassVar[list[Row | None]] = [
        ("100", "106", "99", "104.5"),
        ("105", "107", "104", "106"),
        ("105.5", "111", "105", "109"),
    ]

    def test_sent_at_a_close_they_trade_at_the_open_of_the_next_bar(self) -> None:
        self.play(self.rows, at_close={0: buy_market("1")})
        self.assertEqual(self.trades(), [("00:05:00.005000", "buy", "105", "1", "taker")])

    def test_sent_at_an_open_they_trade_at_that_open(self) -> None:
        self.play(self.rows, at_open={1: buy_market("1")})
        self.assertEqual(self.trades(), [("00:05:00.005000", "buy", "105", "1", "taker")])

    def test_sent_inside_a_bar_they_trade_at_the_quote_in_force(self) -> None:
        self.play(self.rows, at_time={at(1, 90 * SECOND): buy_market("1")})
        self.assertEqual(self.trades(), [("00:06:30.005000", "buy", "105", "1", "taker")])

    def test_sent_before_a_halt_they_wait_for_the_next_open(self) -> None:
        rows = [self.rows[0], None, None, self.rows[2]]
        self.play(rows, at_close={0: buy_market("1")})
        self.assertEqual(self.trades(), [("00:15:00.005000", "buy", "105.5", "1", "taker")])

    def test_sent_at_the_last_close_they_never_trade_and_are_cancelled(self) -> None:
        self.play(self.rows, at_close={2: buy_market("1")})
        self.assertEqual(self.trades(), [])
        self.assertEqual([row["done_reason"] for row in self.orders()], ["cancelled"])

    def test_when_the_open_is_dearer_than_the_close_only_what_is_there_is_spent(self) -> None:
        self.play(
            [("100", "100", "100", "100"), ("125", "125", "125", "125")],
            at_close={0: lambda s: s.buy_market(PAIR, notional=s.wallet("USD").available)},
        )
        self.assertEqual(self.trades(), [("00:05:00.005000", "buy", "125", "8", "taker")])
        self.assertEqual(self.orders()[0]["done_reason"], "cancelled")

    def test_more_than_the_wallet_has_is_refused_with_the_reason(self) -> None:
        self.play(self.rows, at_open={0: buy_market("11")})
        self.assertEqual(self.trades(), [])
        *_, reason = next(h for h in self.heard if h[0] == "done")
        self.assertIn("is needed but only 1000 is available", reason)
        self.assertEqual(self.orders()[0]["done_reason"], "rejected")

    def test_each_state_of_an_order_is_heard_once(self) -> None:
        self.play(self.rows, at_open={0: buy_market("1")})
        states = [h[0] for h in self.heard if h[0] not in ("quote", "bar")]
        self.assertEqual(states, ["received", "open", "done"])


class LimitOrders(SimulatorCase):
    def test_a_resting_order_fills_as_maker_at_its_limit_when_the_bar_goes_through(self) -> None:
        table = (
            (buy_limit("1", "95"), ("100", "101", "94.99", "100"), "buy"),
            (sell_limit("1", "105"), ("100", "105.01", "99", "100"), "sell"),
        )
        for order, row, side in table:
            with self.subTest(side=side):
                self.play([FLAT, row, FLAT], at_open={0: order})
                limit = "95" if side == "buy" else "105"
                self.assertEqual(self.trades(), [("00:10:00.000000", side, limit, "1", "maker")])

    def test_a_bar_that_only_touches_the_limit_fills_nothing(self) -> None:
        table = (
            (buy_limit("1", "95"), ("100", "101", "95", "100")),
            (sell_limit("1", "105"), ("100", "105", "99", "100")),
        )
        for order, row in table:
            with self.subTest(row=row):
                self.play([FLAT, row, FLAT], at_open={0: order})
                self.assertEqual(self.trades(), [])

    def test_a_bar_that_opens_beyond_the_limit_fills_at_the_limit(self) -> None:
        self.play([FLAT, ("90", "91", "89", "90")], at_open={0: buy_limit("1", "95")})
        self.assertEqual(self.trades(), [("00:05:00.000000", "buy", "95", "1", "maker")])

    def test_a_marketable_limit_trades_at_the_open_as_taker(self) -> None:
        self.play([FLAT, FLAT], at_close={0: buy_limit("1", "120")})
        self.assertEqual(self.trades(), [("00:05:00.005000", "buy", "100", "1", "taker")])

    def test_a_limit_order_sent_inside_a_bar_does_not_meet_its_low(self) -> None:
        low = ("100", "100", "80", "100")
        self.play([low, FLAT, low], at_time={at(0, 100 * SECOND): buy_limit("1", "95")})
        self.assertEqual(self.trades(), [("00:15:00.000000", "buy", "95", "1", "maker")])

    def test_what_is_sent_because_of_a_fill_does_not_meet_the_same_bar(self) -> None:
        wide = ("100", "120", "80", "100")

        def sell_what_was_bought(s: Scripted, order: OrderUpdate) -> None:
            if order.is_done and order.side == "buy":
                s.sell_limit(PAIR, Decimal(1), Decimal(110))

        self.play(
            [wide, FLAT, wide], at_open={0: buy_limit("1", "90")}, on_order=sell_what_was_bought
        )
        self.assertEqual(
            self.trades(),
            [
                ("00:05:00.000000", "buy", "90", "1", "maker"),
                ("00:15:00.000000", "sell", "110", "1", "maker"),
            ],
        )

    def test_bars_that_reach_no_limit_are_passed_over_without_effect(self) -> None:
        chance = random.Random(7)
        rows: list[Row | None] = []
        for _ in range(900):
            price = 100 + chance.randrange(-3, 4)
            low, high = price - chance.randrange(3), price + chance.randrange(3)
            wide = not chance.randrange(300)
            rows.append((str(price), str(high + 9 * wide), str(low - 9 * wide), str(price)))
        script = {
            "at_close": {
                0: lambda s: (buy_limit("1", "94")(s), sell_limit("1", "106")(s)),
                2: buy_limit("1", "93", cancel_after_s=300 * 40),
                20: buy_market("2"),
                400: lambda s: (buy_limit("1", "91")(s), sell_limit("1", "109")(s)),
            },
            "at_time": {at(500, 40 * SECOND): sell_limit("1", "107")},
        }
        self.play(rows, **script)
        trades, orders, heard = self.trades(), self.orders(), self.heard
        self.assertGreater(len(trades), 3)
        with mock.patch.object(CandleMarket, "is_calm", False):
            self.play(rows, **script)
        self.assertEqual((trades, orders, heard), (self.trades(), self.orders(), self.heard))

    def test_an_expired_or_cancelled_order_meets_no_later_bar(self) -> None:
        low = ("100", "100", "80", "100")
        expiring = buy_limit("1", "95", cancel_after_s=60)
        self.play([low, FLAT, low], at_open={1: expiring})
        self.assertEqual([row["done_reason"] for row in self.orders()], ["expired"])

        self.play([FLAT, FLAT, low], at_open={1: buy_limit("1", "95")}, at_close={1: cancel})
        self.assertEqual([row["done_reason"] for row in self.orders()], ["cancelled"])

    def test_an_order_that_waits_for_an_open_can_be_withdrawn(self) -> None:
        self.play(
            [FLAT, ("80", "80", "80", "80")],
            at_time={at(0, 10 * SECOND): buy_limit("1", "95"), at(0, 20 * SECOND): cancel},
        )
        self.assertEqual(self.trades(), [])
        self.assertEqual([row["done_reason"] for row in self.orders()], ["cancelled"])

    def test_a_post_only_order_rests_or_is_rejected(self) -> None:
        low = ("100", "100", "98", "100")
        for limit, reason, trades in (
            ("100", "rejected", []),
            ("99", "filled", [("00:10:00.000000", "buy", "99", "1", "maker")]),
        ):
            with self.subTest(limit=limit):
                order = buy_limit("1", limit, post_only=True)
                self.play([FLAT, low], at_open={0: order})
                self.assertEqual([row["done_reason"] for row in self.orders()], [reason])
                self.assertEqual(self.trades(), trades)

    def test_immediate_orders_take_the_quote_or_nothing(self) -> None:
        table = (
            (OrderType.IOC, "99", "cancelled"),
            (OrderType.IOC, "100", "filled"),
            (OrderType.FOK, "99", "cancelled"),
            (OrderType.FOK, "100", "filled"),
        )
        for kind, limit, reason in table:
            with self.subTest(kind=kind, limit=limit):
                self.play([FLAT, FLAT], at_open={0: buy_limit("1", limit, type=kind)})
                self.assertEqual([row["done_reason"] for row in self.orders()], [reason])


class Knowledge(SimulatorCase):
    def test_a_quote_comes_before_anything_of_its_bar_is_known_and_the_bar_when_it_closes(
        self,
    ) -> None:
        self.play([("100", "103", "99", "102"), ("105", "107", "104", "106")])
        self.assertEqual(
            self.heard,
            [
                ("quote", Decimal(100), at(0)),
                ("bar", 102.0, at(1)),
                ("quote", Decimal(105), at(1)),
                ("bar", 106.0, at(2)),
            ],
        )

    def test_the_last_price_is_the_open_until_the_bar_closes(self) -> None:
        seen: list[Decimal] = []

        def look(s: Scripted) -> None:
            quote = s.quote(PAIR)
            assert quote is not None
            seen.append(quote.ask)

        self.play(
            [("100", "103", "99", "102"), ("105", "107", "104", "106")],
            at_open={0: look},
            at_time={at(0, SECOND): look},
            at_close={0: look},
        )
        self.assertEqual(seen, [Decimal(100), Decimal(100), Decimal(102)])

    def test_no_price_is_known_at_the_start(self) -> None:
        seen: list[object] = []
        self.play(
            [FLAT], on_start=lambda s: (seen.append(s.quote(PAIR)), setattr(type(s), "heard", []))
        )
        self.assertEqual(seen, [None])


class Grid(SimulatorCase):
    def test_prices_finer_than_the_instrument_make_its_tick_finer(self) -> None:
        rows: list[Row | None] = [("100.001", "100.001", "100.001", "100.001")] * 2
        self.play(rows, at_open={0: buy_market("1")})
        self.assertEqual(self.trades()[0][2], "100.001")


if __name__ == "__main__":
    unittest.main()
