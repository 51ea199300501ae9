import tempfile
import unittest
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from cryptick.backtest import Backtest
from cryptick.book_replay import BOOK
from cryptick.book_view import BookView
from cryptick.errors import UsageError
from cryptick.fill_rule import FillModel, FillRule
from cryptick.market_data import Recording
from cryptick.messages import Bar, Fill, MarketTrade, Quote
from cryptick.report import Summary
from cryptick.request import Fees, RunRequest
from cryptick.run_directory import RunDirectory
from cryptick.strategy.base import Strategy
from cryptick.valuation import make_plan
from exchange_wrapper.market import BookLost, BookSnapshot, BookUpdate, MarketEvent, TradePrint
from exchange_wrapper.numbers import Lots, Ticks
from exchange_wrapper.pair import Pair
from exchange_wrapper.terms import Side
from exchange_wrapper.times import MILLISECOND, SECOND, UtcNs

START = 1_659_312_000 * SECOND
PAIR = Pair("A-USD", "A", "USD", Decimal("0.01"), Decimal("0.1"))
OTHER = Pair("B-USD", "B", "USD", Decimal("0.01"), Decimal("0.1"))

Level = tuple[int, int]


def at(time_s: float) -> UtcNs:
    return UtcNs(START + round(time_s * SECOND))


def snapshot(
    time_s: float, bids: Sequence[Level], asks: Sequence[Level], pair: Pair = PAIR
) -> BookSnapshot:
    levels = ([(Ticks(price), Lots(size)) for price, size in side] for side in (bids, asks))
    return BookSnapshot(pair.name(), *levels, at(time_s), at(time_s))


def update(time_s: float, side: Side, price: int, size: int) -> BookUpdate:
    changes = [(side, Ticks(price), Lots(size))]
    return BookUpdate(PAIR.name(), changes, at(time_s), at(time_s))


def printed(time_s: float, price: int, size: int, maker: Side) -> TradePrint:
    trade = TradePrint(
        PAIR.name(), str(time_s), Ticks(price), Lots(size), maker, at(time_s), at(time_s)
    )
    return trade


class Listens(Strategy):
    """Keeps what it hears; a test adds what it does."""

    @classmethod
    def pairs(cls, params: Strategy.Params, funded: object) -> list[tuple[str, str]]:
        return [("x", "A_USD"), ("x", "B_USD")]

    def on_start(self) -> None:
        self.heard: list[tuple[object, ...]] = []
        self.fills: list[Fill] = []

    def on_fill(self, fill: Fill) -> None:
        self.fills.append(fill)


class BookReplayTests(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)

    def play(
        self,
        strategy: type[Listens],
        events: Sequence[MarketEvent],
        other: Sequence[MarketEvent] = (),
        freq_s: int = 300,
    ) -> tuple[Listens, Summary]:
        recordings = [Recording("x", PAIR, at(0), freq_s, events)]
        if other:
            recordings.append(Recording("x", OTHER, at(0), freq_s, other))
        request = RunRequest(
            strategy,
            strategy.Params(),
            "backtest",
            {"x": {"USD": Decimal(10_000)}},
            freq_s=freq_s,
            fees=Fees(maker=Decimal(0), taker=Decimal(0)),
            fills=FillRule(FillModel.BOOK),
        )
        listed = {"x": {one.pair.name() for one in recordings}}
        plan = make_plan(
            request.strategy.pairs(request.params, {}), request.funded, listed, "", UsageError
        )
        backtest = Backtest(request, plan, recordings, RunDirectory.claim(self.root, "books"))
        summary = backtest.run("memory")
        played = backtest.strategy
        assert isinstance(played, Listens)
        return played, summary

    def test_a_market_order_walks_the_book_as_it_is_when_it_arrives(self) -> None:
        class Buys(Listens):
            def on_quote(self, quote: Quote) -> None:
                if not self.open_orders and not self.fills:
                    self.buy_market("A_USD", size=Decimal("1.5"))

        played, summary = self.play(
            Buys,
            [
                snapshot(0, [(9900, 50)], [(10000, 10), (10100, 10)]),
                update(0.004, Side.SELL, 10000, 5),  # before the order arrives
                update(0.006, Side.SELL, 10050, 90),  # after it
            ],
        )
        self.assertEqual(
            [(f.price, f.size, f.time - START) for f in played.fills],
            [(100, Decimal("0.5"), 5 * MILLISECOND), (101, 1, 5 * MILLISECOND)],
        )
        self.assertEqual(summary.fill_model, "book, latency 5 ms, no slippage")
        self.assertEqual(summary.events, {"book changes": 3, "trades": 0})
        self.assertEqual(Decimal(summary.final_equity), 10_000 - 151 + Decimal("1.5") * 99)

    def test_what_is_due_at_the_time_of_an_event_meets_the_book_before_it(self) -> None:
        class Buys(Listens):
            def on_quote(self, quote: Quote) -> None:
                if quote.time == at(0):
                    self.buy_market("A_USD", size=Decimal(1))

        played, _ = self.play(
            Buys,
            [
                snapshot(0, [(9900, 50)], [(10000, 10)]),
                snapshot(0.005, [(9900, 50)], [(9950, 10)]),
            ],
        )
        self.assertEqual([f.price for f in played.fills], [100])

    def test_a_limit_order_waits_in_the_queue_until_prints_have_passed_it(self) -> None:
        class Joins(Listens):
            def on_quote(self, quote: Quote) -> None:
                if not self.open_orders and not self.fills:
                    self.buy_limit("A_USD", Decimal(1), Decimal(99))

        book = snapshot(0, [(9900, 50)], [(10000, 10)])
        table = ((50, []), (55, [Decimal("0.5")]), (60, [Decimal(1)]))
        for volume, sizes in table:
            with self.subTest(volume=volume):
                played, _ = self.play(Joins, [book, printed(1, 9900, volume, Side.BUY)])
                self.assertEqual([f.size for f in played.fills], sizes)
                self.assertTrue(all(f.maker and f.time == at(1) for f in played.fills))

    def test_book_trade_and_quote_are_told_in_the_order_of_paper(self) -> None:
        class Hears(Listens):
            def on_start(self) -> None:
                super().on_start()
                self.hub.on_market(BOOK, "x", "A_USD", self.on_view)

            def on_view(self, view: BookView) -> None:
                self.heard.append(("book", view.time, view.bid, view.ask_size))

            def on_quote(self, quote: Quote) -> None:
                self.heard.append(("quote", quote.time, quote.bid, quote.ask))

            def on_trade(self, trade: MarketTrade) -> None:
                self.heard.append(("trade", trade.time, trade.price, trade.side))

        played, _ = self.play(
            Hears,
            [
                snapshot(0, [(9900, 50)], [(10000, 10)]),
                printed(1, 10000, 4, Side.SELL),
                update(1, Side.SELL, 10000, 6),
                update(2, Side.BUY, 9950, 1),
            ],
        )
        self.assertEqual(
            played.heard,
            [
                ("book", at(0), 99, 1),
                ("quote", at(0), 99, 100),
                ("trade", at(1), 100, Side.BUY),
                ("book", at(1), 99, Decimal("0.6")),
                ("book", at(2), Decimal("99.5"), Decimal("0.6")),
                ("quote", at(2), Decimal("99.5"), 100),
            ],
        )

    def test_a_lost_book_has_no_quote_and_fills_nothing(self) -> None:
        class Asks(Listens):
            def on_start(self) -> None:
                super().on_start()
                for time_s in (0.5, 1.5, 2.5):
                    self.at(at(time_s), lambda: self.heard.append((self.quote("A_USD") is None,)))

        book = snapshot(0, [(9900, 50)], [(10000, 10)])
        lost = BookLost("A_USD", "a gap", at(1))
        again = snapshot(2, [(9800, 50)], [(9900, 10)])
        played, _ = self.play(Asks, [book, lost, again, update(3, Side.BUY, 9700, 1)])
        self.assertEqual(played.heard, [(False,), (True,), (False,)])

    def test_bars_are_made_of_the_trades_and_told_two_seconds_late(self) -> None:
        class Bars(Listens):
            def on_bar(self, bar: Bar) -> None:
                figures = (bar.open, bar.high, bar.low, bar.close, bar.volume)
                self.heard.append((bar.time, self.now(), *figures))

        book = snapshot(0, [(9900, 50)], [(10000, 10)])
        prints = [
            printed(s, price, 10, Side.BUY) for s, price in ((61, 100), (90, 300), (119, 200))
        ]
        played, _ = self.play(Bars, [book, *prints, printed(130, 500, 10, Side.BUY)], freq_s=60)
        self.assertEqual(played.heard, [(at(60), at(122), 1.0, 3.0, 1.0, 2.0, 3.0)])

    def test_pairs_are_merged_by_the_time_of_receipt(self) -> None:
        class Hears(Listens):
            def on_quote(self, quote: Quote) -> None:
                self.heard.append((quote.pair, quote.time))

        mine = [snapshot(s, [(9900 + s, 50)], [(10000 + s, 10)]) for s in (0, 2, 4)]
        others = [snapshot(s, [(990 + s, 5)], [(1000 + s, 1)], OTHER) for s in (1, 2, 3)]
        played, summary = self.play(Hears, mine, others)
        order = [("A_USD", 0), ("B_USD", 1), ("A_USD", 2), ("B_USD", 2), ("B_USD", 3), ("A_USD", 4)]
        self.assertEqual(played.heard, [(pair, at(time_s)) for pair, time_s in order])
        self.assertEqual(summary.period_end, "2022-08-01T00:00:04.000000Z")


if __name__ == "__main__":
    unittest.main()
