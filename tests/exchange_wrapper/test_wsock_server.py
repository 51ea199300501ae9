import asyncio
import json
import logging
import socket
import unittest
from collections.abc import Awaitable

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from exchange_wrapper.errors import Unavailable
from exchange_wrapper.wsock_server import WebSocketServer, listen
from tests.exchange_wrapper.fake_exchange import until

BLOCK = 1 << 16


class AServer(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        logging.disable(logging.CRITICAL)  # a client that is cut off is logged
        self.addCleanup(logging.disable, logging.NOTSET)
        self.gate = asyncio.Event()
        self.gone: list[int] = []
        self.server = WebSocketServer(self.handle)
        self.server.add_on_disconnect_hook(self.gone.append)
        sock = listen("127.0.0.1", 0)
        self.url = f"ws://127.0.0.1:{sock.getsockname()[1]}"
        await self.server.start(sock)
        self.addAsyncCleanup(self.server.shutdown)

    def handle(
        self, connection_id: int, message: str | bytes
    ) -> bytes | Awaitable[bytes | None] | None:
        if message == "wait":
            return self.wait()
        return None if message == "quiet" else f"{connection_id}:{message!s}".encode()

    async def wait(self) -> bytes:
        await self.gate.wait()
        return b"waited"

    async def client(self, **options: object) -> ClientConnection:
        connection = await connect(self.url, compression=None, proxy=None, **options)  # type: ignore[arg-type]
        self.addAsyncCleanup(connection.close)
        await connection.send("hello")  # once it is answered the server knows this client
        await connection.recv()
        return connection

    async def test_answers_each_client_by_its_own_id(self) -> None:
        first, second = await self.client(), await self.client()
        await first.send("a")
        await second.send("b")
        self.assertEqual([await first.recv(), await second.recv()], ["1:a", "2:b"])

    async def test_goes_on_while_an_answer_waits(self) -> None:
        client = await self.client()
        for message in ("wait", "quiet", "now"):
            await client.send(message)
        self.assertEqual(await client.recv(), "1:now")
        self.gate.set()
        self.assertEqual(await client.recv(), "waited")

    async def test_tells_everybody_and_counts_them(self) -> None:
        clients = [await self.client() for _ in range(3)]
        self.assertEqual(self.server.send_to_all(b"news"), 3)
        self.assertEqual([await client.recv() for client in clients], ["news"] * 3)
        self.server.send_to(99, b"nobody")

    async def test_sends_messages_of_every_length(self) -> None:
        client = await self.client(max_size=None)
        for length in (0, 1, 125, 126, 65_535, 65_536, 100_000):
            with self.subTest(length=length):
                text = "é" * (length // 2) + "." * (length % 2)
                self.server.send_to_all(text.encode())
                self.assertEqual(await client.recv(), text)

    async def test_sends_what_was_said_before_it_stops(self) -> None:
        client = await self.client()
        for message in (b"first", b"second"):
            self.server.send_to_all(message)
        await self.server.shutdown()
        self.assertEqual([message async for message in client], ["first", "second"])

    async def test_says_who_has_gone(self) -> None:
        client = await self.client()
        await client.close()
        await until(lambda: self.gone)
        self.assertEqual(self.gone, [1])
        self.assertEqual(self.server.send_to_all(b"news"), 0)

    async def test_refuses_a_page_from_elsewhere(self) -> None:
        for origin, welcome in (
            ("http://localhost:8200", True),
            ("http://127.0.0.1", True),
            ("https://evil.example", False),
            ("http://localhost.evil.example", False),
        ):
            with self.subTest(origin):
                if welcome:
                    await (await connect(self.url, origin=origin, proxy=None)).close()  # type: ignore[arg-type]
                else:
                    with self.assertRaises(InvalidStatus):
                        await connect(self.url, origin=origin, proxy=None)  # type: ignore[arg-type]

    async def test_refuses_a_message_that_is_too_long(self) -> None:
        client = await self.client()
        await client.send("x" * (1 << 20) + "x")
        with self.assertRaises(ConnectionClosed):
            await client.recv()

    async def test_keeps_the_newest_ticker_and_every_order_for_a_slow_reader(self) -> None:
        # The reader takes nothing until all is sent; the socket's buffers fill up first.
        client = await self.client(max_queue=1, max_size=None)
        client.transport.pause_reading()
        padding = "x" * BLOCK
        for number in range(300):
            self.server.send_to(1, json.dumps(["ticker", number, padding]).encode(), "BTC_USD")
            self.server.send_to(1, json.dumps(["order", number, padding]).encode())
        client.transport.resume_reading()
        tickers, orders = [], []
        while len(orders) < 300 or tickers[-1] != 299:
            kind, number, _ = json.loads(await client.recv())
            (tickers if kind == "ticker" else orders).append(number)
        self.assertEqual(orders, list(range(300)))
        self.assertEqual(tickers, sorted(tickers))
        self.assertLess(len(tickers), 300)

    async def test_cuts_off_a_client_that_never_reads_and_nobody_else(self) -> None:
        slow, quick = (
            await self.client(max_queue=1, max_size=None),
            await self.client(max_queue=None),
        )
        slow.transport.pause_reading()
        received = 0
        for number in range(1000):
            self.server.send_to_all(b"%06d" % number + b"x" * BLOCK)
            received += len(await quick.recv()) > BLOCK
            if self.server.cut_off:
                break
        self.assertEqual((received, self.server.cut_off), (number + 1, 1))
        slow.transport.resume_reading()  # it still gets what was under way, and then the reason
        with self.assertRaises(ConnectionClosed) as caught:
            while True:
                await slow.recv()
        frame = caught.exception.rcvd
        assert frame is not None
        self.assertEqual(frame.code, 1008)
        self.assertRegex(frame.reason, "too slow: 32 MiB")
        await until(lambda: self.gone == [1])

    async def test_keeps_no_more_than_its_bound_for_a_client_and_nothing_for_the_others(
        self,
    ) -> None:
        stuck = await self.client(max_queue=1, max_size=None)
        others = [await self.client(max_queue=None) for _ in range(5)]
        stuck.transport.pause_reading()
        most, sent = 0, 0
        while not self.server.cut_off:
            self.server.send_to_all(b"%06d" % sent + b"x" * BLOCK)
            most = max(most, self.server.queued_bytes[0])
            for other in others:
                self.assertEqual(int((await other.recv())[:6]), sent)
            self.assertEqual(self.server.queued_bytes[1:], [0] * 5)
            sent += 1
        self.assertGreater(sent, 400)
        self.assertTrue(31 << 20 < most <= 32 << 20, most)
        self.assertEqual(self.server.queued_bytes[0], 0)
        stuck.transport.abort()

    async def test_makes_what_a_slow_reader_gets_when_it_is_due(self) -> None:
        client = await self.client(max_queue=1, max_size=None)
        client.transport.pause_reading()
        sent: list[int] = []
        for number in range(200):
            sent.append(number)
            update = json.dumps(["update", number, "x" * BLOCK]).encode()
            self.server.send_to(
                1, update, "BTC_USD", lambda: json.dumps(["newest", sent[-1], ""]).encode()
            )
        client.transport.resume_reading()
        kinds = []
        while not kinds or kinds[-1] != "newest":
            kind, number, _ = json.loads(await client.recv())
            kinds.append(kind)
        self.assertEqual((number, set(kinds[:-1])), (199, {"update"}))
        self.assertLess(len(kinds), 200)


class Listening(unittest.TestCase):
    def test_on_an_address_in_use_is_one_clear_error(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with self.assertRaisesRegex(Unavailable, f"127.0.0.1:{port}: Address already in use"):
                listen("127.0.0.1", port)

    def test_on_an_unknown_host_is_one_clear_error(self) -> None:
        self.assertRaises(Unavailable, listen, "no.such.host.invalid", 0)
