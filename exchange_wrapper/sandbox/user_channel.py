"""Messages of the ``user`` channel: what becomes of a profile's own orders."""

from exchange_wrapper.sandbox.orders import MAKER_FEE, RATE_UNIT, TAKER_FEE, Order
from exchange_wrapper.sandbox.protocol import Message, decimal_text, encode
from exchange_wrapper.sandbox.tape import Print
from exchange_wrapper.times import UtcNs, to_iso

__all__ = ["changed", "done", "matched", "opened", "received"]


def received(order: Order, sequence: int, now: UtcNs) -> Message:
    """Tell that an order is accepted."""
    told = order.told()
    fields = {key: told[key] for key in ("size", "price", "funds", "client_oid") if key in told}
    return _message("received", order, sequence, now, {"order_type": order.request.type} | fields)


def opened(order: Order, sequence: int, now: UtcNs) -> Message:
    """Tell that an order rests in the book."""
    return _message("open", order, sequence, now, _price(order) | _remaining(order))


def changed(order: Order, old_size: int, sequence: int, now: UtcNs) -> Message:
    """Tell that self-trade prevention has made an order smaller."""
    digits = order.asset.size_digits
    assert order.size is not None
    sizes = {
        "reason": "STP",
        "old_size": decimal_text(old_size - order.filled, digits),
        "new_size": decimal_text(order.remaining, digits),
    }
    return _message("change", order, sequence, now, _price(order) | sizes)


def matched(order: Order, entry: Print, sequence: int) -> Message:
    """Tell a trade to one of its orders; ``side`` is the maker's, whoever hears it."""
    trade, asset = entry.trade, order.asset
    is_maker = order.id == entry.maker_order_id
    fields: dict[str, object] = {
        "trade_id": trade.trade_id,
        "maker_order_id": entry.maker_order_id,
        "taker_order_id": entry.taker_order_id,
        "side": trade.maker_side,
        "size": decimal_text(trade.size, asset.size_digits),
        "price": decimal_text(trade.price, asset.price_digits),
        "maker_fee_rate" if is_maker else "taker_fee_rate": decimal_text(
            (MAKER_FEE if is_maker else TAKER_FEE), len(str(RATE_UNIT)) - 1
        ),
    }
    return _message("match", order, sequence, trade.time, fields)


def done(order: Order, sequence: int, now: UtcNs) -> Message:
    """Tell that an order is over."""
    fields = _price(order) | _remaining(order) | {"reason": order.done_reason}
    return _message("done", order, sequence, now, fields)


def _price(order: Order) -> dict[str, object]:
    if order.price is None:
        return {}
    return {"price": decimal_text(order.price, order.asset.price_digits)}


def _remaining(order: Order) -> dict[str, object]:
    if order.size is None:
        return {}
    return {"remaining_size": decimal_text(order.remaining, order.asset.size_digits)}


def _message(
    kind: str, order: Order, sequence: int, now: UtcNs, fields: dict[str, object]
) -> Message:
    product_id = order.asset.product_id
    data: dict[str, object] = {
        "type": kind,
        "product_id": product_id,
        "sequence": sequence,
        "time": to_iso(now),
        "side": order.side,
        "profile_id": order.profile_id,
        "user_id": order.profile_id,
    }
    if kind != "match":
        data["order_id"] = order.id
    return Message("user", product_id, encode(data | fields), order.profile_id)
