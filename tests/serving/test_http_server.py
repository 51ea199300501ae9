import asyncio
import logging
import re
import unittest
from decimal import Decimal
from typing import Any

import httpx
import socketio

from exchange_wrapper.errors import NoData, StorageUnavailable, UnknownName
from exchange_wrapper.service.about import ABOUT
from exchange_wrapper.wsock_server import listen
from serving.hosts import Hosts
from serving.http_server import HttpServer
from serving.registry import Api, Page, Role, api_method
from tests.exchange_wrapper.fake_exchange import until

ERRORS = {"unknown": UnknownName, "nodata": NoData, "away": StorageUnavailable, "bug": KeyError}


class Service:
    @api_method(Role.VIEWER, get="/{exchange}/pricing")
    async def get_pricing(self, *, exchange: str, depth: int = 1) -> dict[str, Any]:
        """Return prices."""
        if exchange in ERRORS:
            raise ERRORS[exchange]("internal detail" if exchange == "bug" else "sorry")
        return {"exchange": exchange, "depth": depth}

    @api_method(Role.VIEWER, get="/wallets/{set_id}")
    def get_wallet_set(self, *, set_id: int) -> int:
        """Return a set."""
        return set_id

    @api_method(Role.VIEWER, get="/wallets/total")
    def get_total(self) -> str:
        """Return the total."""
        return "total"

    @api_method(Role.TRADER, post="/things/new")
    def make(self, *, name: str, amount: Decimal) -> list[str]:
        """Make a thing."""
        return [name, str(amount)]

    @api_method(Role.TRADER, put="/things/{name}/stop")
    def stop(self, *, name: str, hard: bool = False) -> object:
        """Stop a thing."""
        return [name, hard]

    @api_method(Role.VIEWER, get="/things/{name}/page")
    def get_page(self, *, name: str) -> Page:
        """Return a page."""
        return Page(f"<p>{name}".encode())

    @api_method(Role.VIEWER)
    def hidden(self) -> None:
        """Not on HTTP."""


class AServer(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        logging.disable(logging.CRITICAL)  # a bug in a method is logged
        self.addCleanup(logging.disable, logging.NOTSET)
        self.server = HttpServer(Api(Service(), about=ABOUT))

    async def start(self) -> httpx.AsyncClient:
        sock = listen("127.0.0.1", 0)
        await self.server.start(sock)
        self.addAsyncCleanup(self.server.shutdown)
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        client = httpx.AsyncClient(base_url=url, trust_env=False)
        self.addAsyncCleanup(client.aclose)
        return client

    async def test_answers_routes_with_arguments_of_path_and_query(self) -> None:
        client = await self.start()
        for path, expected in (
            ("/xwrap/v1/gdax/pricing", {"exchange": "gdax", "depth": 1}),
            ("/xwrap/v1/gdax/pricing?depth=5", {"exchange": "gdax", "depth": 5}),
            ("/xwrap/v1/%C3%A9%20%2F/pricing", {"exchange": "é /", "depth": 1}),
            ("/xwrap/v1/wallets/3", 3),
            ("/xwrap/v1/wallets/total", "total"),
        ):
            with self.subTest(path):
                answer = await client.get(path)
                self.assertEqual((answer.status_code, answer.json()), (200, expected))
                self.assertEqual(answer.headers["content-type"], "application/json")

    async def test_answers_every_error_as_json_with_its_status(self) -> None:
        client = await self.start()
        for path, status, code in (
            ("/xwrap/v1/gdax/pricing?depth=x", 400, -32001),
            ("/xwrap/v1/gdax/pricing?colour=1", 400, -32001),
            ("/xwrap/v1/gdax/pricing?depth=1&depth=2", 400, -32001),
            ("/xwrap/v1/gdax/pricing?exchange=other", 400, -32001),
            ("/xwrap/v1/wallets/three", 400, -32001),
            ("/xwrap/v1/unknown/pricing", 404, -32001),
            ("/xwrap/v1/nodata/pricing", 404, -32000),
            ("/xwrap/v1/away/pricing", 503, -32002),
            ("/xwrap/v1/bug/pricing", 500, -32002),
            ("/xwrap/v1/hidden", 404, -32601),
            ("/", 404, -32601),
        ):
            with self.subTest(path):
                answer = await client.get(path)
                self.assertEqual((answer.status_code, answer.json()["code"]), (status, code))
                self.assertIsInstance(answer.json()["error"], str)
                self.assertNotIn("internal detail", answer.text)
        answer = await client.post("/xwrap/v1/wallets/3")
        self.assertEqual((answer.status_code, answer.headers["allow"]), (405, "GET"))
        self.assertIn("error", answer.json())

    async def test_takes_json_bodies_and_nothing_else(self) -> None:
        client = await self.start()
        path = "/xwrap/v1/things/new"
        good = b'{"name": "a", "amount": "0.10"}'
        for body, kind, status in (
            (good, "application/json", 200),
            (good, "application/json; charset=utf-8", 200),
            (b'{"name": "a", "amount": 0.10}', "application/json", 200),
            (good, "text/plain", 415),
            (good, "application/x-www-form-urlencoded", 415),
            (b"[1]", "application/json", 400),
            (b"{", "application/json", 400),
            (b"[" * 100_000, "application/json", 400),
            (b"", "application/json", 400),
            (b'{"name": "a"}', "application/json", 400),
            (b'{"name": "a", "amount": "1", "amount": "2"}', "application/json", 400),
            (b'{"name": "a", "amount": NaN}', "application/json", 400),
            (b'{"name": 1, "amount": "1"}', "application/json", 400),
            (b" " * ((1 << 20) + 1), "application/json", 413),
        ):
            with self.subTest(body[:40], kind=kind):
                headers = {"content-type": kind}
                answer = await client.post(path, content=body, headers=headers)
                self.assertEqual(answer.status_code, status)
                if status == 200:
                    self.assertEqual(answer.json(), ["a", "0.10"])
                else:
                    self.assertIsInstance(answer.json()["error"], str)
        answer = await client.post(f"{path}?name=b", json={"name": "a", "amount": "1"})
        self.assertEqual(answer.status_code, 400)
        answer = await client.get(path)
        self.assertEqual((answer.status_code, answer.headers["allow"]), (405, "POST"))

    async def test_a_put_may_say_nothing(self) -> None:
        client = await self.start()
        path = "/xwrap/v1/things/a/stop"
        for more, status in (
            ({}, 200),
            ({"json": {"hard": True}}, 200),
            ({"content": b"x"}, 415),
            ({"json": {"soft": True}}, 400),
        ):
            with self.subTest(more):
                self.assertEqual((await client.put(path, **more)).status_code, status)

    async def test_a_page_is_kept_from_everything_else(self) -> None:
        client = await self.start()
        answer = await client.get("/xwrap/v1/things/a/page")
        self.assertEqual(
            (answer.text, answer.headers["content-type"]), ("<p>a", "text/html; charset=utf-8")
        )
        policy = answer.headers["content-security-policy"]
        self.assertTrue(policy.startswith("sandbox allow-scripts"))
        self.assertNotIn("allow-same-origin", policy)
        self.assertEqual(answer.headers["x-content-type-options"], "nosniff")
        document = (await client.get("/openapi.json")).json()["paths"]
        content = document["/xwrap/v1/things/{name}/page"]["get"]["responses"]["200"]["content"]
        self.assertEqual(list(content), ["text/html"])

    async def test_refuses_other_names_and_pages_from_elsewhere(self) -> None:
        self.server = HttpServer(
            Api(Service(), about=ABOUT), Hosts(["cryptick.example", "0.0.0.0"])
        )
        client = await self.start()
        for headers, status in (
            ({}, 200),
            ({"host": "localhost:4242"}, 200),
            ({"host": "[::1]"}, 200),
            ({"host": "cryptick.example"}, 200),
            ({"host": "rebound.example"}, 403),
            ({"host": "0.0.0.0:4242"}, 403),
            ({"host": "localhost.evil.example"}, 403),
            ({"origin": "http://127.0.0.1:8200"}, 200),
            ({"origin": "https://cryptick.example"}, 200),
            ({"origin": "https://evil.example"}, 403),
            ({"origin": "null"}, 403),
        ):
            for path in ("/xwrap/v1/wallets/total", "/docs"):
                with self.subTest(headers, path=path):
                    answer = await client.get(path, headers=headers)
                    self.assertEqual(answer.status_code, status)
                    self.assertEqual(answer.headers["x-content-type-options"], "nosniff")

    async def test_describes_itself_for_people_and_programs(self) -> None:
        client = await self.start()
        document = (await client.get("/openapi.json")).json()
        self.assertIn("/xwrap/v1/things/new", document["paths"])
        page = await client.get("/docs")
        for path in re.findall(r'(?:src|href)="(/[^"]*)"', page.text):
            with self.subTest(path):
                self.assertEqual((await client.get(path)).status_code, 200)
        self.assertNotIn("//", re.sub(r"<!--.*?-->", "", page.text))

    async def test_lists_its_routes(self) -> None:
        client = await self.start()
        listed = (await client.get("/uri_map")).json()
        self.assertEqual(
            {route["name"]: route["doc"] for route in listed}["get_total"], "Return the total."
        )
        self.assertEqual(len(listed), 6)

    async def test_several_run_in_one_process_and_leave_nothing_running(self) -> None:
        before = asyncio.all_tasks()
        for _ in range(2):
            other = HttpServer(Api(Service(), about=ABOUT))
            await other.start(listen("127.0.0.1", 0))
            await other.shutdown()
        client = await self.start()
        self.assertEqual((await client.get("/xwrap/v1/wallets/1")).json(), 1)
        await client.aclose()
        await self.server.shutdown()
        await until(lambda: asyncio.all_tasks() == before)

    async def test_carries_socket_io_on_the_same_port(self) -> None:
        sio = socketio.AsyncServer(async_mode="sanic", cors_allowed_origins=[])
        sio.attach(self.server.app)
        client = await self.start()
        for transport in ("websocket", "polling"):
            with self.subTest(transport):
                page = socketio.AsyncClient()
                heard: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
                page.on("order", heard.set_result)
                await page.connect(str(client.base_url), transports=[transport])
                await sio.emit("order", {"id": 1})
                self.assertEqual(await asyncio.wait_for(heard, 5), {"id": 1})
                await page.eio.disconnect(abort=True)
        await sio.shutdown()
