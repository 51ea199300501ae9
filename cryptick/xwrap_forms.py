"""What xWrap sends, read into the values that travel over the hub."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from cryptick.messages import Fill, OrderUpdate
from exchange_wrapper.candles import Candles
from exchange_wrapper.pair import Pair, split_name
from exchange_wrapper.terms import DoneReason, OrderStatus, OrderType, Side
from exchange_wrapper.times import from_iso

__all__ = ["Json", "read_candles", "read_fill", "read_order_update", "read_pair"]

Json = Mapping[str, Any]


def read_pair(name: str, increments: Json) -> Pair:
    """Return a pair with the increments of ``get_exchanges``."""
    base, quote = split_name(name)
    return Pair(
        name,
        base,
        quote,
        Decimal(increments["tick_size"]),
        Decimal(increments["lot_size"]),
        min_order=Decimal(increments["min_order"]),
        min_notional=Decimal(increments["min_notional"]),
    )


def read_candles(freq_s: int, points: Iterable[Sequence[Any]]) -> Candles:
    """Return candles from points ``[time, low, high, open, close, volume, received_at]``."""
    rows = [
        (time, open, high, low, close, volume) for time, low, high, open, close, volume, _ in points
    ]
    return Candles.from_rows(freq_s, rows, 0)


def read_order_update(order: Json) -> OrderUpdate:
    """Return the state of an order from an ``order`` notification."""
    kind = OrderType(order["type"])
    reason = order["done_reason"]
    return OrderUpdate(
        order["client_order_id"],
        order["exchange"],
        order["pair"],
        kind,
        Side(order["side"]),
        Decimal(order["size"]),
        Decimal(order["limit"]) if kind.has_limit else None,
        OrderStatus(order["status"]),
        None if reason is None else DoneReason(reason),
        order["message"],
        Decimal(order["filled_size"]),
        Decimal(order["avg_price"]),
        from_iso(order["last_updated_at"]),
    )


def read_fill(trade: Json) -> Fill:
    """Return the fill of a ``trade`` notification."""
    return Fill(
        trade["client_order_id"],
        trade["exchange"],
        trade["pair"],
        Side(trade["side"]),
        Decimal(trade["exec_price"]),
        Decimal(trade["exec_amount"]),
        Decimal(trade["fee"]),
        trade["maker"],
        from_iso(trade["time"]),
    )
