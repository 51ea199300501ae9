"""Replay recorded books and trades: the fill model ``book``, the paper engine as it is on paper.

Each pair has the live book and the engine that it has in xWrap, fed in the same order of calls:
what is due before an event meets the book as it was, then the book takes the event, then its
executions are booked and told, then the event itself: its book, its trade, and the best prices if
they have changed. Bars are made of the trades and told as late as on paper. Events of several
pairs are merged by the time at which they were received.

Nothing is known before its time: events are read one by one, a view of a book shows what was
applied to it, and a timer for a time that has passed fires now.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from heapq import merge
from itertools import repeat
from typing import Final

import numpy as np

from cryptick.book_view import BookView
from cryptick.clock import SimulatedClock
from cryptick.exchange_simulator import ExchangeSimulator, Progress
from cryptick.fill_rule import FillRule
from cryptick.hub import Hub, MarketHandler
from cryptick.market_data import Recording
from cryptick.messages import BAR, BOOK, QUOTE, TRADE, Bar, MarketTrade, Quote
from cryptick.metrics import FloatArray, IntArray
from exchange_wrapper.candles import CandleBuilder, Candles
from exchange_wrapper.execution import Execution
from exchange_wrapper.fees import FeeSchedule
from exchange_wrapper.live_book import BookState, LiveBook
from exchange_wrapper.market import BookSnapshot, BookUpdate, MarketEvent, TradePrint
from exchange_wrapper.numbers import Ticks
from exchange_wrapper.paper_exchange import PaperExchange
from exchange_wrapper.times import SECOND, UtcNs

__all__ = ["BAR_FREQ_S", "BookReplay"]

BAR_FREQ_S: Final = 300
"""Length of the bars unless another one is asked for: that of paper."""

_LATE_TRADES_NS: Final = 2 * SECOND  # a bar is told so long after its interval's end, as by xWrap
_PROGRESS: Final = 20_000  # events
_LIVE: Final = BookState.LIVE  # the look-up through the class is felt


class BookReplay(ExchangeSimulator):
    """Exchanges that are known from recordings.

    Parameters
    ----------
    recordings : sequence of Recording
        Of different pairs, of one or several exchanges.
    rule : FillRule
        Only its latency matters.
    """

    def __init__(
        self,
        hub: Hub,
        clock: SimulatedClock,
        recordings: Sequence[Recording],
        balances: Mapping[str, Mapping[str, Decimal]],
        fees: Mapping[str, FeeSchedule],
        rule: FillRule,
        history: Mapping[tuple[str, str], Candles],
    ) -> None:
        executions = {name: PaperExchange(latency_ns=rule.latency_ns) for name in fees}
        pairs = {one.market: one.pair for one in recordings}
        super().__init__(hub, clock, executions, pairs, balances, fees, history)
        self._freq_s = recordings[0].freq_s
        self._recordings = recordings
        self._markets = [_BookMarket(one, executions[one.exchange]) for one in recordings]
        self._by_place = {market.place: market for market in self._markets}
        self._seconds: list[int] = []
        self._bids: list[list[float]] = []
        self.start = self.end = clock.now()
        self.events = {}

    def quote(self, exchange: str, pair: str) -> Quote | None:
        """Return the best prices, None before the first and while the book is lost."""
        self.pair(exchange, pair)
        return self._by_place[exchange, pair].quote(self._clock.now())

    def last_price(self, exchange: str, pair: str) -> Decimal | None:
        """Return the last best bid, of a lost book too; None before the first."""
        return self._by_place[exchange, pair].last_bid

    def first_price(self, exchange: str, pair: str) -> Decimal | None:
        """Return the first best bid."""
        return self._by_place[exchange, pair].first_bid

    def prices(self) -> tuple[IntArray, dict[tuple[str, str], FloatArray]]:
        """Return the seconds in which something was received, and the last best bids after each.

        Before its first bid a pair has that bid.
        """
        table = np.array(self._bids, np.float64).reshape(len(self._seconds), len(self._markets))
        columns: dict[tuple[str, str], FloatArray] = {}
        for market, column in zip(self._markets, table.T, strict=True):
            first = np.nan if market.first_bid is None else float(market.first_bid)
            columns[market.place] = np.where(np.isnan(column), first, column)
        return np.array(self._seconds, np.int64) + 1, columns

    def play(self, progress: Progress | None) -> None:
        """Deliver all recorded events in the order in which they were received."""
        for market in self._markets:
            market.resolve(self._hub)
        clock, second = self._clock, self.start // SECOND
        over = (second + 1) * SECOND
        self._keep_bars()
        for done, (market, event) in enumerate(self._merged(), 1):
            now = event.received_at
            if clock.next_due < now:
                self.wake(now)
            if now >= over:
                self._sample(second)
                second = now // SECOND
                over = (second + 1) * SECOND
            clock.time = now
            self._receive(market, event, now)
            if progress is not None and not done % _PROGRESS:
                progress(done, 0)
        self.end = clock.time
        self._sample(second)
        self.events = {
            "book changes": sum(market.changes for market in self._markets),
            "trades": sum(market.trades for market in self._markets),
        }

    def _merged(self) -> Iterator[tuple["_BookMarket", MarketEvent]]:
        streams = [
            zip(repeat(market), recording.events, strict=False)
            for market, recording in zip(self._markets, self._recordings, strict=True)
        ]
        if len(streams) == 1:
            return streams[0]
        return merge(*streams, key=lambda one: one[1].received_at)

    def _receive(self, market: "_BookMarket", event: MarketEvent, now: UtcNs) -> None:
        live = market.live
        if self._desk.orders:
            self._carry_out(market.exchange, market.execution.advance(now))
        executions = live.receive(event)
        if executions:
            self._carry_out(market.exchange, executions)
        if live.state is not market.state:
            market.follow_state(self._freq_s, now)
        kind = type(event)
        if kind is BookUpdate or kind is BookSnapshot:
            market.changes += 1
            if market.on_book and market.state is _LIVE:
                hub, view = self._hub, market.view
                view.time = now
                hub.cause = view
                for handler in market.on_book:
                    handler(view)
                if hub.waiting:
                    hub.deliver()
        elif type(event) is TradePrint:
            market.trades += 1
            self._trade(market, event)
        book = live.book
        if book.best_bid != market.bid or book.best_ask != market.ask:
            market.move(book.best_bid, book.best_ask)
            if market.on_quote:
                quote = market.quote(now)
                if quote is not None:
                    self._publish(market.on_quote, quote)

    def _trade(self, market: "_BookMarket", event: TradePrint) -> None:
        if market.on_trade:
            pair = market.live.pair
            trade = MarketTrade(
                *market.place,
                pair.price(event.price),
                pair.size(event.size),
                event.maker_side.opposite,
                event.time,
            )
            self._publish(market.on_trade, trade)
        if market.builder is not None:
            market.builder.add(event)

    def _publish(self, handlers: Sequence[MarketHandler], event: Bar | Quote | MarketTrade) -> None:
        self._hub.cause = event
        for handler in handlers:
            handler(event)
        self._hub.deliver()

    def _carry_out(self, exchange: str, executions: Sequence[Execution]) -> None:
        if executions:
            self._settle(exchange, executions)
            self._hub.deliver()

    def _keep_bars(self) -> None:
        """Let the clock call whenever the bars of an interval are complete."""
        freq, now = self._freq_s * SECOND, self._clock.now()
        over = UtcNs(now - (now - _LATE_TRADES_NS) % freq + freq)
        if any(market.on_bar for market in self._markets):
            self._clock.at(over, self._close_bars)

    def _close_bars(self) -> None:
        for market in self._markets:
            if market.builder is not None:
                candles = market.builder.close(self._clock.time)
                self.past.append(*market.place, candles)
                for bar in _bars(market, candles):
                    self._publish(market.on_bar, bar)
        self._keep_bars()

    def _sample(self, second: int) -> None:
        self._seconds.append(second)
        bids = [market.last_bid for market in self._markets]
        self._bids.append([np.nan if bid is None else float(bid) for bid in bids])


class _BookMarket:
    """One pair of a recording: its live book, and who listens to it."""

    def __init__(self, recording: Recording, execution: PaperExchange) -> None:
        self.exchange = recording.exchange
        self.place = recording.market
        self.execution = execution
        self.live = LiveBook(recording.pair)
        self.live.attach(execution.add_pair(recording.pair, self.live.book))
        self.view = BookView(recording.exchange, recording.pair, self.live.book, recording.start)
        self.state = self.live.state
        self.builder: CandleBuilder | None = None
        self.bid: Ticks | None = None
        self.ask: Ticks | None = None
        self.changes = self.trades = 0
        self.first: Ticks | None = None
        self.last: Ticks | None = None
        self.on_bar: Sequence[MarketHandler] = ()
        self.on_book: Sequence[MarketHandler] = ()
        self.on_quote: Sequence[MarketHandler] = ()
        self.on_trade: Sequence[MarketHandler] = ()

    @property
    def first_bid(self) -> Decimal | None:
        """The first best bid."""
        return None if self.first is None else self.live.pair.price(self.first)

    @property
    def last_bid(self) -> Decimal | None:
        """The last best bid, also of a book that is lost."""
        return None if self.last is None else self.live.pair.price(self.last)

    def quote(self, now: UtcNs) -> Quote | None:
        """Return the best prices, None while a side is empty or the book is lost."""
        bid, ask = self.bid, self.ask
        if bid is None or ask is None:
            return None
        pair = self.live.pair
        return Quote(*self.place, pair.price(bid), pair.price(ask), now)

    def move(self, bid: Ticks | None, ask: Ticks | None) -> None:
        """Note new best prices."""
        self.bid, self.ask = bid, ask
        if bid is not None and ask is not None:
            self.last = bid
            if self.first is None:
                self.first = bid

    def resolve(self, hub: Hub) -> None:
        """Find out who listens, once."""
        self.on_bar = hub.market_handlers(BAR, *self.place)
        self.on_book = hub.market_handlers(BOOK, *self.place)
        self.on_quote = hub.market_handlers(QUOTE, *self.place)
        self.on_trade = hub.market_handlers(TRADE, *self.place)

    def follow_state(self, freq_s: int, now: UtcNs) -> None:
        """Begin with the candles anew when the book is live: trades may have been missed."""
        self.state = self.live.state
        if self.state is BookState.LIVE and self.on_bar:
            self.builder = CandleBuilder(self.live.pair, freq_s, now)


def _bars(market: _BookMarket, candles: Candles) -> Iterator[Bar]:
    prices = [candles.floats(name).tolist() for name in ("open", "high", "low", "close", "volume")]
    for time, *figures in zip((candles.time * SECOND).tolist(), *prices, strict=True):
        yield Bar(*market.place, candles.freq_s, time, *figures)
