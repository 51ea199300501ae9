"""Orders and trades that are done and no longer in memory, read from the database."""

from pathlib import Path
from typing import Any

import peewee

from exchange_wrapper import models
from exchange_wrapper.db import raw
from exchange_wrapper.orders import Order
from exchange_wrapper.records import incident_of, order_of, trade_of
from exchange_wrapper.times import UtcNs

__all__ = [
    "Archive",
    "committed_since",
    "is_booked",
    "order_at",
    "recent_incidents",
    "recent_orders",
    "recent_trades",
]

_FIND_ID = 'SELECT id FROM "order" WHERE strategy_run_id = ? AND client_order_id = ?'


class Archive:
    """Answers at once whether a run has used an order's name, on a connection of its own.

    Every new order asks, in the middle of its hold: it can't wait for the writer's thread, and a
    look-up by a unique index costs microseconds.
    """

    def __init__(self, path: Path) -> None:
        self._database = peewee.SqliteDatabase(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        self._database.connect()

    def find(self, run_id: str, client_oid: str) -> Order | None:
        """Return a run's order of this name as it was last committed, or None."""
        found = raw(self._database).execute(_FIND_ID, (run_id, client_oid)).fetchone()
        if found is None:
            return None
        query = models.Order.select().where(models.Order.id == found[0])
        return order_of(query.execute(self._database)[0])

    def close(self) -> None:
        """Close the connection."""
        self._database.close()


def is_booked(database: peewee.SqliteDatabase, exchange: str, pair: str, ext_id: str) -> bool:
    """Tell whether a venue's trade in a pair is one of ours."""
    orders, trades = models.Order, models.Trade
    query = (
        trades.select()
        .join(orders)
        .where((trades.ext_id == ext_id) & (orders.exchange == exchange) & (orders.pair == pair))
    )
    return bool(query.exists(database))


def order_at(database: peewee.SqliteDatabase, exchange: str, client_oid: str) -> Order | None:
    """Return the newest order of this name at an exchange, or None."""
    table = models.Order
    query = (
        table.select()
        .where((table.exchange == exchange) & (table.client_order_id == client_oid))
        .order_by(table.id.desc())
        .limit(1)
    )
    rows = list(query.execute(database))
    return order_of(rows[0]) if rows else None


def recent_orders(
    database: peewee.SqliteDatabase,
    run_id: str | None,
    before_id: int | None,
    limit: int,
    wallet_set_id: int | None = None,
) -> list[dict[str, Any]]:
    """Return the orders that were done last, newest first, as on the wire.

    With ``before_id`` those that were done before that one.
    """
    table = models.Order
    query = table.select().where(table.done_at.is_null(False))
    if run_id is not None:
        query = query.where(table.strategy_run_id == run_id)
    if wallet_set_id is not None:
        query = query.where(table.wallet_set == wallet_set_id)
    if before_id is not None:
        this = table.alias()
        done_at = this.select(this.done_at).where(this.id == before_id)
        query = query.where(
            (table.done_at < done_at) | ((table.done_at == done_at) & (table.id < before_id))
        )
    rows = query.order_by(table.done_at.desc(), table.id.desc()).limit(limit).execute(database)
    return [order_of(row).to_dict() for row in rows]


def recent_trades(
    database: peewee.SqliteDatabase,
    run_id: str | None,
    since: UtcNs | None,
    before_id: int | None,
    limit: int,
    wallet_set_id: int | None = None,
) -> list[dict[str, Any]]:
    """Return the newest trades, newest first, as on the wire."""
    trades, orders = models.Trade, models.Order
    query = trades.select(trades, orders).join(orders)
    if run_id is not None:
        query = query.where(orders.strategy_run_id == run_id)
    if wallet_set_id is not None:
        query = query.where(orders.wallet_set == wallet_set_id)
    if since is not None:
        query = query.where(trades.time >= since)
    if before_id is not None:
        query = query.where(trades.id < before_id)
    rows = query.order_by(trades.id.desc()).limit(limit).execute(database)
    found = ((trade, order_of(trade.order)) for trade in rows)
    return [trade_of(trade, order).to_dict(order) for trade, order in found]


def recent_incidents(
    database: peewee.SqliteDatabase, before_id: int | None, limit: int
) -> list[dict[str, Any]]:
    """Return the newest incidents, newest first, as on the wire with their ids."""
    table = models.Incident
    query = table.select()
    if before_id is not None:
        query = query.where(table.id < before_id)
    rows = query.order_by(table.id.desc()).limit(limit).execute(database)
    return [{"id": row.id, **incident_of(row).to_dict()} for row in rows]


def committed_since(
    database: peewee.SqliteDatabase,
    since: UtcNs,
    limit: int,
    wallet_set_id: int | None = None,
) -> tuple[list[dict[str, Any]], int | None]:
    """Return the orders and trades that were written since a time as notifications, in order.

    The newest state of an order comes after its trades; ``seq`` is the time of their commit in
    microseconds since 1970.

    Parameters
    ----------
    limit : int
        How many are enough; what shares its ``seq`` with the last one is there, too.
    wallet_set_id : int, optional
        Only those of this wallet set.

    Returns
    -------
    notifications : list of dict
    last : int or None
        The last one's ``seq`` if there may be later ones.
    """
    orders, trades = models.Order, models.Trade
    changed = orders.select().where(orders.committed_at >= since)
    made = trades.select(trades, orders).join(orders).where(trades.committed_at >= since)
    if wallet_set_id is not None:
        # An expression, so that the search goes by the commits: a set may have very many orders.
        is_of_set = (orders.wallet_set + 0) == wallet_set_id
        changed, made = changed.where(is_of_set), made.where(is_of_set)
    times: list[UtcNs] = []
    for table, query in ((orders, changed), (trades, made)):
        first = query.select(table.committed_at).order_by(table.committed_at).limit(limit)
        times += [time for (time,) in first.tuples().execute(database)]
    last = None
    if len(times) >= limit:
        last = sorted(times)[limit - 1] // 1000
        end = (last + 1) * 1000
        changed = changed.where(orders.committed_at < end)
        made = made.where(trades.committed_at < end)
    found: list[tuple[int, int, int, str, dict[str, object]]] = [
        (row.committed_at, 1, row.id, "order", order_of(row).to_dict())
        for row in changed.execute(database)
    ]
    for row in made.execute(database):
        order = order_of(row.order)
        trade = trade_of(row, order).to_dict(order)
        found.append((row.committed_at, 0, row.id, "trade", trade))
    found.sort(key=lambda each: each[:3])
    return [
        {"method": method, "params": params, "seq": time // 1000}
        for time, _, _, method, params in found
    ], last
