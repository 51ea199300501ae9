import sqlite3
import tempfile
import unittest
from decimal import Decimal
from pathlib import Path

import peewee
from hypothesis import given
from hypothesis import strategies as st

from exchange_wrapper.accounts import Line, Reason
from exchange_wrapper.db import (
    SCHEMA_VERSION,
    AmountField,
    BaseModel,
    create_database,
    insert_rows,
    insert_values,
    lock_database,
    open_database,
    raw,
    transaction,
    upsert_rows,
)
from exchange_wrapper.errors import DataError, StorageUnavailable, Unavailable
from exchange_wrapper.models import MODELS, Order, Trade, VirtualWallet, WalletLine, WalletSet
from exchange_wrapper.records import line_values
from exchange_wrapper.times import UtcNs

AMOUNTS = st.decimals(
    min_value=Decimal("-1e21"), max_value=Decimal("1e21"), places=18, allow_nan=False
)


def set_row(set_id: int = 1, run_id: str = "run") -> dict[str, object]:
    return {
        "id": set_id,
        "run_id": run_id,
        "type": "logical",
        "description": "",
        "active": True,
        "created": 1_500_000_000_123_456_789,
        "frozen": None,
        "closing": False,
    }


def wallet_row(settled: Decimal, wallet_id: int = 1) -> dict[str, object]:
    return {
        "id": wallet_id,
        "wallet_set_id": 1,
        "exchange": "fake",
        "base": "USD",
        "address": None,
        "allocation": settled,
        "settled": settled,
        "held_debit": Decimal(0),
        "held_credit": Decimal(0),
    }


def line_row(line_id: int, wallet_id: int = 1) -> dict[str, object]:
    return {
        "id": line_id,
        "wallet_id": wallet_id,
        "order_id": None,
        "date": 1,
        "movement": Decimal(1),
        "on_hold": False,
        "reason": "virtual",
        "trade_id": None,
        "settled": Decimal(1),
    }


class TheModels(unittest.TestCase):
    def test_have_the_fields_of_the_reference(self) -> None:
        for model, wanted in (
            (WalletSet, "id run_id type description active created"),
            (VirtualWallet, "id wallet_set exchange base address allocation"),
            (WalletLine, "id wallet order date movement on_hold"),
            (Trade, "id order order_type ext_id exec_amount exec_price fee maker"),
            (
                Order,
                "id wallet_set strategy_run_id client_order_id exchange pair type side size limit "
                "cancel_after status done_reason created_at exchange_at last_updated_at done_at "
                "filled_size avg_price settled",
            ),
        ):
            with self.subTest(model.__name__):
                self.assertLessEqual(set(wanted.split()), set(model._meta.fields))


class InAFolder(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "xwrap.db"

    def open(self) -> peewee.SqliteDatabase:
        database = open_database(self.path)
        self.addCleanup(database.close)
        return database


class AnAmount(InAFolder):
    def test_survives_with_every_digit(self) -> None:
        create_database(self.path, MODELS)
        database = self.open()
        amounts = [
            Decimal("35521.123456789012345"),
            Decimal("12345678901.123456789012"),
            Decimal("0.000000000000000001"),
            Decimal("-7"),
            Decimal(0),
        ]
        insert_rows(database, WalletSet, [set_row()])
        for number, amount in enumerate(amounts, 1):
            row = wallet_row(amount, number) | {"base": f"C{number}"}
            insert_rows(database, VirtualWallet, [row])
        stored = VirtualWallet.select().order_by(VirtualWallet.id).execute(database)
        self.assertEqual([wallet.settled for wallet in stored], amounts)
        kinds = raw(database).execute("SELECT DISTINCT typeof(settled) FROM virtualwallet")
        self.assertEqual(kinds.fetchall(), [("text",)])

    @given(AMOUNTS)
    def test_is_the_same_after_it_went_through_its_column(self, amount: Decimal) -> None:
        field = AmountField()
        text = field.db_value(amount)
        with sqlite3.connect(":memory:") as connection:
            (back,) = connection.execute("SELECT ?", (text,)).fetchone()
        connection.close()
        self.assertEqual(field.python_value(back), amount)
        self.assertNotIn("E", str(text))


class ADatabase(InAFolder):
    def test_is_created_once(self) -> None:
        self.assertEqual(create_database(self.path, MODELS), list(MODELS))
        insert_rows(self.open(), WalletSet, [set_row()])
        self.assertEqual(create_database(self.path, MODELS), [])
        self.assertEqual(len(WalletSet.select().execute(self.open())), 1)

    def test_takes_any_number_of_rows_at_once(self) -> None:
        create_database(self.path, MODELS)
        database = self.open()
        for count in (0, 1, 2, 255, 256, 257, 600):
            with self.subTest(count):
                sets = [set_row(number, f"run {count}") for number in range(1, count + 1)]
                upsert_rows(database, WalletSet, sets)
                stored = raw(database).execute(
                    "SELECT id FROM walletset WHERE run_id = ? ORDER BY id", (f"run {count}",)
                )
                self.assertEqual([row for (row,) in stored], list(range(1, count + 1)))

    def test_takes_the_values_of_a_line_in_the_order_of_its_columns(self) -> None:
        create_database(self.path, MODELS)
        database = self.open()
        raw(database).execute("PRAGMA foreign_keys = 0")
        movement, settled = Decimal("-12345678901.123456789012"), Decimal("1E+3")
        line = Line(1, 2, movement, True, 3, Reason.FEE, UtcNs(4), 5, settled)
        older = Line(6, 7, movement, False, None, Reason.VIRTUAL, UtcNs(8))
        insert_values(database, WalletLine, [line_values(line), line_values(older)])
        stored = [
            Line(
                row.id, row.wallet_id, row.movement, row.on_hold, row.order_id,
                Reason(row.reason), row.date, row.trade_id, row.settled,
            )
            for row in WalletLine.select().order_by(WalletLine.id).execute(database)
        ]  # fmt: skip
        self.assertEqual(stored, [line, older])

    def test_has_all_of_a_transaction_or_nothing(self) -> None:
        create_database(self.path, MODELS)
        database = self.open()
        with self.assertRaises(sqlite3.IntegrityError), transaction(database):
            insert_rows(database, WalletSet, [set_row(1)])
            insert_rows(database, WalletSet, [set_row(1)])
        with transaction(database):
            insert_rows(database, WalletSet, [set_row(2)])
        self.assertEqual([each.id for each in WalletSet.select().execute(database)], [2])

    def test_gets_the_tables_it_lacks(self) -> None:
        create_database(self.path, MODELS[:1])
        self.assertEqual(create_database(self.path, MODELS), list(MODELS[1:]))

    def test_is_durable_and_checks_references(self) -> None:
        create_database(self.path, MODELS)
        connection = raw(self.open())
        for pragma, value in {
            "journal_mode": "wal",
            "synchronous": 2,
            "foreign_keys": 1,
            "user_version": SCHEMA_VERSION,
        }.items():
            with self.subTest(pragma):
                self.assertEqual(connection.execute(f"PRAGMA {pragma}").fetchone(), (value,))
        with self.assertRaises(sqlite3.IntegrityError):
            insert_rows(self.open(), WalletLine, [line_row(1, wallet_id=99)])

    def test_never_changes_or_loses_a_line(self) -> None:
        create_database(self.path, MODELS)
        database = self.open()
        insert_rows(database, WalletSet, [set_row()])
        insert_rows(database, VirtualWallet, [wallet_row(Decimal(1))])
        insert_rows(database, WalletLine, [line_row(1)])
        for change in (
            "UPDATE walletline SET movement = '2'",
            "DELETE FROM walletline",
            "REPLACE INTO walletline SELECT * FROM walletline",
            "INSERT OR REPLACE INTO walletline SELECT * FROM walletline",
        ):
            with self.subTest(change), self.assertRaises(sqlite3.IntegrityError):
                raw(database).execute(change)
        with self.assertRaises(sqlite3.IntegrityError):
            insert_rows(database, WalletLine, [line_row(1)])

    def test_keeps_the_newest_state_of_a_row(self) -> None:
        create_database(self.path, MODELS)
        database = self.open()
        upsert_rows(database, WalletSet, [set_row(1, "a"), set_row(2, "b")])
        upsert_rows(database, WalletSet, [set_row(1, "c")])
        stored = WalletSet.select().order_by(WalletSet.id).execute(database)
        self.assertEqual([each.run_id for each in stored], ["c", "b"])
        self.assertEqual(stored[0].created, 1_500_000_000_123_456_789)

    def test_has_one_writer(self) -> None:
        with lock_database(self.path):
            self.assertRaises(Unavailable, lock_database, self.path)
        lock_database(self.path).close()


class AnOlderDatabase(InAFolder):
    def test_gets_the_columns_it_lacks_from_init_db_and_says_so_before(self) -> None:
        create_database(self.path, MODELS)
        database = self.open()
        insert_rows(database, WalletSet, [set_row()])
        for column in ("frozen", "closing"):
            raw(database).execute(f"ALTER TABLE walletset DROP COLUMN {column}")
        for table in ("order", "trade"):
            raw(database).execute(f"DROP INDEX {table}_committed_at")
            raw(database).execute(f'ALTER TABLE "{table}" DROP COLUMN committed_at')
        raw(database).execute('ALTER TABLE "order" DROP COLUMN post_only')
        raw(database).execute("DROP TABLE walletline")
        raw(database).execute(
            "CREATE TABLE walletline (id INTEGER PRIMARY KEY, wallet_id INTEGER, order_id INTEGER, "
            "date INTEGER, movement TEXT, on_hold INTEGER, reason TEXT)"
        )
        raw(database).execute("INSERT INTO walletline VALUES (1, 1, NULL, 5, '1', 0, 'virtual')")
        raw(database).execute("PRAGMA user_version = 1")
        with self.assertRaisesRegex(DataError, "init_db"):
            open_database(self.path)
        self.assertEqual(create_database(self.path, MODELS), [])
        (stored,) = WalletSet.select().execute(self.open())
        self.assertEqual((stored.run_id, stored.frozen, stored.closing), ("run", None, None))
        for table in ("order", "trade"):
            indexes = {index.name for index in self.open().get_indexes(table)}
            self.assertIn(f"{table}_committed_at", indexes)
        (line,) = WalletLine.select().execute(self.open())
        self.assertEqual((line.movement, line.trade_id, line.settled), (Decimal(1), None, None))
        self.assertIn("walletline_date", {i.name for i in self.open().get_indexes("walletline")})


class WhatIsNotOurDatabase(InAFolder):
    def test_is_refused(self) -> None:
        def text() -> None:
            self.path.write_text("certainly not a database" * 100)

        def of_another_program() -> None:
            with sqlite3.connect(self.path) as connection:
                connection.execute("CREATE TABLE holidays (day TEXT)")
            connection.close()

        for make in (text, of_another_program):
            for use in (lambda: create_database(self.path, MODELS), self.open):
                with self.subTest(make.__name__):
                    self.path.unlink(missing_ok=True)
                    make()
                    self.assertRaises(DataError, use)

    def test_of_another_version_is_refused_by_its_numbers(self) -> None:
        create_database(self.path, MODELS)
        raw(self.open()).execute("PRAGMA user_version = 99")
        with self.assertRaises(DataError) as caught:
            open_database(self.path)
        self.assertEqual(caught.exception.data, {"found": 99, "needed": SCHEMA_VERSION})

    def test_missing_is_said_with_the_command_that_makes_it(self) -> None:
        with self.assertRaises(StorageUnavailable) as caught:
            open_database(self.path)
        self.assertIn("init_db", caught.exception.message)

    def test_in_a_missing_folder_is_said(self) -> None:
        self.path = self.path.parent / "nowhere" / "x.db"
        self.assertRaises(StorageUnavailable, create_database, self.path, MODELS)

    def test_a_model_is_a_table_with_a_key(self) -> None:
        self.assertTrue(all(issubclass(model, BaseModel) for model in MODELS))
