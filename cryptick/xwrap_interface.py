"""The hub's provider ``exchange`` on paper: xWrap behind its client.

Market data and the fate of orders come as notifications and reach the strategy synchronously, on
the event loop. What a handler raises can't reach the run through the client: it goes to ``fail``.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from decimal import Decimal
from typing import Any, Final

from cryptick.followed_book import FollowedBook
from cryptick.hub import Hub
from cryptick.messages import (
    BAR,
    BOOK,
    CANCEL,
    FILL,
    ORDER,
    ORDER_UPDATE,
    QUOTE,
    TRADE,
    Bar,
    Call,
    CancelIntent,
    MarketEvent,
    MarketTrade,
    Message,
    OrderIntent,
    Quote,
    payload,
)
from cryptick.past_candles import PastCandles
from cryptick.strategy.base import Balance
from cryptick.valuation import Plan
from cryptick.xwrap_forms import Json, read_candles, read_fill, read_order_update, read_pair
from exchange_wrapper.candles import Candles, format_freq, parse_freq
from exchange_wrapper.client import XWrapClient
from exchange_wrapper.errors import OrderRejected, Unavailable, UnknownName, XWrapError
from exchange_wrapper.fees import FeeSchedule
from exchange_wrapper.numbers import ZERO
from exchange_wrapper.pair import Pair
from exchange_wrapper.terms import Side
from exchange_wrapper.times import SECOND, UtcNs, from_iso

__all__ = ["XWrapInterface"]

_BAR_S: Final = 300  # the candles that xWrap makes of trades


class XWrapInterface:
    """Connect a run's hub with xWrap.

    Parameters
    ----------
    hub : Hub
    client : XWrapClient
        Connected.
    run_id : str
        Names the run's orders.
    set_id : int
        The run's wallet set.
    plan : Plan
    exchanges : mapping of str to dict
        What ``get_exchanges`` says, by name.
    fail : callable
        Gets the error after which the run can't go on.

    Attributes
    ----------
    heard : dict of str to int
        Number of quotes, trades, bars and, where followed, books so far.
    """

    def __init__(
        self,
        hub: Hub,
        client: XWrapClient,
        run_id: str,
        set_id: int,
        plan: Plan,
        exchanges: Mapping[str, Json],
        fail: Callable[[Exception], None],
    ) -> None:
        self.heard = {"quotes": 0, "trades": 0, "bars": 0}
        self._hub = hub
        self._client = client
        self._run_id = run_id
        self._set_id = set_id
        self._plan = plan
        self._fail = fail
        self._pairs = {
            (exchange, pair): read_pair(pair, exchanges[exchange]["increments"][pair])
            for exchange, pair in plan.followed
        }
        self._fees = {
            name: FeeSchedule(Decimal(one["fees"]["maker"]), Decimal(one["fees"]["taker"]))
            for name, one in exchanges.items()
        }
        self._wallets: dict[tuple[str, str], Balance] = {}
        self._quotes: dict[tuple[str, str], Quote] = {}
        self._bids: dict[tuple[str, str], Decimal] = {}
        self._books: dict[tuple[str, str], FollowedBook] = {}
        self._past = PastCandles(hub.clock)
        self._follows_candles = False
        self._open: dict[str, str] = {}  # exchange by client_oid
        self._closing = False
        self._all_done = asyncio.Event()
        self._all_done.set()
        self._tasks: set[asyncio.Task[None]] = set()
        hub.on(ORDER, self._order)
        hub.on(CANCEL, self._cancel)
        for method, handler in (
            ("ticker", self._on_ticker),
            ("trades", self._on_trade),
            ("candle", self._on_candle),
            ("book", self._on_book),
            ("order", self._on_order),
            ("trade", self._on_fill),
            ("wallet_set", self._on_wallet_set),
        ):
            client.on(method, self._guarded(handler))

    # What the strategy may know

    def wallet(self, exchange: str, currency: str) -> Balance:
        """Return the run's wallet; empty where it has none."""
        return self._wallets.get((exchange, currency), Balance(ZERO, ZERO))

    def holdings(self) -> dict[tuple[str, str], Decimal]:
        """Return the balance of each of the run's wallets, by exchange and currency."""
        return {place: wallet.balance for place, wallet in self._wallets.items()}

    def quote(self, exchange: str, pair: str) -> Quote | None:
        """Return the newest quote, None before the first and while the book is lost."""
        return self._quotes.get((exchange, pair))

    def bid(self, exchange: str, pair: str) -> Decimal | None:
        """Return the last best bid, of a lost book too; None before the first."""
        return self._bids.get((exchange, pair))

    def pair(self, exchange: str, pair: str) -> Pair:
        """Return a pair of the run with its increments."""
        known = self._pairs.get((exchange, pair))
        if known is None:
            raise UnknownName(f"this run has no pair {pair} on {exchange}", field="pair")
        return known

    def fees(self, exchange: str) -> FeeSchedule:
        """Return the exchange's fees."""
        return self._fees[exchange]

    def candles(self, exchange: str, pair: str, freq_s: int, count: int) -> Candles:
        """Return the candles of the last ``count`` intervals that are over."""
        return self._past.last(exchange, pair, freq_s, count)

    # The run's life

    async def load_history(self, needed_s: int) -> None:
        """Read the candles of the traded pairs of the last ``needed_s`` seconds."""
        if not needed_s:
            return
        self._follows_candles = True
        start_s = self._hub.clock.now() // SECOND - needed_s
        freq = format_freq(_BAR_S)
        for exchange, pair in self._plan.traded:
            pages = self._client.iterate_ohlcv(exchange, pair, start=start_s, freq=freq)
            async for points in pages:
                self._past.append(exchange, pair, read_candles(_BAR_S, points))

    async def start(self) -> None:
        """Read the wallets, subscribe to what the strategy listens to, and tell the prices."""
        wallet_set = await self._client.get_wallet_set(self._set_id)
        self._on_wallet_set(wallet_set)
        for exchange, pair in self._plan.followed:
            await self._client.subscribe("ticker", exchange, pair)
            if self._hub.market_handlers(TRADE, exchange, pair):
                await self._client.subscribe("trades", exchange, pair)
            if self._follows_candles or self._hub.market_handlers(BAR, exchange, pair):
                await self._client.subscribe("candles", exchange, pair)
            if self._hub.market_handlers(BOOK, exchange, pair):
                self._books[exchange, pair] = FollowedBook(exchange, self.pair(exchange, pair))
                await self._client.subscribe("book", exchange, pair)
        for exchange, pair in self._plan.followed:
            if (exchange, pair) not in self._quotes:
                await self._first_quote(exchange, pair)

    async def cancel_all(self, timeout_s: float) -> bool:
        """Cancel the run's open orders and tell whether all were done in time.

        From now on the strategy hears no market data, and its orders are refused.
        """
        self._closing = True
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for client_oid, exchange in list(self._open.items()):
            await self._client.cancel_order(exchange, client_oid)
        try:
            async with asyncio.timeout(timeout_s):
                await self._all_done.wait()
        except TimeoutError:
            return False
        self._on_wallet_set(await self._client.get_wallet_set(self._set_id))
        return True

    async def _first_quote(self, exchange: str, pair: str) -> None:
        """Tell the present best prices: a ticker only comes when they change."""
        book = await self._client.get_book(exchange, pair, depth=1)
        if book["bids"] and book["asks"] and (exchange, pair) not in self._quotes:
            bid, ask = (Decimal(book[side][0][0]) for side in ("bids", "asks"))
            self._guarded(self._tell_quote)(Quote(exchange, pair, bid, ask, self._hub.clock.now()))

    # Notifications

    def _on_ticker(self, ticker: Json) -> None:
        exchange, pair = ticker["exchange"], ticker["pair"]
        if ticker["bid"] is None or ticker["ask"] is None:
            self._quotes.pop((exchange, pair), None)
            return
        time = from_iso(ticker["time"])
        self._tell_quote(
            Quote(exchange, pair, Decimal(ticker["bid"]), Decimal(ticker["ask"]), time)
        )

    def _tell_quote(self, quote: Quote) -> None:
        self._quotes[quote.exchange, quote.pair] = quote
        self._bids[quote.exchange, quote.pair] = quote.bid
        self.heard["quotes"] += 1
        self._publish(QUOTE, quote)

    def _on_trade(self, trade: Json) -> None:
        event = MarketTrade(
            trade["exchange"],
            trade["pair"],
            Decimal(trade["price"]),
            Decimal(trade["size"]),
            Side(trade["taker_side"]),
            from_iso(trade["time"]),
        )
        self.heard["trades"] += 1
        self._publish(TRADE, event)

    def _on_candle(self, candles: Json) -> None:
        exchange, pair = candles["exchange"], candles["pair"]
        freq_s = parse_freq(candles["freq"])
        if freq_s == _BAR_S:
            self._past.append(exchange, pair, read_candles(freq_s, candles["points"]))
        for time, low, high, open, close, volume, _ in candles["points"]:
            self.heard["bars"] += 1
            prices = map(float, (open, high, low, close, volume))
            opened_at = UtcNs(int(time) * SECOND)
            bar = Bar(exchange, pair, freq_s, opened_at, *prices)
            self._publish(BAR, bar)

    def _on_book(self, message: Json) -> None:
        followed = self._books.get((message["exchange"], message["pair"]))
        if followed is None:
            return
        outcome = followed.receive(message)
        if outcome == "changed":
            self.heard["books"] = self.heard.get("books", 0) + 1
            self._publish(BOOK, followed.view)
        elif outcome == "lost":
            self._spawn(self._subscribe_anew(message["exchange"], message["pair"]))

    async def _subscribe_anew(self, exchange: str, pair: str) -> None:
        """Ask for a new snapshot: it is the first that a subscriber hears."""
        await self._client.unsubscribe("book", exchange, pair)
        await self._client.subscribe("book", exchange, pair)

    def _publish(self, method: str, event: MarketEvent) -> None:
        if not self._closing:
            handlers = self._hub.market_handlers(method, event.exchange, event.pair)
            self._hub.publish(handlers, event)

    def _on_order(self, order: Json) -> None:
        if order["wallet_set_id"] != self._set_id:
            return
        update = read_order_update(order)
        if update.is_done:
            self._forget(update.client_oid)
        self._hub.notify(ORDER_UPDATE, update)

    def _on_fill(self, trade: Json) -> None:
        if trade["wallet_set_id"] != self._set_id:
            return
        # Its wallets were told of before.
        self._hub.notify(FILL, read_fill(trade))

    def _on_wallet_set(self, wallet_set: Json) -> None:
        if wallet_set["id"] == self._set_id:
            self._wallets = {
                (one["exchange"], one["currency"]): Balance(
                    Decimal(one["balance"]), Decimal(one["available"])
                )
                for one in wallet_set["wallets"]
            }

    # Calls of the strategy

    def _order(self, message: Message) -> None:
        assert isinstance(message, Call)
        intent: OrderIntent = payload(message)
        if self._closing:
            self._hub.fail(message, OrderRejected("the run is ending"))
            return
        self._open[intent.client_oid] = intent.exchange
        self._all_done.clear()
        self._spawn(self._make_order(message, intent))

    async def _make_order(self, call: Call, intent: OrderIntent) -> None:
        try:
            status, reason = await self._client.make_order(
                run_id=self._run_id,
                exchange=intent.exchange,
                client_oid=intent.client_oid,
                type=intent.type,
                pair=intent.pair,
                size=intent.size,
                side=intent.side,
                wallet_set_id=self._set_id,
                limit=intent.limit,
                cancel_after=intent.cancel_after_s,
                funds=intent.funds,
            )
            if status != "accepted":
                raise OrderRejected(reason)
        except XWrapError as error:
            if type(error) is Unavailable:  # nobody knows whether the order was made
                raise
            self._forget(intent.client_oid)
            self._hub.fail(call, error)
        else:
            self._hub.answer(call, intent.client_oid)

    def _cancel(self, message: Message) -> None:
        assert isinstance(message, Call)
        self._spawn(self._cancel_order(message, payload(message)))

    async def _cancel_order(self, call: Call, intent: CancelIntent) -> None:
        try:
            await self._client.cancel_order(intent.exchange, intent.client_oid)
        except XWrapError as error:
            if type(error) is Unavailable:
                raise
            self._hub.fail(call, error)
        else:
            self._hub.answer(call, intent.client_oid)

    def _forget(self, client_oid: str) -> None:
        self._open.pop(client_oid, None)
        if not self._open:
            self._all_done.set()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        async def run() -> None:
            try:
                await work
            except Exception as error:
                self._fail(error)

        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _guarded(self, handler: Callable[[Any], None]) -> Callable[[Any], None]:
        def handle(params: Any) -> None:
            try:
                handler(params)
            except Exception as error:
                self._fail(error)

        return handle
