import unittest
from decimal import Decimal
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from exchange_wrapper.book import L2Book, Ladder
from exchange_wrapper.errors import DataError
from exchange_wrapper.numbers import Lots, Ticks
from exchange_wrapper.pair import Pair
from exchange_wrapper.terms import Side

PAIR = Pair("BTC-USD", "BTC", "USD", Decimal("0.01"), Decimal("0.00000001"))

sides = st.sampled_from(Side)
prices = st.integers(1, 25).map(Ticks)
sizes = st.one_of(st.just(Lots(0)), st.integers(0, 100).map(Lots))
changes = st.lists(st.tuples(sides, prices, sizes), min_size=10, max_size=80)


class Levels(unittest.TestCase):
    def setUp(self) -> None:
        self.book = L2Book(PAIR)

    def test_an_empty_book_has_no_best_price_and_is_not_crossed(self) -> None:
        self.assertIsNone(self.book.best_bid)
        self.assertIsNone(self.book.best_ask)
        self.assertFalse(self.book.is_crossed())
        self.assertEqual(self.book.depth(Side.BUY, 5), [])

    def test_setting_a_level_returns_what_was_there_before(self) -> None:
        self.assertEqual(self.book.set_level(Side.BUY, Ticks(9), Lots(3)), 0)
        self.assertEqual(self.book.set_level(Side.BUY, Ticks(9), Lots(4)), 3)
        self.assertEqual(self.book.set_level(Side.BUY, Ticks(9), Lots(0)), 4)
        self.assertEqual(self.book.set_level(Side.BUY, Ticks(9), Lots(0)), 0)
        self.assertEqual(self.book.bids, {})

    def test_replacing_leaves_what_was_got_before_as_it_was(self) -> None:
        self.book.set_level(Side.SELL, Ticks(9), Lots(3))
        old = self.book.asks
        self.book.replace([(Ticks(5), Lots(1)), (Ticks(4), Lots(0))], [(Ticks(6), Lots(2))])
        self.assertEqual(old, {9: 3})
        self.assertEqual((self.book.bids, self.book.asks), ({5: 1}, {6: 2}))

    def test_sizes_below_zero_and_prices_not_above_are_refused_and_change_nothing(self) -> None:
        self.book.replace([(Ticks(5), Lots(1))], [(Ticks(6), Lots(2))])
        for side, price, size in [(Side.BUY, 5, -1), (Side.SELL, 0, 1), (Side.BUY, -3, 1)]:
            with self.subTest(price=price, size=size):
                with self.assertRaises(DataError):
                    self.book.set_level(side, Ticks(price), Lots(size))
                with self.assertRaises(DataError):
                    self.book.apply([(side, Ticks(price), Lots(size))])
                with self.assertRaises(DataError):
                    self.book.replace([], [(Ticks(price), Lots(size))])
        self.assertEqual((self.book.bids, self.book.asks), ({5: 1}, {6: 2}))

    def test_a_locked_or_crossed_book_is_said_to_be_crossed(self) -> None:
        for bid, ask, crossed in [(9, 10, False), (10, 10, True), (11, 10, True)]:
            with self.subTest(bid=bid, ask=ask):
                self.book.replace([(Ticks(bid), Lots(1))], [(Ticks(ask), Lots(1))])
                self.assertIs(self.book.is_crossed(), crossed)

    def test_a_price_that_comes_and_goes_does_not_grow_the_book(self) -> None:
        ladder = Ladder[int](Side.SELL)
        for step in range(10_000):
            price = Ticks(1 + step * 7919 % 5000)
            ladder.add(price, 1)
            ladder.remove(price)
        self.assertLess(len(ladder._heap), 200)


class Properties(unittest.TestCase):
    @given(changes)
    def test_several_changes_at_once_make_the_same_book_as_one_by_one(
        self, updates: list[tuple[Side, Ticks, Lots]]
    ) -> None:
        one_by_one, at_once = L2Book(PAIR), L2Book(PAIR)
        for first in range(0, len(updates), 3):
            part = updates[first : first + 3]
            for change in part:
                one_by_one.set_level(*change)
            self.assertIs(at_once.apply(part), one_by_one.is_crossed())
            self.assertEqual(at_once.best_bid, one_by_one.best_bid)
            self.assertEqual(at_once.best_ask, one_by_one.best_ask)
            self.assertEqual((at_once.bids, at_once.asks), (one_by_one.bids, one_by_one.asks))

    @given(changes, changes)
    def test_the_book_equals_a_rebuild_from_scratch(
        self,
        first: list[tuple[Side, Ticks, Lots]],
        second: list[tuple[Side, Ticks, Lots]],
    ) -> None:
        book = L2Book(PAIR)
        plain: dict[Side, dict[Ticks, Lots]] = {Side.BUY: {}, Side.SELL: {}}
        for side, price, size in first:
            plain[side][price] = size
        book.replace(plain[Side.BUY].items(), plain[Side.SELL].items())
        for side, price, size in second:
            self.assertEqual(book.set_level(side, price, size), plain[side].get(price, 0))
            plain[side][price] = size
            expected = {
                each: {price: size for price, size in plain[each].items() if size} for each in Side
            }
            self.assertEqual((book.bids, book.asks), (expected[Side.BUY], expected[Side.SELL]))
            bid = max(expected[Side.BUY], default=None)
            ask = min(expected[Side.SELL], default=None)
            self.assertEqual((book.best_bid, book.best_ask), (bid, ask))
            crossed = bid is not None and ask is not None and bid >= ask
            self.assertIs(book.is_crossed(), crossed)

    @given(changes, sides, st.integers(0, 30))
    def test_levels_and_depth_are_the_sorted_side(
        self, updates: list[tuple[Side, Ticks, Lots]], side: Side, n: int
    ) -> None:
        book = L2Book(PAIR)
        levels = [(Ticks(price), Lots(1)) for price in range(10, 20)]
        book.replace(levels, levels)
        for each, price, size in updates:
            book.set_level(each, price, size)
        levels = sorted(
            (book.bids if side is Side.BUY else book.asks).items(), reverse=side is Side.BUY
        )
        self.assertEqual(list(book.levels(side)), levels)
        self.assertEqual(list(islice(book.levels(side), n)), levels[:n])
        self.assertEqual(book.depth(side, n), levels[:n])

    def test_the_best_price_can_be_asked_for_while_levels_are_read(self) -> None:
        book = L2Book(PAIR)
        book.replace([], [(Ticks(price), Lots(1)) for price in range(1, 20)])
        for price in (1, 2, 3):
            book.set_level(Side.SELL, Ticks(price), Lots(0))
        read = [(price, book.best_ask) for price, _ in book.levels(Side.SELL)]
        self.assertEqual(read, [(price, 4) for price in range(4, 20)])

    def test_a_few_levels_of_a_deep_book_come_without_sorting_it(self) -> None:
        book = L2Book(PAIR)
        book.replace([(Ticks(price), Lots(1)) for price in range(1, 5001)], [])
        self.assertEqual(book.depth(Side.BUY, 3), [(5000, 1), (4999, 1), (4998, 1)])


if __name__ == "__main__":
    unittest.main()
