"""The double-entry ledger: who owns how much of what each exchange holds.

Everything at an exchange is in its wallets of the ``exchange`` set. The same funds are split
between the ``unallocated`` set, the logical sets of runs and the ``suspense`` set, so that at any
time and per currency Σ logical + unallocated + suspense = exchange. Holds exist on the splitting
side only.

Balances are running sums in the wallets; the lines behind them leave as changes and are not kept.
"""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from functools import reduce
from typing import Final

import msgspec

from exchange_wrapper.accounts import (
    EXCHANGE_SET,
    UNALLOCATED_SET,
    Line,
    Reason,
    SetType,
    Wallet,
    WalletSet,
    balances,
)
from exchange_wrapper.changes import Change, LinePosted, SetChanged, WalletOpened
from exchange_wrapper.errors import (
    ApiUsageError,
    BadWalletConfig,
    InsufficientFunds,
    LedgerBreach,
    UnknownName,
)
from exchange_wrapper.ledger_audit import faults, line_faults
from exchange_wrapper.numbers import LEDGER, ZERO, format_amount
from exchange_wrapper.times import UtcNs

__all__ = [
    "EXCHANGE_SET",
    "UNALLOCATED_SET",
    "Ledger",
    "Line",
    "Reason",
    "SetType",
    "Wallet",
    "WalletSet",
    "balances",
]

_add: Final = LEDGER.add  # fewer look-ups, felt in the lines of each order
_FILL: Final = Reason.FILL
_FEE: Final = Reason.FEE


class Ledger:
    """Wallet sets, wallets and the rules by which funds move between them.

    Attributes
    ----------
    sets : dict of int to WalletSet
    wallets : dict of int to Wallet
    changes : list of Change
        What happened since it was last drained, in order.
    """

    def __init__(self) -> None:
        self.sets: dict[int, WalletSet] = {}
        self.wallets: dict[int, Wallet] = {}
        self.changes: list[Change] = []
        self._by_place: dict[tuple[int, str, str], Wallet] = {}
        self._by_set: dict[int, list[Wallet]] = defaultdict(list)
        self._holds: dict[tuple[int, int], Decimal] = {}  # net by (wallet id, order id), never 0
        self._suspense: dict[tuple[str, str], Wallet] = {}
        self._last_set_id = UNALLOCATED_SET
        self._last_wallet_id = 0
        self._last_line_id = 0
        self._change_set(WalletSet(EXCHANGE_SET, SetType.EXCHANGE, "", "exchange", True, UtcNs(0)))
        self._change_set(
            WalletSet(UNALLOCATED_SET, SetType.UNALLOCATED, "", "unallocated", True, UtcNs(0))
        )

    def restore(
        self,
        sets: Iterable[WalletSet],
        wallets: Iterable[Wallet],
        holds: Iterable[tuple[int, int, Decimal]],
        last_line_id: int,
    ) -> None:
        """Take over a stored state; nothing of it becomes a change.

        Parameters
        ----------
        holds : iterable of (wallet id, order id, net amount)
            The holds of open orders; a debit is negative. ``audit`` compares them with the wallets.
        last_line_id : int
            Lines made from now on have higher ids.
        """
        self.changes.clear()
        self.sets.update((wallet_set.id, wallet_set) for wallet_set in sets)
        for wallet in wallets:
            self._add_wallet(wallet)
        self._holds.update(((wallet, order), net) for wallet, order, net in holds if net)
        self._last_set_id = max(self.sets)
        self._last_wallet_id = max(self.wallets, default=0)
        self._last_line_id = last_line_id

    def open_exchange(self, exchange: str, currencies: Iterable[str]) -> None:
        """Make an exchange and its currencies known, with empty wallets where there are none."""
        for currency in currencies:
            for set_id in (EXCHANGE_SET, UNALLOCATED_SET):
                if (set_id, exchange, currency) not in self._by_place:
                    self._open(set_id, exchange, currency)

    # Wallet sets

    def create_set(
        self,
        run_id: str,
        allocations: Iterable[tuple[str, str, Decimal]],
        now: UtcNs,
        description: str = "",
    ) -> WalletSet:
        """Create a logical set and fund it from what is unallocated.

        Parameters
        ----------
        allocations : iterable of (exchange, currency, amount)
            Each exchange and currency at most once; amounts ≥ 0.

        Raises
        ------
        BadWalletConfig
            An unknown exchange or currency, one named twice, or a negative amount.
        InsufficientFunds
            Less than that is unallocated. Nothing is created.
        """
        self.require_movable(UNALLOCATED_SET)
        wanted: dict[tuple[str, str], Decimal] = {}
        for exchange, currency, amount in allocations:
            source = self._unallocated(exchange, currency)
            if (exchange, currency) in wanted:
                raise BadWalletConfig(f"{currency} at {exchange} is named twice")
            if amount < 0:
                raise BadWalletConfig(
                    f"the allocation of {currency} at {exchange} can't be negative: "
                    f"{format_amount(amount)}"
                )
            self._require(source, amount)
            wanted[exchange, currency] = amount
        self._last_set_id += 1
        created = WalletSet(self._last_set_id, SetType.LOGICAL, run_id, description, True, now)
        self._change_set(created)
        for (exchange, currency), amount in wanted.items():
            self._open(created.id, exchange, currency)
            self.allocate(created.id, exchange, currency, amount, now)
        return created

    def allocate(
        self, set_id: int, exchange: str, currency: str, movement: Decimal, now: UtcNs
    ) -> Wallet:
        """Move unallocated funds into a logical set, or back where ``movement`` is negative.

        Raises
        ------
        UnknownName, ApiUsageError
            There is no such logical set, or it is not active, or one of the two is frozen.
        BadWalletConfig
            An unknown exchange or currency.
        InsufficientFunds
            The side that gives has less than that available.
        """
        self.active_set(set_id, SetType.LOGICAL)
        self.require_movable(set_id)
        self.require_movable(UNALLOCATED_SET)
        pool = self._unallocated(exchange, currency)
        wallet = self._by_place.get((set_id, exchange, currency))
        if movement < 0:
            self._require(wallet or Wallet(0, set_id, exchange, currency), -movement)
        else:
            self._require(pool, movement)
        wallet = wallet or self._open(set_id, exchange, currency)
        if movement:
            wallet.allocation = LEDGER.add(wallet.allocation, movement)
            self._post(pool, -movement, None, Reason.ALLOCATION, now)
            self._post(wallet, movement, None, Reason.ALLOCATION, now)
        return wallet

    def deactivate(self, set_id: int, now: UtcNs) -> WalletSet:
        """Return all funds of a logical set to the unallocated ones and close it.

        Raises
        ------
        UnknownName, ApiUsageError
            There is no such logical set, it is not active or frozen, or orders still hold funds
            of it.
        """
        wallet_set = self.active_set(set_id, SetType.LOGICAL)
        self.require_movable(set_id)
        self.require_movable(UNALLOCATED_SET)
        wallets = self.wallets_of(set_id)
        if any(wallet.hold for wallet in wallets):
            raise ApiUsageError(
                f"wallet set {set_id} has funds on hold for open orders: cancel them first"
            )
        for wallet in wallets:
            self.allocate(set_id, wallet.exchange, wallet.currency, -wallet.settled, now)
        closed = msgspec.structs.replace(wallet_set, active=False, closing=False)
        self._change_set(closed)
        return closed

    def mark_closing(self, set_id: int) -> WalletSet:
        """Say that a logical set is to be deactivated once its orders are gone."""
        closing = msgspec.structs.replace(self.active_set(set_id, SetType.LOGICAL), closing=True)
        self._change_set(closing)
        return closing

    def set_frozen(self, set_id: int | None, reason: str) -> WalletSet:
        """Freeze a set for a reason, or let its funds move again where that is empty."""
        wallet_set = self.active_set(set_id)
        if wallet_set.frozen != reason:
            wallet_set = msgspec.structs.replace(wallet_set, frozen=reason)
            self._change_set(wallet_set)
        return wallet_set

    def active_set(self, set_id: int | None, *types: SetType) -> WalletSet:
        """Return the active set of this id, the unallocated set for None.

        Raises
        ------
        UnknownName
            There is no set of this id.
        ApiUsageError
            It is not active, or of another type than the ones given.
        """
        wallet_set = self.sets.get(UNALLOCATED_SET if set_id is None else set_id)
        if wallet_set is None:
            raise UnknownName(f"there is no wallet set {set_id}", field="wallet_set_id")
        if not wallet_set.active:
            raise ApiUsageError(f"wallet set {set_id} is not active", field="wallet_set_id")
        if types and wallet_set.type not in types:
            raise ApiUsageError(
                f"wallet set {wallet_set.id} is of type {wallet_set.type}, "
                f"not {' or '.join(types)}",
                field="wallet_set_id",
            )
        return wallet_set

    def require_movable(self, set_id: int) -> None:
        """Raise ``ApiUsageError`` if a set is frozen."""
        wallet_set = self.sets[set_id]
        if wallet_set.frozen:
            raise ApiUsageError(
                f"wallet set {set_id} is frozen: {wallet_set.frozen}", field="wallet_set_id"
            )

    # Wallets

    def wallets_of(self, set_id: int | None) -> list[Wallet]:
        """Return the wallets of a set, the unallocated set for None."""
        wanted = UNALLOCATED_SET if set_id is None else set_id
        return list(self._by_set.get(wanted, ()))

    def wallet(self, set_id: int | None, exchange: str, currency: str) -> Wallet:
        """Return a wallet of a set, of the unallocated set for None.

        Raises
        ------
        UnknownName
            The set has no such wallet.
        """
        wallet = self._by_place.get(
            (UNALLOCATED_SET if set_id is None else set_id, exchange, currency)
        )
        if wallet is None:
            place = "the unallocated funds have" if set_id is None else f"wallet set {set_id} has"
            raise UnknownName(f"{place} no {currency} at {exchange}", field="currency")
        return wallet

    def find_wallet(self, set_id: int | None, exchange: str, currency: str) -> Wallet | None:
        """Return a wallet of a set, of the unallocated set for None, or None if it has none."""
        place = (UNALLOCATED_SET if set_id is None else set_id, exchange, currency)
        return self._by_place.get(place)

    def ensure_wallet(self, set_id: int | None, exchange: str, currency: str) -> Wallet:
        """Return a wallet of a set, opened empty if there is none.

        Raises
        ------
        BadWalletConfig
            An unknown exchange or currency.
        """
        wallet = self._by_place.get(
            (UNALLOCATED_SET if set_id is None else set_id, exchange, currency)
        )
        if wallet is None:
            self._unallocated(exchange, currency)
            assert set_id is not None  # a known currency has an unallocated wallet
            wallet = self._open(set_id, exchange, currency)
        return wallet

    def deposit(
        self,
        exchange: str,
        currency: str,
        movement: Decimal,
        now: UtcNs,
        wallet_id: int | None = None,
        reason: Reason = Reason.VIRTUAL,
    ) -> Wallet:
        """Add funds to an exchange, or take some away where ``movement`` is negative.

        Parameters
        ----------
        wallet_id : int, optional
            The wallet that gets or gives them; the unallocated one by default.
        reason : Reason
            ``VIRTUAL`` on paper; ``OPENING`` for what a live exchange holds from the start.

        Raises
        ------
        UnknownName, BadWalletConfig, ApiUsageError
            The wallet, exchange or currency is unknown, they don't fit each other, or the wallet
            is not of an active set that funds can be in.
        InsufficientFunds
            The wallet has less than that available.
        """
        wallet = self._unallocated(exchange, currency)
        if wallet_id is not None:
            if wallet_id not in self.wallets:
                raise UnknownName(f"there is no wallet {wallet_id}", field="wallet_id")
            wallet = self.wallets[wallet_id]
            if (wallet.exchange, wallet.currency) != (exchange, currency):
                raise BadWalletConfig(
                    f"wallet {wallet_id} is for {wallet.currency} at {wallet.exchange}, "
                    f"not for {currency} at {exchange}"
                )
            self.active_set(wallet.set_id, SetType.LOGICAL, SetType.UNALLOCATED)
        self.require_movable(wallet.set_id)
        if movement < 0:
            self._require(wallet, -movement)
        if movement:
            self.settle(wallet, movement, None, reason, now)
        return wallet

    # Orders

    def hold(self, wallet: Wallet, amount: Decimal, order_id: int, now: UtcNs) -> None:
        """Put ``amount`` > 0 of a wallet on hold for an order.

        Raises
        ------
        InsufficientFunds
            Less than that is available.
        """
        self._require(wallet, amount)
        self._post_hold(wallet, -amount, order_id, now)

    def release(self, wallet: Wallet, amount: Decimal, order_id: int, now: UtcNs) -> None:
        """Free ``amount`` > 0 of what is on hold for an order.

        Raises
        ------
        LedgerBreach
            Less than that is on hold for it.
        """
        held = self._holds.get((wallet.id, order_id), ZERO)
        if _add(held, amount) > ZERO:
            raise LedgerBreach(
                f"order {order_id} releases {format_amount(amount)} {wallet.currency} "
                f"of {format_amount(-held)} on hold"
            )
        self._post_hold(wallet, amount, order_id, now)

    def expect(self, wallet: Wallet, amount: Decimal, order_id: int, now: UtcNs) -> None:
        """Put a credit on hold: it counts in the balance, but is not available.

        A negative ``amount`` takes it back, before the credit settles or because it won't.

        Raises
        ------
        LedgerBreach
            More is taken back than was expected.
        """
        held = self.held_for(wallet, order_id)
        if amount < -held:
            raise LedgerBreach(
                f"order {order_id} takes back {format_amount(-amount)} {wallet.currency} "
                f"of {format_amount(held)} expected"
            )
        self._post_hold(wallet, amount, order_id, now)

    def held_for(self, wallet: Wallet, order_id: int) -> Decimal:
        """Return the net of what is on hold for an order: a debit is negative."""
        return self._holds.get((wallet.id, order_id), ZERO)

    def settle(
        self, wallet: Wallet, movement: Decimal, order_id: int | None, reason: Reason, now: UtcNs
    ) -> None:
        """Move funds in or out of a wallet and of the exchange that holds them.

        Raises
        ------
        LedgerBreach
            A debit of more than is available. Release what was held for it before.
        """
        mirror = self._by_place[EXCHANGE_SET, wallet.exchange, wallet.currency]
        settled, mirrored = _add(wallet.settled, movement), _add(mirror.settled, movement)
        if movement < ZERO:
            if _add(settled, wallet.held_debit) < ZERO:
                raise _unpayable(wallet, movement)
            if mirrored < ZERO:
                raise _unpayable(mirror, movement)
        wallet.settled, mirror.settled = settled, mirrored
        line_id, post = self._last_line_id, self.changes.append
        self._last_line_id = line_id + 2
        line = Line(line_id + 1, wallet.id, movement, False, order_id, reason, now)
        post(LinePosted(line, wallet))
        line = Line(line_id + 2, mirror.id, movement, False, order_id, reason, now)
        post(LinePosted(line, mirror))

    def fill(
        self,
        base: Wallet,
        quote: Wallet,
        size: Decimal,
        notional: Decimal,
        fee: Decimal,
        freed: Decimal,
        order_id: int,
        now: UtcNs,
    ) -> None:
        """Book a trade of an order: free funds that it holds, move both currencies, charge the fee.

        Parameters
        ----------
        size, notional : Decimal
            Movement of base, and of quote before the fee; the one below zero pays for the other.
        fee : Decimal
            In quote; a rebate is negative.
        freed : Decimal
            How much less is on hold for the order, in the currency that pays, ≥ 0.

        Raises
        ------
        LedgerBreach
            Less than that is on hold, or a wallet pays more than it then has available. Nothing
            is booked.
        """
        paid, paying, got, earned = base, size, quote, notional
        if size > ZERO:
            paid, paying, got, earned = quote, notional, base, size
        mark = len(self.changes)
        if freed:
            self.release(paid, freed, order_id, now)
        moves = [(paid, paying, _FILL), (got, earned, _FILL)]
        if fee:
            moves.append((quote, -fee, _FEE))
        try:
            for wallet, movement, reason in moves:
                self.settle(wallet, movement, order_id, reason, now)
        except LedgerBreach:
            self._roll_back(mark)
            raise

    # Differences between a venue's balances and ours

    def book_difference(self, exchange: str, currency: str, movement: Decimal, now: UtcNs) -> None:
        """Book what a venue has more (or, below zero, less) than our wallets as in suspense.

        Raises
        ------
        BadWalletConfig
            An unknown exchange or currency.
        """
        self._unallocated(exchange, currency)
        wallet = self._suspense.get((exchange, currency))
        if wallet is None:
            wallet = self._open(self._suspense_set(now), exchange, currency)
        mirror = self._by_place[EXCHANGE_SET, exchange, currency]
        for side in (wallet, mirror):
            side.settled = LEDGER.add(side.settled, movement)
            self._add_line(side, movement, False, None, Reason.DIFFERENCE, now)

    def in_suspense(self, exchange: str, currency: str) -> Decimal:
        """Return what is in suspense of a currency at an exchange; below zero if it lacks."""
        wallet = self._suspense.get((exchange, currency))
        return ZERO if wallet is None else wallet.settled

    def acknowledge(self, exchange: str, currency: str, now: UtcNs) -> Decimal:
        """Move what is in suspense to the unallocated funds, which pay for it below zero.

        Returns
        -------
        Decimal
            What was moved; 0 if nothing was in suspense.

        Raises
        ------
        BadWalletConfig
            An unknown exchange or currency.
        InsufficientFunds
            The unallocated funds can't pay for what lacks.
        """
        pool = self._unallocated(exchange, currency)
        amount = self.in_suspense(exchange, currency)
        if amount:
            if amount < 0:
                self._require(pool, -amount)
            wallet = self._suspense[exchange, currency]
            wallet.settled = ZERO
            self._add_line(wallet, -amount, False, None, Reason.DIFFERENCE, now)
            self._post(pool, amount, None, Reason.DIFFERENCE, now)
        return amount

    # Checks

    def audit(self, lines: Iterable[Line] | None = None) -> list[str]:
        """Check every invariant and return one sentence for each that does not hold.

        Parameters
        ----------
        lines : iterable of Line, optional
            All lines ever posted; each wallet is then also compared with the sum of its own.
        """
        return [sentence for _, sentence in self.faults(lines)]

    def faults(self, lines: Iterable[Line] | None = None) -> list[tuple[Wallet | None, str]]:
        """Return what ``audit`` does, each with the wallet that it is of, None for no known one."""
        found: list[tuple[Wallet | None, str]] = []
        found.extend(faults(self.sets, self.wallets, self._holds))
        if lines is not None:
            found.extend(line_faults(self.wallets, lines))
        return found

    def recount(self, wallet: Wallet, lines: Iterable[Line]) -> None:
        """Take a stored wallet's figures from all lines and the holds of open orders.

        Lines are facts, so the others' figures go on to add up; nothing of it becomes a change.
        """
        wallet.settled = ZERO
        for line in lines:
            if line.wallet_id == wallet.id and not line.on_hold:
                wallet.settled = _add(wallet.settled, line.movement)
        nets = [net for (wallet_id, _), net in self._holds.items() if wallet_id == wallet.id]
        wallet.held_debit = reduce(LEDGER.add, [min(net, ZERO) for net in nets], ZERO)
        wallet.held_credit = reduce(LEDGER.add, [max(net, ZERO) for net in nets], ZERO)

    def breaches(self) -> dict[int, str]:
        """Return the ids of the sets whose funds can't be trusted, each with one reason.

        Where an exchange's own wallet does not add up, that is every set with such funds there.
        """
        found: dict[int, str] = {}
        for wallet, sentence in faults(self.sets, self.wallets, self._holds):
            if wallet.set_id != EXCHANGE_SET:
                found.setdefault(wallet.set_id, sentence)
                continue
            for other in self.wallets.values():
                if (other.exchange, other.currency) == (wallet.exchange, wallet.currency) and (
                    other.set_id != EXCHANGE_SET and other.settled
                ):
                    found.setdefault(other.set_id, sentence)
        return found

    # Below is everything that changes state.

    def _roll_back(self, mark: int) -> None:
        """Take back the lines that were posted since ``changes`` had ``mark`` members."""
        for change in reversed(self.changes[mark:]):
            assert isinstance(change, LinePosted)
            line, wallet = change.line, change.wallet
            if line.on_hold:
                assert line.order_id is not None
                self._post_hold(wallet, -line.movement, line.order_id, line.date)
            else:
                wallet.settled = LEDGER.subtract(wallet.settled, line.movement)
        del self.changes[mark:]

    def _open(self, set_id: int, exchange: str, currency: str) -> Wallet:
        self._last_wallet_id += 1
        wallet = Wallet(self._last_wallet_id, set_id, exchange, currency)
        self._add_wallet(wallet)
        self.changes.append(WalletOpened(wallet))
        return wallet

    def _add_wallet(self, wallet: Wallet) -> None:
        place = wallet.exchange, wallet.currency
        self.wallets[wallet.id] = wallet
        self._by_place[wallet.set_id, *place] = wallet
        self._by_set[wallet.set_id].append(wallet)
        wallet_set = self.sets.get(wallet.set_id)
        if wallet_set is not None and wallet_set.type is SetType.SUSPENSE:
            self._suspense[place] = wallet

    def _suspense_set(self, now: UtcNs) -> int:
        for wallet_set in self.sets.values():
            if wallet_set.type is SetType.SUSPENSE:
                return wallet_set.id
        self._last_set_id += 1
        self._change_set(WalletSet(self._last_set_id, SetType.SUSPENSE, "", "suspense", True, now))
        return self._last_set_id

    def _change_set(self, wallet_set: WalletSet) -> None:
        self.sets[wallet_set.id] = wallet_set
        self.changes.append(SetChanged(wallet_set))

    def _post(
        self, wallet: Wallet, movement: Decimal, order_id: int | None, reason: Reason, now: UtcNs
    ) -> None:
        settled = _add(wallet.settled, movement)
        if movement < ZERO and _add(settled, wallet.held_debit) < ZERO:
            raise _unpayable(wallet, movement)
        wallet.settled = settled
        self._last_line_id += 1
        line = Line(self._last_line_id, wallet.id, movement, False, order_id, reason, now)
        self.changes.append(LinePosted(line, wallet))

    def _post_hold(self, wallet: Wallet, movement: Decimal, order_id: int, now: UtcNs) -> None:
        key = (wallet.id, order_id)
        before = self._holds.get(key, ZERO)
        after = _add(before, movement)
        if after:
            self._holds[key] = after
        else:
            self._holds.pop(key, None)
        if before <= ZERO and after <= ZERO:
            wallet.held_debit = _add(wallet.held_debit, movement)
        elif before >= ZERO and after >= ZERO:
            wallet.held_credit = _add(wallet.held_credit, movement)
        else:  # the net changes sides: all of it leaves one and the rest joins the other
            debit, credit = (-before, after) if after > 0 else (after, -before)
            wallet.held_debit = LEDGER.add(wallet.held_debit, debit)
            wallet.held_credit = LEDGER.add(wallet.held_credit, credit)
        self._add_line(wallet, movement, True, order_id, Reason.ORDER, now)

    def _add_line(
        self,
        wallet: Wallet,
        movement: Decimal,
        on_hold: bool,
        order_id: int | None,
        reason: Reason,
        now: UtcNs,
    ) -> None:
        self._last_line_id += 1
        line = Line(self._last_line_id, wallet.id, movement, on_hold, order_id, reason, now)
        self.changes.append(LinePosted(line, wallet))

    def _unallocated(self, exchange: str, currency: str) -> Wallet:
        wallet = self._by_place.get((UNALLOCATED_SET, exchange, currency))
        if wallet is None:
            raise BadWalletConfig(f"{currency} at {exchange} is not a known wallet")
        return wallet

    def _require(self, wallet: Wallet, amount: Decimal) -> None:
        if amount > wallet.available:
            place = (
                "unallocated"
                if wallet.set_id == UNALLOCATED_SET
                else f"available in wallet set {wallet.set_id}"
            )
            raise InsufficientFunds(
                f"{format_amount(amount)} {wallet.currency} at {wallet.exchange} is needed "
                f"but only {format_amount(wallet.available)} is {place}",
                needed=format_amount(amount),
                available=format_amount(wallet.available),
            )


def _unpayable(wallet: Wallet, movement: Decimal) -> LedgerBreach:
    return LedgerBreach(
        f"wallet {wallet.id} ({wallet.currency} at {wallet.exchange}) can't pay "
        f"{format_amount(-movement)}: {format_amount(wallet.available)} is available"
    )
