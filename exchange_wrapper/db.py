"""The SQLite file behind orders and wallets: exact column types, opening, schema version."""

import fcntl
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from functools import cache
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any, ClassVar, Final, TextIO

import peewee
from playhouse.migrate import SqliteMigrator, migrate

from exchange_wrapper.errors import DataError, StorageUnavailable, Unavailable
from exchange_wrapper.times import UtcNs

__all__ = [
    "SCHEMA_VERSION",
    "AmountField",
    "BaseModel",
    "Row",
    "TimeField",
    "create_database",
    "insert_rows",
    "insert_values",
    "lock_database",
    "open_database",
    "raw",
    "transaction",
    "upsert_rows",
]

SCHEMA_VERSION: Final = 5

Row = Mapping[str, Any]
"""Values of one row by column name, all columns."""

_APPLICATION_ID: Final = 0x78577270  # "xWrp": tells our files from other programs' databases

_PRAGMAS: Final = {
    "journal_mode": "wal",
    "synchronous": "full",  # a commit that was acknowledged survives a power cut
    "foreign_keys": 1,
    "recursive_triggers": 1,  # else INSERT OR REPLACE deletes rows behind the triggers' back
    "busy_timeout": 5000,
}


class AmountField(peewee.DecimalField):
    """Exact Decimal column, kept as text because SQLite's NUMERIC rounds to a float."""

    field_type = "TEXT"

    def get_modifiers(self) -> list[int]:
        """Return none: text has no precision to declare."""
        return []

    def db_value(self, value: Decimal | None) -> str | None:
        """Return plain decimal text with every digit."""
        return None if value is None else format(Decimal(value), "f")

    def python_value(self, value: str | None) -> Decimal | None:
        """Return the amount exactly as it was stored."""
        return None if value is None else Decimal(value)


class TimeField(peewee.BigIntegerField):
    """Point in time as whole nanoseconds since 1970 UTC, as the core counts it."""

    def python_value(self, value: int | None) -> UtcNs | None:
        """Return the time as the core's type."""
        return None if value is None else UtcNs(value)


class BaseModel(peewee.Model):
    """A table with an integer key.

    Models are not bound to a database: queries name theirs, as in ``query.execute(database)``, so
    that several services can live in one process.
    """

    append_only: ClassVar[bool] = False  # True makes the database refuse to change a row

    id = peewee.AutoField()


def create_database(path: Path, models: Sequence[type[BaseModel]]) -> list[type[BaseModel]]:
    """Create the file, or the tables and columns it lacks.

    Returns
    -------
    list of model classes
        Those whose table was created now; empty when all were there.

    Raises
    ------
    DataError
        The file is not an SQLite database, or not one of ours.
    StorageUnavailable
        The file can't be created or written.
    """
    if not path.parent.is_dir():
        raise StorageUnavailable(f"{path} can't be created: there is no directory {path.parent}")
    database = _connect(path)
    try:
        existing = set(database.get_tables())
        _check_identity(database, path, may_be_new=not existing, may_be_older=True)
        missing = [model for model in models if model._meta.table_name not in existing]
        with database.atomic():
            for model in missing:
                peewee.SchemaManager(model, database=database).create_all()
                if model.append_only:
                    _forbid_changes(database, model._meta.table_name)
            for model in models:
                if model not in missing:
                    _bring_up_to_date(database, model)
            raw(database).execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            raw(database).execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        return missing
    except (peewee.DatabaseError, sqlite3.Error) as error:
        raise StorageUnavailable(f"{path} can't be written: {error}") from error
    finally:
        database.close()


def open_database(path: Path) -> peewee.SqliteDatabase:
    """Open a database that ``create_database`` made, in the calling thread.

    Raises
    ------
    StorageUnavailable
        There is no such file.
    DataError
        The file is not an SQLite database, not one of ours, or of another schema version.
    """
    if not path.is_file():
        raise StorageUnavailable(
            f"there is no database at {path}; create it with "
            f"`python -m exchange_wrapper.service init_db {path}`"
        )
    database = _connect(path)
    try:
        _check_identity(database, path)
    except DataError:
        database.close()
        raise
    return database


def lock_database(path: Path) -> TextIO:
    """Make this process the only writer of a database until the returned file is closed.

    Raises
    ------
    Unavailable
        Another process is.
    """
    file = path.with_name(f"{path.name}.lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the kernel frees it however we end
    except BlockingIOError:
        file.close()
        raise Unavailable(f"another xWrap is running on {path}") from None
    return file


def raw(database: peewee.SqliteDatabase) -> sqlite3.Connection:
    """Return the calling thread's own connection, for what is plainer in SQL."""
    connection: sqlite3.Connection = database.connection()  # type: ignore[no-untyped-call]
    return connection


@contextmanager
def transaction(database: peewee.SqliteDatabase) -> Iterator[None]:
    """Commit what is written within the block, or nothing of it if the block raises."""
    connection = raw(database)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def insert_rows(
    database: peewee.SqliteDatabase, model: type[BaseModel], rows: Iterable[Row]
) -> None:
    """Append rows; a key that exists already is an error."""
    _statement(model, False).execute(raw(database), rows)


def insert_values(
    database: peewee.SqliteDatabase, model: type[BaseModel], values: Iterable[Sequence[Any]]
) -> None:
    """Append rows that are given as SQLite takes them, in the order of the model's fields."""
    _statement(model, False).execute_values(raw(database), values)


def upsert_rows(
    database: peewee.SqliteDatabase, model: type[BaseModel], rows: Iterable[Row]
) -> None:
    """Write the newest state of rows, by ``id``."""
    _statement(model, True).execute(raw(database), rows)


class _Statement:
    """An INSERT of the rows of one table, several at a time.

    Python's lock is let go and taken again for each execution, and in a busy process it takes long
    to get: fewer executions of more rows each leave the transaction open for a shorter time.
    """

    # Rows; so few sizes that sqlite3 keeps a prepared statement of each.
    _CHUNKS: Final = tuple(1 << power for power in range(8, -1, -1))

    def __init__(self, model: type[BaseModel], upsert: bool) -> None:
        fields = model._meta.sorted_fields
        columns = [field.column_name for field in fields]
        self._read = itemgetter(*columns)
        # Everything but amounts is in the rows as SQLite takes it.
        amounts = [isinstance(field, AmountField) for field in fields]
        self._amounts = [index for index, is_amount in enumerate(amounts) if is_amount]
        names = ", ".join(f'"{column}"' for column in columns)
        places = ", ".join("?" * len(fields))
        changes = ", ".join(f'"{name}" = excluded."{name}"' for name in columns if name != "id")
        self._sql = {
            count: f'INSERT INTO "{model._meta.table_name}" ({names}) VALUES '
            + ", ".join([f"({places})"] * count)
            + (f" ON CONFLICT (id) DO UPDATE SET {changes}" if upsert else "")
            for count in self._CHUNKS
        }

    def execute(self, connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
        """Write rows in the transaction that is open."""
        self.execute_values(connection, [self._values(row) for row in rows])

    def execute_values(
        self, connection: sqlite3.Connection, values: Iterable[Sequence[Any]]
    ) -> None:
        """Write rows whose values are in the order of the columns."""
        values = values if isinstance(values, list) else [*values]
        start = 0
        for count, sql in self._sql.items():
            while len(values) - start >= count:
                connection.execute(sql, [*chain.from_iterable(values[start : start + count])])
                start += count

    def _values(self, row: Row) -> list[Any]:
        values = [*self._read(row)]
        for index in self._amounts:
            amount = values[index]
            if amount is not None:
                values[index] = format(amount, "f")
        return values


# peewee builds SQL anew for every call, and this is the path of every order.
_statement = cache(_Statement)


def _forbid_changes(database: peewee.SqliteDatabase, table: str) -> None:
    for change in ("UPDATE", "DELETE"):
        raw(database).execute(
            f'CREATE TRIGGER "{table}_no_{change.lower()}" BEFORE {change} ON "{table}" '
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )


def _connect(path: Path) -> peewee.SqliteDatabase:
    database = peewee.SqliteDatabase(str(path), pragmas=_PRAGMAS)
    try:
        database.connect()
    except peewee.OperationalError as error:
        raise StorageUnavailable(f"{path} can't be opened: {error}") from error
    except peewee.DatabaseError as error:
        raise DataError(f"{path} is not an SQLite database") from error
    return database


def _bring_up_to_date(database: peewee.SqliteDatabase, model: type[BaseModel]) -> None:
    """Add the columns and indexes that an older version's table lacks; such columns allow null."""
    table = model._meta.table_name
    present = {column.name for column in database.get_columns(table)}
    migrator = SqliteMigrator(database)
    for field in model._meta.sorted_fields:
        if field.column_name not in present:
            migrate(migrator.add_column(table, field.column_name, field))
    peewee.SchemaManager(model, database=database).create_indexes(safe=True)


def _check_identity(
    database: peewee.SqliteDatabase,
    path: Path,
    *,
    may_be_new: bool = False,
    may_be_older: bool = False,
) -> None:
    application = raw(database).execute("PRAGMA application_id").fetchone()[0]
    version = raw(database).execute("PRAGMA user_version").fetchone()[0]
    if may_be_new and application == 0:
        return
    if application != _APPLICATION_ID:
        raise DataError(f"{path} is a database of another program")
    if version != SCHEMA_VERSION and not (may_be_older and version < SCHEMA_VERSION):
        remedy = "; `init_db` brings it up to date" if version < SCHEMA_VERSION else ""
        raise DataError(
            f"{path} has schema version {version}, this xWrap needs {SCHEMA_VERSION}{remedy}",
            found=version,
            needed=SCHEMA_VERSION,
        )
