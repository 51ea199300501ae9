"""The ledger's lines as people read them: what moved in which wallet, why, and what was left."""

import sqlite3
from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import Any, Final, NamedTuple

import peewee

from exchange_wrapper.accounts import Wallet, WalletSet
from exchange_wrapper.db import raw
from exchange_wrapper.numbers import format_amount
from exchange_wrapper.times import UtcNs, to_iso

__all__ = ["Movement", "recent_movements"]

# A wallet's lines, an order's and all lines are each found newest first without sorting.
_NEWEST: Final = (
    "SELECT id FROM walletline WHERE {} id BETWEEN ? AND ? AND date >= ? ORDER BY id DESC LIMIT ?"
)
_NEWEST_OF_ALL: Final = _NEWEST.format("")
_NEWEST_OF_WALLET: Final = _NEWEST.format("wallet_id = ? AND")
_FIRST_SINCE: Final = "SELECT min(+id) FROM walletline WHERE date >= ?"  # + has it go by date
_OF_ORDER: Final = "SELECT id, wallet_id FROM walletline WHERE order_id = ? AND date >= ?"
_LINES: Final = """
    SELECT line.id, line.wallet_id, line.date, line.movement, line.on_hold, line.reason,
        line.order_id, line.trade_id, line.settled, made.client_order_id, made.strategy_run_id
    FROM walletline AS line LEFT JOIN "order" AS made ON made.id = line.order_id
    WHERE line.id IN ({}) ORDER BY line.id DESC
"""

_LAST_ID: Final = (1 << 63) - 1


class Movement(NamedTuple):
    """One stored line, with its order's names."""

    id: int
    wallet_id: int
    time: UtcNs
    movement: str
    on_hold: bool
    reason: str
    order_id: int | None
    trade_id: int | None
    settled: str | None
    client_oid: str | None
    run_id: str | None

    def to_dict(self, wallet: Wallet, wallet_set: WalletSet) -> dict[str, Any]:
        """Return it as on the wire; ``wallet`` and its set are those that it is of."""
        return {
            "id": self.id,
            "time": to_iso(self.time),
            "reason": self.reason,
            "wallet_set_id": wallet_set.id,
            "wallet_set_type": wallet_set.type.value,
            "wallet_id": wallet.id,
            "exchange": wallet.exchange,
            "currency": wallet.currency,
            "movement": _amount(self.movement),
            "on_hold": bool(self.on_hold),
            "balance": None if self.settled is None else _amount(self.settled),
            "run_id": self.run_id or wallet_set.run_id or None,
            "order_id": self.order_id,
            "client_order_id": self.client_oid,
            "trade_id": self.trade_id,
        }


def recent_movements(
    database: peewee.SqliteDatabase,
    wallet_ids: Collection[int] | None,
    order_id: int | None,
    since: UtcNs | None,
    before_id: int | None,
    limit: int,
) -> list[Movement]:
    """Return the newest lines, newest first.

    Parameters
    ----------
    wallet_ids : collection of int, optional
        Only those of these wallets.
    order_id : int, optional
        Only those of this order.
    """
    connection = raw(database)
    start = UtcNs(0) if since is None else since
    last = _LAST_ID if before_id is None else before_id - 1
    if order_id is not None:
        found = connection.execute(_OF_ORDER, (order_id, start)).fetchall()
        ids = [
            line_id
            for line_id, wallet_id in found
            if line_id <= last and (wallet_ids is None or wallet_id in wallet_ids)
        ]
    else:
        first = 0
        if since is not None:
            ((first,),) = connection.execute(_FIRST_SINCE, (since,))
            if first is None:
                return []
        if wallet_ids is None:
            ids = _ids(connection.execute(_NEWEST_OF_ALL, (first, last, start, limit)))
        else:
            ids = _newest_of(connection, wallet_ids, first, last, start, limit)
    newest = sorted(ids, reverse=True)[:limit]
    places = ", ".join("?" * len(newest))
    return [Movement(*row) for row in connection.execute(_LINES.format(places), newest)]


def _newest_of(
    connection: sqlite3.Connection,
    wallet_ids: Iterable[int],
    first: int,
    last: int,
    start: UtcNs,
    limit: int,
) -> list[int]:
    newest: list[int] = []
    for wallet_id in sorted(wallet_ids, reverse=True):  # of many the newer ones move
        newest += _ids(
            connection.execute(_NEWEST_OF_WALLET, (wallet_id, first, last, start, limit))
        )
        if len(newest) >= limit:
            newest.sort(reverse=True)
            del newest[limit:]
            first = newest[-1]  # older ones can't be among them any more
    return newest


def _amount(stored: str) -> str:
    return format_amount(Decimal(stored))


def _ids(rows: Iterable[tuple[int]]) -> list[int]:
    return [line_id for (line_id,) in rows]
