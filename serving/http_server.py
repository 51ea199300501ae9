"""The API's routes over HTTP, served by sanic in the event loop that is running.

Every answer is JSON, but for the metrics and the description of the API. An error is
``{"error": sentence, "code": JSON-RPC code, "data": details}`` with the HTTP status of its class.
"""

import inspect
import itertools
import logging
import socket
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from importlib import resources
from typing import Any, Final

from prometheus_client.exposition import CONTENT_TYPE_LATEST
from sanic import HTTPResponse, Request, Sanic
from sanic.exceptions import SanicException
from sanic.response import BaseHTTPResponse

from exchange_wrapper.errors import (
    ApiUsageError,
    MethodNotFoundError,
    ProcessingError,
    XWrapError,
)
from serving.hosts import Hosts
from serving.http_guard import refuse_credentials_in_url
from serving.openapi import describe_api
from serving.registry import Api, Caller, Method, Page
from serving.roles import Role, authorise
from serving.wire import decode_request, encode, error_to_wire

__all__ = ["HttpServer"]

_log = logging.getLogger("serving.http")

_REQUEST_MAX: Final = 1 << 20  # bytes
_JSON: Final = "application/json"
_UNREADABLE: Final = "NONE"  # what sanic calls the method of a request that it could not read
_PAGES: Final = {
    "/docs": ("docs.html", "text/html; charset=utf-8"),
    "/docs/docs.js": ("docs.js", "text/javascript; charset=utf-8"),
    "/docs/docs.css": ("docs.css", "text/css; charset=utf-8"),
}
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src data:; frame-ancestors 'none'; base-uri 'none'",
}
# As if it came from nowhere: its scripts can neither call this service nor load anything.
_PAGE_POLICY: Final = (
    "sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'self'"
)
_serial = itertools.count(1)  # sanic wants each application of a process under its own name

Handler = Callable[..., Coroutine[Any, Any, HTTPResponse]]
Answer = Callable[
    [Request, dict[str, Any]], Awaitable[tuple[Mapping[str, object], Mapping[str, str]]]
]


async def _administrator(request: Request) -> Caller:
    return Caller()


class HttpServer:
    """Serve the routes of an API.

    Parameters
    ----------
    hosts : Hosts
        The names that requests may use for us.
    read_metrics : callable, optional
        Returns the text of ``/metrics``; without it there is no such route.
    identify : callable
        Tells who makes a request, or raises; without it everybody is an administrator.

    Attributes
    ----------
    app : Sanic
        For what else shall answer on this port: attach it before ``start``.
    """

    def __init__(
        self,
        api: Api,
        hosts: Hosts | None = None,
        read_metrics: Callable[[], bytes] | None = None,
        identify: Callable[[Request], Awaitable[Caller]] = _administrator,
    ) -> None:
        self._api = api
        self._hosts = hosts or Hosts()
        self._identify = identify
        self._server: Any = None  # sanic's AsyncioServer, which has no annotations
        self._description = encode(describe_api(api))
        self.app: Sanic[Any, Any] = Sanic(f"service-{next(_serial)}", configure_logging=False)
        self.app.config.REQUEST_MAX_SIZE = _REQUEST_MAX
        self.app.config.TOUCHUP = False  # rewrites sanic's classes for the process's first app
        self.app.error_handler.add(Exception, _answer_error)
        self.app.register_middleware(self._check_names, "request")
        self.app.register_middleware(_add_headers, "response")
        for method in api.methods.values():
            if method.route is not None:
                path = method.route.path.replace("{", "<").replace("}", ":str>")
                verb = method.route.verb
                self.app.add_route(
                    self._handler(method), path, [verb], name=method.name, unquote=True
                )
        self.app.add_route(self._for_viewers(self._uri_map), "/uri_map", name="uri_map")
        self.app.add_route(self._for_viewers(self._openapi), "/openapi.json", name="openapi")
        for path, (file, kind) in _PAGES.items():
            page = self._for_viewers(_page(file, kind))
            self.app.add_route(page, path, name=file.replace(".", "_"))
        if read_metrics is not None:
            metrics = self._for_viewers(_metrics(read_metrics))
            self.app.add_route(metrics, "/metrics", name="metrics")

    async def start(self, sock: socket.socket) -> None:
        """Accept requests on a listening socket."""
        self._server = await self.app.create_server(
            sock=sock, access_log=False, asyncio_server_kwargs={"start_serving": False}
        )
        await self._server.startup()
        await self._server.before_start()
        await self._server.start_serving()
        await self._server.after_start()

    async def shutdown(self) -> None:
        """Cut all connections and stop."""
        if self._server is not None:
            await self._server.before_stop()
            closing = self._server.close()
            for connection in list(self._server.connections):
                connection.abort()
            await closing
            await self._server.after_stop()
        Sanic.unregister_app(self.app)

    async def _check_names(self, request: Request) -> HTTPResponse | None:
        if request.method == _UNREADABLE:
            return None
        reason = self._hosts.refuses(request.headers.get("host"), request.headers.get("origin"))
        if reason:
            return _error(ApiUsageError(reason), 403)
        refuse_credentials_in_url(f"?{request.query_string}")
        return None

    def add_post(self, path: str, name: str, answer: Answer) -> None:
        """Answer POST requests by ``answer(request, body)``, which returns a body and headers."""

        async def handle(request: Request) -> HTTPResponse:
            body, headers = await answer(request, _body(request))
            return _json(body, headers=headers)

        self.app.add_route(handle, path, ["POST"], name=name)

    def _for_viewers(self, handler: Handler) -> Handler:
        async def handle(request: Request) -> HTTPResponse:
            authorise((await self._identify(request)).identity, Role.VIEWER, funds=False)
            return await handler(request)

        return handle

    def _handler(self, method: Method) -> Handler:
        reads_body = method.route is not None and method.route.has_body

        async def handle(request: Request, **in_path: str) -> HTTPResponse:
            caller = await self._identify(request)
            given = _body(request) if reads_body else {}
            for name, value in (*in_path.items(), *request.get_query_args(keep_blank_values=True)):
                if name in given:
                    raise ApiUsageError(f"{method.name}: {name} is given twice", field=name)
                given[name] = value
            result = self._api.start(method, given, caller, text=not reads_body)
            if inspect.isawaitable(result):
                result = await result
            return _html(result) if isinstance(result, Page) else _json(result)

        return handle

    async def _uri_map(self, request: Request) -> HTTPResponse:
        """Return each route with the description of its method."""
        return _json(self._api.uri_map())

    async def _openapi(self, request: Request) -> HTTPResponse:
        """Return the API's description as an OpenAPI document."""
        return HTTPResponse(self._description, content_type=_JSON)


def _body(request: Request) -> dict[str, Any]:
    if not request.body and request.method == "PUT":
        return {}  # nothing is said; and no page sends a PUT elsewhere without asking first
    # A form of another page can't send this type without asking us first.
    if request.content_type.partition(";")[0].strip().lower() != _JSON:
        raise SanicException(f"the body must be {_JSON}", status_code=415, quiet=True)
    try:
        given = decode_request(request.body or b"{}")
    except ValueError as error:
        raise ApiUsageError(f"the body is not JSON: {error}") from None
    if not isinstance(given, dict):
        raise ApiUsageError("the body must be an object of arguments by name")
    return given


def _page(file: str, kind: str) -> Handler:
    async def handle(request: Request) -> HTTPResponse:
        text = resources.files("serving").joinpath("pages", file).read_bytes()
        return HTTPResponse(text, content_type=kind)

    return handle


def _metrics(read: Callable[[], bytes]) -> Handler:
    async def handle(request: Request) -> HTTPResponse:
        return HTTPResponse(read(), content_type=CONTENT_TYPE_LATEST)

    return handle


async def _add_headers(request: Request, response: BaseHTTPResponse) -> None:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)


def _answer_error(request: Request, exception: Exception) -> HTTPResponse:
    if isinstance(exception, XWrapError):
        headers = {"WWW-Authenticate": "Bearer"} if exception.http_status == 401 else {}
        wait_s = (exception.data or {}).get("retry_after_s")
        if wait_s is not None:
            headers["Retry-After"] = str(wait_s)
        return _error(exception, exception.http_status, headers)
    if isinstance(exception, SanicException):
        status = exception.status_code
        if status == MethodNotFoundError.http_status:
            return _error(MethodNotFoundError(f"there is no {request.path} here"), status)
        return _error(ApiUsageError(str(exception)), status, exception.headers)
    _log.error("%s %s failed", request.method, request.path, exc_info=exception)
    return _error(ProcessingError("the request failed; the service's log says why"), 500)


def _error(error: XWrapError, status: int, headers: Any = None) -> HTTPResponse:
    wire = error_to_wire(error)
    body = {"error": wire["message"], "code": wire["code"], "data": wire["data"]}
    return _json(body, status, headers)


def _json(body: object, status: int = 200, headers: Any = None) -> HTTPResponse:
    return HTTPResponse(encode(body), status, headers, content_type=_JSON)


def _html(page: Page) -> HTTPResponse:
    headers = {"Content-Security-Policy": _PAGE_POLICY}
    return HTTPResponse(page.html, headers=headers, content_type="text/html; charset=utf-8")
