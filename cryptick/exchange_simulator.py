"""Simulated exchanges for a backtest: the hub's provider ``exchange``, whatever drives its books.

Orders go through the same desk, ledger and paper engine as in paper trading. A subclass replays
market data: `candle_replay` makes books of candles, `book_replay` has recorded ones.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from cryptick.clock import NEVER, SimulatedClock
from cryptick.hub import Hub
from cryptick.messages import (
    CANCEL,
    FILL,
    ORDER,
    ORDER_UPDATE,
    Call,
    CancelIntent,
    Fill,
    Message,
    OrderIntent,
    OrderUpdate,
    Quote,
    payload,
)
from cryptick.metrics import FloatArray, IntArray
from cryptick.past_candles import PastCandles
from cryptick.strategy.base import Balance
from exchange_wrapper.candles import Candles
from exchange_wrapper.changes import Change, OrderChanged, TradeMade
from exchange_wrapper.desk import Desk
from exchange_wrapper.errors import UnknownName, XWrapError
from exchange_wrapper.execution import Execution
from exchange_wrapper.fees import FeeSchedule
from exchange_wrapper.ledger import Ledger
from exchange_wrapper.numbers import ZERO
from exchange_wrapper.orders import Order, OrderRequest, Trade
from exchange_wrapper.pair import Pair
from exchange_wrapper.paper_exchange import PaperExchange
from exchange_wrapper.telling import worth_telling
from exchange_wrapper.times import UtcNs

__all__ = ["ExchangeSimulator", "Progress"]

Progress = Callable[[int, int], None]
"""Called with the events that are done and all there are, 0 where nobody knows."""

_RUN_ID: Final = "backtest"


class ExchangeSimulator(ABC):
    """All exchanges of a backtest: the hub's provider ``exchange`` and the strategy's venues.

    Parameters
    ----------
    hub : Hub
        It is held; its clock is the simulated one.
    clock : SimulatedClock
    executions : mapping of str to PaperExchange
        What carries orders out, by exchange.
    pairs : mapping of (str, str) to Pair
        By exchange and name.
    balances : mapping of str to mapping of str to Decimal
        What the run has, by exchange and currency.
    fees : mapping of str to FeeSchedule
        By exchange.
    history : mapping of (str, str) to Candles
        Candles of before the run, by exchange and pair.

    Attributes
    ----------
    past : PastCandles
        Candles of before and of the run, as far as they are over.
    start, end : UtcNs
        Of the market data; the end is known when all is played.
    events : dict of str to int
        How many of what were played.
    """

    start: UtcNs
    end: UtcNs
    events: dict[str, int]

    def __init__(
        self,
        hub: Hub,
        clock: SimulatedClock,
        executions: Mapping[str, PaperExchange],
        pairs: Mapping[tuple[str, str], Pair],
        balances: Mapping[str, Mapping[str, Decimal]],
        fees: Mapping[str, FeeSchedule],
        history: Mapping[tuple[str, str], Candles],
    ) -> None:
        self._hub = hub
        self._clock = clock
        self._executions = executions
        self._pairs = pairs
        self._fees = fees
        self.past = PastCandles(clock, history)
        self._next_advance = NEVER
        self._ledger = Ledger()
        self._desk = Desk(self._ledger)
        for name, execution in executions.items():
            own = {pair: one for (exchange, pair), one in pairs.items() if exchange == name}
            self._desk.add_exchange(name, own, fees[name], execution)
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

    @abstractmethod
    def play(self, progress: Progress | None) -> None:
        """Deliver all market data in order of time, and carry out orders and timers between."""

    @abstractmethod
    def quote(self, exchange: str, pair: str) -> Quote | None:
        """Return the newest quote, None before the first."""

    @abstractmethod
    def last_price(self, exchange: str, pair: str) -> Decimal | None:
        """Return what the pair's base is worth now, None before the first price."""

    @abstractmethod
    def first_price(self, exchange: str, pair: str) -> Decimal | None:
        """Return what the pair's base was worth first."""

    @abstractmethod
    def prices(self) -> tuple[IntArray, dict[tuple[str, str], FloatArray]]:
        """Return points of time, s, ascending, and the last price of each pair at each.

        NaN where there was none yet.
        """

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
        return self.past.last(exchange, pair, freq_s, count)

    def wake(self, until: UtcNs) -> None:
        """Fire the timers that are due before ``until``, arrivals of orders among them."""
        hub, clock = self._hub, self._clock
        while clock.next_due < until:
            hub.cause = None
            clock.fire()
            hub.deliver()

    def audit(self) -> list[str]:
        """Check the ledger; return one sentence per fault."""
        return self._ledger.audit()

    def cancel_all(self) -> None:
        """Cancel every open order, as at the end of a run."""
        for order in tuple(self._desk.orders.values()):
            exchange = order.request.exchange
            self._desk.cancel_order(exchange, order.request.client_oid, self._clock.now())
        self._schedule()

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
            intent.post_only,
        )
        try:
            self._desk.make_order(request, self._clock.time)
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
        self._schedule()

    def _advance(self) -> None:
        self._next_advance = NEVER
        for name, execution in self._executions.items():
            self._settle(name, execution.advance(self._clock.time))
        self._schedule()

    def _schedule(self) -> None:
        """Let the clock call when the next order, cancellation or expiry is due."""
        for execution in self._executions.values():
            due = execution.next_due()
            if due is not None and due < self._next_advance:
                self._next_advance = due
                self._clock.at(due, self._advance)

    def _settle(self, exchange: str, executions: Sequence[Execution]) -> None:
        self._desk.execute(exchange, executions)
        self._tell()

    def _tell(self) -> None:
        """Tell what became of orders: what xWrap tells of a commit."""
        changes: list[Change] = [
            change
            for change in self._desk.take_changes()
            if type(change) is OrderChanged or type(change) is TradeMade
        ]
        notify = self._hub.notify
        for change in worth_telling(changes) if len(changes) > 1 else changes:
            if type(change) is OrderChanged:
                notify(ORDER_UPDATE, _order_update(change.order))
            elif type(change) is TradeMade:
                notify(FILL, _fill(change.trade, change.order))


def _order_update(order: Order) -> OrderUpdate:
    """Return what tells the state of a desk's order."""
    request, filled = order.request, order.filled
    return OrderUpdate(
        request.client_oid,
        request.exchange,
        request.pair,
        request.type,
        request.side,
        request.size,
        request.limit,
        order.status,
        order.done_reason,
        order.message,
        order.pair.sizes[filled],
        order.avg_price if filled else ZERO,
        order.last_updated_at,
    )


def _fill(trade: Trade, order: Order) -> Fill:
    """Return what tells a trade of a desk's order."""
    request, pair = order.request, order.pair
    return Fill(
        request.client_oid,
        request.exchange,
        request.pair,
        request.side,
        pair.prices[trade.price],
        pair.sizes[trade.size],
        trade.fee,
        trade.maker,
        trade.time,
    )
