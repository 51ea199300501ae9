"""Notifications as Socket.IO events, for browsers: the event's name is the notification's.

Events are broadcast in their order. A client for which too many wait is disconnected; a page that
comes back asks ``/notifications`` for what it has missed.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, Literal

import socketio
from sanic import Request, Sanic
from socketio.exceptions import ConnectionRefusedError

from exchange_wrapper.errors import XWrapError
from exchange_wrapper.users.roles import Identity
from exchange_wrapper.wire import decode, encode

__all__ = ["SocketIoServer"]

_log = logging.getLogger("xwrap.socketio")

Admit = Callable[[object, Iterable[tuple[str, str]], str], Awaitable[Identity]]

_ADMITTED: Final = "admitted"  # the room of those we know
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
    admit : callable, optional
        Gets the token of the ``auth`` payload, headers and address of who wants to connect, and
        tells who that is, or raises; without it everybody is welcome. For "sanic" only.

    Attributes
    ----------
    sio : socketio.AsyncServer
    cut_off : int
        Clients that were disconnected because they did not read.
    identities : dict of str to Identity
        Who is behind each connection, where ``admit`` tells.
    """

    def __init__(
        self, async_mode: Literal["sanic", "asgi"] = "sanic", admit: Admit | None = None
    ) -> None:
        self.cut_off = 0
        self.identities: dict[str, Identity] = {}
        self._admit = admit
        self.sio = socketio.AsyncServer(
            async_mode=async_mode,
            cors_allowed_origins=[],  # origins are checked for all requests, by the HTTP server
            json=_Json,
            max_http_buffer_size=_MESSAGE_MAX,
        )
        self._outbox: deque[tuple[str, Mapping[str, Any]]] = deque()
        self._pump: asyncio.Task[None] | None = None
        self.sio.on("connect", self._connected)
        self.sio.on("disconnect", self._disconnected)

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

    def admit_as(self, sid: str, identity: Identity) -> None:
        """Note what the owner of a connection is now."""
        if sid in self.identities:
            self.identities[sid] = identity

    async def dismiss(self, sid: str, reason: str) -> None:
        """Close a connection whose owner is no longer welcome."""
        _log.info("a Socket.IO client is dismissed: %s", reason)
        await self.sio.disconnect(sid)

    async def _connected(self, sid: str, environ: Mapping[str, Any], auth: object = None) -> None:
        if self._admit is not None:
            request: Request = environ["sanic.request"]
            token = auth.get("token") if isinstance(auth, dict) else auth
            try:
                identity = await self._admit(token, request.headers.items(), request.ip)
            except XWrapError as error:
                raise ConnectionRefusedError(error.message) from None
            self.identities[sid] = identity
        # Only now: whoever is not known yet hears nothing.
        await self.sio.enter_room(sid, _ADMITTED)

    async def _disconnected(self, sid: str, *_: object) -> None:
        self.identities.pop(sid, None)

    async def _send(self) -> None:
        try:
            while self._outbox:
                event, params = self._outbox.popleft()
                await self.sio.emit(event, params, room=_ADMITTED)
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
