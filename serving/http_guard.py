"""What HTTP headers say about who is asking; pure functions.

Headers are given as (name, value) pairs, so that one that is sent twice shows.
"""

from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from exchange_wrapper.errors import ApiUsageError, Unauthorised
from serving.exposure import is_loopback

__all__ = [
    "REFRESH_COOKIE",
    "bearer_token",
    "is_local",
    "refresh_cookie",
    "refresh_token",
    "refuse_credentials_in_url",
]

REFRESH_COOKIE: Final = "xwrap_refresh"

_IN_URL: Final = frozenset(
    {"access_token", "api_key", "apikey", "auth", "authorization", "bearer", "jwt", "passphrase"}
    | {"passwd", "password", "refresh_token", "secret", "token"}
)
_FORWARDED: Final = frozenset({"forwarded", "x-forwarded-for", "x-real-ip"})

Headers = Iterable[tuple[str, str]]


def bearer_token(headers: Headers) -> str | None:
    """Return the token of ``Authorization: Bearer …`` (RFC 6750), None without such a header.

    Raises
    ------
    Unauthorised
        There are two, or it is of another scheme.
    """
    values = _values(headers, "authorization")
    if not values:
        return None
    scheme, _, token = values[0].strip().partition(" ")
    token = token.strip()
    if len(values) > 1 or scheme.lower() != "bearer" or not token or " " in token:
        raise Unauthorised("the Authorization header must be one `Bearer` and the token")
    return token


def refresh_token(headers: Headers) -> str | None:
    """Return the refresh token of the cookie, None without one."""
    for value in _values(headers, "cookie"):
        try:
            cookie = SimpleCookie(value).get(REFRESH_COOKIE)
        except CookieError:
            continue
        if cookie is not None and cookie.value:
            return cookie.value
    return None


def refresh_cookie(token: str, max_age_s: int, *, path: str, secure: bool) -> str:
    """Return a ``Set-Cookie`` value that scripts can't read and other sites can't have sent.

    Parameters
    ----------
    token : str
        Empty to delete the cookie, together with ``max_age_s`` 0.
    path : str
        Under which it is sent: that of the refresh and logout routes only.
    secure : bool
        Whether the page came by HTTPS; a browser would not send it by HTTP then.
    """
    cookie = f"{REFRESH_COOKIE}={token}; Path={path}; Max-Age={max_age_s}; HttpOnly"
    return f"{cookie}; SameSite=Strict{'; Secure' if secure else ''}"


def is_local(peer_address: str, headers: Headers) -> bool:
    """Return whether a request was made on this machine: by loopback, and not by a proxy there."""
    return is_loopback(peer_address) and not any(name.lower() in _FORWARDED for name, _ in headers)


def refuse_credentials_in_url(url: str) -> None:
    """Refuse a URL that carries a secret: it would be in logs, histories and ``Referer`` headers.

    Raises
    ------
    ApiUsageError
        It has a user name, or a query parameter that is named like a secret.
    """
    parts = urlsplit(url)
    in_query = {name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    if "@" in parts.netloc or in_query & _IN_URL:
        raise ApiUsageError("credentials must be in the Authorization header, never in the URL")


def _values(headers: Headers, wanted: str) -> list[str]:
    return [value for name, value in headers if name.lower() == wanted]
