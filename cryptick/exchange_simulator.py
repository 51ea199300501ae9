"""Simulated exchanges for a backtest: the hub's provider ``exchange``, driven by candles.

Orders go through the same desk, ledger and paper engine as in paper trading; only the books are
made up, by `candle_market`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial
from itertools import repeat
from typing import Final

from cryptick.candle_market import LATENCY_NS, CandleExchange, CandleMarket, Series
from cryptick.clock import NEVER, SimulatedClock
from cryptick.hub import Hub, MarketHandler
from cryptick.messages import (
    BAR,
    CANCEL,
    FILL,
    ORDER,
    ORDER_UPDATE,
    QUOTE,
    Bar,
    Call,
    CancelIntent,
    Fill,
    MarketEvent,
    Message,
    OrderIntent,
    OrderUpdate,
    Quote,
    payload,
)
from cryptick.strategy.base import Balance
from cryptick.timeline import Timeline
from exchange_wrapper.changes import OrderChanged, TradeMade
from exchange_wrapper.desk import Desk
from exchange_wrapper.errors import UnknownName, XWrapError
from exchange_wrapper.fees import FeeSchedule
from exchange_wrapper.ledger import Ledger
from exchange_wrapper.numbers import ZERO
from exchange_wrapper.orders import OrderRequest
from exchange_wrapper.pair import Pair
from exchange_wrapper.paper import Execution
from exchange_wrapper.times import SECOND

__all__ = ["EventSource", "ExchangeSimulator"]

_RUN_ID: Final = "backtest"

EventSource = Callable[[int, int], Iterator[MarketEvent]]
"""Makes the market events of the bars in [first, stop) of one series."""


class ExchangeSimulator:
    """All exchanges of a backtest: the hub's provider ``exchange`` and the strategy's venues.

    Parameters
    ----------
    hub : Hub
        It is held; its clock is the simulated one.
    series : sequence of Series
    balances : mapping of str to mapping of str to Decimal
        What the run has, by exchange and currency.
    fees : mapping of str to FeeSchedule
        By exchange.

    Attributes
    ----------
    markets : list of CandleMarket
        One per series, in their order.
    timeline : Timeline
        The bars of all series; who drives the run says in it how far it has come.
    """

    def __init__(
        self,
        hub: Hub,
        clock: SimulatedClock,
        series: Sequence[Series],
        balances: Mapping[str, Mapping[str, Decimal]],
        fees: Mapping[str, FeeSchedule],
        *,
        latency_ns: int = LATENCY_NS,
    ) -> None:
        self._hub = hub
        self._clock = clock
        self._fees = fees
        self._exchanges = {name: CandleExchange(latency_ns=latency_ns) for name in fees}
        self.timeline = Timeline([s.candles for s in series])
        self.markets = [
            self._exchanges[s.instrument.exchange].add_series(s, self.timeline, number)
            for number, s in enumerate(series)
        ]
        self._next_advance = NEVER
        self._ledger = Ledger()
        self._desk = Desk(self._ledger)
        for name, exchange in self._exchanges.items():
            pairs = {pair: market.pair for pair, market in exchange.markets.items()}
            self._desk.add_exchange(name, pairs, fees[name], exchange)
        now = clock.now()
        allocations = [
            (name, currency, amount)
            for name, wallets in balances.items()
            for currency, amount in wallets.items()
        ]
        for name, currency, amount in allocations:
            self._ledger.deposit(name, currency, amount, now)
        self._set_id = self._ledger.create_set(_RUN_ID, allocations, now).id
        self._desk.take_changes()
        hub.on(ORDER, self._order)
        hub.on(CANCEL, self._cancel)

    def wallet(self, exchange: str, currency: str) -> Balance:
        """Return the run's wallet; empty where it has none."""
        wallet = self._ledger.find_wallet(self._set_id, exchange, currency)
        return Balance(wallet.balance, wallet.available) if wallet else Balance(ZERO, ZERO)

    def holdings(self) -> dict[tuple[str, str], Decimal]:
        """Return the settled balance of each of the run's wallets, by exchange and currency."""
        return {
            (wallet.exchange, wallet.currency): wallet.settled
            for wallet in self._ledger.wallets_of(self._set_id)
        }

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

    def pair(self, exchange: str, pair: str) -> Pair:
        """Return a pair of the run with its increments."""
        return self._market(exchange, pair).pair

    def fees(self, exchange: str) -> FeeSchedule:
        """Return the exchange's fees."""
        return self._fees[exchange]

    def listeners(self) -> dict[int, tuple[MarketHandler, EventSource]]:
        """Return who hears of the timeline's events, by code, and what makes those events.

        Who listens is resolved now, once.
        """
        count = len(self.markets)
        found: dict[int, tuple[MarketHandler, EventSource]] = {}
        for number, market in enumerate(self.markets):
            place = market.exchange, market.pair.name()
            for code, method, source in (
                (number, BAR, _bars),
                (count + number, QUOTE, _quotes),
            ):
                handlers = self._hub.market_handlers(method, *place)
                if handlers:
                    found[code] = (_all(handlers), partial(source, market))
        return found

    @property
    def idle(self) -> bool:
        """Whether no market has an open order, so that nothing but prices can change."""
        return all(market.idle for market in self.markets)

    def meet(self, code: int) -> None:
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
            self._hub.deliver()

    def cancel_all(self) -> None:
        """Cancel every open order, as at the end of a run."""
        for order in tuple(self._desk.orders.values()):
            exchange = order.request.exchange
            self._desk.cancel_order(exchange, order.request.client_oid, self._clock.now())
            self._settle(exchange, self._exchanges[exchange].take_withdrawn())
        self._schedule()

    def audit(self) -> list[str]:
        """Check the ledger; return one sentence per fault."""
        return self._ledger.audit()

    def _order(self, message: Message) -> None:
        assert isinstance(message, Call)
        intent: OrderIntent = payload(message)
        request = OrderRequest(
            _RUN_ID,
            intent.client_oid,
            intent.exchange,
            intent.pair,
            intent.type,
            intent.side,
            intent.size,
            intent.limit,
            self._set_id,
            intent.cancel_after_s,
            intent.funds,
        )
        try:
            if intent.exchange in self._exchanges:
                self._market(intent.exchange, intent.pair).show()  # what the order costs now
            self._desk.make_order(request, self._clock.now())
        except XWrapError as error:
            self._hub.fail(message, error)
        else:
            self._hub.answer(message, intent.client_oid)
        self._tell()
        self._schedule()

    def _cancel(self, message: Message) -> None:
        assert isinstance(message, Call)
        intent: CancelIntent = payload(message)
        try:
            self._desk.cancel_order(intent.exchange, intent.client_oid, self._clock.now())
        except XWrapError as error:
            self._hub.fail(message, error)
            return
        self._hub.answer(message, intent.client_oid)
        self._settle(intent.exchange, self._exchanges[intent.exchange].take_withdrawn())
        self._schedule()

    def _advance(self) -> None:
        self._next_advance = NEVER
        for name, exchange in self._exchanges.items():
            self._settle(name, exchange.advance(self._clock.time))
        self._schedule()

    def _schedule(self) -> None:
        """Let the clock call when the next order, cancellation or expiry is due."""
        for exchange in self._exchanges.values():
            due = exchange.next_due()
            if due is not None and due < self._next_advance:
                self._next_advance = due
                self._clock.at(due, self._advance)

    def _settle(self, exchange: str, executions: Sequence[Execution]) -> None:
        self._desk.execute(exchange, executions)
        self._tell()
        self._schedule()

    def _tell(self) -> None:
        for change in self._desk.take_changes():
            if isinstance(change, TradeMade):
                self._hub.notify(FILL, Fill.of(change.trade, change.order))
            elif isinstance(change, OrderChanged):
                self._hub.notify(ORDER_UPDATE, OrderUpdate.of(change.order))

    def _market(self, exchange: str, pair: str) -> CandleMarket:
        venue = self._exchanges.get(exchange)
        market = None if venue is None else venue.markets.get(pair)
        if market is None:
            raise UnknownName(f"this run has no pair {pair} on {exchange}", field="pair")
        return market


def _bars(market: CandleMarket, first: int, stop: int) -> Iterator[Bar]:
    """Make the bars of some rows, as they are asked for."""
    candles, digits = market.candles, 10.0**market.candles.price_digits
    rows = slice(first, stop)
    prices = ((column[rows] / digits).tolist() for column in candles.columns()[1:5])
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
    return (
        Quote(market.exchange, market.pair.name(), at, at, time)
        for at, time in zip(price, times, strict=True)
    )


def _all(handlers: tuple[MarketHandler, ...]) -> MarketHandler:
    """Return one function that calls them all."""
    if len(handlers) == 1:
        return handlers[0]

    def handle(event: MarketEvent) -> None:
        for handler in handlers:
            handler(event)

    return handle
