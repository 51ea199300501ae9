"""Log in, stay so, and log out: the routes under ``/auth``, for pages.

A page keeps its access token in memory; its refresh token is in a cookie that it can't read.
"""

from collections.abc import Mapping
from typing import Any, Final

from sanic import Request

from exchange_wrapper.errors import ApiUsageError, Unauthorised
from exchange_wrapper.service.gate import Gate
from exchange_wrapper.times import SECOND, UtcNs, to_iso
from exchange_wrapper.users.service import Users
from exchange_wrapper.users.sessions import Session
from serving.http_guard import refresh_cookie, refresh_token
from serving.http_server import HttpServer

__all__ = ["add_login"]

_PATH: Final = "/auth"

Answer = tuple[Mapping[str, object], Mapping[str, str]]


def add_login(web: HttpServer, gate: Gate) -> None:
    """Add ``POST /auth/login``, ``refresh``, ``logout`` and ``password`` to a server."""

    async def login(request: Request, body: dict[str, Any]) -> Answer:
        name, password = _texts(body, "name", "password")
        session, now = await gate.ask(
            lambda users, now: (users.sessions.login(name, password, request.ip, now), now)
        )
        return _session(request, session, now)

    async def refresh(request: Request, body: dict[str, Any]) -> Answer:
        _texts(body)
        token = refresh_token(request.headers.items())
        if token is None:
            raise Unauthorised("there is no session here: log in")
        session, now = await gate.ask(lambda users, now: (users.sessions.refresh(token, now), now))
        return _session(request, session, now)

    async def logout(request: Request, body: dict[str, Any]) -> Answer:
        _texts(body)
        token = refresh_token(request.headers.items())
        if token is not None:
            await gate.ask(lambda users, now: users.sessions.logout(token, now))
        return {"status": "ok"}, _cookie(request, "", 0)

    async def password(request: Request, body: dict[str, Any]) -> Answer:
        old, new = _texts(body, "old", "new")
        caller = await gate.identify(request)

        def change(users: Users, now: UtcNs) -> None:
            assert caller.identity is not None
            users.sessions.change_password(caller.identity, old, new, request.ip, now)

        await gate.ask(change)
        return {"status": "ok"}, _cookie(request, "", 0)

    for answer in (login, refresh, logout, password):
        web.add_post(f"{_PATH}/{answer.__name__}", answer.__name__, answer)


def _texts(body: Mapping[str, Any], *names: str) -> list[str]:
    """Return the members of a body, all of them texts."""
    for name in (*body, *names):
        if name not in names or not isinstance(body.get(name), str):
            problem = "is not known" if name not in names else "must be given, as text"
            raise ApiUsageError(f"{name} {problem}", field=name)
    return [body[name] for name in names]


def _session(request: Request, session: Session, now: UtcNs) -> Answer:
    who = session.identity
    body = {
        "access_token": session.access_token,
        "expires_at": to_iso(session.access_expires_at),
        "name": who.name,
        "role": who.role.value,
        "must_change_password": who.must_change_password,
    }
    max_age_s = (session.refresh_expires_at - now) // SECOND
    return body, _cookie(request, session.refresh_token, max_age_s)


def _cookie(request: Request, token: str, max_age_s: int) -> Mapping[str, str]:
    secure = "https" in (request.scheme, request.headers.get("x-forwarded-proto"))
    cookie = refresh_cookie(token, max_age_s, path=_PATH, secure=secure)
    return {"Set-Cookie": cookie, "Cache-Control": "no-store"}
