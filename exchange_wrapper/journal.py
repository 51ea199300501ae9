"""Make what happened in the desk durable before anybody is told of it.

Changes are drained once per turn of the event loop and written in one transaction, so that one
fsync serves many orders. All access to the database goes through one thread; while it writes, the
loop goes on and the next batch gathers. A batch's acknowledgements resolve after its commit, then
its changes are announced, in order.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO, TypeVar

import peewee

from exchange_wrapper import models
from exchange_wrapper.accounts import Line
from exchange_wrapper.changes import (
    Change,
    HeartBeat,
    IncidentHappened,
    LinePosted,
    OrderChanged,
    SetChanged,
    TradeMade,
    WalletOpened,
)
from exchange_wrapper.db import (
    Row,
    insert_rows,
    insert_values,
    lock_database,
    open_database,
    transaction,
    upsert_rows,
)
from exchange_wrapper.errors import StorageUnavailable
from exchange_wrapper.records import (
    incident_row,
    line_values,
    order_row,
    set_row,
    trade_row,
    wallet_row,
)
from exchange_wrapper.times import UtcNs
from exchange_wrapper.users import audit
from exchange_wrapper.util import utc_now

__all__ = ["Journal"]

_log = logging.getLogger("xwrap.journal")

T = TypeVar("T")


@dataclass
class _Rows:
    """What one transaction writes; the newest state where a row changed several times."""

    sets: dict[int, Row]
    wallets: dict[int, Row]
    orders: dict[int, Row]
    lines: list[Line]
    trades: list[Row]
    incidents: list[Row]
    heartbeats: list[Row]
    audit: list[Row]

    @classmethod
    def of(cls, changes: list[Change], audit_rows: list[Row], now: UtcNs) -> "_Rows":
        rows = cls({}, {}, {}, [], [], [], [], audit_rows)
        wallets, orders = {}, {}
        for change in changes:
            if type(change) is LinePosted:  # commonest first; `match` takes twice as long
                rows.lines.append(change.line)
                wallets[change.wallet.id] = change.wallet
            elif type(change) is OrderChanged:
                orders[change.order.id] = change.order
            elif type(change) is TradeMade:
                rows.trades.append(trade_row(change.trade, change.order, now))
            elif type(change) is WalletOpened:
                wallets[change.wallet.id] = change.wallet
            elif type(change) is SetChanged:
                rows.sets[change.wallet_set.id] = set_row(change.wallet_set)
            elif type(change) is IncidentHappened:
                rows.incidents.append(incident_row(change.incident))
            elif type(change) is HeartBeat:
                rows.heartbeats = [{"id": 1, "time": change.time}]
        rows.orders = {order_id: order_row(order, now) for order_id, order in orders.items()}
        # The ledger's wallets move on while the thread writes: their balances are copied now,
        # when they are those after the last of these changes.
        rows.wallets = {wallet_id: wallet_row(wallet) for wallet_id, wallet in wallets.items()}
        return rows

    def write(self, database: peewee.SqliteDatabase) -> None:
        with transaction(database):
            upsert_rows(database, models.WalletSet, self.sets.values())
            upsert_rows(database, models.VirtualWallet, self.wallets.values())
            upsert_rows(database, models.Order, self.orders.values())
            insert_rows(database, models.Trade, self.trades)
            insert_values(database, models.WalletLine, map(line_values, self.lines))
            insert_rows(database, models.Incident, self.incidents)
            upsert_rows(database, models.Heartbeat, self.heartbeats)
            audit.append(database, self.audit)


class Journal:
    """Writer of one database.

    Parameters
    ----------
    path : Path
        A file that ``init_db`` made.
    take_changes : callable
        Returns what has happened since it was last called.
    announce : callable
        Gets the changes of each batch once they are committed.
    on_failure : callable
        Gets the error when a batch could not be written. Nothing is written after that: what the
        desk holds in memory is ahead of the database, and the service has to stop.
    clock : callable
        Returns the time now.
    take_audit_rows : callable
        Returns the rows of the audit log that wait to be written; they join the next batch.
    """

    def __init__(
        self,
        path: Path,
        take_changes: Callable[[], list[Change]],
        announce: Callable[[list[Change]], None],
        on_failure: Callable[[StorageUnavailable], None],
        *,
        clock: Callable[[], UtcNs] = utc_now,
        take_audit_rows: Callable[[], list[Row]] = list,
    ) -> None:
        self._path = path
        self._take_changes = take_changes
        self._announce = announce
        self._on_failure = on_failure
        self._clock = clock
        self._take_audit_rows = take_audit_rows
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._database: peewee.SqliteDatabase | None = None
        self._lock: TextIO | None = None
        self._waiters: list[asyncio.Future[None]] = []
        self._scheduled = False
        self._writing = False
        self._error: StorageUnavailable | None = None

    async def open(self) -> None:
        """Open the database and keep other processes from writing it.

        Raises
        ------
        Unavailable, DataError
            It is missing, in use, or not a database of this version.
        """
        self._lock = lock_database(self._path)
        self._database = await self._run(open_database, self._path)

    async def close(self) -> None:
        """Write what is left and close the database."""
        if self._database is not None:
            if self._error is None:
                await self.committed()
            await self._run(self._database.close)
            self._database = None
        self._thread.shutdown()
        if self._lock is not None:
            self._lock.close()

    async def read(self, query: Callable[[peewee.SqliteDatabase], T]) -> T:
        """Run a query of committed data in the database's thread and return its result."""
        assert self._database is not None
        return await self._run(query, self._database)

    def schedule(self) -> None:
        """Have what has happened written at the end of this turn of the loop."""
        if not self._scheduled and not self._writing and self._error is None:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._drain)

    def committed(self) -> asyncio.Future[None]:
        """Return a future that is done once all that has happened so far is durable.

        Raises
        ------
        StorageUnavailable
            Through the future: it could not be written.
        """
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._error is not None:
            waiter.set_exception(self._error)
        else:
            self._waiters.append(waiter)
            self.schedule()
        return waiter

    def _drain(self) -> None:
        self._scheduled = False
        changes, waiters = self._take_changes(), self._waiters
        self._waiters = []
        if not changes:
            _resolve(waiters, None)
            return
        self._writing = True
        assert self._database is not None
        write = _Rows.of(changes, self._take_audit_rows(), self._clock()).write
        loop = asyncio.get_running_loop()
        writing = loop.run_in_executor(self._thread, write, self._database)
        writing.add_done_callback(lambda done: self._written(done, changes, waiters))

    def _written(
        self,
        done: asyncio.Future[None],
        changes: list[Change],
        waiters: list[asyncio.Future[None]],
    ) -> None:
        self._writing = False
        cause = done.exception()
        if cause is not None:
            self._fail(cause, waiters)
            return
        _resolve(waiters, None)
        # After the answers that just became due, which are one turn of the loop away.
        asyncio.get_running_loop().call_soon(self._announce, changes)
        self._drain()

    def _fail(self, cause: BaseException, waiters: list[asyncio.Future[None]]) -> None:
        _log.critical("orders and wallets can't be written to %s: %s", self._path, cause)
        error = StorageUnavailable(f"orders and wallets can't be written to {self._path}: {cause}")
        error.__cause__ = cause
        self._error = error
        _resolve(waiters + self._waiters, error)
        self._waiters = []
        self._on_failure(error)

    async def _run(self, function: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *args)


def _resolve(waiters: list[asyncio.Future[None]], error: StorageUnavailable | None) -> None:
    for waiter in waiters:
        if waiter.done():  # whoever asked has gone
            continue
        if error is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(error)
