"""What stops trading: frozen wallet sets, differences, unknown orders, limits and the kill switch.

The control stands between a running service and its desk. It lets no order pass that would add risk
where something is wrong, and cancels what has to go. A backtest has none.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from exchange_wrapper.accounts import EXCHANGE_SET, UNALLOCATED_SET, Reason, SetType, WalletSet
from exchange_wrapper.changes import IncidentHappened
from exchange_wrapper.desk import Desk
from exchange_wrapper.errors import ApiUsageError, LedgerBreach, OrderRejected, UnknownName
from exchange_wrapper.execution import Execution, Filled, Finished
from exchange_wrapper.incidents import Incident, IncidentKind
from exchange_wrapper.kill_switch import EVERYTHING, KillLevel, KillSwitch
from exchange_wrapper.limits import PreTradeLimits
from exchange_wrapper.numbers import ZERO, Lots, format_amount
from exchange_wrapper.orders import Order, OrderRequest, Trade
from exchange_wrapper.pair import Pair
from exchange_wrapper.reconciliation import Reconciliation
from exchange_wrapper.terms import DoneReason, OrderType, Side
from exchange_wrapper.times import UtcNs

__all__ = ["FLATTEN_RUN", "Control"]

FLATTEN_RUN: Final = "kill-switch"
"""The ``run_id`` of the orders that flatten wallet sets."""


class Control:
    """Guard of a desk.

    Parameters
    ----------
    desk : Desk
        Its guard is this from now on.
    limits : PreTradeLimits
    incidents : iterable of Incident
        All that are stored, oldest first: the kill switch is as they left it, and what was
        recorded as external or opened is not recorded again.

    Attributes
    ----------
    kill_switch : KillSwitch
    """

    def __init__(
        self, desk: Desk, limits: PreTradeLimits, incidents: Iterable[Incident] = ()
    ) -> None:
        self.desk = desk
        self.kill_switch = KillSwitch()
        self._limits = limits
        self._reconciliations: dict[str, Reconciliation] = {}
        self._external: set[tuple[IncidentKind, str, str]] = set()
        self._opened: set[tuple[str, str]] = set()
        self._closing = {each.id for each in desk.ledger.sets.values() if each.closing}
        self._expired: set[int] = set()
        self._flattening = False
        for incident in incidents:
            if incident.kind is IncidentKind.KILL_SWITCH:
                self.kill_switch.set(incident.subject, KillLevel(incident.text))
            elif incident.kind is IncidentKind.OPENED:
                self._opened.add((incident.exchange, incident.subject))
            else:
                self._external.add((incident.kind, incident.exchange, incident.subject))
        desk.guard = self

    # The desk's guard

    def check(self, request: OrderRequest, pair: Pair, notional: Decimal, now: UtcNs) -> None:
        """Refuse an order that may not be made now.

        Raises
        ------
        OrderRejected
            The message says what stands against it.
        """
        exchange, set_id = request.exchange, _owner(request)
        if set_id in self._closing:
            raise OrderRejected(f"wallet set {set_id} is being deactivated")
        for order in self.desk.unknown.values():
            if _owner(order.request) == set_id:
                raise OrderRejected(
                    f"wallet set {set_id} makes no new orders until {order.request.exchange} has "
                    f"said what became of its order {order.request.client_oid!r}"
                )
        for currency in (pair.base, pair.quote):
            difference = self.desk.ledger.in_suspense(exchange, currency)
            if difference:
                raise OrderRejected(
                    f"{exchange} reports {format_amount(abs(difference))} {currency} "
                    f"{'more' if difference > 0 else 'less'} than the wallets there have: "
                    "acknowledge it first"
                )
        if self._flattening:
            return
        if self.kill_switch.level(exchange, set_id) is not KillLevel.OFF:
            raise OrderRejected(self.kill_switch.why(exchange, set_id))
        self._limits.check(request, pair.quote, notional, self.desk.orders.values(), now)

    def made(self, order: Order) -> None:
        """Count an order."""
        self._limits.made(order.request, order.created_at)

    def traded(self, trade: Trade, order: Order) -> None:
        """Count a trade."""
        self._limits.traded(trade, order)

    # What exchanges report

    def receive(self, exchange: str, executions: Iterable[Execution], now: UtcNs) -> None:
        """Book what an exchange reports; a report that can't be booked freezes its wallet set."""
        for execution in executions:
            if isinstance(execution, Finished) and execution.order_id in self._expired:
                self._expired.remove(execution.order_id)
                if execution.reason is DoneReason.CANCELLED:
                    execution = replace(execution, reason=DoneReason.EXPIRED)
            try:
                self.desk.execute(exchange, [execution])
            except LedgerBreach as error:
                self._breach(exchange, execution, error, now)
        self._close_sets(now)

    def record_external(
        self, kind: IncidentKind, exchange: str, ext_id: str, text: str, now: UtcNs
    ) -> bool:
        """Record an order or fill at an exchange that xWrap did not make, once.

        Returns
        -------
        bool
            Whether it is new.
        """
        if (kind, exchange, ext_id) in self._external:
            return False
        self._external.add((kind, exchange, ext_id))
        self._record(Incident(kind, now, exchange, ext_id, text))
        return True

    def has_opened(self, exchange: str) -> bool:
        """Tell whether an exchange's own balances were ever taken over."""
        return any(name == exchange for name, _ in self._opened)

    def open_balances(self, exchange: str, reported: Mapping[str, Decimal], now: UtcNs) -> None:
        """Take over as unallocated what an exchange holds of currencies that are seen first.

        Whatever differs later is a matter of ``reconcile``.
        """
        for wallet in self.desk.ledger.wallets_of(EXCHANGE_SET):
            currency = wallet.currency
            if wallet.exchange != exchange or (exchange, currency) in self._opened:
                continue
            self._opened.add((exchange, currency))
            amount = reported.get(currency, ZERO)
            self.desk.ledger.deposit(exchange, currency, amount, now, reason=Reason.OPENING)
            text = f"{exchange} holds {format_amount(amount)} {currency} at the first look"
            self._record(Incident(IncidentKind.OPENED, now, exchange, currency, text))

    def reconcile(self, exchange: str, reported: Mapping[str, Decimal], now: UtcNs) -> bool:
        """Compare an exchange's balances with its wallets and book what differs as in suspense.

        Returns
        -------
        bool
            Whether everything adds up.
        """
        orders = [o for o in self.desk.orders.values() if o.request.exchange == exchange]
        busy = {currency for o in orders for currency in (o.pair.base, o.pair.quote)}
        known = self._reconciliations.setdefault(exchange, Reconciliation(exchange))
        found = known.compare(self.desk.ledger, reported, frozenset(busy))
        for each in found:
            self.desk.ledger.book_difference(exchange, each.currency, each.amount, now)
            text = (
                f"{exchange} reports {format_amount(each.reported)} {each.currency}, the wallets "
                f"there have {format_amount(each.expected)}: new orders with {each.currency} are "
                "refused until this is acknowledged"
            )
            self._record(Incident(IncidentKind.DIFFERENCE, now, exchange, each.currency, text))
        return not found

    def acknowledge(self, exchange: str, currency: str, by: str, note: str, now: UtcNs) -> Decimal:
        """Take what is in suspense of a currency as unallocated funds, or as their loss.

        Returns
        -------
        Decimal
            The amount; 0 if nothing was in suspense.

        Raises
        ------
        BadWalletConfig
            An unknown exchange or currency.
        InsufficientFunds
            The unallocated funds can't pay for what lacks.
        """
        amount = self.desk.ledger.acknowledge(exchange, currency, now)
        if amount:
            text = f"{format_amount(amount)} {currency} moved to the unallocated funds: {note}"
            self._record(Incident(IncidentKind.ACKNOWLEDGED, now, exchange, currency, text, by))
        return amount

    # Freezing

    def freeze(self, wallet_set_id: int | None, reason: str, now: UtcNs) -> None:
        """Stop a wallet set: its funds don't move any more, and its orders are cancelled."""
        set_id = UNALLOCATED_SET if wallet_set_id is None else wallet_set_id
        wallet_set = self.desk.ledger.sets[set_id]
        if wallet_set.active and not wallet_set.frozen:
            self.desk.ledger.set_frozen(set_id, reason)
            self._record(Incident(IncidentKind.BREACH, now, "", str(set_id), reason))
            self.enforce(now)

    def unfreeze(self, wallet_set_id: int, by: str, note: str, now: UtcNs) -> WalletSet:
        """Let a frozen wallet set go on.

        Raises
        ------
        UnknownName, ApiUsageError
            There is no such set, or its funds still do not add up.
        """
        wallet_set = self.desk.ledger.active_set(wallet_set_id)
        fault = self.desk.ledger.breaches().get(wallet_set_id)
        if fault is not None:
            raise ApiUsageError(f"wallet set {wallet_set_id} stays frozen: {fault}")
        if not wallet_set.frozen:
            return wallet_set
        self._record(Incident(IncidentKind.UNFROZEN, now, "", str(wallet_set_id), note, by))
        return self.desk.ledger.set_frozen(wallet_set_id, "")

    def audit(self, now: UtcNs) -> dict[int, str]:
        """Check the ledger, freeze the wallet sets that do not add up, and return why by id."""
        breaches = self.desk.ledger.breaches()
        for set_id, reason in breaches.items():
            self.freeze(set_id, reason, now)
        return breaches

    # Cancelling

    def cancel_all(
        self,
        now: UtcNs,
        *,
        run_id: str | None = None,
        exchange: str | None = None,
        wallet_set_id: int | None = None,
    ) -> list[Order]:
        """Ask for all open orders to be cancelled, or those of a run, an exchange or a wallet set.

        Returns
        -------
        list of Order
            Those that it was asked for, as they are now.
        """
        wanted = [
            order
            for order in self.desk.orders.values()
            if run_id in (None, order.request.run_id)
            and exchange in (None, order.request.exchange)
            and wallet_set_id in (None, _owner(order.request))
        ]
        cancelled = self._cancel(wanted, now)
        self._close_sets(now)
        return cancelled

    def deactivate(self, wallet_set_id: int, now: UtcNs, *, force: bool = False) -> WalletSet:
        """Close a wallet set and return its funds to the unallocated ones.

        Parameters
        ----------
        force : bool
            Cancel its open orders first; the set is closed once they are done.

        Raises
        ------
        UnknownName, ApiUsageError
            There is no such logical set, it is not active or frozen, or, without ``force``, has
            open orders.
        """
        ledger = self.desk.ledger
        ledger.active_set(wallet_set_id, SetType.LOGICAL)
        orders = self._orders_of(wallet_set_id)
        if not orders:
            return ledger.deactivate(wallet_set_id, now)
        if not force:
            raise ApiUsageError(
                f"wallet set {wallet_set_id} has {len(orders)} open orders: cancel them first, or "
                "deactivate it with force",
                field="force",
            )
        ledger.require_movable(wallet_set_id)
        ledger.mark_closing(wallet_set_id)
        self._closing.add(wallet_set_id)
        self._cancel(orders, now)
        self._close_sets(now)
        return ledger.sets[wallet_set_id]

    def kill(
        self, level: KillLevel, scope: str | None, now: UtcNs, by: str = ""
    ) -> dict[str, object]:
        """Set or release the kill switch; the same again changes nothing.

        A level stays until it is released by ``OFF``: a lower one does not take a higher one back.

        Parameters
        ----------
        scope : str or None
            A wallet set's id, an exchange's name, or None for everything.

        Returns
        -------
        dict
            ``{"scope", "level", "cancelling"}``: the level now, and how many of the scope's open
            orders await their cancellation.

        Raises
        ------
        UnknownName
            There is no such wallet set or exchange.
        """
        scope = scope or EVERYTHING
        if scope.isdecimal():
            self.desk.ledger.active_set(int(scope))
        elif scope and not self._has_exchange(scope):
            raise UnknownName(
                f"{scope!r} is neither an exchange that is loaded nor a wallet set", field="scope"
            )
        present = self.kill_switch.levels.get(scope, KillLevel.OFF)
        wanted = (
            level if level is KillLevel.OFF else max(level, present, key=lambda each: each.rank)
        )
        if self.kill_switch.set(scope, wanted):
            self._record(Incident(IncidentKind.KILL_SWITCH, now, "", scope, wanted.value, by))
        self.enforce(now)
        concerned = [
            order
            for order in self.desk.orders.values()
            if self.desk.is_cancelling(order)
            and scope in (EVERYTHING, order.request.exchange, str(_owner(order.request)))
        ]
        return {"scope": scope or None, "level": wanted.value, "cancelling": len(concerned)}

    def enforce(self, now: UtcNs) -> None:
        """Cancel and sell what has to go; to be called now and then, and after a restart."""
        self._cancel([order for order in self.desk.orders.values() if self._must_go(order)], now)
        for order in list(self.desk.orders.values()):
            expires_at = order.expires_at
            if expires_at is not None and expires_at <= now and self.desk.is_live(order):
                self._cancel([order], now)
                self._expired.add(order.id)
        self._close_sets(now)
        if KillLevel.FLATTEN in self.kill_switch.levels.values():
            for wallet_set in list(self.desk.ledger.sets.values()):
                if wallet_set.type is SetType.LOGICAL and wallet_set.active:
                    self._flatten(wallet_set, now)

    def state(self) -> dict[str, object]:
        """Return what stops trading now, in JSON-ready form."""
        ledger = self.desk.ledger
        return {
            "kill_switch": [
                {"scope": scope or None, "level": level.value}
                for scope, level in self.kill_switch.levels.items()
            ],
            "frozen": {str(each.id): each.frozen for each in ledger.sets.values() if each.frozen},
            "suspense": [
                {
                    "exchange": wallet.exchange,
                    "currency": wallet.currency,
                    "amount": format_amount(wallet.settled),
                }
                for wallet in ledger.wallets.values()
                if wallet.settled and ledger.sets[wallet.set_id].type is SetType.SUSPENSE
            ],
            "unknown_orders": sorted(self.desk.unknown),
        }

    # Below is how.

    def _must_go(self, order: Order) -> bool:
        set_id = _owner(order.request)
        if set_id in self._closing or self.desk.ledger.sets[set_id].frozen:
            return True
        if order.request.run_id == FLATTEN_RUN:
            return False
        level = self.kill_switch.level(order.request.exchange, set_id)
        return level.rank >= KillLevel.CANCEL.rank

    def _cancel(self, orders: Sequence[Order], now: UtcNs) -> list[Order]:
        # What is at an exchange that is not loaded yet is cancelled when it is.
        return [
            self.desk.cancel(order, now)
            for order in orders
            if self.desk.knows(order.request.exchange) and not self.desk.is_cancelling(order)
        ]

    def _orders_of(self, set_id: int) -> list[Order]:
        return [order for order in self.desk.orders.values() if _owner(order.request) == set_id]

    def _close_sets(self, now: UtcNs) -> None:
        ledger = self.desk.ledger
        for set_id in tuple(self._closing):
            if not self._orders_of(set_id) and not ledger.sets[set_id].frozen:
                self._closing.remove(set_id)
                ledger.deactivate(set_id, now)

    def _flatten(self, wallet_set: WalletSet, now: UtcNs) -> None:
        wallets = self.desk.ledger.wallets_of(wallet_set.id)
        for exchange in sorted({wallet.exchange for wallet in wallets}):
            level = self.kill_switch.level(exchange, wallet_set.id)
            if level is not KillLevel.FLATTEN or not self.desk.knows(exchange):
                continue
            if any(o.request.exchange == exchange for o in self._orders_of(wallet_set.id)):
                continue  # their cancellations, or the sales, are under way
            pairs = self.desk.pairs(exchange).values()
            bases = {pair.base for pair in pairs}
            own = {wallet.currency for wallet in wallets if wallet.exchange == exchange}
            for wallet in wallets:
                offers = [pair for pair in pairs if pair.base == wallet.currency]
                if wallet.exchange == exchange and wallet.available > 0 and offers:
                    # Into money rather than into what would be sold next, and into what it has.
                    pair = min(offers, key=lambda p: (p.quote in bases, p.quote not in own, str(p)))
                    self._sell(wallet_set.id, exchange, pair, wallet.available, now)

    def _sell(self, set_id: int, exchange: str, pair: Pair, size: Decimal, now: UtcNs) -> None:
        lots = pair.floor_lots(size if pair.max_order is None else min(size, pair.max_order))
        request = OrderRequest(
            FLATTEN_RUN, f"flatten-{set_id}-{exchange}-{pair}-{now}", exchange, pair.name(),
            OrderType.MARKET, Side.SELL, size, wallet_set_id=set_id,
        )  # fmt: skip
        self._flattening = True
        try:
            while lots:
                try:
                    self.desk.make_order(replace(request, size=pair.size(lots)), now)
                    return
                except OrderRejected:
                    lots = Lots(
                        lots // 2
                    )  # as much as the book takes; the rest when it is called again
        finally:
            self._flattening = False

    def _has_exchange(self, name: str) -> bool:
        # After a restart one that can't be reached yet is known by its wallets only.
        wallets = self.desk.ledger.wallets.values()
        return self.desk.knows(name) or any(wallet.exchange == name for wallet in wallets)

    def _breach(self, exchange: str, execution: Execution, error: LedgerBreach, now: UtcNs) -> None:
        order = self.desk.find(execution.order_id)
        if order is None or order.request.exchange != exchange:
            filled = isinstance(execution, Filled)
            kind = IncidentKind.EXTERNAL_FILL if filled else IncidentKind.EXTERNAL_ORDER
            ext_id = execution.ext_id if isinstance(execution, Filled) else ""
            self.record_external(
                kind, exchange, ext_id or str(execution.order_id), error.message, now
            )
            return
        if order.is_done and not (
            isinstance(execution, Filled) and not self.desk.has_trade(order, execution.ext_id)
        ):
            return  # a venue has repeated what it had said before
        self.freeze(order.request.wallet_set_id, error.message, now)

    def _record(self, incident: Incident) -> None:
        self.desk.ledger.changes.append(IncidentHappened(incident))


def _owner(request: OrderRequest) -> int:
    return UNALLOCATED_SET if request.wallet_set_id is None else request.wallet_set_id
