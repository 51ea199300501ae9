"""The API's routes over HTTP, served by sanic in the event loop that is running.

Every answer is JSON. An error is ``{"error": sentence, "code": JSON-RPC code, "data": details}``
with the HTTP status of its class.
"""

import itertools
import logging
import socket
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from sanic import HTTPResponse, Request, Sanic
from sanic.exceptions import SanicException

from exchange_wrapper.api import Api, Method
from exchange_wrapper.errors import (
    ApiUsageError,
    MethodNotFoundError,
    ProcessingError,
    XWrapError,
)
from exchange_wrapper.wire import encode, error_to_wire

__all__ = ["HttpServer"]

_log = logging.getLogger("xwrap.http")

_REQUEST_MAX: Final = 1 << 20  # bytes
_serial = itertools.count(1)  # sanic wants each application of a process under its own name


class HttpServer:
    """Serve the routes of an API.

    Attributes
    ----------
    app : Sanic
        For what else shall answer on this port: attach it before ``start``.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._server: Any = None  # sanic's AsyncioServer, which has no annotations
        self.app: Sanic[Any, Any] = Sanic(f"xwrap-{next(_serial)}", configure_logging=False)
        self.app.config.REQUEST_MAX_SIZE = _REQUEST_MAX
        self.app.config.TOUCHUP = False  # rewrites sanic's classes for the process's first app
        self.app.error_handler.add(Exception, _answer_error)
        for method in api.methods.values():
            if method.route is not None:
                path = method.route.replace("{", "<").replace("}", ":str>")
                self.app.add_route(_handler(method), path, name=method.name)
        self.app.add_route(self._uri_map, "/uri_map", name="uri_map")

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

    async def _uri_map(self, request: Request) -> HTTPResponse:
        """Return each route with the description of its method."""
        return _json(self._api.uri_map())


def _handler(method: Method) -> Callable[..., Coroutine[Any, Any, HTTPResponse]]:
    async def handle(request: Request, **in_path: str) -> HTTPResponse:
        given: dict[str, str] = dict(in_path)
        for name, value in request.get_query_args(keep_blank_values=True):
            if name in given:
                raise ApiUsageError(f"{method.name}: {name} is given twice", field=name)
            given[name] = value
        result = method(method.arguments(given, text=True), None)
        return _json(await result if isinstance(result, Awaitable) else result)

    return handle


def _answer_error(request: Request, exception: Exception) -> HTTPResponse:
    if isinstance(exception, XWrapError):
        return _error(exception, exception.http_status)
    if isinstance(exception, SanicException):
        status = exception.status_code
        if status == MethodNotFoundError.http_status:
            return _error(MethodNotFoundError(f"there is no {request.path} here"), status)
        return _error(ApiUsageError(str(exception)), status, exception.headers)
    _log.error("%s %s failed", request.method, request.path, exc_info=exception)
    return _error(ProcessingError("the request failed; xWrap's log says why"), 500)


def _error(error: XWrapError, status: int, headers: Any = None) -> HTTPResponse:
    wire = error_to_wire(error)
    body = {"error": wire["message"], "code": wire["code"], "data": wire["data"]}
    return _json(body, status, headers)


def _json(body: object, status: int = 200, headers: Any = None) -> HTTPResponse:
    return HTTPResponse(encode(body), status, headers, content_type="application/json")
