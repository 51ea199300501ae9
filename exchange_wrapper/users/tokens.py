"""Tokens: signed access tokens that live for minutes, opaque random ones that are stored hashed."""

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import jwt

from exchange_wrapper.errors import DataError, Unauthorised
from exchange_wrapper.times import SECOND, UtcNs
from exchange_wrapper.users.private_file import read_private, write_private
from serving.roles import Role

__all__ = [
    "ACCESS_S",
    "AccessTokens",
    "Claims",
    "Prefix",
    "load_signing_key",
    "new_token",
    "token_hash",
]

ACCESS_S: Final = 15 * 60

_ALGORITHM: Final = "HS256"
_ISSUER: Final = "xwrap"
_AUDIENCE: Final = "xwrap-api"
_REQUIRED: Final = ["iss", "aud", "exp", "iat", "sub", "role", "generation"]
_SKEW_S: Final = 60  # our own clock may have been set back a little since
_KEY_BYTES: Final = 32
_LENGTH_MAX: Final = 1024


class Prefix(StrEnum):
    """First characters of an opaque token: they tell what it is, also to scanners of secrets."""

    SERVICE = "xws_"
    REFRESH = "xwr_"
    LOCAL = "xwl_"


@dataclass(frozen=True)
class Claims:
    """What an access token says.

    Attributes
    ----------
    name : str
    role : Role
    generation : int
        The user's, when it was issued: a token of an older one is no longer valid.
    """

    name: str
    role: Role
    generation: int


class AccessTokens:
    """Issue and read access tokens (RFC 7519, HS256).

    Parameters
    ----------
    key : bytes
        The installation's signing key.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def issue(self, claims: Claims, now: UtcNs) -> str:
        """Return a token that is valid for ``ACCESS_S`` seconds."""
        issued_s = now // SECOND
        payload = {
            "iss": _ISSUER,
            "aud": _AUDIENCE,
            "iat": issued_s,
            "exp": issued_s + ACCESS_S,
            "sub": claims.name,
            "role": claims.role.value,
            "generation": claims.generation,
        }
        return jwt.encode(payload, self._key, _ALGORITHM)

    def read(self, token: str, now: UtcNs) -> Claims:
        """Check a token and return what it says.

        Raises
        ------
        Unauthorised
            It is not one of ours, was changed, or has expired.
        """
        refused = Unauthorised("this access token is not valid: log in again")
        if len(token) > _LENGTH_MAX or not _is_canonical(token):
            raise refused
        try:
            payload = jwt.decode(
                token,
                self._key,
                algorithms=[_ALGORITHM],
                issuer=_ISSUER,
                audience=_AUDIENCE,
                # Times are compared below, with the clock that was given.
                options={"require": _REQUIRED, "verify_exp": False, "verify_iat": False},
            )
            issued_s, expires_s = int(payload["iat"]), int(payload["exp"])
            claims = Claims(payload["sub"], Role(payload["role"]), int(payload["generation"]))
        except (jwt.InvalidTokenError, TypeError, ValueError):
            raise refused from None
        now_s = now // SECOND
        if now_s >= expires_s:
            raise Unauthorised("this access token has expired: refresh it", expired=True)
        if issued_s > now_s + _SKEW_S:
            raise refused
        return claims


def load_signing_key(path: Path) -> bytes:
    """Return the installation's signing key, made on first use.

    Raises
    ------
    DataError
        The file is readable by others, not ours, or not a key.
    """
    if not path.exists():
        write_private(path, secrets.token_hex(_KEY_BYTES))
    try:
        key = bytes.fromhex(read_private(path))
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise DataError(f"{path} is not a signing key; delete it and everybody logs in anew")
    return key


def new_token(prefix: Prefix) -> str:
    """Return an opaque token of 256 random bits."""
    return prefix + secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """Return what is stored of an opaque token; random bits need no slow hash."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _is_canonical(token: str) -> bool:
    # A signature's last character has two bits that decoders ignore. Without this, three more
    # texts would pass for each token.
    signature = token.rpartition(".")[2].encode("utf-8", "surrogatepass")
    try:
        raw = base64.urlsafe_b64decode(signature + b"=" * (-len(signature) % 4))
    except binascii.Error:
        return False
    return hmac.compare_digest(base64.urlsafe_b64encode(raw).rstrip(b"="), signature)
