"""Who may use the private part of the venue: key files, signatures and permissions."""

import base64
import binascii
import hashlib
import hmac
import stat
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import ClassVar, Final

import msgspec

from exchange_wrapper.errors import ApiUsageError, DataError, InvalidAmount, XWrapError
from exchange_wrapper.numbers import parse_amount, round_down
from exchange_wrapper.times import SECOND, UtcNs

__all__ = [
    "CLOCK_WINDOW_S",
    "DEMO",
    "WS_VERIFY_PATH",
    "Forbidden",
    "Keyring",
    "Profile",
    "Proof",
    "Unauthorized",
    "read_profiles",
    "sign",
]

CLOCK_WINDOW_S: Final = 30
"""A timestamp further than this from the venue's clock is refused."""

WS_VERIFY_PATH: Final = "/users/self/verify"
"""What a websocket subscription signs, as a GET without body."""

_PERMISSIONS: Final = frozenset({"view", "trade", "transfer"})
_ATOM: Final = Decimal("1e-16")  # no amount at the venue is more precise


class Unauthorized(XWrapError):
    """Key, passphrase, timestamp or signature are missing or wrong."""

    http_status: ClassVar[int] = 401


class Forbidden(XWrapError):
    """The key lacks the permission for this call."""

    http_status: ClassVar[int] = 403


@dataclass(frozen=True, slots=True)
class Profile:
    """One trader at the venue: a key and what its accounts hold when the venue starts.

    Attributes
    ----------
    name : str
        Tells the profiles of a file apart.
    key, secret, passphrase : str
        As an exchange hands them out; the secret is base64.
    permissions : frozenset of str
        Of ``view``, ``trade`` and ``transfer``.
    balances : dict
        Currency → initial balance.
    """

    name: str
    key: str
    secret: str = field(repr=False)
    passphrase: str = field(repr=False)
    permissions: frozenset[str]
    balances: dict[str, Decimal]

    @property
    def profile_id(self) -> str:
        """The id that messages and accounts carry; it follows from the name."""
        digest = hashlib.blake2b(f"profile {self.name}".encode(), digest_size=16).digest()
        return str(uuid.UUID(bytes=digest, version=4))


DEMO: Final = Profile(
    name="demo",
    key="sandbox-demo",
    secret=base64.b64encode(b"known to everybody").decode(),
    passphrase="sandbox-demo",
    permissions=frozenset({"view", "trade"}),
    balances={"USD": Decimal(1_000_000), "BTC": Decimal(10), "ETH": Decimal(100)},
)
"""The profile of a venue that is started without a key file; nothing about it is secret."""


class Proof(msgspec.Struct, frozen=True):
    """What a caller shows to be who it says; an empty text was not sent."""

    key: str = ""
    signature: str = ""
    timestamp: str = ""
    passphrase: str = ""


class Keyring:
    """The keys that a venue knows.

    Raises
    ------
    ApiUsageError
        Two profiles share a name or a key.
    """

    def __init__(self, profiles: Iterable[Profile]) -> None:
        self.profiles = tuple(profiles)
        self._by_key = {profile.key: profile for profile in self.profiles}
        names = {profile.name for profile in self.profiles}
        if not len(names) == len(self._by_key) == len(self.profiles):
            raise ApiUsageError("every profile needs a name and a key of its own")

    def check(self, proof: Proof, method: str, path: str, body: str, now: UtcNs) -> Profile:
        """Return the profile that signed the request.

        Parameters
        ----------
        proof : Proof
            Key, signature, timestamp in seconds since 1970, and passphrase.
        method, path, body : str
            What was signed; the path with its query.
        now : UtcNs
            The venue's time.

        Raises
        ------
        Unauthorized
            Anything is missing or wrong; the message says what, in the venue's words.
        """
        for name, text in (
            ("KEY", proof.key),
            ("SIGN", proof.signature),
            ("TIMESTAMP", proof.timestamp),
            ("PASSPHRASE", proof.passphrase),
        ):
            if not text:
                raise Unauthorized(f"CB-ACCESS-{name} header is required")
        try:
            age_s = abs(Decimal(now) / SECOND - parse_amount(proof.timestamp, "timestamp"))
        except InvalidAmount:
            raise Unauthorized("invalid timestamp") from None
        if age_s > CLOCK_WINDOW_S:
            raise Unauthorized("request timestamp expired")
        profile = self._by_key.get(proof.key)
        if profile is None:
            raise Unauthorized("Invalid API Key")
        expected = sign(profile.secret, proof.timestamp, method, path, body)
        if not hmac.compare_digest(expected.encode(), proof.signature.encode()):
            raise Unauthorized("invalid signature")
        if not hmac.compare_digest(profile.passphrase.encode(), proof.passphrase.encode()):
            raise Unauthorized("Invalid Passphrase")
        return profile


def sign(secret: str, timestamp: str, method: str, path: str, body: str) -> str:
    """Return the base64 signature of a request with a base64 secret."""
    text = f"{timestamp}{method}{path}{body}"
    digest = hmac.digest(base64.b64decode(secret), text.encode(), hashlib.sha256)
    return base64.b64encode(digest).decode()


class _ProfileEntry(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    key: str
    secret: str
    passphrase: str
    balances: dict[str, str] = {}
    permissions: tuple[str, ...] = ("view", "trade")


def read_profiles(path: Path) -> list[Profile]:
    """Read a key file: a JSON list of profiles.

    An entry has ``name``, ``key``, ``secret`` (base64), ``passphrase``, ``balances`` (currency →
    decimal text) and ``permissions`` (``view`` and ``trade`` unless told otherwise).

    Raises
    ------
    ApiUsageError
        Others than the owner may read the file.
    DataError
        It is not there, or not a list of profiles.
    """
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise ApiUsageError(f"{path} holds secrets: make it its owner's only (chmod 600)")
        entries = msgspec.json.decode(path.read_bytes(), type=list[_ProfileEntry])
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise DataError(f"{path} is not a list of profiles: {error}") from None
    if not entries:
        raise DataError(f"{path} lists no profile")
    return [_profile(entry, path) for entry in entries]


def _profile(entry: _ProfileEntry, path: Path) -> Profile:
    try:
        base64.b64decode(entry.secret, validate=True)
    except binascii.Error:
        raise DataError(f"{path}: the secret of {entry.name} is not base64") from None
    unknown = set(entry.permissions) - _PERMISSIONS
    if unknown:
        raise DataError(f"{path}: {entry.name} has an unknown permission: {min(unknown)}")
    balances = {
        currency: parse_amount(text, f"balance of {currency}")
        for currency, text in entry.balances.items()
    }
    if any(amount < 0 or amount != round_down(amount, _ATOM) for amount in balances.values()):
        raise DataError(f"{path}: {entry.name} has a balance that is negative or too precise")
    permissions = frozenset(entry.permissions)
    return Profile(entry.name, entry.key, entry.secret, entry.passphrase, permissions, balances)
