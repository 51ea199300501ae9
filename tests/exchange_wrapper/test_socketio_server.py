import asyncio
import importlib.util
import logging
import socket
import unittest
from typing import Any

import httpx
import socketio

from exchange_wrapper.socketio_server import SocketIoServer
from exchange_wrapper.wsock_server import listen
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
