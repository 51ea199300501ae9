"""The base of every strategy: one class, the same object in a backtest, on paper and live."""

import random
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from hashlib import sha1
from typing import Any, Final, Protocol

from cryptick.book_view import BookView
from cryptick.hub import Hub, Trigger
from cryptick.messages import (
    BAR,
    BOOK,
    CANCEL,
    FILL,
    LOG,
    ORDER,
    ORDER_UPDATE,
    QUOTE,
    TRADE,
    Bar,
    CancelIntent,
    Failure,
    Fill,
    LogLine,
    MarketTrade,
    Message,
    OrderIntent,
    OrderUpdate,
    Quote,
    payload,
)
from cryptick.parameters import Parameters, param
from exchange_wrapper.candles import Candles
from exchange_wrapper.errors import ApiUsageError
from exchange_wrapper.fees import FeeSchedule, affordable
from exchange_wrapper.numbers import ZERO, Lots
from exchange_wrapper.pair import Pair
from exchange_wrapper.terms import OrderType, Side
from exchange_wrapper.times import UtcNs

__all__ = ["START", "STOP", "Balance", "Funded", "RunContext", "Strategy", "Venues", "param"]

START: Final = "run.start"
STOP: Final = "run.stop"

Funded = Mapping[str, frozenset[str]]
"""The currencies that a run has been given, by exchange."""


@dataclass(frozen=True, slots=True)
class Balance:
    """What a wallet holds, and what of it is free to spend."""

    balance: Decimal
    available: Decimal


class Venues(Protocol):
    """What a strategy may know of its exchanges besides messages."""

    def wallet(self, exchange: str, currency: str) -> Balance:
        """Return the run's wallet; empty where it has none."""
        ...

    def quote(self, exchange: str, pair: str) -> Quote | None:
        """Return the newest quote, None before the first."""
        ...

    def pair(self, exchange: str, pair: str) -> Pair:
        """Return a pair of the run with its increments."""
        ...

    def fees(self, exchange: str) -> FeeSchedule:
        """Return the exchange's fees."""
        ...

    def candles(self, exchange: str, pair: str, freq_s: int, count: int) -> Candles:
        """Return the candles of the last ``count`` intervals that are over."""
        ...


@dataclass(frozen=True)
class RunContext:
    """What a run gives its strategy: made alike in a backtest, on paper and live.

    Attributes
    ----------
    hub : Hub
    venues : Venues
    params : Strategy.Params
    funded : mapping of str to frozenset of str
        The currencies that the run has been given, by exchange.
    traded : sequence of (str, str)
        The (exchange, pair) that the run trades.
    key : str
        Names the run; the names of its orders and its random numbers follow from it.
    components : Components, optional
        Where the strategy shows things to the user; None where nobody can look.
    """

    hub: Hub
    venues: Venues
    params: Any
    funded: Funded
    traded: Sequence[tuple[str, str]]
    key: str
    components: Any = None


class Strategy:
    """Trading logic in one class.

    A subclass overrides the ``on_…`` callbacks it needs, and only those are subscribed. It asks
    the clock through `now`, never the machine, keeps its state in attributes that `on_start` sets,
    and can't tell in which mode it runs.

    Attributes
    ----------
    params : Params
        The run's parameters, an instance of the class's ``Params``.
    funded : mapping of str to frozenset of str
        The currencies that the run has been given, by exchange.
    traded : list of (str, str)
        The (exchange, pair) that the run trades: those of `pairs` that are listed.
    open_orders : dict of str to OrderIntent
        Orders that were sent and are not done, by client_oid.
    components : Components
        What the strategy shows to the user.
    random : random.Random
        The only source of chance: seeded by the run, so that a repeated run is the same.
    """

    @dataclass(frozen=True)
    class Params(Parameters):
        """Parameters, each made with `param`; a subclass adds its own."""

        base: str = param("BTC", help="currency to trade against each funded one")

    params: Any

    def __init__(self, context: RunContext) -> None:
        self.hub = context.hub
        self.params = context.params
        self.funded = context.funded
        self.traded = list(context.traded)
        self.components = context.components
        self.random = random.Random(context.key)
        self.open_orders: dict[str, OrderIntent] = {}
        self._venues = context.venues
        self._names = sha1(uuid.uuid5(uuid.NAMESPACE_OID, context.key).bytes)
        self._count = 0
        self._subscribe()

    @classmethod
    def pairs(cls, params: Any, funded: Funded) -> list[tuple[str, str]]:
        """Return the (exchange, pair) that a run with these balances would trade.

        Those that are not listed are left out; ``*_USD`` stands for all with that quote.
        """
        base = params.base.upper()
        return [
            (exchange, f"{base}_{currency}")
            for exchange in sorted(funded)
            for currency in sorted(funded[exchange])
            if currency != base
        ]

    @classmethod
    def history_needed(cls, params: Any, funded: Funded) -> int:
        """Return how many seconds before the start `candles` must reach back; none by default."""
        return 0

    def on_start(self) -> None:
        """Begin: set the state up, schedule triggers. No price is known yet."""

    def on_bar(self, bar: Bar) -> None:
        """Hear of a finished candle, at its close."""

    def on_quote(self, quote: Quote) -> None:
        """Hear of a new best bid or ask; in a candle backtest, of each bar's open."""

    def on_book(self, book: BookView) -> None:
        """Hear of each change of a book; in a candle backtest it has one level a side.

        The view holds until the callback returns: keep figures, not the view.
        """

    def on_trade(self, trade: MarketTrade) -> None:
        """Hear of a trade between others at the venue."""

    def on_order(self, order: OrderUpdate) -> None:
        """Hear of each change of an own order, also of its refusal."""

    def on_fill(self, fill: Fill) -> None:
        """Hear of each trade of an own order."""

    def on_input(self, post: Any) -> None:
        """Hear of what the user did to a component: moved a slider, pressed a button."""

    def on_stop(self) -> None:
        """End: the last chance to act before the run closes."""

    def now(self) -> UtcNs:
        """Return the time of the run."""
        return self.hub.clock.now()

    def at(self, time: UtcNs, callback: Callable[[], None]) -> Trigger:
        """Call back once at ``time``; the trigger can be cancelled."""
        return self.hub.at(time, callback)

    def every(self, period_s: float, callback: Callable[[], None]) -> Trigger:
        """Call back every ``period_s`` seconds, first after one period."""
        return self.hub.every(period_s, callback)

    def cron(self, expression: str, callback: Callable[[], None]) -> Trigger:
        """Call back at the times of a cron expression, in UTC: ``0 8 * * *`` is 8:00 every day."""
        return self.hub.cron(expression, callback)

    def log(self, text: str) -> None:
        """Say something to whoever watches the run."""
        self.hub.notify(LOG, LogLine(text))

    def wallet(self, currency: str, exchange: str | None = None) -> Balance:
        """Return what the run holds of a currency; the exchange may be left out if there is one."""
        return self._venues.wallet(exchange or self._only_exchange(), currency.upper())

    def quote(self, pair: str, exchange: str | None = None) -> Quote | None:
        """Return the newest quote of a pair, None before the first."""
        return self._venues.quote(exchange or self._only_exchange(), pair)

    def pair(self, pair: str, exchange: str | None = None) -> Pair:
        """Return a pair with its increments and limits."""
        return self._venues.pair(exchange or self._only_exchange(), pair)

    def fees(self, exchange: str | None = None) -> FeeSchedule:
        """Return what an exchange charges."""
        return self._venues.fees(exchange or self._only_exchange())

    def candles(self, pair: str, freq_s: int, count: int, exchange: str | None = None) -> Candles:
        """Return the candles of the last ``count`` intervals of ``freq_s`` seconds that are over.

        An interval without any trade has none. How far back there are some before the start of
        the run, `history_needed` says.
        """
        return self._venues.candles(exchange or self._only_exchange(), pair, freq_s, count)

    def buy_market(
        self,
        pair: str,
        *,
        size: Decimal | None = None,
        notional: Decimal | None = None,
        exchange: str | None = None,
    ) -> str:
        """Buy at the market and return the order's client_oid.

        Parameters
        ----------
        pair : str
            Such as ``BTC_USD``.
        size : Decimal
            Amount of base to buy, cut to whole lots; or
        notional : Decimal
            Amount of quote to spend at most, fee included: as much as it buys at the current ask,
            less where the book is too thin for that.
        exchange : str, optional
            May be left out when the run has one exchange.
        """
        return self._market(Side.BUY, pair, size, notional, exchange, funds=notional)

    def sell_market(
        self,
        pair: str,
        *,
        size: Decimal | None = None,
        notional: Decimal | None = None,
        exchange: str | None = None,
    ) -> str:
        """Sell at the market; ``notional`` is the amount of quote to sell for, before the fee."""
        return self._market(Side.SELL, pair, size, notional, exchange)

    def buy_limit(
        self,
        pair: str,
        size: Decimal,
        limit: Decimal,
        *,
        type: OrderType = OrderType.LIMIT,
        cancel_after_s: int = 0,
        post_only: bool = False,
        exchange: str | None = None,
    ) -> str:
        """Buy ``size`` (cut to whole lots) at ``limit`` or better; return the client_oid.

        With ``post_only`` it is rejected if it would trade at once, so that it never takes.
        """
        return self._send(
            Side.BUY, type, pair, size, limit, cancel_after_s, exchange, post_only=post_only
        )

    def sell_limit(
        self,
        pair: str,
        size: Decimal,
        limit: Decimal,
        *,
        type: OrderType = OrderType.LIMIT,
        cancel_after_s: int = 0,
        post_only: bool = False,
        exchange: str | None = None,
    ) -> str:
        """Sell ``size`` (cut to whole lots) at ``limit`` or better; return the client_oid.

        With ``post_only`` it is rejected if it would trade at once, so that it never takes.
        """
        return self._send(
            Side.SELL, type, pair, size, limit, cancel_after_s, exchange, post_only=post_only
        )

    def cancel(self, client_oid: str) -> None:
        """Cancel an own order; without effect when it is done already."""
        intent = self.open_orders.get(client_oid)
        if intent is not None:
            self.hub.call(CANCEL, CancelIntent(client_oid, intent.exchange), reply=self._cancelled)

    def _market(
        self,
        side: Side,
        pair: str,
        size: Decimal | None,
        notional: Decimal | None,
        exchange: str | None,
        funds: Decimal | None = None,
    ) -> str:
        if (size is None) == (notional is None):
            raise ApiUsageError("a market order needs either size or notional")
        if size is None:
            assert notional is not None
            size = self._size_for(side, exchange or self._only_exchange(), pair, notional)
        return self._send(side, OrderType.MARKET, pair, size, None, 0, exchange, funds)

    def _size_for(self, side: Side, exchange: str, pair: str, notional: Decimal) -> Decimal:
        quote, increments = self._venues.quote(exchange, pair), self._venues.pair(exchange, pair)
        if quote is None:
            raise ApiUsageError(
                f"{pair} has no price yet: trade a notional from on_quote or on_bar"
            )
        rate = self._venues.fees(exchange).taker if side is Side.BUY else ZERO
        price = increments.to_ticks(quote.ask if side is Side.BUY else quote.bid)
        return increments.size(Lots(affordable(notional, rate, increments) // price))

    def _send(
        self,
        side: Side,
        type: OrderType,
        pair: str,
        size: Decimal,
        limit: Decimal | None,
        cancel_after_s: int,
        exchange: str | None,
        funds: Decimal | None = None,
        *,
        post_only: bool = False,
    ) -> str:
        exchange = exchange or self._only_exchange()
        increments = self._venues.pair(exchange, pair)
        intent = OrderIntent(
            self._next_name(),
            exchange,
            increments.name(),
            type,
            side,
            increments.size(increments.floor_lots(size)),
            limit,
            cancel_after_s,
            funds,
            post_only,
        )
        self.open_orders[intent.client_oid] = intent
        self.hub.call(ORDER, intent, reply=partial(self._answered, intent))
        return intent.client_oid

    def _next_name(self) -> str:
        """Return the ``uuid5`` of the run's key and a count: always the same in a repeated run."""
        self._count += 1
        digest = self._names.copy()
        digest.update(b"%d" % self._count)
        name = digest.hexdigest()
        variant = "89ab"[int(name[16], 16) & 3]
        return f"{name[:8]}-{name[8:12]}-5{name[13:16]}-{variant}{name[17:20]}-{name[20:32]}"

    def _answered(self, intent: OrderIntent, answer: Message) -> None:
        if isinstance(answer, Failure):
            refusal = OrderUpdate.refused(intent, answer.error.message, self.now())
            self.hub.notify(ORDER_UPDATE, refusal)

    def _cancelled(self, answer: Message) -> None:
        if isinstance(answer, Failure):  # most likely it was filled on the way
            self.log(f"cancel failed: {answer.error.message}")

    def _only_exchange(self) -> str:
        if len(self.funded) != 1:
            raise ApiUsageError(f"name the exchange: this run has {', '.join(sorted(self.funded))}")
        return next(iter(self.funded))

    def _subscribe(self) -> None:
        hub, base, own = self.hub, Strategy, type(self)
        hub.on(START, lambda _: self.on_start())
        hub.on(STOP, lambda _: self.on_stop())
        hub.on(ORDER_UPDATE, self._order_update)
        if own.on_fill is not base.on_fill:
            hub.on(FILL, lambda message: self.on_fill(payload(message)))
        if own.on_input is not base.on_input and self.components is not None:
            self.components.listen(self.on_input)
        for exchange, pair in self.traded:
            if own.on_bar is not base.on_bar:
                hub.on_market(BAR, exchange, pair, self.on_bar)
            if own.on_quote is not base.on_quote:
                hub.on_market(QUOTE, exchange, pair, self.on_quote)
            if own.on_book is not base.on_book:
                hub.on_market(BOOK, exchange, pair, self.on_book)
            if own.on_trade is not base.on_trade:
                hub.on_market(TRADE, exchange, pair, self.on_trade)

    def _order_update(self, message: Message) -> None:
        order: OrderUpdate = payload(message)
        if order.is_done:
            self.open_orders.pop(order.client_oid, None)
        self.on_order(order)
