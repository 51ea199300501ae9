"""What goes wrong on purpose, so that a client's answer to it can be tested.

A fault is armed by ``POST /sandbox/faults`` and hits the next requests or feed messages that it
fits; ``DELETE`` disarms all. The route exists only where it is asked for, and only on loopback.

=================== ==============================================================================
``drop``            the connection is cut; the request is not carried out
``lose_answer``     the request is carried out, then the connection is cut without an answer
``delay``           the request waits for ``seconds`` before it is carried out
``rate_limit``      answered with 429, not carried out
``server_error``    answered with ``status``, not carried out
``garbage``         answered with 200 and a page that is not JSON, not carried out
``feed_gap``        feed messages are left out
``feed_disconnect`` all feed connections are cut at once
``clock_skew``      the venue's clock, as told and as signatures are checked, is off by ``seconds``
=================== ==============================================================================
"""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec
from sanic import HTTPResponse, Request, Sanic
from sanic.response import BaseHTTPResponse

from exchange_wrapper.errors import ApiUsageError
from exchange_wrapper.sandbox.answers import answer
from exchange_wrapper.sandbox.protocol import Message
from exchange_wrapper.times import SECOND, UtcNs

__all__ = ["Fault", "Faults", "FaultsRest"]

_ROUTE = "/sandbox/faults"


class Fault(msgspec.Struct, forbid_unknown_fields=True):
    """One thing that goes wrong.

    Attributes
    ----------
    kind : str
        What happens.
    count : int
        How many requests or messages it hits.
    method, path : str
        Which requests: their method, if named, and how their path begins.
    channel, product_id : str
        Which feed messages, if named.
    seconds : float
        Of ``delay`` and ``clock_skew``.
    status : int
        Of ``server_error``.
    """

    kind: Literal[
        "drop",
        "lose_answer",
        "delay",
        "rate_limit",
        "server_error",
        "garbage",
        "feed_gap",
        "feed_disconnect",
        "clock_skew",
    ]
    count: Annotated[int, msgspec.Meta(ge=1)] = 1
    method: str = ""
    path: str = "/"
    channel: str = ""
    product_id: str = ""
    seconds: Annotated[float, msgspec.Meta(ge=-86_400, le=86_400)] = 0.0
    status: Annotated[int, msgspec.Meta(ge=500, le=599)] = 503


class Faults:
    """The faults that are armed.

    Attributes
    ----------
    disconnect_all : callable
        Cuts the feed's connections.
    """

    def __init__(self) -> None:
        self.armed: list[Fault] = []
        self.disconnect_all: Callable[[], None] = lambda: None
        self._skew = 0

    def arm(self, fault: Fault) -> None:
        """Let something go wrong from now on."""
        if fault.kind == "feed_disconnect":
            self.disconnect_all()
        elif fault.kind == "clock_skew":
            self._skew = round(fault.seconds * SECOND)
        else:
            self.armed.append(fault)

    def clear(self) -> None:
        """Let all go right again."""
        self.armed.clear()
        self._skew = 0

    def skewed(self, clock: Callable[[], UtcNs]) -> Callable[[], UtcNs]:
        """Return the clock as the venue tells it."""
        return lambda: UtcNs(clock() + self._skew)

    def hits(self, method: str, path: str) -> Fault | None:
        """Return what goes wrong with a request; it is used up by that."""
        for fault in self.armed:
            if (
                fault.kind != "feed_gap"
                and fault.method in ("", method)
                and path.startswith(fault.path)
            ):
                return self._used(fault)
        return None

    def swallows(self, message: Message) -> bool:
        """Return whether a feed message is left out."""
        for fault in self.armed:
            if (
                fault.kind == "feed_gap"
                and fault.channel in ("", message.channel)
                and fault.product_id in ("", message.product_id)
            ):
                self._used(fault)
                return True
        return False

    def _used(self, fault: Fault) -> Fault:
        fault.count -= 1
        if not fault.count:
            self.armed.remove(fault)
        return fault


class FaultsRest:
    """Steers the faults by REST, and lets them hit the other requests."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def add_to(self, app: Sanic[Any, Any]) -> None:
        """Register handlers and middleware."""
        app.add_route(self.armed, _ROUTE, methods=["GET"], name="faults")
        app.add_route(self.arm, _ROUTE, methods=["POST"], name="arm_fault")
        app.add_route(self.clear, _ROUTE, methods=["DELETE"], name="clear_faults")
        app.register_middleware(self.before, "request")
        app.register_middleware(self.after, "response")

    async def armed(self, request: Request) -> HTTPResponse:
        """Tell what is armed."""
        return answer(self._faults.armed)

    async def arm(self, request: Request) -> HTTPResponse:
        """Arm the fault in the body."""
        try:
            fault = msgspec.json.decode(request.body, type=Fault)
        except msgspec.DecodeError as error:
            raise ApiUsageError(str(error)) from None
        self._faults.arm(fault)
        return answer(self._faults.armed)

    async def clear(self, request: Request) -> HTTPResponse:
        """Disarm all."""
        self._faults.clear()
        return answer(self._faults.armed)

    async def before(self, request: Request) -> HTTPResponse | None:
        """Do what goes wrong before a request is carried out."""
        if request.path == _ROUTE:
            return None
        fault = self._faults.hits(request.method, request.path)
        if fault is None:
            return None
        request.ctx.cut = fault.kind in ("drop", "lose_answer")
        if fault.kind == "delay":
            await asyncio.sleep(fault.seconds)
        elif fault.kind == "drop":
            return HTTPResponse()
        elif fault.kind == "rate_limit":
            scope = "Private" if "cb-access-key" in request.headers else "Public"
            return answer({"message": f"{scope} rate limit exceeded"}, status=429)
        elif fault.kind == "server_error":
            return answer({"message": "Internal server error"}, status=fault.status)
        elif fault.kind == "garbage":
            return HTTPResponse("<html>teapot", content_type="text/html")
        return None

    async def after(self, request: Request, response: BaseHTTPResponse) -> None:
        """Cut the connection in place of the answer."""
        if getattr(request.ctx, "cut", False):
            transport: Any = request.transport
            transport.abort()
