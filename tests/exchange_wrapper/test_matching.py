import unittest
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from exchange_wrapper.matching import Match, match_limit_order, match_market_order
from exchange_wrapper.numbers import Lots, Ticks
from exchange_wrapper.terms import Side

Levels = list[tuple[Ticks, Lots]]
ASKS: Levels = [(Ticks(100), Lots(5)), (Ticks(101), Lots(0)), (Ticks(103), Lots(7))]
BIDS: Levels = [(Ticks(99), Lots(4)), (Ticks(97), Lots(6))]

sizes = st.integers(1, 50).map(Lots)
prices = st.integers(1, 30).map(Ticks)
books = st.dictionaries(prices, st.integers(0, 20).map(Lots), max_size=12)


def total(matches: list[Match]) -> int:
    return sum(size for _, size in matches)


class Limit(unittest.TestCase):
    def test_an_order_takes_the_best_prices_first_and_stops_at_its_limit(self) -> None:
        for side, levels, size, limit, expected in [
            (Side.BUY, ASKS, 3, 100, [(100, 3)]),
            (Side.BUY, ASKS, 9, 103, [(100, 5), (103, 4)]),
            (Side.BUY, ASKS, 9, 102, [(100, 5)]),
            (Side.BUY, ASKS, 9, 99, []),
            (Side.SELL, BIDS, 9, 97, [(99, 4), (97, 5)]),
            (Side.SELL, BIDS, 9, 98, [(99, 4)]),
            (Side.SELL, [], 9, 1, []),
        ]:
            with self.subTest(side=side, size=size, limit=limit):
                self.assertEqual(
                    match_limit_order(levels, side, Lots(size), Ticks(limit)), expected
                )

    def test_no_more_levels_are_read_than_the_order_reaches(self) -> None:
        def levels() -> Iterator[tuple[Ticks, Lots]]:
            yield Ticks(100), Lots(5)
            raise AssertionError("read too far")

        self.assertEqual(total(match_limit_order(levels(), Side.BUY, Lots(5), Ticks(200))), 5)
        self.assertEqual(total(match_market_order(levels(), Side.BUY, Lots(5))), 5)

    @given(books, st.sampled_from(Side), sizes, prices)
    def test_it_trades_all_that_is_offered_within_its_limit_and_no_more(
        self, book: dict[Ticks, Lots], side: Side, size: Lots, limit: Ticks
    ) -> None:
        levels = sorted(book.items(), reverse=side is Side.SELL)
        matches = match_limit_order(levels, side, size, limit)
        offered = sum(
            lots
            for price, lots in levels
            if (price <= limit if side is Side.BUY else price >= limit)
        )
        self.assertEqual(total(matches), min(size, offered))
        for price, lots in matches:
            self.assertGreater(lots, 0)
            self.assertLessEqual(lots, book[price])
        # Price priority: every level before the last one that trades is used up.
        for price, lots in matches[:-1]:
            self.assertEqual(lots, book[price])


class Market(unittest.TestCase):
    def test_an_order_walks_the_book_until_size_or_budget_is_used_up(self) -> None:
        for side, levels, size, budget, expected in [
            (Side.BUY, ASKS, 9, None, [(100, 5), (103, 4)]),
            (Side.BUY, ASKS, 99, None, [(100, 5), (103, 7)]),
            (Side.BUY, ASKS, 9, 500 + 103 * 2 + 102, [(100, 5), (103, 2)]),
            (Side.BUY, ASKS, 9, 500, [(100, 5)]),
            (Side.BUY, ASKS, 9, 99, []),
            (Side.SELL, BIDS, 9, None, [(99, 4), (97, 5)]),
        ]:
            with self.subTest(side=side, size=size, budget=budget):
                self.assertEqual(match_market_order(levels, side, Lots(size), budget), expected)

    @given(books, sizes, st.integers(0, 2000))
    def test_a_budget_is_never_exceeded_nor_left_while_a_lot_is_affordable(
        self, book: dict[Ticks, Lots], size: Lots, budget: int
    ) -> None:
        levels = sorted(book.items())
        matches = match_market_order(levels, Side.BUY, size, budget)
        spent = sum(price * lots for price, lots in matches)
        self.assertLessEqual(spent, budget)
        if total(matches) < size:
            left = dict(levels)
            for price, lots in matches:
                left[price] = Lots(left[price] - lots)
            cheapest = min((price for price, lots in left.items() if lots), default=None)
            if cheapest is not None:
                self.assertGreater(spent + cheapest, budget)


if __name__ == "__main__":
    unittest.main()
