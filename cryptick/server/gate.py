"""Who is asking: xWrap knows, for both services have the same users, tokens and roles."""

import asyncio
import hashlib
import hmac
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec
from sanic import Request

from cryptick.server.pages import Pages
from exchange_wrapper.errors import Forbidden, Unauthorised, Unavailable, XWrapError
from exchange_wrapper.users.local_token import publish_local_token, withdraw_local_token
from exchange_wrapper.users.tokens import Prefix, new_token
from serving.http_guard import bearer_token, is_local
from serving.registry import Caller
from serving.roles import LOCAL_ADMIN, Identity, Kind, Role, authorise
from serving.socketio_server import SocketIoServer

__all__ = ["Gate"]

_log = logging.getLogger("cryptick.gate")

_FRESH_S: Final = 30.0
_REFUSED_S: Final = 5.0
_GRACE_S: Final = 600.0  # how long those we know may go on while xWrap is away
_KNOWN_MAX: Final = 1000
_ASKED_MAX: Final = 32  # questions to xWrap at once: those with wrong tokens must not flood it
_TIMEOUT_S: Final = 5.0
_RECHECK_S: Final = 60.0
_TOKEN_MAX: Final = 2048
_ANYBODY: Final = Identity("anybody", Role.VIEWER, None, Kind.LOCAL)
_OPEN: Final = frozenset(
    {"/health", "/status", "/metrics", "/openapi.json", "/uri_map"}
    | {"/docs", "/docs/docs.js", "/docs/docs.css"}
)

Headers = Iterable[tuple[str, str]]


class _Who(msgspec.Struct):
    """What xWrap's ``whoami`` answers."""

    name: str
    role: Role
    kind: Kind
    wallet_set_id: int | None = None


@dataclass(frozen=True)
class _Shown(Identity):
    """Somebody with a lasting connection, and the token to ask about again."""

    token: str = field(default="", repr=False)


@dataclass
class _Known:
    answer: Identity | XWrapError
    at_s: float


class Gate:
    """Tell who is behind a request or connection.

    Parameters
    ----------
    xwrap_http : str
        Address of xWrap's HTTP interface.
    clock_s : callable
        Seconds of a clock that only goes on.
    """

    def __init__(
        self, xwrap_http: str, clock_s: Callable[[], float], client: httpx.AsyncClient | None = None
    ) -> None:
        self._clock_s = clock_s
        self._client = client or httpx.AsyncClient(
            base_url=xwrap_http, timeout=_TIMEOUT_S, trust_env=False
        )
        self._url = xwrap_http
        self._token = new_token(Prefix.LOCAL)
        self._published: list[Path] = []
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._asking: dict[bytes, asyncio.Task[Identity]] = {}

    def publish_token(self, port: int) -> None:
        """Let clients of the same user on this machine find a token for this server."""
        self._published = publish_local_token(self._token, [port])

    async def close(self) -> None:
        """Forget everybody."""
        withdraw_local_token(self._token, self._published)
        for task in self._asking.values():
            task.cancel()
        await self._client.aclose()

    async def identify(self, request: Request) -> Caller:
        """Tell who makes an HTTP request.

        Raises
        ------
        Unauthorised
            They have no valid token, and this needs one.
        Unavailable
            xWrap is away, and they are not known well enough.
        """
        headers = list(request.headers.items())
        local = is_local(request.ip, headers)
        is_page = Pages.is_one(request.method, request.path)
        if is_page or (local and request.path.rstrip("/") in _OPEN):
            return Caller(identity=_ANYBODY, address=request.ip)
        identity = await self._identify(bearer_token(headers), local)
        return Caller(identity=identity, address=request.ip)

    async def admit(self, token: object, headers: Headers, peer: str) -> Identity:
        """Tell who connects by Socket.IO: those who may see all funds.

        Raises
        ------
        Unauthorised, Forbidden, Unavailable
            They may not.
        """
        if token is not None and not isinstance(token, str):
            raise Unauthorised("the token must be text")
        pairs = list(headers)
        shown = token or bearer_token(pairs)
        who = authorise(await self._identify(shown, is_local(peer, pairs)), Role.VIEWER)
        return _Shown(who.name, who.role, who.wallet_set_id, who.kind, token=shown or "")

    async def recheck_forever(self, events: SocketIoServer) -> None:
        """Dismiss, every minute, those who lost their right to be connected."""
        while True:
            await asyncio.sleep(_RECHECK_S)
            await self.recheck(events)

    async def recheck(self, events: SocketIoServer) -> None:
        """Dismiss those who lost their right to be connected."""
        for sid, identity in list(events.identities.items()):
            assert isinstance(identity, _Shown)
            try:
                # They came over loopback if that mattered: a token does not move.
                authorise(await self._identify(identity.token, True), Role.VIEWER)
            except (Unauthorised, Forbidden) as error:
                await events.dismiss(sid, error.message)
            except Unavailable as error:
                _log.warning("connections could not be checked: %s", error.message)

    async def _identify(self, token: str | None, local: bool) -> Identity:
        if token is None:
            raise Unauthorised("this needs a login or a token")
        if len(token) > _TOKEN_MAX or not token.isascii():
            raise Unauthorised("this is no token of ours")
        if token.startswith(Prefix.LOCAL):
            if not local:
                raise Unauthorised("a local token is not valid here")
            if hmac.compare_digest(token, self._token):
                return LOCAL_ADMIN
        key = hashlib.sha256(token.encode()).digest()
        known = self._known.get(key)
        if known is not None:
            life_s = _FRESH_S if isinstance(known.answer, Identity) else _REFUSED_S
            if self._clock_s() - known.at_s < life_s:
                return _answer(known)
        try:
            return await self._ask(key, token)
        except Unavailable:
            if (
                known is not None
                and isinstance(known.answer, Identity)
                and self._clock_s() - known.at_s < _GRACE_S
            ):
                return known.answer
            raise

    async def _ask(self, key: bytes, token: str) -> Identity:
        task = self._asking.get(key)
        if task is None:  # several requests of one page wait for one answer
            if len(self._asking) >= _ASKED_MAX:
                raise Unavailable("too many tokens are being checked: try again in a moment")
            task = asyncio.create_task(self._look_up(key, token), name="whoami")
            self._asking[key] = task
            task.add_done_callback(lambda _: self._asking.pop(key, None))
        return await asyncio.shield(task)

    async def _look_up(self, key: bytes, token: str) -> Identity:
        headers = {"Authorization": f"Bearer {token}"}
        try:
            answer = await self._client.get("/xwrap/v1/whoami", headers=headers)
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise self._away(reason) from None
        if answer.status_code == Unauthorised.http_status:
            refused = Unauthorised("this token is unknown, has expired or was revoked")
            self._remember(key, refused)
            raise refused
        if answer.status_code == Forbidden.http_status:
            forbidden = Forbidden(
                "xWrap does not let this user in: has the password to be changed?"
            )
            self._remember(key, forbidden)
            raise forbidden
        try:
            if answer.status_code != httpx.codes.OK:
                raise self._away(f"status {answer.status_code}")
            who = msgspec.json.decode(answer.content, type=_Who)
        except msgspec.DecodeError as error:
            raise self._away(str(error)) from None
        identity = Identity(who.name, who.role, who.wallet_set_id, who.kind)
        self._remember(key, identity)
        return identity

    def _remember(self, key: bytes, answer: Identity | XWrapError) -> None:
        self._known[key] = _Known(answer, self._clock_s())
        self._known.move_to_end(key)
        while len(self._known) > _KNOWN_MAX:
            self._known.popitem(last=False)

    def _away(self, reason: Any) -> Unavailable:
        return Unavailable(f"xWrap at {self._url} can't say who you are: {reason}; is it running?")


def _answer(known: _Known) -> Identity:
    if isinstance(known.answer, Identity):
        return known.answer
    raise type(known.answer)(known.answer.message)  # a new one: a traceback grows with each raise
