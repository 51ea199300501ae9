"""The ledger: who owns how much of what each exchange holds, and may do what with it.

Everything at an exchange is in its wallets of the ``exchange`` set. The same funds are split
between the ``unallocated`` set, the logical sets of runs and the ``suspense`` set, so that at any
time and per currency Σ logical + unallocated + suspense = exchange. Holds exist on the splitting
side only. How funds and holds are booked is in `double_entry`.
"""

from collections.abc import Iterable
from decimal import Decimal
from functools import reduce

import msgspec

from exchange_wrapper.accounts import (
    EXCHANGE_SET,
    UNALLOCATED_SET,
    Line,
    Reason,
    SetType,
    Wallet,
    WalletSet,
)
from exchange_wrapper.changes import SetChanged
from exchange_wrapper.double_entry import DoubleEntry
from exchange_wrapper.errors import ApiUsageError, BadWalletConfig, UnknownName
from exchange_wrapper.ledger_audit import faults, line_faults
from exchange_wrapper.numbers import LEDGER, ZERO, format_amount
from exchange_wrapper.times import UtcNs

__all__ = ["Ledger"]


class Ledger(DoubleEntry):
    """Wallet sets, their wallets, and the rules by which funds move between them.

    Attributes
    ----------
    sets : dict of int to WalletSet
    """

    def __init__(self) -> None:
        super().__init__()
        self.sets: dict[int, WalletSet] = {}
        self._suspense_set: int | None = None
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

        What the arguments are is said at ``restore_wallets``; ``audit`` compares them.
        """
        self.restore_wallets(wallets, holds, last_line_id)
        for wallet_set in sets:
            self._change_set(wallet_set)
        self.changes.clear()

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
        created = self._new_set(SetType.LOGICAL, run_id, description, now)
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
        wallet = self.find_wallet(set_id, exchange, currency)
        if movement < 0:
            self._require(wallet or Wallet(0, set_id, exchange, currency), -movement)
        else:
            self._require(pool, movement)
        wallet = wallet or self._open(set_id, exchange, currency)
        if movement:
            wallet.allocation = LEDGER.add(wallet.allocation, movement)
            self._post(pool, -movement, Reason.ALLOCATION, now)
            self._post(wallet, movement, Reason.ALLOCATION, now)
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

    # Differences between a venue's balances and ours

    def book_difference(self, exchange: str, currency: str, movement: Decimal, now: UtcNs) -> None:
        """Book what a venue has more (or, below zero, less) than our wallets as in suspense.

        Raises
        ------
        BadWalletConfig
            An unknown exchange or currency.
        """
        self._unallocated(exchange, currency)
        wallet = self._find_suspense(exchange, currency)
        if wallet is None:
            if self._suspense_set is None:
                self._new_set(SetType.SUSPENSE, "", "suspense", now)
            wallet = self.ensure_wallet(self._suspense_set, exchange, currency)
        for side in (wallet, self.wallet(EXCHANGE_SET, exchange, currency)):
            self._post(side, movement, Reason.DIFFERENCE, now, may_lack=True)

    def in_suspense(self, exchange: str, currency: str) -> Decimal:
        """Return what is in suspense of a currency at an exchange; below zero if it lacks."""
        wallet = self._find_suspense(exchange, currency)
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
        wallet = self._find_suspense(exchange, currency)
        if wallet is None or not wallet.settled:
            return ZERO
        amount = wallet.settled
        if amount < 0:
            self._require(pool, -amount)
        self._post(wallet, -amount, Reason.DIFFERENCE, now)
        self._post(pool, amount, Reason.DIFFERENCE, now)
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
                wallet.settled = LEDGER.add(wallet.settled, line.movement)
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

    def _new_set(self, type: SetType, run_id: str, description: str, now: UtcNs) -> WalletSet:
        created = WalletSet(max(self.sets) + 1, type, run_id, description, True, now)
        self._change_set(created)
        return created

    def _change_set(self, wallet_set: WalletSet) -> None:
        self.sets[wallet_set.id] = wallet_set
        if wallet_set.type is SetType.SUSPENSE:
            self._suspense_set = wallet_set.id
        self.changes.append(SetChanged(wallet_set))

    def _find_suspense(self, exchange: str, currency: str) -> Wallet | None:
        if self._suspense_set is None:
            return None
        return self.find_wallet(self._suspense_set, exchange, currency)
