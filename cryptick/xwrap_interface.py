"""The hub's provider ``exchange`` on paper: what xWrap says becomes messages, calls its requests.

No I/O: notifications and answers go in, and requests come out for whoever has the connection.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

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
    ErrorBody,
    Failure,
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
from exchange_wrapper.candles import Candles, parse_freq
from exchange_wrapper.errors import OrderRejected, Unavailable, UnknownName
from exchange_wrapper.fees import FeeSchedule
from exchange_wrapper.numbers import ZERO
from exchange_wrapper.pair import Pair
from exchange_wrapper.terms import Side
from exchange_wrapper.times import SECOND, UtcNs, from_iso

__all__ = ["BAR_FREQ_S", "NOTIFICATIONS", "Request", "XWrapInterface"]

BAR_FREQ_S: Final = 300
"""Length of the candles that xWrap makes of trades."""

NOTIFICATIONS: Final = ("ticker", "trades", "candle", "book", "order", "trade", "wallet_set")
"""What is heard of xWrap."""

_AWAY: Final = "xWrap is away: nothing was sent, try again when there are prices"


class Request(msgspec.Struct, frozen=True):
    """Something to be asked of xWrap.

    Attributes
    ----------
    method : str
        ``make_order`` or ``cancel_order``, answered by an input ``answer`` with this number, or
        ``fetch_book``: subscribe to a book anew.
    arguments : dict
    """

    number: int
    method: str
    arguments: dict[str, Any]


class XWrapInterface:
    """Connect a run's hub with xWrap.

    Parameters
    ----------
    hub : Hub
    run_id : str
        Names the run's orders.
    set_id : int
        The run's wallet set.
    plan : Plan
    exchanges : mapping of str to dict
        What ``get_exchanges`` says, by name.

    Attributes
    ----------
    heard : dict of str to int
        Number of quotes, trades, bars and, where followed, books so far.
    open_orders : dict of str to str
        The exchange of each order that is not done, by client_oid.
    """

    def __init__(
        self,
        hub: Hub,
        run_id: str,
        set_id: int,
        plan: Plan,
        exchanges: Mapping[str, Json],
    ) -> None:
        self.heard = {"quotes": 0, "trades": 0, "bars": 0}
        self.open_orders: dict[str, str] = {}
        self._hub = hub
        self._run_id = run_id
        self._set_id = set_id
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
        self._closing = False
        self._is_away = False
        self._requests: list[Request] = []
        self._count = 0
        self._asked: dict[int, tuple[Call, OrderIntent | CancelIntent]] = {}
        self._handlers = {
            "ticker": self._on_ticker,
            "first_quote": self._on_first_quote,
            "trades": self._on_trade,
            "history": self._on_history,
            "candle": self._on_candle,
            "book": self._on_book,
            "order": self._on_order,
            "trade": self._on_fill,
            "wallet_set": self._on_wallet_set,
            "answer": self._on_answer,
            "away": self._on_away,
            "back": self._on_back,
            "end": self._on_end,
        }
        hub.on(ORDER, self._order)
        hub.on(CANCEL, self._cancel)

    def receive(self, method: str, params: Any) -> None:
        """Take a notification, an answer or another input."""
        self._handlers[method](params)

    def take_requests(self) -> list[Request]:
        """Return what is to be asked of xWrap since the last call, in order."""
        requests, self._requests = self._requests, []
        return requests

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

    # Inputs

    def _on_history(self, candles: Json) -> None:
        self._past.append(
            candles["exchange"], candles["pair"], read_candles(BAR_FREQ_S, candles["points"])
        )

    def _on_first_quote(self, best: Json) -> None:
        """Tell the present best prices: a ticker only comes when they change."""
        exchange, pair = best["exchange"], best["pair"]
        if (exchange, pair) not in self._quotes:
            now = self._hub.clock.now()
            self._tell_quote(Quote(exchange, pair, Decimal(best["bid"]), Decimal(best["ask"]), now))

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
        if freq_s == BAR_FREQ_S:
            self._past.append(exchange, pair, read_candles(freq_s, candles["points"]))
        for time, low, high, open, close, volume, _ in candles["points"]:
            self.heard["bars"] += 1
            prices = map(float, (open, high, low, close, volume))
            opened_at = UtcNs(int(time) * SECOND)
            bar = Bar(exchange, pair, freq_s, opened_at, *prices)
            self._publish(BAR, bar)

    def _on_book(self, message: Json) -> None:
        market = message["exchange"], message["pair"]
        followed = self._books.get(market)
        if followed is None:
            followed = self._books[market] = FollowedBook(market[0], self.pair(*market))
        outcome = followed.receive(message)
        if outcome == "changed":
            self.heard["books"] = self.heard.get("books", 0) + 1
            self._publish(BOOK, followed.view)
        elif outcome == "lost":
            self._ask("fetch_book", exchange=market[0], pair=market[1])

    def _publish(self, method: str, event: MarketEvent) -> None:
        if not self._closing:
            handlers = self._hub.market_handlers(method, event.exchange, event.pair)
            self._hub.publish(handlers, event)

    def _on_order(self, order: Json) -> None:
        update = read_order_update(order)
        if update.is_done:
            self.open_orders.pop(update.client_oid, None)
        self._hub.notify(ORDER_UPDATE, update)

    def _on_fill(self, trade: Json) -> None:
        # Its wallets were told of before.
        self._hub.notify(FILL, read_fill(trade))

    def _on_wallet_set(self, wallet_set: Json) -> None:
        self._wallets = {
            (one["exchange"], one["currency"]): Balance(
                Decimal(one["balance"]), Decimal(one["available"])
            )
            for one in wallet_set["wallets"]
        }

    def _on_answer(self, answer: Json) -> None:
        call, intent = self._asked.pop(answer["request"])
        error = answer.get("error")
        if error is None:
            self._hub.answer(call, intent.client_oid)
            return
        if isinstance(intent, OrderIntent):
            self.open_orders.pop(intent.client_oid, None)
        assert call.response_method is not None
        self._hub.post(Failure(call.response_method, msgspec.convert(error, ErrorBody)))

    def _on_away(self, _: object) -> None:
        """Know no prices, since nobody tells them, and refuse orders."""
        self._is_away = True
        self._quotes.clear()
        for followed in self._books.values():
            followed.lose()

    def _on_back(self, told: Json) -> None:
        self._is_away = False
        if told["wallet_set"] is not None:
            self._on_wallet_set(told["wallet_set"])

    def _on_end(self, _: object) -> None:
        self._closing = True

    # Calls of the strategy

    def _order(self, message: Message) -> None:
        assert isinstance(message, Call)
        intent: OrderIntent = payload(message)
        if self._closing:
            self._hub.fail(message, OrderRejected("the run is ending"))
            return
        if self._is_away:
            self._hub.fail(message, Unavailable(_AWAY))
            return
        self.open_orders[intent.client_oid] = intent.exchange
        number = self._ask(
            "make_order",
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
            post_only=intent.post_only,
        )
        self._asked[number] = message, intent

    def _cancel(self, message: Message) -> None:
        assert isinstance(message, Call)
        intent: CancelIntent = payload(message)
        if self._is_away:
            self._hub.fail(message, Unavailable(_AWAY))
            return
        number = self._ask(
            "cancel_order", exchange=intent.exchange, client_order_id=intent.client_oid
        )
        self._asked[number] = message, intent

    def _ask(self, method: str, **arguments: Any) -> int:
        self._count += 1
        self._requests.append(Request(self._count, method, arguments))
        return self._count
