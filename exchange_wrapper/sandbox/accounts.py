"""Accounts at the venue: balances and holds as whole atoms of 10⁻¹⁶, with their history."""

import hashlib
import uuid
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from exchange_wrapper.errors import InsufficientFunds
from exchange_wrapper.numbers import LEDGER
from exchange_wrapper.sandbox.keys import Profile
from exchange_wrapper.sandbox.protocol import decimal_text
from exchange_wrapper.times import UtcNs, to_iso

__all__ = ["ATOM_DIGITS", "Account", "accounts_of", "amount_text", "to_atoms"]

ATOM_DIGITS: Final = 16
"""Digits behind the point of every amount that accounts and orders tell."""


class Account:
    """What one profile has of one currency.

    Attributes
    ----------
    balance, hold : int
        Atoms; what orders may use is their difference, which is never negative.
    entries : list of dict
        The changes of the balance, oldest first, as ``GET /accounts/{id}/ledger`` tells them.
    """

    def __init__(self, profile_id: str, currency: str) -> None:
        name = f"{profile_id} {currency}".encode()
        digest = hashlib.blake2b(name, digest_size=16).digest()
        self.id = str(uuid.UUID(bytes=digest, version=4))
        self.profile_id = profile_id
        self.currency = currency
        self.balance = 0
        self.hold = 0
        self.entries: list[dict[str, object]] = []

    @property
    def available(self) -> int:
        """Atoms that no order holds."""
        return self.balance - self.hold

    def reserve(self, atoms: int) -> None:
        """Hold so much more; a negative number releases.

        Raises
        ------
        InsufficientFunds
            So much is not available.
        """
        if atoms > self.available:
            raise InsufficientFunds("Insufficient funds")
        self.hold += atoms
        assert self.hold >= 0

    def book(self, atoms: int, kind: str, details: dict[str, str], now: UtcNs) -> None:
        """Add a change of the balance to its history; none of zero."""
        if not atoms:
            return
        self.balance += atoms
        assert self.available >= 0
        self.entries.append(
            {
                "id": str(len(self.entries) + 1),
                "amount": amount_text(atoms),
                "balance": amount_text(self.balance),
                "created_at": to_iso(now),
                "type": kind,
                "details": details,
            }
        )

    def told(self) -> dict[str, object]:
        """Return the account as ``GET /accounts`` tells it."""
        return {
            "id": self.id,
            "currency": self.currency,
            "balance": amount_text(self.balance),
            "hold": amount_text(self.hold),
            "available": amount_text(self.available),
            "profile_id": self.profile_id,
            "trading_enabled": True,
        }


def accounts_of(profile: Profile, currencies: Iterable[str]) -> dict[str, Account]:
    """Return a profile's accounts by currency, empty until its balances are booked."""
    return {currency: Account(profile.profile_id, currency) for currency in currencies}


def to_atoms(amount: Decimal) -> int:
    """Return the amount in atoms.

    Raises
    ------
    decimal.Inexact
        It has more than 16 decimals.
    """
    return int(LEDGER.to_integral_exact(amount.scaleb(ATOM_DIGITS, LEDGER)))


def amount_text(atoms: int) -> str:
    """Return atoms as decimal text with all 16 digits."""
    return ("-" if atoms < 0 else "") + decimal_text(abs(atoms), ATOM_DIGITS)
