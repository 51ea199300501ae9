"""Replay stored candles as a market: bars and quotes for the strategy, books for its orders."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial
from itertools import repeat
from typing import Final

import numpy as np

from cryptick.bar_path import PathExchange
from cryptick.book_view import BookView
from cryptick.candle_market import CandleExchange, CandleMarket
from cryptick.clock import SimulatedClock
from cryptick.display_book import DEPTH
from cryptick.exchange_simulator import ExchangeSimulator, Progress
from cryptick.fill_rule import FillModel, FillRule
from cryptick.hub import Hub, MarketHandler
from cryptick.market_data import Series
from cryptick.messages import BAR, BOOK, QUOTE, Bar, MarketEvent, Quote
from cryptick.metrics import FloatArray, IntArray, steps
from cryptick.timeline import Timeline
from exchange_wrapper.book import L2Book
from exchange_wrapper.candles import Candles, format_freq
from exchange_wrapper.errors import UnknownName
from exchange_wrapper.fees import FeeSchedule
from exchange_wrapper.numbers import Ticks
from exchange_wrapper.times import SECOND, UtcNs

__all__ = ["CandleReplay"]

_CHUNK: Final = 20_000  # events that are turned from columns to lists at once
_LOOK_AHEAD: Final = 512  # events that are searched for one that open orders have to meet

_EventSource = Callable[[int, int], Iterator[MarketEvent]]
"""Makes the market events of the bars in [first, stop) of one series."""


class CandleReplay(ExchangeSimulator):
    """Exchanges that are known from candles.

    Nothing is known before its time, whatever a strategy does: a `Quote` is made of its bar's open
    alone, a `Bar` is handed out at its close, events are immutable and made one by one as they
    are due, `quote` and the books follow the timeline's position, `candles` shows what is over, and
    a timer for a time that has passed fires now.

    Parameters
    ----------
    series : sequence of Series
        Of different pairs, of one or several exchanges.
    rule : FillRule
        How orders are filled.

    Attributes
    ----------
    markets : list of CandleMarket
        One per series, in their order.
    """

    def __init__(
        self,
        hub: Hub,
        clock: SimulatedClock,
        series: Sequence[Series],
        balances: Mapping[str, Mapping[str, Decimal]],
        fees: Mapping[str, FeeSchedule],
        rule: FillRule,
        history: Mapping[tuple[str, str], Candles],
    ) -> None:
        self._timeline = Timeline([s.candles for s in series])
        kind = PathExchange if rule.model is FillModel.BAR_PATH else CandleExchange
        exchanges = {name: kind(rule, self._timeline) for name in fees}
        self.markets = [
            exchanges[s.instrument.exchange].add_series(s, number)
            for number, s in enumerate(series)
        ]
        self._by_place = {(m.exchange, m.pair.name()): m for m in self.markets}
        pairs = {place: market.pair for place, market in self._by_place.items()}
        super().__init__(hub, clock, exchanges, pairs, balances, fees, history)
        for one in series:
            self.past.append(one.instrument.exchange, one.instrument.pair, one.candles)
        self._heard_by: dict[int, tuple[MarketHandler, _EventSource]] = {}
        self.start = UtcNs(int(self._timeline.time[0]))
        self.end = UtcNs(int(self._timeline.time[-1]))
        bar = format_freq(series[0].candles.freq_s)
        self.events = {f"bars of {bar}": sum(len(s.candles) for s in series)}

    def quote(self, exchange: str, pair: str) -> Quote | None:
        """Return the last price as a quote, None before the first bar."""
        price = self.last_price(exchange, pair)
        if price is None:
            return None
        return Quote(exchange, pair, price, price, self._clock.now())

    def last_price(self, exchange: str, pair: str) -> Decimal | None:
        """Return the last price, None before the first bar."""
        market = self._market(exchange, pair)
        ticks = market.price
        return None if ticks is None else market.pair.price(ticks)

    def first_price(self, exchange: str, pair: str) -> Decimal | None:
        """Return the open of the first bar."""
        market = self._market(exchange, pair)
        return market.pair.price(Ticks(int(market.prices[0, 0])))

    def prices(self) -> tuple[IntArray, dict[tuple[str, str], FloatArray]]:
        """Return the times at which bars end and the last close of each pair then."""
        time_s = self._timeline.closes()
        return time_s, {
            place: steps(time_s, m.candles.time + m.candles.freq_s, m.candles.floats("close"))
            for place, m in self._by_place.items()
        }

    def play(self, progress: Progress | None) -> None:
        """Deliver all bars and quotes in order of time."""
        total = len(self._timeline)
        self._heard_by = self._listeners()
        for first in range(0, total, _CHUNK):
            stop = min(first + _CHUNK, total)
            self._play(first, stop)
            if progress is not None:
                progress(stop, total)

    def _play(self, first: int, stop: int) -> None:
        """Play the events of one chunk.

        Only those that somebody listens to are looked at, as long as no order can trade and no
        timer is due.
        """
        hub, clock, timeline, waiting = self._hub, self._clock, self._timeline, self._hub.waiting
        touch = self._next_touch(first, stop)
        for position, now, event, handle in self._heard(first, stop):
            if position >= touch or clock.next_due < now:
                self._catch_up(position)
                touch = self._next_touch(position + 1, stop)
            clock.time = now
            timeline.position = position
            hub.cause = event
            handle(event)
            if waiting:
                hub.deliver()
                touch = self._next_touch(position + 1, stop)
        if touch < stop or clock.next_due < timeline.time[stop - 1]:
            self._catch_up(stop - 1)
        timeline.position = stop - 1

    def _heard(
        self, first: int, stop: int
    ) -> Iterable[tuple[int, UtcNs, MarketEvent, MarketHandler]]:
        """Return those events of a chunk that somebody listens to, made as they are asked for."""
        timeline = self._timeline
        code, row = timeline.code[first:stop], timeline.row[first:stop]
        heard = np.zeros(stop - first, np.bool_)
        sources: dict[int, Iterator[MarketEvent]] = {}
        for one, (_, source) in self._heard_by.items():
            mine = code == one
            rows = row[mine]
            if len(rows):
                heard |= mine
                sources[one] = source(int(rows[0]), int(rows[-1]) + 1)
        handlers = {one: self._heard_by[one][0] for one in sources}
        if len(sources) == 1:  # mostly, and then nothing has to be looked up
            [events], [handler] = sources.values(), handlers.values()
            handled: Iterable[MarketHandler] = repeat(handler)
        else:
            codes = code[heard].tolist()
            events = map(next, map(sources.__getitem__, codes))
            handled = map(handlers.__getitem__, codes)
        positions = (np.flatnonzero(heard) + first).tolist()
        times = timeline.time[first:stop][heard].tolist()
        return zip(positions, times, events, handled, strict=False)

    def _next_touch(self, first: int, stop: int) -> int:
        """Return the first event in [first, stop) that open orders have to meet, or ``stop``.

        The search ends early: an event that it returns may as well be of no concern.
        """
        timeline, markets = self._timeline, self.markets
        open_in: list[tuple[int, CandleMarket]] = []
        for number, market in enumerate(markets):
            if not market.idle:
                if not market.is_calm:
                    return first
                open_in.append((number, market))
        if not open_in:
            return stop
        events = slice(first, min(first + _LOOK_AHEAD, stop))
        series, rows = timeline.code[events] % len(markets), timeline.row[events]
        found = events.stop
        for number, market in open_in:
            touched = (series == number) & market.touches(rows)
            if touched.any():
                found = min(found, first + int(touched.argmax()))
        return found

    def _catch_up(self, last: int) -> None:
        """Let orders and timers meet all events up to ``last``, but tell nobody of the events."""
        clock, timeline = self._clock, self._timeline
        position = timeline.position + 1
        events = slice(position, last + 1)
        for now, code in zip(
            timeline.time[events].tolist(), timeline.code[events].tolist(), strict=True
        ):
            if clock.next_due < now:
                self.wake(now)
            clock.time = now
            timeline.position = position
            self._meet(code)
            position += 1

    def _listeners(self) -> dict[int, tuple[MarketHandler, _EventSource]]:
        """Return who hears of the timeline's events, by code, and what makes those events.

        Who listens is resolved now, once.
        """
        count = len(self.markets)
        found: dict[int, tuple[MarketHandler, _EventSource]] = {}
        for number, market in enumerate(self.markets):
            place = market.exchange, market.pair.name()
            on_bar = self._hub.market_handlers(BAR, *place)
            on_quote = self._hub.market_handlers(QUOTE, *place)
            on_book = self._hub.market_handlers(BOOK, *place)
            if on_bar:
                found[number] = (_all(on_bar), partial(_bars, market))
            if on_book:
                on_quote = (*on_quote, self._shower(market, on_book))
            if on_quote:
                found[count + number] = (_all(on_quote), partial(_quotes, market))
        return found

    def _shower(self, market: CandleMarket, handlers: Sequence[MarketHandler]) -> MarketHandler:
        """Return what shows the book of one level a side that a bar's open makes."""
        book = L2Book(market.pair)
        view = BookView(market.exchange, market.pair, book, self.start)

        def show(quote: Quote) -> None:
            ticks = market.pair.to_ticks(quote.bid)
            book.replace([(ticks, DEPTH)], [(ticks, DEPTH)])
            view.time = quote.time
            for handler in handlers:
                handler(view)

        return show

    def _meet(self, code: int) -> None:
        """Let open orders meet what happens in the market of a timeline's event, now."""
        count = len(self.markets)
        market = self.markets[code % count]
        if market.idle:
            return
        released = bool(market.waiting)
        step = market.open if code >= count else market.close
        executions = step(self._clock.time)
        if executions or released:
            self._settle(market.exchange, executions)
            self._schedule()
            self._hub.deliver()

    def _advance(self) -> None:
        super()._advance()
        if not self._desk.orders:
            for market in self.markets:
                market.settle(self._clock.time)

    def _market(self, exchange: str, pair: str) -> CandleMarket:
        market = self._by_place.get((exchange, pair))
        if market is None:
            raise UnknownName(f"this run has no pair {pair} on {exchange}", field="pair")
        return market


def _bars(market: CandleMarket, first: int, stop: int) -> Iterator[Bar]:
    """Make the bars of some rows, as they are asked for."""
    candles, digits = market.candles, 10.0**market.candles.price_digits
    rows = slice(first, stop)
    prices = [(column[rows] / digits).tolist() for column in candles.columns()[1:5]]
    return map(
        Bar,
        repeat(market.exchange),
        repeat(market.pair.name()),
        repeat(candles.freq_s),
        (candles.time[rows] * SECOND).tolist(),
        *prices,
        (candles.volume[rows] / 10.0**candles.volume_digits).tolist(),
    )


def _quotes(market: CandleMarket, first: int, stop: int) -> Iterator[Quote]:
    """Make the quotes at the opens of some rows, as they are asked for."""
    rows = slice(first, stop)
    price = map(market.pair.price, market.prices[0, rows].tolist())
    times = (market.candles.time[rows] * SECOND).tolist()
    for at, time in zip(price, times, strict=True):
        yield Quote(market.exchange, market.pair.name(), at, at, time)


def _all(handlers: tuple[MarketHandler, ...]) -> MarketHandler:
    """Return one function that calls them all."""
    if len(handlers) == 1:
        return handlers[0]

    def handle(event: MarketEvent) -> None:
        for handler in handlers:
            handler(event)

    return handle
