import asyncio
import logging
import signal
import subprocess
import sys
import tempfile
import unittest
from decimal import Decimal
from pathlib import Path

from exchange_wrapper.accounts import EXCHANGE_SET, UNALLOCATED_SET
from exchange_wrapper.changes import Change, LinePosted, SetChanged
from exchange_wrapper.db import create_database, open_database, raw
from exchange_wrapper.desk import Desk
from exchange_wrapper.errors import LedgerBreach, StorageUnavailable, Unavailable
from exchange_wrapper.journal import Journal
from exchange_wrapper.ledger import Ledger
from exchange_wrapper.models import MODELS
from exchange_wrapper.orders import Order
from exchange_wrapper.restore import Restored, restore
from exchange_wrapper.times import UtcNs
from tests.exchange_wrapper.fake_exchange import rows, until

ROOT = Path(__file__).parents[2]


def find_none(run_id: str, client_oid: str) -> Order | None:
    return None


def restored(path: Path) -> Desk:
    database = open_database(path)
    try:
        return restore(database, find_none).desk
    finally:
        database.close()


class AJournal(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "xwrap.db"
        create_database(self.path, MODELS)
        self.ledger = Ledger()
        self.desk = Desk(self.ledger)
        self.announced: list[list[Change]] = []
        self.failures: list[StorageUnavailable] = []
        self.journal = Journal(
            self.path, self.desk.take_changes, self.announced.append, self.failures.append
        )
        await self.journal.open()
        self.addAsyncCleanup(self.journal.close)
        self.ledger.open_exchange("fake", ["USD"])
        await self.journal.committed()

    def deposit(self, amount: str = "1") -> None:
        self.ledger.deposit("fake", "USD", Decimal(amount), UtcNs(1))

    def line_count(self) -> int:
        ((count,),) = rows(self.path, "SELECT count(*) FROM walletline")
        return int(count)

    async def test_has_written_what_it_acknowledges(self) -> None:
        self.deposit("35521.123456789012345")
        await self.journal.committed()
        stored = rows(self.path, "SELECT settled FROM virtualwallet")
        self.assertEqual(stored, [("35521.123456789012345",)] * 2)
        self.assertEqual(self.line_count(), 2)

    async def test_writes_a_whole_turn_of_the_loop_in_one_transaction(self) -> None:
        await asyncio.sleep(0)  # what was set up is announced
        self.announced.clear()
        waiters = []
        for _ in range(50):
            self.deposit()
            waiters.append(self.journal.committed())
        await asyncio.gather(*waiters)
        await asyncio.sleep(0)
        (batch,) = self.announced
        self.assertEqual(len(batch), 100)

    async def test_announces_after_it_acknowledges_and_in_order(self) -> None:
        happened: list[str] = []
        self.journal._announce = lambda changes: happened.append(f"announced {len(changes)}")

        async def act(name: str) -> None:
            self.deposit()
            await self.journal.committed()
            happened.append(name)

        await asyncio.gather(act("a"), act("b"))
        await act("c")
        await asyncio.sleep(0)
        self.assertEqual(happened, ["a", "b", "announced 4", "c", "announced 2"])

    async def test_writes_without_being_waited_for(self) -> None:
        self.deposit()
        self.journal.schedule()
        await until(lambda: len(self.announced) == 2)
        self.assertEqual(self.line_count(), 2)

    async def test_gathers_the_next_batch_while_one_is_written(self) -> None:
        self.deposit()
        first = self.journal.committed()
        await asyncio.sleep(0)  # it is being written now
        for _ in range(5):
            self.deposit()
            second = self.journal.committed()
        await asyncio.gather(first, second)
        await asyncio.sleep(0)
        self.assertEqual([len(batch) for batch in self.announced[-2:]], [2, 10])

    async def test_waits_for_what_is_under_way_though_nothing_is_new(self) -> None:
        self.deposit()
        self.journal.schedule()
        await asyncio.sleep(0)
        await self.journal.committed()
        self.assertEqual(self.line_count(), 2)

    async def test_gives_up_for_good_when_it_can_not_write(self) -> None:
        logging.disable(logging.CRITICAL)
        self.addCleanup(logging.disable, logging.NOTSET)
        trigger = (
            "CREATE TRIGGER full BEFORE INSERT ON walletline BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
        await self.journal.read(lambda database: raw(database).execute(trigger))
        self.deposit()
        for _ in range(2):
            with self.assertRaises(StorageUnavailable):
                await self.journal.committed()
        self.assertEqual(len(self.failures), 1)
        stored = rows(self.path, "SELECT settled FROM virtualwallet")
        self.assertEqual(stored, [("0",)] * 2)

    async def test_is_the_only_one_on_its_file(self) -> None:
        other = Journal(self.path, list, self.announced.append, self.failures.append)
        with self.assertRaises(Unavailable):
            await other.open()
        await other.close()

    async def test_finishes_what_is_left_when_it_is_closed(self) -> None:
        self.deposit("7")
        await self.journal.close()
        self.assertEqual(restored(self.path).ledger.wallet(None, "fake", "USD").settled, 7)

    async def test_keeps_the_order_of_causes(self) -> None:
        wallet_set = self.ledger.create_set("run", [("fake", "USD", Decimal(0))], UtcNs(1))
        await self.journal.committed()
        await asyncio.sleep(0)
        kinds = [type(change) for batch in self.announced for change in batch]
        self.assertLess(kinds.index(SetChanged), len(kinds))
        self.assertNotIn(LinePosted, kinds)
        self.assertIn(wallet_set.id, restored(self.path).ledger.sets)


class WhatIsStored(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "xwrap.db"
        subprocess.run(
            [sys.executable, "-m", "tests.exchange_wrapper.doomed_service", str(self.path), "3"],
            check=True,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
        )

    def test_adds_up(self) -> None:
        desk = restored(self.path)
        self.assertTrue(desk.orders)
        self.assertEqual(desk.ledger.audit(), [])

    def after(self, change: str) -> Restored:
        """Restore what is stored after a change by somebody else, which is taken back."""
        database = open_database(self.path)
        try:
            raw(database).execute("PRAGMA foreign_keys = 0")
            raw(database).execute("BEGIN")
            raw(database).execute(change)
            return restore(database, find_none)
        finally:
            raw(database).execute("ROLLBACK")
            database.close()

    def test_blames_the_set_whose_balance_hold_or_fill_was_changed(self) -> None:
        run_set = max(restored(self.path).ledger.sets)
        whole = "UPDATE virtualwallet SET settled = '123' WHERE base = 'USD' AND wallet_set_id = "
        for change, blamed in (
            (f"{whole}{UNALLOCATED_SET}", UNALLOCATED_SET),
            (f"{whole}{run_set}", run_set),
            ("UPDATE virtualwallet SET held_debit = '0'", run_set),
            ("UPDATE \"order\" SET hold = '1' WHERE done_at IS NULL", run_set),
            ("UPDATE \"order\" SET filled_size = '0.0001' WHERE done_at IS NULL", run_set),
        ):
            with self.subTest(change):
                desk, breaches = self.after(change)
                self.assertEqual(list(breaches), [blamed])
                # By its lines everything adds up: nobody else is drawn in later.
                self.assertEqual(desk.ledger.breaches(), {})

    def test_is_refused_if_no_set_can_be_blamed(self) -> None:
        run_set = max(restored(self.path).ledger.sets)
        for change, word in (
            (f"UPDATE virtualwallet SET settled = '5' WHERE wallet_set_id = {EXCHANGE_SET}", "has"),
            ("UPDATE virtualwallet SET settled = '5'", "its lines"),
            (f"UPDATE walletset SET active = 0 WHERE id = {run_set}", "closed"),
            (f"DELETE FROM walletset WHERE id = {run_set}", "unknown wallet set"),
            (f"DELETE FROM virtualwallet WHERE wallet_set_id = {run_set}", "unknown wallet"),
        ):
            with self.subTest(change), self.assertRaisesRegex(LedgerBreach, word) as caught:
                self.after(change)
            assert caught.exception.data is not None
            self.assertTrue(caught.exception.data["faults"])


class AKilledService(unittest.TestCase):
    def test_leaves_a_database_with_all_it_had_acknowledged_and_nothing_else(self) -> None:
        for acknowledged in (1, 25, 60):
            with self.subTest(acknowledged), tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "xwrap.db"
                heard = self.run_and_kill(path, acknowledged)
                desk = restored(path)  # audits lines, balances, holds and trades
                stored = {oid: status for oid, status in rows(path, _ORDERS)}
                self.assertLessEqual(set(heard), set(stored))
                open_ids = {order.request.client_oid for order in desk.orders.values()}
                self.assertEqual(open_ids, {oid for oid in stored if stored[oid] != "done"})

    def run_and_kill(self, path: Path, count: int) -> list[str]:
        """Return the names of the orders that were acknowledged before the kill."""
        command = [sys.executable, "-m", "tests.exchange_wrapper.doomed_service", str(path)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            heard = [process.stdout.readline().strip() for _ in range(count)]
            process.send_signal(signal.SIGKILL)
            heard += process.stdout.read().split("\n")[:-1]
        self.assertEqual(process.returncode, -signal.SIGKILL)
        return heard


_ORDERS = 'SELECT client_order_id, status FROM "order"'
