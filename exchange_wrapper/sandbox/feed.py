"""The venue's websocket feed: who hears what, and how fast a reader must be."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import msgspec
from websockets.asyncio.server import ServerConnection, broadcast
from websockets.exceptions import ConnectionClosed

from exchange_wrapper.sandbox import protocol
from exchange_wrapper.sandbox.faults import Faults
from exchange_wrapper.sandbox.keys import WS_VERIFY_PATH, Profile, Proof, Unauthorized
from exchange_wrapper.sandbox.protocol import CHANNELS, ORDER_CHANNELS, PRIVATE_CHANNELS, Message
from exchange_wrapper.sandbox.venue import Stream, StreamBroken, Subscription, Venue
from exchange_wrapper.times import SECOND, UtcNs

__all__ = ["BUFFER_MAX_BYTES", "SUBSCRIBE_WITHIN_S", "Feed"]

SUBSCRIBE_WITHIN_S: Final = 5.0
"""A connection that has not subscribed by then is cut."""

BUFFER_MAX_BYTES: Final = 4 * 1024 * 1024
"""A reader of a shared stream who lets more than this wait is cut."""

_POLICY: Final = 1008  # close code for a reader that broke the rules
_YIELD_EVERY: Final = 64  # messages between two chances for other tasks


class _Channel(msgspec.Struct):
    name: str
    product_ids: list[str] = []


class _Command(msgspec.Struct):
    type: str
    product_ids: list[str] = []
    channels: list[str | _Channel] = []
    key: str = ""
    signature: str = ""
    passphrase: str = ""
    timestamp: str | int | float = ""

    def named(self) -> Iterator[tuple[str, list[str]]]:
        """Yield each channel with its own products and those named for all."""
        for channel in self.channels:
            if isinstance(channel, str):
                yield channel, self.product_ids
            else:
                yield channel.name, [*self.product_ids, *channel.product_ids]


class _Refused(Exception):
    """A command that the venue answers with an error."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.data = protocol.error(message, reason)


class _Reader:
    """One connection and what it hears."""

    def __init__(self, connection: ServerConnection) -> None:
        self.connection = connection
        self.channels: dict[str, dict[str, None]] = {}
        self.profile: Profile | None = None

    def wants(self, channel: str, product_id: str) -> bool:
        return product_id in self.channels.get(channel, ())

    def hears(self, message: Message) -> bool:
        mine = self.profile.profile_id if self.profile and message.profile_id else ""
        return self.wants(message.channel, message.product_id) and message.profile_id == mine

    def cut_if_slow(self, buffer_max_bytes: int) -> None:
        transport = self.connection.transport
        if transport.get_write_buffer_size() > buffer_max_bytes:
            transport.abort()


class _Audience:
    """The readers of one stream."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.readers: set[_Reader] = set()
        self.changed = asyncio.Event()

    def wants(self, channel: str, product_id: str) -> bool:
        return any(reader.wants(channel, product_id) for reader in self.readers)

    async def due(self, clock: Callable[[], UtcNs]) -> None:
        """Wait until the stream has something to say, or someone has subscribed."""
        now = clock()
        wait_s = (self.stream.next_due(now) - now) / SECOND
        if wait_s > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self.changed.wait()
        self.changed.clear()


class Feed:
    """Serves a venue's streams to websocket connections.

    Parameters
    ----------
    venue : Venue
        Where the streams come from.
    clock : callable
        Tells the time, in nanoseconds since 1970.
    subscribe_within_s, buffer_max_bytes : float, int
        Limits of a connection.
    faults : Faults, optional
        What goes wrong on purpose.
    """

    def __init__(
        self,
        venue: Venue,
        clock: Callable[[], UtcNs],
        *,
        faults: Faults | None = None,
        subscribe_within_s: float = SUBSCRIBE_WITHIN_S,
        buffer_max_bytes: int = BUFFER_MAX_BYTES,
    ) -> None:
        self._venue = venue
        self._clock = clock
        self._subscribe_within_s = subscribe_within_s
        self._buffer_max_bytes = buffer_max_bytes
        self._faults = faults
        self._shared: _Audience | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Drive the stream that all connections share, if the venue has one."""
        if not self._venue.shared:
            yield
            return
        self._shared = _Audience(self._venue.stream(self._clock()))
        if self._venue.trading is not None:
            self._venue.trading.wake = self._shared.changed.set
        if self._faults is not None:
            self._faults.disconnect_all = self._disconnect_all
        async with _beside(self._broadcast(self._shared)):
            yield

    async def handle(self, connection: ServerConnection) -> None:
        """Serve one connection until it ends."""
        reader = _Reader(connection)
        with suppress(ConnectionClosed):
            try:
                async with asyncio.timeout(self._subscribe_within_s):
                    first = await connection.recv()
            except TimeoutError:
                await connection.close(_POLICY, "no subscription in time")
                return
            try:
                await self._serve(reader, first)
            except _Refused as refused:
                await connection.send(refused.data, text=True)
                await connection.close(_POLICY)

    async def _serve(self, reader: _Reader, first: str | bytes) -> None:
        if self._shared is not None:
            try:
                await self._listen(reader, self._shared, first)
            finally:
                self._shared.readers.discard(reader)
            return
        audience = _Audience(self._venue.stream(self._clock()))
        async with _beside(self._play(audience, reader.connection)):
            await self._listen(reader, audience, first)

    async def _listen(self, reader: _Reader, audience: _Audience, first: str | bytes) -> None:
        await self._obey(reader, audience, first)
        async for text in reader.connection:
            await self._obey(reader, audience, text)

    async def _obey(self, reader: _Reader, audience: _Audience, text: str | bytes) -> None:
        try:
            command = msgspec.json.decode(text, type=_Command)
        except msgspec.DecodeError as error:
            raise _Refused("Failed to parse message", str(error)) from None
        if command.type == "unsubscribe":
            self._unsubscribe(reader, command)
            broadcast([reader.connection], protocol.subscriptions(reader.channels), text=True)
            return
        if command.type != "subscribe":
            raise _Refused("Type has to be either subscribe or unsubscribe", command.type)
        self._authenticate(reader, command)
        asked = self._asked(command, reader.profile)
        await self._venue.prepare(asked, self._clock())
        # No await from here on: the stream's next turn continues what is sent first.
        added = [key for key in asked if not reader.wants(*key)]
        for channel, product_id in added:
            reader.channels.setdefault(channel, {})[product_id] = None
        audience.readers.add(reader)
        broadcast([reader.connection], protocol.subscriptions(reader.channels), text=True)
        for data in audience.stream.subscribe(added, self._clock()):
            broadcast([reader.connection], data, text=True)
        audience.changed.set()

    def _authenticate(self, reader: _Reader, command: _Command) -> None:
        """Take note of who signed the subscription; one without signature changes nothing."""
        if not (command.key or command.signature):
            return
        proof = Proof(command.key, command.signature, str(command.timestamp), command.passphrase)
        try:
            profile = self._venue.keyring.check(proof, "GET", WS_VERIFY_PATH, "", self._clock())
        except Unauthorized as error:
            raise _Refused("Authentication Failed", error.message) from None
        if "view" not in profile.permissions:
            raise _Refused("Authentication Failed", "the key lacks the permission view")
        reader.profile = profile

    def _asked(self, command: _Command, profile: Profile | None) -> list[Subscription]:
        asked: dict[Subscription, None] = {}
        for name, product_ids in command.named():
            if name in (*PRIVATE_CHANNELS, *ORDER_CHANNELS) and profile is None:
                raise _Refused("Failed to subscribe", f"{name} channel requires authentication")
            if name in ORDER_CHANNELS:
                raise _Refused("Failed to subscribe", f"{name} is not offered: no single orders")
            if name not in (*CHANNELS, *PRIVATE_CHANNELS):
                raise _Refused("Failed to subscribe", f"{name} is not a valid channel")
            if name == "status":
                asked[name, ""] = None
                continue
            if not product_ids:
                raise _Refused("Failed to subscribe", f"No products provided for {name}")
            for product_id in product_ids:
                if product_id not in self._venue.product_ids:
                    raise _Refused("Failed to subscribe", f"{product_id} is not a valid product")
                asked[name, product_id] = None
        if not asked:
            raise _Refused("Failed to subscribe", "No channels provided")
        return list(asked)

    def _unsubscribe(self, reader: _Reader, command: _Command) -> None:
        """Take products off channels; a channel named without products goes as a whole."""
        for name, product_ids in command.named():
            heard = reader.channels.get(name, {})
            for product_id in product_ids or list(heard):
                heard.pop(product_id, None)
            if not heard:
                reader.channels.pop(name, None)

    async def _broadcast(self, audience: _Audience) -> None:
        """Tell a shared stream; waits for no reader."""
        while True:
            await audience.due(self._clock)
            try:
                for message in audience.stream.advance(self._clock(), audience.wants):
                    if self._faults is not None and self._faults.swallows(message):
                        continue
                    hearing = [r.connection for r in audience.readers if r.hears(message)]
                    broadcast(hearing, message.data, text=True)
            except StreamBroken:
                audience.stream = self._venue.stream(self._clock())
                self._disconnect_all()
            for reader in audience.readers:
                reader.cut_if_slow(self._buffer_max_bytes)
            await asyncio.sleep(0)

    def _disconnect_all(self) -> None:
        if self._shared is not None:
            for reader in self._shared.readers:
                reader.connection.transport.abort()

    async def _play(self, audience: _Audience, connection: ServerConnection) -> None:
        """Tell a stream to its only reader, as fast as it takes it."""
        sent = 0
        while True:
            await audience.due(self._clock)
            for message in audience.stream.advance(self._clock(), audience.wants):
                await connection.send(message.data, text=True)
                sent += 1
                if not sent % _YIELD_EVERY:
                    await asyncio.sleep(0)
            await asyncio.sleep(0)


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run endless work beside the block; if it fails, the block is left with its error."""
    block = asyncio.current_task()
    assert block is not None
    over = False

    def leave(_: asyncio.Task[None]) -> None:
        if not over:
            block.cancel()

    task = asyncio.create_task(work)
    task.add_done_callback(leave)
    try:
        yield
    finally:
        over = True
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
