"""A wallet's figures as a value that can be added up."""

from dataclasses import dataclass
from decimal import Decimal

from exchange_wrapper import accounts
from exchange_wrapper.numbers import LEDGER, ZERO

__all__ = ["Wallet"]


@dataclass(frozen=True, slots=True)
class Wallet:
    """Balances of one currency: of one wallet, or summed over several.

    Attributes
    ----------
    id : int or None
        The ledger's wallet; None for a sum.
    exchange : str or None
        None for a sum over exchanges.
    base : str
        The currency.
    """

    id: int | None
    exchange: str | None
    base: str
    available: Decimal = ZERO
    balance: Decimal = ZERO
    hold: Decimal = ZERO
    allocation: Decimal = ZERO

    @classmethod
    def of(cls, wallet: accounts.Wallet) -> "Wallet":
        """Return a ledger wallet's figures as of now."""
        return cls(
            wallet.id,
            wallet.exchange,
            wallet.currency,
            wallet.available,
            wallet.balance,
            wallet.hold,
            wallet.allocation,
        )

    def __add__(self, other: "Wallet") -> "Wallet":
        assert self.base == other.base
        return Wallet(
            None,
            self.exchange if self.exchange == other.exchange else None,
            self.base,
            LEDGER.add(self.available, other.available),
            LEDGER.add(self.balance, other.balance),
            LEDGER.add(self.hold, other.hold),
            LEDGER.add(self.allocation, other.allocation),
        )
