"""The desk's values as rows of the tables, and back."""

import json

from exchange_wrapper import models
from exchange_wrapper.accounts import Line, SetType, Wallet, WalletSet
from exchange_wrapper.db import Row
from exchange_wrapper.fees import FeeSchedule
from exchange_wrapper.incidents import Incident, IncidentKind
from exchange_wrapper.orders import Order, OrderRequest, Trade
from exchange_wrapper.pair import Pair, split_name
from exchange_wrapper.terms import DoneReason, OrderStatus, OrderType, Side
from exchange_wrapper.times import UtcNs

__all__ = [
    "incident_of",
    "incident_row",
    "line_values",
    "order_of",
    "order_row",
    "set_of",
    "set_row",
    "trade_of",
    "trade_row",
    "wallet_of",
    "wallet_row",
]


def order_row(order: Order, committed_at: UtcNs) -> Row:
    """Return an order's row."""
    request = order.request
    return {
        "id": order.id,
        "wallet_set_id": request.wallet_set_id,
        "strategy_run_id": request.run_id,
        "client_order_id": request.client_oid,
        "exchange": request.exchange,
        "pair": request.pair,
        "x_id": order.pair.x_id,
        "tick_size": order.pair.tick_size,
        "lot_size": order.pair.lot_size,
        "type": request.type.value,
        "side": request.side.value,
        "size": request.size,
        "limit": request.limit,
        "funds": request.funds,
        "cancel_after": request.cancel_after_s,
        "status": order.status.value,
        "done_reason": None if order.done_reason is None else order.done_reason.value,
        "message": order.message,
        "created_at": order.created_at,
        "exchange_at": order.exchange_at,
        "last_updated_at": order.last_updated_at,
        "done_at": order.done_at,
        "filled_size": order.filled_size,
        "filled_notional": str(order.filled_notional),
        "avg_price": order.avg_price,
        "maker_fee": order.fees.maker,
        "taker_fee": order.fees.taker,
        "fee": order.fee,
        "fee_exact": order.fee_exact,
        "hold": order.hold,
        "hold_currency": order.hold_currency,
        "settled": order.is_done and not order.hold,
        "offline": json.dumps(order.offline) if order.offline else None,
        "committed_at": committed_at,
        "post_only": request.post_only,
    }


def order_of(row: models.Order) -> Order:
    """Return the order of a row, with the pair's increments as they were at placement."""
    base, quote = split_name(row.pair)
    pair = Pair(row.x_id, base, quote, row.tick_size, row.lot_size)
    return Order(
        id=row.id,
        request=OrderRequest(
            run_id=row.strategy_run_id,
            client_oid=row.client_order_id,
            exchange=row.exchange,
            pair=row.pair,
            type=OrderType(row.type),
            side=Side(row.side),
            size=row.size,
            limit=row.limit,
            wallet_set_id=row.wallet_set_id,
            cancel_after_s=row.cancel_after,
            funds=row.funds,
            post_only=bool(row.post_only),
        ),
        pair=pair,
        lots=pair.to_lots(row.size),
        limit=None if row.limit is None else pair.to_ticks(row.limit),
        created_at=row.created_at,
        last_updated_at=row.last_updated_at,
        hold=row.hold,
        hold_currency=row.hold_currency,
        fees=FeeSchedule(maker=row.maker_fee, taker=row.taker_fee),
        status=OrderStatus(row.status),
        done_reason=None if row.done_reason is None else DoneReason(row.done_reason),
        message=row.message,
        exchange_at=row.exchange_at,
        done_at=row.done_at,
        filled=pair.to_lots(row.filled_size),
        filled_notional=int(row.filled_notional),
        fee=row.fee,
        fee_exact=row.fee_exact,
        offline=tuple((start, end) for start, end in json.loads(row.offline or "[]")),
    )


def trade_row(trade: Trade, order: Order, committed_at: UtcNs) -> Row:
    """Return the row of a trade of ``order``."""
    return {
        "id": trade.id,
        "order_id": trade.order_id,
        "order_type": order.request.type.value,
        "ext_id": trade.ext_id,
        "exec_amount": order.pair.size(trade.size),
        "exec_price": order.pair.price(trade.price),
        "fee": trade.fee,
        "maker": trade.maker,
        "time": trade.time,
        "committed_at": committed_at,
    }


def trade_of(row: models.Trade, order: Order) -> Trade:
    """Return the trade of a row, which belongs to ``order``."""
    return Trade(
        id=row.id,
        order_id=order.id,
        ext_id=row.ext_id,
        price=order.pair.to_ticks(row.exec_price),
        size=order.pair.to_lots(row.exec_amount),
        fee=row.fee,
        maker=row.maker,
        time=row.time,
    )


def line_values(line: Line) -> tuple[object, ...]:
    """Return a wallet line's row, as ``insert_values`` takes it: of each order there are many."""
    return (
        line.id,
        line.wallet_id,
        line.order_id,
        line.date,
        format(line.movement, "f"),
        line.on_hold,
        line.reason.value,
        line.trade_id,
        None if line.settled is None else format(line.settled, "f"),
    )


def wallet_row(wallet: Wallet) -> Row:
    """Return a wallet's row as of now."""
    return {
        "id": wallet.id,
        "wallet_set_id": wallet.set_id,
        "exchange": wallet.exchange,
        "base": wallet.currency,
        "address": None,
        "allocation": wallet.allocation,
        "settled": wallet.settled,
        "held_debit": wallet.held_debit,
        "held_credit": wallet.held_credit,
    }


def wallet_of(row: models.VirtualWallet) -> Wallet:
    """Return the wallet of a row."""
    return Wallet(
        id=row.id,
        set_id=row.wallet_set_id,
        exchange=row.exchange,
        currency=row.base,
        allocation=row.allocation,
        settled=row.settled,
        held_debit=row.held_debit,
        held_credit=row.held_credit,
    )


def set_row(wallet_set: WalletSet) -> Row:
    """Return a wallet set's row."""
    return {
        "id": wallet_set.id,
        "run_id": wallet_set.run_id,
        "type": wallet_set.type.value,
        "description": wallet_set.description,
        "active": wallet_set.active,
        "created": wallet_set.created,
        "frozen": wallet_set.frozen or None,
        "closing": wallet_set.closing,
    }


def set_of(row: models.WalletSet) -> WalletSet:
    """Return the wallet set of a row."""
    return WalletSet(
        id=row.id,
        type=SetType(row.type),
        run_id=row.run_id,
        description=row.description,
        active=row.active,
        created=row.created,
        frozen=row.frozen or "",
        closing=bool(row.closing),
    )


def incident_row(incident: Incident) -> Row:
    """Return an incident's row; the database gives it its id."""
    return {
        "id": None,
        "time": incident.time,
        "kind": incident.kind.value,
        "exchange": incident.exchange,
        "subject": incident.subject,
        "text": incident.text,
        "by": incident.by,
    }


def incident_of(row: models.Incident) -> Incident:
    """Return the incident of a row."""
    return Incident(IncidentKind(row.kind), row.time, row.exchange, row.subject, row.text, row.by)
