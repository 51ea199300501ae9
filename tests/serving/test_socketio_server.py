import asyncio
import importlib.util
import logging
import socket
import unittest
from typing import Any

import httpx
import socketio

from exchange_wrapper.wsock_server import listen
from serving.registry import Caller
from serving.socketio_server import SocketIoServer
from tests.exchange_wrapper.fake_exchange import until

if importlib.util.find_spec("uvicorn"):
    import uvicorn


class ASlowClient(unittest.IsolatedAsyncioTestCase):
    """One that polls, and then polls no more."""

    async def asyncSetUp(self) -> None:
        logging.disable(logging.CRITICAL)
        self.addCleanup(logging.disable, logging.NOTSET)
        self.server = SocketIoServer("asgi")
        transport = httpx.ASGITransport(socketio.ASGIApp(self.server.sio))
        self.web = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")
        self.addAsyncCleanup(self.web.aclose)
        self.addAsyncCleanup(self.server.shutdown)

    async def poll(self, sid: str, body: str | None = None) -> str:
        path = f"/socket.io/?EIO=4&transport=polling&sid={sid}"
        answer = await (self.web.get(path) if body is None else self.web.post(path, content=body))
        return answer.text

    async def join(self) -> str:
        opened = await self.web.get("/socket.io/?EIO=4&transport=polling")
        sid: str = httpx.Response(200, text=opened.text[1:]).json()["sid"]
        await self.poll(sid, "40")
        await self.poll(sid)
        return sid

    async def test_is_cut_off_when_too_much_waits_and_nobody_else_is(self) -> None:
        await self.join()
        quick = await self.join()
        received = 0
        for number in range(1100):
            self.server.publish("order", {"id": number})
            if number % 100 == 99:
                received += (await self.poll(quick)).count('"order"')
        await until(lambda: self.server.cut_off)
        while received < 1100:
            received += (await self.poll(quick)).count('"order"')
        self.assertEqual((self.server.cut_off, received), (1, 1100))
        self.assertEqual(self.server.queued_packets, [0])

    async def test_gets_the_newest_book_and_no_update_without_its_base(self) -> None:
        await self.join()
        (sid,) = self.server._ids
        connection_id = self.server._ids[sid]
        states: list[int] = []

        def newest() -> dict[str, int]:
            return {"newest": states[-1]}

        for state in range(1, 201):
            states.append(state)
            self.server.send_market(connection_id, "book", {"at": state}, "BTC", newest)
            self.server.send_market(connection_id, "ticker", {"at": state}, "ticker of BTC")
            await asyncio.sleep(0)
        self.assertLess(self.server.queued_packets[0], 60)
        eio_sid = self.server.sio.manager.eio_sid_from_sid(sid, "/")
        heard = ""
        async with asyncio.timeout(30):
            while '{"newest":200}' not in heard or '["ticker",{"at":200}]' not in heard:
                heard += await self.poll(eio_sid)
        self.assertEqual(heard.count('"newest"'), 1)
        self.assertEqual(self.server.cut_off, 0)

    async def test_that_has_gone_gets_nothing_and_is_forgotten(self) -> None:
        gone: list[int] = []

        async def call(method: str, given: Any, caller: Caller) -> Any:
            return {"status": "ok"}

        self.server.answer(call, gone.append)
        await self.join()
        ((sid, connection_id),) = self.server._ids.items()
        await self.server.dismiss(sid, "enough")
        await until(lambda: gone)
        self.assertEqual(gone, [connection_id])
        self.server.send_market(connection_id, "book", {}, "BTC")
        self.assertEqual((self.server._waiting, len(self.server._outbox)), ({}, 0))


@unittest.skipUnless(importlib.util.find_spec("uvicorn"), "uvicorn is not installed")
class UnderUvicorn(unittest.IsolatedAsyncioTestCase):
    async def test_the_same_events_arrive(self) -> None:
        server = SocketIoServer("asgi")
        sock: socket.socket = listen("127.0.0.1", 0)
        config = uvicorn.Config(
            socketio.ASGIApp(server.sio), log_level="critical", timeout_graceful_shutdown=2
        )
        web = uvicorn.Server(config)
        running = asyncio.create_task(web.serve([sock]))
        self.addAsyncCleanup(server.shutdown)
        await until(lambda: web.started)
        page = socketio.AsyncClient()
        heard: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        page.on("order", heard.set_result)
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        await page.connect(url, transports=["websocket"])
        server.publish("order", {"id": 1})
        self.assertEqual(await asyncio.wait_for(heard, 5), {"id": 1})
        await page.eio.disconnect(abort=True)
        web.should_exit = True
        await running
