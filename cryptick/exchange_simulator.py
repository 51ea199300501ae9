"""Simulated exchanges for a backtest: the hub's provider ``exchange``, driven by candles.

Orders go through the same desk, ledger and paper engine as in paper trading; only the books are
made up, by `candle_market`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import repeat
from typing import Final

from cryptick.candle_market import LATENCY_NS, CandleExchange, CandleMarket, Series
from cryptick.clock import NEVER, SimulatedClock
from cryptick.hub import Hub
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
    Message,
    OrderIntent,
    OrderUpdate,
    Quote,
    payload,
)
from cryptick.past_candles import PastCandles
from cryptick.strategy.base import Balance
from exchange_wrapper.candles import Candles
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

__all__ = ["ExchangeSimulator"]

_RUN_ID: Final = "backtest"


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
    history : mapping of (str, str) to Candles, optional
        Candles of before the run, by exchange and pair.

    Attributes
    ----------
    markets : list of CandleMarket
        One per series, in their order.
    past : PastCandles
        What was before and the same candles, as far as they are over.
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
        history: Mapping[tuple[str, str], Candles] | None = None,
    ) -> None:
        self._hub = hub
        self._clock = clock
        self._fees = fees
        self._exchanges = {name: CandleExchange(latency_ns=latency_ns) for name in fees}
        self.markets = [self._exchanges[s.instrument.exchange].add_series(s) for s in series]
        self.past = PastCandles(clock, history)
        for one in series:
            self.past.append(one.instrument.exchange, one.instrument.pair, one.candles)
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

    def candles(self, exchange: str, pair: str, freq_s: int, count: int) -> Candles:
        """Return the candles of the last ``count`` intervals that are over."""
        return self.past.last(exchange, pair, freq_s, count)

    def openings(self) -> list[Callable[[], None]]:
        """Return one function per market that begins its next bar, at the clock's time.

        Who listens is resolved now, once.
        """
        return [self._opening(market) for market in self.markets]

    def closings(self) -> list[Callable[[], None]]:
        """Return one function per market that ends its present bar, at the clock's time."""
        return [self._closing(market) for market in self.markets]

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

    def _opening(self, market: CandleMarket) -> Callable[[], None]:
        hub, clock, pair = self._hub, self._clock, market.pair
        exchange, name = market.exchange, pair.name()
        handlers = hub.market_handlers(QUOTE, exchange, name)
        opens = iter(market.prices[0].tolist() if handlers else ())

        def step() -> None:
            now = clock.time
            released = bool(market.waiting)
            executions = market.open(now)
            if executions or released:
                self._settle(exchange, executions)
                hub.deliver()
            if handlers:
                price = pair.price(next(opens))
                hub.cause = event = Quote(exchange, name, price, price, now)
                for handler in handlers:
                    handler(event)

        return step

    def _closing(self, market: CandleMarket) -> Callable[[], None]:
        hub, clock, exchange = self._hub, self._clock, market.exchange
        handlers = hub.market_handlers(BAR, exchange, market.pair.name())
        bars = _bars(market) if handlers else iter(())

        def step() -> None:
            executions = market.close(clock.time)
            if executions:
                self._settle(exchange, executions)
                hub.deliver()
            if handlers:
                hub.cause = event = next(bars)
                for handler in handlers:
                    handler(event)

        return step

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


def _bars(market: CandleMarket) -> Iterator[Bar]:
    candles = market.candles
    return map(
        Bar,
        repeat(market.exchange),
        repeat(market.pair.name()),
        repeat(candles.freq_s),
        (candles.time * SECOND).tolist(),
        *(candles.floats(name).tolist() for name in ("open", "high", "low", "close", "volume")),
    )
