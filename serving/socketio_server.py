"""Notifications as Socket.IO events, for browsers: the event's name is the notification's.

Events are broadcast in their order. A client for which too many wait is disconnected; a page that
comes back asks ``/notifications`` for what it has missed.

A page subscribes to market data by the events ``subscribe`` and ``unsubscribe`` with the arguments
of the API's methods, and is told by their acknowledgement: what the method returns, or
``{"error": …}`` as JSON-RPC has it. One that is slow gets the newest book and ticker.
"""

import asyncio
import itertools
import logging
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from functools import partial
from typing import Any, Final, Literal

import socketio
from sanic import Request, Sanic
from socketio.exceptions import ConnectionRefusedError

from exchange_wrapper.errors import ApiUsageError, XWrapError
from serving.registry import Caller
from serving.roles import LOCAL_ADMIN, Identity
from serving.wire import decode, encode, error_to_wire

__all__ = ["SocketIoServer"]

_log = logging.getLogger("serving.socketio")

Admit = Callable[[object, Iterable[tuple[str, str]], str], Awaitable[Identity]]

_ADMITTED: Final = "admitted"  # the room of those we know
_QUEUE_MAX: Final = 1000  # packets
_MESSAGE_MAX: Final = 1 << 16  # bytes: a client has little to say
_PROMPT_MAX: Final = 50  # packets that wait for a client before its books wait here
_LOOK_AGAIN_S: Final = 0.05

Params = Mapping[str, Any]
Newest = Callable[[], Params]
Call = Callable[[str, Params, Caller], Awaitable[Any]]


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
        self._outbox: deque[tuple[str, Params, str]] = deque()  # event, data, room
        self._pump: asyncio.Task[None] | None = None
        self._numbers = itertools.count(-1, -1)
        self._sids: dict[int, str] = {}
        self._ids: dict[str, int] = {}
        self._waiting: dict[str, dict[Hashable, tuple[str, Newest]]] = defaultdict(dict)
        self._drain: asyncio.Task[None] | None = None
        self._forget: Callable[[int], None] | None = None
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
        self._post(event, params, _ADMITTED)

    def answer(self, call: Call, forget: Callable[[int], None]) -> None:
        """Let clients subscribe to market data.

        Parameters
        ----------
        call : callable
            Calls the API's method of a name; the connection's id is negative.
        forget : callable
            Gets the id of a connection that has ended.
        """
        self._forget = forget
        for method in ("subscribe", "unsubscribe"):
            self.sio.on(method, partial(self._answer, call, method))

    def send_market(
        self,
        connection_id: int,
        event: str,
        params: Params,
        replaces: Hashable = None,
        newest: Newest | None = None,
    ) -> None:
        """Send to one client; never waits for it.

        Parameters
        ----------
        replaces : hashable, optional
            While much waits for the client, only the last event with this key does.
        newest : callable, optional
            If the event has to wait, this makes what is sent instead when it is due.
        """
        sid = self._sids.get(connection_id)
        if sid is None:
            return
        if replaces is None or not (replaces in self._waiting[sid] or self._is_slow(sid)):
            self._post(event, params, sid)
            return
        self._waiting[sid][replaces] = event, newest or (lambda: params)
        if self._drain is None:
            self._drain = asyncio.create_task(self._send_waiting(), name="socket.io books")

    async def shutdown(self) -> None:
        """Disconnect everybody and stop."""
        for task in (self._pump, self._drain):
            if task is not None:
                task.cancel()
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
        connection_id = next(self._numbers)
        self._ids[sid], self._sids[connection_id] = connection_id, sid
        # Only now: whoever is not known yet hears nothing.
        await self.sio.enter_room(sid, _ADMITTED)

    async def _disconnected(self, sid: str, *_: object) -> None:
        self.identities.pop(sid, None)
        self._waiting.pop(sid, None)
        connection_id = self._ids.pop(sid, None)
        if connection_id is not None:
            del self._sids[connection_id]
            if self._forget is not None:
                self._forget(connection_id)

    async def _answer(self, call: Call, method: str, sid: str, given: object = None) -> Any:
        caller = Caller(self._ids.get(sid), self.identities.get(sid, LOCAL_ADMIN))
        try:
            if not isinstance(given, dict):
                raise ApiUsageError(f"{method} needs its arguments by name, in an object")
            return await call(method, given, caller)
        except XWrapError as error:
            return {"error": error_to_wire(error)}

    def _post(self, event: str, params: Params, room: str) -> None:
        self._outbox.append((event, params, room))
        if self._pump is None:
            self._pump = asyncio.create_task(self._send(), name="socket.io events")

    def _is_slow(self, sid: str) -> bool:
        client = self.sio.eio.sockets.get(self.sio.manager.eio_sid_from_sid(sid, "/"))
        return client is not None and client.queue.qsize() + len(self._outbox) > _PROMPT_MAX

    async def _send_waiting(self) -> None:
        try:
            while any(self._waiting.values()):
                await asyncio.sleep(_LOOK_AGAIN_S)
                for sid, waiting in list(self._waiting.items()):
                    while waiting and not self._is_slow(sid):
                        event, newest = waiting.pop(next(iter(waiting)))
                        self._post(event, newest(), sid)
        finally:
            self._drain = None

    async def _send(self) -> None:
        try:
            while self._outbox:
                event, params, room = self._outbox.popleft()
                await self.sio.emit(event, params, room=room)
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
