"""Websocket server that tracks its clients and never waits for a slow one."""

import asyncio
import itertools
import logging
import os
import re
import socket
from collections.abc import Awaitable, Callable, Hashable
from typing import Final

from websockets.asyncio.server import Server, ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed

from exchange_wrapper.errors import Unavailable

__all__ = ["WebSocketServer", "listen"]

_log = logging.getLogger("xwrap.wsock")

MessageHandler = Callable[[int, str | bytes], bytes | Awaitable[bytes | None] | None]
ConnectionHook = Callable[[int], None]

_MESSAGE_MAX: Final = 1 << 20  # of one request, in bytes
_WRITE_THROUGH_MAX: Final = 256 << 10  # bytes in the transport's buffer before we queue ourselves
_QUEUE_MAX: Final = 32 << 20  # bytes queued for one client: a few of the largest answers
_UNANSWERED_MAX: Final = 1000  # requests of one client under way before we stop reading more

# A page from elsewhere must not reach us through a browser on this machine.
_ORIGINS: Final = (None, re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?"))


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


class _Client:
    """One connection and what waits to be sent to it."""

    def __init__(self, connection: ServerConnection) -> None:
        self.connection = connection
        self._queue: dict[Hashable, bytes] = {}
        self._queued_bytes = 0
        self._serial = itertools.count()
        self._flusher: asyncio.Task[None] | None = None

    def send(self, message: bytes, replaces: Hashable = None) -> None:
        """Send now, or queue; with ``replaces`` only the newest of that key stays queued."""
        if self._flusher is None:
            transport = self.connection.transport
            if transport.get_write_buffer_size() <= _WRITE_THROUGH_MAX:
                broadcast((self.connection,), message, text=True)
                return
            self._flusher = asyncio.create_task(self._flush())
        if replaces is None:
            key: Hashable = next(self._serial)
        else:
            key = replaces
            self._queued_bytes -= len(self._queue.pop(key, b""))
        self._queue[key] = message
        self._queued_bytes += len(message)
        if self._queued_bytes > _QUEUE_MAX:
            _log.warning(
                "client %s does not read: %d bytes waited, connection aborted",
                address_to_str(self.connection.remote_address),
                self._queued_bytes,
            )
            self.connection.transport.abort()

    def close(self) -> None:
        if self._flusher is not None:
            self._flusher.cancel()

    async def _flush(self) -> None:
        try:
            while self._queue:
                message = self._queue.pop(next(iter(self._queue)))
                self._queued_bytes -= len(message)
                await self.connection.send(message, text=True)
        except ConnectionClosed:
            self._queue.clear()
        finally:
            self._flusher = None


class WebSocketServer:
    """Serve one message handler to many clients.

    Parameters
    ----------
    message_handler : callable
        Gets the connection's id and a message; returns the answer, None, or an awaitable of these.
    """

    def __init__(self, message_handler: MessageHandler) -> None:
        self._handle = message_handler
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

    async def start(self, sock: socket.socket) -> None:
        """Accept clients on a listening socket."""
        self._server = await serve(
            self._serve_client,
            sock=sock,
            origins=_ORIGINS,
            compression=None,
            max_size=_MESSAGE_MAX,
            logger=logging.getLogger("xwrap.websockets"),
        )

    async def shutdown(self) -> None:
        """Close all connections and stop."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def send_to(self, connection_id: int, message: bytes, replaces: Hashable = None) -> None:
        """Send to one client, if it is still there; never waits.

        Parameters
        ----------
        message : bytes
            UTF-8 text.
        replaces : hashable, optional
            A message with the same key that still waits is dropped: a slow reader gets the newest
            ticker. Messages without a key are never dropped; past a bound the client is cut off.
        """
        client = self._clients.get(connection_id)
        if client is not None:
            client.send(message, replaces)

    def send_to_all(self, message: bytes) -> int:
        """Send to every client and return how many there are."""
        for client in self._clients.values():
            client.send(message)
        return len(self._clients)

    async def _serve_client(self, connection: ServerConnection) -> None:
        connection_id = next(self._ids)
        client = self._clients[connection_id] = _Client(connection)
        under_way: set[asyncio.Task[None]] = set()
        for hook in self._connected:
            hook(connection_id)
        try:
            async for message in connection:
                answer = self._handle(connection_id, message)
                if isinstance(answer, bytes):
                    client.send(answer)
                elif answer is not None:
                    task = asyncio.create_task(_answer_later(client, answer))
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


async def _answer_later(client: _Client, answer: Awaitable[bytes | None]) -> None:
    message = await answer
    if message is not None:
        client.send(message)


def address_to_str(address: tuple[object, ...] | None) -> str:
    """Return ``host:port`` of a socket address."""
    return "unknown" if not address else ":".join(str(part) for part in address[:2])
