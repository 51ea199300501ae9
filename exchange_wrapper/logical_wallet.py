"""Wallet sets as they are shown: with totals, by currency, and what they are worth in USD."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Final

from exchange_wrapper.accounts import EXCHANGE_SET, UNALLOCATED_SET, SetType
from exchange_wrapper.errors import UnknownName
from exchange_wrapper.ledger import Ledger
from exchange_wrapper.numbers import LEDGER, format_amount, round_down
from exchange_wrapper.pricing import Pricing
from exchange_wrapper.times import SECOND, UtcNs
from exchange_wrapper.wallet import Wallet

__all__ = ["LogicalWalletManager"]

_USD_STEP: Final = Decimal("1E-8")


class LogicalWalletManager:
    """Describe the ledger's wallet sets.

    A set is ``{"timestamp", "id", "run_id", "type", "description", "active", "frozen", "closing",
    "wallets"}`` (``frozen`` is the reason, or None), a wallet ``{"id", "exchange", "currency",
    "allocation", "balance", "available", "hold", "present_value"}`` with amounts as decimal text;
    the values in USD are None where no book has a price. Sums over several wallets have no id, sums
    over exchanges no exchange.
    """

    def __init__(self, ledger: Ledger, pricing: Pricing, clock: Callable[[], UtcNs]) -> None:
        self._ledger = ledger
        self._pricing = pricing
        self._clock = clock

    def get_wallet_set(self, set_id: int, aggregate_only: bool = False) -> dict[str, Any]:
        """Return a set, with its wallets summed by currency if ``aggregate_only``.

        Raises
        ------
        UnknownName
            There is no set of this id.
        """
        wallet_set = self._ledger.sets.get(set_id)
        if wallet_set is None:
            raise UnknownName(f"there is no wallet set {set_id}", field="set_id")
        wallets: Iterable[Wallet] = self._figures(set_id)
        return {
            "timestamp": self._clock() / SECOND,
            "id": wallet_set.id,
            "run_id": wallet_set.run_id,
            "type": wallet_set.type.value,
            "description": wallet_set.description,
            "active": wallet_set.active,
            "frozen": wallet_set.frozen or None,
            "closing": wallet_set.closing,
            "wallets": self._describe(_by_currency(wallets) if aggregate_only else wallets),
        }

    def get_wallet_sets(
        self,
        type: SetType = SetType.LOGICAL,
        aggregate_only: bool = False,
        limit: int | None = None,
        before_id: int | None = None,
    ) -> dict[str, dict[str, Any]]:
        """Return the active sets of a type by their id as text, oldest first.

        With ``limit`` only the newest ones, of those below ``before_id`` if that is given.
        """
        ids = [
            each.id
            for each in self._ledger.sets.values()
            if each.type is type and each.active and (before_id is None or each.id < before_id)
        ]
        newest = sorted(ids) if limit is None else sorted(ids)[-limit:]
        return {str(set_id): self.get_wallet_set(set_id, aggregate_only) for set_id in newest}

    def get_allocated(self) -> dict[str, Any]:
        """Return all active logical sets, summed by currency."""
        sets = self._ledger.sets.values()
        ids = [each.id for each in sets if each.type is SetType.LOGICAL and each.active]
        return self._summary("allocated", [w for set_id in ids for w in self._figures(set_id)])

    def get_unallocated(self) -> dict[str, Any]:
        """Return the funds that no run has, summed by currency."""
        return self._summary("unallocated", self._figures(UNALLOCATED_SET))

    def get_unallocated_per_exchange(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Return the wallets of the funds that no run has, by exchange and currency."""
        split: dict[str, dict[str, dict[str, Any]]] = {}
        for wallet in self._figures(UNALLOCATED_SET):
            split.setdefault(str(wallet.exchange), {})[wallet.base] = self.describe(wallet)
        return split

    def get_exchange_total(self) -> dict[str, Any]:
        """Return everything that is at the exchanges, summed by currency."""
        # From the splitting side: the venues' own books do not know of holds.
        sets = [each.id for each in self._ledger.sets.values() if each.id != EXCHANGE_SET]
        return self._summary("total", [w for set_id in sets for w in self._figures(set_id)])

    def describe(self, wallet: Wallet) -> dict[str, Any]:
        """Return one wallet as it is shown."""
        rate = self._pricing.usd_rate(wallet.base, exchange=wallet.exchange)

        def in_usd(amount: Decimal) -> str | None:
            if rate is None:
                return None
            return format_amount(round_down(LEDGER.multiply(amount, rate), _USD_STEP))

        return {
            "id": wallet.id,
            "exchange": wallet.exchange,
            "currency": wallet.base,
            "allocation": format_amount(wallet.allocation),
            "balance": format_amount(wallet.balance),
            "available": format_amount(wallet.available),
            "hold": format_amount(wallet.hold),
            "present_value": {
                "balance_usd": in_usd(wallet.balance),
                "available_usd": in_usd(wallet.available),
                "hold_usd": in_usd(wallet.hold),
            },
        }

    def _figures(self, set_id: int) -> list[Wallet]:
        return [Wallet.of(wallet) for wallet in self._ledger.wallets_of(set_id)]

    def _describe(self, wallets: Iterable[Wallet]) -> list[dict[str, Any]]:
        return [self.describe(wallet) for wallet in wallets]

    def _summary(self, type: str, wallets: Iterable[Wallet]) -> dict[str, Any]:
        return {
            "timestamp": self._clock() / SECOND,
            "id": None,
            "run_id": None,
            "type": type,
            "description": f"{type} funds by currency",
            "active": True,
            "wallets": self._describe(_by_currency(wallets)),
        }


def _by_currency(wallets: Iterable[Wallet]) -> list[Wallet]:
    sums: dict[str, Wallet] = {}
    for wallet in wallets:
        before = sums.get(wallet.base, Wallet(None, wallet.exchange, wallet.base))
        sums[wallet.base] = before + wallet
    return list(sums.values())
