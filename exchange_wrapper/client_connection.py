"""A connection to xWrap's JSON-RPC interface that calls, hears notifications, and comes back."""

import asyncio
import itertools
import logging
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from types import TracebackType
from typing import Any, Final, Literal, Self

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.frames import CloseCode

from exchange_wrapper.errors import ApiUsageError, Unauthorised, Unavailable, XWrapError
from exchange_wrapper.feed import Backoff
from exchange_wrapper.terms import OrderStatus
from exchange_wrapper.users.local_token import token_for
from serving.wire import encode, error_from_wire

__all__ = ["Channel", "Json", "XWrapConnection"]

_log = logging.getLogger("xwrap.client")

_MESSAGE_MAX: Final = 32 << 20  # bytes of one answer: far above a full page of candles
_HEARD_MAX: Final = 100_000  # orders whose newest state is remembered
_STEPS: Final = {status.value: step for step, status in enumerate(OrderStatus)}

Json = dict[str, Any]
_Progress = tuple[int, Decimal, str]
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


class XWrapConnection:
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
    reconnects : int
        How often a lost connection was made again.
    on_lost : callable
        Called when a connection is lost that is going to be made again.
    on_back : callable of (bool)
        Called when handlers have heard what was missed: whether all of it was remembered. After a
        restart of xWrap that were only orders and trades. Subscriptions are still to be renewed.
    """

    def __init__(
        self,
        connection: ClientConnection,
        url: str,
        name: str,
        timeout_s: float,
        reconnect: bool = False,
        token: str | None = None,
    ) -> None:
        self.url = url
        self.name = name
        self.last_seq = 0
        self.reconnects = 0
        self.on_lost: Callable[[], None] = lambda: None
        self.on_back: Callable[[bool], None] = lambda complete: None
        self._timeout_s = timeout_s
        self._token = token
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
        self._first_seq = 0  # what was written before we came is none of our business
        self._heard_orders: dict[int, _Progress] = {}
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
        token: str | None = None,
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
        token : str, optional
            Tells xWrap who this is. Without it that of the environment variable ``XWRAP_TOKEN`` is
            shown, or, on loopback, the one that xWrap left for programs of the same user.

        Raises
        ------
        Unauthorised
            There is no token, or it is not valid.
        Unavailable
            Nobody answers there, or not xWrap.
        ApiUsageError
            The address is not one of a websocket.
        """
        connection = await _open(url, timeout_s, token)
        client = cls(connection, url, name, timeout_s, reconnect, token)
        if reconnect:
            try:
                start = await client.call("get_notifications_since")
            except XWrapError:
                await client.close()
                raise
            client.last_seq = max(client.last_seq, start["last_seq"])
            client._first_seq = start["last_seq"]
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

    async def get_notifications_since(
        self, seq: int | None = None, *, after: int | None = None
    ) -> Json:
        """Return what went to everybody after a number; ``next`` is ``after`` of the next page."""
        missed: Json = await self.call("get_notifications_since", seq=seq, after=after)
        return missed

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
                self.on_lost()
                await self._connect_again()
                self.reconnects += 1
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
                answer.exception()  # seen: a caller who gave up while sending never waits for it

    async def _connect_again(self) -> None:
        while True:
            await asyncio.sleep(self._backoff.next_s())
            try:
                self._connection = await _open(self.url, self._timeout_s, self._token)
                return
            except XWrapError as error:  # also Unauthorised: a restarted xWrap has another token
                _log.info("%s: %s", self.name, error.message)

    async def _resume(self) -> None:
        try:
            missed = await self._catch_up()
        except (XWrapError, ConnectionClosed, TimeoutError) as error:
            _log.warning("%s can't catch up: %s", self.name, error)
            await self._connection.close()
            return
        self.last_seq = missed["last_seq"]
        held, self._held = self._held or [], None
        for message in held:
            self._receive(message)
        self._online.set()
        self._backoff.reset()
        self.on_back(missed["complete"])
        await self._subscribe_again()

    async def _catch_up(self) -> Json:
        """Tell the handlers what they have missed, and return the last page of it."""
        after: int | None = None
        while True:
            async with asyncio.timeout(self._timeout_s):
                missed: Json = await self._ask(
                    "get_notifications_since", {"seq": self.last_seq, "after": after}
                )
            if not missed["complete"] and after is None:
                _log.warning("%s was away long: only orders and trades are told again", self.name)
            for each in missed["notifications"]:
                # What the database told may be told again by what is remembered since the restart.
                if missed["complete"] or self._is_news(each):
                    self._notify(each["method"], each["params"])
            after = missed["next"]
            if after is None:
                return missed

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
            self._heard_orders[params["id"]] = _progress(params)
            if len(self._heard_orders) > _HEARD_MAX:
                del self._heard_orders[next(iter(self._heard_orders))]
        elif method == "trade" and self._reconnects:
            self._last_trade_id = max(self._last_trade_id, params["id"])
        for handler in tuple(self._handlers[method]):
            try:
                handler(params)
            except Exception:
                _log.exception("the handler of %s notifications failed", method)

    def _is_news(self, told: Json) -> bool:
        """Tell whether an order's state or a trade, if it is one, was not heard before."""
        method, params = told["method"], told["params"]
        if method not in ("order", "trade"):
            return True
        if told["seq"] <= self._first_seq:
            return False
        if method == "trade":
            return bool(params["id"] > self._last_trade_id)
        heard = self._heard_orders.get(params["id"])
        return heard is None or _progress(params) > heard

    def _gone(self) -> Unavailable:
        return Unavailable(f"the connection to xWrap at {self.url} has ended")


def _progress(order: Json) -> _Progress:
    """Return what grows from each state of an order to the next.

    Times alone do not tell: an order may come to several states at one time, and a venue may say
    late that it had filled long before.
    """
    return _STEPS[order["status"]], Decimal(order["filled_size"]), order["last_updated_at"]


async def _open(url: str, timeout_s: float, token: str | None) -> ClientConnection:
    try:
        shown = token_for(url) if token is None else token
        headers = {} if shown is None else {"Authorization": f"Bearer {shown}"}
        return await connect(
            url,
            open_timeout=timeout_s,
            additional_headers=headers,
            max_size=_MESSAGE_MAX,
            compression=None,
            proxy=None,
            logger=_log,
        )
    except InvalidURI as error:
        raise ApiUsageError(f"{url!r} is not a websocket address such as ws://…") from error
    except ValueError as error:  # of the address, before anybody tried to connect
        raise ApiUsageError(f"{url!r} is not a valid address: {error}") from error
    except (OSError, TimeoutError, InvalidHandshake) as error:
        if isinstance(error, InvalidStatus) and error.response.status_code == 401:
            reason = error.response.body.decode("utf-8", "replace").strip()
            raise Unauthorised(f"xWrap at {url} does not let us in: {reason}") from error
        raise Unavailable(
            f"xWrap can't be reached at {url}: {error or 'no answer'}; is it running?"
        ) from error
