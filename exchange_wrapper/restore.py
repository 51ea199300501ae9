"""Bring back ledger and orders from the database as they were when the last batch was committed."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import reduce
from typing import NamedTuple

import peewee

from exchange_wrapper import models
from exchange_wrapper.accounts import EXCHANGE_SET, UNALLOCATED_SET, Line, Reason, Wallet
from exchange_wrapper.desk import Desk
from exchange_wrapper.errors import LedgerBreach
from exchange_wrapper.incidents import Incident, IncidentKind
from exchange_wrapper.ledger import Ledger
from exchange_wrapper.numbers import LEDGER, ZERO, format_amount
from exchange_wrapper.orders import Order, Trade
from exchange_wrapper.records import incident_of, order_of, set_of, trade_of, wallet_of
from exchange_wrapper.times import UtcNs

__all__ = [
    "Restored",
    "control_incidents",
    "last_heartbeat",
    "last_written",
    "restore",
    "trades_since",
]

_SHOWN_MAX = 5  # faults named in the error; one wrong line shows up in several


class Restored(NamedTuple):
    """What was stored.

    Attributes
    ----------
    desk : Desk
        With its ledger.
    breaches : dict of int to str
        Why the funds of a wallet set can't be trusted, by its id: it has to be frozen.
    """

    desk: Desk
    breaches: dict[int, str]


def restore(
    database: peewee.SqliteDatabase, find_done: Callable[[str, str], Order | None]
) -> Restored:
    """Bring back the stored state. A wallet that differs from its lines gets their figures.

    Parameters
    ----------
    find_done : callable
        The desk's way to orders that are done; see ``Desk``.

    Raises
    ------
    LedgerBreach
        Balances, lines and holds do not agree, and it is not the fault of some wallet sets alone;
        ``data["faults"]`` has what is wrong.
    """
    ledger = Ledger()
    lines = _lines(database)
    orders = [order_of(row) for row in _open_orders(database)]
    sets = [set_of(row) for row in models.WalletSet.select().execute(database)]
    if sets:
        ledger.restore(
            sets,
            [wallet_of(row) for row in models.VirtualWallet.select().execute(database)],
            _holds(lines, {order.id for order in orders}),
            max((line.id for line in lines), default=0),
        )
    desk = Desk(
        ledger,
        find_done=find_done,
        last_order_id=_last_id(database, models.Order),
        last_trade_id=_last_id(database, models.Trade),
    )
    for order in orders:
        trades = models.Trade.select(models.Trade.ext_id).where(models.Trade.order == order.id)
        ids = (ext_id for (ext_id,) in trades.tuples().execute(database) if ext_id)
        desk.restore_order(order, ids)
    return Restored(desk, _audit(database, desk, lines))


def last_heartbeat(database: peewee.SqliteDatabase) -> UtcNs | None:
    """Return until when xWrap is known to have run; None in a new database."""
    rows = list(models.Heartbeat.select().execute(database))
    return rows[0].time if rows else None


def last_written(database: peewee.SqliteDatabase) -> UtcNs:
    """Return the newest time at which anything is known to be written; 0 in a new database."""
    times = (models.Order.committed_at, models.Trade.committed_at, models.Heartbeat.time)
    newest = (
        field.model.select(peewee.fn.MAX(field)).tuples().execute(database)[0][0] for field in times
    )
    return max((time for time in newest if time is not None), default=UtcNs(0))


def control_incidents(database: peewee.SqliteDatabase) -> list[Incident]:
    """Return the stored incidents that a control goes on from, oldest first."""
    kinds = (
        IncidentKind.KILL_SWITCH, IncidentKind.OPENED,
        IncidentKind.EXTERNAL_ORDER, IncidentKind.EXTERNAL_FILL,
    )  # fmt: skip
    table = models.Incident
    query = table.select().where(table.kind.in_([kind.value for kind in kinds])).order_by(table.id)
    return [incident_of(row) for row in query.execute(database)]


def trades_since(database: peewee.SqliteDatabase, start: UtcNs) -> list[tuple[Trade, Order]]:
    """Return the trades from a time on, oldest first, each with its order."""
    trades, orders = models.Trade, models.Order
    query = trades.select(trades, orders).join(orders).where(trades.time >= start)
    found = ((row, order_of(row.order)) for row in query.order_by(trades.id).execute(database))
    return [(trade_of(row, order), order) for row, order in found]


def _open_orders(database: peewee.SqliteDatabase) -> list[models.Order]:
    query = models.Order.select().where(models.Order.done_at.is_null()).order_by(models.Order.id)
    return list(query.execute(database))


def _lines(database: peewee.SqliteDatabase) -> list[Line]:
    fields = models.WalletLine
    query = fields.select(
        fields.id,
        fields.wallet,
        fields.movement,
        fields.on_hold,
        fields.order,
        fields.reason,
        fields.date,
    ).tuples()
    return [
        Line(id, wallet_id, movement, on_hold, order_id, Reason(reason), date)
        for id, wallet_id, movement, on_hold, order_id, reason, date in query.execute(database)
    ]


def _holds(lines: list[Line], open_ids: set[int]) -> list[tuple[int, int, Decimal]]:
    nets: dict[tuple[int, int], Decimal] = defaultdict(Decimal)
    for line in lines:
        if line.on_hold and line.order_id in open_ids:
            place = line.wallet_id, line.order_id
            nets[place] = LEDGER.add(nets[place], line.movement)
    return [(wallet_id, order_id, net) for (wallet_id, order_id), net in nets.items()]


def _last_id(
    database: peewee.SqliteDatabase, model: type[models.Order] | type[models.Trade]
) -> int:
    (last,) = model.select(peewee.fn.MAX(model.id)).tuples().execute(database)[0]
    return last or 0


def _audit(database: peewee.SqliteDatabase, desk: Desk, lines: list[Line]) -> dict[int, str]:
    """Return the breaches by wallet set; raise what no set can be blamed for."""
    ledger = desk.ledger
    breaches: dict[int, str] = {}
    found = ledger.faults(lines)
    for wallet, sentence in found:
        if wallet is not None and _is_of_a_set(ledger, wallet):
            breaches.setdefault(wallet.set_id, sentence)
            ledger.recount(wallet, lines)
    left = [
        sentence
        for wallet, sentence in (ledger.faults(lines) if breaches else found)
        if wallet is None or not _is_of_a_set(ledger, wallet)
    ]
    if left:
        faults = [sentence for _, sentence in found]
        more = f"; and {len(faults) - _SHOWN_MAX} more" if len(faults) > _SHOWN_MAX else ""
        raise LedgerBreach(
            f"the stored wallets do not add up: {'; '.join(faults[:_SHOWN_MAX])}{more}",
            faults=faults,
        )
    for order, sentence in _order_faults(database, desk):
        breaches.setdefault(order.request.wallet_set_id or UNALLOCATED_SET, sentence)
    return breaches


def _is_of_a_set(ledger: Ledger, wallet: Wallet) -> bool:
    """Tell whether a wallet's set can be frozen: the exchange's own stands for all of them."""
    wallet_set = ledger.sets.get(wallet.set_id)
    return wallet.set_id != EXCHANGE_SET and wallet_set is not None and wallet_set.active


def _order_faults(database: peewee.SqliteDatabase, desk: Desk) -> Iterator[tuple[Order, str]]:
    """Compare each open order with what is on hold for it and with its trades."""
    for order in desk.orders.values():
        request = order.request
        wallet = desk.ledger.find_wallet(
            request.wallet_set_id, request.exchange, order.hold_currency
        )
        held = -desk.ledger.held_for(wallet, order.id) if wallet else Decimal(0)
        if held != order.hold:
            yield (
                order,
                f"order {order.id} needs {format_amount(order.hold)} {order.hold_currency} "
                f"on hold, its wallet holds {format_amount(held)}",
            )
        trades = models.Trade.select().where(models.Trade.order == order.id).execute(database)
        traded = reduce(LEDGER.add, (trade.exec_amount for trade in trades), ZERO)
        if traded != order.filled_size:
            yield (
                order,
                f"order {order.id} is filled by {format_amount(order.filled_size)}, its trades "
                f"by {format_amount(traded)}",
            )
