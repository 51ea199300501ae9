import unittest
from decimal import Decimal

from msgspec.structs import replace

from exchange_wrapper.accounts import EXCHANGE_SET, Reason
from exchange_wrapper.errors import InsufficientFunds, LedgerBreach
from tests.exchange_wrapper.test_ledger import NOW, funded, posted


class Holds(unittest.TestCase):
    def setUp(self) -> None:
        self.ledger = funded()
        self.wallet = self.ledger.wallet(None, "gdax", "USD")

    def figures(self) -> tuple[Decimal, Decimal, Decimal]:
        return self.wallet.balance, self.wallet.available, self.wallet.hold

    def test_a_held_debit_lowers_what_is_available_only(self) -> None:
        self.ledger.hold(self.wallet, Decimal(300), 7, NOW)
        self.assertEqual(self.figures(), (1000, 700, 300))
        self.ledger.release(self.wallet, Decimal(100), 7, NOW)
        self.assertEqual(self.figures(), (1000, 800, 200))
        self.assertEqual(self.ledger.held_for(self.wallet, 7), -200)

    def test_a_held_credit_raises_the_balance_only(self) -> None:
        self.ledger.expect(self.wallet, Decimal(50), 7, NOW)
        self.assertEqual(self.figures(), (1050, 1000, 50))
        self.ledger.expect(self.wallet, Decimal(-50), 7, NOW)
        self.assertEqual(self.figures(), (1000, 1000, 0))
        self.assertEqual(self.ledger.audit(posted(self.ledger)), [])

    def test_no_more_is_held_than_available_nor_released_than_held(self) -> None:
        self.ledger.hold(self.wallet, Decimal(600), 7, NOW)
        with self.assertRaises(InsufficientFunds):
            self.ledger.hold(self.wallet, Decimal(401), 8, NOW)
        with self.assertRaises(LedgerBreach):
            self.ledger.release(self.wallet, Decimal(601), 7, NOW)
        with self.assertRaises(LedgerBreach):
            self.ledger.release(self.wallet, Decimal(1), 8, NOW)
        with self.assertRaises(LedgerBreach):
            self.ledger.expect(self.wallet, Decimal(-1), 8, NOW)
        self.assertEqual(self.figures(), (1000, 400, 600))

    def test_what_is_on_hold_can_not_be_paid_away(self) -> None:
        self.ledger.hold(self.wallet, Decimal(600), 7, NOW)
        before = len(self.ledger.changes)
        with self.assertRaises(LedgerBreach):
            self.ledger.settle(self.wallet, Decimal(-401), 8, Reason.FILL, NOW)
        self.assertEqual(len(self.ledger.changes), before)
        self.assertEqual(self.figures(), (1000, 400, 600))

    def test_a_settlement_is_mirrored_in_the_books_of_the_exchange(self) -> None:
        self.ledger.settle(self.wallet, Decimal(-1), 8, Reason.FEE, NOW)
        mirror = self.ledger.wallet(EXCHANGE_SET, "gdax", "USD")
        self.assertEqual(mirror.settled, 999)
        first, second = posted(self.ledger)[-2:]
        self.assertEqual(replace(second, id=first.id, wallet_id=first.wallet_id), first)
        self.assertEqual((first.order_id, first.reason, first.on_hold), (8, Reason.FEE, False))


class Fills(unittest.TestCase):
    def setUp(self) -> None:
        self.ledger = funded()
        self.base, self.quote = (self.ledger.wallet(None, "gdax", c) for c in ("BTC", "USD"))

    def fill(self, size: str, notional: str, fee: str, freed: str) -> None:
        amounts = (Decimal(amount) for amount in (size, notional, fee, freed))
        self.ledger.fill(self.base, self.quote, *amounts, 7, 1, NOW)

    def test_a_fill_moves_both_currencies_at_the_exchange_too_and_charges_the_fee(self) -> None:
        self.ledger.hold(self.quote, Decimal(600), 7, NOW)
        self.fill("3", "-300", "1", "301")
        self.assertEqual((self.base.settled, self.quote.settled), (5, 699))
        self.assertEqual((self.quote.hold, self.quote.available), (299, 400))
        self.fill("-1", "110", "-0.5", "0")
        self.assertEqual((self.base.settled, self.quote.settled), (4, Decimal("809.5")))
        reasons = [(line.reason, line.movement) for line in posted(self.ledger)[-6::2]]
        self.assertEqual(
            reasons, [(Reason.FILL, -1), (Reason.FILL, 110), (Reason.FEE, Decimal("0.5"))]
        )
        self.assertEqual(self.ledger.audit(posted(self.ledger)), [])

    def test_a_fill_that_can_not_be_paid_books_nothing(self) -> None:
        self.ledger.hold(self.quote, Decimal(600), 7, NOW)
        cases = {
            "more is freed than held": ("1", "-601", "0", "601"),
            "the quote does not pay for the base": ("1", "-1001", "0", "600"),
            "nor for the fee": ("1", "-1000", "1", "600"),
            "the base is not there": ("-3", "300", "0", "0"),
        }
        before = list(self.ledger.changes)
        for name, amounts in cases.items():
            with self.subTest(name):
                with self.assertRaises(LedgerBreach):
                    self.fill(*amounts)
                self.assertEqual(self.ledger.changes, before)
                self.assertEqual((self.base.settled, self.quote.settled), (2, 1000))
                self.assertEqual(self.quote.hold, 600)
        self.assertEqual(self.ledger.audit(posted(self.ledger)), [])


if __name__ == "__main__":
    unittest.main()
