"""Market data for the clients that asked for it: books, tickers, trades and candles."""

from collections.abc import Callable

from exchange_wrapper.book_channel import BookChannel
from exchange_wrapper.candles import Candles, format_freq
from exchange_wrapper.delays import TradeDelays
from exchange_wrapper.market import MarketEvent, TradePrint
from exchange_wrapper.notifications import Channel, Notifications
from exchange_wrapper.numbers import Ticks, format_amount
from exchange_wrapper.pair import Pair
from exchange_wrapper.times import UtcNs, to_iso
from exchange_wrapper.venue import Venue

__all__ = ["MarketNews"]

Recorder = Callable[[Venue, MarketEvent], None]


class MarketNews:
    """Hear what exchanges say of their markets and put it together for those who want it.

    Parameters
    ----------
    notifications : Notifications
        Knows who wants what.
    clock : callable
        Returns the time now.

    Attributes
    ----------
    delays : dict of str to TradeDelays
        How late trades were heard of, by exchange.
    on_trade : callable of (Venue, TradePrint)
        Hears of each trade.
    on_candle : callable of (Venue, pair, Candles)
        Hears of each candle that is over.
    """

    def __init__(self, notifications: Notifications, clock: Callable[[], UtcNs]) -> None:
        self.delays: dict[str, TradeDelays] = {}
        self.on_trade: Callable[[Venue, TradePrint], None] = lambda venue, trade: None
        self.on_candle: Callable[[Venue, str, Candles], None] = lambda venue, pair, candles: None
        self._notifications = notifications
        self._clock = clock
        self._books: dict[tuple[str, str], BookChannel] = {}
        self._recorders: dict[str, Recorder | None] = {}

    def follow(self, venue: Venue) -> None:
        """Hear of an exchange's markets from now on."""
        self.delays[venue.name] = TradeDelays()
        venue.on_ticker = self._on_ticker
        venue.on_trade = self._on_trade
        venue.on_candle = self._on_candle

    def record(self, venue: Venue, recorder: Recorder | None) -> None:
        """Pass all events of a market on to this, too; None to nobody.

        Where nobody follows books and nothing is recorded, no events are made of most messages.
        """
        self._recorders[venue.name] = recorder
        if not self._has_books(venue):
            venue.on_event = recorder

    def subscribe(self, venue: Venue, connection_id: int, channel: Channel, pair: str) -> None:
        """Send a pair's market data of one kind to a client from now on."""
        self._notifications.subscribe(connection_id, channel, venue.name, pair)
        if channel == "book":
            book = self._books.get((venue.name, pair))
            if book is None:
                book = BookChannel(venue.name, venue.books[pair], self._notifications, self._clock)
                self._books[venue.name, pair] = book
                venue.on_event = self._on_event
            book.welcome(connection_id)

    def close(self) -> None:
        """Send no books any more."""
        for book in self._books.values():
            book.close()

    def _has_books(self, venue: Venue) -> bool:
        return any(exchange == venue.name for exchange, _ in self._books)

    def _on_event(self, venue: Venue, event: MarketEvent) -> None:
        record = self._recorders.get(venue.name)
        if record is not None:
            record(venue, event)
        key = venue.name, event.pair
        book = self._books.get(key)
        if book is None:
            return
        if self._notifications.is_wanted("book", *key):
            book.receive(event)
            return
        book.close()
        del self._books[key]
        if not self._has_books(venue):
            venue.on_event = record

    def _on_ticker(
        self, venue: Venue, pair: Pair, bid: Ticks | None, ask: Ticks | None, time: UtcNs
    ) -> None:
        name = pair.name()
        if self._notifications.is_wanted("ticker", venue.name, name):
            ticker = {
                "exchange": venue.name,
                "pair": name,
                "bid": None if bid is None else format_amount(pair.price(bid)),
                "ask": None if ask is None else format_amount(pair.price(ask)),
                "time": to_iso(time),
            }
            self._notifications.publish_market("ticker", venue.name, name, ticker)

    def _on_trade(self, venue: Venue, trade: TradePrint) -> None:
        self.delays[venue.name].add(trade.received_at - trade.time)
        self.on_trade(venue, trade)
        if self._notifications.is_wanted("trades", venue.name, trade.pair):
            pair = venue.pairs[trade.pair]
            described = {
                "exchange": venue.name,
                "pair": trade.pair,
                "price": format_amount(pair.price(trade.price)),
                "size": format_amount(pair.size(trade.size)),
                "taker_side": trade.maker_side.opposite.value,
                "trade_id": trade.trade_id,
                "time": to_iso(trade.time),
            }
            self._notifications.publish_market("trades", venue.name, trade.pair, described)

    def _on_candle(self, venue: Venue, pair: Pair, candles: Candles) -> None:
        name = pair.name()
        self.on_candle(venue, name, candles)
        if self._notifications.is_wanted("candles", venue.name, name):
            described = {
                "exchange": venue.name,
                "pair": name,
                "freq": format_freq(candles.freq_s),
                "points": candles.points(),
            }
            self._notifications.publish_market("candles", venue.name, name, described)
