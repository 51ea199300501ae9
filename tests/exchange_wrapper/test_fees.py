import unittest
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from exchange_wrapper.errors import InvalidAmount
from exchange_wrapper.fees import FEE_STEP, FeeSchedule, affordable, cost_with_fee, round_fee
from exchange_wrapper.pair import Pair

PAIRS = [
    Pair("BTC-USD", "BTC", "USD", Decimal("0.01"), Decimal("0.00000001")),
    Pair("ETH-BTC", "ETH", "BTC", Decimal("0.00001"), Decimal("0.00000001")),
    Pair("X", "AAA", "BBB", Decimal("0.25"), Decimal("3")),
]
rates = st.decimals(0, Decimal("0.999"), places=6)


class Fees(unittest.TestCase):
    def test_the_worst_fee_is_the_higher_one(self) -> None:
        self.assertEqual(FeeSchedule(Decimal("0.004"), Decimal("0.006")).worst, Decimal("0.006"))
        self.assertEqual(FeeSchedule(Decimal("-0.0001"), Decimal(0)).worst, 0)
        self.assertEqual(FeeSchedule(Decimal("0.01"), Decimal("0.006")).worst, Decimal("0.01"))

    def test_fees_of_a_whole_or_a_taker_rebate_are_refused(self) -> None:
        for maker, taker in [("1", "0"), ("0", "1"), ("-1", "0"), ("0", "-0.1"), ("0", "6")]:
            with self.subTest(maker=maker, taker=taker), self.assertRaises(InvalidAmount):
                FeeSchedule(Decimal(maker), Decimal(taker))

    def test_a_fee_is_rounded_up_to_its_step(self) -> None:
        self.assertEqual(round_fee(Decimal("0.000000010001")), Decimal("0.00000002"))
        self.assertEqual(round_fee(Decimal("0.5")), Decimal("0.5"))
        self.assertEqual(cost_with_fee(Decimal(100), Decimal("0.006")), Decimal("100.6"))

    @given(st.sampled_from(PAIRS), st.decimals(0, 10**9, places=10), rates)
    def test_affordable_is_the_most_that_funds_pay_for(
        self, pair: Pair, funds: Decimal, rate: Decimal
    ) -> None:
        most = affordable(funds, rate, pair)
        self.assertLessEqual(cost_with_fee(pair.notional(most), rate), funds)
        self.assertGreater(cost_with_fee(pair.notional(most + 1), rate), funds)

    @given(st.lists(st.decimals(0, 1000, places=12), min_size=1, max_size=8))
    def test_cumulative_rounding_costs_at_most_one_step(self, exact: list[Decimal]) -> None:
        charged = total = Decimal(0)
        for fee in exact:
            total += fee
            charged += round_fee(total) - charged
            self.assertLess(charged - total, FEE_STEP)
            self.assertGreaterEqual(charged, total)


if __name__ == "__main__":
    unittest.main()
