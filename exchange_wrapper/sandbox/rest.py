"""The venue's public REST interface; the private one is in ``private_rest``."""

import itertools
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final

from sanic import HTTPResponse, Request, Sanic
from sanic.exceptions import SanicException

from exchange_wrapper.errors import ApiUsageError, UnknownName, XWrapError
from exchange_wrapper.sandbox.answers import answer, moment, refuse, whole
from exchange_wrapper.sandbox.faults import Faults, FaultsRest
from exchange_wrapper.sandbox.limits import Limits
from exchange_wrapper.sandbox.private_rest import PrivateRest
from exchange_wrapper.sandbox.protocol import CANDLES_MAX, GRANULARITIES_S, TRADES_MAX
from exchange_wrapper.sandbox.venue import Venue
from exchange_wrapper.times import SECOND, UtcNs, to_iso

__all__ = ["serve_rest"]

_TRADES_DEFAULT: Final = 100
_numbers: Final = itertools.count(1)  # Sanic wants a name of its own for each application


@asynccontextmanager
async def serve_rest(
    venue: Venue,
    listener: socket.socket,
    clock: Callable[[], UtcNs],
    limits: Limits | None,
    faults: Faults | None,
) -> AsyncIterator[None]:
    """Answer REST requests on ``listener`` within the block."""
    app: Sanic[Any, Any] = Sanic(f"sandbox-{next(_numbers)}", configure_logging=False)
    app.config.TOUCHUP = False  # it rewrites Sanic's own classes, which works once a process
    told = clock if faults is None else faults.skewed(clock)
    _Rest(venue, clock, told, limits).add_to(app)
    PrivateRest(venue, clock, told, limits).add_to(app)
    app.exception(XWrapError)(refuse)
    app.exception(SanicException)(refuse)
    if faults is not None:
        FaultsRest(faults).add_to(app)
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

    def __init__(
        self,
        venue: Venue,
        clock: Callable[[], UtcNs],
        told_clock: Callable[[], UtcNs],
        limits: Limits | None,
    ) -> None:
        self._venue = venue
        self._clock = clock
        self._told_clock = told_clock
        self._limits = limits

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
            app.add_route(self._counted(handler), path, methods=["GET"], name=handler.__name__)

    async def time(self, request: Request) -> HTTPResponse:
        now = self._told_clock()
        return answer({"iso": to_iso(now), "epoch": now / SECOND})

    async def currencies(self, request: Request) -> HTTPResponse:
        return answer(self._venue.currencies)

    async def products(self, request: Request) -> HTTPResponse:
        return answer(self._venue.products)

    async def product(self, request: Request, product_id: str) -> HTTPResponse:
        known = self._known(product_id)
        return answer(self._venue.products[self._venue.product_ids.index(known)])

    async def book(self, request: Request, product_id: str) -> HTTPResponse:
        level = request.args.get("level", "1")
        if level not in ("1", "2"):
            raise ApiUsageError("Invalid level")
        book = self._venue.book(self._known(product_id), self._clock())
        count = 1 if level == "1" else None
        return answer(
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
        return answer(await self._venue.ticker(self._known(product_id), self._clock()))

    async def stats(self, request: Request, product_id: str) -> HTTPResponse:
        return answer(await self._venue.stats(self._known(product_id), self._clock()))

    async def trades(self, request: Request, product_id: str) -> HTTPResponse:
        limit = whole(request, "limit")
        page = self._venue.trades(
            self._known(product_id),
            min(max(1, _TRADES_DEFAULT if limit is None else limit), TRADES_MAX),
            whole(request, "before"),
            whole(request, "after"),
            self._clock(),
        )
        headers = {}
        if page:  # cursors towards newer and older pages
            headers["CB-BEFORE"] = str(page[0]["trade_id"])
            headers["CB-AFTER"] = str(page[-1]["trade_id"])
        return answer(page, headers)

    async def candles(self, request: Request, product_id: str) -> HTTPResponse:
        granularity_s = whole(request, "granularity")
        if granularity_s is None:
            granularity_s = GRANULARITIES_S[0]
        if granularity_s not in GRANULARITIES_S:
            raise ApiUsageError("Unsupported granularity")
        start, end = moment(request, "start"), moment(request, "end")
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
        return answer(await self._venue.candles(known, granularity_s, span, self._clock()))

    def _counted(
        self, handler: Callable[..., Coroutine[Any, Any, HTTPResponse]]
    ) -> Callable[..., Coroutine[Any, Any, HTTPResponse]]:
        async def counted(request: Request, **names: str) -> HTTPResponse:
            if self._limits is not None:
                self._limits.public(request.ip, self._clock())
            return await handler(request, **names)

        return counted

    def _known(self, product_id: str) -> str:
        if product_id not in self._venue.product_ids:
            raise UnknownName("NotFound")
        return product_id
