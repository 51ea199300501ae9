"""Replay an exchange of xWrap from what it received: the same desk, books and paper engine.

Orders reach the desk when xWrap made them, each after all market events that came before and
whatever was due by then. xWrap stamps what happens with times of which none comes twice, so their
order is known. Orders of other runs are carried out beside those of the run: they share the book.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from heapq import merge
from typing import Final

from cryptick.inputs import RunHeader
from cryptick.xwrap_forms import Json, read_pair
from exchange_wrapper.changes import LinePosted, OrderChanged, TradeMade
from exchange_wrapper.desk import Desk
from exchange_wrapper.errors import XWrapError
from exchange_wrapper.execution import Execution, Filled
from exchange_wrapper.fees import FeeSchedule
from exchange_wrapper.ledger import Ledger
from exchange_wrapper.live_book import LiveBook
from exchange_wrapper.market import MarketEvent, TradePrint
from exchange_wrapper.numbers import ZERO, Lots, Ticks, format_amount
from exchange_wrapper.orders import Order, OrderRequest, Trade
from exchange_wrapper.pair import Pair
from exchange_wrapper.paper_exchange import PaperExchange
from exchange_wrapper.terms import DoneReason, OrderType, Side
from exchange_wrapper.times import MILLISECOND, UtcNs, from_iso

__all__ = ["Balances", "Replayed", "VenueReplay"]

Balances = dict[str, tuple[Decimal, Decimal, Decimal]]
"""Balance, available and on hold by currency; what has nothing is left out."""

_ANY_PRICE: Final = {Side.BUY: Ticks(1 << 60), Side.SELL: Ticks(1)}


@dataclass
class Replayed:
    """What became of the run's orders at an exchange, and what its market showed.

    Attributes
    ----------
    orders : dict of str to list of Order
        All states of each order, by client_oid.
    refused : dict of str to str
        Why an order could not be made.
    fills : list of (Trade, Order)
        In order.
    wallets : list of Balances
        The run's wallets at first and after each change.
    quotes : dict of (pair, time) to (bid, ask)
        Each change of the best prices, None where there is none.
    trades : dict of (pair, trade_id) to TradePrint
    doubts : list of str
        Why the replay may differ, in words.
    """

    orders: dict[str, list[Order]] = field(default_factory=lambda: defaultdict(list))
    refused: dict[str, str] = field(default_factory=dict)
    fills: list[tuple[Trade, Order]] = field(default_factory=list)
    wallets: list[Balances] = field(default_factory=list)
    quotes: dict[tuple[str, UtcNs], tuple[str | None, str | None]] = field(default_factory=dict)
    trades: dict[tuple[str, str], TradePrint] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)


class VenueReplay:
    """One exchange during a run.

    Parameters
    ----------
    header : RunHeader
    exchange : str
    events : mapping of str to iterable of MarketEvent
        What was received of each pair that the run follows, from before the first order on.
    own, others : sequence of dict
        Orders of the run, and of others at these pairs: the last that xWrap told of each.
    """

    def __init__(
        self,
        header: RunHeader,
        exchange: str,
        events: Mapping[str, Iterable[MarketEvent]],
        own: Sequence[Json],
        others: Sequence[Json] = (),
    ) -> None:
        described = header.exchanges[exchange]
        self._exchange = exchange
        self._latency_ns = described["latency_ms"] * MILLISECOND
        self._paper = PaperExchange(latency_ns=self._latency_ns)
        self._pairs = {
            name: read_pair(name, increments)
            for name, increments in described["increments"].items()
        }
        self._fees = FeeSchedule(*(Decimal(described["fees"][kind]) for kind in ("maker", "taker")))
        self._books = {name: LiveBook(self._pairs[name]) for name in events}
        for name, live in self._books.items():
            live.attach(self._paper.add_pair(self._pairs[name], live.book))
        self._events = events
        self._own = sorted(own, key=_made_at)
        self._others = sorted(others, key=_made_at)
        self._filled: Counter[int] = Counter()  # of other runs, lots by order
        self._ledger = Ledger()
        self._desk = Desk(self._ledger)
        self._desk.add_exchange(exchange, self._pairs, self._fees, self._paper)
        funds = header.balances[exchange]
        for currency, amount in funds.items():
            self._ledger.deposit(exchange, currency, amount, header.start)
        allocations = [(exchange, currency, amount) for currency, amount in funds.items()]
        self._set_id = self._ledger.create_set(header.run_id, allocations, header.start).id
        self._desk.take_changes()
        self._replayed = Replayed(wallets=[self._balances()])

    def run(self, end: UtcNs) -> Replayed:
        """Replay everything until ``end`` and return what happened."""
        best: dict[str, tuple[Ticks | None, Ticks | None]] = dict.fromkeys(
            self._books, (None, None)
        )
        for time, step in merge(
            self._market(), self._made(self._own, True), self._made(self._others, False), key=_time
        ):
            if time > end:
                break
            self._advance(time)
            if isinstance(step, tuple):
                self._make(*step)
                continue
            live = self._books[step.pair]
            self._settle(live.receive(step))
            if type(step) is TradePrint:
                self._replayed.trades[step.pair, step.trade_id] = step
            now_best = live.book.best_bid, live.book.best_ask
            if now_best != best[step.pair]:
                best[step.pair] = now_best
                self._replayed.quotes[step.pair, time] = tuple(  # type: ignore[assignment]
                    None if ticks is None else format_amount(live.pair.price(ticks))
                    for ticks in now_best
                )
        self._advance(end)
        self._judge_others(end)
        return self._replayed

    def _market(self) -> Iterator[tuple[UtcNs, MarketEvent]]:
        for event in merge(*self._events.values(), key=lambda event: event.received_at):
            yield event.received_at, event

    def _made(
        self, orders: Sequence[Json], is_own: bool
    ) -> Iterator[tuple[UtcNs, tuple[Json, bool]]]:
        for order in orders:
            yield _made_at(order), (order, is_own)

    def _advance(self, until: UtcNs) -> None:
        """Carry out what is due, one time after the other: each leaves a state of the wallets."""
        while (due := self._paper.next_due()) is not None and due <= until:
            self._settle(self._paper.advance(due))

    def _settle(self, executions: Sequence[Execution]) -> None:
        own = []
        for execution in executions:
            if execution.order_id > 0:
                own.append(execution)
            elif isinstance(execution, Filled):
                self._filled[-execution.order_id] += execution.size
        if own:
            self._desk.execute(self._exchange, own)
            self._note()

    def _note(self) -> None:
        moved = False
        for change in self._desk.take_changes():
            if isinstance(change, OrderChanged):
                self._replayed.orders[change.order.request.client_oid].append(change.order)
            elif isinstance(change, TradeMade):
                self._replayed.fills.append((change.trade, change.order))
            moved = moved or isinstance(change, LinePosted)
        if moved:
            self._replayed.wallets.append(self._balances())

    def _balances(self) -> Balances:
        figures = {
            wallet.currency: (wallet.balance, wallet.available, wallet.hold)
            for wallet in self._ledger.wallets_of(self._set_id)
        }
        return {currency: figure for currency, figure in figures.items() if any(figure)}

    def _make(self, told: Json, is_own: bool) -> None:
        now, request = _made_at(told), _request(told, self._set_id)
        if is_own:
            try:
                order = self._desk.make_order(request, now)
            except XWrapError as error:
                self._replayed.refused[request.client_oid] = error.message
                return
            finally:
                self._note()
            cancelled_at = _cancelled_at(told)
            if cancelled_at is not None:
                self._desk.cancel(order, UtcNs(cancelled_at - self._latency_ns))
            return
        other = _other_order(told, request, self._pairs[request.pair], self._fees)
        if other is not None:
            self._paper.submit(other, now)
            cancelled_at = _cancelled_at(told)
            if cancelled_at is not None:
                self._paper.cancel(other, UtcNs(cancelled_at - self._latency_ns))

    def _judge_others(self, end: UtcNs) -> None:
        for told in self._others:
            if told["done_at"] is not None and from_iso(told["done_at"]) <= end:
                pair = self._pairs[told["pair"]]
                filled = format_amount(pair.size(Lots(self._filled[told["id"]])))
                if filled != told["filled_size"]:
                    self._replayed.doubts.append(
                        f"liquidity is shared, and order {told['id']} of run {told['run_id']} "
                        f"filled {told['filled_size']} {pair.base}, and {filled} in the replay"
                    )


def _time(step: tuple[UtcNs, object]) -> UtcNs:
    return step[0]


def _made_at(order: Json) -> UtcNs:
    return from_iso(order["created_at"])


def _cancelled_at(order: Json) -> UtcNs | None:
    """Return when the cancellation of a limit order took effect; one too late changed nothing."""
    cancelled = order["done_reason"] == DoneReason.CANCELLED and order["type"] == OrderType.LIMIT
    return from_iso(order["done_at"]) if cancelled else None


def _request(order: Json, set_id: int) -> OrderRequest:
    kind, funds = OrderType(order["type"]), order["funds"]
    return OrderRequest(
        order["run_id"],
        order["client_order_id"],
        order["exchange"],
        order["pair"],
        kind,
        Side(order["side"]),
        Decimal(order["size"]),
        Decimal(order["limit"]) if kind.has_limit else None,
        set_id,
        order["cancel_after"],
        None if funds is None else Decimal(funds),
        order.get("post_only", False),  # which older recordings don't have
    )


def _other_order(order: Json, request: OrderRequest, pair: Pair, fees: FeeSchedule) -> Order | None:
    """Return another run's order as the paper engine is to see it.

    Its funds are not known here. An order that does not rest takes what it is known to have taken;
    one that rests is carried out like the run's own.
    """
    resting = request.type is OrderType.LIMIT
    lots = pair.to_lots(Decimal(order["size" if resting else "filled_size"]))
    if not lots or order["done_reason"] == DoneReason.REJECTED:
        return None
    if resting:
        assert request.limit is not None
        limit = pair.to_ticks(request.limit)
    else:
        request = OrderRequest(
            request.run_id,
            request.client_oid,
            request.exchange,
            request.pair,
            OrderType.IOC,
            request.side,
            pair.size(lots),
        )
        limit = _ANY_PRICE[request.side]
    made_at = _made_at(order)
    return Order(
        id=-order["id"],
        request=request,
        pair=pair,
        lots=lots,
        limit=limit,
        created_at=made_at,
        last_updated_at=made_at,
        hold=ZERO,
        hold_currency=pair.quote,
        fees=fees,
    )
