"""Notifications as Socket.IO events, for browsers: the event's name is the notification's.

Events are broadcast in their order. A client for which too many wait is disconnected; a page that
comes back asks ``/notifications`` for what it has missed.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from typing import Any, Final, Literal

import socketio
from sanic import Sanic

from exchange_wrapper.wire import decode, encode

__all__ = ["SocketIoServer"]

_log = logging.getLogger("xwrap.socketio")

_QUEUE_MAX: Final = 1000  # packets
_MESSAGE_MAX: Final = 1 << 16  # bytes: a client has nothing to say


class _Json:
    """Our JSON in the shape that python-socketio asks for."""

    @staticmethod
    def dumps(value: Any, **_: Any) -> str:
        return encode(value).decode()

    @staticmethod
    def loads(text: str | bytes, **_: Any) -> Any:
        return decode(text)


class SocketIoServer:
    """Broadcast to all clients.

    Parameters
    ----------
    async_mode : {"sanic", "asgi"}
        What carries it.

    Attributes
    ----------
    sio : socketio.AsyncServer
    cut_off : int
        Clients that were disconnected because they did not read.
    """

    def __init__(self, async_mode: Literal["sanic", "asgi"] = "sanic") -> None:
        self.cut_off = 0
        self.sio = socketio.AsyncServer(
            async_mode=async_mode,
            cors_allowed_origins=[],  # origins are checked for all requests, by the HTTP server
            json=_Json,
            max_http_buffer_size=_MESSAGE_MAX,
        )
        self._outbox: deque[tuple[str, Mapping[str, Any]]] = deque()
        self._pump: asyncio.Task[None] | None = None

    def attach(self, app: "Sanic[Any, Any]") -> None:
        """Answer on an application's port, under ``/socket.io``."""
        self.sio.attach(app)

    @property
    def queued_packets(self) -> list[int]:
        """What waits for each client."""
        return [client.queue.qsize() for client in self.sio.eio.sockets.values()]

    def publish(self, event: str, params: Mapping[str, Any]) -> None:
        """Send to all clients; never waits for one."""
        if not self.sio.eio.sockets:
            return
        self._outbox.append((event, params))
        if self._pump is None:
            self._pump = asyncio.create_task(self._send(), name="socket.io events")

    async def shutdown(self) -> None:
        """Disconnect everybody and stop."""
        if self._pump is not None:
            self._pump.cancel()
        await self.sio.shutdown()

    async def _send(self) -> None:
        try:
            while self._outbox:
                event, params = self._outbox.popleft()
                await self.sio.emit(event, params)
                await self._cut_off_slow_ones()
        finally:
            self._pump = None

    async def _cut_off_slow_ones(self) -> None:
        for sid, client in list(self.sio.eio.sockets.items()):
            if client.queue.qsize() > _QUEUE_MAX:
                self.cut_off += 1
                _log.warning("a Socket.IO client is cut off: %d events waited", _QUEUE_MAX)
                await client.close(wait=False, abort=True)
                self.sio.eio.sockets.pop(sid, None)
