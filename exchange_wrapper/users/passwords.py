"""Passwords: argon2id hashes, what a password must be, and generated ones."""

import secrets
import unicodedata
from typing import Final

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from exchange_wrapper.errors import ApiUsageError

__all__ = ["Passwords", "check_password", "generate_password"]

_LENGTH_MIN: Final = 12
_LENGTH_MAX: Final = 256  # hashing an endless one would cost us time
_ALPHABET: Final = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # no look-alikes


class Passwords:
    """Hash and verify passwords.

    Parameters
    ----------
    time_cost, memory_kib, parallelism : int
        Of argon2id. The defaults are the second recommendation of RFC 9106, section 4.
    """

    def __init__(
        self, *, time_cost: int = 3, memory_kib: int = 65_536, parallelism: int = 4
    ) -> None:
        self._hasher = PasswordHasher(
            time_cost=time_cost, memory_cost=memory_kib, parallelism=parallelism, type=Type.ID
        )
        self._of_nobody = self._hasher.hash(secrets.token_bytes(16))

    def hash(self, password: str) -> str:
        """Return the hash to store, with its parameters and salt."""
        return self._hasher.hash(_bytes(password))

    def verify(self, stored: str | None, password: str) -> bool:
        """Return whether this is the password that was hashed.

        ``stored`` is None for an unknown user: that takes as long as a wrong password, so that the
        time of the answer does not tell who exists.
        """
        try:
            self._hasher.verify(self._of_nobody if stored is None else stored, _bytes(password))
        except (VerificationError, InvalidHashError):
            return False
        return stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Return whether a hash was made with other parameters than those of today."""
        return self._hasher.check_needs_rehash(stored)


def check_password(name: str, password: str) -> None:
    """Check a password that a user wants.

    Raises
    ------
    ApiUsageError
        Too short, too long, or made of the user's name.
    """
    if not _LENGTH_MIN <= len(password) <= _LENGTH_MAX:
        raise ApiUsageError(
            f"a password needs {_LENGTH_MIN} to {_LENGTH_MAX} characters", field="password"
        )
    if len(set(password)) < 4 or not password.lower().replace(name.lower(), "").strip():
        raise ApiUsageError("this password is too easy to guess", field="password")


def generate_password() -> str:
    """Return a random password of 20 characters (116 bits) in four groups."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(4))


def _bytes(password: str) -> bytes:
    # The same characters may be typed in several Unicode forms; surrogates come from bad JSON.
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
