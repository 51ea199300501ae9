"""Texts of the Coinbase Exchange protocol that every source of a market shares.

Source: https://docs.cdp.coinbase.com/exchange/docs (REST and websocket feed).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from exchange_wrapper.times import UtcNs, to_iso

__all__ = [
    "CANDLES_MAX",
    "CHANNELS",
    "GRANULARITIES_S",
    "ORDER_CHANNELS",
    "PRIVATE_CHANNELS",
    "TRADES_MAX",
    "Message",
    "currency",
    "decimal_text",
    "encode",
    "error",
    "heartbeat",
    "status",
    "subscriptions",
]

CHANNELS: Final = ("level2_batch", "matches", "heartbeat", "ticker", "ticker_batch", "status")
PRIVATE_CHANNELS: Final = ("level2", "user")
ORDER_CHANNELS: Final = ("level3", "full")  # the venue's, not served here
GRANULARITIES_S: Final = (60, 300, 900, 3600, 21_600, 86_400)
CANDLES_MAX: Final = 300
TRADES_MAX: Final = 1000

encode: Final = msgspec.json.Encoder().encode


class Message(msgspec.Struct, frozen=True):
    """One websocket message and who hears it.

    The ``status`` channel has no product; only messages of the ``user`` channel have a profile.
    """

    channel: str
    product_id: str
    data: bytes
    profile_id: str = ""


def decimal_text(units: int, digits: int) -> str:
    """Return ``units`` × 10^−digits (≥ 0) with all its digits, as in ``60000.10``."""
    whole, rest = divmod(units, 10**digits)
    return f"{whole}.{rest:0{digits}d}" if digits else str(whole)


def currency(code: str, name: str, digits: int, kind: str) -> dict[str, object]:
    """Return an entry of ``GET /currencies``; ``kind`` is ``crypto`` or ``fiat``."""
    step = decimal_text(1, digits)
    return {
        "id": code,
        "name": name,
        "min_size": step,
        "status": "online",
        "message": "",
        "max_precision": step,
        "convertible_to": [],
        "details": {"type": kind, "group_types": [], "push_payment_methods": []},
        "default_network": "",
        "supported_networks": [],
        "display_name": name,
    }


def error(message: str, reason: str = "") -> bytes:
    """Return the websocket message for a refused command."""
    return encode({"type": "error", "message": message, "reason": reason})


def subscriptions(channels: Mapping[str, Iterable[str]]) -> bytes:
    """Return the answer to each command: all that the connection now hears."""
    listed = [{"name": name, "product_ids": list(ids)} for name, ids in channels.items()]
    return encode({"type": "subscriptions", "channels": listed})


def heartbeat(product_id: str, sequence: int, last_trade_id: int, now: UtcNs) -> bytes:
    """Return a sign of life of one product."""
    return encode(
        {
            "type": "heartbeat",
            "sequence": sequence,
            "last_trade_id": last_trade_id,
            "product_id": product_id,
            "time": to_iso(now),
        }
    )


def status(products: Sequence[object], currencies: Sequence[object]) -> bytes:
    """Return the message of the ``status`` channel."""
    return encode({"type": "status", "products": products, "currencies": currencies})
