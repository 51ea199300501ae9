"""Double entry: wallets, the lines that move their funds, and what is on hold for orders.

What enters or leaves an exchange is booked twice: in the wallet that it is for, and in the
exchange's own wallet of that currency, its mirror. Holds are on the first side only. Who may move
what is decided in `ledger`.

Balances are running sums in the wallets; the lines behind them leave as changes and are not kept.
"""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from exchange_wrapper.accounts import EXCHANGE_SET, UNALLOCATED_SET, Line, Reason, Wallet
from exchange_wrapper.changes import Change, LinePosted, WalletOpened
from exchange_wrapper.errors import BadWalletConfig, InsufficientFunds, LedgerBreach, UnknownName
from exchange_wrapper.numbers import LEDGER, ZERO, format_amount
from exchange_wrapper.times import UtcNs

__all__ = ["DoubleEntry"]

_add: Final = LEDGER.add  # fewer look-ups, felt in the lines of each order
_FILL: Final = Reason.FILL
_FEE: Final = Reason.FEE


class DoubleEntry:
    """Wallets by exchange, currency and set, and everything that changes what is in them.

    Attributes
    ----------
    wallets : dict of int to Wallet
    changes : list of Change
        What happened since it was last drained, in order.
    """

    def __init__(self) -> None:
        self.wallets: dict[int, Wallet] = {}
        self.changes: list[Change] = []
        self._by_place: dict[tuple[int, str, str], Wallet] = {}
        self._by_set: dict[int, list[Wallet]] = defaultdict(list)
        self._holds: dict[tuple[int, int], Decimal] = {}  # net by (wallet id, order id), never 0
        self._last_wallet_id = 0
        self._last_line_id = 0

    def restore_wallets(
        self,
        wallets: Iterable[Wallet],
        holds: Iterable[tuple[int, int, Decimal]],
        last_line_id: int,
    ) -> None:
        """Take over stored wallets; nothing of it becomes a change.

        Parameters
        ----------
        holds : iterable of (wallet id, order id, net amount)
            The holds of open orders; a debit is negative.
        last_line_id : int
            Lines made from now on have higher ids.
        """
        for wallet in wallets:
            self._add_wallet(wallet)
        self._holds.update(((wallet, order), net) for wallet, order, net in holds if net)
        self._last_wallet_id = max(self.wallets, default=0)
        self._last_line_id = last_line_id

    def open_exchange(self, exchange: str, currencies: Iterable[str]) -> None:
        """Make an exchange and its currencies known, with empty wallets where there are none."""
        for currency in currencies:
            for set_id in (EXCHANGE_SET, UNALLOCATED_SET):
                if (set_id, exchange, currency) not in self._by_place:
                    self._open(set_id, exchange, currency)

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

    def release(
        self,
        wallet: Wallet,
        amount: Decimal,
        order_id: int,
        now: UtcNs,
        trade_id: int | None = None,
    ) -> None:
        """Free ``amount`` > 0 of what is on hold for an order, because of a trade or not.

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
        self._post_hold(wallet, amount, order_id, now, trade_id)

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
        self,
        wallet: Wallet,
        movement: Decimal,
        order_id: int | None,
        reason: Reason,
        now: UtcNs,
        trade_id: int | None = None,
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
        line = Line(
            line_id + 1, wallet.id, movement, False, order_id, reason, now, trade_id, settled
        )
        post(LinePosted(line, wallet))
        line = Line(
            line_id + 2, mirror.id, movement, False, order_id, reason, now, trade_id, mirrored
        )
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
        trade_id: int,
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
            self.release(paid, freed, order_id, now, trade_id)
        moves = [(paid, paying, _FILL), (got, earned, _FILL)]
        if fee:
            moves.append((quote, -fee, _FEE))
        try:
            for wallet, movement, reason in moves:
                self.settle(wallet, movement, order_id, reason, now, trade_id)
        except LedgerBreach:
            self._roll_back(mark)
            raise

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
        self.wallets[wallet.id] = wallet
        self._by_place[wallet.set_id, wallet.exchange, wallet.currency] = wallet
        self._by_set[wallet.set_id].append(wallet)

    def _post(
        self,
        wallet: Wallet,
        movement: Decimal,
        reason: Reason,
        now: UtcNs,
        *,
        may_lack: bool = False,
    ) -> None:
        """Move funds in or out of one wallet; below zero only where it ``may_lack`` them."""
        settled = _add(wallet.settled, movement)
        if movement < ZERO and not may_lack and _add(settled, wallet.held_debit) < ZERO:
            raise _unpayable(wallet, movement)
        wallet.settled = settled
        self._last_line_id = line_id = self._last_line_id + 1
        line = Line(line_id, wallet.id, movement, False, None, reason, now, None, settled)
        self.changes.append(LinePosted(line, wallet))

    def _post_hold(
        self,
        wallet: Wallet,
        movement: Decimal,
        order_id: int,
        now: UtcNs,
        trade_id: int | None = None,
    ) -> None:
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
        self._last_line_id = line_id = self._last_line_id + 1
        line = Line(
            line_id,
            wallet.id,
            movement,
            True,
            order_id,
            Reason.ORDER,
            now,
            trade_id,
            wallet.settled,
        )
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
