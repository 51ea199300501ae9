"""Typed client of xWrap's JSON-RPC interface."""

import asyncio
import itertools
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from decimal import Decimal
from types import TracebackType
from typing import Any, Final, Literal, Self

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.frames import CloseCode

from exchange_wrapper.errors import ApiUsageError, ProcessingError, Unavailable, XWrapError
from exchange_wrapper.feed import Backoff
from exchange_wrapper.numbers import format_amount
from exchange_wrapper.terms import OrderType, Side
from exchange_wrapper.times import UtcNs, to_iso
from exchange_wrapper.wire import encode, error_from_wire

__all__ = ["XWrapClient"]

_log = logging.getLogger("xwrap.client")

_MESSAGE_MAX: Final = 32 << 20  # bytes of one answer: far above a full page of candles
_HEARD_MAX: Final = 100_000  # orders whose newest state is remembered
_PAGE: Final = 1000

Amount = Decimal | str | int
Json = dict[str, Any]
NotificationHandler = Callable[[Json], None]
Channel = Literal["book", "ticker", "trades", "candles"]


class _Message(msgspec.Struct):
    """An answer, or a notification if it has a method."""

    id: int | None = None
    result: Any = None
    error: Json | None = None
    method: str | None = None
    params: Json = {}
    seq: int = 0


_decoder: Final = msgspec.json.Decoder(_Message, float_hook=Decimal)


class XWrapClient:
    """One connection to xWrap.

    Every method raises the error class that xWrap raised, ``Unavailable`` where xWrap can't be
    reached, has gone away or does not answer in time. Amounts are ``Decimal`` or text, never
    floats; JSON fractions in answers come as ``Decimal``.

    With ``reconnect`` a lost connection is made again, however long that takes. Requests that were
    under way fail, since nobody knows what became of them; new ones wait for the connection until
    their time is up. Subscriptions are renewed, and what was sent to everybody in the meantime is
    asked for: handlers hear every trade exactly once, and every state of an order, or at least the
    newest where xWrap was restarted meanwhile, in their order.

    Attributes
    ----------
    url, name : str
    last_seq : int
        Number of the newest notification.
    """

    def __init__(
        self,
        connection: ClientConnection,
        url: str,
        name: str,
        timeout_s: float,
        reconnect: bool = False,
    ) -> None:
        self.url = url
        self.name = name
        self.last_seq = 0
        self._timeout_s = timeout_s
        self._reconnects = reconnect
        self._connection = connection
        self._is_closing = False
        self._online = asyncio.Event()
        self._online.set()
        self._ids = itertools.count(1)
        self._waiting: dict[int | None, asyncio.Future[Any]] = {}
        self._handlers: dict[str, list[NotificationHandler]] = defaultdict(list)
        self._subscriptions: dict[tuple[Channel, str, str], None] = {}
        self._held: list[_Message] | None = None  # while we ask for what came before them
        self._heard_since = ""  # ISO 8601: what happened before we came is none of our business
        self._heard_orders: dict[int, str] = {}  # when each was last updated
        self._last_trade_id = 0
        self._backoff = Backoff()
        self._runner = asyncio.create_task(self._run(), name=f"xwrap client {name}")

    @classmethod
    async def connect(
        cls,
        url: str,
        *,
        name: str = "generic",
        timeout_s: float = 10.0,
        reconnect: bool = False,
    ) -> Self:
        """Connect to an address such as ``ws://127.0.0.1:4200``.

        Parameters
        ----------
        name : str
            Names this client in log messages.
        timeout_s : float
            The most to wait for the connection, and for each answer.
        reconnect : bool
            Whether to come back, and to catch up, after the connection was lost.

        Raises
        ------
        Unavailable
            Nobody answers there, or not xWrap.
        ApiUsageError
            The address is not one of a websocket.
        """
        client = cls(await _open(url, timeout_s), url, name, timeout_s, reconnect)
        if reconnect:
            try:
                start = await client._object("get_notifications_since")
            except XWrapError:
                await client.close()
                raise
            client.last_seq = max(client.last_seq, start["last_seq"])
            client._heard_since = to_iso(UtcNs(start["last_seq"] * 1000))
        return client

    async def close(self) -> None:
        """Close the connection; requests under way fail."""
        self._is_closing = True
        await self._connection.close()
        if not self._online.is_set():  # it waits to connect again
            self._runner.cancel()
        with suppress(asyncio.CancelledError):
            await self._runner

    async def wait_closed(self) -> None:
        """Wait until the connection has ended for good."""
        await asyncio.shield(self._runner)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def on(self, method: str, handler: NotificationHandler) -> None:
        """Have ``handler(params)`` called for each notification of a method, in their order.

        An exception out of a handler is logged; the other handlers and messages go on.
        """
        self._handlers[method].append(handler)

    async def call(self, method: str, **arguments: Any) -> Any:
        """Call any method by name; arguments that are None are left out."""
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._online.wait()
                return await self._ask(method, arguments)
        except ConnectionClosed:
            raise self._gone() from None
        except TimeoutError:
            raise Unavailable(
                f"xWrap at {self.url} did not answer {method} within {self._timeout_s:g} s"
            ) from None

    async def _ask(self, method: str, arguments: Json) -> Any:
        request_id = next(self._ids)
        answer = self._waiting[request_id] = asyncio.get_running_loop().create_future()
        params = {key: value for key, value in arguments.items() if value is not None}
        request = {"jsonrpc": "2.0", "method": method, "params": params, "id": request_id}
        try:
            await self._connection.send(encode(request), text=True)
            return await answer
        finally:
            del self._waiting[request_id]

    # Utility

    async def get_status(self) -> Json:
        """Return xWrap's status and configuration."""
        return await self._object("get_status")

    async def echo(self, **arguments: Any) -> Json:
        """Return the arguments as xWrap understood them."""
        return await self._object("echo", **arguments)

    async def echo_notify(self, **arguments: Any) -> Json:
        """Have every client notified of the arguments by ``echo_ret``."""
        return await self._object("echo_notify", **arguments)

    async def get_health(self) -> Json:
        """Return the health of xWrap and of each exchange."""
        return await self._object("get_health")

    async def get_notifications_since(self, seq: int | None = None) -> Json:
        """Return what went to everybody after a number."""
        return await self._object("get_notifications_since", seq=seq)

    # Market data

    async def get_exchanges(self, mode: Literal["paper", "live"] | None = None) -> list[Json]:
        """Return the loaded exchanges."""
        return await self._list("get_exchanges", mode=mode)

    async def get_book(self, exchange: str, pair: str, depth: int | None = None) -> Json:
        """Return the best levels of a book as ``{"bids": [[price, size]], "asks": …}``."""
        return await self._object("get_book", exchange=exchange, pair=pair, depth=depth)

    async def get_pricing(self, exchange: str) -> Json:
        """Return best bid and ask by pair."""
        return await self._object("get_pricing", exchange=exchange)

    async def convert_to_usd(
        self, currency: str, value: Amount, side: Literal["bid", "ask"] = "bid"
    ) -> Decimal | None:
        """Return what an amount is worth in USD, None if there is no price."""
        worth = await self.call("convert_to_usd", currency=currency, value=_text(value), side=side)
        return None if worth is None else Decimal(worth)

    async def get_ohlcv(
        self,
        exchange: str,
        pair: str,
        *,
        start: int | None = None,
        end: int | None = None,
        received_before: int | None = None,
        freq: str | None = None,
    ) -> Json:
        """Return one page of candles; ``next`` is where the next one starts, or None."""
        return await self._object(
            "get_ohlcv",
            exchange=exchange,
            pair=pair,
            start=start,
            end=end,
            received_before=received_before,
            freq=freq,
        )

    async def iterate_ohlcv(
        self, exchange: str, pair: str, *, start: int = 0, end: int | None = None, freq: str
    ) -> AsyncIterator[list[list[Any]]]:
        """Yield all candles that open in [start, end) in pages of up to 50,000, oldest first.

        Each is ``[time, low, high, open, close, volume, received_at]``.
        """
        following: int | None = start
        while following is not None:
            page = await self.get_ohlcv(exchange, pair, start=following, end=end, freq=freq)
            following = page["next"]
            yield page["points"]

    async def list_ohlcv(self) -> list[Json]:
        """Return the stored series with their periods and increments."""
        return await self._list("list_ohlcv")

    # Wallets

    async def create_wallet_set(
        self, run_id: str, wallets: Iterable[tuple[str, str, Amount]]
    ) -> int:
        """Create a set from (exchange, currency, allocation) and return its id."""
        allocations = [
            {"exchange": exchange, "currency": currency, "allocation": _text(allocation)}
            for exchange, currency, allocation in wallets
        ]
        created = await self._object("create_wallet_set", run_id=run_id, wallets=allocations)
        return int(created["id"])

    async def get_wallet_set(self, set_id: int | None = None, aggregate_only: bool = False) -> Json:
        """Return a wallet set, the unallocated one by default."""
        return await self._object("get_wallet_set", set_id=set_id, aggregate_only=aggregate_only)

    async def get_wallet_set_history(self, set_id: int) -> Json:
        """Return how the wallets of a set have changed."""
        return await self._object("get_wallet_set_history", set_id=set_id)

    async def get_all_wallet_sets(self, aggregate_only: bool = False) -> Json:
        """Return the active sets by id, and ``total``, ``unallocated`` and ``allocated``."""
        return await self._object("get_all_wallet_sets", aggregate_only=aggregate_only)

    async def get_allocated_wallet_set(self) -> Json:
        """Return what all runs have, by currency."""
        return await self._object("get_allocated_wallet_set")

    async def get_unallocated_wallet_set(self) -> Json:
        """Return what no run has, by currency."""
        return await self._object("get_unallocated_wallet_set")

    async def get_total_wallet_set(self) -> Json:
        """Return everything, by currency."""
        return await self._object("get_total_wallet_set")

    async def get_unallocated_per_exchange(self) -> Json:
        """Return the wallets that no run has, by exchange and currency."""
        return await self._object("get_unallocated_per_exchange")

    async def get_wallet(self, exchange: str, base: str, wallet_set_id: int | None = None) -> Json:
        """Return one wallet, of the unallocated funds by default."""
        return await self._object(
            "get_wallet", exchange=exchange, base=base, wallet_set_id=wallet_set_id
        )

    async def allocate_to_wallet_set(
        self, wallet_set_id: int, exchange: str, base: str, movement: Amount
    ) -> Json:
        """Move unallocated funds into a set, or back; return the set's wallet."""
        return await self._object(
            "allocate_to_wallet_set",
            wallet_set_id=wallet_set_id,
            exchange=exchange,
            base=base,
            movement=_text(movement),
        )

    async def deactivate_wallet_set(self, wallet_set_id: int) -> Json:
        """Return a set's funds and close it."""
        return await self._object("deactivate_wallet_set", wallet_set_id=wallet_set_id)

    async def add_virtual_wallet_tx(
        self, exchange: str, base: str, movement: Amount, wallet_id: int | None = None
    ) -> int:
        """Add virtual funds to a paper exchange and return the line's id."""
        return int(
            await self.call(
                "add_virtual_wallet_tx",
                exchange=exchange,
                base=base,
                movement=_text(movement),
                wallet_id=wallet_id,
            )
        )

    # Orders

    async def make_order(
        self,
        *,
        run_id: str,
        exchange: str,
        client_oid: str,
        type: OrderType | str,
        pair: str,
        size: Amount,
        side: Side | str,
        wallet_set_id: int | None = None,
        limit: Amount | None = None,
        cancel_after: int = 0,
    ) -> tuple[str, str]:
        """Make an order and return (status, message) once it is durable.

        The status is ``accepted``, or ``invalid`` or ``rejected`` with the reason as message.
        """
        status, message = await self.call(
            "make_order",
            run_id=run_id,
            exchange=exchange,
            client_oid=client_oid,
            type=str(type),
            pair=pair,
            size=_text(size),
            side=str(side),
            wallet_set_id=wallet_set_id,
            limit=None if limit is None else _text(limit),
            cancel_after=cancel_after,
        )
        return status, message

    async def cancel_order(self, exchange: str, client_order_id: str) -> Json:
        """Ask for an order to be cancelled and return it as it is now."""
        return await self._object(
            "cancel_order", exchange=exchange, client_order_id=client_order_id
        )

    async def get_order(self, exchange: str, client_order_id: str) -> Json:
        """Return an order, open or done."""
        return await self._object("get_order", exchange=exchange, client_order_id=client_order_id)

    async def cancel_all(self, *, run_id: str | None = None, exchange: str | None = None) -> Json:
        """Ask for all open orders of a run or at an exchange to be cancelled."""
        return await self._object("cancel_all", run_id=run_id, exchange=exchange)

    async def list_open_orders(self, run_id: str | None = None) -> list[Json]:
        """Return all orders that are not done, newest first."""
        orders: list[Json] = []
        page = await self._list("list_open_orders", run_id=run_id, limit=_PAGE)
        while page:
            orders += page
            if len(page) < _PAGE:
                break
            before = page[-1]["id"]
            page = await self._list(
                "list_open_orders", run_id=run_id, limit=_PAGE, before_id=before
            )
        return orders

    async def list_recent_orders(
        self,
        include_open: bool = False,
        *,
        run_id: str | None = None,
        limit: int | None = None,
        before_id: int | None = None,
    ) -> list[Json]:
        """Return a page of the orders that were done last, newest first."""
        return await self._list(
            "list_recent_orders",
            include_open=include_open,
            run_id=run_id,
            limit=limit,
            before_id=before_id,
        )

    async def list_trades(
        self,
        run_id: str | None = None,
        *,
        since: str | None = None,
        limit: int | None = None,
        before_id: int | None = None,
    ) -> list[Json]:
        """Return a page of the newest trades, newest first, of one run or of all."""
        return await self._list(
            "list_trades", run_id=run_id, since=since, limit=limit, before_id=before_id
        )

    # Market data as notifications

    async def subscribe(self, channel: Channel, exchange: str, pair: str) -> None:
        """Get ``book``, ``ticker``, ``trades`` or ``candle`` notifications of a pair from now on.

        For ``book`` the first one is a snapshot.
        """
        await self.call("subscribe", channel=channel, exchange=exchange, pair=pair)
        self._subscriptions[channel, exchange, pair] = None

    async def unsubscribe(self, channel: Channel, exchange: str, pair: str) -> None:
        """Get them no more."""
        self._subscriptions.pop((channel, exchange, pair), None)
        await self.call("unsubscribe", channel=channel, exchange=exchange, pair=pair)

    async def _object(self, method: str, **arguments: Any) -> Json:
        result = await self.call(method, **arguments)
        if not isinstance(result, dict):
            raise ProcessingError(f"xWrap answered {method} with {result!r}")
        return result

    async def _list(self, method: str, **arguments: Any) -> list[Json]:
        result = await self.call(method, **arguments)
        if not isinstance(result, list):
            raise ProcessingError(f"xWrap answered {method} with {result!r}")
        return result

    async def _run(self) -> None:
        resuming: asyncio.Task[None] | None = None
        try:
            while True:
                await self._read()
                if resuming is not None:
                    resuming.cancel()
                self._fail_waiting()
                if self._is_closing or not self._reconnects:
                    return
                self._online.clear()
                await self._connect_again()
                self._held = []
                resuming = asyncio.create_task(self._resume(), name=f"xwrap client {self.name}")
        finally:
            if resuming is not None:
                resuming.cancel()
                with suppress(asyncio.CancelledError):
                    await resuming
            self._online.set()  # whoever still waits learns that the connection has ended
            self._fail_waiting()

    async def _read(self) -> None:
        try:
            async for text in self._connection:
                self._receive(_decoder.decode(text))
        except ConnectionClosed:
            pass  # without a closing handshake
        except msgspec.DecodeError as error:
            _log.error("%s talks no JSON-RPC: %s", self.url, error)
            await self._connection.close(CloseCode.PROTOCOL_ERROR)

    def _fail_waiting(self) -> None:
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(self._gone())

    async def _connect_again(self) -> None:
        while True:
            await asyncio.sleep(self._backoff.next_s())
            try:
                self._connection = await _open(self.url, self._timeout_s)
                return
            except Unavailable as error:
                _log.info("%s: %s", self.name, error.message)

    async def _resume(self) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                missed = await self._ask("get_notifications_since", {"seq": self.last_seq})
        except (XWrapError, ConnectionClosed, TimeoutError) as error:
            _log.warning("%s can't catch up: %s", self.name, error)
            await self._connection.close()
            return
        if not missed["complete"]:
            _log.warning("%s was away for long: only orders and trades are told again", self.name)
        for each in missed["notifications"]:
            if each["seq"] is not None or self._is_news(each["method"], each["params"]):
                self._notify(each["method"], each["params"])
        self.last_seq = missed["last_seq"]
        held, self._held = self._held or [], None
        for message in held:
            self._receive(message)
        self._online.set()
        self._backoff.reset()
        await self._subscribe_again()

    async def _subscribe_again(self) -> None:
        for channel, exchange, pair in list(self._subscriptions):
            while (channel, exchange, pair) in self._subscriptions:
                try:
                    await self.subscribe(channel, exchange, pair)
                    break
                except Unavailable:  # the exchange starts, or the connection is lost again
                    await asyncio.sleep(self._backoff.next_s())
                except XWrapError as error:
                    _log.warning("no more %s of %s: %s", channel, pair, error.message)
                    self._subscriptions.pop((channel, exchange, pair), None)

    def _receive(self, message: _Message) -> None:
        if message.method is not None:
            if self._held is not None:
                self._held.append(message)
            elif message.seq > self.last_seq:
                self.last_seq = message.seq
                self._notify(message.method, message.params)
            return
        answer = self._waiting.get(message.id)
        if answer is None or answer.done():  # it came too late
            return
        if message.error is not None:
            answer.set_exception(error_from_wire(message.error))
        else:
            answer.set_result(message.result)

    def _notify(self, method: str, params: Json) -> None:
        if method == "order" and self._reconnects:
            self._heard_orders.pop(params["id"], None)
            self._heard_orders[params["id"]] = params["last_updated_at"]
            if len(self._heard_orders) > _HEARD_MAX:
                del self._heard_orders[next(iter(self._heard_orders))]
        elif method == "trade" and self._reconnects:
            self._last_trade_id = max(self._last_trade_id, params["id"])
        for handler in tuple(self._handlers[method]):
            try:
                handler(params)
            except Exception:
                _log.exception("the handler of %s notifications failed", method)

    def _is_news(self, method: str, params: Json) -> bool:
        """Tell whether an order's state or a trade from the database was not heard before."""
        if method == "trade":
            return bool(params["id"] > self._last_trade_id and params["time"] > self._heard_since)
        since = max(self._heard_since, self._heard_orders.get(params["id"], ""))
        return bool(params["last_updated_at"] > since)

    def _gone(self) -> Unavailable:
        return Unavailable(f"the connection to xWrap at {self.url} has ended")


async def _open(url: str, timeout_s: float) -> ClientConnection:
    try:
        return await connect(
            url,
            open_timeout=timeout_s,
            max_size=_MESSAGE_MAX,
            compression=None,
            proxy=None,
            logger=_log,
        )
    except InvalidURI as error:
        raise ApiUsageError(f"{url!r} is not a websocket address such as ws://…") from error
    except (OSError, TimeoutError, InvalidHandshake) as error:
        raise Unavailable(
            f"xWrap can't be reached at {url}: {error or 'no answer'}; is it running?"
        ) from error


def _text(amount: Amount) -> str:
    return format_amount(amount) if isinstance(amount, Decimal) else str(amount)
