import unittest
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from exchange_wrapper.accounts import EXCHANGE_SET, UNALLOCATED_SET, Line, Reason, SetType, Wallet
from exchange_wrapper.changes import LinePosted, SetChanged, WalletOpened
from exchange_wrapper.errors import (
    ApiUsageError,
    BadWalletConfig,
    InsufficientFunds,
    UnknownName,
    XWrapError,
)
from exchange_wrapper.ledger import Ledger
from exchange_wrapper.times import UtcNs

NOW = UtcNs(1)


def funded() -> Ledger:
    """Return a ledger with 1,000 USD and 2 BTC at gdax, none of it allocated."""
    ledger = Ledger()
    ledger.open_exchange("gdax", ["BTC", "USD"])
    ledger.deposit("gdax", "USD", Decimal(1000), NOW)
    ledger.deposit("gdax", "BTC", Decimal(2), NOW)
    return ledger


def posted(ledger: Ledger) -> list[Line]:
    return [change.line for change in ledger.changes if isinstance(change, LinePosted)]


class Sets(unittest.TestCase):
    def setUp(self) -> None:
        self.ledger = funded()

    def settled(self, set_id: int | None, currency: str = "USD") -> Decimal:
        return self.ledger.wallet(set_id, "gdax", currency).settled

    def test_the_exchange_and_unallocated_sets_are_there_from_the_start(self) -> None:
        fresh = Ledger()
        self.assertEqual(
            {each.id: each.type for each in fresh.sets.values()},
            {EXCHANGE_SET: SetType.EXCHANGE, UNALLOCATED_SET: SetType.UNALLOCATED},
        )
        self.assertTrue(all(isinstance(change, SetChanged) for change in fresh.changes))

    def test_an_exchange_opens_its_wallets_once(self) -> None:
        self.ledger.changes.clear()
        self.ledger.open_exchange("gdax", ["BTC", "USD"])
        self.assertEqual(self.ledger.changes, [])
        self.ledger.open_exchange("gdax", ["ETH"])
        self.assertEqual([type(change) for change in self.ledger.changes], [WalletOpened] * 2)

    def test_a_wallet_that_a_set_does_not_have_is_named(self) -> None:
        for set_id, words in [(None, "unallocated funds have no XRP"), (9, "set 9 has no XRP")]:
            with self.subTest(set_id=set_id), self.assertRaisesRegex(UnknownName, words):
                self.ledger.wallet(set_id, "gdax", "XRP")

    def test_a_deposit_goes_to_the_exchange_and_to_the_unallocated_funds(self) -> None:
        self.assertEqual(self.settled(EXCHANGE_SET), 1000)
        self.assertEqual(self.settled(None), 1000)
        self.assertEqual({line.reason for line in posted(self.ledger)}, {Reason.VIRTUAL})

    def test_a_deposit_can_name_a_logical_wallet_but_only_a_fitting_one(self) -> None:
        created = self.ledger.create_set("run", [("gdax", "USD", Decimal(0))], NOW)
        wallet = self.ledger.wallet(created.id, "gdax", "USD")
        self.ledger.deposit("gdax", "USD", Decimal(5), NOW, wallet.id)
        self.assertEqual((self.settled(created.id), self.settled(None)), (5, 1000))
        self.assertEqual(self.settled(EXCHANGE_SET), 1005)
        exchange = self.ledger.wallet(EXCHANGE_SET, "gdax", "USD").id
        for currency, wallet_id, error in [
            ("BTC", wallet.id, BadWalletConfig),
            ("USD", 99, UnknownName),
            ("USD", exchange, ApiUsageError),
            ("XRP", None, BadWalletConfig),
        ]:
            with self.subTest(currency=currency, wallet=wallet_id), self.assertRaises(error):
                self.ledger.deposit("gdax", currency, Decimal(1), NOW, wallet_id)

    def test_more_than_is_available_can_not_be_withdrawn(self) -> None:
        self.ledger.deposit("gdax", "USD", Decimal(-1000), NOW)
        self.assertEqual(self.settled(EXCHANGE_SET), 0)
        with self.assertRaises(InsufficientFunds):
            self.ledger.deposit("gdax", "USD", Decimal("-0.01"), NOW)

    def test_a_set_is_funded_from_what_is_unallocated(self) -> None:
        created = self.ledger.create_set(
            "run", [("gdax", "USD", Decimal("600.5")), ("gdax", "BTC", Decimal(0))], NOW, "mine"
        )
        self.assertEqual((created.id, created.run_id, created.active), (3, "run", True))
        self.assertEqual((created.type, created.description), (SetType.LOGICAL, "mine"))
        self.assertEqual(self.settled(created.id), Decimal("600.5"))
        self.assertEqual(self.settled(None), Decimal("399.5"))
        self.assertEqual(self.settled(EXCHANGE_SET), 1000)
        self.assertEqual(self.ledger.wallet(created.id, "gdax", "USD").allocation, Decimal("600.5"))
        self.assertEqual(self.settled(created.id, "BTC"), 0)
        self.assertEqual(self.ledger.audit(), [])

    def test_a_set_that_can_not_be_funded_leaves_nothing_behind(self) -> None:
        usd = ("gdax", "USD", Decimal(500))
        for allocations, error in [
            ([usd, ("gdax", "BTC", Decimal(3))], InsufficientFunds),
            ([usd, usd], BadWalletConfig),
            ([usd, ("gdax", "XRP", Decimal(0))], BadWalletConfig),
            ([usd, ("kraken", "USD", Decimal(0))], BadWalletConfig),
            ([("gdax", "USD", Decimal(-1))], BadWalletConfig),
        ]:
            with self.subTest(allocations=allocations):
                before = len(self.ledger.changes)
                with self.assertRaises(error):
                    self.ledger.create_set("run", allocations, NOW)
                self.assertEqual(len(self.ledger.changes), before)
                self.assertEqual(len(self.ledger.sets), 2)

    def test_missing_funds_are_named_in_one_sentence(self) -> None:
        with self.assertRaises(InsufficientFunds) as caught:
            self.ledger.create_set("run", [("gdax", "USD", Decimal("1000.10"))], NOW)
        self.assertEqual(
            caught.exception.message,
            "1000.1 USD at gdax is needed but only 1000 is unallocated",
        )
        self.assertEqual(caught.exception.data, {"needed": "1000.1", "available": "1000"})

    def test_allocation_goes_both_ways_and_no_further_than_there_are_funds(self) -> None:
        created = self.ledger.create_set("run", [("gdax", "USD", Decimal(100))], NOW)
        self.ledger.allocate(created.id, "gdax", "USD", Decimal(-30), NOW)
        self.ledger.allocate(created.id, "gdax", "BTC", Decimal(1), NOW)
        self.assertEqual((self.settled(created.id), self.settled(None)), (70, 930))
        self.assertEqual(self.settled(created.id, "BTC"), 1)
        for set_id, currency, movement, error in [
            (created.id, "USD", -71, InsufficientFunds),
            (created.id, "USD", 931, InsufficientFunds),
            (created.id, "XRP", 1, BadWalletConfig),
            (99, "USD", 1, UnknownName),
            (UNALLOCATED_SET, "USD", 1, ApiUsageError),
            (EXCHANGE_SET, "USD", 1, ApiUsageError),
        ]:
            with self.subTest(set_id=set_id, movement=movement), self.assertRaises(error):
                self.ledger.allocate(set_id, "gdax", currency, Decimal(movement), NOW)
        self.assertEqual(self.ledger.audit(posted(self.ledger)), [])

    def test_a_closed_set_returns_its_funds_and_takes_part_in_nothing(self) -> None:
        created = self.ledger.create_set("run", [("gdax", "USD", Decimal(100))], NOW)
        closed = self.ledger.deactivate(created.id, NOW)
        self.assertFalse(closed.active)
        self.assertEqual(self.ledger.changes[-1], SetChanged(closed))
        self.assertEqual((self.settled(created.id), self.settled(None)), (0, 1000))
        with self.assertRaises(ApiUsageError):
            self.ledger.deactivate(created.id, NOW)
        with self.assertRaises(ApiUsageError):
            self.ledger.allocate(created.id, "gdax", "USD", Decimal(1), NOW)
        with self.assertRaises(ApiUsageError):
            self.ledger.active_set(created.id)

    def test_a_set_with_funds_on_hold_stays_open(self) -> None:
        created = self.ledger.create_set("run", [("gdax", "USD", Decimal(100))], NOW)
        self.ledger.hold(self.ledger.wallet(created.id, "gdax", "USD"), Decimal(1), 7, NOW)
        with self.assertRaises(ApiUsageError):
            self.ledger.deactivate(created.id, NOW)


class Audit(unittest.TestCase):
    def test_each_kind_of_fault_is_named(self) -> None:
        def lost(ledger: Ledger, wallet: Wallet) -> None:
            wallet.settled -= 1

        def overspent(ledger: Ledger, wallet: Wallet) -> None:
            wallet.settled -= 1001

        def held(ledger: Ledger, wallet: Wallet) -> None:
            wallet.held_debit -= 1

        def closed(ledger: Ledger, wallet: Wallet) -> None:
            ledger.sets[2] = replace(ledger.sets[2], active=False)

        def unknown(ledger: Ledger, wallet: Wallet) -> None:
            del ledger.sets[2]

        for fault, word in [
            (lost, "its wallets 999"),
            (overspent, "-1 available"),
            (held, "on hold"),
            (closed, "closed wallet set"),
            (unknown, "unknown wallet set 2"),
        ]:
            with self.subTest(fault=fault.__name__):
                ledger = funded()
                self.assertEqual(ledger.audit(), [])
                fault(ledger, ledger.wallet(None, "gdax", "USD"))
                self.assertIn(word, " ".join(ledger.audit()))

    def test_lines_that_do_not_sum_to_their_wallet_are_found(self) -> None:
        ledger = funded()
        lines = posted(ledger)
        self.assertEqual(ledger.audit(lines), [])
        self.assertEqual(len(ledger.audit(lines[1:])), 1)
        self.assertIn(
            "unknown wallet 99", " ".join(ledger.audit([*lines, replace(lines[0], wallet_id=99)]))
        )


class Restart(unittest.TestCase):
    def test_a_restored_ledger_goes_on_as_the_first_would_have(self) -> None:
        first = funded()
        created = first.create_set("run", [("gdax", "USD", Decimal(100))], NOW)
        first.hold(first.wallet(created.id, "gdax", "USD"), Decimal(30), 7, NOW)
        lines = posted(first)
        second = Ledger()
        second.restore(
            first.sets.values(),
            first.wallets.values(),
            [(first.wallet(created.id, "gdax", "USD").id, 7, Decimal(-30))],
            lines[-1].id,
        )
        self.assertEqual(second.changes, [])
        self.assertEqual(second.audit(lines), [])
        wallet = second.wallet(created.id, "gdax", "USD")
        second.release(wallet, Decimal(30), 7, NOW)
        self.assertEqual(posted(second)[0].id, lines[-1].id + 1)
        self.assertEqual(second.create_set("other", [], NOW).id, created.id + 1)
        before = len(second.wallets)
        second.open_exchange("gdax", ["ETH"])
        self.assertEqual(len(second.wallets), before + 2)

    def test_a_hold_that_was_lost_is_found_by_the_audit(self) -> None:
        first = funded()
        first.hold(first.wallet(None, "gdax", "USD"), Decimal(30), 7, NOW)
        second = Ledger()
        second.restore(first.sets.values(), first.wallets.values(), [], 99)
        self.assertEqual(len(second.audit()), 1)


amounts = st.one_of(
    st.sampled_from([Decimal(1), Decimal(2), Decimal(1000)]),
    st.decimals(Decimal("0.00000001"), 1500, places=8),
)
calls = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "deposit",
                "withdraw",
                "create",
                "allocate",
                "free",
                "close",
                "hold",
                "release",
                "expect",
                "unexpect",
                "pay",
                "earn",
            ]
        ),
        st.integers(2, 5),
        st.sampled_from(["USD", "BTC"]),
        amounts,
        st.integers(1, 3),
    ),
    min_size=20,
    max_size=60,
)


class Properties(unittest.TestCase):
    @given(calls)
    def test_the_books_balance_whatever_is_asked_and_equal_the_sum_of_their_lines(
        self, asked: list[tuple[str, int, str, Decimal, int]]
    ) -> None:
        ledger = funded()
        for action, set_id, currency, amount, order_id in asked:
            wallet = ledger.find_wallet(set_id, "gdax", currency)
            before = len(ledger.changes)
            try:
                if action == "deposit":
                    ledger.deposit("gdax", currency, amount, NOW)
                elif action == "withdraw":
                    ledger.deposit("gdax", currency, -amount, NOW)
                elif action == "create":
                    ledger.create_set("run", [("gdax", currency, amount)], NOW)
                elif action == "allocate":
                    ledger.allocate(set_id, "gdax", currency, amount, NOW)
                elif action == "free":
                    ledger.allocate(set_id, "gdax", currency, -amount, NOW)
                elif action == "close":
                    ledger.deactivate(set_id, NOW)
                elif wallet is None or not ledger.sets[set_id].active:
                    continue
                elif action == "hold":
                    ledger.hold(wallet, amount, order_id, NOW)
                elif action == "release":
                    ledger.release(wallet, amount, order_id, NOW)
                elif action == "expect":
                    ledger.expect(wallet, amount, order_id, NOW)
                elif action == "unexpect":
                    ledger.expect(wallet, -amount, order_id, NOW)
                elif action == "pay":
                    ledger.settle(wallet, -amount, order_id, Reason.FILL, NOW)
                elif action == "earn":
                    ledger.settle(wallet, amount, order_id, Reason.FILL, NOW)
            except XWrapError:
                self.assertEqual(len(ledger.changes), before)  # refused means untouched
            self.assertEqual(ledger.audit(posted(ledger)), [])


if __name__ == "__main__":
    unittest.main()
