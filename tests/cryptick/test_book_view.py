import unittest
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cryptick.followed_book import FollowedBook
from exchange_wrapper.pair import Pair
from exchange_wrapper.times import from_iso

PAIR = Pair("BTC-USD", "BTC", "USD", Decimal("0.01"), Decimal("0.001"))
TIME = "2026-01-01T00:00:00.000000Z"

Levels = list[list[str]]


def message(sequence: int, bids: Levels, asks: Levels, type: str = "update") -> dict[str, Any]:
    return {"type": type, "sequence": sequence, "time": TIME, "bids": bids, "asks": asks}


def decimals(levels: Levels) -> list[tuple[Decimal, Decimal]]:
    return [(Decimal(price), Decimal(size)) for price, size in levels]


class Following(unittest.TestCase):
    def setUp(self) -> None:
        self.book = FollowedBook("gdax", PAIR)
        self.bids, self.asks = [["99.5", "2"], ["99", "1"]], [["100", "0.5"]]
        self.book.receive(message(5, self.bids, self.asks, "snapshot"))

    def test_a_snapshot_is_read_in_decimals_best_first(self) -> None:
        view = self.book.view
        self.assertEqual((view.exchange, view.pair, view.time), ("gdax", "BTC_USD", from_iso(TIME)))
        self.assertEqual((view.bid, view.bid_size), (Decimal("99.5"), 2))
        self.assertEqual((view.ask, view.ask_size), (100, Decimal("0.5")))
        self.assertEqual(view.bids(1), decimals(self.bids[:1]))
        self.assertEqual((view.bids(9), view.asks(9)), (decimals(self.bids), decimals(self.asks)))

    def test_changes_apply_in_their_order_and_once(self) -> None:
        table = ((6, "changed"), (6, "ignored"), (4, "ignored"), (7, "changed"))
        for sequence, outcome in table:
            change = message(sequence, [["99.5", "0"]], [["99.9", "1"]])
            self.assertEqual(self.book.receive(change), outcome)
        self.assertEqual((self.book.view.bid, self.book.view.ask), (99, Decimal("99.9")))

    def test_a_gap_empties_the_book_until_a_snapshot_comes(self) -> None:
        outcomes = [self.book.receive(message(n, [["98", "1"]], [])) for n in (7, 8, 9)]
        self.assertEqual(outcomes, ["lost", "ignored", "ignored"])
        view = self.book.view
        self.assertEqual((view.bid, view.ask, view.bid_size, view.asks(5)), (None, None, None, []))
        self.book.receive(message(9, self.bids, self.asks, "snapshot"))
        self.assertEqual(self.book.receive(message(10, [["99.9", "1"]], [])), "changed")
        self.assertEqual(view.bid, Decimal("99.9"))

    @given(st.lists(st.tuples(st.booleans(), st.integers(1, 20), st.integers(0, 3)), max_size=30))
    def test_it_equals_a_dictionary_of_the_same_changes(
        self, changes: list[tuple[bool, int, int]]
    ) -> None:
        book = FollowedBook("gdax", PAIR)
        book.receive(message(0, [], [], "snapshot"))
        expected: tuple[dict[int, int], dict[int, int]] = {}, {}
        for number, (is_bid, price, size) in enumerate(changes, 1):
            side = [[str(price), str(size)]]
            book.receive(message(number, side if is_bid else [], [] if is_bid else side))
            expected[not is_bid][price] = size
        bids, asks = ({p: s for p, s in side.items() if s} for side in expected)
        self.assertEqual(book.view.bids(99), sorted(bids.items(), reverse=True))
        self.assertEqual(book.view.asks(99), sorted(asks.items()))


if __name__ == "__main__":
    unittest.main()
