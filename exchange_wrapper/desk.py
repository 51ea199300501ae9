"""The trading use cases: make an order, cancel it, and book what becomes of it.

The desk joins the ledger, the orders and the exchanges' execution ports, and does no I/O: what
has to be stored and told leaves as changes. The same desk serves paper trading and backtests.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, Inexact, InvalidOperation
from typing import Final, Protocol

from msgspec.structs import replace

from exchange_wrapper.accounts import SetType, Wallet
from exchange_wrapper.changes import Change, OrderChanged, TradeMade
from exchange_wrapper.errors import (
    ApiUsageError,
    InvalidAmount,
    LedgerBreach,
    OrderRejected,
    UnknownName,
)
from exchange_wrapper.execution import (
    Execution,
    ExecutionPort,
    Filled,
    Finished,
    Opened,
    ResolvedFound,
    ResolvedNotFound,
    Unanswered,
)
from exchange_wrapper.fees import FeeSchedule, cost_with_fee, round_fee
from exchange_wrapper.ledger import Ledger
from exchange_wrapper.numbers import LEDGER, ZERO, Lots, Ticks, format_amount
from exchange_wrapper.orders import Order, OrderRequest, Trade
from exchange_wrapper.pair import Pair
from exchange_wrapper.terms import DoneReason, OrderStatus, OrderType, Side
from exchange_wrapper.times import UtcNs

__all__ = ["Desk", "ExecutionPort", "Guard"]

# A retry of a call comes soon. Older done orders are left to ``find_done``.
_DONE_KEPT = 10_000

_add: Final = LEDGER.add  # two look-ups less, felt in the fills of each order


@dataclass(frozen=True, slots=True)
class _Venue:
    pairs: Mapping[str, Pair]
    fees: FeeSchedule
    execution: ExecutionPort


class Guard(Protocol):
    """Who may forbid new orders, beyond what their pair and their wallet forbid."""

    def check(self, request: OrderRequest, pair: Pair, notional: Decimal, now: UtcNs) -> None:
        """Raise ``OrderRejected`` for an order that may not be made now."""

    def made(self, order: Order) -> None:
        """Hear of an order that was made."""

    def traded(self, trade: Trade, order: Order) -> None:
        """Hear of a trade."""


class Desk:
    """All open orders, and the only one who moves funds for them.

    Parameters
    ----------
    ledger : Ledger
        Its list of changes is the desk's too.
    cushion : Decimal
        Fraction by which the hold of a market buy exceeds its present cost, because the book
        moves until the order arrives.
    find_done : callable, optional
        Called with (run_id, client_oid): an order that was done long ago, or None.
    last_order_id, last_trade_id : int
        Ids made from now on are higher.

    Attributes
    ----------
    orders : dict of int to Order
        The open orders by id.
    unknown : dict of int to Order
        Those of them of which nobody knows whether they have reached their venue.
    guard : Guard or None
        Asked about each new order.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        cushion: Decimal = Decimal("0.01"),
        find_done: Callable[[str, str], Order | None] | None = None,
        last_order_id: int = 0,
        last_trade_id: int = 0,
    ) -> None:
        self.ledger = ledger
        self.orders: dict[int, Order] = {}
        self.unknown: dict[int, Order] = {}
        self.guard: Guard | None = None
        self._unsent: set[int] = set()  # of live venues: they wait for their commit
        self._cancelled: set[int] = set()  # whose cancellation was asked for
        self._trade_ids: dict[int, set[str]] = defaultdict(set)  # venues' ids by open order
        self._done: dict[int, Order] = {}  # the latest
        self._done_ids: deque[int] = deque()  # theirs, oldest first
        self._ids_by_run: dict[tuple[str, str], int] = {}
        self._ids_by_exchange: dict[tuple[str, str], int] = {}
        self._venues: dict[str, _Venue] = {}
        self._gross = LEDGER.add(Decimal(1), cushion)
        self._find_done = find_done
        self._last_order_id = last_order_id
        self._last_trade_id = last_trade_id

    def add_exchange(
        self,
        name: str,
        pairs: Mapping[str, Pair],
        fees: FeeSchedule,
        execution: ExecutionPort,
    ) -> None:
        """Make an exchange known, or replace what is known of it; its wallets are opened."""
        self._venues[name] = _Venue(pairs, fees, execution)
        currencies = {currency for pair in pairs.values() for currency in (pair.base, pair.quote)}
        self.ledger.open_exchange(name, sorted(currencies))

    def take_changes(self) -> list[Change]:
        """Return what happened since the last call, in causal order."""
        changes, self.ledger.changes = self.ledger.changes, []
        return changes

    # Looking up

    def by_client(self, exchange: str, client_oid: str) -> Order | None:
        """Return the open order of this name at an exchange, else the latest done, or None."""
        return self._known(self._ids_by_exchange.get((exchange, client_oid)))

    def by_run(self, run_id: str, client_oid: str) -> Order | None:
        """Return a run's order of this name, open or done, or None."""
        order = self._known(self._ids_by_run.get((run_id, client_oid)))
        if order is None and self._find_done is not None:
            order = self._find_done(run_id, client_oid)
        return order

    # Use cases

    def make_order(self, request: OrderRequest, now: UtcNs) -> Order:
        """Check an order, put its funds on hold and send it.

        The same request again returns the first order, in its present state.

        Raises
        ------
        UnknownName
            No such exchange, pair or wallet set.
        ApiUsageError
            The request contradicts itself, or its name is taken by another one.
        InvalidAmount
            Size or limit is not positive or not on the pair's grid.
        OrderRejected
            The size or notional is outside the pair's limits, the book can't fill a market
            order, its wallet set is frozen, or the guard forbids it.
        InsufficientFunds
            The wallet can't pay for it.
        """
        known = self.by_run(request.run_id, request.client_oid)
        if known is not None:
            if known.request != request:
                raise ApiUsageError(
                    f"run {request.run_id!r} has used the client_oid {request.client_oid!r} "
                    "for another order",
                    field="client_oid",
                )
            return known
        venue, pair = self._place(request)
        wallet_set = self.ledger.active_set(
            request.wallet_set_id, SetType.LOGICAL, SetType.UNALLOCATED
        )
        try:
            lots, limit = _read_amounts(request, pair)
            if wallet_set.frozen:
                raise OrderRejected(f"wallet set {wallet_set.id} is frozen: {wallet_set.frozen}")
            notional = self._check_limits(request, pair, lots, limit, venue.execution)
            if self.guard is not None:
                self.guard.check(request, pair, pair.notional(notional), now)
            buying = request.side is Side.BUY
            currency = pair.quote if buying else pair.base
            payer = self.ledger.ensure_wallet(wallet_set.id, request.exchange, currency)
            if not buying:
                hold = pair.size(lots)
            elif limit is not None:
                hold = cost_with_fee(pair.notional(notional), venue.fees.worst)
            elif request.funds is not None:
                hold = request.funds
            else:
                hold = self._market_hold(payer, pair, notional, venue.fees.worst)
            order_id = self._last_order_id + 1
            self.ledger.hold(payer, hold, order_id, now)
        except (Inexact, InvalidOperation):
            raise InvalidAmount(
                f"size or limit has too many digits for {pair}", field="size"
            ) from None
        self.ledger.ensure_wallet(
            wallet_set.id, request.exchange, pair.base if buying else pair.quote
        )
        self._last_order_id = order_id
        order = Order(
            id=order_id,
            request=request,
            pair=pair,
            lots=lots,
            limit=limit,
            created_at=now,
            last_updated_at=now,
            hold=hold,
            hold_currency=currency,
            fees=venue.fees,
        )
        self._register(order)
        self.ledger.changes.append(OrderChanged(order))
        if self.guard is not None:
            self.guard.made(order)
        if venue.execution.is_live:
            self._unsent.add(order_id)
        else:
            venue.execution.submit(order, now)
        return order

    def send(self, changes: Iterable[Change], now: UtcNs) -> None:
        """Submit the new orders to live venues that are among these changes, now committed."""
        for change in changes if self._unsent else ():
            if isinstance(change, OrderChanged) and change.order.id in self._unsent:
                self._unsent.remove(change.order.id)
                order = self.orders[change.order.id]
                self._venue(order.request.exchange).execution.submit(order, now)

    def cancel_order(self, exchange: str, client_oid: str, now: UtcNs) -> Order:
        """Send the cancellation of an order and return the order as it is now.

        It may still fill before the cancellation arrives. A done order is returned as it is.

        Raises
        ------
        UnknownName
            No such exchange, or no such order there.
        """
        self._venue(exchange)
        order = self.by_client(exchange, client_oid)
        if order is None:
            raise UnknownName(
                f"there is no order {client_oid!r} at {exchange}", field="client_order_id"
            )
        return self.cancel(order, now)

    def cancel(self, order: Order, now: UtcNs) -> Order:
        """Send the cancellation of an order; of one that was not sent yet, do it at once."""
        if order.is_done:
            return order
        if order.id in self._unsent:
            self._unsent.remove(order.id)
            self._finish(order, DoneReason.CANCELLED, "it was cancelled before it was sent", now)
            return self._done[order.id]
        self._cancelled.add(order.id)
        self._venue(order.request.exchange).execution.cancel(order, now)
        return order

    def knows(self, exchange: str) -> bool:
        """Tell whether an exchange was added."""
        return exchange in self._venues

    def pairs(self, exchange: str) -> Mapping[str, Pair]:
        """Return the pairs of an exchange that was added, by name."""
        return self._venue(exchange).pairs

    def is_live(self, order: Order) -> bool:
        """Tell whether an order's exchange was added and is a real venue."""
        venue = self._venues.get(order.request.exchange)
        return venue is not None and venue.execution.is_live

    def find(self, order_id: int) -> Order | None:
        """Return an order by its id, open or one of the latest done, or None."""
        return self._known(order_id)

    def has_trade(self, order: Order, ext_id: str) -> bool:
        """Tell whether a venue's trade was booked to an order that is open or of the latest."""
        return bool(ext_id) and ext_id in self._trade_ids.get(order.id, ())

    def is_cancelling(self, order: Order) -> bool:
        """Tell whether an open order's cancellation was asked for."""
        return order.id in self._cancelled

    def execute(self, exchange: str, executions: Iterable[Execution]) -> None:
        """Book what an exchange reports of our orders.

        Raises
        ------
        LedgerBreach
            A report that does not fit the order or its hold. Nothing of this report is booked.
        """
        for execution in executions:
            order = self.orders.get(execution.order_id)
            if order is None or order.request.exchange != exchange:
                raise LedgerBreach(
                    f"{exchange} reports on order {execution.order_id}, which is not open there"
                )
            if type(execution) is Filled:
                self._fill(order, execution)
            elif type(execution) is Opened:
                self._arrived(order, execution.time)
            elif type(execution) is Finished:
                self._finish(order, execution.reason, execution.message, execution.time)
            elif isinstance(execution, Unanswered):
                self._lose(order, execution)
            elif isinstance(execution, ResolvedFound):
                order = self._arrived(order, execution.time)
                if order.id in self._cancelled:  # asked for while nobody knew where it was
                    self._venue(exchange).execution.cancel(order, execution.time)
            elif isinstance(execution, ResolvedNotFound):
                message = "it never reached the venue"
                self._finish(order, DoneReason.CANCELLED, message, execution.time)

    def restore_order(self, order: Order, trade_ids: Iterable[str] = ()) -> None:
        """Take back an open order after a restart; the ledger has its hold already.

        It is not sent anywhere: that is for ``resume``.

        Parameters
        ----------
        trade_ids : iterable of str
            The venue's ids of its trades so far.
        """
        assert not order.is_done
        self._register(order)
        if order.status is OrderStatus.UNKNOWN:
            self.unknown[order.id] = order
        known = set(trade_ids)
        if known:
            self._trade_ids[order.id] = known
        self._last_order_id = max(self._last_order_id, order.id)

    def resume(self, order: Order, offline_since: UtcNs, now: UtcNs) -> None:
        """Give a restored order back to its venue, and note on it how long nobody followed it.

        An order to a live venue may have been sent or not: until the venue says, it is unknown.
        """
        execution = self._venue(order.request.exchange).execution
        since = max(offline_since, order.last_updated_at)  # it was followed until then at least
        if since < now:
            order = replace(order, offline=(*order.offline, (since, now)), last_updated_at=now)
            self._change(order)
        if execution.is_live and order.status is OrderStatus.RECEIVED:
            self._lose(order, Unanswered(order.id, now, "xWrap was restarted while it was sent"))
            order = self.orders[order.id]
        execution.resume(order, now)

    # Checks

    def _venue(self, exchange: str) -> _Venue:
        venue = self._venues.get(exchange)
        if venue is None:
            raise UnknownName(f"exchange {exchange!r} is not loaded", field="exchange")
        return venue

    def _place(self, request: OrderRequest) -> tuple[_Venue, Pair]:
        venue = self._venue(request.exchange)
        pair = venue.pairs.get(request.pair)
        if pair is None:
            raise UnknownName(f"{request.exchange} has no pair {request.pair!r}", field="pair")
        if not request.client_oid:
            raise ApiUsageError("client_oid can't be empty", field="client_oid")
        if request.cancel_after_s < 0:
            raise ApiUsageError("cancel_after can't be negative", field="cancel_after")
        if request.post_only and request.type is not OrderType.LIMIT:
            raise ApiUsageError(
                f"post_only is for orders of type {OrderType.LIMIT}, not {request.type}",
                field="post_only",
            )
        taken = self._ids_by_exchange.get((request.exchange, request.client_oid))
        if taken in self.orders:
            raise ApiUsageError(
                f"another run has an open order {request.client_oid!r} at {request.exchange}",
                field="client_oid",
            )
        return venue, pair

    def _check_limits(
        self,
        request: OrderRequest,
        pair: Pair,
        lots: Lots,
        limit: Ticks | None,
        execution: ExecutionPort,
    ) -> int:
        """Check an order against the pair's limits; return its Σ ticks × lots, now or at limit."""
        if request.size < pair.min_order:
            raise OrderRejected(
                f"size {format_amount(request.size)} is below the minimum of "
                f"{format_amount(pair.min_order)} for {pair}"
            )
        if pair.max_order is not None and request.size > pair.max_order:
            raise OrderRejected(
                f"size {format_amount(request.size)} is above the maximum of "
                f"{format_amount(pair.max_order)} for {pair}"
            )
        notional = (
            execution.cost(request.pair, request.side, lots) if limit is None else limit * lots
        )
        if notional is None:
            raise OrderRejected(
                f"the book of {pair} at {request.exchange} can't fill a market order of "
                f"{format_amount(request.size)} {pair.base} now"
            )
        if pair.min_notional and pair.notional(notional) < pair.min_notional:
            raise OrderRejected(
                f"a notional of {format_amount(pair.notional(notional))} {pair.quote} is below "
                f"the minimum of {format_amount(pair.min_notional)} for {pair}"
            )
        return notional

    def _market_hold(self, payer: Wallet, pair: Pair, notional: int, rate: Decimal) -> Decimal:
        """Return cost and fee with the cushion, or all there is if that is enough without."""
        available = payer.available
        cushioned = cost_with_fee(
            pair.notional(int(LEDGER.multiply(Decimal(notional), self._gross))), rate
        )
        if cushioned <= available:
            return cushioned
        # What exceeds all there is will be refused by the ledger, which says so with both amounts.
        return max(cost_with_fee(pair.notional(notional), rate), available)

    # Bookkeeping

    def _arrived(self, order: Order, time: UtcNs) -> Order:
        """Return the order as open at its venue, which may say so more than once."""
        if order.status is not OrderStatus.OPEN:
            if self.unknown:
                self.unknown.pop(order.id, None)
            order = _opened(order, time)
            self._change(order)
        return order

    def _lose(self, order: Order, lost: Unanswered) -> None:
        if order.status is not OrderStatus.RECEIVED:
            return  # it has been heard of since
        unknown = replace(
            order, status=OrderStatus.UNKNOWN, message=lost.message, last_updated_at=lost.time
        )
        self.unknown[order.id] = unknown
        self._change(unknown)

    def _fill(self, order: Order, fill: Filled) -> None:
        if fill.ext_id and fill.ext_id in self._trade_ids[order.id]:
            return
        if fill.size <= 0 or fill.size > order.remaining:
            raise LedgerBreach(
                f"order {order.id} has {order.remaining} lots open, not the {fill.size} reported"
            )
        if order.status is not OrderStatus.OPEN:
            order = _opened(order, fill.time)  # to trade it must have arrived
        pair, request, ledger = order.pair, order.request, self.ledger
        size = pair.sizes[fill.size]
        ticks_lots = fill.price * fill.size
        notional = pair.notional(ticks_lots)
        if fill.fee is None:
            rate = order.fees.maker if fill.maker else order.fees.taker
            fee_exact = _add(order.fee_exact, LEDGER.multiply(notional, rate))
            fee = LEDGER.subtract(round_fee(fee_exact), order.fee)
        else:
            fee = fill.fee
            fee_exact = _add(order.fee_exact, fee)
        buying = request.side is Side.BUY
        if buying:
            spent = _add(notional, fee)
        else:
            spent = size
            if fill.fee is None:
                fee = min(fee, notional)  # rounding must not take more than a tiny fill brings in
        if spent > order.hold and fill.fee is None:
            raise LedgerBreach(
                f"a fill of order {order.id} costs {format_amount(spent)} {order.hold_currency}, "
                f"but {format_amount(order.hold)} is on hold"
            )
        paid = _add(order.fee, fee)
        hold = LEDGER.subtract(order.hold, spent)
        if buying and order.limit is not None:
            # A better price than the limit frees its part of the hold at once.
            need = _limit_buy_need(order, order.limit, order.remaining - fill.size, paid, fee_exact)
            # More of a venue's own fee than was expected is paid from what is available.
            hold = need if fill.fee is None else min(need, hold)
        if hold < ZERO:
            hold = ZERO
        changed = replace(
            order,
            filled=order.filled + fill.size,
            filled_notional=order.filled_notional + ticks_lots,
            fee=paid,
            fee_exact=fee_exact,
            hold=hold,
            last_updated_at=fill.time,
        )
        trade_id = self._last_trade_id + 1
        ledger.fill(
            ledger.wallet(request.wallet_set_id, request.exchange, pair.base),
            ledger.wallet(request.wallet_set_id, request.exchange, pair.quote),
            size if buying else -size,
            -notional if buying else notional,
            fee,
            LEDGER.subtract(order.hold, hold),
            order.id,
            trade_id,
            fill.time,
        )
        if fill.ext_id:
            self._trade_ids[order.id].add(fill.ext_id)
        self._last_trade_id = trade_id
        trade = Trade(
            trade_id,
            order.id,
            fill.ext_id,
            fill.price,
            fill.size,
            fee,
            fill.maker,
            fill.time,
        )
        ledger.changes.append(TradeMade(trade, changed))
        if self.guard is not None:
            self.guard.traded(trade, changed)
        if self.unknown:
            self.unknown.pop(order.id, None)
        self._change(changed)

    def _finish(self, order: Order, reason: DoneReason, message: str, time: UtcNs) -> None:
        if (reason is DoneReason.FILLED) != (order.remaining == 0):
            raise LedgerBreach(
                f"order {order.id} is reported {reason} with {order.remaining} lots open"
            )
        if order.hold:
            currency = order.hold_currency
            wallet = self.ledger.wallet(
                order.request.wallet_set_id, order.request.exchange, currency
            )
            self.ledger.release(wallet, order.hold, order.id, time)
        done = replace(
            order,
            status=OrderStatus.DONE,
            done_reason=reason,
            message=message,
            done_at=time,
            last_updated_at=time,
            hold=ZERO,
        )
        del self.orders[order.id]
        self.unknown.pop(order.id, None)
        self._cancelled.discard(order.id)
        self._done[order.id] = done
        self._done_ids.append(order.id)
        self.ledger.changes.append(OrderChanged(done))
        if len(self._done_ids) > _DONE_KEPT:
            self._forget(self._done.pop(self._done_ids.popleft()))

    def _change(self, order: Order) -> None:
        assert order.id in self.orders  # a done order never changes
        self.orders[order.id] = order
        self.ledger.changes.append(OrderChanged(order))

    def _register(self, order: Order) -> None:
        request = order.request
        self.orders[order.id] = order
        self._ids_by_run[request.run_id, request.client_oid] = order.id
        self._ids_by_exchange[request.exchange, request.client_oid] = order.id

    def _forget(self, order: Order) -> None:
        request = order.request
        self._trade_ids.pop(order.id, None)
        del self._ids_by_run[request.run_id, request.client_oid]
        place = (request.exchange, request.client_oid)
        if self._ids_by_exchange[place] == order.id:
            del self._ids_by_exchange[place]

    def _known(self, order_id: int | None) -> Order | None:
        if order_id is None:
            return None
        return self.orders.get(order_id) or self._done.get(order_id)


def _opened(order: Order, time: UtcNs) -> Order:
    return replace(
        order, status=OrderStatus.OPEN, message="", exchange_at=time, last_updated_at=time
    )


def _read_amounts(request: OrderRequest, pair: Pair) -> tuple[Lots, Ticks | None]:
    if request.size <= 0:
        raise InvalidAmount("size must be positive", field="size")
    lots = pair.to_lots(request.size)
    if request.funds is not None:
        if request.type.has_limit or request.side is Side.SELL:
            raise ApiUsageError("only a market buy can be bounded by funds", field="funds")
        if request.funds <= 0:
            raise InvalidAmount("funds must be positive", field="funds")
    if not request.type.has_limit:
        if request.limit is not None:
            raise ApiUsageError("a market order has no limit", field="limit")
        return lots, None
    if request.limit is None:
        raise ApiUsageError(f"an order of type {request.type} needs a limit", field="limit")
    if request.limit <= 0:
        raise InvalidAmount("limit must be positive", field="limit")
    return lots, pair.to_ticks(request.limit)


def _limit_buy_need(
    order: Order, limit: Ticks, lots: int, fee: Decimal, fee_exact: Decimal
) -> Decimal:
    """Return what so many lots more of a limit buy may cost, fee rounding included.

    ``fee`` and ``fee_exact`` are what was charged so far.
    """
    if not lots:
        return ZERO
    notional = order.pair.notional(limit * lots)
    worst = _add(fee_exact, LEDGER.multiply(notional, order.fees.worst))
    return _add(notional, LEDGER.subtract(round_fee(worst), fee))
