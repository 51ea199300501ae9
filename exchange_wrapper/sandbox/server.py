"""Both servers of a venue as one block, for the command line and for tests."""

import os
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from websockets.asyncio.server import serve as serve_websocket

from exchange_wrapper.errors import ApiUsageError, Unavailable
from exchange_wrapper.sandbox.faults import Faults
from exchange_wrapper.sandbox.feed import BUFFER_MAX_BYTES, SUBSCRIBE_WITHIN_S, Feed
from exchange_wrapper.sandbox.limits import Limits
from exchange_wrapper.sandbox.rest import serve_rest
from exchange_wrapper.sandbox.venue import Venue
from exchange_wrapper.times import UtcNs

__all__ = ["REST_PORT", "WS_PORT", "Addresses", "serve"]

REST_PORT: Final = 4280
WS_PORT: Final = 4281

_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
_COMMAND_MAX_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a venue is served."""

    rest_url: str
    ws_url: str


def _clock() -> UtcNs:
    return UtcNs(time.time_ns())


@asynccontextmanager
async def serve(
    venue: Venue,
    *,
    host: str = "127.0.0.1",
    rest_port: int = 0,
    ws_port: int = 0,
    clock: Callable[[], UtcNs] = _clock,
    subscribe_within_s: float = SUBSCRIBE_WITHIN_S,
    buffer_max_bytes: int = BUFFER_MAX_BYTES,
    limits: Limits | None = None,
    faults: Faults | None = None,
) -> AsyncIterator[Addresses]:
    """Serve a venue within the block.

    Parameters
    ----------
    venue : Venue
        A ``Simulation`` or a ``Replay``.
    host : str
        Address to bind; loopback unless told otherwise.
    rest_port, ws_port : int
        Ports to bind; 0 takes a free one.
    clock : callable
        Tells the time, in nanoseconds since 1970.
    subscribe_within_s, buffer_max_bytes : float, int
        Limits of a websocket connection.
    limits : Limits, optional
        Counts REST requests; without it there may be any number.
    faults : Faults, optional
        Makes things go wrong on purpose, steered by requests to ``/sandbox/faults``.

    Raises
    ------
    ApiUsageError
        Faults are asked for on an address that others can reach.
    Unavailable
        A port can't be bound.
    """
    if faults is not None and host not in _LOOPBACK:
        raise ApiUsageError(f"faults are for loopback only, not for {host}", field="faults")
    feed = Feed(
        venue,
        clock,
        subscribe_within_s=subscribe_within_s,
        buffer_max_bytes=buffer_max_bytes,
        faults=faults,
    )
    with _listener(host, rest_port) as rest_socket, _listener(host, ws_port) as ws_socket:
        async with (
            serve_rest(venue, rest_socket, clock, limits, faults),
            feed.running(),
            serve_websocket(
                feed.handle, sock=ws_socket, compression=None, max_size=_COMMAND_MAX_BYTES
            ),
        ):
            yield Addresses(f"http://{_authority(rest_socket)}", f"ws://{_authority(ws_socket)}")


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise Unavailable(
            f"port {port} on {host} can't be bound ({os.strerror(error.errno or 0)}): "
            "stop what uses it or choose another port",
            port=port,
        ) from None


def _authority(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
