"""Trading on GDAX, today's Coinbase Exchange: signed REST and the user channel.

Sources as in ``gdax``, whose addresses and clock these are.
"""

import asyncio
import base64
import binascii
import hmac
import logging
from collections.abc import AsyncGenerator, Callable, Iterable
from decimal import Decimal
from typing import Any, Final, TypeVar

import httpx
import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidURI, WebSocketException

from exchange_wrapper.connection import Connection, Params, refusal
from exchange_wrapper.credentials import Credentials
from exchange_wrapper.errors import (
    ApiUsageError,
    DataError,
    InvalidAmount,
    Unavailable,
    UnknownOutcome,
)
from exchange_wrapper.exchange.base_trading import (
    AlreadyDone,
    Balance,
    CancelRequested,
    Connected,
    NotFound,
    OrderReport,
    Placed,
    Refused,
    Report,
    Trading,
    VenueChanged,
    VenueDone,
    VenueFill,
    VenueOpened,
    VenueOrder,
    VenueOrderState,
    VenueReceived,
)
from exchange_wrapper.exchange.gdax import CLOSE_TIMEOUT_S, REST_URL, WS_URL
from exchange_wrapper.fees import FeeSchedule
from exchange_wrapper.numbers import LEDGER, format_amount, parse_amount
from exchange_wrapper.pair import Pair
from exchange_wrapper.terms import DoneReason, OrderStatus, OrderType, Side
from exchange_wrapper.times import SECOND, UtcNs, from_iso
from exchange_wrapper.util import utc_now
from exchange_wrapper.util.token_bucket import TokenBucket

__all__ = ["GDAXTrading", "ReportParser", "Signer"]

_VERIFY_PATH: Final = "/users/self/verify"  # what a subscription signs, as a GET without body
_PAGE_MAX: Final = 100
_SILENCE_MAX_S: Final = 5.0  # heartbeats come once a second
_REPORTS_LOG: Final = logging.getLogger(f"{__name__}.reports")
_REPORTS_LOG.setLevel(logging.INFO)  # at DEBUG websockets logs what it sends: the passphrase

_TIME_IN_FORCE: Final = {OrderType.LIMIT: "GTC", OrderType.IOC: "IOC", OrderType.FOK: "FOK"}
_STATUS: Final = {
    "received": OrderStatus.RECEIVED,
    "pending": OrderStatus.RECEIVED,
    "open": OrderStatus.OPEN,
    "active": OrderStatus.OPEN,
    "done": OrderStatus.DONE,
    "rejected": OrderStatus.DONE,
}
_DONE_REASON: Final = {
    "filled": DoneReason.FILLED,
    "canceled": DoneReason.CANCELLED,
    "rejected": DoneReason.REJECTED,
}

_Answer = TypeVar("_Answer")


class _Typed(msgspec.Struct):
    type: str


class _Order(msgspec.Struct):
    id: str
    product_id: str
    side: Side
    status: str
    created_at: str
    client_oid: str | None = None
    done_at: str | None = None
    done_reason: str | None = None
    reject_reason: str | None = None
    price: str | None = None
    size: str | None = None
    filled_size: str = "0"
    executed_value: str = "0"
    fill_fees: str = "0"


class _Fill(msgspec.Struct):
    trade_id: int
    order_id: str
    product_id: str
    side: Side  # the order's own
    price: str
    size: str
    fee: str
    liquidity: str
    created_at: str


class _Account(msgspec.Struct):
    currency: str
    balance: str
    available: str
    hold: str


class _Fees(msgspec.Struct):
    maker_fee_rate: str
    taker_fee_rate: str


class _Time(msgspec.Struct):
    epoch: Decimal


class _OrderMessage(msgspec.Struct, gc=False):
    product_id: str = ""
    time: str = ""
    order_id: str = ""
    client_oid: str | None = None
    side: Side = Side.BUY
    remaining_size: str | None = None
    new_size: str | None = None
    reason: str = ""
    message: str = ""
    trade_id: int = 0
    maker_order_id: str | None = None
    taker_order_id: str | None = None
    price: str = ""
    size: str = ""
    maker_fee_rate: str | None = None
    taker_fee_rate: str | None = None


class Signer:
    """Signs requests and subscriptions.

    Parameters
    ----------
    credentials : Credentials
        Key, base64 secret and passphrase.
    clock : callable
        Returns the venue's time.

    Raises
    ------
    ApiUsageError
        A part is missing, or the secret is not base64.
    """

    def __init__(self, credentials: Credentials, clock: Callable[[], UtcNs]) -> None:
        if not (credentials.key and credentials.secret and credentials.passphrase):
            raise ApiUsageError("keys of Coinbase Exchange have a key, a secret and a passphrase")
        try:
            base64.b64decode(credentials.secret.reveal(), validate=True)
        except (binascii.Error, ValueError):
            raise ApiUsageError("the secret of a Coinbase Exchange key is base64 text") from None
        self._credentials = credentials
        self._clock = clock

    def headers(self, method: str, path: str, body: bytes) -> dict[str, str]:
        """Return the headers that sign a request; the path is the one sent, with its query."""
        timestamp = str(self._clock() // SECOND)
        return {
            "CB-ACCESS-KEY": self._credentials.key.reveal(),
            "CB-ACCESS-SIGN": self._signature(timestamp, method, path, body),
            "CB-ACCESS-TIMESTAMP": timestamp,
            "CB-ACCESS-PASSPHRASE": self._credentials.passphrase.reveal(),
        }

    def members(self) -> dict[str, str]:
        """Return the members that sign a subscription."""
        timestamp = str(self._clock() // SECOND)
        return {
            "key": self._credentials.key.reveal(),
            "signature": self._signature(timestamp, "GET", _VERIFY_PATH, b""),
            "timestamp": timestamp,
            "passphrase": self._credentials.passphrase.reveal(),
        }

    def _signature(self, timestamp: str, method: str, path: str, body: bytes) -> str:
        text = f"{timestamp}{method}{path}".encode() + body
        digest = hmac.digest(base64.b64decode(self._credentials.secret.reveal()), text, "sha256")
        return base64.b64encode(digest).decode()


class ReportParser:
    """Read the messages of the ``user`` channel. Does no I/O."""

    def __init__(self) -> None:
        self._decode = msgspec.json.Decoder(_OrderMessage).decode
        self._readers: dict[str, Callable[[_OrderMessage], OrderReport]] = {
            "received": self._received,
            "open": self._open,
            "match": self._match,
            "change": self._change,
            "done": self._done,
        }

    def parse(self, raw: bytes | str, received_at: UtcNs) -> Report | None:
        """Return what a message says, or None if that is nothing to us.

        Raises
        ------
        Unavailable
            The exchange reports an error, such as a signature that it does not accept.
        DataError
            Not a message of this protocol.
        """
        try:
            kind = msgspec.json.decode(raw, type=_Typed).type
            if kind == "subscriptions":
                return Connected(received_at)
            reader = self._readers.get(kind)
            if reader is None and kind != "error":
                return None  # heartbeats, and by the protocol's rule whatever is unknown
            message = self._decode(raw)
        except msgspec.DecodeError as error:
            raise DataError(f"the user channel sent what can't be read: {error}") from None
        if reader is None:
            raise Unavailable(
                f"the user channel reports: {message.message} {message.reason}".rstrip()
            )
        return reader(message)

    def _received(self, message: _OrderMessage) -> VenueReceived:
        """Read ``{"type": "received", "order_id": "d0c5…", "client_oid": "1e2f…", …}``."""
        return VenueReceived(
            message.order_id,
            message.client_oid or "",
            _pair_name(message.product_id),
            message.side,
            _time(message.time),
        )

    def _open(self, message: _OrderMessage) -> VenueOpened:
        """Read ``{"type": "open", "order_id": "d0c5…", "remaining_size": "1.00", …}``."""
        return VenueOpened(
            message.order_id,
            _pair_name(message.product_id),
            _amount(message.remaining_size or ""),
            _time(message.time),
        )

    def _match(self, message: _OrderMessage) -> VenueFill:
        """Read a fill; the ``side`` is the maker's, and only the own side's rate is told.

        ``{"type": "match", "trade_id": 7, "maker_order_id": "…", "taker_order_id": "d0c5…",
        "side": "sell", "size": "0.1", "price": "60000.01", "taker_fee_rate": "0.0060", …}``
        """
        maker = message.maker_fee_rate is not None
        if maker:
            order_id, rate = message.maker_order_id, message.maker_fee_rate
        else:
            order_id, rate = message.taker_order_id, message.taker_fee_rate
        if rate is None or order_id is None:
            raise DataError(f"trade {message.trade_id} does not say which side of it is ours")
        price, size = _amount(message.price), _amount(message.size)
        return VenueFill(
            order_id,
            _pair_name(message.product_id),
            str(message.trade_id),
            message.side if maker else message.side.opposite,
            price,
            size,
            maker,
            LEDGER.multiply(LEDGER.multiply(price, size), _amount(rate)),
            False,
            _time(message.time),
        )

    def _change(self, message: _OrderMessage) -> VenueChanged:
        """Read ``{"type": "change", "order_id": "d0c5…", "old_size": "3", "new_size": "2", …}``."""
        return VenueChanged(
            message.order_id,
            _pair_name(message.product_id),
            _optional(message.new_size),
            _time(message.time),
        )

    def _done(self, message: _OrderMessage) -> VenueDone:
        """Read ``{"type": "done", "reason": "canceled", "remaining_size": "0.5", …}``."""
        return VenueDone(
            message.order_id,
            _pair_name(message.product_id),
            _done_reason(message.reason),
            _optional(message.remaining_size),
            _time(message.time),
        )


class GDAXTrading(Trading):
    """Coinbase Exchange's private side: orders by REST, reports by the ``user`` channel.

    Two orders of ours never trade with each other: the venue cancels the one that arrives.

    Parameters
    ----------
    name : str
        The name that the exchange is loaded under.
    credentials : Credentials
        Of a key that may view and trade. The venue tells nobody what else a key may do.
    rest_url, ws_url : str
        Take the place of production's addresses.
    clock : callable
        Returns our own time.
    timeout_s : float
        How long connecting, and then each wait for data, may take.
    transport : httpx.AsyncBaseTransport, optional
        Takes the place of the network for REST.
    """

    request_life_s = 35.0  # timestamps more than 30 s off are refused

    def __init__(
        self,
        name: str,
        credentials: Credentials,
        *,
        rest_url: str = REST_URL,
        ws_url: str = WS_URL,
        clock: Callable[[], UtcNs] = utc_now,
        timeout_s: float = 10.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__()
        self._name = name
        self._ws_url = ws_url
        self._clock = clock
        self._skew_ns: int | None = None
        self._signer = Signer(credentials, self._venue_time)
        self._limits = {
            "private": TokenBucket(15, burst=30),
            "fills": TokenBucket(10, burst=20),
            # The address's budget is 10 a second; the market data may use most of it.
            "public": TokenBucket(2, burst=5),
        }
        self._rest = Connection(
            name,
            rest_url,
            self._limits["private"],
            sign=self._signer.headers,
            timeout_s=timeout_s,
            transport=transport,
        )

    async def place(self, order: VenueOrder) -> Placed | Refused:
        """Send ``POST /orders``; see the base class."""
        body = msgspec.json.encode(_body(order))
        try:
            answer = await self._rest.request("POST", "/orders", body=body, once=True)
        except UnknownOutcome:
            raise
        except Unavailable as error:  # answered 429 each time, and never carried out
            return Refused(order.client_id, error.message)
        if answer.is_success:
            try:
                told = msgspec.json.decode(answer.content, type=_Order)
                if told.status == "rejected":
                    return Refused(order.client_id, told.reject_reason or "rejected")
                return Placed(told.id, order.client_id, order.pair.name(), _time(told.created_at))
            except (msgspec.DecodeError, DataError):
                pass
        reason = refusal(answer)
        # That the id is known does not say that the order was refused: an earlier try arrived.
        if reason is None or "duplicate" in reason.lower():
            raise UnknownOutcome(
                f"{self._name} may have taken order {order.client_id}: it answered "
                f"{answer.status_code} {reason or answer.reason_phrase}"
            )
        return Refused(order.client_id, reason)

    async def cancel(self, client_id: str) -> CancelRequested | AlreadyDone | NotFound:
        """Send ``DELETE /orders/client:{client_oid}``; see the base class."""
        answer = await self._rest.request("DELETE", f"/orders/client:{client_id}", urgent=True)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return NotFound(client_id)
        if "already done" in (refusal(answer) or "").lower():
            return AlreadyDone(client_id)
        self._rest.accepted(answer)
        return CancelRequested(client_id)

    async def cancel_all(self, pair: Pair | None = None) -> tuple[str, ...]:
        """Send ``DELETE /orders``; see the base class."""
        params = {} if pair is None else {"product_id": pair.x_id}
        answer = await self._rest.request("DELETE", "/orders", params, urgent=True)
        return tuple(self._read(answer, list[str]))

    async def find(self, client_id: str) -> VenueOrderState | None:
        """Read ``GET /orders/client:{client_oid}``; see the base class."""
        answer = await self._rest.request("GET", f"/orders/client:{client_id}")
        if answer.status_code == httpx.codes.NOT_FOUND and refusal(answer) is not None:
            return None
        return _state(self._read(answer, _Order))

    async def open_orders(self) -> list[VenueOrderState]:
        """Read ``GET /orders``; see the base class."""
        params = {"status": ["open", "pending", "active"]}
        return [
            _state(order)
            async for page in self._pages("/orders", params, list[_Order], "private")
            for order in page
        ]

    async def fills(self, order_id: str) -> list[VenueFill]:
        """Read ``GET /fills`` of an order; see the base class."""
        found = [
            _fill(fill)
            async for page in self._pages("/fills", {"order_id": order_id}, list[_Fill], "fills")
            for fill in page
        ]
        return found[::-1]

    async def fills_since(self, pair: Pair, since: UtcNs) -> list[VenueFill]:
        """Read ``GET /fills`` of a product; see the base class."""
        found: list[VenueFill] = []
        async for page in self._pages("/fills", {"product_id": pair.x_id}, list[_Fill], "fills"):
            fills = [_fill(fill) for fill in page]
            found += (fill for fill in fills if fill.time >= since)
            if fills[-1].time < since:
                break
        return found[::-1]

    async def balances(self) -> dict[str, Balance]:
        """Read ``GET /accounts``; see the base class."""
        accounts = self._read(await self._rest.request("GET", "/accounts"), list[_Account])
        return {
            account.currency: Balance(
                _amount(account.balance), _amount(account.available), _amount(account.hold)
            )
            for account in accounts
        }

    async def fees(self) -> FeeSchedule:
        """Read ``GET /fees``; see the base class."""
        told = self._read(await self._rest.request("GET", "/fees"), _Fees)
        return FeeSchedule(maker=_amount(told.maker_fee_rate), taker=_amount(told.taker_fee_rate))

    async def reports(self, pairs: Iterable[Pair]) -> AsyncGenerator[Report, None]:
        """Subscribe to the ``user`` channel on a websocket of its own; see the base class."""
        await self.measure_clock_skew()
        parser = ReportParser()
        subscription = {
            "type": "subscribe",
            "product_ids": [pair.x_id for pair in pairs],
            "channels": ["user", "heartbeat"],
        }
        try:
            async with connect(
                self._ws_url, compression=None, close_timeout=CLOSE_TIMEOUT_S, logger=_REPORTS_LOG
            ) as socket:
                await socket.send(
                    msgspec.json.encode(subscription | self._signer.members()), text=True
                )
                connected = False
                while True:
                    async with asyncio.timeout(_SILENCE_MAX_S):
                        raw = await socket.recv(decode=False)
                    report = parser.parse(raw, self._clock())
                    if report is None or (connected and isinstance(report, Connected)):
                        continue
                    if not connected:  # the confirmation may come after the first report
                        connected = True
                        yield Connected(self._clock())
                    if not isinstance(report, Connected) and self._news.passes(report):
                        yield report
        except InvalidURI as error:
            raise ApiUsageError(f"exchange {self._name}: {error}", field="ws_url") from None
        except ConnectionClosed as error:
            raise Unavailable(f"{self._name} closed its user channel: {error}") from None
        except TimeoutError:
            raise Unavailable(f"{self._name}'s user channel does not answer") from None
        except (WebSocketException, OSError) as error:
            raise Unavailable(f"{self._name}'s user channel can't be reached: {error}") from None

    async def measure_clock_skew(self) -> int:
        """Read ``GET /time``; see the base class."""
        answer = await self._rest.request("GET", "/time", rate_limit=self._limits["public"])
        # Told half-way between question and answer, as well as anybody can know.
        asked_at = self._clock() - round(answer.elapsed.total_seconds() * SECOND) // 2
        self._skew_ns = int(self._read(answer, _Time).epoch * SECOND) - asked_at
        return self._skew_ns

    @property
    def clock_skew_ns(self) -> int | None:
        """See the base class."""
        return self._skew_ns

    @property
    def rate_budget(self) -> dict[str, float]:
        """The scopes are ``private``, ``fills`` and ``public``; see the base class."""
        return {scope: limit.remaining for scope, limit in self._limits.items()}

    async def close(self) -> None:
        """Close the REST connection; see the base class."""
        await self._rest.close()

    def _venue_time(self) -> UtcNs:
        return UtcNs(self._clock() + (self._skew_ns or 0))

    async def _pages(
        self, endpoint: str, params: Params, rows: type[list[_Answer]], scope: str
    ) -> AsyncGenerator[list[_Answer], None]:
        """Yield the pages of a list, newest first; none is empty."""
        after: dict[str, str] = {}
        while True:
            answer = await self._rest.request(
                "GET",
                endpoint,
                {**params, "limit": _PAGE_MAX, **after},
                rate_limit=self._limits[scope],
            )
            page = self._read(answer, rows)
            if page:
                yield page
            if len(page) < _PAGE_MAX or "CB-AFTER" not in answer.headers:
                return
            after = {"after": answer.headers["CB-AFTER"]}

    def _read(self, answer: httpx.Response, kind: type[_Answer]) -> _Answer:
        body = self._rest.accepted(answer).content
        try:
            return msgspec.json.decode(body, type=kind)
        except msgspec.DecodeError as error:
            path = answer.request.url.path
            raise DataError(f"{self._name}: {path} can't be read: {error}") from None


def _body(order: VenueOrder) -> dict[str, Any]:
    body: dict[str, Any] = {
        "type": "limit" if order.type.has_limit else "market",
        "side": order.side,
        "product_id": order.pair.x_id,
        "client_oid": order.client_id,
        "stp": "cn",
    }
    amounts = {"price": order.limit, "size": order.size, "funds": order.funds}
    body |= {name: format_amount(given) for name, given in amounts.items() if given is not None}
    if order.type.has_limit:
        body["time_in_force"] = _TIME_IN_FORCE[order.type]
    if order.post_only:
        body["post_only"] = True
    return body


def _state(order: _Order) -> VenueOrderState:
    status = _STATUS.get(order.status)
    if status is None:
        raise DataError(f"order {order.id} has an unknown status: {order.status}")
    reason = "rejected" if order.status == "rejected" else order.done_reason or ""
    return VenueOrderState(
        order_id=order.id,
        client_id=order.client_oid or "",
        pair=_pair_name(order.product_id),
        side=order.side,
        status=status,
        created_at=_time(order.created_at),
        done_at=None if order.done_at is None else _time(order.done_at),
        done_reason=_done_reason(reason) if status is OrderStatus.DONE else None,
        message=order.reject_reason or "",
        size=_optional(order.size),
        limit=_optional(order.price),
        filled_size=_amount(order.filled_size),
        executed_value=_amount(order.executed_value),
        fee=_amount(order.fill_fees),
    )


def _fill(fill: _Fill) -> VenueFill:
    return VenueFill(
        fill.order_id,
        _pair_name(fill.product_id),
        str(fill.trade_id),
        fill.side,
        _amount(fill.price),
        _amount(fill.size),
        fill.liquidity == "M",
        _amount(fill.fee),
        True,
        _time(fill.created_at),
    )


def _done_reason(word: str) -> DoneReason:
    if word not in _DONE_REASON:
        raise DataError(f"an order is done for an unknown reason: {word!r}")
    return _DONE_REASON[word]


def _pair_name(product_id: str) -> str:
    return product_id.replace("-", "_")


def _amount(text: str) -> Decimal:
    try:
        return parse_amount(text, "amount")
    except InvalidAmount as error:
        raise DataError(error.message) from None


def _optional(text: str | None) -> Decimal | None:
    return None if text is None else _amount(text)


def _time(text: str) -> UtcNs:
    try:
        return from_iso(text)
    except ApiUsageError as error:
        raise DataError(error.message) from None
