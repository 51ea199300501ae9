import asyncio
import json
import math
import time
import unittest
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from exchange_wrapper.errors import Unavailable
from exchange_wrapper.sandbox import Addresses, Replay, Simulation, read_capture, serve
from exchange_wrapper.times import SECOND, UtcNs, from_iso
from tests.exchange_wrapper.sandbox import RECORDED

IDS = ["BTC-USD", "XMR-USD"]


class QuickClock:
    """A time that passes 10 times faster than on the wall.

    It never jumps: a machine that stalls must not look to the sandbox as if it had slept.
    """

    def __init__(self) -> None:
        self._time = from_iso("2026-05-17T12:00:00Z")
        self._read_at = time.monotonic_ns()

    def __call__(self) -> UtcNs:
        now = time.monotonic_ns()
        self._time = UtcNs(self._time + min((now - self._read_at) * 10, SECOND))
        self._read_at = now
        return self._time


async def send(socket: ClientConnection, kind: str, channels: list[Any], ids: list[str]) -> None:
    await socket.send(json.dumps({"type": kind, "product_ids": ids, "channels": channels}))


async def receive(socket: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(60):
        return json.loads(await socket.recv())


async def update(socket: ClientConnection) -> dict[str, Any]:
    """Return the next change of a book."""
    while (message := await receive(socket))["type"] != "l2update":
        pass
    return message


class SimulatedFeed(unittest.IsolatedAsyncioTestCase):
    async def serve(self, **limits: Any) -> Addresses:
        return await self.enterAsyncContext(serve(Simulation(7), clock=QuickClock(), **limits))

    async def connect(self, at: Addresses) -> ClientConnection:
        return await self.enterAsyncContext(connect(at.ws_url, max_queue=None))

    async def test_answers_a_subscription_then_sends_its_channels(self) -> None:
        socket = await self.connect(await self.serve())
        await send(socket, "subscribe", ["level2_batch", {"name": "matches"}, "heartbeat"], IDS)
        self.assertEqual(
            await receive(socket),
            {
                "type": "subscriptions",
                "channels": [
                    {"name": name, "product_ids": IDS}
                    for name in ("level2_batch", "matches", "heartbeat")
                ],
            },
        )
        first = [(await receive(socket)) for _ in range(4)]
        self.assertEqual(
            [(message["type"], message["product_id"]) for message in first],
            [("snapshot", id) for id in IDS] + [("last_match", id) for id in IDS],
        )
        kinds = set()
        while kinds != {"l2update", "match", "heartbeat"}:
            kinds.add((await receive(socket))["type"])

    async def test_subscriptions_add_up_and_are_taken_back(self) -> None:
        socket = await self.connect(await self.serve())
        heard = []
        for kind, channels, ids in (
            ("subscribe", ["status"], []),
            ("subscribe", ["heartbeat", {"name": "ticker_batch", "product_ids": IDS[1:]}], IDS[:1]),
            ("subscribe", ["heartbeat"], IDS),
            ("unsubscribe", ["heartbeat"], IDS[:1]),
            ("unsubscribe", ["heartbeat", "status"], []),
        ):
            await send(socket, kind, channels, ids)
            while (answer := await receive(socket))["type"] != "subscriptions":
                pass
            heard.append({c["name"]: c["product_ids"] for c in answer["channels"]})
        self.assertEqual(
            heard,
            [
                {"status": [""]},
                {"status": [""], "heartbeat": IDS[:1], "ticker_batch": IDS},
                {"status": [""], "heartbeat": IDS, "ticker_batch": IDS},
                {"status": [""], "heartbeat": IDS[1:], "ticker_batch": IDS},
                {"ticker_batch": IDS},
            ],
        )

    async def test_two_readers_hear_the_same_book_updates(self) -> None:
        at = await self.serve()
        one, other = await self.connect(at), await self.connect(at)
        await send(one, "subscribe", ["level2_batch"], IDS[:1])
        await update(one)
        await send(other, "subscribe", ["level2_batch"], IDS[:1])
        first = await update(other)
        while await update(one) != first:
            pass
        for _ in range(20):
            self.assertEqual(await update(one), await update(other))

    async def test_refuses_in_the_shape_of_the_venue_and_closes(self) -> None:
        at = await self.serve()
        cases: tuple[tuple[object, str, str], ...] = (
            ("level2", "Failed to subscribe", "level2 channel requires authentication"),
            ("full", "Failed to subscribe", "full channel requires authentication"),
            ({"name": "user"}, "Failed to subscribe", "user channel requires authentication"),
            ("gossip", "Failed to subscribe", "gossip is not a valid channel"),
        )
        commands = [
            ({"type": "subscribe", "product_ids": IDS, "channels": [channel]}, message, reason)
            for channel, message, reason in cases
        ]
        commands += [
            (
                {"type": "subscribe", "product_ids": ["NO-USD"], "channels": ["matches"]},
                "Failed to subscribe",
                "NO-USD is not a valid product",
            ),
            ({"type": "subscribe"}, "Failed to subscribe", "No channels provided"),
            ({"type": "sing"}, "Type has to be either subscribe or unsubscribe", "sing"),
        ]
        for command, message, reason in commands:
            with self.subTest(command=command):
                async with connect(at.ws_url) as socket:
                    await socket.send(json.dumps(command))
                    self.assertEqual(
                        await receive(socket),
                        {"type": "error", "message": message, "reason": reason},
                    )
                    with self.assertRaises(ConnectionClosed):
                        await receive(socket)
        async with connect(at.ws_url) as socket:
            await socket.send("[what")
            self.assertEqual((await receive(socket))["message"], "Failed to parse message")

    async def test_cuts_who_does_not_subscribe_in_time(self) -> None:
        socket = await self.connect(await self.serve(subscribe_within_s=0.01))
        with self.assertRaises(ConnectionClosed):
            await receive(socket)

    async def test_cuts_a_reader_who_does_not_keep_up_and_serves_the_others(self) -> None:
        at = await self.serve(buffer_max_bytes=100_000)
        reader = await self.connect(at)
        await send(reader, "subscribe", ["heartbeat"], IDS)
        slow = await connect(at.ws_url, max_queue=1)
        self.addCleanup(slow.transport.abort)
        with self.assertRaises(ConnectionClosed):
            while True:  # each turn asks for snapshots that nobody reads
                for kind in ("subscribe", "unsubscribe"):
                    await send(slow, kind, ["level2_batch"], IDS)
                await asyncio.sleep(0)
        for _ in range(2):
            await receive(reader)

    async def test_cuts_all_readers_when_the_process_has_slept(self) -> None:
        asleep_ns = 0
        at = await self.enterAsyncContext(
            serve(Simulation(7), clock=lambda: UtcNs(time.time_ns() + asleep_ns))
        )
        socket = await self.connect(at)
        await send(socket, "subscribe", ["level2_batch"], IDS)
        await update(socket)
        asleep_ns = 3600 * 10**9
        with self.assertRaises(ConnectionClosed):
            while True:
                await receive(socket)
        again = await self.connect(at)
        await send(again, "subscribe", ["level2_batch"], IDS)
        await update(again)

    async def test_a_port_in_use_is_told(self) -> None:
        at = await self.serve()
        port = int(at.ws_url.rpartition(":")[2])
        with self.assertRaisesRegex(Unavailable, f"port {port} on 127.0.0.1"):
            async with serve(Simulation(7), ws_port=port):
                pass


@unittest.skipUnless(RECORDED.exists(), "the recorded feed is not there")
class RecordedFeed(unittest.IsolatedAsyncioTestCase):
    async def test_reaches_each_connection_whole_and_in_order(self) -> None:
        capture = read_capture(RECORDED)
        at = await self.enterAsyncContext(serve(Replay(capture, math.inf)))
        async with httpx.AsyncClient(base_url=at.rest_url) as client:
            ids = [product["id"] for product in (await client.get("/products")).json()]

        async def hear() -> list[bytes]:
            async with connect(at.ws_url, max_size=None, max_queue=None) as socket:
                await send(socket, "subscribe", ["level2_batch", "matches", "ticker"], ids)
                self.assertEqual((await receive(socket))["type"], "subscriptions")
                return [await socket.recv(decode=False) for _ in capture.messages]

        for heard in await asyncio.gather(hear(), hear()):
            self.assertEqual(heard, [entry.data for entry in capture.messages])

    async def test_stays_connected_with_heartbeats_behind_its_end(self) -> None:
        venue = Replay(read_capture(RECORDED), math.inf)
        at = await self.enterAsyncContext(serve(venue, clock=QuickClock()))
        async with connect(at.ws_url, max_size=None, max_queue=None) as socket:
            await send(socket, "subscribe", ["matches", "heartbeat"], ["SKL-USD"])
            beats: list[dict[str, Any]] = []
            while len(beats) < 2:
                message = await receive(socket)
                if message["type"] == "heartbeat":
                    beats.append(message)
            self.assertEqual(beats[-1]["last_trade_id"], 1568319)
