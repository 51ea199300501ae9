"""One SQLite file of our own kind: opening, telling it from others, transactions."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

from exchange_wrapper.errors import StorageUnavailable

__all__ = ["Execute", "SqliteFile"]

Execute = Callable[..., sqlite3.Cursor]

_APPLICATION_ID: Final = 0x63_6E_64_6C  # "cndl": tells our files from other SQLite databases
_LOCK_TIMEOUT_S: Final = 10.0


class SqliteFile:
    """A file, made when it does not exist and brought to the newest version.

    Any number of processes may read while one writes; further writers wait for their turn. One
    object may be used from several threads: its calls exclude each other. Use it as a context
    manager or call ``close``.

    Parameters
    ----------
    path : str or Path
        The file; its folder is made too.
    versions : sequence of str
        The statements that make each version out of the one before.
    read_only : bool
        Open an existing file for reading only.

    Raises
    ------
    StorageUnavailable
        The file is something else, of another version, missing (read only) or can't be opened.
    """

    def __init__(
        self, path: str | Path, versions: tuple[str, ...], *, read_only: bool = False
    ) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        self._versions = versions
        if read_only and not self.path.exists():
            raise StorageUnavailable(f"there is no candle store at {path}")
        try:
            if not read_only:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                f"{self.path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}",
                uri=True,
                timeout=_LOCK_TIMEOUT_S,
                isolation_level=None,
                check_same_thread=False,
            )
        except (OSError, sqlite3.Error) as error:
            raise StorageUnavailable(f"{path} can't be opened: {error}") from error
        try:
            self._check_kind(read_only)
            if not read_only:
                with self.locked() as execute:
                    execute("PRAGMA journal_mode = WAL")  # readers and the writer don't wait
                    execute("PRAGMA synchronous = NORMAL")
        except BaseException:
            self._connection.close()
            raise

    def _check_kind(self, read_only: bool) -> None:
        kind, version = self._identity()
        newest = len(self._versions)
        if not read_only and (kind == 0 or (kind == _APPLICATION_ID and version < newest)):
            self._upgrade()
            kind, version = self._identity()
        if kind != _APPLICATION_ID:
            raise StorageUnavailable(f"{self.path} is another kind of file, not a candle store")
        if version != newest:
            hint = "; open it once for writing, which brings it up" if version < newest else ""
            raise StorageUnavailable(
                f"{self.path} is a candle store of version {version}; this program reads version "
                f"{newest}{hint}"
            )

    def _identity(self) -> tuple[int, int]:
        try:
            (kind,) = self._connection.execute("PRAGMA application_id").fetchone()
            (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        except sqlite3.OperationalError as error:
            raise StorageUnavailable(f"{self.path} can't be opened: {error}") from error
        except sqlite3.DatabaseError:  # not SQLite at all
            return -1, 0
        return kind, version

    def _upgrade(self) -> None:
        with self.transaction() as execute:
            (tables,) = execute("SELECT count(*) FROM sqlite_master").fetchone()
            kind, version = self._identity()
            if tables and kind != _APPLICATION_ID:  # a database of another program
                return
            for statements in self._versions[version:]:  # none where another process was quicker
                for statement in statements.split(";"):
                    execute(statement)
            execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            execute(f"PRAGMA user_version = {max(version, len(self._versions))}")

    def close(self) -> None:
        """Close the file; the object can't be used afterwards."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def locked(self) -> Iterator[Execute]:
        """Exclude other threads; each statement is its own transaction."""
        with self._lock:
            try:
                yield self._connection.execute
            except sqlite3.Error as error:
                raise StorageUnavailable(f"{self.path}: {error}") from error

    @contextmanager
    def transaction(self, kind: str = "IMMEDIATE") -> Iterator[Execute]:
        """Hold a transaction: what is read in it is one state, what is written is all or none."""
        with self.locked() as execute:
            execute(f"BEGIN {kind}")
            try:
                yield execute
            except BaseException:
                self._connection.rollback()
                raise
            self._connection.commit()
