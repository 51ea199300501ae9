"""Reading a recorded Coinbase Exchange feed.

A recording is gzip text, one record a line: ``TIME: JSON`` is a message received on the socket
(TIME in Unix seconds), ``URL -> TIME: JSON`` a REST answer; lines of other forms tell of
connections and of what the recorder sent, and are passed over.
"""

import gzip
import re
import zlib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec

from exchange_wrapper.errors import DataError, NoData
from exchange_wrapper.numbers import format_amount
from exchange_wrapper.times import SECOND, UtcNs

__all__ = ["Capture", "RecordedMessage", "WireMessage", "read_capture"]

_CHANNELS: Final = {
    "snapshot": "level2_batch",
    "l2update": "level2_batch",
    "last_match": "matches",
    "match": "matches",
    "ticker": "ticker",
}
_RECEIVED: Final = re.compile(r"(\d+(?:\.\d+)?): (\{.*)")
_PRODUCTS: Final = re.compile(r"\S+/products -> \d+(?:\.\d+)?: (\[.*)")


class WireMessage(msgspec.Struct, frozen=True):
    """The fields of all message types that are read here; amounts stay text."""

    type: str
    product_id: str = ""
    time: str = ""
    bids: list[tuple[str, str]] = []
    asks: list[tuple[str, str]] = []
    changes: list[tuple[str, str, str]] = []
    sequence: int = 0
    trade_id: int = 0
    side: str = ""
    price: str = ""
    size: str = ""
    best_bid: str = ""
    best_ask: str = ""
    open_24h: str = ""
    high_24h: str = ""
    low_24h: str = ""
    volume_24h: str = ""
    volume_30d: str = ""


class RecordedMessage(msgspec.Struct, frozen=True):
    """One message of the feed: when it was received, where it belongs, and its very bytes."""

    time: UtcNs
    channel: str
    data: bytes
    wire: WireMessage


class Capture(msgspec.Struct, frozen=True):
    """A recording: its messages in the order received, and the products that they are about."""

    name: str
    messages: list[RecordedMessage]
    products: list[dict[str, object]]


def read_capture(path: Path) -> Capture:
    """Read a recording.

    Parameters
    ----------
    path : Path
        A ``ws.txt.gz`` or the folder that holds it. The products are taken from ``rest.txt.gz``
        beside it, or inferred from the digits of the snapshots where there is none.

    Raises
    ------
    NoData
        There is no such file, or it holds no book.
    DataError
        It can't be read as a recording.
    """
    file = path / "ws.txt.gz" if path.is_dir() else path
    messages = list(_messages(file))
    snapshots = [entry.wire for entry in messages if entry.wire.type == "snapshot"]
    if not snapshots:
        raise NoData(f"{file} holds no snapshot of a Coinbase Exchange book")
    listed = {str(product["id"]): product for product in _listed(file.with_name("rest.txt.gz"))}
    products: dict[str, dict[str, object]] = {}
    for wire in snapshots:
        if wire.product_id not in products:
            products[wire.product_id] = listed.get(wire.product_id) or _inferred(wire)
    return Capture(file.parent.name, messages, list(products.values()))


def _messages(file: Path) -> Iterator[RecordedMessage]:
    decode = msgspec.json.Decoder(WireMessage).decode
    for number, line in enumerate(_lines(file), 1):
        record = _RECEIVED.fullmatch(line)
        if record is None:
            continue
        time, text = record.groups()
        try:
            wire = decode(text)
        except msgspec.DecodeError as error:
            raise DataError(f"{file}, line {number}: {error}") from None
        if wire.type in _CHANNELS:
            received_at = UtcNs(int(Decimal(time) * SECOND))
            yield RecordedMessage(received_at, _CHANNELS[wire.type], text.encode(), wire)


def _listed(file: Path) -> list[dict[str, object]]:
    if not file.exists():
        return []
    for number, line in enumerate(_lines(file), 1):
        record = _PRODUCTS.fullmatch(line)
        if record is not None:
            try:
                return msgspec.json.decode(record[1], type=list[dict[str, object]])
            except msgspec.DecodeError as error:
                raise DataError(f"{file}, line {number}: {error}") from None
    return []


def _lines(file: Path) -> Iterator[str]:
    try:
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for line in lines:
                yield line.rstrip("\n")
    except FileNotFoundError:
        raise NoData(f"there is no recording at {file}") from None
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(f"{file} can't be read as a recording: {error}") from None


def _inferred(wire: WireMessage) -> dict[str, object]:
    """Return a product as its levels show it: increments of the most digits seen."""
    base, _, quote = wire.product_id.partition("-")
    levels = wire.bids + wire.asks
    tick = _increment(price for price, _ in levels)
    return {
        "id": wire.product_id,
        "base_currency": base,
        "quote_currency": quote,
        "quote_increment": tick,
        "base_increment": _increment(size for _, size in levels),
        "display_name": f"{base}/{quote}",
        "min_market_funds": tick,
        "margin_enabled": False,
        "post_only": False,
        "limit_only": False,
        "cancel_only": False,
        "trading_disabled": False,
        "status": "online",
        "status_message": "",
    }


def _increment(texts: Iterator[str]) -> str:
    digits = max((len(text.partition(".")[2]) for text in texts), default=0)
    return format_amount(Decimal(1).scaleb(-digits))
