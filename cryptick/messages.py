"""What travels over the hub: typed, frozen messages and their fixed JSON form.

::

    {"mhubrpc":"0.0.1","method":"exchange.order","params":[…],"response_method":"response.7"}
    {"mhubrpc":"0.0.1","method":"response.7","result":…}
    {"mhubrpc":"0.0.1","method":"response.7","error":{"code":-32000,"message":"…","data":null}}

``params`` is a list of payloads; most messages have one. In the JSON form amounts are decimal
strings and times whole nanoseconds since 1970, UTC. Market data (`Bar`, `Quote`, `BookView`,
`MarketTrade`) goes to its subscribers as it is, without a message around it, because there are
millions of it.
"""

from decimal import Decimal
from typing import Annotated, Any, Final, Self

import msgspec

from cryptick.book_view import BookView
from exchange_wrapper.errors import ApiUsageError, XWrapError
from exchange_wrapper.numbers import ZERO
from exchange_wrapper.terms import DoneReason, OrderStatus, OrderType, Side
from exchange_wrapper.times import UtcNs

__all__ = [
    "BAR",
    "BOOK",
    "CANCEL",
    "ENCODER",
    "FILL",
    "LOG",
    "ORDER",
    "ORDER_UPDATE",
    "QUOTE",
    "TRADE",
    "Bar",
    "Call",
    "CancelIntent",
    "ErrorBody",
    "Failure",
    "Fill",
    "LogLine",
    "MarketEvent",
    "MarketTrade",
    "Message",
    "OrderIntent",
    "OrderUpdate",
    "Quote",
    "Result",
    "decode",
    "encode",
    "market_method",
    "payload",
]

MHUBRPC: Final = "0.0.1"

ORDER: Final = "exchange.order"  # call: OrderIntent → client_oid
CANCEL: Final = "exchange.cancel"  # call: CancelIntent → client_oid
ORDER_UPDATE: Final = "exchange.order_update"  # notification: OrderUpdate
FILL: Final = "exchange.fill"  # notification: Fill
BAR: Final = "exchange.bar"  # market data
BOOK: Final = "exchange.book"  # market data
QUOTE: Final = "exchange.quote"  # market data
TRADE: Final = "exchange.trade"  # market data
LOG: Final = "strategy.log"  # notification: LogLine


class Call(msgspec.Struct, frozen=True, tag_field="mhubrpc", tag=MHUBRPC):
    """A call, or a notification when ``response_method`` is None."""

    method: str
    params: tuple[object, ...] = ()
    response_method: str | None = None


class Result(msgspec.Struct, frozen=True, tag_field="mhubrpc", tag=MHUBRPC):
    """The answer to a call; ``method`` is the call's ``response_method``."""

    method: str
    result: object


class ErrorBody(msgspec.Struct, frozen=True):
    """Why a call failed, as in JSON-RPC."""

    code: int
    message: str
    data: object = None

    @classmethod
    def of(cls, error: XWrapError) -> Self:
        """Return the body for an error of ours."""
        return cls(error.jsonrpc_error_code, error.message, error.data)


class Failure(msgspec.Struct, frozen=True, tag_field="mhubrpc", tag=MHUBRPC):
    """The answer to a call that could not be carried out."""

    method: str
    error: ErrorBody


Message = Call | Result | Failure


def payload(message: Message) -> Any:
    """Return the first of a call's ``params``; which type it has, its method says."""
    assert type(message) is Call
    return message.params[0]


class Bar(msgspec.Struct, frozen=True, gc=False):
    """One finished candle. Prices are floats, for indicators; amounts of orders never are."""

    exchange: str
    pair: str
    freq_s: int
    time: UtcNs  # when it opened
    open: float
    high: float
    low: float
    close: float
    volume: float  # in base


class Quote(msgspec.Struct, frozen=True, gc=False):
    """Best bid and ask of a pair from ``time`` on."""

    exchange: str
    pair: str
    bid: Decimal
    ask: Decimal
    time: UtcNs


class MarketTrade(msgspec.Struct, frozen=True, gc=False):
    """A trade between others at the venue; ``side`` is the side of its taker."""

    exchange: str
    pair: str
    price: Decimal
    size: Decimal
    side: Side
    time: UtcNs


MarketEvent = Bar | Quote | BookView | MarketTrade

_MARKET_METHODS: Final[dict[type, str]] = {
    Bar: BAR,
    Quote: QUOTE,
    BookView: BOOK,
    MarketTrade: TRADE,
}


def market_method(event: MarketEvent) -> str:
    """Return the method by which market data of this kind is subscribed to."""
    return _MARKET_METHODS[type(event)]


class OrderIntent(msgspec.Struct, frozen=True, gc=False):
    """An order that a strategy wants placed. ``limit`` is None for a market order."""

    client_oid: str
    exchange: str
    pair: str
    type: OrderType
    side: Side
    size: Decimal
    limit: Decimal | None = None
    cancel_after_s: int = 0
    funds: Decimal | None = None  # the most that a market buy may cost, in quote
    post_only: bool = False  # a limit order is rejected instead of taking anything


class CancelIntent(msgspec.Struct, frozen=True, gc=False):
    """An order that a strategy wants cancelled."""

    client_oid: str
    exchange: str


class OrderUpdate(msgspec.Struct, frozen=True, gc=False):
    """The state of one of the run's orders at ``time``."""

    client_oid: str
    exchange: str
    pair: str
    type: OrderType
    side: Side
    size: Decimal
    limit: Decimal | None
    status: OrderStatus
    done_reason: DoneReason | None
    message: str
    filled_size: Decimal
    avg_price: Decimal  # of the filled size, rounded; 0 while nothing is filled
    time: UtcNs

    @property
    def is_done(self) -> bool:
        """Whether the order is final."""
        return self.status is OrderStatus.DONE

    @classmethod
    def refused(cls, intent: OrderIntent, reason: str, time: UtcNs) -> Self:
        """Return the update for an order that never was, because its call failed."""
        return cls(
            intent.client_oid,
            intent.exchange,
            intent.pair,
            intent.type,
            intent.side,
            intent.size,
            intent.limit,
            OrderStatus.DONE,
            DoneReason.REJECTED,
            reason,
            ZERO,
            ZERO,
            time,
        )


class Fill(msgspec.Struct, frozen=True, gc=False):
    """A trade of one of the run's orders. ``fee`` is in quote."""

    client_oid: str
    exchange: str
    pair: str
    side: Side
    price: Decimal
    size: Decimal
    fee: Decimal
    maker: bool
    time: UtcNs


class LogLine(msgspec.Struct, frozen=True, gc=False):
    """What a strategy has to say to a person."""

    text: str


_PAYLOADS: Final[dict[str, type]] = {
    ORDER: OrderIntent,
    CANCEL: CancelIntent,
    ORDER_UPDATE: OrderUpdate,
    FILL: Fill,
    LOG: LogLine,
}


class _Wire(msgspec.Struct, forbid_unknown_fields=True):
    """Any of the three forms; which one it is, its fields say."""

    mhubrpc: str
    method: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    params: list[object] | msgspec.UnsetType = msgspec.UNSET
    response_method: str | msgspec.UnsetType | None = msgspec.UNSET
    result: object | msgspec.UnsetType = msgspec.UNSET
    error: ErrorBody | msgspec.UnsetType = msgspec.UNSET


ENCODER: Final = msgspec.json.Encoder(decimal_format="string")
"""Makes the JSON form of messages, and of records that contain them."""

_DECODER: Final = msgspec.json.Decoder(_Wire)


def encode(message: object) -> bytes:
    """Return the JSON form of a message, or of a record that contains one."""
    return ENCODER.encode(message)


def decode(text: str | bytes) -> Message:
    """Read the JSON form of a message.

    The payload of a method that this module names becomes its type; other ``params`` stay what
    JSON makes of them.

    Raises
    ------
    ApiUsageError
        Not JSON, not one of the three forms, another version, or a payload of another type.
    """
    try:
        wire = _DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ApiUsageError(f"not a mhubrpc message: {error}") from None
    if wire.mhubrpc != MHUBRPC:
        raise ApiUsageError(f"mhubrpc must be {MHUBRPC!r}, not {wire.mhubrpc!r}", field="mhubrpc")
    is_call = wire.params is not msgspec.UNSET or wire.response_method is not msgspec.UNSET
    has_result, has_error = wire.result is not msgspec.UNSET, wire.error is not msgspec.UNSET
    if is_call + has_result + has_error > 1:
        raise ApiUsageError("a message has either params, a result or an error")
    if has_result:
        return Result(wire.method, wire.result)
    if isinstance(wire.error, ErrorBody):
        return Failure(wire.method, wire.error)
    params = [] if wire.params is msgspec.UNSET else wire.params
    response = None if wire.response_method is msgspec.UNSET else wire.response_method
    return Call(wire.method, _typed(wire.method, params), response)


def _typed(method: str, params: list[object]) -> tuple[object, ...]:
    kind = _PAYLOADS.get(method)
    if kind is None:
        return tuple(params)
    if len(params) != 1:
        raise ApiUsageError(f"{method} takes one {kind.__name__} in params, not {len(params)}")
    try:
        return (msgspec.convert(params[0], kind),)
    except msgspec.ValidationError as error:
        raise ApiUsageError(f"{method} takes one {kind.__name__} in params: {error}") from None
