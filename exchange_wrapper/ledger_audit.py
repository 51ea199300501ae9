"""Whether the ledger's wallets add up: one sentence for each invariant that does not hold."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from exchange_wrapper.accounts import EXCHANGE_SET, Line, SetType, Wallet, WalletSet, balances
from exchange_wrapper.numbers import LEDGER, ZERO, format_amount

__all__ = ["faults", "line_faults"]


def faults(
    sets: Mapping[int, WalletSet],
    wallets: Mapping[int, Wallet],
    holds: Mapping[tuple[int, int], Decimal],
) -> Iterator[tuple[Wallet, str]]:
    """Yield each wallet that breaks an invariant, with a sentence that says which.

    Parameters
    ----------
    holds : mapping of (wallet id, order id) to Decimal
        The net hold of each order.
    """
    split: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    held: dict[int, list[Decimal]] = defaultdict(list)
    for (wallet_id, _), net in holds.items():
        held[wallet_id].append(net)
    for wallet in wallets.values():
        if wallet.set_id != EXCHANGE_SET:
            place = wallet.exchange, wallet.currency
            split[place] = LEDGER.add(split[place], wallet.settled)
        for sentence in _own_faults(wallet, sets.get(wallet.set_id), held[wallet.id]):
            yield wallet, f"wallet {wallet.id} ({wallet.currency} at {wallet.exchange}) {sentence}"
    for wallet in wallets.values():
        place = wallet.exchange, wallet.currency
        if wallet.set_id == EXCHANGE_SET and wallet.settled != split[place]:
            yield (
                wallet,
                f"{wallet.exchange} has {format_amount(wallet.settled)} {wallet.currency}, its "
                f"wallets {format_amount(split[place])}",
            )


def line_faults(
    wallets: Mapping[int, Wallet], lines: Iterable[Line]
) -> Iterator[tuple[Wallet | None, str]]:
    """Compare each wallet with the sum of all lines ever posted to it; None is an unknown one."""
    by_wallet: dict[int, list[Line]] = defaultdict(list)
    for line in lines:
        by_wallet[line.wallet_id].append(line)
    for wallet_id in by_wallet.keys() - wallets.keys():
        yield None, f"there are lines of the unknown wallet {wallet_id}"
    for wallet in wallets.values():
        balance, available = balances(by_wallet[wallet.id])
        if (balance, available) != (wallet.balance, wallet.available):
            yield (
                wallet,
                f"wallet {wallet.id} ({wallet.currency} at {wallet.exchange}) has a balance of "
                f"{format_amount(wallet.balance)} and {format_amount(wallet.available)} "
                f"available, its lines {format_amount(balance)} and {format_amount(available)}",
            )


def _own_faults(
    wallet: Wallet, wallet_set: WalletSet | None, held: Iterable[Decimal]
) -> Iterator[str]:
    suspense = wallet_set is not None and wallet_set.type is SetType.SUSPENSE
    if wallet.available < 0 and not suspense:
        yield f"has {format_amount(wallet.available)} available"
    debit = credit = ZERO
    for net in held:
        debit, credit = LEDGER.add(debit, min(net, ZERO)), LEDGER.add(credit, max(net, ZERO))
    if (debit, credit) != (wallet.held_debit, wallet.held_credit):
        yield (
            f"has {format_amount(wallet.held_debit)} and {format_amount(wallet.held_credit)} on "
            f"hold, its orders {format_amount(debit)} and {format_amount(credit)}"
        )
    if wallet_set is None:
        yield f"is of the unknown wallet set {wallet.set_id}"
    elif not wallet_set.active and wallet.settled:
        yield "has funds in a closed wallet set"
