"""What a websocket's opening handshake says about who connects; pure functions.

A program sends ``Authorization: Bearer …``. A page can't set headers, but it can name
subprotocols: it offers ``xwrap.v1`` and ``xwrap.bearer.TOKEN``, and the server picks the first.
"""

from collections.abc import Sequence
from typing import Final

from exchange_wrapper.errors import Unauthorised
from serving.http_guard import Headers, bearer_token, refuse_credentials_in_url

__all__ = ["SUBPROTOCOL", "handshake_token", "offered_subprotocols", "pick_subprotocol"]

SUBPROTOCOL: Final = "xwrap.v1"

_BEARER: Final = "xwrap.bearer."


def offered_subprotocols(token: str | None) -> list[str]:
    """Return what a page offers to be known by a token."""
    return [SUBPROTOCOL] if token is None else [SUBPROTOCOL, f"{_BEARER}{token}"]


def handshake_token(path: str, headers: Headers) -> str | None:
    """Return the token that a client connects with, None if it shows none.

    Parameters
    ----------
    path : str
        Of the request, with its query.

    Raises
    ------
    ApiUsageError
        The path carries credentials.
    Unauthorised
        There are two tokens, or the Authorization header is not a bearer's.
    """
    refuse_credentials_in_url(path)
    pairs = list(headers)
    tokens = [
        offer.removeprefix(_BEARER)
        for name, value in pairs
        if name.lower() == "sec-websocket-protocol"
        for offer in (each.strip() for each in value.split(","))
        if offer.startswith(_BEARER)
    ]
    if (of_header := bearer_token(pairs)) is not None:
        tokens.append(of_header)
    if len(tokens) > 1:
        raise Unauthorised("a connection can have one token only")
    return tokens[0] if tokens else None


def pick_subprotocol(offered: Sequence[str]) -> str | None:
    """Return the subprotocol to answer with; never one that carries a token."""
    return SUBPROTOCOL if SUBPROTOCOL in offered else None
