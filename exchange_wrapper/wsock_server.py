"""Websocket server that tracks its clients and never waits for a slow one."""

import asyncio
import itertools
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Container, Hashable, Iterable, Sequence
from http import HTTPStatus
from typing import Final

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.typing import Subprotocol

from exchange_wrapper.errors import ApiUsageError, Unavailable, XWrapError
from exchange_wrapper.users.rpc_guard import pick_subprotocol
from serving.hosts import Hosts
from serving.registry import Caller
from serving.roles import LOCAL_ADMIN, Identity

__all__ = ["WebSocketServer", "listen"]

_log = logging.getLogger("xwrap.wsock")

MessageHandler = Callable[[int, str | bytes], bytes | Awaitable[bytes | None] | None]
ConnectionHook = Callable[[int], None]
Message = bytes | Callable[[], bytes]
Admit = Callable[[str, Iterable[tuple[str, str]], str], Awaitable[Identity]]

_MESSAGE_MAX: Final = 1 << 20  # of one request, in bytes
_WRITE_THROUGH_MAX: Final = 256 << 10  # bytes in the transport's buffer before we queue ourselves
_QUEUE_MAX: Final = 32 << 20  # bytes queued for one client: a few of the largest answers
_CLOSE_TIMEOUT_S: Final = 5.0  # for a client to take its close frame
_REASON_MAX: Final = 120  # bytes in a close frame
_UNANSWERED_MAX: Final = 1000  # requests of one client under way before we stop reading more


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket.

    Raises
    ------
    Unavailable
        The address can't be bound; the message says why.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        raise Unavailable(f"can't listen on {host}:{port}: {reason}") from error


class _Connection(ServerConnection):
    """A connection that knows whose it is."""

    identity = LOCAL_ADMIN


class _Client:
    """One connection and what waits to be sent to it."""

    def __init__(self, connection: _Connection) -> None:
        self.connection = connection
        self.queued_bytes = 0
        self.is_cut_off = False
        self._frames: list[bytes] = []  # of this turn of the loop
        self._frame_bytes = 0
        self._queue: dict[Hashable, Message] = {}
        self._serial = itertools.count()
        self._worker: asyncio.Task[None] | None = None

    def send(
        self,
        message: bytes,
        frame: bytes,
        replaces: Hashable = None,
        newest: Message | None = None,
    ) -> bool:
        """Send now, or queue; return False if this was too much and the client is cut off."""
        if self.is_cut_off:
            return True
        if self._worker is None:
            unsent = self.connection.transport.get_write_buffer_size() + self._frame_bytes
            if unsent <= _WRITE_THROUGH_MAX:
                if not self._frames:
                    asyncio.get_running_loop().call_soon(self._write)
                self._frames.append(frame)
                self._frame_bytes += len(frame)
                return True
            self._write()
            self._worker = asyncio.create_task(self._flush())
        if replaces is None:
            key: Hashable = next(self._serial)
        else:
            key = replaces
            self._take(key)
        self._queue[key] = waiting = message if newest is None else newest
        self.queued_bytes += _length(waiting)
        if self.queued_bytes > _QUEUE_MAX:
            self._cut_off()
            return False
        return True

    def close(self) -> None:
        if self._worker is not None:
            self._worker.cancel()

    def _write(self) -> None:
        """Write what was sent in this turn of the loop, in one piece."""
        if self._frames and self.connection.state is State.OPEN:
            self.connection.transport.write(b"".join(self._frames))
        self._frames.clear()
        self._frame_bytes = 0

    def _take(self, key: Hashable) -> Message:
        message = self._queue.pop(key, b"")
        self.queued_bytes -= _length(message)
        return message

    async def _flush(self) -> None:
        try:
            while self._queue:
                message = self._take(next(iter(self._queue)))
                await self.connection.send(
                    message if isinstance(message, bytes) else message(), text=True
                )
        except ConnectionClosed:
            self._queue.clear()
        finally:
            if not self.is_cut_off:
                self._worker = None

    def _cut_off(self) -> None:
        reason = f"too slow: {self.queued_bytes >> 20} MiB of messages waited"
        address = address_to_str(self.connection.remote_address)
        _log.warning("client %s is cut off, %s", address, reason)
        self.is_cut_off = True
        self._queue.clear()
        self.queued_bytes = 0
        self.close()
        # The frame waits behind what the transport already has; a client that does not even take
        # that is aborted when the time is up.
        self._worker = asyncio.create_task(self._say_goodbye(reason))

    async def _say_goodbye(self, reason: str) -> None:
        await self.connection.close(CloseCode.POLICY_VIOLATION, reason)


def _length(message: Message) -> int:
    return len(message) if isinstance(message, bytes) else 0  # else it is made when it is sent


class WebSocketServer:
    """Serve one message handler to many clients.

    Parameters
    ----------
    message_handler : callable
        Gets the connection's id and a message; returns the answer, None, or an awaitable of these.
    hosts : Hosts, optional
        The names that browsers may use for us; those of loopback by default.
    admit : callable, optional
        Gets path, headers and address of who wants to connect, and tells who that is, or raises;
        without it everybody is an administrator.

    Attributes
    ----------
    cut_off : int
        Clients that were disconnected because they did not read.
    """

    def __init__(
        self,
        message_handler: MessageHandler,
        hosts: Hosts | None = None,
        admit: Admit | None = None,
    ) -> None:
        self.cut_off = 0
        self._admit = admit
        self._handle = message_handler
        self._origin = (hosts or Hosts()).origin
        self._clients: dict[int, _Client] = {}
        self._ids = itertools.count(1)
        self._connected: list[ConnectionHook] = []
        self._disconnected: list[ConnectionHook] = []
        self._server: Server | None = None

    def add_on_connect_hook(self, callback: ConnectionHook) -> None:
        """Have ``callback(connection_id)`` called for each new client."""
        self._connected.append(callback)

    def add_on_disconnect_hook(self, callback: ConnectionHook) -> None:
        """Have ``callback(connection_id)`` called when a client has gone."""
        self._disconnected.append(callback)

    @property
    def connection_ids(self) -> list[int]:
        """The clients that are connected now."""
        return list(self._clients)

    @property
    def queued_bytes(self) -> list[int]:
        """What waits for each client, in bytes, beyond what its transport has."""
        return [client.queued_bytes for client in self._clients.values()]

    @property
    def identities(self) -> dict[int, Identity]:
        """Who is behind each connection."""
        return {key: client.connection.identity for key, client in self._clients.items()}

    def caller(self, connection_id: int | None) -> Caller:
        """Return who calls by a connection; nobody if it has ended."""
        client = self._clients.get(connection_id or 0)
        if client is None:
            return Caller(connection_id, None)
        return Caller(connection_id, client.connection.identity, _host(client.connection))

    def admit_as(self, connection_id: int, identity: Identity) -> None:
        """Note what the owner of a connection is now."""
        if connection_id in self._clients:
            self._clients[connection_id].connection.identity = identity

    async def dismiss(self, connection_id: int, reason: str) -> None:
        """Close a connection whose owner is no longer welcome."""
        if connection_id in self._clients:
            connection = self._clients[connection_id].connection
            await connection.close(CloseCode.POLICY_VIOLATION, reason[:_REASON_MAX])

    async def start(self, sock: socket.socket) -> None:
        """Accept clients on a listening socket."""
        self._server = await serve(
            self._serve_client,
            sock=sock,
            origins=(None, self._origin),
            process_request=self._check,  # type: ignore[arg-type]  # of our own class
            select_subprotocol=_select_subprotocol,
            create_connection=_Connection,
            close_timeout=_CLOSE_TIMEOUT_S,
            compression=None,
            max_size=_MESSAGE_MAX,
            logger=logging.getLogger("xwrap.websockets"),
        )

    async def shutdown(self) -> None:
        """Close all connections and stop."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def send_to(
        self,
        connection_id: int,
        message: bytes,
        replaces: Hashable = None,
        newest: Callable[[], bytes] | None = None,
    ) -> None:
        """Send to one client, if it is still there; never waits.

        Parameters
        ----------
        message : bytes
            UTF-8 text.
        replaces : hashable, optional
            A message with the same key that still waits is dropped: a slow reader gets the newest
            ticker. Messages without a key are never dropped; past a bound the client is cut off,
            with the reason in the close frame.
        newest : callable, optional
            If the message has to wait, this makes what is sent instead when it is due.
        """
        client = self._clients.get(connection_id)
        if client is not None:
            self._send(client, message, _frame(message), replaces, newest)

    def send_to_all(self, message: bytes, but: Container[int] = ()) -> int:
        """Send to every client, some excepted, and return how many it went to."""
        clients = [client for key, client in self._clients.items() if key not in but]
        frame = _frame(message)
        for client in clients:
            self._send(client, message, frame)
        return len(clients)

    def _send(
        self,
        client: _Client,
        message: bytes,
        frame: bytes,
        replaces: Hashable = None,
        newest: Message | None = None,
    ) -> None:
        if not client.send(message, frame, replaces, newest):
            self.cut_off += 1

    async def _check(self, connection: _Connection, request: Request) -> Response | None:
        if self._admit is None:
            return None
        try:
            connection.identity = await self._admit(
                request.path, request.headers.raw_items(), _host(connection)
            )
        except (XWrapError, ValueError) as error:
            refusal = error if isinstance(error, XWrapError) else ApiUsageError("an invalid URL")
            return connection.respond(HTTPStatus(refusal.http_status), f"{refusal.message}\n")
        return None

    async def _serve_client(self, served: ServerConnection) -> None:
        assert isinstance(served, _Connection)
        connection = served
        connection_id = next(self._ids)
        client = self._clients[connection_id] = _Client(connection)
        under_way: set[asyncio.Task[None]] = set()
        for hook in self._connected:
            hook(connection_id)
        try:
            async for message in connection:
                answer = self._handle(connection_id, message)
                if isinstance(answer, bytes):
                    self._send(client, answer, _frame(answer))
                elif answer is not None:
                    task = asyncio.create_task(self._answer_later(client, answer))
                    under_way.add(task)
                    task.add_done_callback(under_way.discard)
                    if len(under_way) >= _UNANSWERED_MAX:
                        await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
        except ConnectionClosed:
            pass  # without a closing handshake: a client that was killed
        finally:
            del self._clients[connection_id]
            client.close()
            for hook in self._disconnected:
                hook(connection_id)
            # What a client asked for is carried out although nobody hears the answer any more.
            if under_way:
                await asyncio.wait(under_way)

    async def _answer_later(self, client: _Client, answer: Awaitable[bytes | None]) -> None:
        message = await answer
        if message is not None:
            self._send(client, message, _frame(message))


def _frame(message: bytes) -> bytes:
    """Return a message as one final text frame of RFC 6455, the same to every client."""
    size = len(message)
    if size < 126:
        return b"\x81" + size.to_bytes(1, "big") + message
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2, "big") + message
    return b"\x81\x7f" + size.to_bytes(8, "big") + message


def _host(connection: ServerConnection) -> str:
    return str((connection.remote_address or ("",))[0])


def _select_subprotocol(
    connection: ServerConnection, offered: Sequence[Subprotocol]
) -> Subprotocol | None:
    picked = pick_subprotocol(offered)
    return None if picked is None else Subprotocol(picked)


def address_to_str(address: tuple[object, ...] | None) -> str:
    """Return ``host:port`` of a socket address."""
    return "unknown" if not address else ":".join(str(part) for part in address[:2])
