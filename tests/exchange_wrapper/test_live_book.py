import unittest
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from exchange_wrapper.book import L2Book
from exchange_wrapper.execution import Execution, Filled, Opened
from exchange_wrapper.grid import PairGrid
from exchange_wrapper.live_book import BookState, LiveBook
from exchange_wrapper.market import BookLost, BookSnapshot, BookUpdate, Heartbeat, TradePrint
from exchange_wrapper.numbers import Lots, Ticks
from exchange_wrapper.pair import Pair
from exchange_wrapper.paper import PaperEngine, PaperOrder
from exchange_wrapper.terms import OrderType, Side
from exchange_wrapper.times import UtcNs

PAIR = Pair("BTC-USD", "BTC", "USD", Decimal("0.01"), Decimal("0.00000001"))
BUY, SELL = Side.BUY, Side.SELL

sides = st.sampled_from(Side)
prices = st.integers(1, 25).map(Ticks)
sizes = st.one_of(st.just(Lots(0)), st.integers(0, 100).map(Lots))
changes = st.lists(st.tuples(sides, prices, sizes), min_size=10, max_size=80)
Change = tuple[Side, int, int]
Levels = dict[int, int]


def snapshot(bids: Levels, asks: Levels, at: int = 1) -> BookSnapshot:
    def levels(side: Levels) -> list[tuple[Ticks, Lots]]:
        return [(Ticks(price), Lots(size)) for price, size in side.items()]

    return BookSnapshot("BTC_USD", levels(bids), levels(asks), UtcNs(at), UtcNs(at))


def update(*changes: Change, at: int = 2) -> BookUpdate:
    typed = [(side, Ticks(price), Lots(size)) for side, price, size in changes]
    return BookUpdate("BTC_USD", typed, UtcNs(at), UtcNs(at))


def lost(reason: str = "gone", at: int = 3) -> BookLost:
    return BookLost("BTC_USD", reason, UtcNs(at))


def trade(price: int, size: int, at: int = 2) -> TradePrint:
    return TradePrint("BTC_USD", "1", Ticks(price), Lots(size), SELL, UtcNs(at), UtcNs(at))


class Recorder:
    """A listener that notes what it is told and what the book is then."""

    def __init__(self, book: LiveBook) -> None:
        self.book = book
        self.idle = False
        self.calls: list[tuple[Any, ...]] = []
        self.executions: list[Execution] = []
        book.attach(self)

    def level_changed(
        self, side: Side, price: Ticks, old: Lots, new: Lots, now: UtcNs
    ) -> list[Execution]:
        self.calls.append(("level", side, price, old, new, now))
        return self.executions

    def replaced(
        self, old_bids: dict[Ticks, Lots], old_asks: dict[Ticks, Lots], now: UtcNs
    ) -> list[Execution]:
        self.calls.append(("replaced", dict(old_bids), dict(old_asks), now))
        return self.executions

    def traded(self, print: TradePrint, now: UtcNs) -> list[Execution]:
        self.calls.append(("traded", print.price, now))
        return self.executions

    def set_stale(self, stale: bool) -> None:
        self.calls.append(("stale", stale))


class LiveBookTest(unittest.TestCase):
    def setUp(self) -> None:
        self.live = LiveBook(PAIR)

    def content(self) -> tuple[Levels, Levels]:
        return dict(self.live.book.bids), dict(self.live.book.asks)

    def test_it_is_syncing_until_its_snapshot_and_drops_updates_before(self) -> None:
        self.live.receive(update((BUY, 90, 5)))
        self.assertIs(self.live.state, BookState.SYNCING)
        self.assertEqual(self.content(), ({}, {}))
        self.live.receive(snapshot({100: 1}, {101: 2}, at=7))
        self.assertIs(self.live.state, BookState.LIVE)
        self.assertEqual((self.live.reason, self.live.since), ("", 7))
        self.assertEqual(self.content(), ({100: 1}, {101: 2}))

    def test_updates_set_absolute_sizes_and_zero_removes(self) -> None:
        self.live.receive(snapshot({100: 1, 99: 4}, {101: 2}))
        self.live.receive(update((BUY, 100, 0), (BUY, 99, 7), (SELL, 102, 3), (SELL, 500, 0)))
        self.assertEqual(self.content(), ({99: 7}, {101: 2, 102: 3}))
        self.assertEqual((self.live.book.best_bid, self.live.book.best_ask), (99, 101))

    def test_a_book_that_crosses_is_stale_and_empty_at_once(self) -> None:
        for name, change in {"crossed": (BUY, 102, 1), "locked": (BUY, 101, 1)}.items():
            with self.subTest(name):
                self.live = LiveBook(PAIR)
                self.live.receive(snapshot({100: 1}, {101: 2}))
                self.live.receive(update(change, at=9))
                self.assertIs(self.live.state, BookState.STALE)
                self.assertEqual((self.live.since, self.live.gaps), (9, 1))
                self.assertRegex(self.live.reason, "crossed: 1.0[12] bid, 1.01 asked")
                self.assertEqual(self.content(), ({}, {}))

    def test_half_a_message_may_look_crossed(self) -> None:
        self.live.receive(snapshot({100: 1}, {101: 2}))
        self.live.receive(update((BUY, 101, 1), (SELL, 101, 0), (SELL, 102, 1)))
        self.assertIs(self.live.state, BookState.LIVE)

    def test_a_level_that_cannot_be_makes_the_book_stale(self) -> None:
        self.live.receive(snapshot({100: 1}, {101: 2}))
        self.live.receive(update((BUY, 0, 1)))
        self.assertIs(self.live.state, BookState.STALE)

    def test_a_lost_book_drops_updates_until_its_next_snapshot(self) -> None:
        self.live.receive(snapshot({100: 1}, {101: 2}))
        self.live.receive(lost("connection closed", at=5))
        self.live.receive(lost("still no connection", at=6))
        self.assertEqual((self.live.state, self.live.since), (BookState.STALE, 5))
        self.assertEqual(self.live.reason, "still no connection")
        self.live.receive(update((BUY, 100, 9)))
        self.assertEqual(self.content(), ({}, {}))
        self.live.receive(snapshot({98: 1}, {99: 1}, at=8))
        self.assertEqual((self.live.state, self.live.since), (BookState.LIVE, 8))
        self.assertEqual((self.live.gaps, self.live.resyncs), (1, 1))

    def test_a_crossed_snapshot_is_not_believed(self) -> None:
        self.live.receive(snapshot({102: 1}, {101: 2}))
        self.assertIs(self.live.state, BookState.SYNCING)
        self.assertEqual((self.content(), self.live.gaps), (({}, {}), 0))

    def test_every_message_but_a_loss_is_a_sign_of_life(self) -> None:
        self.live.receive(Heartbeat("BTC_USD", UtcNs(3), UtcNs(4)))
        self.live.receive(lost(at=9))
        self.assertEqual(self.live.last_message_at, 4)

    @given(
        st.lists(
            st.tuples(st.sampled_from(Side), st.integers(1, 40), st.integers(0, 3)), max_size=60
        )
    )
    def test_it_equals_a_rebuild_and_is_never_crossed_while_live(
        self, changes: list[Change]
    ) -> None:
        live = LiveBook(PAIR)
        live.receive(snapshot({20: 1}, {21: 1}))
        rebuilt: dict[Side, Levels] = {BUY: {20: 1}, SELL: {21: 1}}
        for side, price, size in changes:
            live.receive(update((side, price, size)))
            rebuilt[side][price] = size
            bids, asks = ({p: s for p, s in rebuilt[x].items() if s} for x in (BUY, SELL))
            if bids and asks and max(bids) >= min(asks):
                self.assertIs(live.state, BookState.STALE)
                self.assertEqual((live.book.bids, live.book.asks), ({}, {}))
                return
            self.assertEqual((live.book.bids, live.book.asks), (bids, asks))
            self.assertEqual(live.book.best_bid, max(bids, default=None))
            self.assertEqual(live.book.best_ask, min(asks, default=None))


class ListenerTest(unittest.TestCase):
    def setUp(self) -> None:
        self.live = LiveBook(PAIR)
        self.listener = Recorder(self.live)

    def told(self) -> list[tuple[Any, ...]]:
        calls, self.listener.calls = self.listener.calls, []
        return calls

    def test_it_is_told_of_real_changes_after_the_whole_message_is_applied(self) -> None:
        self.assertEqual(self.told(), [("stale", True)])
        self.live.receive(snapshot({100: 1}, {101: 2}, at=1))
        self.assertEqual(self.told(), [("stale", False), ("replaced", {}, {}, 1)])
        self.listener.executions = [Opened(1, UtcNs(2))]
        executions = self.live.receive(update((BUY, 100, 3), (SELL, 101, 2), (SELL, 102, 4), at=2))
        self.assertEqual(self.told(), [("level", BUY, 100, 1, 3, 2), ("level", SELL, 102, 0, 4, 2)])
        self.assertEqual(len(executions), 2)

    def test_an_idle_listener_only_learns_whether_the_book_can_be_trusted(self) -> None:
        self.listener.idle = True
        self.live.receive(snapshot({100: 1}, {101: 2}))
        self.live.receive(update((BUY, 100, 3)))
        self.live.receive(trade(101, 1))
        self.live.receive(lost())
        self.assertEqual(self.told(), [("stale", True), ("stale", False), ("stale", True)])

    def test_a_snapshot_after_a_loss_is_compared_with_the_book_before_it(self) -> None:
        self.live.receive(snapshot({100: 5}, {101: 2}))
        self.told()
        self.live.receive(lost(at=3))
        self.live.receive(lost(at=4))
        self.live.receive(snapshot({103: 5}, {101: 2}, at=5))  # crossed: not believed
        self.assertEqual(self.told(), [("stale", True)])
        self.live.receive(snapshot({100: 4}, {101: 2}, at=6))
        self.assertEqual(self.told(), [("stale", False), ("replaced", {100: 5}, {101: 2}, 6)])

    def test_a_crossed_book_fills_nothing(self) -> None:
        self.live.receive(snapshot({100: 1}, {101: 2}))
        self.told()
        self.listener.executions = [Opened(1, UtcNs(2))]
        self.assertFalse(self.live.receive(update((BUY, 105, 1))))
        self.assertEqual(self.told(), [("stale", True)])

    def test_trades_count_only_while_the_book_is_live(self) -> None:
        self.live.receive(trade(101, 1))
        self.live.receive(snapshot({100: 1}, {101: 2}))
        self.told()
        self.live.receive(trade(101, 1, at=2))
        self.live.receive(lost())
        self.live.receive(trade(101, 1, at=4))
        self.assertEqual(self.told(), [("traded", 101, 2), ("stale", True)])


class UnreadSizes(unittest.TestCase):
    """Sizes that came as text and that nobody has read yet."""

    def setUp(self) -> None:
        self.live = LiveBook(PAIR)
        self.engine = PaperEngine(self.live.book, latency_ns=0)
        self.live.attach(self.engine)
        self.live.receive(snapshot({100: 5}, {110: 5, 120: 5}))

    def say(self, *changes: tuple[Side, str, str]) -> None:
        self.live.receive(
            BookUpdate("BTC_USD", list(changes), UtcNs(2), UtcNs(2), grid=PairGrid(PAIR))
        )

    def buy(self, at: int = 3) -> list[Execution]:
        order = PaperOrder(1, BUY, OrderType.LIMIT, Lots(9), Ticks(120))
        self.engine.submit(order, UtcNs(at))
        return self.engine.advance(UtcNs(at))

    def test_an_order_takes_what_they_say(self) -> None:
        self.say((SELL, "1.10", "0.00000002"), (SELL, "1.20", "0"))
        fills = [fill for fill in self.buy() if isinstance(fill, Filled)]
        self.assertEqual([(fill.price, fill.size) for fill in fills], [(110, 2)])

    def test_nothing_trades_against_a_book_with_one_that_can_not_be_read(self) -> None:
        for wrong in ("0.000000015", "-1", "1e3", "NaN", ""):
            with self.subTest(size=wrong):
                self.setUp()
                self.say((SELL, "1.15", wrong))
                executions = self.buy()
                self.assertFalse([fill for fill in executions if isinstance(fill, Filled)])
                self.live.receive(Heartbeat("BTC_USD", UtcNs(4), UtcNs(4)))
                self.assertEqual(self.live.state, BookState.STALE)
                self.live.receive(snapshot({100: 5}, {110: 5}, at=5))
                self.assertEqual(self.live.state, BookState.LIVE)


class Texts(unittest.TestCase):
    def setUp(self) -> None:
        self.live = LiveBook(PAIR)
        self.book = self.live.book
        self.grid = PairGrid(PAIR)
        self.live.receive(BookSnapshot(PAIR.name(), [], [], UtcNs(1), UtcNs(1)))

    def take(self, *changes: tuple[Side, str, str]) -> bool:
        return self.live.take(list(changes), self.grid, UtcNs(2))

    def test_sizes_are_exact_when_they_are_read(self) -> None:
        self.assertTrue(self.take((Side.BUY, "1.00", "0.1"), (Side.SELL, "1.01", "3")))
        self.assertEqual((self.book.best_bid, self.book.best_ask), (100, 101))
        self.assertEqual(self.book.bids, {100: 10_000_000})
        self.assertEqual(self.book.depth(Side.SELL, 1), [(101, 300_000_000)])
        self.assertEqual(self.book.set_level(Side.SELL, Ticks(101), Lots(5)), 300_000_000)

    def test_any_way_to_write_zero_removes_the_level(self) -> None:
        for zero in ("0", "0.00000000", "0.0", "000"):
            with self.subTest(zero):
                self.take((Side.BUY, "1.00", "2"))
                self.take((Side.BUY, "1", zero))
                self.assertIsNone(self.book.best_bid)
                self.assertEqual(self.book.bids, {})

    def test_a_size_that_cannot_be_read_is_never_shown_and_empties_the_book(self) -> None:
        for size in ("1e2", "-1", "0.000000001", "nan", "1_0", " 1"):
            for read in ("bids", "asks"):
                with self.subTest(size=size, read=read):
                    self.book.replace([(Ticks(99), Lots(1))], [(Ticks(102), Lots(1))])
                    self.take((Side.BUY, "1.00", size), (Side.SELL, "1.01", size))
                    self.assertEqual(getattr(self.book, read), {})
                    self.assertEqual((self.book.bids, self.book.asks), ({}, {}))
                    self.assertIsNone(self.book.best_bid)
                    self.assertRegex(str(self.book.fault), "is not a multiple")
                    self.assertFalse(self.take())

    def test_prices_off_the_grid_and_zeros_that_are_none_are_refused_at_once(self) -> None:
        for price, size in (("1.001", "1"), ("0", "1"), ("1", ""), ("1", "."), ("1", "0.0.0")):
            with self.subTest(price=price, size=size):
                self.assertFalse(self.take((Side.BUY, price, size)))

    def test_a_level_that_comes_and_goes_unread_does_not_fill_memory(self) -> None:
        for _ in range(1000):
            self.take((Side.BUY, "1.00", "2"), (Side.BUY, "1.00", "0"))
        self.assertLess(len(self.book.bid_sizes.unread), 100)

    @given(changes, st.sets(st.integers(0, 80)))
    def test_texts_make_the_same_book_as_numbers(
        self, updates: list[tuple[Side, Ticks, Lots]], read_at: set[int]
    ) -> None:
        typed, live, grid = L2Book(PAIR), LiveBook(PAIR), PairGrid(PAIR)
        live.receive(BookSnapshot(PAIR.name(), [], [], UtcNs(1), UtcNs(1)))
        texts = live.book
        for step, (side, price, size) in enumerate(updates):
            typed.set_level(side, price, size)
            text = f"{PAIR.price(price):f}", f"{PAIR.size(size):f}"
            taken = live.take([(side, *text)], grid, UtcNs(2))
            self.assertIs(taken, not typed.is_crossed())
            if not taken:
                break
            self.assertEqual((texts.best_bid, texts.best_ask), (typed.best_bid, typed.best_ask))
            if step in read_at:
                self.assertEqual((texts.bids, texts.asks), (typed.bids, typed.asks))
        self.assertEqual((texts.bids, texts.asks), (typed.bids, typed.asks))
