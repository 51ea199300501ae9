"""Compare what a venue says it holds for us with what our wallets there add up to."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from exchange_wrapper.accounts import EXCHANGE_SET
from exchange_wrapper.ledger import Ledger
from exchange_wrapper.numbers import LEDGER, ZERO

__all__ = ["Difference", "Reconciliation"]


class Difference(msgspec.Struct, frozen=True):
    """A currency of which a venue has another amount than our wallets.

    Attributes
    ----------
    expected, reported : Decimal
        Σ wallets + unallocated + suspense, and what the venue says.
    """

    currency: str
    expected: Decimal
    reported: Decimal

    @property
    def amount(self) -> Decimal:
        """What the venue has more; below zero, less."""
        return LEDGER.subtract(self.reported, self.expected)


class Reconciliation:
    """Find the differences of one exchange that are real.

    A fill changes the venue's balances before we hear of it. While orders are open, a difference
    therefore counts only once two reports in a row show the same one.
    """

    def __init__(self, exchange: str) -> None:
        self._exchange = exchange
        self._seen: dict[str, Difference] = {}

    def compare(
        self, ledger: Ledger, reported: Mapping[str, Decimal], busy: frozenset[str]
    ) -> list[Difference]:
        """Return the differences to book.

        Parameters
        ----------
        reported : mapping of currency to Decimal
            What the venue's accounts hold; currencies that the ledger does not know are left out,
            those that the venue does not name are at 0 there.
        busy : frozenset of str
            The currencies that open orders may be moving.
        """
        found = {
            wallet.currency: Difference(
                wallet.currency, wallet.settled, reported.get(wallet.currency, ZERO)
            )
            for wallet in ledger.wallets_of(EXCHANGE_SET)
            if wallet.exchange == self._exchange
            and wallet.settled != reported.get(wallet.currency, ZERO)
        }
        real = [
            difference
            for currency, difference in found.items()
            if currency not in busy or self._seen.get(currency) == difference
        ]
        booked = {difference.currency for difference in real}
        self._seen = {name: each for name, each in found.items() if name not in booked}
        return real
