"""Logging in on this server's page: xWrap does it, and keeps the session."""

from typing import Final

import httpx
from sanic import HTTPResponse, Request

from exchange_wrapper.errors import Unavailable
from serving.http_server import HttpServer

__all__ = ["add_login"]

_PREFIX: Final = (
    "/xwrap"  # of the routes here, so that the cookie is none that xWrap's own page has
)
_TIMEOUT_S: Final = 10.0
_PASSED: Final = ("content-type", "cookie", "authorization")
_RETURNED: Final = ("content-type", "retry-after", "cache-control", "www-authenticate")


def add_login(web: HttpServer, xwrap_http: str) -> None:
    """Pass ``POST /xwrap/auth/login``, ``refresh``, ``logout`` and ``password`` on to xWrap."""

    async def relay(request: Request, what: str) -> HTTPResponse:
        headers = {name: request.headers[name] for name in _PASSED if name in request.headers}
        headers["x-forwarded-for"] = request.ip
        headers["x-forwarded-proto"] = request.scheme
        url = f"{xwrap_http}/auth/{what}"
        try:
            # A client of its own each time: it would keep one person's cookie for the next.
            async with httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False) as xwrap:
                answer = await xwrap.post(url, content=request.body, headers=headers)
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise Unavailable(
                f"xWrap, which knows the users, gives no answer: {reason}; is it running?"
            ) from None
        returned = {name: answer.headers[name] for name in _RETURNED if name in answer.headers}
        cookie = answer.headers.get("set-cookie")
        if cookie is not None:
            returned["set-cookie"] = cookie.replace("; Path=/", f"; Path={_PREFIX}/", 1)
        return HTTPResponse(answer.content, answer.status_code, returned)

    path = f"{_PREFIX}/auth/<what:login|refresh|logout|password>"
    web.app.add_route(relay, path, ["POST"], name="auth")
