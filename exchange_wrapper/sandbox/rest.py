"""The venue's REST interface."""

import itertools
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from sanic import HTTPResponse, Request, Sanic
from sanic.exceptions import NotFound, SanicException

from exchange_wrapper.errors import ApiUsageError, UnknownName, XWrapError
from exchange_wrapper.sandbox.protocol import CANDLES_MAX, GRANULARITIES_S, TRADES_MAX, encode
from exchange_wrapper.sandbox.venue import Venue
from exchange_wrapper.times import SECOND, UtcNs, from_iso, to_iso

__all__ = ["serve_rest"]

_TRADES_DEFAULT: Final = 100
_numbers: Final = itertools.count(1)  # Sanic wants a name of its own for each application


@asynccontextmanager
async def serve_rest(
    venue: Venue, listener: socket.socket, clock: Callable[[], UtcNs]
) -> AsyncIterator[None]:
    """Answer REST requests on ``listener`` within the block."""
    app: Sanic[Any, Any] = Sanic(f"sandbox-{next(_numbers)}", configure_logging=False)
    app.config.TOUCHUP = False  # it rewrites Sanic's own classes, which works once a process
    _Rest(venue, clock).add_to(app)
    server: Any = await app.create_server(sock=listener, access_log=False)
    await server.startup()
    try:
        yield
    finally:
        closed = server.close()
        for connection in list(server.connections):
            connection.abort()
        await closed
        Sanic.unregister_app(app)


class _Rest:
    """The handlers, one a path."""

    def __init__(self, venue: Venue, clock: Callable[[], UtcNs]) -> None:
        self._venue = venue
        self._clock = clock

    def add_to(self, app: Sanic[Any, Any]) -> None:
        """Register the handlers."""
        for path, handler in (
            ("/time", self.time),
            ("/currencies", self.currencies),
            ("/products", self.products),
            ("/products/<product_id>", self.product),
            ("/products/<product_id>/book", self.book),
            ("/products/<product_id>/ticker", self.ticker),
            ("/products/<product_id>/trades", self.trades),
            ("/products/<product_id>/stats", self.stats),
            ("/products/<product_id>/candles", self.candles),
        ):
            app.add_route(handler, path, methods=["GET"], name=handler.__name__)
        app.exception(XWrapError)(_refuse)
        app.exception(SanicException)(_refuse)

    async def time(self, request: Request) -> HTTPResponse:
        now = self._clock()
        return _answer({"iso": to_iso(now), "epoch": now / SECOND})

    async def currencies(self, request: Request) -> HTTPResponse:
        return _answer(self._venue.currencies)

    async def products(self, request: Request) -> HTTPResponse:
        return _answer(self._venue.products)

    async def product(self, request: Request, product_id: str) -> HTTPResponse:
        known = self._known(product_id)
        return _answer(self._venue.products[self._venue.product_ids.index(known)])

    async def book(self, request: Request, product_id: str) -> HTTPResponse:
        level = request.args.get("level", "1")
        if level not in ("1", "2"):
            raise ApiUsageError("Invalid level")
        book = self._venue.book(self._known(product_id), self._clock())
        count = 1 if level == "1" else None
        return _answer(
            {
                "bids": [[price, size, 1] for price, size in book.bids[:count]],
                "asks": [[price, size, 1] for price, size in book.asks[:count]],
                "sequence": book.sequence,
                "auction_mode": False,
                "auction": None,
                "time": book.time,
            }
        )

    async def ticker(self, request: Request, product_id: str) -> HTTPResponse:
        return _answer(await self._venue.ticker(self._known(product_id), self._clock()))

    async def stats(self, request: Request, product_id: str) -> HTTPResponse:
        return _answer(await self._venue.stats(self._known(product_id), self._clock()))

    async def trades(self, request: Request, product_id: str) -> HTTPResponse:
        limit = _whole(request, "limit")
        page = self._venue.trades(
            self._known(product_id),
            min(max(1, _TRADES_DEFAULT if limit is None else limit), TRADES_MAX),
            _whole(request, "before"),
            _whole(request, "after"),
            self._clock(),
        )
        headers = {}
        if page:  # cursors towards newer and older pages
            headers["CB-BEFORE"] = str(page[0]["trade_id"])
            headers["CB-AFTER"] = str(page[-1]["trade_id"])
        return _answer(page, headers)

    async def candles(self, request: Request, product_id: str) -> HTTPResponse:
        granularity_s = _whole(request, "granularity")
        if granularity_s is None:
            granularity_s = GRANULARITIES_S[0]
        if granularity_s not in GRANULARITIES_S:
            raise ApiUsageError("Unsupported granularity")
        start, end = _moment(request, "start"), _moment(request, "end")
        span = None
        if start is not None and end is not None:
            first = -(-start // (granularity_s * SECOND)) * granularity_s
            last = end // (granularity_s * SECOND) * granularity_s
            if (last - first) // granularity_s >= CANDLES_MAX:
                raise ApiUsageError(
                    "granularity too small for the requested time range. "
                    f"Count of aggregations requested exceeds {CANDLES_MAX}"
                )
            span = first, last
        known = self._known(product_id)
        return _answer(await self._venue.candles(known, granularity_s, span, self._clock()))

    def _known(self, product_id: str) -> str:
        if product_id not in self._venue.product_ids:
            raise UnknownName("NotFound")
        return product_id


def _answer(body: object, headers: dict[str, str] | None = None, status: int = 200) -> HTTPResponse:
    return HTTPResponse(encode(body), status, headers, "application/json; charset=utf-8")


def _refuse(request: Request, error: XWrapError | SanicException) -> HTTPResponse:
    if isinstance(error, XWrapError):
        return _answer({"message": error.message}, status=error.http_status)
    message = "NotFound" if isinstance(error, NotFound) else str(error)
    return _answer({"message": message}, status=error.status_code)


def _whole(request: Request, name: str) -> int | None:
    text = request.args.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise ApiUsageError(f"Invalid {name}")
    return int(text)


def _moment(request: Request, name: str) -> UtcNs | None:
    """Read ISO 8601 text or Unix seconds."""
    text = request.args.get(name)
    if text is None:
        return None
    if text.isascii() and text.isdigit() and len(text) <= 11:
        return UtcNs(int(text) * SECOND)
    try:
        return from_iso(text)
    except ApiUsageError:
        raise ApiUsageError(f"Invalid {name}") from None
