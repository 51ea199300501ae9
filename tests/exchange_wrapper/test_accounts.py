import unittest
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from exchange_wrapper.accounts import Line, Reason, Wallet, balances
from exchange_wrapper.times import UtcNs

amounts = st.decimals(-1000, 1000, places=8)
lines = st.lists(
    st.builds(
        Line,
        id=st.just(1),
        wallet_id=st.just(1),
        movement=amounts,
        on_hold=st.booleans(),
        order_id=st.integers(1, 3),
        reason=st.just(Reason.ORDER),
        date=st.just(UtcNs(0)),
    ),
    max_size=20,
)


def line(movement: str, *, on_hold: bool, order_id: int = 1) -> Line:
    return Line(1, 1, Decimal(movement), on_hold, order_id, Reason.ORDER, UtcNs(0))


class Balances(unittest.TestCase):
    def test_holds_count_on_one_side_and_settlement_on_both(self) -> None:
        for posted, balance, available in [
            ([], "0", "0"),
            ([line("100", on_hold=False)], "100", "100"),
            ([line("100", on_hold=False), line("-30", on_hold=True)], "100", "70"),
            ([line("100", on_hold=False), line("30", on_hold=True)], "130", "100"),
            ([line("-30", on_hold=True), line("30", on_hold=True)], "0", "0"),
            (
                [line("-30", on_hold=True), line("30", on_hold=True, order_id=2)],
                "30",
                "-30",
            ),
        ]:
            with self.subTest(posted=posted):
                self.assertEqual(balances(posted), (Decimal(balance), Decimal(available)))

    @given(lines)
    def test_a_hold_never_makes_funds_available(self, posted: list[Line]) -> None:
        balance, available = balances(posted)
        settled = sum((each.movement for each in posted if not each.on_hold), Decimal(0))
        self.assertLessEqual(available, settled)
        self.assertLessEqual(settled, balance)

    @given(lines)
    def test_the_order_of_lines_does_not_matter(self, posted: list[Line]) -> None:
        self.assertEqual(balances(posted), balances(posted[::-1]))

    def test_a_wallet_shows_the_same_three_figures(self) -> None:
        wallet = Wallet(
            1, 3, "gdax", "USD", settled=Decimal(100), held_debit=Decimal(-30),
            held_credit=Decimal(5),
        )  # fmt: skip
        self.assertEqual((wallet.balance, wallet.available, wallet.hold), (105, 70, 35))


if __name__ == "__main__":
    unittest.main()
